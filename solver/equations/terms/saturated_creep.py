"""Power-law creep limited by the rate of a saturated state: a law of the metal besides the plain power law.

Uniaxial, the times that both need for a strain add up:

    1/e = 1/e_p + 1/e_s,   e_p = (sigma/sigma_ref)^n,   e_s = (sigma/sigma_sat)^m

e: strain rate; sigma: stress; sigma_ref, sigma_sat: stresses at which e_p, e_s = v0/L; n, m: exponents. The
metal is faster than neither: e -> e_p where e_p << e_s (low stress, for n > m), e -> e_s where e_s << e_p.

Source: the saturated state is that of Narayan and Anand 2018, sigma = 2.0 MPa (e/0.0140 1/s)^0.20 at 25 C
(docs/parameters.md): from 1 to 3 MPa the power law, fitted between 0.2 and 0.8 MPa, is 15 to 90 times
faster. As a limit it is felt from 0.18 MPa on, where both rates are the same: a bound from below, not a fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ufl.core.expr import Expr

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.setup.scales import Scales

_STRESS_ITERATIONS = 2
"""Newton steps to the stress at a rate, in logarithms: from the estimate to round-off."""


@dataclass(frozen=True)
class Saturation:
    """The saturated state.

    Attributes:
        exponent: m.
        reference_stress: sigma_sat, in P0.
    """

    exponent: float
    reference_stress: float


def from_case(loaded: LoadedCase, scales: Scales) -> Saturation | None:
    """The saturated state of a case's creep law; None where it has none."""
    law = loaded.creep
    if law.saturated_exponent is None or law.saturated_stress is None:
        return None
    exponent = law.saturated_exponent.value
    rate = law.saturated_coefficient(loaded.case.operation.temperature) * scales.length / scales.velocity
    return Saturation(exponent, law.saturated_stress.value * rate ** (-1.0 / exponent) / scales.stress)


@dataclass(frozen=True)
class LimitedPowerLaw:
    """Both laws; the exponents vary while a cold start climbs from the Newtonian law.

    Attributes:
        exponent, reference_stress: n, sigma_ref.
        saturated_exponent, saturated_stress: m, sigma_sat.
    """

    exponent: Expr
    reference_stress: Expr
    saturated_exponent: Expr
    saturated_stress: Expr

    def fluidity(self, stress: Expr) -> Expr:
        """phi = e/sigma at a stress."""
        return self._power(stress) / (1.0 + self._ratio(stress))

    def slope(self, stress: Expr) -> Expr:
        """sigma d phi/d sigma at a stress."""
        return (self.steepness(stress) - 1.0) * self.fluidity(stress)

    def steepness(self, stress: Expr) -> Expr:
        """d ln e/d ln sigma at a stress: between m and n, the slower law has the larger weight."""
        m = self.saturated_exponent
        return m + (self.exponent - m) / (1.0 + self._ratio(stress))

    def estimate(self, rate: Expr) -> Expr:
        """sigma at a rate, exact for n = m: within half a per cent for 6.6 and 5."""
        mean = 0.5 * (self.exponent + self.saturated_exponent)
        own = self.reference_stress * rate ** (1.0 / self.exponent)
        limit = self.saturated_stress * rate ** (1.0 / self.saturated_exponent)
        return own * (1.0 + (limit / own) ** mean) ** (1.0 / mean)

    def stress(self, rate: Expr) -> Expr:
        """sigma at a rate: ln e is a nearly straight function of ln sigma, and Newton soon there."""
        stress = self.estimate(rate)
        for _ in range(_STRESS_ITERATIONS):
            stress = stress * (rate / (self.fluidity(stress) * stress)) ** (1.0 / self.steepness(stress))
        return stress

    def _power(self, stress: Expr) -> Expr:
        """e_p/sigma."""
        return (stress / self.reference_stress) ** (self.exponent - 1.0) / self.reference_stress

    def _ratio(self, stress: Expr) -> Expr:
        """e_p/e_s; sigma appears once, as each step of an unrolled iteration repeats the one before."""
        n, m = self.exponent, self.saturated_exponent
        return stress ** (n - m) * self.saturated_stress**m / self.reference_stress**n
