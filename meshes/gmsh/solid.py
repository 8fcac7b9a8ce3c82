"""Gmsh mesh of a 3-D cell from its interface profile.

The plane of the electrolyte is meshed first, with the footprints of the voids as parts of it; the mesh under
each void is copied and lifted to its roof; the volumes are meshed from these surfaces as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import gmsh
import numpy as np
import shapely
from mpi4py import MPI
from numpy.typing import NDArray
from shapely import LinearRing, Polygon
from shapely.geometry.base import BaseGeometry

from meshes.gmsh import roof_edges
from meshes.gmsh.session import distribute, mesh_by_size
from meshes.gmsh.shell import Shell, build_shell
from meshes.profile.footprints import SAME_PLACE, polygons, resampled, rounded_places, triple_line
from meshes.profile.triangulated_roof import Roof, plan_areas
from solver.core import interrupts

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from meshes.profile.triangulated import SurfaceProfile
    from meshes.profile.triangulated_roof import SurfaceVoid
    from meshes.sizing import SizeRule

RIM_ZONE = 4.0
"""Width (tip elements) of the zone beside triple lines in which nodes are placed by length along the roof."""
PROFILE_POINTS = 24
"""Points on the roof that measure that length."""
TRIES = (
    *((1.0, False), (0.95, False), (1.0, True), (0.95, True), (0.9, False), (0.85, False)),
    *((1.05, False), (0.9, True), (1.05, True), (0.8, False), (1.1, False), (1.1, True)),
)
"""What is tried one after the other: factors on the size at triple lines, and whether edges of the roofs are
turned (:mod:`meshes.gmsh.roof_edges`). Now and then a flat tetrahedron is left between nodes that are all on
surfaces, and on fine roofs nearly always. Which of them fail hangs on what Gmsh has meshed before, too."""
ENOUGH_TRIES = 4
"""Tries after which a usable mesh is good enough: they cost minutes where there are millions of cells."""
SMOOTHINGS = 10
"""Smoothings of a roof that was changed: capillarity would round it in the next steps."""
SQUEEZED = 0.05
"""Share of its area that a triangle of the plane must keep when nodes are moved towards a steep rim."""
LEAST_SLOPE = 0.1
"""A roof rises at least this steeply over its first element: it must not lie on the floor."""
GOOD_SHAPE, FAIR_SHAPE = 0.1, 0.02
"""Inscribed over circumscribed radius (1 at best) of a mesh that is taken at once, and of a usable one."""
_ROUNDING = 9
"""Decimals (um) to which points of the plane count as the same."""
_TRIANGLE, _TETRAHEDRON = 2, 4
_SAME = 2.0 * 10.0**-_ROUNDING


def mesh_solid(
    profile: SurfaceProfile, rule: SizeRule, comm: MPI.Comm, msh_file: str | None = None
) -> CellMesh:
    """Mesh a 3-D cell. Collective; raises :class:`meshes.gmsh.session.MeshingError`."""

    def attempt(factor: float, turn: bool) -> float:
        finer = replace(rule, tip=factor * rule.tip)
        gmsh.clear()
        even = replace(profile, voids=tuple(_evened(v, profile, finer) for v in profile.voids))
        plane = mesh_of_plane(even, finer)
        gmsh.clear()
        build_shell(lifted(plane, even, finer, turn), even, finer)
        return worst_shape()

    def build() -> None:
        best, which, last = -math.inf, TRIES[0], TRIES[0]
        failure: Exception | None = None
        for k, last in enumerate(TRIES):
            interrupts.check_alone_if_stoppable()
            try:
                shape = attempt(*last)
            except Exception as error:  # Gmsh raises nothing more special
                failure = error
                continue
            if shape > best:
                best, which = shape, last
            if best >= GOOD_SHAPE or (best >= FAIR_SHAPE and k + 1 >= ENOUGH_TRIES):
                break
        if failure is not None and best == -math.inf:
            raise failure
        if best < FAIR_SHAPE:
            raise RuntimeError("the metal between the surfaces is too thin for its elements")
        if which != last:
            attempt(*which)

    return distribute(build, comm, "3d", msh_file)


def worst_shape() -> float:
    """Smallest inscribed over circumscribed radius of the tetrahedra in the current Gmsh model."""
    tags, _ = gmsh.model.mesh.getElementsByType(_TETRAHEDRON)
    return float(np.min(gmsh.model.mesh.getElementQualities(tags, "gamma"), initial=1.0))


@dataclass(frozen=True)
class PlaneMesh:
    """Triangles of the plane: points (n, 2), triangles (k, 3), and of which void (-1: contact)."""

    points: NDArray[np.float64]
    triangles: NDArray[np.int64]
    void: NDArray[np.int64]


def mesh_of_plane(profile: SurfaceProfile, rule: SizeRule) -> PlaneMesh:
    """Mesh the plane with the footprints, as they are, in it (in the current Gmsh session, serial)."""
    builder = _PlaneBuilder()
    surfaces = [(builder.surface(part), -1) for part in polygons(profile.contact())]
    surfaces += [(builder.surface(void.footprint), k) for k, void in enumerate(profile.voids)]
    builder.mesh(_PlaneSizes(profile, rule), triple_lines(profile))
    plane = _collected(surfaces)
    for k, void in enumerate(profile.voids):
        fixed = _on_triple_line(plane.points, void, profile)
        # a corner without a node of its own has no height: roof and floor would coincide
        plane.void[(plane.void == k) & fixed[plane.triangles].all(axis=1)] = -1
    return plane


def _evened(void: SurfaceVoid, profile: SurfaceProfile, rule: SizeRule) -> SurfaceVoid:
    footprint = resampled(void.footprint, profile.extents, rule)
    places = partial(rounded_places, extents=profile.extents, grid=SAME_PLACE)
    return replace(void, footprint=shapely.transform(footprint, places))


class _PlaneBuilder:
    """Points and lines of the plane, each once; lives for one mesh."""

    def __init__(self) -> None:
        self._points: dict[tuple[float, float], int] = {}
        self._lines: dict[tuple[int, int], int] = {}
        self._geo = gmsh.model.geo

    def surface(self, polygon: Polygon) -> int:
        """Plane surface of a polygon; returns its tag."""
        rings = [polygon.exterior, *polygon.interiors]
        return int(self._geo.addPlaneSurface([self._loop(ring) for ring in rings]))

    def mesh(self, sizes: _PlaneSizes, whole: BaseGeometry) -> None:
        """Mesh it; lines on ``whole`` become one element each."""
        self._geo.synchronize()
        places = {tag: point for point, tag in self._points.items()}
        shapely.prepare(whole)
        for (a, b), line in self._lines.items():
            middle = shapely.Point(*(0.5 * (np.array(places[a]) + np.array(places[b]))))
            if shapely.dwithin(whole, middle, _SAME):
                gmsh.model.mesh.setTransfiniteCurve(line, 2)
        mesh_by_size(2, lambda x, y, _z: sizes.at(x, y))

    def _loop(self, ring: LinearRing) -> int:
        tags = [self._point(x, y) for x, y in np.round(np.array(ring.coords)[:-1], _ROUNDING)]
        tags = [tag for tag, before in zip(tags, [tags[-1], *tags], strict=False) if tag != before]
        return int(self._geo.addCurveLoop([self._line(a, b) for a, b in pairwise([*tags, tags[0]])]))

    def _point(self, x: float, y: float) -> int:
        key = (float(x), float(y))
        if key not in self._points:
            self._points[key] = int(self._geo.addPoint(*key, 0.0))
        return self._points[key]

    def _line(self, a: int, b: int) -> int:
        key = (min(a, b), max(a, b))
        if key not in self._lines:
            self._lines[key] = int(self._geo.addLine(*key))
        return self._lines[key] if a < b else -self._lines[key]


class _PlaneSizes:
    """Element size at points of the plane, looked up on a raster (Gmsh asks one point at a time)."""

    def __init__(self, profile: SurfaceProfile, rule: SizeRule) -> None:
        spacing = max(0.5 * rule.tip, max(profile.extents) / 1000.0)
        self._counts = [max(2, math.ceil(e / spacing) + 1) for e in profile.extents]
        axes = [np.linspace(0.0, e, n) for e, n in zip(profile.extents, self._counts, strict=True)]
        grid = shapely.points(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1))
        size = np.full(grid.shape, rule.largest)
        for void in profile.voids:
            away = shapely.distance(triple_line(void.footprint, profile.base), grid)
            np.minimum(size, rule.tip + rule.growth * away, out=size)
            within = shapely.contains(void.footprint, grid)
            half = 0.5 * math.sqrt(void.footprint.area)
            height = SAME_PLACE * round(void.height / SAME_PLACE)
            roof = max(rule.tip, rule.roof_fraction * min(half, height))
            size[within] = np.minimum(size[within], roof)
        if rule.layer is not None:
            np.minimum(size, rule.layer, out=size)
        self._size, self._steps = size, [a[1] for a in axes]

    def at(self, x: float, y: float) -> float:
        """Size at a point."""
        where = [round(v / step) for v, step in zip((x, y), self._steps, strict=True)]
        i, j = (min(max(w, 0), n - 1) for w, n in zip(where, self._counts, strict=True))
        return float(self._size[i, j])


def triple_lines(profile: SurfaceProfile) -> BaseGeometry:
    """Those of all voids."""
    return shapely.union_all([triple_line(void.footprint, profile.base) for void in profile.voids])


def _collected(surfaces: list[tuple[int, int]]) -> PlaneMesh:
    tags, coordinates, _ = gmsh.model.mesh.getNodes()
    number = np.zeros(int(tags.max()) + 1, dtype=np.int64)
    number[tags.astype(np.int64)] = np.arange(len(tags))
    points = np.asarray(coordinates).reshape(-1, 3)[:, :2]
    triangles, voids = [], []
    for surface, void in surfaces:
        _, nodes = gmsh.model.mesh.getElementsByType(_TRIANGLE, surface)
        rows = number[np.asarray(nodes, dtype=np.int64)].reshape(-1, 3)
        triangles.append(rows)
        voids.append(np.full(len(rows), void, dtype=np.int64))
    used, compact = np.unique(np.vstack(triangles), return_inverse=True)
    return PlaneMesh(points[used], compact.reshape(-1, 3), np.concatenate(voids))


def lifted(plane: PlaneMesh, profile: SurfaceProfile, rule: SizeRule, turn: bool = False) -> Shell:
    """The metal's and the electrolyte's surfaces: footprints copied and lifted to their roofs.

    Args:
        plane: mesh of the plane.
        profile: the cell.
        rule: element sizes.
        turn: whether edges of the roofs are turned where they are shallow valleys.
    """
    points = np.column_stack([plane.points, np.zeros(len(plane.points))])
    roofs = []
    for k, void in enumerate(profile.voids):
        under = plane.triangles[plane.void == k]
        nodes = np.unique(under)
        free = nodes[~_on_triple_line(points[nodes, :2], void, profile)]
        if void.wrapped is not None:
            copies = void.wrapped(plane.points[free])
        else:
            wanted = _beside_rims(plane.points[free], void, profile, rule)
            copies = _raised(_unfolded(plane.points, under, free, wanted), void, profile, rule)
        renumbered = np.arange(len(points))
        renumbered[free] = len(points) + np.arange(len(free))
        points = np.vstack([points, copies])
        roof = renumbered[under]
        if void.fresh is not None:
            inside = shapely.intersects_xy(void.fresh, points[renumbered[free], :2])
            _smooth(points, roof, renumbered[free][inside])
        roof = roof_edges.turned(points, roof) if turn else roof
        _scale_to(points, roof, np.arange(len(points) - len(free), len(points)), void.measure)
        roofs.append(roof)
    empty = np.empty((0, 3), dtype=np.int64)
    return Shell(
        points,
        contact=plane.triangles[plane.void < 0],
        roof=np.vstack([empty, *roofs]),
        floor=plane.triangles[plane.void >= 0],
    )


def _raised(
    places: NDArray[np.float64], void: SurfaceVoid, profile: SurfaceProfile, rule: SizeRule
) -> NDArray[np.float64]:
    """Points (n, 3) of the roof above ``places`` (n, 2)."""
    away = shapely.distance(triple_line(void.footprint, profile.base), shapely.points(places))
    least = LEAST_SLOPE * np.minimum(away, rule.tip)
    return np.column_stack([places, np.maximum(void.heights(places), least)])


def _unfolded(
    plane: NDArray[np.float64],
    triangles: NDArray[np.int64],
    free: NDArray[np.int64],
    wanted: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Places ``wanted`` of the ``free`` nodes, but the old ones at triangles that would turn over."""
    moved = plane.copy()
    moved[free] = wanted
    before = plan_areas(plane[triangles])
    while True:
        bad = np.unique(triangles[plan_areas(moved[triangles]) / before < SQUEEZED])
        back = bad[np.any(moved[bad] != plane[bad], axis=1)]
        if len(back) == 0:
            return np.asarray(moved[free])
        moved[back] = plane[back]


def _on_triple_line(at: NDArray[np.float64], void: SurfaceVoid, profile: SurfaceProfile) -> NDArray[np.bool_]:
    return np.asarray(
        shapely.distance(triple_line(void.footprint, profile.base), shapely.points(at)) <= _SAME
    )


def _beside_rims(
    at: NDArray[np.float64], void: SurfaceVoid, profile: SurfaceProfile, rule: SizeRule
) -> NDArray[np.float64]:
    """Points (n, 2) moved towards the triple line where the roof is steep: spaced along the roof."""
    line, zone = triple_line(void.footprint, profile.base), RIM_ZONE * rule.tip
    points = shapely.points(at)
    away = np.asarray(shapely.distance(line, points))
    near = np.flatnonzero((away < zone) & (away > _SAME))
    if len(near) == 0:
        return at
    feet = shapely.get_coordinates(shapely.shortest_line(line, points[near])).reshape(-1, 2, 2)[:, 0]
    along = (at[near] - feet) / away[near, None]
    inner = shapely.points(np.clip(feet + zone * along, 0.0, profile.extents))
    room = shapely.dwithin(void.footprint, inner, _SAME) & (shapely.distance(line, inner) > 0.9 * zone)
    near, feet, along = near[room], feet[room], along[room]
    steps = np.linspace(0.0, zone, PROFILE_POINTS)
    probes = feet[:, None] + steps[None, :, None] * along[:, None]
    probes = np.clip(probes, 0.0, profile.extents)
    height = np.maximum(void.heights(probes.reshape(-1, 2)), 0.0).reshape(len(near), PROFILE_POINTS)
    height[:, 0] = 0.0
    arc = np.cumsum(np.hypot(np.diff(steps), np.diff(height, axis=1)), axis=1)
    moved = at.copy()
    for k, node in enumerate(near):
        lengths = np.concatenate([[0.0], arc[k]])
        there = np.interp(_length_along_roof(away[node], zone, lengths), lengths, steps)
        moved[node] = feet[k] + there * along[k]
    for k, extent in enumerate(profile.extents):
        for side in (0.0, extent):
            moved[np.abs(at[:, k] - side) <= _SAME, k] = side
    return moved


def _length_along_roof(away: float, zone: float, lengths: NDArray[np.float64]) -> float:
    """Length along a roof from the triple line for a node ``away`` from it in the plane.

    The spacing is the plane's at the triple line, where stresses are steepest. At the other end of the
    ``zone`` it is what the roof there makes of the plane's. A cubic between them makes up for what a steep
    roof is longer than the zone.
    """
    t, whole = away / zone, float(lengths[-1])
    end = min(float(lengths[-1] - lengths[-2]) * (len(lengths) - 1), 2.0 * whole)
    return t * (1.0 - t) ** 2 * zone + t**2 * (3.0 - 2.0 * t) * whole + t**2 * (t - 1.0) * end


def _smooth(points: NDArray[np.float64], roof: NDArray[np.int64], free: NDArray[np.int64]) -> None:
    """Take the steps off a roof that was cut or joined: heights go to the mean of their neighbours'."""
    pairs = np.vstack([roof[:, [a, b]] for a in range(3) for b in range(3) if a != b])
    count = np.bincount(pairs[:, 0], minlength=len(points))[free]
    for _ in range(SMOOTHINGS):
        sums = np.bincount(pairs[:, 0], weights=points[pairs[:, 1], 2], minlength=len(points))[free]
        points[free, 2] = sums / count


def _scale_to(
    points: NDArray[np.float64], roof: NDArray[np.int64], free: NDArray[np.int64], measure: float
) -> None:
    """Scale the heights of ``free`` points so that the roof's volume is ``measure``."""
    points[free, 2] *= measure / abs(Roof(points, roof).measure())
