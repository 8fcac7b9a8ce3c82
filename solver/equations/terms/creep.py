"""Terms of power-law creep (model.md 4) in dimensionless form."""

from __future__ import annotations

import ufl
from ufl.core.expr import Expr

_STRESS_ITERATIONS = 6


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


def viscous_work(*, rate: Expr, test_rate: Expr, viscosity: Expr) -> Expr:
    """2 mu dev(D) : D(test) (volume density)."""
    return 2.0 * viscosity * ufl.inner(ufl.dev(rate), test_rate)


def pressure_work(*, pressure: Expr, test_rate: Expr) -> Expr:
    """-p div(test) (volume density)."""
    return -pressure * ufl.tr(test_rate)


def volume_balance(*, rate: Expr, annihilation: Expr, test: Expr) -> Expr:
    """Weak form of div v = -s (volume density); the sign keeps the system symmetric."""
    return -(ufl.tr(rate) + annihilation) * test


def top_load(*, pressure: Expr, test: Expr, normal: Expr) -> Expr:
    """Work against the stack pressure on the top (surface density)."""
    return pressure * ufl.inner(test, normal)


def tresca_friction(*, slip: Expr, test: Expr, limit: Expr, regularisation: Expr) -> Expr:
    """Work of the shear stress of a contact that slides at ``limit`` (surface density).

    Below the limit the metal sticks; that corner of the law is rounded over slip rates of
    ``regularisation``: tau = limit v / sqrt(v^2 + regularisation^2).
    """
    speed = ufl.sqrt(ufl.inner(slip, slip) + regularisation**2)
    return limit * ufl.inner(slip, test) / speed
