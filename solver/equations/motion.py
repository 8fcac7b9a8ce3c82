"""Motion of the interface: the normal velocity of void surfaces, and the mesh that follows (model.md 5).

A void surface moves with w_n = v_n - a: the flow of the metal less the lattice planes that are removed there.
Interior nodes follow by a harmonic extension of the displacement of the boundary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from ufl.core.expr import Expr

from meshes import compat
from meshes.tags import Boundary
from solver.algebra.newton import NewtonSolver
from solver.algebra.reduction import ConstraintSpec, Reduction
from solver.core import timing
from solver.equations.coordinates import weight
from solver.equations.terms import surface_diffusion

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.equations.surface import SurfaceGeometry


class ImplicitRecession:
    """Normal velocity of void surfaces with its curvature-driven parts taken implicitly.

    The equation is that of :mod:`solver.equations.terms.surface_diffusion`.

    Args:
        surface: void surfaces.
        normal_velocity: w_n, UFL expression on void facets.
        mobility: m; 0 makes this a plain L2 projection.
        options: PETSc options.
        diffusion: B; 0 for none.
    """

    def __init__(
        self,
        surface: SurfaceGeometry,
        normal_velocity: Expr,
        mobility: float,
        options: Mapping[str, object],
        diffusion: float = 0.0,
    ) -> None:
        cell, space = surface.cell, surface.scalars
        self.surface = surface
        self.speed = fem.Function(space, name="normal_velocity")
        self.time_step = fem.Constant(cell.domain, 0.0)
        name = cell.domain.basix_cell()
        linear = basix.ufl.element("Lagrange", name, 1)
        count = 2 if diffusion > 0.0 else 1
        both = fem.functionspace(cell.domain, basix.ufl.mixed_element([linear] * 2)) if count == 2 else space
        self._unknown = fem.Function(both) if count == 2 else self.speed
        self._reduction = Reduction(both, ConstraintSpec(fixed=_off_surface(surface, both, count)))
        residual = self._residual(normal_velocity, mobility, diffusion)
        self._newton = NewtonSolver("recession", residual, self._unknown, self._reduction, options)
        self._rate = surface.rate_form(self.speed)

    def _residual(self, normal_velocity: Expr, mobility: float, diffusion: float) -> ufl.Form:
        surface, cell = self.surface, self.surface.cell
        normal = ufl.FacetNormal(cell.domain)

        def constant(value: float) -> Expr:
            return fem.Constant(cell.domain, float(value))

        space = self._unknown.function_space
        mixed = diffusion > 0.0
        speed, curvature = ufl.split(self._unknown) if mixed else (self.speed, None)
        test, other = ufl.TestFunctions(space) if mixed else (ufl.TestFunction(space), None)
        density = surface_diffusion.motion_by_curvature(
            speed=speed,
            explicit=normal_velocity,
            test=test,
            mobility=constant(mobility),
            time_step=self.time_step,
            normal=normal,
        )
        if mixed:
            density += surface_diffusion.diffusion(
                speed=speed,
                curvature=curvature,
                present=surface.curvature,
                tests=(test, other),
                coefficient=constant(diffusion),
                time_step=self.time_step,
                normal=normal,
            )
        return weight(cell) * density * cell.ds(Boundary.VOID)

    def nodal_speed(self, time_step: float) -> NDArray[np.float64]:
        """Speed along ``surface.direction`` at ``surface.nodes``. Collective; raises SolveError."""
        if self.surface.cell.domain.comm.allreduce(len(self.surface.nodes)) == 0:
            return np.zeros(0)
        self.time_step.value = time_step
        self._newton.solve()
        if self._unknown is not self.speed:
            self.speed.interpolate(self._unknown.sub(0))
        return self.surface.nodal_speed(self._rate)

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self._newton.destroy()
        self._reduction.destroy()


def _off_surface(surface: SurfaceGeometry, space: fem.FunctionSpace, count: int) -> list[NDArray[np.int32]]:
    """Owned dofs of P1 components that do not belong to void surfaces."""
    owned = np.arange(space.dofmap.index_map.size_local, dtype=np.int32)
    if count == 1:
        return [np.setdiff1d(owned, surface.nodes).astype(np.int32)]
    fdim = surface.cell.domain.topology.dim - 1
    facets = surface.cell.boundary(Boundary.VOID)
    on = [fem.locate_dofs_topological(space.sub(k), fdim, facets) for k in range(count)]
    return [np.setdiff1d(owned, np.concatenate(on)).astype(np.int32)]


class MeshMotion:
    """Harmonic extension of boundary displacements, stiffer where cells are small."""

    def __init__(self, cell: CellMesh, surface: SurfaceGeometry, options: Mapping[str, object]) -> None:
        self.cell, self.surface = cell, surface
        space = surface.vectors
        self.displacement = fem.Function(space, name="displacement")
        test = ufl.TestFunction(space)
        stiffness = 1.0 / ufl.CellVolume(cell.domain)
        residual = stiffness * ufl.inner(ufl.grad(self.displacement), ufl.grad(test)) * ufl.dx(cell.domain)
        self.reduction = Reduction(space, self._constraints(space))
        self.newton = NewtonSolver("mesh", residual, self.displacement, self.reduction, options)
        dofs = compat.geometry_dofmap(cell.domain).ravel()
        self._nodes = dofs
        self._vertices = space.dofmap.list.ravel()

    def _constraints(self, space: fem.FunctionSpace) -> ConstraintSpec:
        cell, vertical = self.cell, self.cell.vertical
        fdim = cell.domain.topology.dim - 1
        spec = ConstraintSpec()

        def fix(component: int, boundary: Boundary) -> None:
            spec.fixed.append(
                fem.locate_dofs_topological(space.sub(component), fdim, cell.boundary(boundary))
            )

        for boundary in (Boundary.TOP, Boundary.BOTTOM, Boundary.CONTACT, Boundary.FLOOR):
            fix(vertical, boundary)
        for component in range(vertical + 1):
            fix(component, Boundary.VOID)
        fix(0, Boundary.SIDE_X)
        if cell.kind == "3d":
            fix(1, Boundary.SIDE_Y)
        for component in range(vertical):
            fix(component, Boundary.ELECTROLYTE_SIDE)
        self._top = fem.locate_dofs_topological(space.sub(vertical), fdim, cell.boundary(Boundary.TOP))
        return spec

    @timing.counted("mesh")
    def move(self, surface_shift: NDArray[np.float64], platen_shift: float) -> None:
        """Move the mesh. Collective.

        Args:
            surface_shift: displacement (m, gdim) of ``surface.nodes``.
            platen_shift: fall of the top, downwards positive.
        """
        values = self.displacement.x.array.reshape(-1, self.surface.gdim)
        values[:] = 0.0
        values[self.surface.nodes] = surface_shift
        self.displacement.x.array[self._top] = -platen_shift
        self.newton.solve()
        self.shift(self.displacement.x.array)

    def shift(self, displacement: NDArray[np.float64]) -> None:
        """Add a P1 displacement (unrolled dof array) to the node coordinates."""
        moved = displacement.reshape(-1, self.surface.gdim)
        x = self.cell.domain.geometry.x
        delta = np.zeros((len(x), self.surface.gdim))
        delta[self._nodes] = moved[self._vertices]
        x[:, : self.surface.gdim] += delta

    @timing.counted("mesh")
    def offset_surface(self, distance: float) -> None:
        """Move only the void surfaces by ``distance`` along their directions (volume correction)."""
        values = np.zeros((len(self.displacement.x.array) // self.surface.gdim, self.surface.gdim))
        values[self.surface.nodes] = distance * self.surface.direction
        self.shift(values.ravel())

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self.newton.destroy()
        self.reduction.destroy()
