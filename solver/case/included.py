"""Cases that build on others: ``base = "other.toml"``, read and merged once, when a case is read.

Tables are merged key by key; a value or a list (also of tables) of the case replaces that of its base. The
case carries everything from there on, and says in ``[included]`` which of its keys came from which file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from solver.case.data_files import with_data_paths
from solver.core.files import MAX_CASE_SIZE, read_toml

BASE = "base"
RECORD = "included"
FILES = (("fixture", "series"), ("heterogeneity", "table"))
"""Section and key of files that a case names."""
MOST = 20
"""Cases in a line at most, each the base of the one before."""

Check = Callable[[dict[str, Any]], list[str]]


def with_base(data: Mapping[str, Any], source: str, check: Check) -> tuple[dict[str, Any], list[str]]:
    """Case data with that of its bases put in, and what is wrong with these.

    Args:
        data: as the file has it; its ``base`` is relative to its folder.
        source: the case file.
        check: takes out of a base what only belongs to it, and says what is wrong with that.

    Returns:
        Data without ``base``, and a line for every problem.
    """
    merged = {key: value for key, value in data.items() if key != BASE}
    problems: list[str] = []
    taken: dict[str, list[str]] = {}
    chain, given, at = [Path(source).resolve()], data.get(BASE, math.nan), BASE
    while isinstance(given, str):
        path = chain[-1].parent / given
        try:
            if path.resolve() in chain:
                raise ValueError("a circle: this case is a base of itself")
            if len(chain) > MOST:
                raise ValueError(f"more than {MOST} cases, each the base of the one before")
            content = read_toml(path, MAX_CASE_SIZE)
        except ValueError as error:
            return merged, [*problems, f"{at} = {given!r}: {error}"]
        problems += [f"{at} = {given!r}: {line}" for line in check(content)]
        chain.append(path.resolve())
        at, given, content = f"{at}.base", content.pop(BASE, math.nan), _anchored(content, path.parent)
        new = sorted(_missing(content, merged, ""))
        if new:
            taken[str(path)] = new
        merged = _merged(content, merged)
    if isinstance(given, float) and math.isnan(given):
        return (merged | {RECORD: taken} if taken else merged), problems
    return merged, [*problems, f"{at} = {given!r}: expected the path of a case file, as text"]


def _anchored(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Data whose files, relative to its own one, are found from elsewhere too."""
    data.pop(RECORD, None)
    for name, key in FILES:
        if isinstance(data.get(name), dict):
            data[name] = _from(folder, data[name], key)
    operation = data.get("operation")
    if isinstance(operation, dict) and isinstance(operation.get("step"), list):
        steps = [_from(folder, s, "table") if isinstance(s, dict) else s for s in operation["step"]]
        data["operation"] = operation | {"step": steps}
    return dict(with_data_paths(data, folder))


def _from(folder: Path, table: dict[str, Any], key: str) -> dict[str, Any]:
    """A table in which the path at a key starts from a folder."""
    path = table.get(key)
    return table | {key: str((folder / path).resolve())} if isinstance(path, str) else table


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        key: _merged(below[key], value)
        if isinstance(value, Mapping) and isinstance(below.get(key), Mapping)
        else value
        for key, value in above.items()
    }
    return {**below, **both}


def _missing(below: Mapping[str, Any], above: Mapping[str, Any], path: str) -> Iterator[str]:
    """Paths of values that only ``below`` has."""
    for key, value in below.items():
        if key not in above:
            yield path + key
        elif isinstance(value, Mapping) and isinstance(above[key], Mapping):
            yield from _missing(value, above[key], f"{path}{key}.")
