"""Runs beside measurements, or beside each other: ``livoid compare RUN ... --data FILE``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from postprocess.experiment.curves import curve, solute_profile
from postprocess.experiment.measurement import Measurement
from postprocess.experiment.overlay_figure import Panel, draw
from postprocess.experiment.rows import ResidualRow
from postprocess.report import Figure, PageTable, Section, png, render
from solver.case.schema.data import MEASURED
from solver.core.plain_text import TableWriter

if TYPE_CHECKING:
    from postprocess.experiment.curves import Curve
    from postprocess.records import RunRecords

SHOWN_OF_RUNS = ("voltage", "pressure", "contact", "voids", "largest_width", "largest_height")
"""What of runs is compared where there is no measurement that says so."""
FIGURE, TABLE, PAGE = "overlay.png", "residuals.csv", "overlay.html"
FILES = (FIGURE, "overlay.pdf", TABLE, PAGE)

HEAD = [name.replace("_", " ") for name in ResidualRow.columns()]


@dataclass(frozen=True)
class Pair:
    """A quantity of a measurement, or of the first run, and of a run; both over the same."""

    reference: str
    run: str
    quantity: str
    against: str
    measured: Curve
    computed: Curve


def overlay(runs: Sequence[RunRecords], data: Sequence[Measurement], out: Path) -> list[Path]:
    """Figure of runs over measurements (without any: over the first run), table of residuals, page of both.

    Args:
        runs: at least one, two without measurements.
        data: measurements.
        out: folder of :data:`FILES`.

    Raises:
        ValueError: with every measurement, quantity and run that cannot be compared, a line each.
    """
    problems: list[str] = []
    names = _names(runs)
    measured = list(data) or [_as_measured(runs[0], names[0])]
    beside = list(zip(names, runs, strict=True))[0 if data else 1 :]
    pairs = [pair for one in measured for name, run in beside for pair in _pairs(one, name, run, problems)]
    rows = [_residuals(pair, problems) for pair in pairs]
    if problems:
        raise ValueError("\n".join(problems))
    made = [row for row in rows if row is not None]
    out.mkdir(parents=True, exist_ok=True)
    with (out / TABLE).open("w", encoding="utf-8", newline="") as file:
        TableWriter(file).writerows([list(ResidualRow.columns()), *(row.values() for row in made)])
    for row in made:
        print(_sentence(row))
    draw(_panels(pairs), out / FIGURE)
    _write_page(out, made)
    return [out / name for name in FILES]


def _write_page(out: Path, rows: Sequence[ResidualRow]) -> None:
    """The figure and the residuals as one page that needs no other file."""
    references = list(dict.fromkeys(row.reference for row in rows))
    runs = list(dict.fromkeys(row.run for row in rows))
    sections = [
        Section("Figure", figures=[Figure(png(out / FIGURE), "points: reference; lines: runs")]),
        Section("Residuals, run less reference", tables=[PageTable([row.values() for row in rows], HEAD)]),
    ]
    page = render(", ".join(runs), f"beside {', '.join(references)}", sections)
    (out / PAGE).write_text(page, encoding="utf-8")


def _names(runs: Sequence[RunRecords]) -> list[str]:
    """Names of run folders, with as much of their paths as tells them apart."""
    folders = [run.folder.resolve() for run in runs]
    for parts in range(1, max(len(folder.parts) for folder in folders)):
        names = [str(Path(*folder.parts[-parts:])) for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def _as_measured(run: RunRecords, name: str) -> Measurement:
    """A run in the place of a measurement."""
    found = {quantity: curve(run, quantity, "capacity") for quantity in SHOWN_OF_RUNS}
    curves = {quantity: of for quantity, of in found.items() if of is not None}
    x = next(iter(curves.values()))[0]
    return Measurement(name, "capacity", x, {quantity: of[1] for quantity, of in curves.items()})


def _pairs(one: Measurement, name: str, run: RunRecords, problems: list[str]) -> Iterator[Pair]:
    """All that one measurement and one run have in common."""
    for quantity, values in one.values.items():
        given, shown = np.isfinite(values), name
        if one.against == "height":
            seen = solute_profile(run, one.at, one.response) if quantity == "solute" else None
            shown, computed = (name, None) if seen is None else (f"{name} at {seen[0]:.4g} mAh/cm2", seen[1])
        else:
            computed = curve(run, quantity, one.against)
        if computed is None:
            problems.append(f"{name}: its records have no {quantity}, which {one.label} has")
        else:
            yield Pair(one.label, shown, quantity, one.against, (one.x[given], values[given]), computed)


def _residuals(pair: Pair, problems: list[str]) -> ResidualRow | None:
    """Run less reference at the points of the reference that the run covers."""
    (x, y), (at, values) = pair.measured, pair.computed
    inside = (x >= at[0]) & (x <= at[-1]) if len(at) else np.zeros(len(x), bool)
    unit = MEASURED[pair.against][0]
    if not inside.any():
        reach = f"{_range(x)} and {_range(at)} {unit}"
        problems.append(
            f"{pair.reference}, {pair.quantity}: no overlap with {pair.run} over {pair.against} ({reach})"
        )
        return None
    off = np.interp(x[inside], at, values) - y[inside]
    return ResidualRow(
        reference=pair.reference,
        run=pair.run,
        quantity=pair.quantity,
        unit=MEASURED[pair.quantity][0],
        against=pair.against,
        start=float(x[inside][0]),
        end=float(x[inside][-1]),
        against_unit=unit,
        points=int(inside.sum()),
        rms=math.sqrt(float(np.mean(off**2))),
        bias=float(off.mean()),
        largest=float(np.abs(off).max()),
    )


def _range(x: NDArray[np.float64]) -> str:
    return f"{x[0]:.4g} to {x[-1]:.4g}" if len(x) else "no point"


def _sentence(row: ResidualRow) -> str:
    unit = f" {row.unit}" if row.unit else ""
    return (
        f"{row.quantity}, {row.run} less {row.reference}: RMS {row.rms:.3g}{unit}, "
        f"bias {row.bias:+.3g}{unit} "
        f"over {row.points} points from {row.start:.4g} to {row.end:.4g} {row.against_unit}"
    )


def _panels(pairs: Sequence[Pair]) -> list[Panel]:
    """A panel a quantity and what it is over, in the order of the quantities."""
    found: dict[tuple[str, str], Panel] = {}
    order = list(MEASURED)
    for pair in sorted(pairs, key=lambda pair: (order.index(pair.quantity), pair.against)):
        key = (pair.quantity, pair.against)
        panel = found.setdefault(key, Panel(pair.quantity, pair.against, {}, {}))
        panel.measured[pair.reference] = pair.measured
        panel.computed[pair.run] = pair.computed
    return list(found.values())
