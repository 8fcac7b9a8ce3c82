"""The metal's lower boundary of a 3-D cell: void roofs over their footprints on the electrolyte."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Point, Polygon
from shapely.affinity import scale
from shapely.geometry.base import BaseGeometry

from meshes.profile.base import Landing, Strip, VoidMeasures, conserving_height
from meshes.profile.footprints import (
    SAME_PLACE,
    beside,
    closed,
    image,
    images,
    polygons,
    rectangle,
    runs_along,
    side_line,
    snapped,
    triple_line,
    with_images,
    without_cusps,
)
from meshes.profile.triangulated_roof import SurfaceVoid, void_under

if TYPE_CHECKING:
    from meshes.cell import CoordinateKind
    from meshes.profile.base import ChangeLengths
    from meshes.seeds import VoidShape
    from meshes.sizing import SizeRule

WRAPPED_POWER = 2.0
"""As RIM_POWER of :mod:`meshes.gmsh.solid`, over the whole of a roof that hangs over."""
SEED_SEGMENTS = 128
"""Chords per quarter of a seed's circular footprint."""

ROUND_LENGTHS = 3.0
"""Distance from a lost contact, in event lengths, within which the roofs beside it are raised."""
ROUNDING_LENGTHS = 2.0
"""Width in event lengths of what is taken off a footprint as cusp or neck."""
NECK_LENGTHS = 2.0
"""Width in event lengths by which a lost contact is widened all round, so that no neck is left of it."""
LEAST_GAP = 1e-3
"""Distance, in event lengths, that a joined void keeps from others at least."""
MEASURED = 0.5
"""Spacing, in event lengths, of the points that measure a changed void."""
LEAST_QUALITY = 0.3
"""Fresh tetrahedra have a quality of 0.15 to 0.25, triangles twice that and more."""
TRIPLE_STRETCH = 1.6
"""Mean element along a triple line over the rule's, or the rule's over it, at which it is meshed anew."""


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

    least_quality: ClassVar[float] = LEAST_QUALITY

    @property
    def kind(self) -> CoordinateKind:
        """Three-dimensional."""
        return "3d"

    @property
    def width(self) -> float:
        """lx."""
        return self.extents[0]

    @property
    def base(self) -> Polygon:
        """The electrolyte surface."""
        return rectangle(self.extents)

    def contact(self) -> BaseGeometry:
        """Where metal and electrolyte touch."""
        return self.base.difference(shapely.union_all([v.footprint for v in self.voids]))

    def contact_fraction(self) -> float:
        """Share of the plane in contact."""
        return 1.0 - sum(v.footprint.area for v in self.voids) / self.base.area

    def width_of(self, void: SurfaceVoid) -> float:
        """Diameter of the circle that has the area of a void's footprint, with its mirror images.

        Of a void that runs through the cell: its mean width across, as that of a plane void.
        """
        area = void.footprint.area * images(void.footprint, self.extents)
        along = runs_along(void.footprint, self.extents)
        return 2.0 * math.sqrt(area / math.pi) if along is None else area / self.extents[along]

    def widths(self) -> list[float]:
        """Those of all voids."""
        return [self.width_of(void) for void in self.voids]

    def heights(self) -> list[float]:
        """Largest height of each void."""
        return [void.height for void in self.voids]

    def spans(self) -> list[float]:
        """Share of the side that is covered most under each void, but for one that it runs along."""
        return [self._span(void.footprint) for void in self.voids]

    def _span(self, footprint: Polygon) -> float:
        (lx, ly), (left, front, right, back) = self.extents, footprint.bounds
        shares, along = [(right - left) / lx, (back - front) / ly], runs_along(footprint, self.extents)
        return max(shares) if along is None else shares[1 - along]

    def void_rows(self) -> list[VoidMeasures]:
        """Place and size of each void; the centre's height is that of the volume's middle."""
        rows = []
        for void, width in zip(self.voids, self.widths(), strict=True):
            middle, (low, _, high, _) = void.footprint.centroid, void.footprint.bounds
            place = (middle.x, middle.y, 0.5 * void.measure / void.footprint.area)
            rows.append(VoidMeasures(place, (low, high), width, void.height, void.measure))
        return rows

    def anchors(self) -> list[tuple[float, ...]]:
        """A point in each footprint."""
        points = [void.footprint.representative_point() for void in self.voids]
        return [(float(p.x), float(p.y)) for p in points]

    def height_at(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height of the metal's lower end at points (n, 2): on the roof there, else 0."""
        return _highest(self.voids, at)

    def place(self, region: BaseGeometry) -> tuple[float, str]:
        """A point in the region."""
        point = region.representative_point()
        return float(point.x), f"at ({point.x:.4g}, {point.y:.4g}) um"

    def variants(self, _rule: SizeRule) -> Iterator[SurfaceProfile]:
        """The profile as it is: :mod:`meshes.gmsh.solid` has its own tries."""
        yield self

    def spacing_is_off(self, rule: SizeRule) -> bool:
        """Whether triple lines have grown or shrunk by far."""
        for void in self.voids:
            line = triple_line(void.footprint, self.base)
            count = max(1, shapely.get_num_coordinates(line) - 1)
            stretch = line.length / count / rule.tip
            if not 1.0 / TRIPLE_STRETCH < stretch < TRIPLE_STRETCH:
                return True
        return False

    def with_voids(
        self, ended: Sequence[int], voids: Sequence[SurfaceVoid]
    ) -> tuple[SurfaceProfile, list[int]]:
        """As much metal with other voids, the new ones last (:class:`meshes.profile.base.Profile`)."""
        height = conserving_height(self, self.base.area, ended, voids)
        staying = [void for k, void in enumerate(self.voids) if k not in ended]
        made = (*staying, *voids)
        return replace(self, voids=made, metal_height=height), list(range(len(made)))

    def lowered(self, fall: float) -> SurfaceProfile:
        """The same voids under metal that is that much less high."""
        return replace(self, metal_height=self.metal_height - fall)

    def pinched(self, _void: SurfaceVoid) -> None:
        """A height over the plane never meets itself."""

    def landing(self, void: SurfaceVoid, lengths: ChangeLengths) -> Landing | None:
        """The contact that the roof's lowest dip makes, where that touches."""
        if void.roof is None:
            return None
        points, z = void.roof.points, void.roof.points[:, 2]
        away = shapely.distance(triple_line(void.footprint, self.base), shapely.points(points[:, :2]))
        low = (z < lengths.touch) & (away > lengths.event)
        dips = np.flatnonzero(low & (z <= void.roof.lowest_neighbours()))
        if len(dips) == 0:
            return None
        down = shapely.union_all(shapely.buffer(shapely.points(points[low, :2]), 0.5 * lengths.landing))
        here = Point(points[dips[np.argmin(z[dips])], :2])
        return Landing(shapely.union_all([p for p in polygons(down) if p.contains(here)]))

    def cut(self, void: SurfaceVoid, landing: Landing, lengths: ChangeLengths) -> list[SurfaceVoid]:
        """The void over what is left of its footprint."""
        rest = self._footprints(void.footprint.difference(landing.region), lengths)
        fresh = landing.region.buffer(ROUND_LENGTHS * lengths.event)
        made = [void_under(piece, void.heights, MEASURED * lengths.event) for piece in rest]
        return [replace(part, fresh=fresh) for part in made]

    def narrow_contacts(self, lengths: ChangeLengths) -> Iterator[Strip]:
        """Between two voids, between a void and its image at a side, islands, and necks within one void."""
        yield from self._between_voids(lengths.coalesce)
        yield from self._between_images(lengths.coalesce)
        yield from self._islands(lengths.coalesce)
        yield from self._necks(lengths.coalesce)

    def _between_voids(self, limit: float) -> Iterator[Strip]:
        for a, b in combinations(range(len(self.voids)), 2):
            one, two = (self.voids[k].footprint for k in (a, b))
            gap = one.distance(two)
            if gap >= limit:
                continue
            both = one.union(two)
            filled = polygons(closed(both, limit).difference(both))
            lost = [p for p in filled if beside(p, one) and beside(p, two)]
            region = shapely.union_all(lost).intersection(self.base)
            if not region.is_empty:
                yield Strip(region, (a, b), gap, "voids meet {at}")

    def _between_images(self, limit: float) -> Iterator[Strip]:
        sides = [(axis, side) for axis, extent in enumerate(self.extents) for side in (0.0, extent)]
        for (k, void), (axis, side) in product(enumerate(self.voids), sides):
            low, high = void.footprint.bounds[axis], void.footprint.bounds[axis + 2]
            gap = 2.0 * (low - side if side == 0.0 else side - high)
            if not 0.0 < gap < limit:
                continue
            both = void.footprint.union(image(void.footprint, axis, side))
            filled = polygons(closed(both, limit).difference(both).intersection(self.base))
            wall = side_line(self.extents, axis, side)
            region = shapely.union_all([p for p in filled if beside(p, wall) and beside(p, void.footprint)])
            if not region.is_empty:
                yield Strip(region, (k,), gap, "void meets its mirror image {at}")

    def _islands(self, limit: float) -> Iterator[Strip]:
        """Pieces of contact, in one void or between several, that are narrow everywhere."""
        contact = polygons(self.contact())
        for island in contact if len(contact) > 1 else []:
            if polygons(with_images(island, self.extents).buffer(-0.5 * limit)):
                continue
            near = tuple(k for k, void in enumerate(self.voids) if beside(void.footprint, island))
            if near:
                text = "an island of contact {at} is lost"
                yield Strip(island, near, limit, text, keep=len(near) == 1)

    def _necks(self, limit: float) -> Iterator[Strip]:
        """Contact between two parts of one void that enclose other contact."""
        for k, void in enumerate(self.voids):
            whole = closed(void.footprint, limit)
            if sum(len(p.interiors) for p in polygons(whole)) > len(void.footprint.interiors):
                region = whole.difference(void.footprint).intersection(self.base)
                yield Strip(region, (k,), limit, "void meets itself {at}", keep=True)

    def joined(self, strip: Strip, lengths: ChangeLengths) -> SurfaceVoid | None:
        """The roofs beside a contact, raised over it; None where another void is in the way."""
        voids, event = [self.voids[k] for k in strip.voids], lengths.event
        lost = strip.region.buffer(NECK_LENGTHS * event)
        whole = shapely.union_all([*(v.footprint for v in voids), lost]).intersection(self.base)
        others = [v.footprint for k, v in enumerate(self.voids) if k not in strip.voids]
        parts = self._footprints(whole, lengths)
        if len(parts) != 1 or any(parts[0].distance(other) < LEAST_GAP * event for other in others):
            return None
        if whole.area > (1.0 - 1e-6) * self.base.area:
            return None
        line, zone = triple_line(parts[0], self.base), lost.buffer(ROUND_LENGTHS * event)
        lift = min(lengths.lift, 0.8 * min(v.height for v in voids))

        def heights(at: NDArray[np.float64]) -> NDArray[np.float64]:
            found, near = _highest(voids, at), shapely.intersects_xy(zone, at)
            if near.any():
                found[near] = np.maximum(found[near], _quarter_round(line, at[near], lift, lift))
            return found

        return replace(void_under(parts[0], heights, MEASURED * event), fresh=zone)

    def opened(
        self, region: BaseGeometry, height: float, lengths: ChangeLengths
    ) -> tuple[SurfaceVoid, float] | None:
        """A flat dome, at least a disc (:class:`meshes.profile.base.Profile`)."""
        least, margin = 0.5 * lengths.opening, 1.5 * lengths.coalesce
        centre = np.array(region.representative_point().coords[0])
        for k, extent in enumerate(self.extents):
            for side in (0.0, extent):
                if abs(centre[k] - side) < margin + least:
                    centre[k] = side
        disc = Point(centre).buffer(least)
        taken = [void.footprint.buffer(margin) for void in self.voids]
        room = region.union(disc).intersection(self.base).difference(shapely.union_all(taken))
        parts = [p for p in self._footprints(room, lengths) if p.intersects(Point(centre))]
        if len(parts) != 1 or parts[0].area < 0.5 * disc.intersection(self.base).area:
            return None
        line, top = triple_line(parts[0], self.base), max(height, lengths.opening_height)
        if line.is_empty:
            return None
        reach = float(shapely.distance(line, Point(centre)))

        def heights(at: NDArray[np.float64]) -> NDArray[np.float64]:
            return _quarter_round(line, at, reach, top)

        return void_under(parts[0], heights, MEASURED * lengths.event), 2.0 * reach

    def _footprints(self, region: BaseGeometry, lengths: ChangeLengths) -> list[Polygon]:
        return without_cusps(region, self.extents, ROUNDING_LENGTHS * lengths.event)


def _highest(voids: Sequence[SurfaceVoid], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height of the highest roof over points (n, 2), 0 where there is none."""
    found = np.zeros(len(at))
    for void in voids:
        inside = shapely.intersects_xy(void.footprint, at)
        if inside.any():
            found[inside] = np.maximum(found[inside], void.heights(at[inside]))
    return found


def _quarter_round(
    line: BaseGeometry, at: NDArray[np.float64], width: float, height: float
) -> NDArray[np.float64]:
    """Height over points (n, 2): a quarter of an ellipse up from the triple line, flat behind it."""
    away = np.minimum(shapely.distance(line, shapely.points(at)) / width, 1.0)
    return np.asarray(height * np.sqrt(1.0 - (1.0 - away) ** 2))


def profile_from_seeds(
    shapes: Sequence[VoidShape],
    *,
    extents: tuple[float, float],
    metal_height: float,
    electrolyte_depth: float,
) -> SurfaceProfile:
    """Build a profile from void seeds, each with the exact volume of its part inside the cell.

    Raises:
        ValueError: if a seed crosses a side on which it is not centred.
    """
    voids = tuple(_seed_void(shape, extents) for shape in shapes)
    return SurfaceProfile(extents, metal_height, electrolyte_depth, voids)


def _seed_void(shape: VoidShape, extents: tuple[float, float]) -> SurfaceVoid:
    if shape.along is not None:
        return _seed_cylinder(shape, extents)
    centre = np.array(shape.center)
    disc = Point(centre).buffer(shape.half_width, quad_segs=SEED_SEGMENTS)
    # chords cut a little off the circle
    disc = scale(disc, *[math.sqrt(math.pi * shape.half_width**2 / disc.area)] * 2, origin=Point(centre))
    footprint = snapped(disc.intersection(shapely.box(0.0, 0.0, *extents)), extents)
    copies = images(footprint, extents)
    if abs(copies * footprint.area / disc.area - 1.0) > 1e-6:
        raise ValueError(f"the seed at {shape.center} crosses a side of the cell")

    def heights(at: NDArray[np.float64]) -> NDArray[np.float64]:
        return shape.heights(np.linalg.norm(at - centre, axis=1))

    def wrapped(at: NDArray[np.float64]) -> NDArray[np.float64]:
        away = np.maximum(np.linalg.norm(at - centre, axis=1), SAME_PLACE)
        inward = np.maximum(shape.half_width - away, 0.0)
        reach, height = shape.on_sphere(inward, WRAPPED_POWER)
        return np.column_stack([centre + (at - centre) * (reach / away)[:, None], height])

    void = SurfaceVoid(footprint, heights, shape.volume() / copies, shape.height)
    return replace(void, wrapped=wrapped) if shape.overhangs else void


def _seed_cylinder(shape: VoidShape, extents: tuple[float, float]) -> SurfaceVoid:
    """A void that runs through the cell along x or y, with the section of the shape."""
    across = 1 - (0 if shape.along is None else shape.along)
    (centre,), half = shape.center, shape.half_width
    low, high = max(centre - half, 0.0), min(centre + half, extents[across])
    share = (high - low) / shape.width
    if not (abs(share - 1.0) < 1e-6 or centre in (0.0, extents[across])):
        raise ValueError(f"the seed at {shape.center} crosses a side of the cell")
    ends = [(0.0, 0.0), extents]
    corners = np.array(ends, dtype=np.float64)
    corners[:, across] = low, high

    def heights(at: NDArray[np.float64]) -> NDArray[np.float64]:
        return shape.heights(np.abs(at[:, across] - centre))

    def wrapped(at: NDArray[np.float64]) -> NDArray[np.float64]:
        away = at[:, across] - centre
        reach, height = shape.on_sphere(np.maximum(half - np.abs(away), 0.0), WRAPPED_POWER)
        places = at.copy()
        places[:, across] = centre + np.sign(away) * reach
        return np.column_stack([places, height])

    volume = shape.section_area() * share * extents[1 - across]
    void = SurfaceVoid(shapely.box(*corners.ravel()), heights, volume, shape.height)
    return replace(void, wrapped=wrapped) if shape.overhangs else void
