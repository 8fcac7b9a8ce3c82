"""A ring of Newtonian metal closing its void in time: kinematics against an exact trajectory."""

from __future__ import annotations

import math

import numpy as np
import ufl
from mpi4py import MPI

from meshes.tags import Boundary
from solver.equations.motion import SurfaceGeometry
from solver.verification.creep import integral, on, problem
from solver.verification.patches import quarter_annulus

OUTER = 3.0


def close_ring(comm: MPI.Comm, *, segments: int, steps: int, end: float) -> float:
    """Void radius (from its area) after ``end``: explicit steps, a new ring mesh each."""
    inner, ratio = 1.0, 1.0 / OUTER
    volume = OUTER**2 - 1.0
    dt = end / steps
    for _ in range(steps):
        outer = math.sqrt(volume + inner**2)
        ratio = inner / outer
        cell = quarter_annulus(1.0, 1.0 / ratio, segments, comm)
        mechanics = problem(cell, 1.0)
        held = on(mechanics, 1, Boundary.CONTACT)
        mechanics.solve(held, np.zeros(len(held)))
        surface = SurfaceGeometry(cell)
        normal_velocity = ufl.inner(mechanics.velocity, ufl.FacetNormal(cell.domain))
        speed = surface.nodal_speed(surface.rate_form(normal_velocity))
        shift = dt * speed[:, None] * surface.direction
        moved = surface.positions() + shift
        cell.domain.geometry.x[surface.geometry_nodes, :2] = moved
        position, normal = ufl.SpatialCoordinate(cell.domain), ufl.FacetNormal(cell.domain)
        area = integral(cell, -0.5 * ufl.inner(position, normal) * cell.ds(Boundary.VOID))
        inner *= math.sqrt(area / (0.25 * math.pi))
        mechanics.destroy()
    return inner
