"""Figures: their one style, their labels, and how they are written (matplotlib without a display).

Colours of lines are those of Okabe and Ito (2008), which people with any kind of colour vision tell apart;
colour maps are
viridis, cividis and inferno, whose lightness grows evenly. Every figure is written as a picture and, for
print, as a PDF with
text that can be searched.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from solver.output.columns import Column

__all__ = [
    "COLOURS",
    "axis_label",
    "caption",
    "colours_over",
    "log_axes",
    "plt",
    "save",
    "stretch",
    "with_pdf",
]
DPI = 130
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8A8A8A")
"""Blue, vermilion, green, purple, orange, sky blue, black (Okabe and Ito, without their yellow), and a
grey."""
VOID_COLOUR = "0.88"
"""Of the stretches of an interface over which a void stands."""
WIDE, STRETCH = 40.0, 4.0
"""Cells wider than this (um) are shown that many times as high as they are: their voids are low."""
PLACES = 4
"""Digits of a capacity or a time in a legend."""

plt.rcParams.update(
    {
        "axes.prop_cycle": cycler(color=COLOURS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.formatter.useoffset": False,
        "axes.labelsize": 9,
        "axes.titlesize": 9,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.fontsize": 7,
        "legend.title_fontsize": 7,
        "legend.frameon": False,
        "image.cmap": "viridis",
        "pdf.fonttype": 42,
        "svg.fonttype": "none",
    }
)


def axis_label(column: Column) -> str:
    """Name and unit of a quantity as an axis has them: ``Current density (mA/cm2)``."""
    return column.label[:1].upper() + column.label[1:]


def caption(capacity: float, seconds: float | None = None) -> str:
    """When something is shown: ``0.05 mAh/cm2``, with the time where it is given."""
    text = f"{capacity:.{PLACES}g} mAh/cm2"
    return text if seconds is None else f"{text}, {seconds:.{PLACES}g} s"


def colours_over(count: int) -> Sequence[tuple[float, float, float, float]]:
    """Colours for a sequence in time: dark to light, none so light that it is lost on paper."""
    return [plt.get_cmap("viridis")(0.9 * k / max(count - 1, 1)) for k in range(count)]


def log_axes(axes: Axes, which: Literal["x", "y", "both"] = "both") -> None:
    """Logarithmic axes whose numbers are written out, with 2 and 5 between the powers of ten.

    A range below a power of ten has one number or none by matplotlib's own choice.
    """
    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        if which in (name, "both"):
            axes.set(**{f"{name}scale": "log"})
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())


def shade_voids(axes: Axes, voids: Sequence[tuple[float, float]]) -> None:
    """Shade the stretches (left, right) of an interface over which voids stand."""
    for left, right in voids:
        axes.axvspan(left, right, color=VOID_COLOUR, lw=0.0, zorder=0)


def stretch(width: float) -> float:
    """By how much the heights of a cell of some width (um) are stretched where it is shown."""
    return STRETCH if width > WIDE else 1.0


def with_pdf(names: Sequence[str]) -> tuple[str, ...]:
    """Names of pictures, each followed by that of its PDF."""
    return tuple(n for name in names for n in (name, str(Path(name).with_suffix(".pdf"))))


def save(figure: plt.Figure, path: Path, dpi: int = DPI) -> Path:
    """Write a figure as a picture and, beside it, as a PDF, and forget it; returns the picture.

    Args:
        figure: to be written.
        path: picture.
        dpi: of the picture.
    """
    if figure.get_layout_engine() is None:
        figure.tight_layout()
    figure.savefig(path, dpi=dpi)
    figure.savefig(path.with_suffix(".pdf"), dpi=2 * dpi)
    plt.close(figure)
    return path
