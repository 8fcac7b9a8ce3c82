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
    """gamma grad_G(x + dt v) : grad_G(test) (surface density on void surfaces).

    Taking the curvature at the end of the step (Baensch 2001) removes the capillary limit on dt.
    """
    normal = ufl.FacetNormal(cell.domain)
    position = ufl.SpatialCoordinate(cell.domain)
    here = surface_gradient_product(position, test, normal, cell)
    ahead = surface_gradient_product(velocity, test, normal, cell)
    return tension * (here + time_step * ahead)


def wetting(*, test: Expr, tension: Expr, cosine: Expr, cell: CellMesh) -> Expr:
    """gamma cos(theta) div_G(test) (surface density on void floors): the force on the triple line.

    Integrated over a floor, only the values at its rim, the triple line, remain.
    """
    normal = ufl.FacetNormal(cell.domain)
    position = ufl.SpatialCoordinate(cell.domain)
    return tension * cosine * surface_gradient_product(position, test, normal, cell)


def curvature_load(*, test: Expr, cell: CellMesh) -> Expr:
    """grad_G(x) : grad_G(test), whose nodal values are curvature vector times nodal area."""
    return surface_gradient_product(
        ufl.SpatialCoordinate(cell.domain), test, ufl.FacetNormal(cell.domain), cell
    )
