"""Runs of the operando cells beside the paper's Fig. 1: ``livoid compare paper RUN ...``.

The paper's numbers are those of parameters.md ("Observables of the paper"; Nat. Commun. 2025, operando SEM at
0.2 MPa and 0.5 mA/cm2). Nothing is fitted here. What comes from pictures is given as it is, and as a
microscope sees it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from postprocess import observed
from postprocess.canvas import plt, save
from postprocess.records import RecordsError, read_run
from solver.core.plain_text import TableWriter

if TYPE_CHECKING:
    from postprocess.observed import Counted, Metal, Side
    from postprocess.records import RunRecords

MILLI = 1e3
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
        Observable("largest Mg over bulk", "only slightly higher (1 MPa, 4 mAh/cm2)"),
        Observable("overpotential doubled", "potential stable to 3 mAh/cm2 at least", (3.0,)),
    ),
}


@dataclass(frozen=True)
class Beside:
    """A run of one of the paper's metals: as it is, and as seen where it has fields to look at."""

    metal: Metal
    run: RunRecords
    true: Counted
    seen: Counted | None

    def doubled(self) -> list[float]:
        """Capacity at which the overpotential has soared: no picture knows of it."""
        voltage = np.abs(self.run.series["voltage_V"].astype(float))
        return observed.first_above(self.true.capacity, voltage, SOARS * voltage[0])


def metal_of(run: RunRecords) -> Metal:
    """Which of the paper's anodes a run is about; RecordsError for another one."""
    case = tomllib.loads((run.folder / "case.toml").read_text(encoding="utf-8"))
    names: dict[str, Metal] = {"lithium": "Li", "lithium-magnesium": "Li-Mg"}
    name = str(case["material"]["metal"]["name"])
    if name not in names:
        raise RecordsError(f"{run.folder}: the paper has no anode of {name}")
    return names[name]


def compare_paper(folders: list[Path], out: Path) -> list[Path]:
    """Figure and table of runs beside the paper.

    Args:
        folders: run folders; several of one metal (other seeds) share a column of the figure.
        out: folder of ``paper.png`` and ``paper.csv``.

    Raises:
        RecordsError: if a folder holds no run of Li or Li-Mg.
    """
    runs: dict[Metal, list[Beside]] = {"Li": [], "Li-Mg": []}
    for folder in folders:
        run = read_run(folder)
        metal = metal_of(run)
        runs[metal].append(Beside(metal, run, *observed.counted(run)))
    out.mkdir(parents=True, exist_ok=True)
    table = _table(runs)
    with (out / "paper.csv").open("w", encoding="utf-8", newline="") as file:
        TableWriter(file).writerows(table)
    for row in table:
        print(f"{row[0]:6s} {row[1]:22s} {row[2]:20s} {row[3]:28s} {row[4]:28s} {row[5]}")
    print(observed.stated())
    return [_figure(runs, out / "paper.png"), out / "paper.csv"]


def _table(runs: dict[Metal, list[Beside]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("metal", "observable", "run", "predicted", "as seen", "paper")]
    for metal, group in runs.items():
        for one in group:
            true = one.true.observables(metal) | {"overpotential doubled": one.doubled()}
            seen = one.seen.observables(metal) if one.seen is not None else {}
            for item in PAPER[metal]:
                values = (_words(one, true[item.name]), _words(one, seen.get(item.name)))
                rows.append((metal, item.name, one.run.folder.name, *values, item.text))
    return rows


def _words(one: Beside, values: list[float] | None) -> str:
    """Values of an observable, or why there are none; None is what is not known, or in no picture."""
    if values is None:
        return "-"
    reached = float(one.true.capacity[-1])
    return ", ".join(f"{v:.3g}" for v in values) or f"not by {reached:.3g}"


def _figure(runs: dict[Metal, list[Beside]], target: Path) -> Path:
    shown = [metal for metal, group in runs.items() if group]
    figure, axes = plt.subplots(
        5, len(shown), figsize=(5.5 * len(shown), 12.0), squeeze=False, sharex="col", layout="constrained"
    )
    for column, metal in enumerate(shown):
        for k, one in enumerate(runs[metal]):
            _curves(axes[:, column], one, f"C{k}")
        first = runs[metal][0].run
        _boxes(axes[3:, column], first)
        _paper_lines(axes[:, column], metal, float(first.series["capacity_mAh_cm2"][-1]))
        axes[0, column].set_title(metal)
        for axis in axes[:, column]:
            if axis.get_legend_handles_labels()[1]:
                axis.legend()
        axes[-1, column].set_xlabel("Capacity (mAh/cm2)")
    for axis, text in zip(
        axes[:, 0],
        ("Overpotential (mV)", "Contact loss (%)", "Voids", "Width (um)", "Height (um)"),
        strict=True,
    ):
        axis.set_ylabel(text)
    return save(figure, target)


def _curves(axes: NDArray[np.object_], one: Beside, colour: str) -> None:
    """Curves as it is; crosses are what the microscope sees."""
    true, seen = one.true, one.seen
    (line,) = axes[0].plot(true.capacity, MILLI * one.run.series["voltage_V"], colour, lw=1.0)
    line.set_label(one.run.folder.name.replace("$", r"\$").lstrip("_"))
    axes[1].plot(true.capacity, 100.0 * true.loss, colour)
    axes[1].set_ylim(0.0, 102.0)
    axes[2].plot(true.capacity, true.count, colour)
    if seen is not None:
        values = {1: 100.0 * seen.loss, 2: seen.count, 3: seen.width, 4: seen.height}
        for panel, of in values.items():
            label = "as seen" if colour == "C0" else None
            axes[panel].plot(seen.capacity, of, f"{colour}x", ms=4, label=label)
    axes[2].set_ylim(bottom=0.0)


def _boxes(axes: NDArray[np.object_], run: RunRecords) -> None:
    """Box charts of widths and heights of the first run, with the largest as a line."""
    voids = observed.void_statistics(run)
    if len(voids.capacity) == 0:
        return
    chosen = sorted(set(np.linspace(0, len(voids.capacity) - 1, MOST_BOXES).round().astype(int)))
    extent = float(np.ptp(voids.capacity))
    wide = 0.5 * (extent if extent > 0.0 else 1.0) / MOST_BOXES
    panels: tuple[tuple[Axes, Side], ...] = ((axes[0], "widths"), (axes[1], "heights"))
    for axis, of in panels:
        values = getattr(voids, of)
        axis.boxplot(
            [values[k] if len(values[k]) else [0.0] for k in chosen],
            positions=[float(voids.capacity[k]) for k in chosen],
            widths=wide,
            manage_ticks=False,
            flierprops={"markersize": 3},
            medianprops={"color": "C0"},
            zorder=1.0,
        )
        label = f"largest in {run.folder.name}; boxes: quartiles"
        axis.plot(voids.capacity, voids.largest(of), "k", lw=0.8, label=label.replace("$", r"\$"))
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
                axis.axvline(value, color="0.4", ls="--", lw=0.8, label=label)
            last = max(last, *item.values)
    axes[0].set_xlim(right=1.03 * last)  # all panels share it
