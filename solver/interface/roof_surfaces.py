"""Roofs of a 3-D mesh as triangulated surfaces: their profile, the same on every rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import Polygon

from meshes.gmsh.shell import boundary_edges
from meshes.profile.triangulated import Roof, SurfaceProfile, from_its_corner, snapped, void_of
from solver.interface.roofs import ProfileError

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from meshes.profile.triangulated import SurfaceVoid
    from solver.equations.motion import SurfaceGeometry
    from solver.equations.surface_nodes import SurfaceNodes

Loops = tuple[NDArray[np.int64], ...]


@dataclass(frozen=True)
class RoofSurfaces:
    """Roofs as triangles of slots (numbers of surface nodes, the same on every rank); fixed for one mesh.

    Attributes:
        cell: mesh.
        nodes: of all void surfaces.
        geometry_nodes: those of this rank in the mesh geometry.
        triangles: (k, 3) slots of each void, oriented towards the metal.
        rims: closed loops of slots around each void, the outer one first.
        extents, electrolyte_depth: of the cell.
    """

    cell: CellMesh
    nodes: SurfaceNodes
    geometry_nodes: NDArray[np.int32]
    triangles: tuple[NDArray[np.int64], ...]
    rims: tuple[Loops, ...]
    extents: tuple[float, float]
    electrolyte_depth: float

    def positions(self, local: NDArray[np.float64]) -> NDArray[np.float64]:
        """All surface nodes (n, 3) by slot from the local ones (m, 3). Collective."""
        return self.nodes.everywhere(local)

    def sums(self, local: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of nodal values (at ``surface.nodes``) over each roof, the same on every rank. Collective."""
        values = self.nodes.everywhere(local)
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
        triangles, rims = tuple(self.triangles[k] for k in order), tuple(self.rims[k] for k in order)
        return replace(self, triangles=triangles, rims=rims)

    def matching(self, profile: object) -> RoofSurfaces:
        """The same in the order of the profile that the mesh was made from. Collective."""
        assert isinstance(profile, SurfaceProfile)
        return self.ordered(profile.anchors())

    def _void(self, points: NDArray[np.float64], roof: NDArray[np.int64], rims: Loops) -> SurfaceVoid:
        rings = [from_its_corner(points[rim, :2]) for rim in rims]
        footprint = snapped(Polygon(rings[0], rings[1:]), self.extents)
        if not footprint.is_valid:
            raise ProfileError("the triple line of a void crosses itself")
        used, compact = np.unique(roof, return_inverse=True)
        return void_of(footprint, Roof(points[used], compact.reshape(-1, 3)))


def roof_surfaces(cell: CellMesh, surface: SurfaceGeometry, electrolyte_depth: float) -> RoofSurfaces:
    """Find the roofs of a 3-D mesh. Collective; raises ProfileError on every rank."""
    nodes, x = surface.shared, cell.domain.geometry.x
    assert nodes is not None  # the mesh is a 3-D one
    parts = _parts(nodes.triangles, nodes.total)
    lx, ly = (cell.domain.comm.allreduce(float(x[:, k].max(initial=0.0)), op=MPI.MAX) for k in range(2))
    points = nodes.everywhere(x[surface.geometry_nodes])
    loops = [_loops(roof, points) for roof in parts]
    order = sorted(range(len(parts)), key=lambda k: tuple(points[loops[k][0], :2].min(axis=0)))
    return RoofSurfaces(
        cell,
        nodes,
        surface.geometry_nodes,
        tuple(parts[k] for k in order),
        tuple(loops[k] for k in order),
        (lx, ly),
        electrolyte_depth,
    )


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
