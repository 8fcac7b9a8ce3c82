"""Solution thermodynamics of a binary BCC alloy by Redlich-Kister polynomials (docs/model.md 3).

    G_ex = x_Li x_Mg sum_k L_k (x_Li - x_Mg)^k
    ln a_Li = ln x_Li + ln gamma_Li,   Phi = d ln a_Li / d ln x_Li

G_ex: molar excess Gibbs energy (in RT here); a_Li, gamma_Li: activity and activity coefficient of the
solvent; Phi: thermodynamic factor of diffusion. The values L_k with their source are those of the metal's
file (``redlich_kister``); docs/parameters.md has the check values.

Every function takes numbers, arrays or UFL expressions of the
solute fraction x = x_Mg, and coefficients in units of RT.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Fraction = Any
"""Number, array or UFL expression."""


def excess_of_solvent(x: Fraction, coefficients: Sequence[float]) -> Fraction:
    """ln of the solvent's activity coefficient, ln(a_Li/x_Li), reference pure BCC solvent.

    Args:
        x: solute fraction.
        coefficients: L_0, L_1, ... over RT.
    """
    p, slope, _ = _polynomial(1.0 - 2.0 * x, coefficients)
    return x * x * (p + 2.0 * (1.0 - x) * slope)


def thermodynamic_factor(x: Fraction, coefficients: Sequence[float]) -> Fraction:
    """Phi = d ln a_Li / d ln x_Li = 1 + (x_Li x_Mg/RT) d2 G_ex/dx2."""
    y = 1.0 - 2.0 * x
    p, slope, bend = _polynomial(y, coefficients)
    product = x * (1.0 - x)
    return 1.0 + product * (-2.0 * p - 4.0 * y * slope + 4.0 * product * bend)


def _polynomial(y: Fraction, coefficients: Sequence[float]) -> tuple[Fraction, Fraction, Fraction]:
    """sum L_k y^k and its first two derivatives (Horner)."""
    value: Fraction = 0.0
    slope: Fraction = 0.0
    bend: Fraction = 0.0
    for coefficient in reversed(coefficients):
        bend = bend * y + 2.0 * slope
        slope = slope * y + value
        value = value * y + coefficient
    return value, slope, bend
