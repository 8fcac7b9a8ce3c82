"""Terms of vacancy transport (model.md 3) in dimensionless form; the alloy's flux is in darken.

S = x_V/x_V_eq; fluxes and site-annihilation velocities in v0 = Omega i0/F.
"""

from __future__ import annotations

import ufl
from ufl.core.expr import Expr


def flux(*, supersaturation: Expr, pressure: Expr, diffusivity: Expr, stress_drift: Expr) -> Expr:
    """Vacancy flux j_V = -D (grad S + S (Omega_V P0/RT) grad p)."""
    return -diffusivity * (ufl.grad(supersaturation) + supersaturation * stress_drift * ufl.grad(pressure))


def bulk_annihilation(*, supersaturation: Expr, diffusivity: Expr, sink_rate: Expr) -> Expr:
    """s = (D/l_v^2)(S - 1): rate at which dislocations remove lattice sites; ``sink_rate`` = 1/l_v^2."""
    return diffusivity * sink_rate * (supersaturation - 1.0)


def interface_annihilation(
    *, supersaturation: Expr, current: Expr, diffusivity: Expr, interface_rate: Expr, plating: Expr
) -> Expr:
    """Lattice planes removed at the contact, a = [i while plating] + (D/l_i)(S - 1).

    Plated lithium adds planes. The interface sink works in both directions of the current, so that a stays
    continuous when the cell goes over to rest; with S = 1, as it is while plating, a = i. ``plating`` is 1
    while the cell as a whole plates and 0 else: a switch by the local sign of i would leave the
    recession at rest, where currents of all signs circulate, to the smallest of perturbations.
    """
    return plating * current + diffusivity * interface_rate * (supersaturation - 1.0)


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
