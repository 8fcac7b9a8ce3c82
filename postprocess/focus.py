"""Figure of ``livoid focus``: current focusing against contact fraction, from ``focus.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from postprocess.canvas import plt, save

if TYPE_CHECKING:
    from pathlib import Path

TITLES = {"plane": "stripes", "axisymmetric": "discs", "3d": "discs, square array"}
"""Arrays of voids, by kind of cell."""
FRACTIONS = (0.08, 0.95)
"""Ends of the line 1/f, the focusing of a current that is uniform on the contact."""


def draw_focus(folder: Path) -> Path:
    """Draw ``focus.png`` beside ``focus.csv``; returns the picture."""
    table = pd.read_csv(folder / "focus.csv")
    kinds = [kind for kind in TITLES if (table["kind"] == kind).any()]
    figure, grid = plt.subplots(2, len(kinds), figsize=(3.4 * len(kinds), 6.0), squeeze=False)
    for column, kind in enumerate(kinds):
        _draw_array(grid[0, column], grid[1, column], table[table["kind"] == kind])
        grid[0, column].set_title(TITLES[kind])
    grid[0, 0].set_ylabel("Largest over applied current density")
    grid[1, 0].set_ylabel("Constriction (half-width / kappa)")
    grid[0, 0].legend(fontsize=7, frameon=False)
    return save(figure, folder / "focus.png")


def _draw_array(top: plt.Axes, bottom: plt.Axes, table: pd.DataFrame) -> None:
    """Focusing (top) and constriction (bottom) of one array, with the exact limits where they are known."""
    for k, (wagner, rows) in enumerate(table.groupby("wagner")):
        top.plot(rows["contact_fraction"], rows["peak_applied"], f"C{k}o-", ms=3, label=f"Wa {wagner:g}")
        bottom.plot(rows["contact_fraction"], rows["constriction"], f"C{k}o-", ms=3)
    fraction = np.linspace(*FRACTIONS, 100)
    top.plot(fraction, 1.0 / fraction, "k--", lw=0.8, label="1/f (Wa = inf)")
    exact = table.dropna(subset=["limit"]).sort_values("contact_fraction")
    if len(exact):
        bottom.plot(exact["contact_fraction"], exact["limit"], "k:", lw=1.0, label="exact, Wa = 0")
        bottom.plot(exact["contact_fraction"], exact["bound"], "k--", lw=0.8, label="exact, uniform i")
        bottom.legend(fontsize=7, frameon=False)
    for axes in (top, bottom):
        axes.set_yscale("log")
    bottom.set_xlabel("Contact fraction f")
