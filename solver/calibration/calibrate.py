"""A calibration: waves of runs, emulators, what the measurements leave, and what moved what.

What a run is stands outside: a :data:`Model` takes values of the parameters and gives the observables. For
``livoid calibrate`` it is a study (:mod:`solver.calibration.runs`), for a check a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from solver.calibration import design
from solver.calibration.emulator import Emulator
from solver.calibration.matching import Match, implausibility, posterior
from solver.calibration.priors import at
from solver.calibration.sensitivity import sobol_indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from solver.calibration.matching import Posterior
    from solver.calibration.priors import Prior
    from solver.calibration.schema import Observable

    Values = NDArray[np.float64]

ParameterValues = Mapping[str, "str | float"]
Model = Callable[[int, Sequence[ParameterValues]], "NDArray[np.float64]"]
"""Observables (points, draws of the voids, observables) of a wave's points; NaN where nothing is known."""

CANDIDATES = 4096
"""Points among which the chains of the posterior start."""


@dataclass(frozen=True)
class Wave:
    """One round of runs.

    Attributes:
        points: in the unit cube (n, parameters).
        runs: observables (n, draws, observables).
        left: share of the cube that had not been ruled out before.
    """

    points: Values
    runs: Values
    left: float


@dataclass(frozen=True)
class Result:
    """What a calibration has found.

    Attributes:
        priors: by dotted path.
        observables: what was measured.
        waves: all runs.
        emulators: one an observable, of all runs.
        left: share of the cube that is not ruled out in the end.
        posterior: samples; None where everything is ruled out.
        without: the same without each observable.
        first, total: Sobol indices (observables, parameters).
    """

    priors: Mapping[str, Prior]
    observables: Sequence[Observable]
    waves: Sequence[Wave]
    emulators: Sequence[Emulator]
    left: float
    posterior: Posterior | None
    without: Sequence[Posterior]
    first: Values
    total: Values

    @property
    def runs(self) -> Values:
        """Observables of all runs (n, draws, observables)."""
        return np.concatenate([wave.runs for wave in self.waves])


class NothingKnownError(ValueError):
    """Too few runs say anything of an observable."""


def calibrate(
    priors: Mapping[str, Prior],
    observables: Sequence[Observable],
    model: Model,
    *,
    samples: int,
    waves: int,
    implausible: float,
    seed: int,
    leave_out: bool = True,
) -> Result:
    """Carry a calibration out.

    Args:
        priors: by dotted path.
        observables: what was measured.
        model: makes the runs.
        samples: points of a wave.
        waves: at most; fewer where nothing more is ruled out, or everything.
        implausible: standard deviations beyond which a point is ruled out.
        seed: of everything that is drawn.
        leave_out: whether the posterior is also found without each observable.

    Raises:
        NothingKnownError: if too few runs say anything of an observable.
    """
    made: list[Wave] = []
    matches: list[Match] = []
    points, left = design.sobol(len(priors), samples, seed), 1.0
    for number in range(1, waves + 1):
        made.append(Wave(points, model(number, [at(priors, point) for point in points]), left))
        matches = _matches(priors, observables, made, seed)

        def allowed(candidates: Values, now: list[Match] = matches) -> NDArray[np.bool_]:
            return implausibility(now, candidates) <= implausible

        points, left = design.next_wave(len(priors), samples, seed + number, allowed)
        if len(points) == 0:
            break
    return _result(priors, observables, made, matches, left, seed, leave_out)


def _matches(
    priors: Mapping[str, Prior], observables: Sequence[Observable], waves: Sequence[Wave], seed: int
) -> list[Match]:
    normal = [prior.distribution == "log-normal" for prior in priors.values()]
    points = np.vstack([wave.points for wave in waves])
    runs = np.concatenate([wave.runs for wave in waves])
    matches = []
    for k, observable in enumerate(observables):
        try:
            matches.append(Match(observable, Emulator(points, runs[:, :, k], seed, normal)))
        except ValueError as error:
            raise NothingKnownError(f"{observable.name}: {error}") from None
    return matches


def _result(
    priors: Mapping[str, Prior],
    observables: Sequence[Observable],
    waves: Sequence[Wave],
    matches: Sequence[Match],
    left: float,
    seed: int,
    leave_out: bool,
) -> Result:
    dimensions = len(priors)
    start = design.sobol(dimensions, CANDIDATES, seed)

    def sampled(some: Sequence[Match]) -> Posterior:
        return posterior(some, dimensions, seed, start)

    found = sampled(matches) if left > 0.0 else None
    fewer = [[other for other in matches if other is not match] for match in matches]
    without = [sampled(others) for others in fewer] if found is not None and leave_out else []
    indices = [sobol_indices(match.emulator, list(priors), seed) for match in matches]
    return Result(
        priors,
        observables,
        waves,
        [match.emulator for match in matches],
        left,
        found,
        without,
        np.array([first for first, _ in indices]),
        np.array([total for _, total in indices]),
    )
