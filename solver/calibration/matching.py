"""What the measurements leave: history matching, and the posterior over the emulators.

History matching (Vernon, Goldstein and Bower 2010, doi:10.1214/10-BA524) rules a point out where an
observable of its emulator is further from the measured one than all that is uncertain about both:

    I = max over observables of |f - z| / sqrt(s_f^2 + s_v^2 + s_z^2 + s_m^2),

s_f of the emulator, s_v the spread over draws of the voids (the experiment is one draw too), s_z of the
measurement, s_m of the model. The posterior takes the same variances in a normal likelihood with the priors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import emcee
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from solver.calibration.emulator import Emulator
    from solver.calibration.schema import Observable

    Values = NDArray[np.float64]

WALKERS = 64
"""Chains of the sampler; many short ones, as all are predicted at once."""
STEPS, BURN = 500, 150
"""Steps of each chain, and how many of the first are forgotten."""
KEPT = 2000
"""Samples that are kept, evenly over all."""
ENOUGH = 500.0
"""Steps over a chain's memory from which on it is said to be long enough."""


@dataclass(frozen=True)
class Match:
    """An observable with what stands for it in a run."""

    observable: Observable
    emulator: Emulator

    def distance(self, points: Values) -> tuple[Values, Values]:
        """(f - z, its variance) at points (n, parameters)."""
        mean, deviation = self.emulator.predict(points)
        variance = deviation**2 + self.emulator.spread**2 + self.observable.deviation**2
        return mean - self.observable.measured, variance


def implausibility(matches: Sequence[Match], points: Values) -> Values:
    """Largest distance over its standard deviation at points (n, parameters)."""
    worst = np.zeros(len(points))
    for match in matches:
        distance, variance = match.distance(points)
        worst = np.maximum(worst, np.abs(distance) / np.sqrt(variance))
    return worst


def log_posterior(matches: Sequence[Match], points: Values) -> Values:
    """Logarithm of the posterior density in the unit cube, up to a constant; -inf outside."""
    inside = np.all((points >= 0.0) & (points <= 1.0), axis=1)
    found = np.full(len(points), -np.inf)
    if np.any(inside):
        total = np.zeros(int(inside.sum()))
        for match in matches:
            distance, variance = match.distance(points[inside])
            total -= 0.5 * (distance**2 / variance + np.log(variance))
        found[inside] = total
    return found


@dataclass(frozen=True)
class Posterior:
    """Samples of the posterior.

    Attributes:
        points: in the unit cube (n, parameters).
        density: logarithm of the posterior there, up to a constant.
        steps: of all chains after the first ones, over those in which a chain forgets where it was.
    """

    points: Values
    density: Values
    steps: float

    @property
    def long_enough(self) -> bool:
        """Whether there are many independent samples in them."""
        return self.steps >= ENOUGH

    def holds(self, density: float, share: float = 0.9) -> bool:
        """Whether a point with this density lies in the smallest region with a share of the posterior."""
        return density >= float(np.quantile(self.density, 1.0 - share))


def posterior(matches: Sequence[Match], dimensions: int, seed: int, start: Values) -> Posterior:
    """Sample the posterior by an ensemble of chains (emcee; Foreman-Mackey et al. 2013, doi:10.1086/670067).

    Args:
        matches: observables with their emulators.
        dimensions: of the cube.
        seed: of the chains.
        start: candidates for their first points (n, dimensions), of which the most probable are taken.
    """
    best = start[np.argsort(-log_posterior(matches, start), kind="stable")[:WALKERS]]
    generator = np.random.default_rng(seed)
    best = np.clip(best + 1e-4 * generator.standard_normal(best.shape), 1e-9, 1.0 - 1e-9)
    sampler = emcee.EnsembleSampler(
        WALKERS, dimensions, lambda points: log_posterior(matches, points), vectorize=True
    )
    # the chains' own generator, so that a seed gives the same samples
    sampler.random_state = np.random.RandomState(seed).get_state()
    sampler.run_mcmc(best, STEPS, skip_initial_state_check=True)
    memory = float(np.max(sampler.get_autocorr_time(discard=BURN, quiet=True, tol=0)))
    points = sampler.get_chain(discard=BURN, flat=True)
    density = sampler.get_log_prob(discard=BURN, flat=True)
    chosen = np.linspace(0, len(points) - 1, min(KEPT, len(points))).astype(int)
    return Posterior(points[chosen], density[chosen], WALKERS * (STEPS - BURN) / memory)
