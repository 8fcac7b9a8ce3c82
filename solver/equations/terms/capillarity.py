"""Terms of surface tension on void surfaces and at triple lines (model.md 4), dimensionless.

The weak form is the first variation of gamma * (roof area) + gamma cos(theta) * (floor area), so the
contact angle theta (inside the metal) needs no condition of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ufl
from ufl.core.expr import Expr

from solver.equations.coordinates import surface_gradient_product

if TYPE_CHECKING:
    from meshes.cell import CellMesh


def surface_tension(
    *,
    velocity: Expr,
    recession: Expr,
    test: Expr,
    tension: Expr,
    time_step: Expr,
    curvature: Expr,
    triple: Expr,
    cell: CellMesh,
) -> Expr:
    """First variation of gamma * area at the end of the step (surface density on void surfaces).

    The variation div_G(test) is split by the hat function ``triple`` of the triple lines: with it, the
    force of the surface's end; without it, the smooth traction of the recovered ``curvature`` (positive
    for a bubble). On a polygon div_G(test) alone would be point forces at the vertices, which a
    power-law material answers with an error of order h instead of h^2.

    The part with dt is the second variation, which removes the capillary limit on dt (after Baensch
    2001). Only the rotation of the surface enters, by the flow and by the ``recession`` a that removes
    lattice planes: the two nearly cancel at a triple line, and looking ahead with the flow alone would
    leave a contact angle that depends on dt. Baensch's full grad_G v : grad_G test would also
    resist tangential flow, which changes no shape: at dt longer than the capillary time it freezes the
    rolling motion at a triple line and the contact angle is lost.
    """
    normal = ufl.FacetNormal(cell.domain)
    project = ufl.Identity(len(normal)) - ufl.outer(normal, normal)
    rotation = ufl.dot(project, ufl.dot(normal, ufl.grad(velocity)) - ufl.grad(recession))
    test_rotation = ufl.dot(project, ufl.dot(normal, ufl.grad(test)))
    end = curvature_load(test=triple * test, cell=cell)
    traction = -curvature * (1.0 - triple) * ufl.inner(normal, test)
    return tension * (end + traction + time_step * ufl.inner(rotation, test_rotation))


def wetting(*, test: Expr, tension: Expr, cosine: Expr, cell: CellMesh) -> Expr:
    """gamma cos(theta) div_G(test) (surface density on void floors): the force on the triple line.

    Integrated over a floor, only the values at its rim, the triple line, remain.
    """
    return tension * cosine * curvature_load(test=test, cell=cell)


def curvature_load(*, test: Expr, cell: CellMesh) -> Expr:
    """grad_G(x) : grad_G(test), whose nodal values are curvature vector times nodal area."""
    return surface_gradient_product(
        ufl.SpatialCoordinate(cell.domain), test, ufl.FacetNormal(cell.domain), cell
    )
