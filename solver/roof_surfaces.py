"""Roofs of a 3-D mesh as triangulated surfaces: their profile, the same on every rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import Polygon

from meshes.cell import CellMesh
from meshes.solid_shell import boundary_edges
from meshes.surface_profile import Roof, SurfaceProfile, SurfaceVoid, snapped, void_of
from meshes.tags import Boundary
from solver import compat
from solver.kinematics import SurfaceGeometry
from solver.roofs import ProfileError

Loops = tuple[NDArray[np.int64], ...]


@dataclass(frozen=True)
class RoofSurfaces:
    """Roofs as triangles of slots (numbers of surface nodes, the same on every rank); fixed for one mesh.

    Attributes:
        cell: mesh.
        triangles: (k, 3) slots of each void, oriented towards the metal.
        rims: closed loops of slots around each void, the outer one first.
        slots: for each of ``surface.nodes``.
        total: number of slots.
        geometry_nodes, owned: of ``surface.nodes``.
        extents, electrolyte_depth: of the cell.
    """

    cell: CellMesh
    triangles: tuple[NDArray[np.int64], ...]
    rims: tuple[Loops, ...]
    slots: NDArray[np.int64]
    total: int
    geometry_nodes: NDArray[np.int32]
    owned: NDArray[np.bool_]
    extents: tuple[float, float]
    electrolyte_depth: float

    def positions(self, local: NDArray[np.float64]) -> NDArray[np.float64]:
        """All surface nodes (n, 3) by slot from the local ones (m, 3). Collective."""
        return self._everywhere(local, (self.total, 3))

    def sums(self, local: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of nodal values (at ``surface.nodes``) over each roof, the same on every rank. Collective."""
        values = self._everywhere(local, (self.total,))
        return np.array([values[np.unique(roof)].sum() for roof in self.triangles])

    def profile(self) -> SurfaceProfile:
        """Present interface profile. Collective; raises ProfileError where a footprint is no polygon."""
        x = self.cell.domain.geometry.x
        top = self.cell.domain.comm.allreduce(float(x[:, 2].max(initial=0.0)), op=MPI.MAX)
        return SurfaceProfile(self.extents, top, self.electrolyte_depth, self.voids(x[self.geometry_nodes]))

    def voids(self, local: NDArray[np.float64]) -> tuple[SurfaceVoid, ...]:
        """Voids with the surface nodes at ``local`` (m, 3). Collective; raises ProfileError."""
        points = self.positions(local)
        return tuple(
            self._void(points, roof, rims) for roof, rims in zip(self.triangles, self.rims, strict=True)
        )

    def ordered(self, anchors: Sequence[tuple[float, float]]) -> RoofSurfaces:
        """The same with the void that stands on the first anchor first, and so on. Collective."""
        if len(anchors) != len(self.triangles):
            raise ProfileError(f"{len(self.triangles)} voids in the mesh, {len(anchors)} expected")
        footprints = [v.footprint for v in self.profile().voids]
        order: list[int] = []
        for anchor in anchors:
            away = [
                np.inf if k in order else f.distance(shapely.Point(anchor)) for k, f in enumerate(footprints)
            ]
            order.append(int(np.argmin(away)))
        return RoofSurfaces(
            self.cell,
            tuple(self.triangles[k] for k in order),
            tuple(self.rims[k] for k in order),
            self.slots,
            self.total,
            self.geometry_nodes,
            self.owned,
            self.extents,
            self.electrolyte_depth,
        )

    def _void(self, points: NDArray[np.float64], roof: NDArray[np.int64], rims: Loops) -> SurfaceVoid:
        rings = [points[rim, :2] for rim in rims]
        footprint = snapped(Polygon(rings[0], rings[1:]), self.extents)
        if not footprint.is_valid:
            raise ProfileError("the triple line of a void crosses itself")
        used, compact = np.unique(roof, return_inverse=True)
        return void_of(footprint, Roof(points[used], compact.reshape(-1, 3)))

    def _everywhere(self, local: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Only nodes of void surfaces travel: their number grows with the interface, not with the mesh."""
        mine = np.zeros(shape)
        mine[self.slots[self.owned]] = local[self.owned]
        everyone = np.empty_like(mine)
        self.cell.domain.comm.Allreduce(mine, everyone, op=MPI.SUM)
        return everyone


def roof_surfaces(cell: CellMesh, surface: SurfaceGeometry, electrolyte_depth: float) -> RoofSurfaces:
    """Find the roofs of a 3-D mesh. Collective; raises ProfileError on every rank."""
    domain, comm = cell.domain, cell.domain.comm
    numbers = np.vstack(comm.allgather(_oriented_facets(cell)))
    names, facets = np.unique(numbers, return_inverse=True)
    facets = facets.reshape(-1, 3).astype(np.int64)
    parts = _parts(facets, len(names))
    to_global = domain.geometry.index_map().local_to_global
    slots = np.searchsorted(names, to_global(surface.geometry_nodes)).astype(np.int64)
    owned = surface.nodes < surface.scalars.dofmap.index_map.size_local
    x = domain.geometry.x
    lx, ly = (comm.allreduce(float(x[:, k].max(initial=0.0)), op=MPI.MAX) for k in range(2))
    found = RoofSurfaces(
        cell, tuple(parts), (), slots, len(names), surface.geometry_nodes, owned, (lx, ly), electrolyte_depth
    )
    points = found.positions(x[surface.geometry_nodes])
    loops = [_loops(roof, points) for roof in parts]
    order = sorted(range(len(parts)), key=lambda k: tuple(points[loops[k][0], :2].min(axis=0)))
    return RoofSurfaces(
        cell,
        tuple(parts[k] for k in order),
        tuple(loops[k] for k in order),
        slots,
        len(names),
        surface.geometry_nodes,
        owned,
        (lx, ly),
        electrolyte_depth,
    )


def _oriented_facets(cell: CellMesh) -> NDArray[np.int64]:
    """Global nodes (k, 3) of this rank's void facets, seen from the void in positive sense."""
    domain = cell.domain
    fdim = domain.topology.dim - 1
    facets = cell.boundary(Boundary.VOID)
    facets = facets[facets < domain.topology.index_map(fdim).size_local]
    nodes = compat.entity_nodes(domain, fdim, facets).reshape(-1, 3)
    to_cell = domain.topology.connectivity(fdim, fdim + 1)
    cells = np.array([to_cell.links(f)[0] for f in facets], dtype=np.int32)
    x = domain.geometry.x
    inside = x[compat.geometry_dofmap(domain)[cells]].mean(axis=1)
    corners = x[nodes]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    away = np.einsum("ij,ij->i", normal, inside - corners[:, 0]) < 0.0
    nodes[away] = nodes[away][:, [0, 2, 1]]
    numbers = domain.geometry.index_map().local_to_global(nodes.ravel())
    return np.asarray(numbers, dtype=np.int64).reshape(-1, 3)


def _parts(facets: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    """Facets of each connected surface."""
    if len(facets) == 0:
        return []
    rows, columns = facets.ravel(), np.roll(facets, 1, axis=1).ravel()
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    number, label = connected_components(graph, directed=False)
    return [facets[label[facets[:, 0]] == k] for k in range(number)]


def _loops(roof: NDArray[np.int64], points: NDArray[np.float64]) -> Loops:
    """Closed loops of the roof's edge, by enclosed area (of the plane), the largest first."""
    near: dict[int, list[int]] = {}
    for a, b in boundary_edges(roof):
        near.setdefault(int(a), []).append(int(b))
        near.setdefault(int(b), []).append(int(a))
    if any(len(n) != 2 for n in near.values()):
        raise ProfileError("void surfaces touch")
    loops, left = [], set(near)
    while left:
        start = min(left)
        loop, previous, here = [start], start, near[start][0]
        while here != start:
            loop.append(here)
            onward = near[here][0] if near[here][0] != previous else near[here][1]
            previous, here = here, onward
        left -= set(loop)
        loops.append(np.array(loop, dtype=np.int64))
    loops.sort(key=lambda loop: -abs(Polygon(points[loop, :2]).area))
    return tuple(loops)
