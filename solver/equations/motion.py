"""Motion of the interface: nodal velocities of void surfaces and the mesh that follows (model.md 5).

The normal velocity w_n = v_n - a is turned into nodal velocities by lumped projection along nodal
directions: the area-weighted normal on a roof, the line's own normal in the electrolyte plane at a
triple line, the side's plane at a side. The volume that the surface sweeps per unit time is then
exactly the integral of w_n.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem
from dolfinx.fem import petsc as fem_petsc
from numpy.typing import NDArray
from petsc4py import PETSc
from ufl.core.expr import Expr

from meshes import compat
from meshes.tags import Boundary
from solver.algebra.newton import NewtonSolver
from solver.algebra.reduction import ConstraintSpec, Reduction
from solver.core import timing
from solver.equations.coordinates import weight
from solver.equations.surface_nodes import CurvatureFit, surface_nodes
from solver.equations.terms import capillarity

if TYPE_CHECKING:
    from meshes.cell import CellMesh


class SurfaceGeometry:
    """Nodal directions, lumped areas and curvature of the void surfaces of one mesh.

    Attributes:
        nodes: local vertex dofs (P1 numbering, ghosts included) on void surfaces.
        geometry_nodes: the same nodes in the mesh geometry.
        triple: which of ``nodes`` lie on a triple line.
        triple_hat: P1 function, 1 on triple lines.
        direction: unit direction of motion at ``nodes``, shape (m, gdim).
        projected: integral of phi_i n . direction, the denominator of every projection.
        area: lumped area of each node.
        shared: the surfaces on every rank, 3-D only.
    """

    def __init__(self, cell: CellMesh) -> None:
        self.cell = cell
        domain = cell.domain
        self.gdim = int(domain.geometry.dim)
        self.vectors = fem.functionspace(domain, ("Lagrange", 1, (self.gdim,)))
        self.scalars = fem.functionspace(domain, ("Lagrange", 1))
        self.curvature = fem.Function(self.scalars, name="curvature")
        fdim = domain.topology.dim - 1

        def at(boundary: Boundary) -> NDArray[np.int32]:
            return fem.locate_dofs_topological(self.scalars, fdim, cell.boundary(boundary))

        self.nodes = at(Boundary.VOID)
        on_floor = at(Boundary.FLOOR)
        self.triple = np.isin(self.nodes, at(Boundary.CONTACT))
        self.triple_hat = fem.Function(self.scalars, name="triple")
        self.triple_hat.x.array[self.nodes[self.triple]] = 1.0
        self._blocked = np.zeros((len(self.nodes), self.gdim), dtype=bool)
        self._blocked[np.isin(self.nodes, on_floor) | self.triple, cell.vertical] = True
        self._blocked[np.isin(self.nodes, at(Boundary.SIDE_X)), 0] = True
        if cell.kind == "3d":
            self._blocked[np.isin(self.nodes, at(Boundary.SIDE_Y)), 1] = True
        dofs = self.scalars.dofmap.list.ravel()
        node_of = np.zeros(int(dofs.max(initial=0)) + 1, dtype=np.int32)
        node_of[dofs] = compat.geometry_dofmap(domain).ravel()
        self.geometry_nodes = node_of[self.nodes]
        owned = self.nodes < self.scalars.dofmap.index_map.size_local
        self.shared = surface_nodes(cell, self.geometry_nodes, owned) if self.gdim == 3 else None
        self._fit = None if self.shared is None else CurvatureFit(self.shared)
        self._forms()
        self.update()

    def _forms(self) -> None:
        cell = self.cell
        psi, q = ufl.TestFunction(self.vectors), ufl.TestFunction(self.scalars)
        ds = cell.ds(Boundary.VOID)
        w = weight(cell)
        self._normal_form = fem.form(w * ufl.inner(ufl.FacetNormal(cell.domain), psi) * ds)
        self._curvature_form = fem.form(w * capillarity.curvature_load(test=psi, cell=cell) * ds)
        self._area_form = fem.form(w * q * ds)
        self._inner = fem.Function(self.scalars)
        # sum over the facets around a node of length / 2, and of 1: their ratio is half the spacing
        self._size_form = fem.form(q * ds)
        facet_share = 2.0 / ufl.FacetArea(cell.domain)
        self._count_form = fem.form(facet_share * q * ds)
        self._mean_form = fem.form(w * self._inner * q * ds)

    @timing.counted("mesh")
    def update(self) -> None:
        """Recompute everything after the mesh moved. Collective."""
        normal = assemble(self._normal_form, self.vectors).reshape(-1, self.gdim)[self.nodes]
        direction = np.where(self._blocked, 0.0, normal)
        length = np.linalg.norm(direction, axis=1, keepdims=True)
        self.direction = direction / np.where(length > 0.0, length, 1.0)
        self.projected = np.einsum("ij,ij->i", normal, self.direction)
        self._count = 0.5 * assemble(self._count_form, self.scalars)[self.nodes]
        self.area = assemble(self._area_form, self.scalars)[self.nodes]
        if self._fit is not None and self.shared is not None:
            points = self.shared.everywhere(self.positions())
            curvature = self._fit.curvature(points, self.shared.everywhere(normal))[self.shared.slots]
        else:
            load = assemble(self._curvature_form, self.vectors).reshape(-1, self.gdim)[self.nodes]
            # a flat void beside a contact has nodes that cannot move along any direction (projected 0)
            divisor = np.where(self.projected != 0.0, self.projected, np.inf)
            curvature = -np.einsum("ij,ij->i", load, self.direction) / divisor
        self._set_curvature(curvature)

    def _set_curvature(self, curvature: NDArray[np.float64]) -> None:
        """Store nodal curvature; a triple line takes the mean of the roof beside it.

        The weak curvature at a triple line holds the surface's end force as well and is not used.
        """
        values = np.where(self.triple, 0.0, curvature)
        weights = self._means((~self.triple).astype(float))
        at_triple = self._means(values) / np.where(weights > 0.0, weights, 1.0)
        self.curvature.x.array[:] = 0.0
        self.curvature.x.array[self.nodes] = np.where(self.triple, at_triple, values)

    def _means(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Integral of nodal ``values`` (at ``nodes``) times each node's hat function. Collective."""
        self._inner.x.array[:] = 0.0
        self._inner.x.array[self.nodes] = values
        return assemble(self._mean_form, self.scalars)[self.nodes]

    def spacing(self) -> NDArray[np.float64]:
        """Distance between surface nodes at ``nodes`` (mean of the facets around a node)."""
        if self.gdim == 2:
            return assemble(self._size_form, self.scalars)[self.nodes] / self._count
        return np.sqrt(self.area)

    def positions(self) -> NDArray[np.float64]:
        """Coordinates (m, gdim) of ``nodes``."""
        return self.cell.domain.geometry.x[self.geometry_nodes, : self.gdim].copy()

    def total_projected(self) -> float:
        """Metal gained per unit of offset along ``direction``, over all ranks. Collective."""
        owned = self.nodes < self.scalars.dofmap.index_map.size_local
        return float(self.cell.domain.comm.allreduce(float(self.projected[owned].sum())))

    def nodal_speed(self, rate: fem.Form) -> NDArray[np.float64]:
        """Speed along ``direction`` at ``nodes`` from a form of w_n phi_i. Collective."""
        swept = assemble(rate, self.scalars)[self.nodes]
        return np.asarray(swept / np.where(self.projected != 0.0, self.projected, np.inf))

    def rate_form(self, normal_velocity: Expr) -> fem.Form:
        """Compile the form of w_n phi_i on void surfaces."""
        q = ufl.TestFunction(self.scalars)
        return fem.form(weight(self.cell) * normal_velocity * q * self.cell.ds(Boundary.VOID))


class ImplicitRecession:
    """Normal velocity of void surfaces with its curvature-driven parts taken implicitly.

    a holds -(D/l_s)(gamma Omega/RT) curvature: motion by curvature, unstable beyond dt = h^2/(2 m) with
    m = D gamma Omega/(RT l_s). Solving w - dt m lap_G w = w_n instead is stable at any dt, changes w by
    O(dt) and keeps its integral. Surface diffusion (Mullins 1957), w = -B lap_G curvature, is unstable beyond
    dt of order h^4/B; its curvature is that at the end of the step, curvature + dt lap_G w, a second unknown.

    Args:
        surface: void surfaces.
        normal_velocity: w_n, UFL expression on void facets.
        mobility: m; 0 makes this a plain L2 projection.
        options: PETSc options.
        diffusion: B; 0 for none. No atoms pass the triple lines.
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
        project = ufl.Identity(surface.gdim) - ufl.outer(normal, normal)

        def slopes(first: Expr, second: Expr) -> Expr:
            return ufl.inner(ufl.dot(project, ufl.grad(first)), ufl.dot(project, ufl.grad(second)))

        def constant(value: float) -> Expr:
            return fem.Constant(cell.domain, float(value))

        space = self._unknown.function_space
        mixed = diffusion > 0.0
        speed, curvature = ufl.split(self._unknown) if mixed else (self.speed, None)
        test, other = ufl.TestFunctions(space) if mixed else (ufl.TestFunction(space), None)
        density = (speed - normal_velocity) * test
        density += self.time_step * constant(mobility) * slopes(speed, test)
        if mixed:
            density -= constant(diffusion) * slopes(curvature, test)
            density += (curvature - surface.curvature) * other + self.time_step * slopes(speed, other)
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


@timing.counted("assembly")
def assemble(form: fem.Form, space: fem.FunctionSpace) -> NDArray[np.float64]:
    """Assemble a linear form into a local array with ghosts. Collective."""
    vector = fem_petsc.assemble_vector(form)
    vector.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
    vector.ghostUpdate(addv=PETSc.InsertMode.INSERT, mode=PETSc.ScatterMode.FORWARD)
    with vector.localForm() as local:
        values = np.asarray(local.array_r).copy()
    vector.destroy()
    return values
