"""What varies in a study as columns of its tables: short names, numbers, and one unit for each."""

from __future__ import annotations

import keyword
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from solver.case.paths import parts_of
from solver.case.units import convert, split_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TAKEN = frozenset({*dir(xr.Dataset), *dir(pd.DataFrame), *keyword.kwlist, "name", "value", "do"})
"""Names that xarray or pandas would take for a method of theirs, or that say nothing by themselves.

:meta hide-value:
"""
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")
_TRUTH = {"True": True, "False": False}
_DIGITS = 12
"""Significant digits of a number that had another unit: 300 K are 26.85 degC."""


@dataclass(frozen=True)
class Varied:
    """One path that varies.

    Attributes:
        path: dotted, as in the study file.
        name: short name without a unit, valid as an attribute (``pressure``).
        unit: of the numbers, that of the first value; empty for ratios, counts and words.
        values: one for each run, in order: numbers where all values are (NaN where the case keeps its own
            value), else truth values or texts.
    """

    path: str
    name: str
    unit: str
    values: tuple[Any, ...]

    @property
    def header(self) -> str:
        """Name with the unit, for tables that have no place of their own for it (``pressure_MPa``)."""
        return header(self.name, self.unit)


def header(name: str, unit: str) -> str:
    """Name and unit as one name, as in ``series.csv``: ``capacity_mAh_cm2`` of ``mAh/cm^2``."""
    if not unit:
        return name
    unit = re.sub("^1/", "per ", unit.replace("degC", "C").replace("^", ""))
    return f"{name}_{_plain(unit)}"


def labelled(name: str, unit: str) -> str:
    """Name and unit for people: ``pressure (MPa)``."""
    return f"{name} ({unit})" if unit else name


def columns(rows: Sequence[Mapping[str, str]], paths: Sequence[str], taken: frozenset[str]) -> list[Varied]:
    """The columns of what varies.

    Args:
        rows: the values of each run as written, by path; empty where the case keeps its own.
        paths: what varies.
        taken: names of other columns.
    """
    names = short_names(paths, taken)
    made = []
    for path in paths:
        values, unit = numbers([row[path] for row in rows])
        made.append(Varied(path, names[path], unit, values))
    return made


def short_names(paths: Sequence[str], taken: frozenset[str] = frozenset()) -> dict[str, str]:
    """For each path the shortest end of it that no other path has, joined by ``_``.

    ``operation.pressure`` is ``pressure``, ``void[0].width`` and ``void[1].width`` are ``void_0_width`` and
    ``void_1_width``. Names that are ``taken`` or are methods of tables become longer too.
    """
    parts = {path: [_plain(part) for part in parts_of(path)] for path in paths}
    length = dict.fromkeys(paths, 1)
    while True:
        names = {path: "_".join(parts[path][-length[path] :]) for path in paths}
        used = list(names.values())
        wrong = [p for p, name in names.items() if used.count(name) > 1 or not _usable(name, taken)]
        longer = [path for path in wrong if length[path] < len(parts[path])]
        if not longer:
            return _numbered(names, taken)
        for path in longer:
            length[path] += 1


def _numbered(names: dict[str, str], taken: frozenset[str]) -> dict[str, str]:
    """Names of which none can become longer: what is still not its own gets a number."""
    used: set[str] = set()
    for path, name in names.items():
        own, count = name if name.isidentifier() else f"_{name}", 1
        while own in used or not _usable(own, taken):
            count += 1
            own = f"{name}_{count}" if name.isidentifier() else f"_{name}_{count}"
        names[path] = own
        used.add(own)
    return names


def _usable(name: str, taken: frozenset[str]) -> bool:
    return name.isidentifier() and name not in TAKEN and name not in taken


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")


def numbers(texts: Sequence[str]) -> tuple[tuple[Any, ...], str]:
    """Numbers in the unit of the first value and that unit; the texts where some value is no number.

    Values with another unit of the same kind are converted; empty texts are NaN among numbers.
    """
    if not any(texts):
        return tuple(texts), ""
    if all(text in _TRUTH for text in texts):
        return tuple(_TRUTH[text] for text in texts), ""
    if all(_INTEGER.fullmatch(text) for text in texts):
        return tuple(int(text) for text in texts), ""
    try:
        parsed = [_parsed(text) for text in texts]
        unit = next((unit for number, unit in parsed if math.isfinite(number)), "")
        return tuple(_in(number, own, unit) for number, own in parsed), unit
    except ValueError:
        return tuple(texts), ""


def _parsed(text: str) -> tuple[float, str]:
    if not text:
        return math.nan, ""
    if text.strip() in ("inf", "+inf"):
        return math.inf, ""
    try:
        return float(text), ""
    except ValueError:
        return split_quantity(text)


def _in(number: float, own: str, unit: str) -> float:
    """Converted; what needs no conversion keeps the number as it is written."""
    if own == unit or not math.isfinite(number):
        return number
    if not own or not unit:
        raise ValueError("only some values have a unit")
    return float(f"{convert(number, own, unit):.{_DIGITS}g}")
