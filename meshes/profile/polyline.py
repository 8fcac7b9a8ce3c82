"""The metal's lower boundary of a two-dimensional cell: roofs of voids between stretches of contact."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, Point, Polygon

from meshes.profile.base import Landing, Pinch, Strip, VoidMeasures, conserving_height, segment
from meshes.profile.polyline_roof import (
    flat_roof,
    joined_roofs,
    lowest_dip,
    meeting,
    offset_to_measure,
    parts_beside_dip,
    redistribute,
    roof_count,
    roof_measure,
)

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from meshes.cell import CoordinateKind
    from meshes.profile.base import ChangeLengths
    from meshes.profile.polyline_roof import (
        Points,
    )
    from meshes.seeds import VoidShape
    from meshes.sizing import SizeRule

FINER_ROOFS = (0.7, 0.5, 0.35)
"""Factors on the size of roof elements that are tried where a profile cannot be meshed."""
COUNT_SLACK = 0.25
"""Relative difference between a roof's points and those its length asks for that wants a new mesh."""
LEAST_POINTS = 4
"""Points of a roof that is left where a loop is cut off."""


@dataclass(frozen=True)
class PlaneVoid:
    """One void of a two-dimensional cell.

    Attributes:
        roof: polyline (m, 2) from its left to its right end.
        axisymmetric: whether x is a radius.
    """

    roof: Points
    axisymmetric: bool = False

    @property
    def footprint(self) -> LineString:
        """Segment of the electrolyte between the ends of the roof."""
        return segment(float(self.roof[0, 0]), float(self.roof[-1, 0]))

    @property
    def height(self) -> float:
        """Largest height."""
        return float(self.roof[:, 1].max())

    @property
    def measure(self) -> float:
        """Area, or volume of revolution."""
        return roof_measure(self.roof, self.axisymmetric)


@dataclass(frozen=True)
class InterfaceProfile:
    """Two-dimensional cell: widths, heights and the void roofs.

    Attributes:
        width: lateral extent of the cell, x in [0, width].
        metal_height: height of the top (current collector) above y = 0.
        electrolyte_depth: depth of the electrolyte below y = 0.
        roofs: polylines (m, 2), each from its left to its right end, sorted by x. An end lies on
            y = 0 (a triple point) or, for a void on a symmetry side, on that side with y > 0.
        axisymmetric: whether x is a radius (areas become volumes of revolution).
    """

    width: float
    metal_height: float
    electrolyte_depth: float
    roofs: tuple[NDArray[np.float64], ...] = ()
    axisymmetric: bool = False

    least_quality: ClassVar[float] = 1.0

    @property
    def kind(self) -> CoordinateKind:
        """Plane or axisymmetric."""
        return "axisymmetric" if self.axisymmetric else "plane"

    @property
    def base(self) -> LineString:
        """The electrolyte surface."""
        return segment(0.0, self.width)

    @property
    def base_measure(self) -> float:
        """Length (plane) or area (axisymmetric) of the electrolyte surface."""
        return float(np.pi * self.width**2) if self.axisymmetric else self.width

    @property
    def voids(self) -> tuple[PlaneVoid, ...]:
        """From left to right."""
        return tuple(PlaneVoid(roof, self.axisymmetric) for roof in self.roofs)

    def contact_fraction(self) -> float:
        """Share of the electrolyte surface in contact (by area when axisymmetric)."""
        power = 2 if self.axisymmetric else 1
        lost = sum(float(r[-1, 0] ** power - r[0, 0] ** power) for r in self.roofs)
        return 1.0 - lost / self.width**power

    def width_of(self, void: PlaneVoid) -> float:
        """Width of a void with its mirror image where it sits on a side."""
        first, last = void.roof[0], void.roof[-1]
        cut = int(first[1] > 0.0) + int(last[1] > 0.0)
        return float(last[0] - first[0]) * (2.0 if cut == 1 else 1.0)

    def widths(self) -> list[float]:
        """Width of each void."""
        return [self.width_of(void) for void in self.voids]

    def heights(self) -> list[float]:
        """Largest height of each void."""
        return [void.height for void in self.voids]

    def spans(self) -> list[float]:
        """Share of the cell's width under each void."""
        return [float(roof[-1, 0] - roof[0, 0]) / self.width for roof in self.roofs]

    def void_rows(self) -> list[VoidMeasures]:
        """Place and size of each void, from left to right."""
        rows = []
        for void in self.voids:
            left, right = float(void.roof[0, 0]), float(void.roof[-1, 0])
            centre = Polygon([*void.roof, (right, 0.0), (left, 0.0)]).centroid
            place = (centre.x, centre.y, math.nan)  # a plane has no third coordinate
            rows.append(VoidMeasures(place, (left, right), self.width_of(void), void.height, void.measure))
        return rows

    def anchors(self) -> list[tuple[float, ...]]:
        """Middle of each footprint."""
        return [(0.5 * float(roof[0, 0] + roof[-1, 0]),) for roof in self.roofs]

    def height_at(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height of the metal's lower end at positions (n, 1): on the highest roof there, else 0."""
        order = np.argsort(at[:, 0])
        x, height = at[order, 0], np.zeros(len(at))
        for roof in self.roofs:
            for (x0, y0), (x1, y1) in pairwise(roof):
                first = np.searchsorted(x, min(x0, x1), side="left")
                last = np.searchsorted(x, max(x0, x1), side="right")
                share = (x[first:last] - x0) / (x1 - x0) if x1 != x0 else 1.0
                height[first:last] = np.maximum(height[first:last], y0 + share * (y1 - y0))
        result = np.empty(len(at))
        result[order] = height
        return result

    def place(self, region: BaseGeometry) -> tuple[float, str]:
        """Middle of a segment of the electrolyte."""
        low, _, high, _ = region.bounds
        return 0.5 * (low + high), f"at x = {0.5 * (low + high):.4g} um"

    def triple_points(self) -> NDArray[np.float64]:
        """Points (k, 2) where a roof meets the electrolyte."""
        ends = [end for roof in self.roofs for end in (roof[0], roof[-1]) if end[1] == 0.0]
        return np.array(ends).reshape(-1, 2)

    def resampled(self, rule: SizeRule) -> tuple[InterfaceProfile, float]:
        """Redistribute the roof points by ``rule``, keeping each void's area (or volume).

        Returns:
            The new profile and the largest normal offset that was needed to keep the measure.
        """
        triples = self.triple_points()
        roofs, largest = [], 0.0
        for roof in self.roofs:
            target = roof_measure(roof, self.axisymmetric)
            new = redistribute(roof, rule, triples, roof_count(roof, rule, triples))
            new, offset = offset_to_measure(new, target, self.axisymmetric, self.width)
            roofs.append(new)
            largest = max(largest, abs(offset))
        return replace(self, roofs=tuple(roofs)), largest

    def is_simple(self) -> bool:
        """Whether no roof crosses another one, itself or the electrolyte surface beside it."""
        if not self.roofs:
            return True
        points = [p for roof in self.roofs for p in roof]
        ends = [(-1.0, 0.0), (self.width + 1.0, 0.0)]
        first, last = self.roofs[0][0], self.roofs[-1][-1]
        chain = ([ends[0]] if first[1] == 0.0 else []) + points + ([ends[1]] if last[1] == 0.0 else [])
        return bool(LineString(chain).is_simple)

    def variants(self, rule: SizeRule) -> Iterator[InterfaceProfile]:
        """Points by the rule, then as they are, then finer ones; none that let roofs cross (at necks)."""
        for factor in (1.0, None, *FINER_ROOFS):
            if factor is None:
                yield self
                continue
            sizes = replace(rule, tip=factor * rule.tip, roof_fraction=factor * rule.roof_fraction)
            profile = self.resampled(sizes)[0]
            if profile.is_simple():
                yield profile

    def spacing_is_off(self, rule: SizeRule) -> bool:
        """Whether some roof has far more or fewer points than its length asks for."""
        triples = self.triple_points()
        for roof in self.roofs:
            wanted = roof_count(roof, rule, triples)
            if abs(len(roof) - 1 - wanted) > max(2.0, COUNT_SLACK * wanted):
                return True
        return False

    def with_voids(
        self, ended: Sequence[int], voids: Sequence[PlaneVoid]
    ) -> tuple[InterfaceProfile, list[int]]:
        """As much metal with other voids, from left to right (:class:`meshes.profile.base.Profile`)."""
        height = conserving_height(self, self.base_measure, ended, voids)
        roofs = [roof for k, roof in enumerate(self.roofs) if k not in ended] + [void.roof for void in voids]
        order = sorted(range(len(roofs)), key=lambda k: float(roofs[k][0, 0]))
        return replace(self, roofs=tuple(roofs[k] for k in order), metal_height=height), order

    def lowered(self, fall: float) -> InterfaceProfile:
        """The same voids under metal that is that much less high."""
        return replace(self, metal_height=self.metal_height - fall)

    def pinched(self, void: PlaneVoid) -> Pinch | None:
        """The void without the loop of its roof that met itself above the electrolyte.

        A bubble cut off in the metal, and metal that hangs on nothing, are not part of the model.
        """
        pair = meeting(void.roof)
        if pair is None:
            return None
        i, j = pair
        rest = np.vstack([void.roof[: i + 1], void.roof[j + 1 :]])
        if len(rest) < LEAST_POINTS:
            return None
        loop = float(np.ptp(void.roof[i : j + 1, 0]))
        return Pinch(replace(void, roof=rest), Point(float(void.roof[i, 0]), 0.0), loop)

    def landing(self, void: PlaneVoid, lengths: ChangeLengths) -> Landing | None:
        """The lowest dip of a roof, where that touches."""
        dip = lowest_dip(void.roof, lengths.touch)
        return None if dip is None else Landing(Point(float(void.roof[dip, 0]), 0.0), "beside its end ")

    def cut(self, void: PlaneVoid, _landing: Landing, lengths: ChangeLengths) -> list[PlaneVoid]:
        """What the roof is left and right of its lowest dip, ended by new triple points."""
        return [replace(void, roof=roof) for roof in parts_beside_dip(void.roof, lengths)]

    def contact_stretches(self) -> list[tuple[tuple[float, float], tuple[int | None, int | None]]]:
        """Stretches of contact from left to right with the voids before and after them."""
        found: list[tuple[tuple[float, float], tuple[int | None, int | None]]] = []
        here, before = 0.0, None
        for k, roof in enumerate(self.roofs):
            if roof[0, 1] == 0.0:
                found.append(((here, float(roof[0, 0])), (before, k)))
            here, before = float(roof[-1, 0]), k
        if not self.roofs or self.roofs[-1][-1, 1] == 0.0:
            found.append(((here, self.width), (before, None)))
        return found

    def narrow_contacts(self, lengths: ChangeLengths) -> Iterator[Strip]:
        """Stretches between two voids, or between a void and its mirror image."""
        stretches = self.contact_stretches()
        for (left, right), beside in stretches if len(stretches) > 1 else []:
            mirror = (left == 0.0 and not self.axisymmetric) or right == self.width
            width = (right - left) * (2.0 if mirror else 1.0)
            if width < lengths.coalesce:
                voids = tuple(k for k in beside if k is not None)
                text = "voids meet {at}" if len(voids) == 2 else "void meets its mirror image {at}"
                yield Strip(segment(left, right), voids, width, text)

    def joined(self, strip: Strip, lengths: ChangeLengths) -> PlaneVoid:
        """The roofs beside a contact, their rims cut off and bridged by a straight piece."""
        middle = self.place(strip.region)[0]
        roofs = [self.roofs[k] for k in strip.voids]
        before = next((roof for roof in roofs if roof[-1, 0] <= middle), None)
        after = next((roof for roof in roofs if roof[0, 0] >= middle), None)
        return PlaneVoid(joined_roofs(before, after, self.width, lengths), self.axisymmetric)

    def opened(
        self, region: BaseGeometry, height: float, lengths: ChangeLengths
    ) -> tuple[PlaneVoid, float] | None:
        """A flat half ellipse, or a quarter of one at a side (:class:`meshes.profile.base.Profile`)."""
        margin, (start, _, stop, _) = 1.5 * lengths.coalesce, region.bounds
        middle = 0.5 * (start + stop)
        around = [found for found in self.contact_stretches() if found[0][0] <= middle <= found[0][1]]
        if not around:
            return None
        (left, right), (before, after) = around[0]
        room = (left if before is None else left + margin, right if after is None else right - margin)
        width = max(stop - start, lengths.opening)
        low, high = max(middle - 0.5 * width, room[0]), min(middle + 0.5 * width, room[1])
        cut_left = before is None and low <= margin
        cut_right = after is None and high >= self.width - margin
        if (cut_left and cut_right) or high - low < (0.5 if cut_left or cut_right else 1.0) * lengths.opening:
            return None
        low, high = 0.0 if cut_left else low, self.width if cut_right else high
        roof = flat_roof(low, high, max(height, lengths.opening_height), cut_left, cut_right)
        beside = (self.roofs[k] for k in (before, after) if k is not None)
        if any(LineString(roof).distance(LineString(r)) < lengths.event for r in beside):
            return None  # a roof hangs over the contact
        return PlaneVoid(roof, self.axisymmetric), high - low


def profile_from_shapes(
    shapes: list[VoidShape],
    *,
    width: float,
    metal_height: float,
    electrolyte_depth: float,
    rule: SizeRule,
    axisymmetric: bool = False,
) -> InterfaceProfile:
    """Build a profile from void seeds; a seed centred on a side is cut in half by the symmetry.

    The polygonal roof inscribed in the shape is offset so that it encloses the exact section area.
    """
    roofs = []
    for shape in sorted(shapes, key=lambda s: s.center[0]):
        roofs.append(_clip(shape.roof(), width))
    fine = InterfaceProfile(width, metal_height, electrolyte_depth, tuple(roofs), axisymmetric)
    return fine.resampled(rule)[0]


def _clip(roof: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Cut a fine roof at the sides x = 0 and x = width; ends are put exactly on the sides."""
    x = roof[:, 0]
    inside = roof[(x >= 0.0) & (x <= width)].copy()
    for side, end in ((0.0, 0), (width, -1)):
        if x.min() < side < x.max():
            inside[end, 0] = side
    return inside
