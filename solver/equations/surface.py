"""The void surfaces of one mesh: where their nodes are, which way they may move, and how the surface bends.

A nodal direction is the area-weighted normal on a roof, the line's own normal in the electrolyte plane at a
triple line, and lies in the side's plane at a side. A normal velocity w_n becomes nodal speeds by lumped
projection along these directions, so that the volume the surface sweeps per unit time is exactly the
integral of w_n.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from ufl.core.expr import Expr

from meshes import compat
from meshes.tags import Boundary
from solver.algebra.assembly import assemble
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
        self._fit: CurvatureFit | None = None
        if self.shared is not None:
            sides = [np.isin(self.nodes, at(side)) for side in (Boundary.SIDE_X, Boundary.SIDE_Y)]
            on_sides = self.shared.everywhere(np.column_stack(sides).astype(float)) > 0.0
            self._fit = CurvatureFit(self.shared, self.shared.everywhere(self.positions()), on_sides)
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

    def total_area(self) -> float:
        """Area (length in the plane) of all roofs, over all ranks. Collective."""
        owned = self.nodes < self.scalars.dofmap.index_map.size_local
        return float(self.cell.domain.comm.allreduce(float(self.area[owned].sum())))

    def nodal_speed(self, rate: fem.Form) -> NDArray[np.float64]:
        """Speed along ``direction`` at ``nodes`` from a form of w_n phi_i. Collective."""
        swept = assemble(rate, self.scalars)[self.nodes]
        return np.asarray(swept / np.where(self.projected != 0.0, self.projected, np.inf))

    def rate_form(self, normal_velocity: Expr) -> fem.Form:
        """Compile the form of w_n phi_i on void surfaces."""
        q = ufl.TestFunction(self.scalars)
        return fem.form(weight(self.cell) * normal_velocity * q * self.cell.ds(Boundary.VOID))
