"""Area resistance along the interface as a table has it: a CSV file, read once, when a case is read.

The case carries the points from there on, so that its copy in the run folder says what was computed with.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solver.case.resistance_profile import LEAST, MOST
from solver.case.units import convert
from solver.core.expressions import COORDINATES
from solver.core.files import numbered_lines

if TYPE_CHECKING:
    from solver.case.schema.interface import Heterogeneity

MAX_SIZE = 10_000_000
"""Bytes of a table that is read."""
OHM_CM2 = "ohm cm2"
_HEADER = re.compile(r"\s*(?P<name>[A-Za-z]+)\s*(?:[(\[](?P<unit>[^()\[\]]*)[)\]])?\s*")
_FORM = "x (um),Z (ohm cm2)"


def with_points(data: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    """Case data in which ``heterogeneity.table`` has become ``heterogeneity.points`` and ``points_give``.

    Args:
        data: as the file has it.
        source: the case file, which a relative path starts from.

    Raises:
        ValueError: with what is wrong with the table, without its path.
    """
    section = data.get("heterogeneity")
    if not isinstance(section, Mapping) or not isinstance(section.get("table"), str) or "points" in section:
        return data
    geometry = data.get("geometry")
    kind = geometry.get("kind", "plane") if isinstance(geometry, Mapping) else "plane"
    if kind not in COORDINATES:
        return data  # which the schema says
    points, give = read_table(Path(source).parent / section["table"], COORDINATES[kind])
    kept = {key: value for key, value in section.items() if key != "table"}
    return {**data, "heterogeneity": {**kept, "points": points, "points_give": give}}


def read_table(path: Path, coordinates: tuple[str, ...]) -> tuple[list[list[float]], str]:
    """Points (x[, y], value) of a CSV file, and what the value is: ``"factor"`` or ``"ohm cm2"``.

    Args:
        path: a header with units, ``x (um),Z (ohm cm2)`` or ``x (um),y (um),factor``, and a point a line;
            lines that begin with # are remarks.
        coordinates: names of the positions; all but the first may be left out.

    Raises:
        ValueError: with what is wrong with the file, without the path.
    """
    lines = numbered_lines(path, MAX_SIZE)
    try:
        rows = list(csv.reader(line for _, line in lines))
    except csv.Error as error:
        raise ValueError(f"not a table: {error}") from None
    if len(rows) < 2:
        raise ValueError(f"needs a header such as '{_FORM}' and a line for each point")
    units, give = _columns(rows[0], coordinates)
    wanted = ["um"] * (len(units) - 1) + ["ohm*cm**2" if give == OHM_CM2 else ""]
    scales = [convert(1.0, unit, to) for unit, to in zip(units, wanted, strict=True)]
    return [_point(row, scales, n) for row, (n, _) in zip(rows[1:], lines[1:], strict=True)], give


def _columns(header: list[str], coordinates: tuple[str, ...]) -> tuple[list[str], str]:
    """Units of the columns, and what the last one is."""
    found = [_HEADER.fullmatch(title) for title in header]
    names = [
        match["name"] if match else title.strip()[:40] for match, title in zip(found, header, strict=True)
    ]
    positions = [coordinates[:count] for count in range(1, len(coordinates) + 1)]
    if tuple(names[:-1]) not in positions or names[-1:] not in (["Z"], ["factor"]):
        asked = " or ".join(", ".join(part) for part in positions)
        raise ValueError(f"has columns {', '.join(names)}; needs {asked}, and then Z or factor")
    units = [(match["unit"] or "") if match else "" for match in found]
    for name, unit in zip(names, units, strict=True):
        if name != "factor" and not unit:
            raise ValueError(f"column {name} has no unit in its header, as in '{_FORM}'")
    return units, OHM_CM2 if names[-1] == "Z" else "factor"


def _point(row: list[str], scales: list[float], line: int) -> list[float]:
    if len(row) != len(scales):
        raise ValueError(f"line {line} has {len(row)} values, the header {len(scales)}")
    try:
        values = [float(text) * scale for text, scale in zip(row, scales, strict=True)]
    except ValueError:
        raise ValueError(f"line {line} has a value that is no number") from None
    if not all(map(math.isfinite, values)):
        raise ValueError(f"line {line} is not finite")
    return values


def table_problems(given: Heterogeneity | None, uniform: float) -> list[str]:
    """What is wrong between resistances of a table and that of the electrolyte, ``uniform`` (ohm m2)."""
    if given is None or given.points is None or given.points_give != OHM_CM2:
        return []
    own = convert(uniform, "ohm*m**2", "ohm*cm**2")
    values = [point[-1] for point in given.points]
    if own == 0.0 or all(LEAST * own <= value <= MOST * own for value in values):
        return []
    text = f"{LEAST:g} to {MOST:g} times material.electrolyte.area_resistance = {own:.6g} ohm cm2"
    return [f"heterogeneity.points: {min(values):.6g} to {max(values):.6g} ohm cm2 are not within {text}"]
