"""Currents from a table: a CSV file of time and current density, read once, when a case is read.

The case carries the points from there on: its copy in the run folder says what was done, wherever the file
has gone, and all ranks compute with the same numbers.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from solver.case.errors import shown
from solver.case.platen_series import thinned
from solver.case.units import convert
from solver.core.files import numbered_lines

MAX_SIZE = 50_000_000
"""Bytes of a table that is read."""
MOST_TOLD = 10
"""Faults of one table that are said one by one."""
PRECISION = 1e-9
"""Share of the largest current within which points on a straight line are left out: a current that is held is
two points, not one for every second of its record."""
COLUMNS = {
    "time": ("s", ("time", "t")),
    "current density": ("mA/cm**2", ("current density", "current", "i", "j")),
}
"""Columns with their unit in a case and the names that their heads may begin with."""
_HEAD = re.compile(
    r"\s*(?P<name>current[ _]density|time|current|t|i|j)\s*"
    r"(?:[(\[/,]\s*(?P<unit>[^)\]]*?)\s*[)\]]?|_(?P<plain>\w+))?\s*",
    re.IGNORECASE,
)
"""``time (s)``, ``time [s]``, ``time / s``, ``time_s``, ``current_mA_cm2``."""


def with_tables(data: Mapping[str, Any], source: str) -> tuple[Mapping[str, Any], list[str]]:
    """Case data in which ``table`` of a step has become ``points``, and what is wrong with the tables.

    Args:
        data: as the file has it.
        source: the case file, which a relative path starts from.
    """
    operation = data.get("operation")
    steps = operation.get("step") if isinstance(operation, Mapping) else None
    if not isinstance(operation, Mapping) or not isinstance(steps, list):
        return data, []
    made, problems = list(steps), list[str]()
    for number, step in enumerate(steps):
        if not isinstance(step, Mapping) or not isinstance(step.get("table"), str) or "points" in step:
            continue  # what is wrong the schema says
        kept = {key: value for key, value in step.items() if key != "table"}
        try:
            points = read_currents(Path(source).parent / step["table"])
        except TableError as error:
            where = f"operation.step[{number}].table = {shown(step['table'])}"
            problems += [f"{where}: {line}" for line in error.lines]
            points = [[0.0, 1.0], [1e10, 1.0]]  # so that the rest of the case is looked at too
        made[number] = {**kept, "points": points}
    return {**data, "operation": {**operation, "step": made}}, problems


class TableError(ValueError):
    """A table that cannot be used; ``lines`` has one sentence for each fault."""

    def __init__(self, lines: list[str]) -> None:
        more = len(lines) - MOST_TOLD
        self.lines = [*lines[:MOST_TOLD], *([f"{more} more faults"] if more > 0 else [])]
        super().__init__("; ".join(self.lines))


def read_currents(path: Path) -> list[list[float]]:
    """Points (s from the first row, mA/cm2) of a table; those on a straight line are left out.

    The first line has the names of the columns with their units; other columns are not read. Lines that are
    empty or begin with ``#`` are skipped. Cells are separated by commas, semicolons or tabs.

    Raises:
        TableError: with everything that is wrong with the file, without the path.
    """
    try:
        numbered = numbered_lines(path, MAX_SIZE)
    except ValueError as error:
        raise TableError([str(error)]) from None
    if not numbered:
        raise TableError(["the file is empty"])
    separator = max(",;\t", key=numbered[0][1].count)
    places = _places(_cells(numbered[0][1], separator))
    problems: list[str] = []
    points = [
        found for n, line in numbered[1:] if (found := _point(n, _cells(line, separator), places, problems))
    ]
    problems += [
        f"line {n}: time goes from {before[0]:.10g} to {after[0]:.10g} s; it has to increase"
        for (n, after), (_, before) in zip(points[1:], points, strict=False)
        if after[0] <= before[0]
    ]
    if len(points) < 2 and not problems:
        problems.append("needs two lines with numbers at least")
    if problems:
        raise TableError(problems)
    start, precision = points[0][1][0], PRECISION * max(abs(i) for _, (_, i) in points)
    return thinned([[time - start, current] for _, (time, current) in points], precision)


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator))
    except csv.Error:
        return []


def _places(head: list[str]) -> dict[str, tuple[int, str]]:
    """Place and unit of each column; raises TableError with what is missing."""
    found: dict[str, tuple[int, str]] = {}
    problems: list[str] = []
    for column, (wanted, names) in COLUMNS.items():
        for place, text in enumerate(head):
            match = _HEAD.fullmatch(text)
            if match is None or match["name"].lower().replace("_", " ") not in names:
                continue
            if column in found:
                problems.append(
                    f"two columns for the {column}: {shown(head[found[column][0]])}, {shown(text)}"
                )
                break
            unit = match["unit"] or (match["plain"] or "").replace("_", "/")
            found[column] = (place, unit)
            problems += _unit_problems(text, unit, wanted)
        if column not in found:
            example = {"time": "time (s)", "current density": "current density (mA/cm2)"}[column]
            problems.append(
                f"no column for the {column}: its head is such as '{example}', not one of {shown(head)}"
            )
    if problems:
        raise TableError(problems)
    return found


def _unit_problems(head: str, unit: str, wanted: str) -> list[str]:
    if not unit:
        return [f"column {shown(head)} has no unit in its head"]
    try:
        convert(1.0, unit, wanted)
    except ValueError as error:
        area = "; a current in mA is divided by the area of the cell" if "cm" in wanted else ""
        return [f"column {shown(head)}: {error}{area}"]
    return []


def _point(
    number: int, cells: list[str], places: Mapping[str, tuple[int, str]], problems: list[str]
) -> tuple[int, tuple[float, float]] | None:
    """Number of the line and its point; what is wrong is added to the problems."""
    values = []
    for column, (place, unit) in places.items():
        text = cells[place].strip() if place < len(cells) else ""
        try:
            value = convert(float(text), unit, COLUMNS[column][0]) if text else math.nan
        except ValueError:
            comma = "; the decimal sign is a point" if re.fullmatch(r"[-+]?\d+,\d+", text) else ""
            problems.append(f"line {number}: {column} {shown(text)} is not a number{comma}")
            continue
        if not math.isfinite(value):
            problems.append(f"line {number}: {column} is {'missing' if not text else 'not finite'}")
            continue
        values.append(value)
    return (number, (values[0], values[1])) if len(values) == 2 else None
