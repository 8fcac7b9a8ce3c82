"""The samples over which an answer is distributed: priors or a posterior, and draws of the voids.

A posterior is a table of samples (CSV): a column for each parameter, headed by its dotted path and unit,
``material.creep.prefactor (1/s)``, and ``weight`` where they do not count alike.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from solver.case.errors import shown
from solver.case.paths import PathError, parts_of
from solver.case.units import split_quantity
from solver.core.files import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MOST_BYTES = 100_000_000
"""Of a posterior's table."""
MOST_PROBLEMS = 20
"""Problems of one table that are said."""
WEIGHT = "weight"
"""Header of the column of weights."""
_HEADER = re.compile(r"(?P<path>\S+?)(?:\s+\((?P<unit>[^()]*)\)|\s+\[(?P<other>[^\[\]]*)\])?")
OWN_SECTIONS = ("operation", "output")
"""Sections of a case that the question itself sets."""


@dataclass(frozen=True)
class Sample:
    """One draw: values by dotted path of the case (with their units), and its weight."""

    values: Mapping[str, str | float | int]
    weight: float = 1.0


def read_posterior(file: Path) -> tuple[list[Sample], list[str]]:
    """Rows of a posterior's table, and what is wrong with it, a line each."""
    try:
        rows = list(csv.reader(read_text(file, MOST_BYTES).splitlines()))
    except (ValueError, csv.Error) as error:
        return [], [f"{file}: {error}"]
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        return [], [f"{file}: needs a row of headers and at least one sample"]
    headers, problems = _headers([cell.strip() for cell in rows[0]])
    if problems:
        return [], [f"{file}: {problem}" for problem in problems]
    samples = []
    for number, row in enumerate(rows[1:], start=2):
        try:
            samples.append(_sample(headers, row))
        except ValueError as error:
            problems.append(f"{file}: row {number}: {error}")
    if len(problems) > MOST_PROBLEMS:
        problems = [*problems[:MOST_PROBLEMS], f"{file}: and {len(problems) - MOST_PROBLEMS} more"]
    return samples, problems


def _headers(cells: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """(path, unit) of every column, and what is wrong with them."""
    found, problems, seen = [], [], set()
    for cell in cells:
        match = _HEADER.fullmatch(cell)
        unit = "" if match is None else match["unit"] or match["other"] or ""
        path = cell if match is None else match["path"]
        try:
            if match is None:
                raise ValueError("is no path with a unit, as in 'material.creep.prefactor (1/s)'")
            parts = tuple(parts_of(path))
            if path != WEIGHT and len(parts) < 2:
                raise ValueError("is no path of a case")
            if parts in seen:
                raise ValueError("is there twice")
            seen.add(parts)
            split_quantity(f"1 {unit}".strip())  # a unit that is none
        except (PathError, ValueError) as error:
            problems.append(f"column {shown(cell)}: {error}")
        found.append((path, unit))
    if not problems and all(path == WEIGHT for path, _ in found):
        problems.append("no column of a parameter")
    return found, problems


def _sample(headers: Sequence[tuple[str, str]], row: Sequence[str]) -> Sample:
    if len(row) != len(headers):
        raise ValueError(f"{len(row)} values under {len(headers)} headers")
    values: dict[str, str | float] = {}
    weight = 1.0
    for (path, unit), cell in zip(headers, row, strict=True):
        try:
            number = float(cell)
        except ValueError:
            raise ValueError(f"{path}: {shown(cell)} is not a number") from None
        if not math.isfinite(number) or (path == WEIGHT and number < 0.0):
            raise ValueError(
                f"{path}: {shown(cell)} is not a {'weight' if path == WEIGHT else 'finite number'}"
            )
        if path == WEIGHT:
            weight = number
        else:
            values[path] = f"{number!r} {unit}" if unit else number
    return Sample(values, weight)


def chosen(rows: Sequence[Sample], count: int, seed: int) -> list[Sample]:
    """So many samples of a posterior: all of few with their weights, else drawn by weight.

    The draw is systematic over the rows in random order, so that a row counts as often as its weight says to
    within one. Drawn samples have equal weights.

    Args:
        rows: with a weight above 0 somewhere.
        count: how many.
        seed: of the order and the draw.
    """
    rows = [row for row in rows if row.weight > 0.0]
    if len(rows) <= count:
        return rows
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(rows))
    places = np.cumsum([rows[k].weight for k in order])
    levels = (np.arange(count) + generator.random()) * places[-1] / count
    return [replace(rows[order[k]], weight=1.0) for k in np.searchsorted(places, levels, side="right")]


def with_voids(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """The samples with another draw of the random voids each, the first one with the case's own.

    Args:
        samples: those with a ``voids.seed`` of their own keep it.
        seed: of the case's voids.
    """
    return [
        replace(sample, values={"voids.seed": seed + k, **sample.values}) for k, sample in enumerate(samples)
    ]


def conflicts(paths: Sequence[str], taken: Sequence[str]) -> list[str]:
    """Which parameters are set by the question itself, or by an option, a line each.

    Args:
        paths: of the samples.
        taken: of the options.
    """
    problems = []
    for path in paths:
        parts = parts_of(path)
        if parts[0] in OWN_SECTIONS:
            problems.append(f"{path}: [{parts[0]}] is what the question sets; it is no parameter of it")
        elif path in taken:
            problems.append(f"{path}: is given by an option already")
    return problems
