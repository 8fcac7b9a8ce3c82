"""Overpotential against stack pressure beside the paper's Fig. 3 l-m: ``livoid compare pressure STUDY ...``.

The studies vary ``operation.pressure`` (and, if they want, ``operation.temperature``) of a case of Li or
Li-Mg. The paper's statements are those of parameters.md (die cells, 0.5 mA/cm2). Nothing is fitted here.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy import constants

from postprocess.canvas import colours_over, log_axes, plt, save
from postprocess.compare import MILLI, SOARS, metal_of
from postprocess.quantities import first_passing
from postprocess.records import RecordsError, read_run
from postprocess.study_table import read_study
from solver.case.loading import load_case
from solver.case.units import parse_quantity

if TYPE_CHECKING:
    from postprocess.observed import Metal
    from postprocess.records import RunRecords

FARADAY = constants.physical_constants["Faraday constant"][0]
"""C/mol (CODATA)."""
PRESSURE, TEMPERATURE = "operation.pressure", "operation.temperature"
ROOM_TEMPERATURE = 298.15
"""K; of studies that do not vary it, and of the paper's statements."""
FULL_CONTACT = 0.999
"""Contact fraction from which on the overpotential at the end counts as that of a flat contact."""
SAME_PRESSURE = 0.02
"""Relative difference of pressures that count as the same."""


@dataclass(frozen=True)
class Statement:
    """What the paper says of a cell: pressure (MPa), whether it rises, and up to which capacity."""

    pressure: float
    rises: bool
    capacity: float
    text: str


PAPER: dict[Metal, tuple[Statement, ...]] = {
    "Li": (
        Statement(0.2, True, 4.0, "rises"),
        Statement(1.0, True, 4.0, "rises"),
        Statement(1.5, False, 4.0, "flat to 4 mAh/cm2"),
        Statement(7.0, False, 4.0, "flat to 4 mAh/cm2"),
    ),
    "Li-Mg": tuple(Statement(p, False, 3.0, "little rise within 3 mAh/cm2") for p in (0.2, 1.0, 14.0, 50.0)),
}


@dataclass(frozen=True)
class PressureRow:
    """One run of a pressure study.

    Attributes:
        metal: Li or Li-Mg.
        pressure: MPa.
        temperature: K.
        run: its records.
        voltage: overpotential (V) over time against a counter electrode under the same stack pressure.
        reference: overpotential (V) that a rise is measured by: the first, or where it is larger that of the
            flat contact which the study's highest pressure leaves. Without voids vacancies pile up at the
            contact, and the overpotential is *larger* than with a few of them.
        doubled_at: capacity (mAh/cm2) at which the overpotential is twice that, NaN if it never is.
        reached: capacity at its end.
        least_contact: smallest contact fraction.
        status: how it ended.
    """

    metal: Metal
    pressure: float
    temperature: float
    run: RunRecords
    voltage: NDArray[np.float64]
    reference: float
    doubled_at: float
    reached: float
    least_contact: float
    status: str


def pressure_rows(folders: Sequence[Path]) -> list[PressureRow]:
    """Runs with results of the given studies, by metal, temperature and pressure.

    Raises:
        RecordsError: if a folder is no study over the pressure, or has no results.
    """
    found = []
    for folder in folders:
        study, rows = read_study(folder)
        if PRESSURE not in study.vary:
            raise RecordsError(f"{folder}: the study does not vary {PRESSURE}")
        for row in rows:
            if not row.results:
                continue
            run = read_run(folder / "runs" / row.name)
            kelvin = row.values.get(TEMPERATURE)
            voltage = run.series["voltage_V"].astype(float) + _counter_shift(run)
            found.append(
                PressureRow(
                    metal_of(run),
                    parse_quantity(row.values[PRESSURE], "MPa"),
                    parse_quantity(kelvin, "K") if kelvin else ROOM_TEMPERATURE,
                    run,
                    voltage,
                    abs(float(voltage[0])),
                    math.nan,
                    row.results["capacity"],
                    row.results["contact_least"],
                    row.status,
                )
            )
    if not found:
        raise RecordsError("the studies have no results yet")
    found.sort(key=lambda row: (row.metal, row.temperature, row.pressure))
    return [row for group in _groups(found) for row in _measured(_group(found, *group))]


def _measured(rows: Sequence[PressureRow]) -> list[PressureRow]:
    """The rows of one metal and temperature with their reference and what follows from it."""
    flat = [row for row in rows if row.run.series["contact_fraction"][-1] >= FULL_CONTACT]
    full = abs(float(flat[-1].voltage[-1])) if flat else 0.0
    made = []
    for row in rows:
        reference = max(row.reference, full)
        capacity = row.run.series["capacity_mAh_cm2"].astype(float)
        doubled = first_passing(capacity, np.abs(row.voltage) / reference, SOARS)
        made.append(replace(row, reference=reference, doubled_at=doubled))
    return made


def threshold(rows: Sequence[PressureRow]) -> tuple[float, float]:
    """(highest pressure at which the overpotential doubles, lowest above it at which it does not), MPa.

    0 and inf stand for "at none".
    """
    rising = [row.pressure for row in rows if not math.isnan(row.doubled_at)]
    highest = max(rising, default=0.0)
    above = [row.pressure for row in rows if math.isnan(row.doubled_at) and row.pressure > highest]
    return highest, min(above, default=math.inf)


def compare_pressure(folders: Sequence[Path], out: Path) -> list[Path]:
    """Figure and table of pressure studies beside the paper's statements; returns both files.

    Raises:
        RecordsError: see :func:`pressure_rows`.
    """
    rows = pressure_rows(folders)
    out.mkdir(parents=True, exist_ok=True)
    table: list[tuple[str, ...]] = [
        ("metal", "temperature_K", "pressure_MPa", "predicted", "least_contact", "end", "paper")
    ]
    table += [_table_row(row) for row in rows]
    target = out / "pressure.csv"
    with target.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(table)
    for line in table:
        print("  ".join(f"{cell:14s}" for cell in line))
    for metal, temperature in _groups(rows):
        low, high = threshold(_group(rows, metal, temperature))
        print(f"{metal}, {temperature:g} K: the overpotential doubles up to {low:g} MPa, not at {high:g} MPa")
    return [_figure(rows, out / "pressure.png"), target]


def statement_for(row: PressureRow) -> Statement | None:
    """What the paper says of this metal at this pressure (at room temperature)."""
    if abs(row.temperature - ROOM_TEMPERATURE) > 1.0:
        return None
    near = (s for s in PAPER[row.metal] if abs(s.pressure / row.pressure - 1.0) < SAME_PRESSURE)
    return next(near, None)


def verdict(row: PressureRow) -> str:
    """The paper's statement, and whether the run agrees with it as far as it goes."""
    said = statement_for(row)
    if said is None:
        return ""
    rises = row.doubled_at <= said.capacity
    if rises == said.rises:
        answer = "agrees" if rises or row.reached >= said.capacity else f"agrees to {row.reached:.3g}"
    else:
        short = said.rises and row.reached < said.capacity
        answer = f"disagrees to {row.reached:.3g}" if short else "disagrees"
    return f"{said.text}: {answer}"


def _table_row(row: PressureRow) -> tuple[str, ...]:
    doubled = f"doubles at {row.doubled_at:.3g}"
    predicted = doubled if not math.isnan(row.doubled_at) else f"x{_rise(row):.3g} by {row.reached:.3g}"
    return (
        row.metal,
        f"{row.temperature:g}",
        f"{row.pressure:g}",
        predicted,
        f"{row.least_contact:.3g}",
        row.status,
        verdict(row),
    )


def _rise(row: PressureRow) -> float:
    """Largest overpotential over the reference."""
    return float(np.abs(row.voltage).max() / row.reference)


def _counter_shift(run: RunRecords) -> float:
    """Equilibrium potential (V) that the stack pressure takes from lithium, at the counter electrode too."""
    loaded = load_case(run.folder / "case.toml")
    if not loaded.case.model.pressure_potential:
        return 0.0
    return float(loaded.metal.molar_volume.value * loaded.case.operation.pressure / FARADAY)


def _groups(rows: Sequence[PressureRow]) -> list[tuple[Metal, float]]:
    return list(dict.fromkeys((row.metal, row.temperature) for row in rows))


def _group(rows: Sequence[PressureRow], metal: Metal, temperature: float) -> list[PressureRow]:
    return [row for row in rows if (row.metal, row.temperature) == (metal, temperature)]


def _figure(rows: Sequence[PressureRow], target: Path) -> Path:
    """Curves of each metal and temperature, and below them rise and contact over pressure."""
    groups = _groups(rows)
    figure, grid = plt.subplots(
        3, len(groups), figsize=(4.2 * len(groups), 9.5), squeeze=False, layout="constrained"
    )
    pressures = sorted({row.pressure for row in rows})
    colours = dict(zip(pressures, colours_over(len(pressures)), strict=True))
    for column, (metal, temperature) in enumerate(groups):
        here = _group(rows, metal, temperature)
        top = grid[0, column]
        for row in here:
            series = row.run.series
            top.plot(series["capacity_mAh_cm2"], MILLI * row.voltage, color=colours[row.pressure], lw=1.0)
        top.set_title(f"{metal}, {temperature - 273.15:.0f} C")
        top.set_xlabel("Capacity (mAh/cm2)")
        _rise_panel(grid[1, column], here, metal, temperature)
        _contact_panel(grid[2, column], here)
    lines = [Line2D([], [], color=colour, label=f"{p:g} MPa") for p, colour in colours.items()]
    figure.legend(handles=lines, loc="outside upper center", ncols=len(lines))
    grid[0, 0].set_ylabel("Overpotential (mV)")
    grid[1, 0].set_ylabel("Largest over reference overpotential")
    grid[2, 0].set_ylabel("Contact fraction")
    return save(figure, target)


def _rise_panel(axes: Axes, rows: Sequence[PressureRow], metal: Metal, temperature: float) -> None:
    axes.plot([row.pressure for row in rows], [_rise(row) for row in rows], "C0o-", ms=4)
    axes.axhline(SOARS, color="0.5", lw=0.8, ls=":")
    log_axes(axes, "x")
    axes.set_xlabel("Stack pressure (MPa)")
    if abs(temperature - ROOM_TEMPERATURE) > 1.0:
        return
    top = 1.05 * max([_rise(row) for row in rows] + [SOARS])
    for said in PAPER[metal]:
        axes.plot(said.pressure, top, "^" if said.rises else "_", color="k", ms=7)
    axes.set_title("black, paper: triangle rises, bar does not")


def _contact_panel(axes: Axes, rows: Sequence[PressureRow]) -> None:
    pressure = [row.pressure for row in rows]
    last = [float(row.run.series["contact_fraction"][-1]) for row in rows]
    axes.plot(pressure, [row.least_contact for row in rows], "C1v-", ms=4, label="smallest")
    axes.plot(pressure, last, "C2o-", ms=4, label="at the end")
    log_axes(axes, "x")
    axes.set_ylim(0.0, 1.03)
    axes.set_xlabel("Stack pressure (MPa)")
    axes.legend()
