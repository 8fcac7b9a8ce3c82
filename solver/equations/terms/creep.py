"""Power-law creep of the metal (docs/model.md 4), optionally limited, and with diffusional creep in parallel.

Equations, dimensionless (stress in P0, strain rate in v0/L):

    -div sigma = 0,   sigma = 2 mu dev(D) - p I,   D = sym grad v
    e = (sigma_e/sigma_ref)^n + B sigma_e          uniaxial law
    mu = sigma_e/(3 e),   e^2 = 2/3 dev(D):dev(D) + e_0^2

sigma, p: stress and pressure; v: velocity; mu: viscosity; sigma_e, e: effective (von Mises) stress and strain
rate; n: exponent; sigma_ref: stress at which e = v0/L; B: diffusional creep, one number or by the distance to
the nearest surface (:mod:`diffusional_creep`); e_0: rate below which the metal is Newtonian, so that its
viscosity stays finite. Without B, mu = (1/3) sigma_ref e^(1/n - 1). The rate of a saturated state may limit
the power law (:mod:`saturated_creep`).

The weak form is the work 2 mu dev(D(v)) : D(w) for the test velocity w. Newton's method on it takes the
tangent of another form of the same law, in :mod:`solver.equations.creep_newton`. Source: docs/model.md 4; the
constants and their papers are those of the creep law's file (``sources``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ufl
from ufl.core.expr import Expr

from solver.equations.coordinates import strain_rate
from solver.equations.terms import diffusional_creep, saturated_creep

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver.case.loading import LoadedCase
    from solver.equations.mechanics import MechanicsProblem
    from solver.equations.terms.diffusional_creep import Grains
    from solver.equations.terms.saturated_creep import LimitedPowerLaw, Saturation
    from solver.setup.scales import Scales

_STRESS_ITERATIONS = 6
"""Newton steps to the stress of two mechanisms in parallel: from a factor of 2 above to round-off."""
_PARALLEL_ITERATIONS = 4
"""The same in logarithms, from a start that is better (and each step repeats the whole one before)."""
_BLEND = 2.6
"""Exponent with which the stresses of both mechanisms blend to that start: right where they are the same, at
n about 5.5."""
_PASCAL_PER_MEGAPASCAL = 1e6
MOST_REGULARISATION, RELATIVE_REGULARISATION = 1e-4, 1e-3
"""Default of e_0: its largest value (v0/L), and its share of the mean rate of the flow."""


@dataclass(frozen=True)
class CreepParameters:
    """Power-law creep (docs/model.md 4).

    Attributes:
        exponent: n.
        reference_stress: stress at which the uniaxial rate is v0/L, in P0.
        regularisation: e_0 in v0/L, or the most that it is.
        relative_regularisation: e_0 over the rate of the flow (:mod:`solver.equations.newtonian_rate`); 0: it
            is given.
        viscosity_floor: linear viscosity in parallel (power-law breakdown), in P0 L / v0.
        diffusional_rate: coefficient B of the parallel mechanism e = B sigma, in v0 / (L P0).
        breakdown_stress: effective stress above which the power law is not known to hold, in P0.
        saturation: state whose rate limits the power law, None for none.
        grains: of diffusional creep by the distance to the nearest surface, None for none.
    """

    exponent: float
    reference_stress: float
    regularisation: float = 1e-4
    viscosity_floor: float = 0.0
    diffusional_rate: float = 0.0
    breakdown_stress: float = math.inf
    saturation: Saturation | None = None
    grains: Grains | None = None
    relative_regularisation: float = 0.0


def from_case(loaded: LoadedCase, scales: Scales) -> CreepParameters:
    """Parameters of a case."""
    creep, temperature = loaded.creep, loaded.case.operation.temperature
    rate_scale = scales.velocity / scales.length
    exponent = creep.exponent.value
    reference = creep.stress.value * (rate_scale / creep.coefficient(temperature)) ** (1.0 / exponent)
    diffusional = creep.diffusional_rate.value * scales.stress / (_PASCAL_PER_MEGAPASCAL * rate_scale)
    given = loaded.case.numerics.regularisation
    return CreepParameters(
        exponent=exponent,
        reference_stress=reference / scales.stress,
        regularisation=MOST_REGULARISATION if given is None else given,
        relative_regularisation=RELATIVE_REGULARISATION if given is None else 0.0,
        viscosity_floor=creep.viscosity_floor.value * rate_scale / scales.stress,
        diffusional_rate=diffusional,
        breakdown_stress=creep.breakdown_stress.value / scales.stress if creep.breakdown_stress else math.inf,
        saturation=saturated_creep.from_case(loaded, scales),
        grains=diffusional_creep.from_case(loaded, scales),
    )


@dataclass(frozen=True)
class PowerLaw:
    """The power law alone."""

    exponent: Expr
    reference_stress: Expr

    def fluidity(self, stress: Expr) -> Expr:
        """phi = e/sigma at a stress."""
        return (stress / self.reference_stress) ** (self.exponent - 1.0) / self.reference_stress

    def slope(self, stress: Expr) -> Expr:
        """sigma d phi/d sigma at a stress."""
        return (self.exponent - 1.0) * self.fluidity(stress)


class CreepLaw:
    """The law on a mesh: viscosity at a strain rate, linearised at a stress (this without the floor).

    Args:
        parameters: of the law.
        constant: makes a number of a form.
        distance: to the nearest surface (L), which ``grains`` need.
    """

    def __init__(
        self, parameters: CreepParameters, constant: Callable[[float], Expr], distance: Expr | None = None
    ) -> None:
        self.parameters, self._constant, self._distance = parameters, constant, distance
        self._exponent, limit = constant(parameters.exponent), parameters.saturation
        self._limit = None if limit is None else constant(limit.exponent)

    def take_exponent(self, exponent: float) -> None:
        """Another n, from 1 to the law's own, for a cold start; that of the limit follows in proportion."""
        own, limit = self.parameters.exponent, self.parameters.saturation
        self._exponent.value = exponent
        if self._limit is not None and limit is not None:
            share = (exponent - 1.0) / (own - 1.0) if own > 1.0 else 1.0
            self._limit.value = 1.0 + share * (limit.exponent - 1.0)

    def linearised(self, stress: Expr) -> tuple[Expr, Expr]:
        """phi = e/sigma and sigma d phi/d sigma at a stress."""
        glide = self._glide()
        return glide.fluidity(stress) + self._linear(), glide.slope(stress)

    def viscosity(self, rate: Expr) -> Expr:
        """mu at an effective rate."""
        given, glide = self.parameters, self._glide()
        floor = self._constant(given.viscosity_floor)
        diffuses = given.diffusional_rate > 0.0 or given.grains is not None
        if isinstance(glide, PowerLaw):
            numbers = {"exponent": glide.exponent, "reference_stress": glide.reference_stress}
            numbers |= {"effective_rate": rate, "viscosity_floor": floor}
            return (
                parallel_viscosity(**numbers, diffusional_rate=self._linear())
                if diffuses
                else viscosity(**numbers)
            )
        stress = both_stress(rate, glide, self._linear()) if diffuses else glide.stress(rate)
        return stress / (3.0 * rate) + floor

    def _glide(self) -> PowerLaw | LimitedPowerLaw:
        """What dislocations do."""
        reference, limit = self._constant(self.parameters.reference_stress), self.parameters.saturation
        if limit is None or self._limit is None:
            return PowerLaw(self._exponent, reference)
        saturated = self._constant(limit.reference_stress)
        return saturated_creep.LimitedPowerLaw(self._exponent, reference, self._limit, saturated)

    def _linear(self) -> Expr:
        """B of what diffusion does."""
        grains = self.parameters.grains
        if grains is None:
            return self._constant(self.parameters.diffusional_rate)
        assert self._distance is not None
        return grains.rate(self._distance, self._constant)


class ViscousStress:
    """Work of the deviatoric stress by the creep law."""

    def __call__(self, problem: MechanicsProblem) -> ufl.Form:
        """2 mu dev(D(v)) : D(w) in the metal."""
        rate = strain_rate(problem.field("velocity"), problem.cell)
        test_rate = strain_rate(problem.test("velocity"), problem.cell)
        return problem.in_metal(
            viscous_work(rate=rate, test_rate=test_rate, viscosity=problem.viscosity(rate))
        )


def effective_rate(rate: Expr, regularisation: Expr) -> Expr:
    """von Mises strain rate e_e = sqrt(2/3 D':D' + e_0^2) of a 3 x 3 strain rate."""
    deviator = ufl.dev(rate)
    return ufl.sqrt(2.0 / 3.0 * ufl.inner(deviator, deviator) + regularisation**2)


def viscosity(*, effective_rate: Expr, exponent: Expr, reference_stress: Expr, viscosity_floor: Expr) -> Expr:
    """mu = (1/3) sigma_ref e_e^(1/n - 1), with e_e in v0/L, plus the linear floor."""
    return reference_stress / 3.0 * effective_rate ** (1.0 / exponent - 1.0) + viscosity_floor


def parallel_viscosity(
    *,
    effective_rate: Expr,
    exponent: Expr,
    reference_stress: Expr,
    viscosity_floor: Expr,
    diffusional_rate: Expr,
) -> Expr:
    """Viscosity when e = (sigma/sigma_ref)^n + B sigma; the stress is found by unrolled Newton steps.

    The start is the smaller of the two single-mechanism stresses, an upper bound of a convex and
    increasing function's root, from where Newton converges monotonically.
    """
    stress = ufl.min_value(
        reference_stress * effective_rate ** (1.0 / exponent), effective_rate / diffusional_rate
    )
    for _ in range(_STRESS_ITERATIONS):
        ratio = (stress / reference_stress) ** exponent
        excess = ratio + diffusional_rate * stress - effective_rate
        stress = stress - excess / (exponent * ratio / stress + diffusional_rate)
    return stress / (3.0 * effective_rate) + viscosity_floor


def both_stress(rate: Expr, glide: LimitedPowerLaw, diffusional_rate: Expr) -> Expr:
    """sigma at a rate of the limited law with diffusion in parallel, by Newton steps in logarithms."""
    own, diffusion = glide.estimate(rate), rate / diffusional_rate
    stress = own * (1.0 + (own / diffusion) ** _BLEND) ** (-1.0 / _BLEND)
    for _ in range(_PARALLEL_ITERATIONS):
        gliding = glide.fluidity(stress)
        fluidity = gliding + diffusional_rate
        steepness = (glide.steepness(stress) * gliding + diffusional_rate) / fluidity
        stress = stress * (rate / (fluidity * stress)) ** (1.0 / steepness)
    return stress


def viscous_work(*, rate: Expr, test_rate: Expr, viscosity: Expr) -> Expr:
    """2 mu dev(D) : D(test) (volume density)."""
    return 2.0 * viscosity * ufl.inner(ufl.dev(rate), test_rate)
