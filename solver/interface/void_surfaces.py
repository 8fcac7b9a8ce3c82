"""Void surfaces of a mesh: the roofs of its voids in the order of the profile, the same on every rank.

A mesh knows its void surfaces as facets that are spread over the ranks. Here they are put together as roofs:
chains of nodes in two dimensions, triangulated surfaces in 3-D. From them come the profile as it is after a
step, sums over each void, and where surface nodes go when they have moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Protocol

import numpy as np
import shapely
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import Polygon

from meshes import compat
from meshes.gmsh.shell import boundary_edges
from meshes.profile.base import ProfileError
from meshes.profile.chains import joined
from meshes.profile.footprints import ON_SIDE, from_its_corner, snapped
from meshes.profile.polyline import InterfaceProfile
from meshes.profile.polyline_roof import redistribute
from meshes.profile.triangulated import SurfaceProfile
from meshes.profile.triangulated_roof import Roof, void_of
from meshes.tags import Boundary
from solver.core import timing

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from meshes.profile.base import Profile
    from meshes.profile.triangulated_roof import SurfaceVoid
    from meshes.sizing import SizeRule
    from solver.equations.surface import SurfaceGeometry
    from solver.equations.surface_nodes import SurfaceNodes

OVERLAP_ELEMENTS = 0.25
"""Depth below the electrolyte surface, in tip elements, that a roof may reach in the step that lands it."""

Loops = tuple[NDArray[np.int64], ...]


class VoidSurfaces(Protocol):
    """Roofs of one mesh. All methods are collective, with the same result on every rank."""

    def profile(self) -> Profile:
        """Present interface profile; raises ProfileError where that is none."""

    def spaced(self, moved: NDArray[np.float64], rule: SizeRule) -> NDArray[np.float64]:
        """Where moved surface nodes (m, gdim) go on their roofs.

        Raises:
            ProfileError: if a roof crosses something: the step goes past a change of topology.
        """

    def ordered(self, anchors: Sequence[Sequence[float]]) -> VoidSurfaces:
        """The same in the order of the voids that stand on ``anchors`` (um, lateral coordinates)."""


def void_surfaces(cell: CellMesh, surface: SurfaceGeometry, electrolyte_depth: float) -> VoidSurfaces:
    """Find the roofs of a mesh. Collective.

    Args:
        cell: mesh.
        surface: its void surface nodes.
        electrolyte_depth: of the cell (um), for the profiles.

    Raises:
        ProfileError: on every rank, if the void facets make no roofs.
    """
    found = _triangulated_surfaces if cell.vertical == 2 else _polyline_surfaces
    return found(cell, surface, electrolyte_depth)


def _check_depth(lowest: float, rule: SizeRule) -> None:
    if lowest < -OVERLAP_ELEMENTS * rule.tip:
        raise ProfileError("a roof goes through the electrolyte")


@dataclass(frozen=True)
class PolylineSurfaces:
    """Roofs as chains of global node numbers, the same on every rank; fixed for one mesh.

    Void surfaces move along their normals, which stretches the mesh where a triple line advances. Capillary
    stress goes with 1/h and creep with its 6.6th power, so a stretched roof would answer wrongly; nodes are
    therefore slid along the roof every step to keep the spacing that the size rule asks for.

    Attributes:
        cell: mesh.
        chains: global geometry node numbers of each roof, from left to right.
        slots: for each of ``surface.nodes``: position in the concatenated chains.
        geometry_nodes: those of ``surface.nodes`` in the mesh geometry.
        owned: which of them this rank owns.
        electrolyte_depth, width: of the cell.
    """

    cell: CellMesh
    chains: tuple[NDArray[np.int64], ...]
    slots: NDArray[np.int64]
    geometry_nodes: NDArray[np.int32]
    owned: NDArray[np.bool_]
    electrolyte_depth: float
    width: float

    def positions(self, local: NDArray[np.float64]) -> NDArray[np.float64]:
        """All roof points (n, 2) in chain order from the local ones (m, 2). Collective.

        Only void surface nodes travel between ranks: their number grows with the interface, not with
        the mesh.
        """
        total = sum(len(chain) for chain in self.chains)
        mine = np.zeros((total, 2))
        mine[self.slots[self.owned]] = local[self.owned]
        everyone = np.empty_like(mine)
        self.cell.domain.comm.Allreduce(mine, everyone, op=MPI.SUM)
        return everyone

    def profile(self) -> InterfaceProfile:
        """Present interface profile, the same on every rank. Collective."""
        x = self.cell.domain.geometry.x
        height = self.cell.domain.comm.allreduce(float(x[:, 1].max(initial=0.0)), op=MPI.MAX)
        return InterfaceProfile(
            self.width,
            height,
            self.electrolyte_depth,
            tuple(self.roofs(x[self.geometry_nodes, :2])),
            self.cell.kind == "axisymmetric",
        )

    def roofs(self, local: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Roofs through local surface points (m, 2), the same on every rank. Collective."""
        return [_snapped(roof, self.width) for roof in self._split(self.positions(local))]

    @timing.counted("mesh")
    def spaced(self, moved: NDArray[np.float64], rule: SizeRule) -> NDArray[np.float64]:
        """Moved surface nodes (m, 2), slid along their roofs to the rule's spacing. Collective."""
        roofs = self.roofs(moved)
        lowest = min((float(r[1:-1, 1].min(initial=0.0)) for r in roofs if len(r) > 2), default=0.0)
        _check_depth(lowest, rule)
        profile = InterfaceProfile(self.width, 0.0, 0.0, tuple(roofs))
        if not profile.is_simple():
            raise ProfileError("void surfaces cross")
        if not roofs:
            return moved
        triples = profile.triple_points()
        even = [redistribute(roof, rule, triples, len(roof) - 1) for roof in roofs]
        return np.concatenate(even)[self.slots]

    def ordered(self, _anchors: Sequence[Sequence[float]]) -> PolylineSurfaces:
        """Roofs from left to right are in the order of any profile."""
        return self

    def _split(self, points: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        return np.split(points, np.cumsum([len(c) for c in self.chains])[:-1]) if self.chains else []


def _polyline_surfaces(
    cell: CellMesh, surface: SurfaceGeometry, electrolyte_depth: float
) -> PolylineSurfaces:
    """Find the roofs of a two-dimensional mesh: chains of void facets. Collective."""
    domain, comm = cell.domain, cell.domain.comm
    fdim = domain.topology.dim - 1
    facets = cell.boundary(Boundary.VOID)
    facets = facets[facets < domain.topology.index_map(fdim).size_local]
    nodes = compat.entity_nodes(domain, fdim, facets)
    to_global = domain.geometry.index_map().local_to_global
    numbers = to_global(nodes.ravel()).reshape(-1, 2)
    parts = comm.gather((numbers, domain.geometry.x[nodes][:, :, 0]), root=0)
    result: tuple[NDArray[np.int64], ...] | str | None = None
    if parts is not None:
        try:
            numbers, x = (np.concatenate([part[k] for part in parts]) for k in range(2))
            result = _from_left_to_right(numbers, x)
        except ProfileError as error:
            result = str(error)
    result = comm.bcast(result, root=0)
    if not isinstance(result, tuple):
        raise ProfileError(str(result))
    slot = {int(n): k for k, n in enumerate(np.concatenate(result) if result else [])}
    slots = np.array([slot[int(n)] for n in to_global(surface.geometry_nodes)], dtype=np.int64)
    owned = surface.nodes < surface.scalars.dofmap.index_map.size_local
    width = comm.allreduce(float(domain.geometry.x[:, 0].max(initial=0.0)), op=MPI.MAX)
    return PolylineSurfaces(cell, result, slots, surface.geometry_nodes, owned, electrolyte_depth, width)


def _from_left_to_right(numbers: NDArray[np.int64], x: NDArray[np.float64]) -> tuple[NDArray[np.int64], ...]:
    """Facets (pairs of node numbers, with ``x`` at both) as chains from left to right, sorted by x."""
    chains = joined(numbers)
    if chains.rings:
        raise ProfileError("a void surface is a closed ring")
    where = dict(zip(numbers.ravel().tolist(), x.ravel().tolist(), strict=True))
    paths = [path if where[path[0]] <= where[path[-1]] else path[::-1] for path in chains.paths]
    return tuple(sorted(paths, key=lambda path: where[path[0]]))


def _snapped(roof: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Ends exactly on y = 0 or on their side (the motion keeps them there up to rounding)."""
    roof = roof.copy()
    for end in (0, -1):
        x, y = roof[end]
        if abs(y) < 1e-12 * width:
            roof[end, 1] = 0.0
        elif min(x, width - x) < 1e-9 * width:
            roof[end, 0] = 0.0 if x < 0.5 * width else width
    return roof


@dataclass(frozen=True)
class TriangulatedSurfaces:
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

    @timing.counted("mesh")
    def spaced(self, moved: NDArray[np.float64], rule: SizeRule) -> NDArray[np.float64]:
        """Moved surface nodes (m, 3), as they are: they are not slid along their roofs. Collective."""
        _check_depth(float(self.positions(moved)[:, 2].min(initial=0.0)), rule)
        voids = self.voids(moved)
        if any(a.footprint.intersects(b.footprint) for a, b in combinations(voids, 2)):
            raise ProfileError("void surfaces cross")
        return moved

    def ordered(self, anchors: Sequence[Sequence[float]]) -> TriangulatedSurfaces:
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

    def _triple(self, at: NDArray[np.float64], rim: NDArray[np.int64]) -> NDArray[np.int64]:
        """Nodes of a rim at ``at`` (m, 3) without those of the roof on a side, which may hang over there."""
        ends = np.array([np.zeros(2), self.extents])[:, None]
        on_side = np.any(np.abs(at[:, :2] - ends) <= ON_SIDE * ends[1], axis=0)
        corner = on_side.all(axis=1)
        lifted = np.abs(at[:, 2]) > ON_SIDE * max(self.extents)
        return rim[~on_side.any(axis=1) | ~lifted | corner]

    def _void(self, points: NDArray[np.float64], roof: NDArray[np.int64], rims: Loops) -> SurfaceVoid:
        rings = [from_its_corner(points[self._triple(points[rim], rim), :2]) for rim in rims]
        footprint = snapped(Polygon(rings[0], rings[1:]), self.extents)
        if not footprint.is_valid:
            raise ProfileError("the triple line of a void crosses itself")
        used, compact = np.unique(roof, return_inverse=True)
        return void_of(footprint, Roof(points[used], compact.reshape(-1, 3)))


def _triangulated_surfaces(
    cell: CellMesh, surface: SurfaceGeometry, electrolyte_depth: float
) -> TriangulatedSurfaces:
    """Find the roofs of a 3-D mesh: connected surfaces of void facets. Collective."""
    nodes, x = surface.shared, cell.domain.geometry.x
    assert nodes is not None  # the mesh is a 3-D one
    parts = _parts(nodes.triangles, nodes.total)
    lx, ly = (cell.domain.comm.allreduce(float(x[:, k].max(initial=0.0)), op=MPI.MAX) for k in range(2))
    points = nodes.everywhere(x[surface.geometry_nodes])
    loops = [_loops(roof, points) for roof in parts]
    order = sorted(range(len(parts)), key=lambda k: tuple(points[loops[k][0], :2].min(axis=0)))
    return TriangulatedSurfaces(
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
    rings = joined(boundary_edges(roof)).rings
    return tuple(sorted(rings, key=lambda ring: -abs(Polygon(points[ring, :2]).area)))
