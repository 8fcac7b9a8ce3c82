"""Terms of vacancy transport (model.md 3) in dimensionless form; the alloy's flux is in darken.

S = x_V/x_V_eq; fluxes and site-annihilation velocities in v0 = Omega i0/F.
"""

from __future__ import annotations

import ufl
from ufl.core.expr import Expr


def drive(*, supersaturation: Expr, pressure: Expr, stress_drift: Expr) -> Expr:
    """G = grad S + S (Omega_V P0/RT) grad p."""
    return ufl.grad(supersaturation) + supersaturation * stress_drift * ufl.grad(pressure)


def flux(*, drive: Expr, diffusivity: Expr) -> Expr:
    """Vacancy flux j_V = -D G of a pure metal."""
    return -diffusivity * drive


def equilibrium(*, pressure: Expr, reference: Expr, stress_drift: Expr) -> Expr:
    """S in equilibrium with a sink under pressure p, exp(-(Omega_V P0/RT)(p - P)); 1 at the stack pressure.

    It is the S at which the drift of vacancies vanishes. With sinks at S = 1 everywhere, as model.md 3
    has it, a difference of pressure would pump vacancies for ever and compressed metal would expand:
    no solution is stable once mu D Omega_V/(RT l_v^2) > 1, which stiff metal at rest exceeds.
    """
    return ufl.exp(-stress_drift * (pressure - reference))


def bulk_annihilation(
    *, supersaturation: Expr, equilibrium: Expr, diffusivity: Expr, sink_rate: Expr
) -> Expr:
    """s = (D/l_v^2)(S - S_eq): rate at which dislocations remove sites; ``sink_rate`` = 1/l_v^2."""
    return diffusivity * sink_rate * (supersaturation - equilibrium)


def interface_annihilation(
    *,
    supersaturation: Expr,
    equilibrium: Expr,
    current: Expr,
    diffusivity: Expr,
    interface_rate: Expr,
    plating: Expr,
) -> Expr:
    """Lattice planes removed at the contact, a = [i while plating] + (D/l_i)(S - S_eq).

    Plated lithium adds planes. The interface sink works in both directions of the current, so that a stays
    continuous when the cell goes over to rest; with S = 1, as it is while plating, a = i. ``plating`` is 1
    while the cell as a whole plates and 0 else: a switch by the local sign of i would leave the
    recession at rest, where currents of all signs circulate, to the smallest of perturbations.
    """
    return plating * current + diffusivity * interface_rate * (supersaturation - equilibrium)


def surface_annihilation(
    *, supersaturation: Expr, curvature: Expr, diffusivity: Expr, surface_rate: Expr, kelvin: Expr
) -> Expr:
    """Planes removed at a void surface, a = (D/l_s)(S - S_g), S_g = exp(gamma curv Omega/RT)."""
    return diffusivity * surface_rate * (supersaturation - ufl.exp(kelvin * curvature))


def balance(*, flux: Expr, annihilation: Expr, test: Expr) -> Expr:
    """Weak form of div j_V = -s (volume density)."""
    return -ufl.inner(flux, ufl.grad(test)) + annihilation * test


def injection(*, current: Expr, annihilation: Expr, test: Expr) -> Expr:
    """Contact condition j_V.n = -(i - a) (surface density)."""
    return -(current - annihilation) * test


def absorption(*, annihilation: Expr, test: Expr) -> Expr:
    """Void-surface condition j_V.n = a (surface density)."""
    return annihilation * test
