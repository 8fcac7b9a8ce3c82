"""Terms of Darken interdiffusion with vacancies (model.md 3), dimensionless.

Lattice-frame fluxes of solvent (Li) and solute (Mg, fraction x), driven by grad x and by
G = grad S + S (Omega_V P0/RT) grad p. Two frames are used. j_V = -(j_Li + j_Mg) is relative to the
lattice, whose velocity is v. The interdiffusion flux J = j_Mg + x j_V is relative to the mean of all atoms,
whose velocity u = v - j_V has no divergence (div v = -s = div j_V): with u the transport of x needs
nothing of the lattice's contraction, and what it sees of v changes slowly.
"""

from __future__ import annotations

import ufl
from ufl.core.expr import Expr


def sink_diffusivity(*, fraction: Expr, solvent: Expr, solute: Expr) -> Expr:
    """D_S = x_Li D_Li + x_Mg D_Mg, diffusivity of S."""
    return (1.0 - fraction) * solvent + fraction * solute


def vacancy_flux(
    *,
    fraction: Expr,
    supersaturation: Expr,
    drive: Expr,
    solvent: Expr,
    solute: Expr,
    thermodynamic_factor: Expr,
) -> Expr:
    """j_V = -(j_Li + j_Mg) = S Phi (D_Mg - D_Li) grad x - D_S G, relative to the lattice."""
    kirkendall = supersaturation * thermodynamic_factor * (solute - solvent) * ufl.grad(fraction)
    mean = sink_diffusivity(fraction=fraction, solvent=solvent, solute=solute)
    return kirkendall - mean * drive


def interdiffusivity(
    *, fraction: Expr, supersaturation: Expr, solvent: Expr, solute: Expr, thermodynamic_factor: Expr
) -> Expr:
    """(x_Mg D_Li + x_Li D_Mg) Phi S."""
    mixed = fraction * solvent + (1.0 - fraction) * solute
    return mixed * thermodynamic_factor * supersaturation


def drift_velocity(*, fraction: Expr, drive: Expr, solvent: Expr, solute: Expr) -> Expr:
    """x_Li (D_Mg - D_Li) G: velocity at which a gradient of vacancies carries the solute."""
    return (1.0 - fraction) * (solute - solvent) * drive


def mixing(*, fraction: Expr, test: Expr, interdiffusivity: Expr, velocity: Expr) -> Expr:
    """-[x c - D grad x] . grad q: weak divergence of a flux with velocity c (volume density)."""
    flux = fraction * velocity - interdiffusivity * ufl.grad(fraction)
    return -ufl.inner(flux, ufl.grad(test))


def pulled_back(*, fraction: Expr, test: Expr, velocity: Expr, mesh_velocity: Expr, time: Expr) -> Expr:
    """x c . grad q over the geometry ``time`` ago, written on the present one (volume density).

    The mesh moved with ``mesh_velocity``; at half the step the volume that a moving triangle sweeps is
    exact.
    """
    back = ufl.Identity(len(mesh_velocity)) - time * ufl.grad(mesh_velocity)
    slope = ufl.det(back) * ufl.dot(ufl.transpose(ufl.inv(back)), ufl.grad(test))
    return fraction * ufl.inner(velocity, slope)
