"""The copy of the materials in a resolved case: where it differs from [material], one of them was edited."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from solver.case.errors import message, shown, suggestion
from solver.case.materials import Library
from solver.case.units import split_quantity

if TYPE_CHECKING:
    from pydantic import BaseModel

SECTION = "resolved_material"
_SAME = 1e-12
"""Relative difference up to which two numbers are one that was written and read."""
_RANGE = "range"
_WORDS = ("description", "status", "source", _RANGE)
"""Entries that say where a number is from, and how well it is known."""


def resolved_problems(section: object, materials: Mapping[str, BaseModel]) -> list[str]:
    """What ``[resolved_material]`` says that differs from the case's materials, a line each.

    Args:
        section: as the file has it.
        materials: of the case, by kind; kinds that are missing could not be read.
    """
    if not isinstance(section, Mapping):
        return [f"{SECTION} = {shown(section)}: expected a table"]
    problems: list[str] = []
    for kind, entries in section.items():
        path = f"{SECTION}.{kind}"
        if kind not in Library.KINDS:
            problems.append(f"{path}: unknown key{suggestion(str(kind), Library.KINDS)}")
        elif not isinstance(entries, Mapping):
            problems.append(f"{path} = {shown(entries)}: expected a table")
        elif kind in materials:
            problems += _problems(path, entries, materials[kind], f"[material.{kind}]")
    return problems


def _problems(path: str, entries: Mapping[str, Any], own: BaseModel, place: str) -> list[str]:
    fields = type(own).model_fields
    problems = [
        f"{path}.{key}: unknown property{suggestion(key, fields)}" for key in entries if key not in fields
    ]
    if problems:
        return problems
    mine = own.model_dump(mode="json", exclude_none=True)
    try:
        # an edited number may lie outside its range: that it was edited is what has to be said
        given = type(own).model_validate(mine | {key: _plain(entry) for key, entry in entries.items()})
        theirs = dict(_leaves(given.model_dump(mode="json", exclude_none=True), path))
        ours = dict(_leaves(mine, path))
        if theirs == ours:
            type(own).model_validate(mine | dict(entries))
    except ValidationError as error:
        for detail in error.errors():
            location = ".".join([path, *(str(part) for part in detail["loc"])])
            problems.append(f"{location} = {shown(detail['input'])}: {message(detail)}")
        return problems
    for key in dict.fromkeys([*theirs, *ours]):
        if not _same(theirs.get(key), ours.get(key)):
            problems.append(
                f"{key} = {shown(theirs.get(key))}: differs from {shown(ours.get(key))}, "
                f"which the case gives; change it in {place}, or leave [{SECTION}] out"
            )
    return problems


def _plain(entry: object) -> object:
    """A number without its range."""
    return {k: v for k, v in entry.items() if k != _RANGE} if isinstance(entry, Mapping) else entry


def _leaves(data: object, path: str) -> Iterator[tuple[str, object]]:
    """Paths and plain values of nested data, without those that only describe."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            if key not in _WORDS:
                yield from _leaves(value, f"{path}.{key}")
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _leaves(value, f"{path}[{number}]")
    else:
        yield path, data


def _same(given: object, own: object) -> bool:
    if given == own:
        return True
    try:
        (first, unit), (second, other) = split_quantity(given), split_quantity(own)
    except ValueError:
        return False
    return unit == other and math.isclose(first, second, rel_tol=_SAME)
