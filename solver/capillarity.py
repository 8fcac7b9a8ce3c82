"""Terms of surface tension on void surfaces and at triple lines (model.md 4), dimensionless.

The weak form is the first variation of gamma * (roof area) + gamma cos(theta) * (floor area), so the
contact angle theta (inside the metal) needs no condition of its own.
"""

from __future__ import annotations

import ufl
from ufl.core.expr import Expr

from meshes.cell import CellMesh
from solver.coordinates import surface_gradient_product


def surface_tension(*, velocity: Expr, test: Expr, tension: Expr, time_step: Expr, cell: CellMesh) -> Expr:
    """gamma [div_G(test) + dt (n.grad_G v).(n.grad_G test)] (surface density on void surfaces).

    The second part is the second variation of the area: the surface tension at the end of the step to
    first order in dt, which removes the capillary limit on dt (after Baensch 2001). Only the rotation
    of the surface enters. Baensch's full grad_G v : grad_G test would also resist tangential flow, which
    changes no shape: at dt longer than the capillary time it freezes the rolling motion at a triple
    line and the contact angle is lost.
    """
    normal = ufl.FacetNormal(cell.domain)
    project = ufl.Identity(len(normal)) - ufl.outer(normal, normal)
    rotation = ufl.dot(normal, ufl.dot(ufl.grad(velocity), project))
    test_rotation = ufl.dot(normal, ufl.dot(ufl.grad(test), project))
    return tension * (curvature_load(test=test, cell=cell) + time_step * ufl.inner(rotation, test_rotation))


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
