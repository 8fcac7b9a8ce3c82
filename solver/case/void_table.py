"""Voids from a table (CSV, Parquet), ``[voids] from = "FILE"``: read once, with the case, into ``[[void]]``.

The case carries the voids from there on: its copy in the run folder repeats without the file.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from solver.case.errors import suggestion
from solver.case.header_units import any_unit_in, unit_candidates, unit_in
from solver.case.units import convert
from solver.core.files import check_plain, read_text

VOIDS, VOID, FROM = "voids", "void", "from"
PARQUET = ".parquet"
INDEX = "__index_level_"
"""What pandas calls an index that it writes as a column."""
BESIDE = ("shape",)
"""Keys of [voids] that go with a table: each void gets them."""
COLUMNS = ("position", "x", "y", "width", "height")
MAX_SIZE = 10_000_000
"""Bytes of a table that is read."""
MOST = 2000
"""Voids of one table at most, as of [[void]]."""


def with_voids(data: Mapping[str, Any], folder: Path) -> tuple[Mapping[str, Any], list[str]]:
    """Case data in which the table that ``voids.from`` names has become ``[[void]]``; and what is wrong.

    Args:
        data: as the file has it.
        folder: that a relative path starts from.
    """
    voids = data.get(VOIDS)
    if not isinstance(voids, Mapping) or not isinstance(voids.get(FROM), str):
        return data, []
    path = f"{VOIDS}.{FROM} = {voids[FROM]!r}"
    problems = [
        f"{VOIDS}.{key}: does not go with 'from', whose table has the voids{suggestion(key, BESIDE)}"
        for key in voids
        if key not in (FROM, *BESIDE)
    ]
    if data.get(VOID):
        problems.append("give [[void]] or [voids], not both")
    geometry = data.get("geometry")
    solid = isinstance(geometry, Mapping) and geometry.get("kind") == "3d"
    found: list[dict[str, Any]] = []
    try:
        found = read_voids(folder / voids[FROM], solid=solid)
    except ValueError as error:
        problems += [f"{path}: {line}" for line in str(error).splitlines()]
    beside = {key: voids[key] for key in BESIDE if key in voids}
    rest = {key: value for key, value in data.items() if key not in (VOIDS, VOID)}
    return {**rest, VOID: [void | beside for void in found]}, problems


def read_voids(path: Path, *, solid: bool) -> list[dict[str, Any]]:
    """Tables ``[[void]]`` from a file with the columns position (in 3-D x and y), width and height.

    Their units are in their heads (``width_um``, ``width (um)``); without a height it is half the width.

    Raises:
        ValueError: with all that is wrong with the file, a line each, without its path.
    """
    parquet = path.suffix.lower() == PARQUET
    head, *rows = _parquet(path) if parquet else _text(path)
    problems: list[str] = []
    places = dict(_places(head, solid, problems))
    if not problems and not rows:
        problems.append("has no void")
    if len(rows) > MOST:
        problems.append(f"has {len(rows)} voids, more than {MOST}")
    if problems:
        raise ValueError("\n".join(problems))
    voids = [_void(row, places, number, problems) for number, row in enumerate(rows, start=2)]
    if problems:
        raise ValueError("\n".join(problems))
    return voids


def _text(path: Path) -> list[list[str]]:
    """Rows of cells of a CSV file, the head first."""
    lines = csv.reader(read_text(path, MAX_SIZE).lstrip("\ufeff").splitlines())
    try:
        return [row for row in lines if any(cell.strip() for cell in row)] or [[]]
    except csv.Error as error:
        raise ValueError(f"not a table: {error}") from None


def _parquet(path: Path) -> list[list[str]]:
    """The same of a Parquet file, read by pyarrow, without an index that pandas has left in it."""
    check_plain(path, MAX_SIZE)
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise ValueError("Parquet is read by pyarrow, which is missing (pip install pyarrow)") from None
    try:
        found = parquet.ParquetFile(path)
        if found.metadata.num_rows > MOST:  # it may be compressed: the bytes say little
            raise ValueError(f"has {found.metadata.num_rows} voids, more than {MOST}")
        table = found.read()
    except (ArrowException, OSError) as error:
        raise ValueError(f"cannot be read: {error}".splitlines()[0]) from None
    kept = [k for k, name in enumerate(table.column_names) if not name.startswith(INDEX)]
    columns = [map(str, table.column(k).to_pylist()) for k in kept]
    heads = [table.column_names[k] for k in kept]
    return [heads, *(list(row) for row in zip(*columns, strict=True))]


def _places(head: Sequence[str], solid: bool, problems: list[str]) -> Iterator[tuple[str, tuple[int, float]]]:
    """Column and factor to um of each quantity of a void."""
    wanted = ("x", "y", "width") if solid else ("position", "width")
    known = (*wanted, "height")
    names: list[str] = []
    for place, text in enumerate(head):
        name = _name(text.strip())
        name = "position" if name == "x" and not solid else name
        names.append(name)
        if name not in known:
            problems.append(f"column '{text}': not of {', '.join(known)}{suggestion(name, known)}")
            continue
        unit = unit_in(text.strip(), ("um",))
        if unit is None:
            said = any_unit_in(text.strip())
            about = "has no unit" if said is None else f"'{said}' is no length"
            problems.append(f"column '{text}': {about}; write {name}_um")
        else:
            yield name, (place, convert(1.0, unit, "um"))
    problems += [f"no column {name}_um" for name in wanted if name not in names]
    problems += [f"column {name} is there twice" for name in known if names.count(name) > 1]


def _name(text: str) -> str:
    """The quantity that a head names: without its unit."""
    bare = [name for name, _ in unit_candidates(text)]
    return next((name.strip().lower() for name in (*bare, text) if name.strip().lower() in COLUMNS), text)


def _void(
    row: Sequence[str], places: Mapping[str, tuple[int, float]], number: int, problems: list[str]
) -> dict[str, Any]:
    found: dict[str, str] = {}
    for name, (place, factor) in places.items():
        try:
            value = factor * float(row[place])
        except (IndexError, ValueError):
            problems.append(f"line {number}: {name} is no number")
            continue
        if not math.isfinite(value):
            problems.append(f"line {number}: {name} is not finite")
        found[name] = f"{value!r} um"
    if "x" in found and "y" in found:
        return {"position": [found.pop("x"), found.pop("y")], **found}
    return dict(found)
