"""Plane, axisymmetric and 3-D calculus behind one set of UFL functions.

Every integral carries :func:`weight`, every strain rate is a 3 x 3 tensor, so the physics modules
read the same in all coordinates. Axisymmetric integrals are true volumes (weight 2 pi r).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import ufl
from ufl.core.expr import Expr

if TYPE_CHECKING:
    from meshes.cell import CellMesh


def weight(cell: CellMesh) -> Expr:
    """Factor of every integral: 1, or 2 pi r when axisymmetric."""
    if cell.kind == "axisymmetric":
        return 2.0 * math.pi * ufl.SpatialCoordinate(cell.domain)[0]
    return ufl.as_ufl(1.0)


def contact_weight(cell: CellMesh) -> Expr:
    """:func:`weight` on the contact (interior facets): its trace, where it varies."""
    w = weight(cell)
    return w("+") if cell.kind == "axisymmetric" else w


def strain_rate(velocity: Expr, cell: CellMesh) -> Expr:
    """Symmetric velocity gradient as a 3 x 3 tensor (out-of-plane parts included)."""
    grad = ufl.sym(ufl.grad(velocity))
    if cell.kind == "3d":
        return grad
    hoop: Expr = ufl.as_ufl(0.0)
    if cell.kind == "axisymmetric":
        hoop = velocity[0] / ufl.SpatialCoordinate(cell.domain)[0]
    zero = ufl.as_ufl(0.0)
    return ufl.as_tensor([[grad[0, 0], grad[0, 1], zero], [grad[1, 0], grad[1, 1], zero], [zero, zero, hoop]])


def surface_gradient_product(first: Expr, second: Expr, normal: Expr, cell: CellMesh) -> Expr:
    """Surface gradients of two vector fields contracted with each other.

    For ``first`` = position this is the surface divergence of ``second``; the hoop part of the
    axisymmetric surface is included.
    """
    project = ufl.Identity(len(normal)) - ufl.outer(normal, normal)
    product = ufl.inner(ufl.dot(ufl.grad(first), project), ufl.dot(ufl.grad(second), project))
    if cell.kind == "axisymmetric":
        radius = ufl.SpatialCoordinate(cell.domain)[0]
        product += first[0] * second[0] / radius**2
    return product
