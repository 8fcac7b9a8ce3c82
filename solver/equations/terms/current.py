"""Terms of the current distribution (model.md 2) in dimensionless form; potentials in RT/F."""

from __future__ import annotations

from typing import Literal

import ufl
from ufl.core.expr import Expr

_SMALLEST_SUPERSATURATION = 1e-12


def equilibrium_potential(
    *,
    supersaturation: Expr | None,
    composition: Expr | None,
    contact_pressure: Expr,
    pressure_potential: Expr,
) -> Expr:
    """E_eq = -ln a_Li + ln S - (Omega P0/RT) p_n.

    ``supersaturation`` None leaves the vacancy share out, ``composition`` None -ln a_Li.
    """
    potential = -pressure_potential * contact_pressure
    if supersaturation is not None:
        potential += vacancy_potential(supersaturation=supersaturation)
    if composition is not None:
        potential += composition
    return potential


def vacancy_potential(*, supersaturation: Expr) -> Expr:
    """Vacancy share ln S of the equilibrium potential."""
    return ufl.ln(ufl.max_value(supersaturation, _SMALLEST_SUPERSATURATION))


def transfer_current(
    *,
    overpotential: Expr,
    area_resistance: Expr,
    transfer_coefficient: Expr,
    kinetics: Literal["linear", "butler-volmer"],
) -> Expr:
    """Current density i(eta), stripping positive; i0 = RT/(F Z) is 1/Z here."""
    if kinetics == "linear":
        return overpotential / area_resistance
    anodic = ufl.exp(transfer_coefficient * overpotential)
    cathodic = ufl.exp(-(1.0 - transfer_coefficient) * overpotential)
    return (anodic - cathodic) / area_resistance


def conduction(*, potential: Expr, test: Expr, conductivity: Expr) -> Expr:
    """Weak Laplacian of the electrolyte potential (volume density)."""
    return conductivity * ufl.inner(ufl.grad(potential), ufl.grad(test))


def entering_current(*, current: Expr, test: Expr) -> Expr:
    """Current that enters the electrolyte at the contact (surface density)."""
    return -current * test
