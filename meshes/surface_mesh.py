"""Gmsh mesh of a 3-D cell from its interface profile.

The plane of the electrolyte is meshed first, with the footprints of the voids as parts of it; the mesh under
each void is copied and lifted to its roof; the volumes are meshed from these surfaces as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import gmsh
import numpy as np
import shapely
from mpi4py import MPI
from numpy.typing import NDArray
from shapely import LinearRing, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from meshes.cell import CellMesh, distribute
from meshes.sizing import SizeRule
from meshes.solid_shell import Shell, build_shell
from meshes.surface_profile import Roof, SurfaceProfile, SurfaceVoid

RIM_ZONE = 4.0
"""Width (tip elements) of the zone beside a triple line in which nodes are placed by length along the roof."""
PROFILE_POINTS = 24
"""Points on the roof that measure that length."""
_ROUNDING = 9
"""Decimals (um) to which points of the plane count as the same."""
_SAME = 2.0 * 10.0**-_ROUNDING


def mesh_surface(
    profile: SurfaceProfile, rule: SizeRule, comm: MPI.Comm, msh_file: str | None = None
) -> CellMesh:
    """Mesh a 3-D cell. Collective; raises :class:`meshes.cell.MeshingError`."""

    def build() -> None:
        even = replace(profile, voids=tuple(_evened(v, profile, rule) for v in profile.voids))
        plane = mesh_of_plane(even, rule)
        gmsh.clear()
        build_shell(lifted(plane, even, rule), even, rule)

    return distribute(build, comm, "3d", msh_file)


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
    return _collected(surfaces)


def polygons(region: BaseGeometry) -> list[Polygon]:
    """Polygons of a region, without crumbs."""
    parts = list(region.geoms) if isinstance(region, MultiPolygon) else [region]
    return [p for p in parts if isinstance(p, Polygon) and p.area > 1e-12]


def _evened(void: SurfaceVoid, profile: SurfaceProfile, rule: SizeRule) -> SurfaceVoid:
    return replace(void, footprint=resampled(void.footprint, profile.extents, rule))


def resampled(footprint: Polygon, extents: tuple[float, float], rule: SizeRule) -> Polygon:
    """Rings with points a tip element apart; corners at the sides stay."""

    def ring(line: LinearRing) -> NDArray[np.float64]:
        points = np.array(line.coords)[:-1]
        on_side = np.zeros(len(points), dtype=bool)
        for k, extent in enumerate(extents):
            on_side |= (points[:, k] == 0.0) | (points[:, k] == extent)
        if not on_side.any():
            return _even(np.vstack([points, points[:1]]), rule.tip)[:-1]
        first = int(np.flatnonzero(on_side)[0])
        points, on_side = np.roll(points, -first, axis=0), np.roll(on_side, -first)
        closed, flags = np.vstack([points, points[:1]]), np.append(on_side, on_side[0])
        stops = np.flatnonzero(flags)
        pieces = []
        for a, b in pairwise(stops):
            piece = closed[a : b + 1]
            pieces.append((piece if b == a + 1 else _even(piece, rule.tip))[:-1])
        return np.vstack(pieces)

    return Polygon(ring(footprint.exterior), [ring(hole) for hole in footprint.interiors])


def _even(line: NDArray[np.float64], spacing: float) -> NDArray[np.float64]:
    """Points at equal distances along a polyline, its ends kept."""
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    count = max(3, round(arc[-1] / spacing))
    where = np.linspace(0.0, arc[-1], count + 1)
    even = np.column_stack([np.interp(where, arc, line[:, k]) for k in range(2)])
    even[0], even[-1] = line[0], line[-1]
    return even


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
        gmsh.model.mesh.setSizeCallback(lambda _dim, _tag, x, y, _z, _lc: sizes.at(x, y))
        for option in ("MeshSizeExtendFromBoundary", "MeshSizeFromPoints", "MeshSizeFromCurvature"):
            gmsh.option.setNumber(f"Mesh.{option}", 0)
        gmsh.model.mesh.generate(2)
        gmsh.model.mesh.removeSizeCallback()

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
            away = shapely.distance(triple_line(void, profile), grid)
            np.minimum(size, rule.tip + rule.growth * away, out=size)
            within = shapely.contains(void.footprint, grid)
            half = 0.5 * math.sqrt(void.footprint.area)
            roof = max(rule.tip, rule.roof_fraction * min(half, void.height))
            size[within] = np.minimum(size[within], roof)
        if rule.layer is not None:
            np.minimum(size, rule.layer, out=size)
        self._size, self._steps = size, [a[1] for a in axes]

    def at(self, x: float, y: float) -> float:
        """Size at a point."""
        where = [round(v / step) for v, step in zip((x, y), self._steps, strict=True)]
        i, j = (min(max(w, 0), n - 1) for w, n in zip(where, self._counts, strict=True))
        return float(self._size[i, j])


def triple_line(void: SurfaceVoid, profile: SurfaceProfile) -> BaseGeometry:
    """The void's boundary on the electrolyte without what lies on the sides."""
    return void.footprint.boundary.difference(profile.base.boundary)


def triple_lines(profile: SurfaceProfile) -> BaseGeometry:
    """Those of all voids."""
    return shapely.union_all([triple_line(void, profile) for void in profile.voids])


def _collected(surfaces: list[tuple[int, int]]) -> PlaneMesh:
    tags, coordinates, _ = gmsh.model.mesh.getNodes()
    number = np.zeros(int(tags.max()) + 1, dtype=np.int64)
    number[tags.astype(np.int64)] = np.arange(len(tags))
    points = np.asarray(coordinates).reshape(-1, 3)[:, :2]
    triangles, voids = [], []
    for surface, void in surfaces:
        _, nodes = gmsh.model.mesh.getElementsByType(2, surface)
        rows = number[np.asarray(nodes, dtype=np.int64)].reshape(-1, 3)
        triangles.append(rows)
        voids.append(np.full(len(rows), void, dtype=np.int64))
    used, compact = np.unique(np.vstack(triangles), return_inverse=True)
    return PlaneMesh(points[used], compact.reshape(-1, 3), np.concatenate(voids))


def lifted(plane: PlaneMesh, profile: SurfaceProfile, rule: SizeRule) -> Shell:
    """The metal's and the electrolyte's surfaces: footprints copied and lifted to their roofs."""
    points = np.column_stack([plane.points, np.zeros(len(plane.points))])
    roofs = []
    for k, void in enumerate(profile.voids):
        under = plane.triangles[plane.void == k]
        nodes = np.unique(under)
        free = nodes[~_on_triple_line(points[nodes, :2], void, profile)]
        places = _beside_rims(points[free, :2], void, profile, rule)
        copies = np.column_stack([places, np.maximum(void.heights(places), 0.0)])
        renumbered = np.arange(len(points))
        renumbered[free] = len(points) + np.arange(len(free))
        points = np.vstack([points, copies])
        roof = renumbered[under]
        _scale_to(points, roof, np.arange(len(points) - len(free), len(points)), void.measure)
        roofs.append(roof)
    empty = np.empty((0, 3), dtype=np.int64)
    return Shell(
        points,
        contact=plane.triangles[plane.void < 0],
        roof=np.vstack([empty, *roofs]),
        floor=plane.triangles[plane.void >= 0],
    )


def _on_triple_line(at: NDArray[np.float64], void: SurfaceVoid, profile: SurfaceProfile) -> NDArray[np.bool_]:
    return np.asarray(shapely.distance(triple_line(void, profile), shapely.points(at)) <= _SAME)


def _beside_rims(
    at: NDArray[np.float64], void: SurfaceVoid, profile: SurfaceProfile, rule: SizeRule
) -> NDArray[np.float64]:
    """Points (n, 2) moved towards the triple line where the roof is steep: even along the roof, not the plane."""
    line, zone = triple_line(void, profile), RIM_ZONE * rule.tip
    points = shapely.points(at)
    away = np.asarray(shapely.distance(line, points))
    near = np.flatnonzero((away < zone) & (away > _SAME))
    if len(near) == 0:
        return at
    feet = shapely.get_coordinates(shapely.shortest_line(line, points[near])).reshape(-1, 2, 2)[:, 0]
    along = (at[near] - feet) / away[near, None]
    room = shapely.contains_xy(void.footprint, feet + zone * along)
    room &= np.asarray(shapely.distance(line, shapely.points(feet + zone * along))) > 0.9 * zone
    near, feet, along = near[room], feet[room], along[room]
    steps = np.linspace(0.0, zone, PROFILE_POINTS)
    probes = feet[:, None] + steps[None, :, None] * along[:, None]
    height = np.maximum(void.heights(probes.reshape(-1, 2)), 0.0).reshape(len(near), -1)
    height[:, 0] = 0.0
    arc = np.cumsum(np.hypot(np.diff(steps), np.diff(height, axis=1)), axis=1)
    moved = at.copy()
    for k, node in enumerate(near):
        lengths = np.concatenate([[0.0], arc[k]])
        there = np.interp(away[node] / zone * lengths[-1], lengths, steps)
        moved[node] = feet[k] + there * along[k]
    for k, extent in enumerate(profile.extents):
        for side in (0.0, extent):
            moved[np.abs(at[:, k] - side) <= _SAME, k] = side
    return moved


def _scale_to(
    points: NDArray[np.float64], roof: NDArray[np.int64], free: NDArray[np.int64], measure: float
) -> None:
    """Scale the heights of ``free`` points so that the roof's volume is ``measure``."""
    points[free, 2] *= measure / abs(Roof(points, roof).measure())
