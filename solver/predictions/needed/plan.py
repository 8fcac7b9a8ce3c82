"""From the options of ``livoid pressure-needed`` to what is to be done, or all that is wrong with them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

from solver.case.errors import CaseError, shown
from solver.case.units import convert, parse_quantity
from solver.predictions.needed.question import Question, Setting, unsuited
from solver.predictions.needed.samples import Sample, chosen, conflicts, read_posterior, with_voids
from solver.predictions.needed.search import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from solver.case.loading import LoadedCase

SAMPLES = 8
"""Samples where something varies and no number is given."""
MOST_SAMPLES = 10_000
MOST_RESOLUTION = 4.0
"""Ratio of pressures above which an answer says nothing."""


@dataclass(frozen=True)
class Limits:
    """What a cell has to keep, as the command line gives it (None: not given)."""

    active_contact: str | None = None
    overpotential: str | None = None
    capacity: str | None = None
    after: str | None = None


@dataclass(frozen=True)
class Over:
    """What the answer is a function of, as the command line gives it."""

    current: Sequence[str] = ()
    temperature: Sequence[str] = ()
    stiffness: Sequence[str] = ()


@dataclass(frozen=True)
class Drawn:
    """What the answer is distributed over.

    Attributes:
        paths: of the priors, with what draws from them; None without priors.
        posterior: table of samples, or None.
        samples: how many, None for the default.
        seed: of the draws.
    """

    priors: tuple[Sequence[str], Callable[[int, int], list[dict[str, str | float]]]] | None = None
    posterior: Path | None = None
    samples: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Range:
    """Where it is sought, as the command line gives it."""

    lowest: str
    highest: str
    resolution: float
    start: str | None = None


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        loaded: the case.
        question: limits and capacity.
        settings: what the answer is a function of.
        samples: what it is distributed over.
        bounds: where it is sought.
        start: first pressure (MPa), None for a static guess.
    """

    loaded: LoadedCase
    question: Question
    settings: list[Setting]
    samples: list[Sample]
    bounds: Bounds
    start: float | None


@dataclass
class _Reader:
    """Reads options; what is wrong with them gathers in ``problems``."""

    problems: list[str] = field(default_factory=list)

    def quantity(self, option: str, text: str | None, unit: str, *, zero: bool = False) -> float | None:
        """A quantity above 0 (or 0) in a unit; None if it is not given, or wrong."""
        if text is None:
            return None
        try:
            value = parse_quantity(text, unit)
        except ValueError as error:
            self.problems.append(f"{option} {shown(text)}: {error}")
            return None
        if value < 0.0 or (value == 0.0 and not zero) or not math.isfinite(value):
            self.problems.append(f"{option} {shown(text)}: must lie above 0" + (" or be 0" if zero else ""))
            return None
        return value

    def list(self, option: str, texts: Sequence[str], unit: str, *, zero: bool = False) -> list[float]:
        """Several of them, each once, in order."""
        values = [self.quantity(option, text, unit, zero=zero) for text in texts]
        return sorted({value for value in values if value is not None})


def plan(loaded: LoadedCase, limits: Limits, over: Over, drawn: Drawn, sought: Range) -> Plan:
    """What the options ask for.

    Raises:
        CaseError: with every problem of the options, and why the question cannot be asked of the case.
    """
    read = _Reader(unsuited(loaded))
    question = _question(read, loaded, limits)
    settings = _settings(read, loaded, over)
    samples = _samples(read, loaded, drawn, fixed_stiffness=len(over.stiffness) > 0)
    bounds = _bounds(read, sought)
    start = read.quantity("--start", sought.start, "MPa")
    if start is not None and not bounds.lowest <= start <= bounds.highest:
        read.problems.append("--start: lies outside --lowest and --highest")
    if read.problems:
        raise CaseError(loaded.source, read.problems)
    return Plan(loaded, question, settings, samples, bounds, start)


def _question(read: _Reader, loaded: LoadedCase, limits: Limits) -> Question:
    operation = loaded.case.operation
    active = read.quantity("--active-contact", limits.active_contact, "")
    if active is not None and active >= 1.0:
        read.problems.append(f"--active-contact {limits.active_contact}: must lie below 1")
    voltage = read.quantity("--overpotential", limits.overpotential, "V")
    if limits.overpotential is None:
        voltage = operation.cutoff_voltage
    if limits.active_contact is None and limits.overpotential is None and voltage is None:
        read.problems.append("no limit is given: --active-contact or --overpotential, or both")
    capacity = read.quantity("--capacity", limits.capacity, "mA*hour/cm^2")
    if limits.capacity is None:
        own = operation.capacity
        capacity = None if own is None else _round(convert(own, "C/m^2", "mA*hour/cm^2"))
        if capacity is None:
            read.problems.append("--capacity: is not given, and the case has none")
    after = read.quantity("--after", limits.after, "mA*hour/cm^2", zero=True)
    after = 0.0 if after is None else after
    if capacity is not None and after >= capacity:
        read.problems.append(f"--after {limits.after}: is not below the capacity, {capacity:g} mAh/cm2")
    return Question(0.0 if capacity is None else capacity, active, voltage, after)


def _settings(read: _Reader, loaded: LoadedCase, over: Over) -> list[Setting]:
    operation, fixture = loaded.case.operation, loaded.case.fixture
    currents = read.list("--current", over.current, "mA/cm^2")
    if len(over.current) == 0 and operation.current is not None:
        currents = [_round(convert(operation.current, "A/m^2", "mA/cm^2"))]
    if len(over.current) == 0 and operation.current is None:
        read.problems.append("--current: is not given, and the case has none")
    temperatures = read.list("--temperature", over.temperature, "K") or [_round(operation.temperature)]
    stiffnesses: list[float | None] = [*read.list("--stiffness", over.stiffness, "MPa/um", zero=True)]
    if len(over.stiffness) > 0 and fixture is None:
        read.problems.append(
            "--stiffness: belongs to a case with [fixture], which says what the cell stands against"
        )
    return [Setting(*values) for values in product(currents, temperatures, stiffnesses or [None])]


def _samples(read: _Reader, loaded: LoadedCase, drawn: Drawn, *, fixed_stiffness: bool) -> list[Sample]:
    """The samples, those of a case in which nothing varies one alone."""
    voids, count = loaded.case.voids, drawn.samples
    if count is not None and not 1 <= count <= MOST_SAMPLES:
        read.problems.append(f"--samples {count}: must lie between 1 and {MOST_SAMPLES}")
        return []
    if drawn.seed < 0:
        read.problems.append(f"--seed {drawn.seed}: must not be negative")
        return []
    if drawn.priors is not None and drawn.posterior is not None:
        read.problems.append("give --priors or --posterior, not both")
    varies = drawn.priors is not None or drawn.posterior is not None or voids is not None
    if count is not None and count > 1 and not varies:
        read.problems.append("--samples: nothing varies: no --priors, no --posterior, no random [voids]")
    count = count or (SAMPLES if varies else 1)
    taken = ("fixture.stiffness",) if fixed_stiffness else ()
    samples = [Sample({})] * count
    if drawn.priors is not None:
        paths, draw = drawn.priors
        read.problems += conflicts(paths, taken)
        samples = [Sample(values) for values in draw(count, drawn.seed)]
    elif drawn.posterior is not None:
        rows, problems = read_posterior(drawn.posterior)
        read.problems += problems + (conflicts(list(rows[0].values), taken) if rows else [])
        samples = chosen(rows, count, drawn.seed)
        if rows and not samples:
            read.problems.append(f"{drawn.posterior}: all weights are 0")
    return samples if voids is None else with_voids(samples, voids.seed)


def _bounds(read: _Reader, sought: Range) -> Bounds:
    lowest = read.quantity("--lowest", sought.lowest, "MPa")
    highest = read.quantity("--highest", sought.highest, "MPa")
    if lowest is not None and highest is not None and lowest >= highest:
        read.problems.append(f"--lowest {sought.lowest}: is not below --highest {sought.highest}")
    if not 1.0 < sought.resolution <= MOST_RESOLUTION:
        read.problems.append(
            f"--resolution {sought.resolution:g}: must lie above 1 and not above {MOST_RESOLUTION:g}"
        )
    ends = 0.0 if lowest is None else lowest, math.inf if highest is None else highest
    return Bounds(*ends, sought.resolution)


def _round(value: float) -> float:
    """A number without the last digits that its conversion has left."""
    return float(f"{value:.12g}")
