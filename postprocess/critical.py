"""Figures of ``livoid critical``: fates over void size, and the map of neutral sizes, from its tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from postprocess.canvas import colours_over, log_axes, plt, save

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

COLOURS = {"closes": "C3", "shrinks": "C3", "meets": "C0", "grows": "C0", "stays": "0.5", "fails": "k"}
ROWS = {"instant": "at the first instant", "evolution": "by evolution"}
"""Rows of the figure of sizes, from below, by the kind of search."""
OFFSET = {"coarse": -0.15, "fine": 0.15}
"""Place of a mesh's dots beside their row."""


def draw_sizes(folder: Path) -> Path:
    """Draw ``critical.png`` beside ``critical.csv`` and ``critical.json``; returns the picture."""
    trials = pd.read_csv(folder / "critical.csv")
    found = json.loads((folder / "critical.json").read_text(encoding="utf-8"))
    return save(sizes_figure(trials, found), folder / "critical.png")


def sizes_figure(trials: pd.DataFrame, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> plt.Figure:
    """What becomes of voids over their size.

    Args:
        trials: columns of ``critical.csv``.
        found: crossings by the kind of search, as in ``critical.json``.
    """
    figure, axes = plt.subplots(figsize=(6.4, 2.6))
    heights = {kind: height for height, kind in enumerate(ROWS)}
    y = trials["kind"].map(heights) + trials["mesh"].map(OFFSET)
    for fate in trials["fate"].unique():
        chosen = trials["fate"] == fate
        axes.plot(
            trials["half_width_um"][chosen], y[chosen], "o", color=COLOURS[fate], ms=5, ls="none", label=fate
        )
    for kind, height in heights.items():
        for crossing in found[kind]:
            low, high = height / len(ROWS), (height + 1) / len(ROWS)
            axes.axvline(crossing["half_width"], ymin=low, ymax=high, color="k", lw=0.8)
    axes.set_yticks(list(heights.values()), list(ROWS.values()))
    axes.set_ylim(-0.5, 1.5)
    log_axes(axes, "x")
    axes.set_xlabel("Half-width of the void (um); upper dots of each row: finer mesh")
    axes.legend(ncols=3, loc="upper left")
    return figure


def draw_map(folder: Path, smallest: float, largest: float) -> Path:
    """Draw ``map.png`` beside ``map.csv``: neutral half-width over pressure for each current.

    Args:
        folder: of the map.
        smallest, largest: half-widths (um) that were tried; triangles there mark pressures without a neutral
            size.
    """
    table = pd.read_csv(folder / "map.csv")
    figure, axes = plt.subplots(figsize=(6.0, 4.2))
    currents = table.groupby("current_mA_cm2")
    for (current, rows), colour in zip(currents, colours_over(len(currents)), strict=True):
        size = rows["neutral_half_width_um"]
        found = rows[size.notna()]
        label = f"{current:g} mA/cm2"
        axes.plot(found["pressure_MPa"], size.dropna(), "o-", color=colour, ms=3, label=label)
        for everywhere, edge, marker in (("grows", largest, "^"), ("shrinks", smallest, "v")):
            none = rows["pressure_MPa"][size.isna() & (rows["everywhere"] == everywhere)]
            axes.plot(none, [edge] * len(none), color=colour, marker=marker, ms=6, mfc="none", ls="none")
    axes.axhspan(largest, 1.2 * largest, color="0.9", lw=0)
    log_axes(axes)
    axes.set_xlabel("Stack pressure (MPa)")
    axes.set_ylabel("Neutral half-width (um)")
    marks = "triangles: up, every void that fits grows; down, every void shrinks"
    axes.set_title(f"{marks}; grey: too large to fit")
    axes.legend()
    return save(figure, folder / "map.png")
