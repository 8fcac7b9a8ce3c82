"""Figure of ``livoid threshold``: threshold pressure over current, from ``threshold.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from postprocess.canvas import log_axes, plt, save

if TYPE_CHECKING:
    from pathlib import Path

CELSIUS = 273.15
"""K at 0 C."""


def read_thresholds(folder: Path) -> pd.DataFrame:
    """``threshold.csv``; ``given`` says whether creep law and voids are the case's own."""
    return with_given(pd.read_csv(folder / "threshold.csv"))


def with_given(table: pd.DataFrame) -> pd.DataFrame:
    """A table of thresholds with a column ``given``: whether creep law and voids are the case's own."""
    table["metal"] = table["metal"].fillna("") if "metal" in table else ""  # older tables have no such column
    own = (table["creep"] == "as given") & (table["void_size"] == 1.0) & (table["population"] == 0)
    return table.assign(given=own)


def spread(table: pd.DataFrame, temperature: float, current: float) -> tuple[float, float, float]:
    """(given, lowest, highest) threshold (MPa) at one temperature (K) and current (mA/cm2).

    Over all creep laws and voids; those without a number are left out.
    """
    here = table[(table["temperature_K"] == temperature) & (table["current_mA_cm2"] == current)]
    own = here.loc[here["given"], "threshold_MPa"].iloc[0]
    return float(own), float(here["threshold_MPa"].min()), float(here["threshold_MPa"].max())


def draw_thresholds(folder: Path, title: str) -> Path:
    """Draw ``threshold.png`` beside ``threshold.csv``; returns the picture."""
    return save(threshold_figure(read_thresholds(folder), title), folder / "threshold.png")


def threshold_figure(table: pd.DataFrame, title: str) -> plt.Figure:
    """Threshold pressure over current for each metal and temperature; bars where creep law or voids vary."""
    figure, axes = plt.subplots(figsize=(5.4, 3.8))
    for k, ((metal, temperature), here) in enumerate(table.groupby(["metal", "temperature_K"])):
        line = here[here["given"]].sort_values("current_mA_cm2")
        label = f"{metal} {temperature - CELSIUS:.0f} C".strip()
        axes.plot(line["current_mA_cm2"], line["threshold_MPa"], f"C{k}o-", ms=4, label=label)
        others = here[~here["given"]]
        if len(others):
            current = float(others["current_mA_cm2"].iloc[0])
            own, low, high = spread(here, temperature, current)
            bars = [[own - low], [high - own]]
            axes.errorbar([current], [own], yerr=bars, color=f"C{k}", capsize=4, lw=1.0)
    log_axes(axes)
    axes.set_xlabel("Current density (mA/cm2)")
    axes.set_ylabel("Threshold pressure (MPa)")
    axes.set_title(f"{title}; bars: creep laws, voids", fontsize=8, parse_math=False)
    axes.legend(fontsize=8, frameon=False)
    return figure
