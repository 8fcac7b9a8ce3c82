"""Figure of ``livoid focus``: current focusing against contact fraction, from ``focus.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from postprocess.canvas import colours_over, log_axes, plt, save

if TYPE_CHECKING:
    from pathlib import Path

TITLES = {"plane": "stripes", "axisymmetric": "discs", "3d": "discs, square array"}
"""Arrays of voids, by kind of cell."""
FRACTIONS = (0.08, 0.95)
"""Ends of the line 1/f, the focusing of a current that is uniform on the contact."""


def draw_focus(folder: Path) -> Path:
    """Draw ``focus.png`` beside ``focus.csv``; returns the picture."""
    return save(focus_figure(pd.read_csv(folder / "focus.csv")), folder / "focus.png")


def focus_figure(table: pd.DataFrame) -> plt.Figure:
    """Focusing and constriction over the contact fraction, a column for each array."""
    kinds = [kind for kind in TITLES if (table["kind"] == kind).any()]
    size = (3.2 * len(kinds) + 1.0, 5.6)
    figure, grid = plt.subplots(2, len(kinds), figsize=size, squeeze=False, layout="constrained")
    for column, kind in enumerate(kinds):
        _draw_array(grid[0, column], grid[1, column], table[table["kind"] == kind])
        grid[0, column].set_title(TITLES[kind])
    grid[0, 0].set_ylabel("Largest over applied current density")
    grid[1, 0].set_ylabel(r"Constriction resistance (half-width / $\kappa$)")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def _draw_array(top: plt.Axes, bottom: plt.Axes, table: pd.DataFrame) -> None:
    """Focusing (top) and constriction (bottom) of one array, with the exact limits where they are known."""
    numbers = table.groupby("wagner")
    for (wagner, rows), colour in zip(numbers, colours_over(len(numbers)), strict=True):
        style = {"color": colour, "marker": "o", "ms": 3}
        top.plot(rows["contact_fraction"], rows["peak_applied"], label=f"Wa = {wagner:g}", **style)
        bottom.plot(rows["contact_fraction"], rows["constriction"], **style)
    fraction = np.linspace(*FRACTIONS, 100)
    top.plot(fraction, 1.0 / fraction, "k--", lw=0.8, label="$1/f$ (Wa infinite)")
    exact = table.dropna(subset=["limit"]).sort_values("contact_fraction")
    if len(exact):
        bottom.plot(exact["contact_fraction"], exact["limit"], "k:", lw=1.0, label="exact, Wa = 0")
        bottom.plot(exact["contact_fraction"], exact["bound"], "k--", lw=0.8, label="exact, uniform current")
        bottom.legend()
    for axes in (top, bottom):
        log_axes(axes, "y")
        axes.set_xlim(0.0, 1.0)
    bottom.set_xlabel("Contact fraction $f$")
