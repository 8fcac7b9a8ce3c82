"""The metal's lower boundary of a 3-D cell: void roofs over their footprints on the electrolyte.

Between meshes a roof is a height over the plane of the electrolyte. A roof that hangs over its own triple
line (by a few degrees, where the metal's contact angle is below 90 degrees) loses the overhang when it is
meshed anew; its volume is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from meshes.profile.polyline import VoidRow

STEEP = 2.0
"""Slope from which on a roof is taken as its flat triangles."""
CRUMB = 1e-12
"""Area (um2) of polygons that are rounding."""
ON_SIDE = 1e-9
"""Distance (share of the extents) from a side within which a point lies on it."""
SAME_PLACE = 1e-6
"""Distance (um) below which points count as at one place: far above rounding, far below any element."""

Heights = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Height of a roof above points (n, 2) of the plane."""


@dataclass(frozen=True)
class Roof:
    """A triangulated surface over the plane: vertices (m, 3) and triangles (k, 3)."""

    points: NDArray[np.float64]
    triangles: NDArray[np.int64]

    def heights(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height above points (n, 2) of the plane: of the highest triangle there, of the nearest vertex else.

        Between its vertices the surface bulges as their slopes say (exactly so on a quadratic surface):
        nodes of the next mesh would else lie on chords and the roof lose a little at every mesh.
        """
        tree = shapely.STRtree(shapely.polygons(self.points[self.triangles][:, :, :2]))
        which, over = tree.query(shapely.points(at), predicate="intersects")
        found = np.full(len(at), -np.inf)
        nodes = self.triangles[over]
        shares = _shares(self.points[nodes], at[which])
        height = np.sum(shares * self.points[nodes][:, :, 2], axis=1)
        np.maximum.at(found, which, height + self._bulge(nodes, shares))
        missed = np.flatnonzero(~np.isfinite(found))
        if len(missed):
            away = np.linalg.norm(at[missed, None] - self.points[None, :, :2], axis=2)
            found[missed] = self.points[np.argmin(away, axis=1), 2]
        return found

    def _bulge(self, nodes: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height over the flat triangles ``nodes`` (k, 3) at ``shares``; 0 where the roof is steep."""
        slopes = self._slopes()
        x, g = self.points[nodes][:, :, :2], slopes[nodes]
        bulge = np.zeros(len(nodes))
        for i, j in ((0, 1), (1, 2), (2, 0)):
            change = np.einsum("ij,ij->i", g[:, j] - g[:, i], x[:, j] - x[:, i])
            bulge -= 0.5 * shares[:, i] * shares[:, j] * change
        gentle = np.all(np.linalg.norm(g, axis=2) < STEEP, axis=1)
        return np.where(gentle, bulge, 0.0)

    def _slopes(self) -> NDArray[np.float64]:
        """Gradient (m, 2) at the vertices: mean of the triangles around each, by plan area."""
        corners = self.points[self.triangles]
        doubled = 2.0 * plan_areas(corners)
        sums, areas = np.zeros((len(self.points), 2)), np.zeros(len(self.points))
        moment = np.zeros((len(corners), 2))
        for k in range(3):
            edge = corners[:, (k + 2) % 3, :2] - corners[:, (k + 1) % 3, :2]
            moment += corners[:, k, 2, None] * np.column_stack([-edge[:, 1], edge[:, 0]])
        for k in range(3):
            np.add.at(sums, self.triangles[:, k], moment)
            np.add.at(areas, self.triangles[:, k], doubled)
        return np.asarray(sums / np.where(np.abs(areas) > 0.0, areas, np.inf)[:, None])

    def measure(self) -> float:
        """Volume between the surface and the plane."""
        corners = self.points[self.triangles]
        return float(np.sum(plan_areas(corners) * corners[:, :, 2].mean(axis=1)))


@dataclass(frozen=True)
class SurfaceVoid:
    """One void: where it stands on the electrolyte, and its roof.

    Attributes:
        footprint: bounded by its triple lines and the sides.
        heights: of the roof above points (n, 2) of the footprint.
        measure: volume inside the cell; a mesh of the roof is made to have it exactly.
        height: largest one.
        roof: as meshed, None for a void that has no mesh yet.
        fresh: where a roof that was cut or joined has steps, None if nowhere.
    """

    footprint: Polygon
    heights: Heights
    measure: float
    height: float
    roof: Roof | None = None
    fresh: BaseGeometry | None = None


def void_of(footprint: Polygon, roof: Roof) -> SurfaceVoid:
    """The void under a triangulated roof."""
    height = float(roof.points[:, 2].max(initial=0.0))
    return SurfaceVoid(footprint, roof.heights, roof.measure(), height, roof)


def void_under(footprint: Polygon, heights: Heights, spacing: float) -> SurfaceVoid:
    """The void under a height over the plane, its volume by midpoints of squares of side ``spacing``."""
    low_x, low_y, high_x, high_y = footprint.bounds
    x, y = (
        low + (np.arange(max(1, math.ceil((high - low) / spacing))) + 0.5) * spacing
        for low, high in ((low_x, high_x), (low_y, high_y))
    )
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    inside = grid[shapely.contains_xy(footprint, grid)]
    if len(inside) == 0:
        inside = np.array([footprint.representative_point().coords[0]])
    values = heights(inside)
    return SurfaceVoid(footprint, heights, footprint.area * float(values.mean()), float(values.max()))


@dataclass(frozen=True)
class SurfaceProfile:
    """A 3-D cell [0, lx] x [0, ly]; z = 0 is the electrolyte (um).

    Attributes:
        extents: lx, ly.
        metal_height: height of the top.
        electrolyte_depth: depth of the electrolyte.
        voids: their footprints do not touch.
    """

    extents: tuple[float, float]
    metal_height: float
    electrolyte_depth: float
    voids: tuple[SurfaceVoid, ...] = ()

    @property
    def width(self) -> float:
        """lx."""
        return self.extents[0]

    @property
    def base(self) -> Polygon:
        """The plane of the cell."""
        return shapely.box(0.0, 0.0, *self.extents)

    def contact(self) -> BaseGeometry:
        """Where metal and electrolyte touch."""
        return self.base.difference(shapely.union_all([v.footprint for v in self.voids]))

    def contact_fraction(self) -> float:
        """Share of the plane in contact."""
        return 1.0 - sum(v.footprint.area for v in self.voids) / self.base.area

    def widths(self) -> list[float]:
        """Diameter of the circle that has the area of each void's footprint, with its mirror images."""
        return [
            2.0 * math.sqrt(v.footprint.area * images(v.footprint, self.extents) / math.pi)
            for v in self.voids
        ]

    def heights(self) -> list[float]:
        """Largest height of each void."""
        return [void.height for void in self.voids]

    def void_rows(self) -> list[VoidRow]:
        """Place and size of each void; the centre's height is that of the volume's middle."""
        rows = []
        for void, width in zip(self.voids, self.widths(), strict=True):
            middle, (low, _, high, _) = void.footprint.centroid, void.footprint.bounds
            place = (middle.x, middle.y, 0.5 * void.measure / void.footprint.area)
            rows.append(VoidRow(place, (low, high), width, void.height, void.measure))
        return rows

    def anchors(self) -> list[tuple[float, float]]:
        """A point in each footprint, by which a void is found again."""
        points = [void.footprint.representative_point() for void in self.voids]
        return [(float(p.x), float(p.y)) for p in points]

    def height_at(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height of the metal's lower end at points (n, 2): on the roof there, else 0."""
        found = np.zeros(len(at))
        for void in self.voids:
            inside = shapely.intersects_xy(void.footprint, at)
            if inside.any():
                found[inside] = np.maximum(void.heights(at[inside]), 0.0)
        return found

    def with_voids(self, voids: Sequence[SurfaceVoid]) -> SurfaceProfile:
        """The same cell and as much metal with other voids: the metal's height takes up the difference."""
        before = sum(void.measure for void in self.voids)
        after = sum(void.measure for void in voids)
        height = self.metal_height + (after - before) / self.base.area
        return replace(self, voids=tuple(voids), metal_height=height)


def triple_line(footprint: Polygon, base: Polygon) -> BaseGeometry:
    """The boundary of a void on the electrolyte without what lies on the sides."""
    return footprint.boundary.difference(base.boundary)


def polygons(region: BaseGeometry) -> list[Polygon]:
    """Polygons of a region, without crumbs."""
    parts = list(region.geoms) if hasattr(region, "geoms") else [region]
    return [p for p in parts if isinstance(p, Polygon) and p.area > CRUMB]


def images(footprint: Polygon, extents: tuple[float, float]) -> int:
    """How many copies of a void the symmetric sides make of it, itself included: 1, 2 or 4."""
    low_x, low_y, high_x, high_y = footprint.bounds
    count = 1
    for low, high, extent in ((low_x, high_x, extents[0]), (low_y, high_y, extents[1])):
        at_side = (low <= ON_SIDE * extent) != (high >= extent * (1.0 - ON_SIDE))
        count *= 2 if at_side else 1
    return count


def from_its_corner(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """An open ring (n, 2) counterclockwise from its first point by x, then y, wherever it began.

    Meshes are the same on any number of ranks then; they depend on the order of points.
    """
    if np.sum(ring[:, 0] * np.roll(ring[:, 1], -1) - np.roll(ring[:, 0], -1) * ring[:, 1]) < 0.0:
        ring = ring[::-1]
    steps = np.round(ring / SAME_PLACE)
    return np.roll(ring, -int(np.lexsort((steps[:, 1], steps[:, 0]))[0]), axis=0)


def rounded_places(
    points: NDArray[np.float64], extents: tuple[float, float], grid: float
) -> NDArray[np.float64]:
    """Points (n, 2 or 3) on multiples of ``grid``; those on a side stay on it.

    Gmsh makes other elements of points that differ in the last bit, as those of other numbers of ranks do.
    """
    result = grid * np.round(points / grid)
    for k, extent in enumerate(extents):
        on_side = (points[:, k] == 0.0) | (points[:, k] == extent)
        result[on_side, k] = points[on_side, k]
    return np.asarray(result)


def snapped(footprint: Polygon, extents: tuple[float, float]) -> Polygon:
    """Vertices that lie on a side up to rounding are put exactly there."""

    def on_sides(points: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = points.copy()
        for k, extent in enumerate(extents):
            moved[np.abs(points[:, k]) <= ON_SIDE * extent, k] = 0.0
            moved[np.abs(points[:, k] - extent) <= ON_SIDE * extent, k] = extent
        return moved

    return cast(Polygon, shapely.transform(footprint, on_sides))


def plan_areas(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Plan areas of triangles (k, 3, 2 or 3); negative where a surface of positive orientation hangs over."""
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(0.5 * (one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]))


def _shares(corners: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Barycentric coordinates (k, 3) of points (k, 2) in triangles (k, 3, 3)."""
    doubled = 2.0 * plan_areas(corners)
    flat = np.abs(doubled) < 1e-300
    doubled[flat] = 1.0
    weights = []
    for k in range(3):
        p, q = corners[:, (k + 1) % 3], corners[:, (k + 2) % 3]
        area = (p[:, 0] - at[:, 0]) * (q[:, 1] - at[:, 1]) - (p[:, 1] - at[:, 1]) * (q[:, 0] - at[:, 0])
        weights.append(area / doubled)
    shares = np.clip(np.column_stack(weights), 0.0, 1.0)
    shares[flat] = np.eye(3)[np.argmax(corners[flat][:, :, 2], axis=1)]
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
