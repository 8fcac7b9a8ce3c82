"""Newton's method for power-law creep in stress and velocity together.

Where the load is given, the stress of a power-law metal follows from equilibrium and changes little from one
iteration to the next, while strain rates, its n-th power, change by orders of magnitude: Newton's method in
the velocity alone overshoots. With the stress at the quadrature points as an unknown of its own, eliminated
from each linear system, the tangent is that of the stress and not of the rate (the idea of Rudi, Shih and
Stadler 2020, doi:10.1029/2020GC009059, for viscoplastic flow, here for a power law). Both have the same
solution.

The regularised rate e = sqrt(2/3 D':D' + e_0^2) is the length of d = (sqrt(2/3) D', e_0); the law is then one
between vectors, d = phi(|t|) t, where |t| is the uniaxial stress.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI
from ufl.core.expr import Expr

from meshes.tags import Region
from solver.core import timing

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.equations.terms.creep import CreepLaw

LEAST_OF_TANGENT = 0.5
"""Share of the tangent's stress that an iteration takes at least; 0.3 to 0.7 take equally many iterations."""
RATE_WEIGHT = math.sqrt(2.0 / 3.0)
"""e_e over the length of the deviatoric strain rate (von Mises)."""


def rate_vector(rate: Expr, regularisation: Expr, cell: CellMesh) -> Expr:
    """d = (sqrt(2/3) D', e_0) with the off-diagonal parts times sqrt(2): |d| is the effective rate."""
    deviator = ufl.dev(rate)
    pairs = [(0, 1), (0, 2), (1, 2)] if cell.kind == "3d" else [(0, 1)]
    parts = [deviator[k, k] for k in range(3)] + [math.sqrt(2.0) * deviator[i, j] for i, j in pairs]
    return ufl.as_vector([RATE_WEIGHT * part for part in parts] + [regularisation])


@dataclass(frozen=True)
class Tangent:
    """The law d = phi(|t|) t linearised at ``stress``.

    Attributes:
        stress: t.
        fluidity, slope: phi, |t| phi'.
    """

    stress: Expr
    fluidity: Expr
    slope: Expr

    def share(self) -> Expr:
        """q = phi' |t| / (phi + phi' |t|)."""
        return self.slope / (self.fluidity + self.slope)

    def stress_change(self, rate: Expr) -> Expr:
        """(d - q t (t.d) / |t|^2) / phi, linear in the rate vector."""
        t = self.stress
        return (rate - self.share() * ufl.inner(t, rate) / ufl.inner(t, t) * t) / self.fluidity


def tangent(stress: Expr, law: CreepLaw) -> Tangent:
    """The tangent of a law at a stress."""
    return Tangent(stress, *law.linearised(_length(stress)))


def linearised_stress(*, rate: Expr, tangent: Tangent) -> Expr:
    """t that belongs to the rate vector d by the linearised law: q t plus the change by d."""
    return tangent.share() * tangent.stress + tangent.stress_change(rate)


def limited_stress(linearised: Expr, own: Expr, last: Expr) -> Expr:
    """``linearised``, shortened to what is larger of ``own``, the law's stress, and half of it.

    The law is concave, so that its tangent overestimates the stress: grossly where the rate has grown because
    the motion and not the stress is given, and from there it would come down by no more than 1/n per
    iteration. ``own`` is the stress of a Newton step in the velocity, and differs from the tangent's in
    second order; where it is far less (rates that are still much too small) half of the tangent's is enough.
    No stress grows beyond the larger of ``own`` and ``last``.
    """
    length, target = _length(linearised), _length(own)
    most = ufl.max_value(target, _length(last))
    start = ufl.min_value(length, most)
    wanted = ufl.min_value(start, ufl.max_value(target, LEAST_OF_TANGENT * start))
    return wanted / length * linearised


def _length(vector: Expr) -> Expr:
    return ufl.sqrt(ufl.inner(vector, vector))


class StressIteration:
    """The stress vector t at quadrature points.

    Args:
        cell: mesh.
        degree: quadrature degree of the creep terms.

    Attributes:
        stress: t, shape (5,) or (7,) in 3-D, on the metal (elsewhere 0), in P0; 0 everywhere where none
            is known (by the law it never is).
    """

    def __init__(self, cell: CellMesh, degree: int) -> None:
        size = 7 if cell.kind == "3d" else 5
        element = basix.ufl.quadrature_element(cell.domain.basix_cell(), value_shape=(size,), degree=degree)
        self._cells = cell.region(Region.METAL)
        self._points = element.custom_quadrature()[0]
        self.stress = fem.Function(fem.functionspace(cell.domain, element))

    def compile(self, own: Expr, linearised: Expr) -> None:
        """Set how t follows from the velocity: by the law, and by its linearisation at :attr:`stress`."""
        self._own = fem.Expression(own, self._points)
        self._linearised = fem.Expression(linearised, self._points)

    def begin(self) -> None:
        """Go on from the last stress, or take that of the present velocity where there is none.

        The stress at a material point changes little from step to step; what the last velocity gives on cells
        that have moved is another one.
        """
        known = bool(np.any(self.stress.x.array))
        if not self.stress.function_space.mesh.comm.allreduce(known, op=MPI.LOR):
            self.finish()

    @timing.counted("assembly")
    def advance(self) -> None:
        """Take the stress of the linear solve that led to the present velocity."""
        self.stress.interpolate(self._linearised, self._cells)

    @timing.counted("assembly")
    def finish(self) -> None:
        """Take the stress of the present velocity."""
        self.stress.interpolate(self._own, self._cells)

    def forget(self) -> None:
        """The stress has nothing to do with the next start."""
        self.stress.x.array[:] = 0.0
