"""The figure of a comparison: a panel a quantity, measurements as points, runs as lines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postprocess.canvas import COLOURS, plt, save
from solver.case.schema.data import MEASURED

if TYPE_CHECKING:
    from pathlib import Path

    from postprocess.experiment.curves import Curve

COLUMNS = 2
PANEL = (4.6, 3.0)
"""Width and height of a panel (inches)."""
MARKERS = "osD^v<>p"
NAMES = {name: name.replace("_", " ") for name in MEASURED} | {
    "solute": "solute fraction",
    "contact": "contact fraction",
    "active": "active fraction",
    "voids": "number of voids",
}


@dataclass(frozen=True)
class Panel:
    """Curves of a quantity by the name of what they are from."""

    quantity: str
    against: str
    measured: dict[str, Curve]
    computed: dict[str, Curve]


def draw(panels: list[Panel], target: Path) -> Path:
    """Write the figure, as a picture and as a PDF; returns the picture."""
    runs = list(dict.fromkeys(name for panel in panels for name in panel.computed))
    references = list(dict.fromkeys(name for panel in panels for name in panel.measured))
    columns = min(COLUMNS, len(panels))
    count = math.ceil(len(panels) / columns)
    size = (PANEL[0] * columns, PANEL[1] * count)
    figure, axes = plt.subplots(count, columns, figsize=size, squeeze=False, layout="constrained")
    for axis, panel in zip(axes.flat, panels, strict=False):
        for name, (x, y) in panel.measured.items():
            k = references.index(name)
            axis.plot(
                x, y, "k", marker=MARKERS[k % len(MARKERS)], ls="", ms=3, mfc="none", mew=0.7, label=name
            )
        for name, (x, y) in panel.computed.items():
            axis.plot(x, y, color=COLOURS[runs.index(name) % len(COLOURS)], lw=1.4, label=name)
        axis.set_xlabel(_label(panel.against))
        axis.set_ylabel(_label(panel.quantity))
        for text in axis.legend().get_texts():
            text.set_parse_math(False)
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    return save(figure, target)


def _label(name: str) -> str:
    unit = MEASURED[name][0]
    return (NAMES[name][:1].upper() + NAMES[name][1:]) + (f" ({unit})" if unit else "")
