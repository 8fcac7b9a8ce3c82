"""Footprints of 3-D voids: polygons on the electrolyte, with their mirror images behind the cell's sides."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LinearRing, LineString, Polygon
from shapely.affinity import scale
from shapely.geometry.base import BaseGeometry

if TYPE_CHECKING:
    from meshes.sizing import SizeRule

CRUMB = 1e-12
"""Area (um2) of polygons that are rounding."""
ON_SIDE = 1e-9
"""Distance (share of the extents) from a side within which a point lies on it."""
SAME_PLACE = 1e-6
"""Distance (um) below which points count as at one place: far above rounding, far below any element."""
BESIDE = 1e-6
"""Distance (um) below which regions count as neighbours."""

Extents = tuple[float, float]


def triple_line(footprint: Polygon, base: Polygon) -> BaseGeometry:
    """The boundary of a void on the electrolyte without what lies on the sides."""
    return footprint.boundary.difference(base.boundary)


def polygons(region: BaseGeometry) -> list[Polygon]:
    """Polygons of a region, without crumbs."""
    parts = list(region.geoms) if hasattr(region, "geoms") else [region]
    return [p for p in parts if isinstance(p, Polygon) and p.area > CRUMB]


def images(footprint: Polygon, extents: Extents) -> int:
    """How many copies of a void the symmetric sides make of it, itself included: 1, 2 or 4."""
    low_x, low_y, high_x, high_y = footprint.bounds
    count = 1
    for low, high, extent in ((low_x, high_x, extents[0]), (low_y, high_y, extents[1])):
        at_side = (low <= ON_SIDE * extent) != (high >= extent * (1.0 - ON_SIDE))
        count *= 2 if at_side else 1
    return count


def runs_along(footprint: Polygon, extents: Extents) -> int | None:
    """The one axis along which a footprint reaches from side to side, as a cylinder's does; None else."""
    low_x, low_y, high_x, high_y = footprint.bounds
    through = [
        low <= ON_SIDE * extent and high >= extent * (1.0 - ON_SIDE)
        for low, high, extent in ((low_x, high_x, extents[0]), (low_y, high_y, extents[1]))
    ]
    return through.index(True) if sum(through) == 1 else None


def from_its_corner(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """An open ring (n, 2) counterclockwise from its first point by x, then y, wherever it began.

    Meshes are the same on any number of ranks then; they depend on the order of points.
    """
    if not LinearRing(ring).is_ccw:
        ring = ring[::-1]
    steps = np.round(ring / SAME_PLACE)
    return np.roll(ring, -int(np.lexsort((steps[:, 1], steps[:, 0]))[0]), axis=0)


def rounded_places(points: NDArray[np.float64], extents: Extents, grid: float) -> NDArray[np.float64]:
    """Points (n, 2 or 3) on multiples of ``grid``; those on a side stay on it.

    Gmsh makes other elements of points that differ in the last bit, as those of other numbers of ranks do.
    """
    result = grid * np.round(points / grid)
    for k, extent in enumerate(extents):
        on_side = (points[:, k] == 0.0) | (points[:, k] == extent)
        result[on_side, k] = points[on_side, k]
    return np.asarray(result)


def snapped(footprint: Polygon, extents: Extents) -> Polygon:
    """Vertices that lie on a side up to rounding are put exactly there."""

    def on_sides(points: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = points.copy()
        for k, extent in enumerate(extents):
            moved[np.abs(points[:, k]) <= ON_SIDE * extent, k] = 0.0
            moved[np.abs(points[:, k] - extent) <= ON_SIDE * extent, k] = extent
        return moved

    return cast(Polygon, shapely.transform(footprint, on_sides))


def rectangle(extents: Extents) -> Polygon:
    """The electrolyte surface [0, lx] x [0, ly]."""
    return shapely.box(0.0, 0.0, *extents)


def without_cusps(region: BaseGeometry, extents: Extents, width: float) -> list[Polygon]:
    """Footprints of a region without cusps and necks narrower than ``width``, which no roof could span."""
    opened = with_images(region, extents).buffer(-0.5 * width).buffer(0.5 * width)
    return [snapped(part, extents) for part in polygons(opened.intersection(rectangle(extents)))]


def with_images(region: BaseGeometry, extents: Extents) -> BaseGeometry:
    """The region with its mirror images behind all sides and corners."""
    for axis, extent in enumerate(extents):
        region = region.union(image(region, axis, 0.0)).union(image(region, axis, extent))
    return region


def side_line(extents: Extents, axis: int, side: float) -> LineString:
    """The side at ``side`` of an axis as a line of the plane."""
    lx, ly = extents
    return LineString([(side, 0.0), (side, ly)] if axis == 0 else [(0.0, side), (lx, side)])


def image(region: BaseGeometry, axis: int, side: float) -> BaseGeometry:
    """The region mirrored at a side."""
    if axis == 0:
        return scale(region, xfact=-1.0, origin=(side, 0.0))
    return scale(region, yfact=-1.0, origin=(0.0, side))


def closed(region: BaseGeometry, width: float) -> BaseGeometry:
    """The region with every gap narrower than ``width`` filled."""
    return region.buffer(0.5 * width).buffer(-0.5 * width)


def beside(piece: BaseGeometry, region: BaseGeometry) -> bool:
    """Whether two regions are neighbours."""
    return bool(piece.distance(region) < BESIDE)


def resampled(footprint: Polygon, extents: Extents, rule: SizeRule) -> Polygon:
    """Rings with points a tip element apart; corners at the sides stay, and so does the area."""
    rings = [_even_ring(ring, extents, rule.tip) for ring in (footprint.exterior, *footprint.interiors)]
    rings = [rings[0], *((hole, -outward) for hole, outward in rings[1:])]
    cut = Polygon(rings[0][0], [ring for ring, _ in rings[1:]])
    free = sum(float(np.linalg.norm(outward, axis=1).sum()) for _, outward in rings)
    if free == 0.0:
        return cut
    length = sum(float(ring.length) for ring in (cut.exterior, *cut.interiors))
    count = sum(len(ring) for ring, _ in rings)
    # chords cut the area off; a shift of all free points by the missing share of it puts that back
    shift = (footprint.area - cut.area) / (length * free / count)
    moved = [ring + shift * outward for ring, outward in rings]
    return Polygon(moved[0], moved[1:])


def _even_ring(
    line: LinearRing, extents: Extents, spacing: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points of a ring (m, 2) and the way out of what it encloses, 0 on sides."""
    points = np.array(line.coords)[:-1]
    if not _on_sides(points, extents).any():
        even = _even(np.vstack([points, points[:1]]), spacing)[:-1]
        return even, _outward(even, line.is_ccw)
    points = np.roll(points, -int(np.argmax(_on_sides(points, extents))), axis=0)
    closed = np.vstack([points, points[:1]])
    pieces = []
    for a, b in pairwise(np.flatnonzero(_on_sides(closed, extents))):
        piece = closed[a : b + 1]
        along_side = b == a + 1 and _on_sides(piece.mean(axis=0, keepdims=True), extents)[0]
        pieces.append((piece if along_side else _even(piece, spacing))[:-1])
    even = np.vstack(pieces)
    outward = _outward(even, line.is_ccw)
    outward[_on_sides(even, extents)] = 0.0
    return even, outward


def _on_sides(points: NDArray[np.float64], extents: Extents) -> NDArray[np.bool_]:
    on = [(points[:, k] == 0.0) | (points[:, k] == extent) for k, extent in enumerate(extents)]
    return np.asarray(on[0] | on[1])


def _outward(ring: NDArray[np.float64], counterclockwise: bool) -> NDArray[np.float64]:
    """Unit normals of a closed ring away from what it encloses."""
    tangent = np.roll(ring, -1, axis=0) - np.roll(ring, 1, axis=0)
    normal = np.column_stack([tangent[:, 1], -tangent[:, 0]])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    return normal if counterclockwise else -normal


def _even(line: NDArray[np.float64], spacing: float) -> NDArray[np.float64]:
    """Points at equal distances along a polyline, its ends kept."""
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    count = max(3, round(arc[-1] / spacing))
    where = np.linspace(0.0, arc[-1], count + 1)
    even = np.column_stack([np.interp(where, arc, line[:, k]) for k in range(2)])
    even[0], even[-1] = line[0], line[-1]
    return even
