"""Figure of ``livoid pressure-needed``: the pressure needed, with its distribution."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from postprocess.canvas import plt, save

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

AXES = {
    "current": ("current_mA_cm2", "current density (mA/cm2)"),
    "temperature": ("temperature_K", "temperature (K)"),
    "stiffness": ("stiffness_MPa_um", "stiffness of the fixture (MPa/um)"),
}
"""What an answer may be a function of: name in the answers, column, label."""
CELSIUS = 273.15
"""K at 0 C."""
BESIDE = 0.02
"""Share of the width of the figure by which the dots of the samples stand apart."""
ALONE = 0.2
"""Room on both sides of a single setting, over its value, or 1."""


def draw_pressure_needed(folder: Path, title: str = "") -> Path:
    """Draw ``pressure-needed.png`` beside ``pressure-needed.csv`` and ``.json``; returns the picture.

    Dots are samples; triangles those that lie beyond the pressures that were searched.
    """
    content = json.loads((folder / "pressure-needed.json").read_text(encoding="utf-8"))
    table = pd.read_csv(folder / "pressure-needed.csv")
    settings, bounds = content["settings"], content["bounds_MPa"]
    over = max(AXES, key=lambda name: len({_number(each[name]) for each in settings}))
    figure, axes = plt.subplots(figsize=(5.4, 3.8))
    others = [name for name in AXES if name != over]
    lines = list(dict.fromkeys(tuple(each[name] for name in others) for each in settings))
    for k, line in enumerate(lines):
        here = [each for each in settings if tuple(each[name] for name in others) == line]
        label = _label(dict(zip(others, line, strict=True)))
        _line(axes, f"C{k}", label, [_number(each[over]) for each in here], here, bounds)
        picked = np.ones(len(table), dtype=bool)
        for name, value in zip(others, line, strict=True):
            column = table[AXES[name][0]]
            picked &= column.isna() if value is None else np.isclose(column, value)
        _dots(axes, f"C{k}", table[picked], AXES[over][0], bounds)
    several = len({_number(each[over]) for each in settings}) > 1
    if several and min(_number(each[over]) for each in settings) > 0.0 and over != "temperature":
        axes.set_xscale("log")
    if not several:  # in the middle, clear of the legend
        value = _number(settings[0][over])
        room = ALONE * max(abs(value), 1.0)
        axes.set_xlim(value - room, value + room)
    axes.set_yscale("log")
    axes.set_xlabel(AXES[over][1])
    clamped = any(each["stiffness"] is not None for each in settings)
    axes.set_ylabel(f"{'preload' if clamped else 'stack pressure'} needed (MPa)")
    text = content["question"]["words"]
    if not (table["kind"] == "found").all():
        text += "\ntriangles: samples beyond the pressures that were tried"
    axes.set_title(f"{title}\n{text}" if title else text, fontsize=8, parse_math=False)
    axes.legend(fontsize=8, frameon=False, loc="best" if several else "upper left")
    return save(figure, folder / "pressure-needed.png")


def _number(value: Any) -> float:
    """A number of the answers: "inf" is one, nothing (the case's own stiffness) is 0."""
    return 0.0 if value is None else float(value)


def _label(setting: dict[str, float | None]) -> str:
    texts = {
        "current": lambda value: f"{value:g} mA/cm2",
        "temperature": lambda value: f"{value - CELSIUS:.4g} C",
        "stiffness": lambda value: f"{value:g} MPa/um",
    }
    return ", ".join(texts[name](value) for name, value in setting.items() if value is not None)


def _line(
    axes: Axes, colour: str, label: str, x: list[float], here: list[dict[str, Any]], bounds: dict[str, float]
) -> None:
    """Medians with their intervals, cut at the bounds."""
    shown = [_cut(each["median_MPa"], bounds) for each in here]
    ends = np.array([[_cut(end, bounds) for end in each["interval_MPa"]] for each in here]).T
    bars = np.abs(ends - np.array(shown))
    axes.errorbar(x, shown, yerr=bars, color=colour, marker="o", ms=5, lw=1.0, capsize=4, label=label)


def _dots(axes: Axes, colour: str, table: pd.DataFrame, column: str, bounds: dict[str, float]) -> None:
    """Samples beside their median; triangles beyond the bounds."""
    if table["sample"].nunique() < 2:
        return
    x = table[column].fillna(0.0).to_numpy(float)
    width = BESIDE * (x.max() - x.min() or max(abs(x.max()), 1.0))
    x = x + width
    for kind, marker in (("found", "."), ("below", "v"), ("above", "^")):
        chosen = (table["kind"] == kind).to_numpy()
        y = [_cut(value, bounds) for value in table["pressure_MPa"][chosen]]
        axes.plot(x[chosen], y, marker, color=colour, ms=4, alpha=0.5, ls="none")


def _cut(value: Any, bounds: dict[str, float]) -> float:
    """A pressure within the bounds; NaN where there is none."""
    if value is None:
        return float("nan")
    return float(np.clip(float(value), bounds["lowest"], bounds["highest"]))
