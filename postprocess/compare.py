"""Runs of the operando cells beside the paper's Fig. 1: ``livoid compare paper RUN ...``.

The paper's numbers are those of parameters.md ("Observables of the paper"; Nat. Commun. 2025, operando SEM at
0.2 MPa and 0.5 mA/cm2). Nothing is fitted here.
"""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from postprocess.canvas import plt, save
from postprocess.records import RecordsError, read_run

if TYPE_CHECKING:
    from postprocess.records import RunRecords

Metal = Literal["Li", "Li-Mg"]
Side = Literal["widths", "heights"]
MILLI = 1e3
DROP = 0.2
"""Relative drop of the largest width (height) between outputs that counts as a split (collapse)."""
SOARS = 2.0
"""Overpotential over its first value that counts as soared."""
MOST_BOXES = 14


@dataclass(frozen=True)
class Observable:
    """One number of the paper: capacities in mAh/cm2, widths in um; ``text`` as the paper puts it."""

    name: str
    text: str
    values: tuple[float, ...] = ()


PAPER: dict[Metal, tuple[Observable, ...]] = {
    "Li": (
        Observable("coalescence", "voids coalesce by 0.25 mAh/cm2", (0.25,)),
        Observable("contact loss 90 %", "overpotential soars beyond 90 % loss, about 1 mAh/cm2", (1.0,)),
        Observable("one gap", "one gap over the whole view at 1.25 mAh/cm2", (1.25,)),
        Observable("overpotential doubled", "soars at about 1 mAh/cm2", (1.0,)),
    ),
    "Li-Mg": (
        Observable("largest width (um)", "voids grow to about 20 um", (20.0,)),
        Observable("width drops", "splits at 0.625, 1.0, 2.375 mAh/cm2", (0.625, 1.0, 2.375)),
        Observable("height drops", "collapses at 0.5, 1.0, 2.625 mAh/cm2", (0.5, 1.0, 2.625)),
        Observable("overpotential doubled", "potential stable to 3 mAh/cm2 at least", (3.0,)),
    ),
}


@dataclass(frozen=True)
class Voids:
    """Statistics of the voids at each output of a run.

    Attributes:
        capacity: mAh/cm2, one per output.
        widths, heights: um, the voids of each output.
    """

    capacity: NDArray[np.float64]
    widths: list[NDArray[np.float64]]
    heights: list[NDArray[np.float64]]

    def largest(self, of: Side) -> NDArray[np.float64]:
        """Largest width or height at each output, 0 where there is no void."""
        return np.array([float(values.max(initial=0.0)) for values in getattr(self, of)])


def metal_of(run: RunRecords) -> Metal:
    """Which of the paper's anodes a run is about; RecordsError for another one."""
    case = tomllib.loads((run.folder / "case.toml").read_text(encoding="utf-8"))
    names: dict[str, Metal] = {"lithium": "Li", "lithium-magnesium": "Li-Mg"}
    name = str(case["material"]["metal"]["name"])
    if name not in names:
        raise RecordsError(f"{run.folder}: the paper has no anode of {name}")
    return names[name]


def void_statistics(run: RunRecords) -> Voids:
    """Widths and heights of all voids at every output."""
    outputs = run.outputs()
    numbers = run.interface["output"].astype(int)
    capacity = np.array([run.interface["capacity_mAh_cm2"][numbers == k][0] for k in outputs], dtype=float)
    table = run.voids
    which = table["output"].astype(int) if table else np.empty(0, dtype=int)

    def of(column: str) -> list[NDArray[np.float64]]:
        return [table[column][which == k].astype(float) if table else np.empty(0) for k in outputs]

    return Voids(capacity, of("width_um"), of("height_um"))


def drops(capacity: NDArray[np.float64], values: NDArray[np.float64]) -> list[float]:
    """Capacities at which ``values`` has fallen by more than DROP since the last output."""
    fallen = (values[1:] < (1.0 - DROP) * values[:-1]) & (values[:-1] > 0.0)
    return [float(c) for c in capacity[1:][fallen]]


def first_above(capacity: NDArray[np.float64], values: NDArray[np.float64], limit: float) -> list[float]:
    """Capacity at which ``values`` first reaches ``limit``; empty if it never does."""
    where = np.flatnonzero(values >= limit)
    return [float(capacity[where[0]])] if len(where) else []


def predictions(run: RunRecords, metal: Metal) -> dict[str, list[float]]:
    """The run's values of the paper's observables (capacities in mAh/cm2, widths in um)."""
    series, voids = run.series, void_statistics(run)
    capacity = series["capacity_mAh_cm2"].astype(float)
    loss = 1.0 - series["contact_fraction"].astype(float)
    voltage = np.abs(series["voltage_V"].astype(float))
    found = {"overpotential doubled": first_above(capacity, voltage, SOARS * voltage[0])}
    if metal == "Li":
        count = series["voids"].astype(float)
        # half of the seeds have merged: the paper gives one capacity for the population
        found["coalescence"] = first_above(capacity, -count, -0.5 * count[0])
        found["contact loss 90 %"] = first_above(capacity, loss, 0.9)
        found["one gap"] = first_above(capacity, -count, -1.0)
        return found
    found["largest width (um)"] = [float(voids.largest("widths").max(initial=0.0))]
    found["width drops"] = drops(voids.capacity, voids.largest("widths"))
    found["height drops"] = drops(voids.capacity, voids.largest("heights"))
    return found


def compare_paper(folders: list[Path], out: Path) -> list[Path]:
    """Figure and table of runs beside the paper.

    Args:
        folders: run folders; several of one metal (other seeds) share a column of the figure.
        out: folder of ``paper.png`` and ``paper.csv``.

    Raises:
        RecordsError: if a folder holds no run of Li or Li-Mg.
    """
    runs: dict[Metal, list[RunRecords]] = {"Li": [], "Li-Mg": []}
    for folder in folders:
        run = read_run(folder)
        runs[metal_of(run)].append(run)
    out.mkdir(parents=True, exist_ok=True)
    table = _table(runs)
    with (out / "paper.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(table)
    for row in table:
        print(f"{row[0]:6s} {row[1]:24s} {row[2]:28s} {row[3]:32s} {row[4]}")
    return [_figure(runs, out / "paper.png"), out / "paper.csv"]


def _table(runs: dict[Metal, list[RunRecords]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("metal", "observable", "run", "predicted", "paper")]
    for metal, group in runs.items():
        for run in group:
            found = predictions(run, metal)
            reached = float(run.series["capacity_mAh_cm2"][-1])
            for item in PAPER[metal]:
                values = found[item.name]
                text = ", ".join(f"{v:.3g}" for v in values) or f"not by {reached:.3g}"
                rows.append((metal, item.name, run.folder.name, text, item.text))
    return rows


def _figure(runs: dict[Metal, list[RunRecords]], target: Path) -> Path:
    shown = [metal for metal, group in runs.items() if group]
    figure, axes = plt.subplots(
        5, len(shown), figsize=(5.5 * len(shown), 12.0), squeeze=False, sharex="col", layout="constrained"
    )
    for column, metal in enumerate(shown):
        for k, run in enumerate(runs[metal]):
            _curves(axes[:, column], run, f"C{k}")
        first = runs[metal][0]
        _boxes(axes[3:, column], first)
        _paper_lines(axes[:, column], metal, float(first.series["capacity_mAh_cm2"][-1]))
        axes[0, column].set_title(f"{metal}: {', '.join(run.folder.name for run in runs[metal])}", fontsize=9)
        axes[-1, column].set_xlabel("capacity (mAh/cm2)")
    for axis, text in zip(
        axes[:, 0],
        ("overpotential (mV)", "contact loss (%)", "voids", "width (um)", "height (um)"),
        strict=True,
    ):
        axis.set_ylabel(text)
    return save(figure, target)


def _curves(axes: NDArray[np.object_], run: RunRecords, colour: str) -> None:
    series = run.series
    capacity = series["capacity_mAh_cm2"]
    axes[0].plot(capacity, MILLI * series["voltage_V"], colour)
    axes[1].plot(capacity, 100.0 * (1.0 - series["contact_fraction"].astype(float)), colour)
    axes[1].set_ylim(0.0, 102.0)
    axes[2].plot(capacity, series["voids"], colour)
    axes[2].set_ylim(bottom=0.0)


def _boxes(axes: NDArray[np.object_], run: RunRecords) -> None:
    """Box charts of widths and heights of the first run, with the largest as a line."""
    voids = void_statistics(run)
    if len(voids.capacity) == 0:
        return
    chosen = sorted(set(np.linspace(0, len(voids.capacity) - 1, MOST_BOXES).round().astype(int)))
    wide = 0.5 * float(np.ptp(voids.capacity) or 1.0) / MOST_BOXES
    panels: tuple[tuple[Axes, Side], ...] = ((axes[0], "widths"), (axes[1], "heights"))
    for axis, of in panels:
        values = getattr(voids, of)
        axis.boxplot(
            [values[k] if len(values[k]) else [0.0] for k in chosen],
            positions=[float(voids.capacity[k]) for k in chosen],
            widths=wide,
            manage_ticks=False,
            flierprops={"markersize": 3},
        )
        axis.plot(voids.capacity, voids.largest(of), "C3", lw=0.8)
        axis.set_ylim(bottom=0.0)


def _paper_lines(axes: NDArray[np.object_], metal: Metal, last: float) -> None:
    """The paper's capacities as dashed lines in the panels they belong to."""
    panels = {
        "coalescence": 2,
        "one gap": 2,
        "contact loss 90 %": 1,
        "overpotential doubled": 0,
        "width drops": 3,
        "height drops": 4,
    }
    for item in PAPER[metal]:
        if item.name in panels:
            axis: Axes = axes[panels[item.name]]
            for k, value in enumerate(item.values):
                label = f"paper: {item.name}" if k == 0 else None
                axis.axvline(value, color="k", ls="--", lw=0.8, label=label)
            axis.legend(fontsize=7, frameon=False)
            axis.set_xlim(right=max(last, *item.values) * 1.03)
