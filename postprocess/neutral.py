"""Figure of ``livoid neutral``: gain and loss of void area against void size, from ``neutral.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from postprocess.canvas import log_axes, plt, save

if TYPE_CHECKING:
    from pathlib import Path

ESTIMATE = {
    0.5: (4.3, 0.25),
    1.0: (4.9, 0.33),
    2.0: (5.6, 0.64),
    4.0: (5.9, 1.4),
    8.0: (5.5, 2.8),
    12.0: (4.8, 3.5),
}
"""Independent coarse estimate: half-width -> (gain, loss), stick contact, uniform current on the contact."""
HEADROOM = 1.15
"""Top of the figure over the largest gain: the loss grows without bound as the contact vanishes."""


def draw_neutral(folder: Path) -> Path:
    """Draw ``neutral.png`` beside ``neutral.csv``; returns the picture."""
    table = pd.read_csv(folder / "neutral.csv")
    figure, axes = plt.subplots(figsize=(6.4, 4.4))
    for colour, (variant, rows) in zip(("C0", "C1"), table.groupby("variant", sort=False), strict=False):
        size = rows["half_width_um"]
        axes.plot(size, rows["gain"], colour, marker="o", ms=3, label=f"{variant}: gain")
        axes.plot(size, rows["loss"], colour, marker="s", ms=3, ls="--", label=f"{variant}: loss")
    size = list(ESTIMATE)
    for k, (quantity, marker) in enumerate((("gain", "k^"), ("loss", "kv"))):
        values = [rates[k] for rates in ESTIMATE.values()]
        axes.plot(size, values, marker, ms=5, mfc="none", label=f"estimate: {quantity}")
    log_axes(axes, "x")
    axes.set_ylim(0.0, HEADROOM * table["gain"].max())
    axes.set_xlabel("Half-width of the void (um)")
    axes.set_ylabel(r"Growth of void area, half a void (um $\times\ \Omega i/F$)")
    axes.legend()
    return save(figure, folder / "neutral.png")
