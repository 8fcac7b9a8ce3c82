"""Tables and figures of `livoid alloy`: composition while stripping and plating Li-Mg, beside the paper."""

from __future__ import annotations

import csv
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy import constants
from scipy.optimize import brentq

from postprocess import eds
from postprocess.canvas import plt, save
from postprocess.records import read_run

if TYPE_CHECKING:
    from postprocess.records import RunRecords

BLURS = (0.0, 3.0, 5.0)
"""Full widths of the EDS response (um): none, and the range of docs/parameters.md."""
BULK_DEPTH = 20.0
"""um below the current collector: where Zhao et al. take the bulk intensity."""
SLIGHT = 1.5
"""Our reading of the paper's "slightly higher" at the interface: blurred maximum over bulk."""
PAPER_LAYER = {"25": 0.50, "60": 0.80}
"""Zhao et al. 2025: mean Mg intensity in the plated layer over the bulk, by temperature in C."""
SLAB = {"0.01": 93.7, "0.1": 41.3, "1": 4.1}
"""Utilisation (%) of the slab solution, by current in mA/cm2 (the issue's reference values)."""
SLAB_CONCENTRATION, SLAB_CUTOFF = 69.6e3, 24e3
"""mol/m3"""
SLAB_THICKNESS, SLAB_DIFFUSIVITY = 25e-6, 3.0e-15
"""m, m2/s"""
_MILLI, _MICRO = 1e-3, 1e-6
LINE_STYLES = ("-", "--", ":")
PAPER_COLOUR, PAPER_WIDTH = "0.5", 2.5
"""Of the bar at the paper's mean."""

Cells = dict[str, Any]
Kind = Literal["strip", "plate", "utilisation"]


@dataclass(frozen=True)
class Done:
    """A finished run of a study."""

    labels: Mapping[str, str]
    records: RunRecords

    def profile(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(height in um, solute fraction over the bulk) at the end."""
        y, x = self.records.heights(self.records.outputs()[-1], "left", "solute_fraction")
        order = np.argsort(y)
        y, x = y[order], x[order]
        return y, np.asarray(x / float(np.interp(y[-1] - BULK_DEPTH, y, x)))

    def layer(self) -> float:
        """Thickness of the plated layer (um); in a run that failed, by the platen's rise."""
        if self.records.stages:
            return float(self.records.stages["deposit_mean_um"][-1])
        platen = self.records.series["platen_um"]
        return float(platen[-1] - platen[0])


def report(kind: Kind, done: Sequence[tuple[Mapping[str, str], Path]], folder: Path) -> list[Path]:
    """Write ``<kind>.csv`` and ``<kind>.png`` and print the table (rank 0).

    Args:
        kind: which study.
        done: what identifies each run, and its folder.
        folder: for table and figure.
    """
    finished = [Done(labels, read_run(path)) for labels, path in done]
    make = {"strip": _strip_row, "plate": _plate_row, "utilisation": _utilisation_row}[kind]
    rows = [make(entry) for entry in finished]
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / f"{kind}.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(format_rows(rows))
    print(PAPER[kind])
    draw = {"strip": _strip_figure, "plate": _plate_figure, "utilisation": _utilisation_figure}[kind]
    return [table, save(draw(finished), folder / f"{kind}.png", dpi=120)]


PAPER: dict[Kind, str] = {
    "strip": "paper: Mg only slightly higher at the interface, at both 0.05 and 0.5 mA/cm2 (no number given)",
    "plate": "paper: layer mean 0.50 of the bulk at 25 C, 0.80 at 60 C",
    "utilisation": "slab solution: 93.7 % at 0.01, 41.3 % at 0.1, 4.1 % at 1 mA/cm2",
}


def format_rows(rows: Sequence[Cells]) -> str:
    """Plain table."""
    names = list(rows[0])
    text = [[_text(row[name]) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[k]) for line in text)) for k, name in enumerate(names)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in (names, *text)
    ]
    return "\n".join(lines)


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _strip_row(done: Done) -> Cells:
    y, ratio = done.profile()
    row: Cells = dict(done.labels)
    row["end"] = str(done.records.manifest["status"])
    row["capacity"] = float(done.records.series["capacity_mAh_cm2"][-1])
    row["x_contact"] = float(done.records.series["solute_contact"][-1])
    for width in BLURS:
        _, seen = eds.blurred(y, ratio, width)
        row["max/bulk" if width == 0.0 else f"blur {width:g} um"] = float(seen.max())
    row["half depth um"] = _half_depth(y, ratio)
    row["S_contact"] = float(done.records.series["largest_supersaturation"][-1])
    row["composition_mV"] = 1e3 * float(done.records.series["composition_V"][-1])
    row["slight"] = "yes" if row["blur 3 um"] <= SLIGHT else "no"
    return row


def _half_depth(y: NDArray[np.float64], ratio: NDArray[np.float64]) -> float:
    """Height at which half of the excess at the contact is left (um)."""
    excess = ratio - 1.0
    below = np.flatnonzero(excess < 0.5 * excess[0])
    return float(y[below[0]]) if len(below) and excess[0] > 0.0 else 0.0


def _plate_row(done: Done) -> Cells:
    y, ratio = done.profile()
    thickness = done.layer()
    row: Cells = dict(done.labels)
    row["end"] = str(done.records.manifest["status"])
    row["layer um"] = thickness
    for width in BLURS:
        seen = eds.blurred(y, ratio, width)
        name = "mean/bulk" if width == 0.0 else f"blur {width:g} um"
        row[name] = eds.layer_mean(*seen, thickness)
    row["paper"] = PAPER_LAYER[done.labels["celsius"]]
    row["indicator"] = float(done.records.series["solute_indicator"][-1])
    return row


def slab_utilisation(current: float) -> float:
    """Capacity over what the slab holds above the cut-off (row 13's finite slab), at a current in A/m2."""
    length, diffusivity = SLAB_THICKNESS, SLAB_DIFFUSIVITY
    flux = current / constants.physical_constants["Faraday constant"][0]
    modes = np.arange(1, 2001) * math.pi
    room = SLAB_CONCENTRATION - SLAB_CUTOFF

    def left(time: float) -> float:
        series = np.sum(np.exp(-(modes**2) * diffusivity * time / length**2) / modes**2)
        return room - flux * (time / length + length / diffusivity * (1.0 / 3.0 - 2.0 * float(series)))

    longest = room * length / flux
    return flux * brentq(left, 1e-9 * longest, longest) / (room * length)


def _utilisation_row(done: Done) -> Cells:
    series = done.records.series
    current = done.labels["current"]
    total, useful = _capacities(done)
    passed = float(series["capacity_mAh_cm2"][-1])
    row: Cells = dict(done.labels)
    row["mAh/cm2"] = passed
    row["of all Li %"] = 100.0 * passed / total
    row["of useful Li %"] = 100.0 * passed / useful
    row["slab %"] = 100.0 * slab_utilisation(10.0 * float(current))
    row["S_contact"] = float(series["largest_supersaturation"][-1])
    row["end"] = str(done.records.manifest["status"])
    return row


def _capacities(done: Done) -> tuple[float, float]:
    """All Li in the layer, and what can be taken until its uniform composition is at the limit (mAh/cm2)."""
    case = tomllib.loads((done.records.folder / "case.toml").read_text(encoding="utf-8"))
    metal = case["resolved_material"]["metal"]
    x, limit = (float(metal[name]["value"]) for name in ("solute_fraction", "solute_limit"))
    volume = float(metal["molar_volume"]["value"].split()[0])
    height = float(case["geometry"]["metal_thickness"].split()[0]) * _MICRO
    faraday = constants.physical_constants["Faraday constant"][0]
    sites = faraday * height / volume / 36000.0
    return sites * (1.0 - x), sites * ((1.0 - x) - x * (1.0 - limit) / limit)


def _strip_figure(done: Sequence[Done]) -> plt.Figure:
    sets, panels = _panels(done)
    colours = _sink_colours(done)
    for entry in done:
        row = 0 if entry.labels["current"] == "0.05" else 1
        axes = panels[row, sets.index(entry.labels["D_Mg"])]
        _draw_profile(axes, entry, (0.0, 3.0), colours[entry.labels["sinks"]])
        axes.set_title(rf"$D_\mathrm{{Mg}}$: {entry.labels['D_Mg']}; {entry.labels['current']} mA/cm2")
    _finish(panels, done, 30.0, (0.0, 3.0))
    return panels[0, 0].figure


def _plate_figure(done: Sequence[Done]) -> plt.Figure:
    sets, panels = _panels(done)
    colours = _sink_colours(done)
    for entry in done:
        axes = panels[int(entry.labels["celsius"] == "60"), sets.index(entry.labels["D_Mg"])]
        _draw_profile(axes, entry, BLURS, colours[entry.labels["sinks"]])
        thickness = entry.layer()
        paper = PAPER_LAYER[entry.labels["celsius"]]
        axes.plot([0.0, thickness], [paper, paper], color=PAPER_COLOUR, lw=PAPER_WIDTH)
        axes.axvline(thickness, color="0.7", lw=0.8)
        axes.set_title(rf"$D_\mathrm{{Mg}}$: {entry.labels['D_Mg']}; {entry.labels['celsius']} C")
    paper = Line2D([], [], color=PAPER_COLOUR, lw=PAPER_WIDTH, label="paper: mean in the plated layer")
    _finish(panels, done, 40.0, BLURS, paper)
    return panels[0, 0].figure


def _panels(done: Sequence[Done]) -> tuple[list[str], NDArray[Any]]:
    """Sets of diffusivities, and two rows of panels with a column for each."""
    sets = list(dict.fromkeys(entry.labels["D_Mg"] for entry in done))
    _, panels = plt.subplots(
        2, len(sets), figsize=(3.2 * len(sets), 6.4), sharex=True, squeeze=False, layout="constrained"
    )
    return sets, panels


def _sink_colours(done: Sequence[Done]) -> dict[str, str]:
    """A colour for each choice of sinks, the same in all panels."""
    return {sinks: f"C{k}" for k, sinks in enumerate(dict.fromkeys(e.labels["sinks"] for e in done))}


def _sink_text(sinks: str) -> str:
    """A choice of sinks as a legend has it: ``l_v 10 um`` as a symbol and its value."""
    return re.sub(r"l_([vi]) ", r"$l_\1$ = ", sinks).replace("S = 1", "$S$ = 1")


def _draw_profile(axes: plt.Axes, entry: Done, blurs: Sequence[float], colour: str) -> None:
    y, ratio = entry.profile()
    for width, style in zip(blurs, LINE_STYLES, strict=False):
        axes.plot(*eds.blurred(y, ratio, width), style, color=colour, lw=1.2)


def _finish(
    panels: NDArray[Any], done: Sequence[Done], depth: float, blurs: Sequence[float], *others: Line2D
) -> None:
    for axes in panels.ravel():
        axes.set_xlim(0.0, depth)
        axes.set_ylim(bottom=0.0)
    for axes in panels[-1]:
        axes.set_xlabel("Distance from the electrolyte (um)")
    for axes in panels[:, 0]:
        axes.set_ylabel("Mg fraction over that of the bulk")
    figure = panels[0, 0].figure
    lines = [Line2D([], [], color=c, label=_sink_text(sinks)) for sinks, c in _sink_colours(done).items()]
    texts = ["model", *(f"as EDS with a response of {width:g} um" for width in blurs[1:])]
    shown = zip(LINE_STYLES, texts, strict=False)
    lines += [Line2D([], [], color="k", ls=style, label=text) for style, text in shown]
    figure.legend(handles=[*lines, *others], loc="outside lower center", ncols=panels.shape[1])


def _utilisation_figure(done: Sequence[Done]) -> plt.Figure:
    figure, axes = plt.subplots(figsize=(8.0, 4.4), layout="constrained")
    styles = dict(zip(dict.fromkeys(e.labels["sinks"] for e in done), LINE_STYLES, strict=False))
    colours = dict(zip(dict.fromkeys(e.labels["current"] for e in done), ("C0", "C1", "C2"), strict=False))
    for entry in done:
        series = entry.records.series
        share = 100.0 * series["capacity_mAh_cm2"] / _capacities(entry)[1]
        solvent = (1.0 - series["solute_contact"]) / (1.0 - series["solute_contact"][0])
        about = f"{entry.labels['current']} mA/cm2, {_sink_text(entry.labels['sinks'])}"
        style = styles[entry.labels["sinks"]]
        concentration = SLAB_CONCENTRATION * _MILLI * solvent
        axes.plot(share, concentration, style, color=colours[entry.labels["current"]], label=about)
    for k, (current, percent) in enumerate(SLAB.items()):
        label = "slab solution" if k == 0 else None
        colour = colours.get(current, "k")
        axes.plot(percent, SLAB_CUTOFF * _MILLI, "v", color=colour, ms=8, mfc="none", label=label)
    axes.axhline(SLAB_CUTOFF * _MILLI, color="0.7", lw=0.8, zorder=0)
    axes.set_xlabel("Capacity over useful capacity (%)")
    axes.set_ylabel("Li concentration at the contact (mmol/cm3)")
    figure.legend(loc="outside right upper")
    return figure
