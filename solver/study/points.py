"""The points of a study: which values each run takes."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import qmc

from solver.case.loading import CaseError, load_case
from solver.case.units import convert, split_quantity
from solver.setup.setup import set_up
from solver.study.schema import MAX_POINTS, Range

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.study.schema import Study, Value

DIGITS = 10
"""Significant digits of computed values, so that a study file gives the same cases everywhere."""


@dataclass(frozen=True)
class Point:
    """One run of a study: its name (``run-0001``), the values by dotted path that differ from the case."""

    name: str
    values: Mapping[str, Value]


def is_name(text: str) -> bool:
    """Whether a text is the name of a point."""
    return re.fullmatch(r"run-\d{4,}", text) is not None


def expand(study: Study, source: str = "study") -> list[Point]:
    """All points of a study, in order.

    Raises:
        CaseError: if a range is none, or there are too many points.
    """
    problems: list[str] = []
    axes: dict[str, _Axis] = {}
    for path, values in study.vary.items():
        try:
            axes[path] = _Axis(values)
        except ValueError as error:
            problems.append(f"study.vary.{path}: {error}")
    if problems:
        raise CaseError(source, problems)
    if study.method == "one-at-a-time":
        changes = [{}, *({path: value} for path, axis in axes.items() for value in axis.values())]
        return [Point(f"run-{number:04d}", change) for number, change in enumerate(changes, 1)]
    if study.method == "latin-hypercube":
        sampler = qmc.LatinHypercube(d=len(axes), seed=study.seed)
        draws = sampler.random(study.samples)
        rows: list[tuple[Value, ...]] = [
            tuple(axis.at(float(share)) for axis, share in zip(axes.values(), draw, strict=True))
            for draw in draws
        ]
    else:
        columns = [axis.values() for axis in axes.values()]
        count = math.prod(len(c) for c in columns) if study.method == "grid" else len(columns[0])
        if count > MAX_POINTS:
            raise CaseError(source, [f"study: {count} runs, more than {MAX_POINTS}"])
        rows = (
            list(itertools.product(*columns)) if study.method == "grid" else list(zip(*columns, strict=True))
        )
    return [
        Point(f"run-{number:04d}", dict(zip(axes, row, strict=True))) for number, row in enumerate(rows, 1)
    ]


def load_points(study: Study, study_file: Path, points: Sequence[Point]) -> list[LoadedCase]:
    """The case of every point.

    Raises:
        CaseError: with the problems of all points, before anything has run.
    """
    base = study_file.parent / study.case
    cases, problems = [], []
    for point in points:
        try:
            cases.append(load_case(base, study.fixed | dict(point.values)))
            set_up(cases[-1])  # what only the whole case tells: a population that does not fit, sizes
        except CaseError as error:
            shown = ", ".join(f"{path} = {value}" for path, value in point.values.items())
            problems += [f"{point.name} ({shown}): {problem}" for problem in error.problems]
    if problems:
        raise CaseError(str(study_file), problems)
    return cases


class _Axis:
    """Values along one dotted path."""

    def __init__(self, values: list[Value] | Range) -> None:
        self._listed = values if isinstance(values, list) else None
        if isinstance(values, Range):
            self._range = values
            (self._low, self._unit), (high, unit) = split_quantity(values.start), split_quantity(values.to)
            if bool(unit) != bool(self._unit):
                raise ValueError("only one end of the range has a unit")
            if unit:
                try:
                    high = convert(high, unit, self._unit)
                except ValueError:
                    raise ValueError(f"units {self._unit!r} and {unit!r} do not fit together") from None
            self._high = high
            if values.spacing == "log" and self._unit == "degC":
                raise ValueError("equal ratios need an absolute temperature, in K")
            if values.spacing == "log" and not (self._low > 0.0 and high > 0.0):
                raise ValueError("equal ratios need two positive ends")

    def values(self) -> list[Value]:
        """The listed values, or those of the range."""
        if self._listed is not None:
            return list(self._listed)
        return [self.at(float(share)) for share in np.linspace(0.0, 1.0, self._range.number)]

    def at(self, share: float) -> Value:
        """The value at a share (0 to 1) of the range, or of the list."""
        if self._listed is not None:
            return self._listed[min(int(share * len(self._listed)), len(self._listed) - 1)]
        if self._range.spacing == "log":
            number = self._low * (self._high / self._low) ** share
        else:
            number = self._low + (self._high - self._low) * share
        rounded = float(f"{number:.{DIGITS}g}")
        if self._unit:
            return f"{rounded:.{DIGITS}g} {self._unit}"
        whole = isinstance(self._range.start, int) and isinstance(self._range.to, int)
        return round(rounded) if whole else rounded
