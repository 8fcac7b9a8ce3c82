"""Surface tension of void surfaces and at triple lines (docs/model.md 4).

    sigma n = -gamma curv n on void surfaces,   contact angle theta at triple lines

gamma: surface tension (P0 L); curv: sum of the principal curvatures, positive for a bubble; theta: angle
inside the metal between roof and electrolyte.

The weak form is the first variation of gamma * (roof area) + gamma cos(theta) * (floor area), so the
contact angle theta (inside the metal) needs no condition of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import ufl
from ufl.core.expr import Expr

from meshes.tags import Boundary
from solver.equations.coordinates import surface_gradient_product

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.case.loading import LoadedCase
    from solver.equations.mechanics import MechanicsProblem
    from solver.equations.surface import SurfaceGeometry
    from solver.setup.scales import Scales


@dataclass(frozen=True)
class SurfaceParameters:
    """Capillarity of void surfaces.

    Attributes:
        tension: gamma / (P0 L).
        contact_angle: in radians, inside the metal.
    """

    tension: float = 0.0
    contact_angle: float = 1.5707963267948966

    @property
    def line_force(self) -> float:
        """gamma sin(theta): what the surface at a triple line pulls with, across the electrolyte (P0 L)."""
        return self.tension * math.sin(self.contact_angle)


def from_case(loaded: LoadedCase, scales: Scales) -> SurfaceParameters:
    """Parameters of a case."""
    tension = loaded.metal.surface_energy.value if loaded.case.model.capillarity else 0.0
    return SurfaceParameters(tension / (scales.stress * scales.length), loaded.metal.contact_angle.value)


@dataclass(frozen=True)
class SurfaceTension:
    """Work of surface tension, looking ahead over the time step.

    Attributes:
        parameters: tension and contact angle.
        geometry: curvature and triple lines of the void surfaces.
        recession: a on void surfaces, which the look-ahead takes along.
    """

    parameters: SurfaceParameters
    geometry: SurfaceGeometry
    recession: Expr

    def __call__(self, problem: MechanicsProblem) -> ufl.Form:
        """gamma div_G w on roofs (at the end of the step), gamma cos(theta) div_G w on floors."""
        test, cell = problem.test("velocity"), problem.cell
        tension = problem.constant(self.parameters.tension)
        cosine = problem.constant(float(np.cos(self.parameters.contact_angle)))
        roof = surface_tension(
            velocity=problem.field("velocity"),
            recession=self.recession,
            test=test,
            tension=tension,
            time_step=problem.time_step,
            curvature=self.geometry.curvature,
            triple=self.geometry.triple_hat,
            cell=cell,
        )
        floor = wetting(test=test, tension=tension, cosine=cosine, cell=cell)
        return problem.on(Boundary.VOID, roof) + problem.on(Boundary.FLOOR, floor)


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
