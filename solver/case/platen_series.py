"""The motion of a platen as another run recorded it: ``series.csv``, read once, when a case is read.

The case carries the points from there on: its copy in the run folder says what was done, wherever the other
run has gone, and all ranks compute with the same numbers.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from solver.core.files import read_text

MAX_SIZE = 100_000_000
"""Bytes of a series that is read."""
COLUMNS = {"time": "time_s", "capacity": "capacity_mAh_cm2"}
HEIGHT = "platen_um"
PRECISION = 1e-5
"""Distance (um) from the recorded curve within which points are left out: a tenth of an atom."""


def with_motion(data: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    """Case data in which ``fixture.series`` has become ``fixture.motion``.

    Args:
        data: as the file has it.
        source: the case file, which a relative path starts from.

    Raises:
        ValueError: with what is wrong with the series, without its path.
    """
    fixture = data.get("fixture")
    if not isinstance(fixture, Mapping) or not isinstance(fixture.get("series"), str) or "motion" in fixture:
        return data
    against = fixture.get("against") or "time"
    if against not in COLUMNS:
        return data  # which the schema says
    motion = read_motion(Path(source).parent / fixture["series"], COLUMNS[against])
    kept = {key: value for key, value in fixture.items() if key != "series"}
    return {**data, "fixture": {**kept, "motion": motion}}


def read_motion(path: Path, column: str) -> list[list[float]]:
    """Points (value of ``column``, height of the platen) of a series; those on a line are left out.

    Raises:
        ValueError: with what is wrong with the file, without the path.
    """
    lines = csv.reader(read_text(path, MAX_SIZE).splitlines())
    try:
        head = next(lines, [])
        missing = [name for name in (column, HEIGHT) if name not in head]
        if missing:
            raise ValueError(f"not the series.csv of a run: no column {', '.join(missing)}")
        places = head.index(column), head.index(HEIGHT)
        points: list[list[float]] = []
        for number, row in enumerate(lines, start=2):
            point = _point(row, places, number)
            if not points or point[0] > points[-1][0]:
                points.append(point)
    except csv.Error as error:
        raise ValueError(f"not a table: {error}") from None
    if len(points) < 2:
        raise ValueError("the run has recorded no motion")
    return thinned(points, PRECISION)


def _point(row: list[str], places: tuple[int, int], number: int) -> list[float]:
    try:
        values = [float(row[place]) for place in places]
    except (IndexError, ValueError):
        raise ValueError(f"line {number} is damaged") from None
    if not all(map(math.isfinite, values)):
        raise ValueError(f"line {number} is not finite")
    return values


def thinned(points: list[list[float]], precision: float) -> list[list[float]]:
    """Points between which straight lines stay within ``precision`` of all that were given.

    From each kept point the cone of slopes that meet all following points is narrowed until none is left.
    """
    kept, low, high = [points[0]], -math.inf, math.inf
    for before, point in pairwise(points):
        (x, y), (at, height) = kept[-1], point
        slope = (height - y) / (at - x)
        if not low <= slope <= high:
            kept.append(before)
            (x, y), low, high = before, -math.inf, math.inf
        low = max(low, (height - precision - y) / (at - x))
        high = min(high, (height + precision - y) / (at - x))
    return [*kept, points[-1]]
