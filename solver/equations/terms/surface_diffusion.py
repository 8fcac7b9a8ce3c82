"""Curvature-driven motion of void surfaces along and across them (docs/model.md 3 and 4), implicit in time.

    w - dt m lap_G w + B lap_G K = w_n,     K = curv + dt lap_G w

w: normal velocity of the surface (v0); w_n: that of flow and recession as they are now; lap_G: Laplacian on
the surface; curv: curvature now, K at the end of the step of length dt.

Two laws are in it. The recession a of a void surface holds -(D/l_s)(gamma Omega/RT) curv, motion by curvature
with the mobility m = D gamma Omega/(RT l_s): explicit in time it is unstable beyond dt = h^2/(2 m) on nodes h
apart. Solving w - dt m lap_G w = w_n is stable at any dt, changes w by O(dt) and keeps its integral. Surface
diffusion (Mullins 1957, J. Appl. Phys. 28, 333), w = -B lap_G curv with B = D_s delta gamma Omega/RT, is
unstable beyond dt of order h^4/B; here its curvature K is that at the end of the step, a second unknown. No
atoms pass the triple lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ufl
from scipy import constants
from ufl.core.expr import Expr

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.equations.terms.vacancies import VacancyParameters
    from solver.setup.scales import Scales


def from_case(loaded: LoadedCase, scales: Scales) -> float:
    """B / (L^3 v0) of a case, 0 without surface diffusion."""
    metal, thermal = loaded.metal, constants.R * loaded.case.operation.temperature
    energy = metal.surface_energy.value * metal.molar_volume.value / thermal
    given = loaded.case.model.surface_diffusion
    return (0.0 if given is None else given) * energy / (scales.length**3 * scales.velocity)


def recession_mobility(sinks: VacancyParameters | None) -> float:
    """m of the recession of void surfaces, 0 without vacancies.

    It only steadies the step: in an alloy the solvent's share of D_S will do.
    """
    return 0.0 if sinks is None else sinks.diffusivity * sinks.kelvin / sinks.surface_length


def surface_slopes(first: Expr, second: Expr, normal: Expr) -> Expr:
    """grad_G(first) . grad_G(second) of two scalar fields."""
    project = ufl.Identity(len(normal)) - ufl.outer(normal, normal)
    return ufl.inner(ufl.dot(project, ufl.grad(first)), ufl.dot(project, ufl.grad(second)))


def motion_by_curvature(
    *, speed: Expr, explicit: Expr, test: Expr, mobility: Expr, time_step: Expr, normal: Expr
) -> Expr:
    """Weak form of w - dt m lap_G w = w_n (surface density)."""
    return (speed - explicit) * test + time_step * mobility * surface_slopes(speed, test, normal)


def diffusion(
    *,
    speed: Expr,
    curvature: Expr,
    present: Expr,
    tests: tuple[Expr, Expr],
    coefficient: Expr,
    time_step: Expr,
    normal: Expr,
) -> Expr:
    """Weak form of + B lap_G K and of K = curv + dt lap_G w, for the tests of w and K (surface density)."""
    test, other = tests
    moved = -coefficient * surface_slopes(curvature, test, normal)
    return moved + (curvature - present) * other + time_step * surface_slopes(speed, other, normal)
