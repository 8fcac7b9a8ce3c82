"""The metal's lower boundary of a two-dimensional cell: roofs of voids between stretches of contact."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator
from shapely import Polygon

if TYPE_CHECKING:
    from meshes.seeds import VoidShape
    from meshes.sizing import SizeRule

_AREA_ITERATIONS = 30
_AREA_TOLERANCE = 1e-14
_MIN_SEGMENTS = 6


class VoidRow(NamedTuple):
    """One void for the records (um): centre (the last coordinate is the height), extent along x, size."""

    centre: tuple[float, float, float]
    extent: tuple[float, float]
    width: float
    height: float
    measure: float


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

    def contact_fraction(self) -> float:
        """Share of the electrolyte surface in contact (by area when axisymmetric)."""
        return contact_fraction(self)

    def widths(self) -> list[float]:
        """Width of each void, with its mirror image where it sits on a side."""
        return [full_width(self, k) for k in range(len(self.roofs))]

    def heights(self) -> list[float]:
        """Largest height of each void."""
        return [float(roof[:, 1].max()) for roof in self.roofs]

    def void_rows(self) -> list[VoidRow]:
        """Place and size of each void, from left to right."""
        rows = []
        for k, (roof, width, height) in enumerate(
            zip(self.roofs, self.widths(), self.heights(), strict=True)
        ):
            left, right = self.void_extent(k)
            centre = Polygon([*roof, (right, 0.0), (left, 0.0)]).centroid
            place = (centre.x, centre.y, math.nan)  # a plane has no third coordinate
            rows.append(VoidRow(place, (left, right), width, height, self.void_measure(k)))
        return rows

    def height_at(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height of the metal's lower end at positions (n, 1): on the highest roof there, else 0."""
        return surface_height(self, at[:, 0])

    def triple_points(self) -> NDArray[np.float64]:
        """Points (k, 2) where a roof meets the electrolyte."""
        ends = [end for roof in self.roofs for end in (roof[0], roof[-1]) if end[1] == 0.0]
        return np.array(ends).reshape(-1, 2)

    def void_extent(self, k: int) -> tuple[float, float]:
        """Left and right ends of void ``k`` on y = 0."""
        return float(self.roofs[k][0, 0]), float(self.roofs[k][-1, 0])

    def void_measure(self, k: int) -> float:
        """Area (plane) or volume of revolution (axisymmetric) of void ``k``."""
        return roof_measure(self.roofs[k], self.axisymmetric)

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
            new, offset = _offset_to_measure(new, target, self.axisymmetric, self.width)
            roofs.append(new)
            largest = max(largest, abs(offset))
        return replace(self, roofs=tuple(roofs)), largest


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


def roof_measure(roof: NDArray[np.float64], axisymmetric: bool) -> float:
    """Area under a roof polyline, or the volume of revolution about x = 0 (exact for the polyline)."""
    x, y = roof[:, 0], roof[:, 1]
    dx = np.diff(x)
    if not axisymmetric:
        return float(np.sum(0.5 * (y[1:] + y[:-1]) * dx))
    moment = dx * (x[:-1] * (2 * y[:-1] + y[1:]) + x[1:] * (y[:-1] + 2 * y[1:])) / 6.0
    return float(2.0 * np.pi * np.sum(moment))


def contact_fraction(profile: InterfaceProfile) -> float:
    """Share of the electrolyte surface in contact (by area when axisymmetric)."""
    power = 2 if profile.axisymmetric else 1
    lost = sum(float(r[-1, 0] ** power - r[0, 0] ** power) for r in profile.roofs)
    return 1.0 - lost / profile.width**power


def surface_height(profile: InterfaceProfile, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height of the metal's lower end at ``x`` (m,): on the highest roof there, else 0."""
    order = np.argsort(x)
    at, height = x[order], np.zeros(len(x))
    for roof in profile.roofs:
        for (x0, y0), (x1, y1) in pairwise(roof):
            first = np.searchsorted(at, min(x0, x1), side="left")
            last = np.searchsorted(at, max(x0, x1), side="right")
            share = (at[first:last] - x0) / (x1 - x0) if x1 != x0 else 1.0
            height[first:last] = np.maximum(height[first:last], y0 + share * (y1 - y0))
    result = np.empty(len(x))
    result[order] = height
    return result


def full_width(profile: InterfaceProfile, k: int) -> float:
    """Width of void ``k`` with its mirror image where it sits on a side."""
    left, right = profile.void_extent(k)
    roof = profile.roofs[k]
    cut = int(roof[0, 1] > 0.0) + int(roof[-1, 1] > 0.0)
    return (right - left) * (2.0 if cut == 1 else 1.0)


def _clip(roof: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Cut a fine roof at the sides x = 0 and x = width; ends are put exactly on the sides."""
    x = roof[:, 0]
    inside = roof[(x >= 0.0) & (x <= width)].copy()
    for side, end in ((0.0, 0), (width, -1)):
        if x.min() < side < x.max():
            inside[end, 0] = side
    return inside


def roof_count(roof: NDArray[np.float64], rule: SizeRule, triples: NDArray[np.float64]) -> int:
    """Number of segments that the size rule asks for on a roof."""
    density = _spline_density(roof, rule, triples)[2]
    return max(_MIN_SEGMENTS, int(np.ceil(density[-1])))


def redistribute(
    roof: NDArray[np.float64], rule: SizeRule, triples: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Place ``count`` + 1 points on the spline through ``roof``, spaced in proportion to the size rule."""
    curve, fine, density = _spline_density(roof, rule, triples)
    where = np.interp(np.linspace(0.0, density[-1], count + 1), density, fine)
    points = np.asarray(curve(where))
    if points[1:-1, 1].min(initial=np.inf) < min(0.0, float(roof[1:-1, 1].min(initial=0.0))):
        # a spline swings past corners; through the electrolyte it must not
        points = np.asarray(PchipInterpolator(_arc(roof), roof)(where))
    # to the last bit: an end at y = 0 is a triple point
    points[0], points[-1] = roof[0], roof[-1]
    return points


def _spline_density(
    roof: NDArray[np.float64], rule: SizeRule, triples: NDArray[np.float64]
) -> tuple[CubicSpline, NDArray[np.float64], NDArray[np.float64]]:
    """Spline through a roof by arc length, fine arc positions, and segments wanted up to each."""
    arc = _arc(roof)
    curve = CubicSpline(arc, roof, bc_type="not-a-knot" if len(roof) > 3 else "natural")
    fine = np.linspace(0.0, arc[-1], max(2001, 8 * len(roof)))
    size = np.minimum(rule.at(curve(fine), triples), rule.roof_limit(roof))
    segments = np.cumsum(np.diff(fine) * 0.5 * (1 / size[1:] + 1 / size[:-1]))
    return curve, fine, np.concatenate([[0.0], segments])


def _arc(roof: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length along a polyline up to each of its points."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(roof, axis=0), axis=1))])


def _offset_to_measure(
    roof: NDArray[np.float64], target: float, axisymmetric: bool, width: float
) -> tuple[NDArray[np.float64], float]:
    """Move the roof along its normals, ends sliding on their lines, until it encloses ``target``."""
    offset, points = 0.0, roof
    normals = _sliding_normals(roof, width)
    for _ in range(_AREA_ITERATIONS):
        error = target - roof_measure(points, axisymmetric)
        if abs(error) <= _AREA_TOLERANCE * abs(target):
            break
        probe = 1e-6 * max(float(np.ptp(roof)), 1e-30)
        slope = (
            roof_measure(points + probe * normals, axisymmetric)
            - roof_measure(points - probe * normals, axisymmetric)
        ) / (2 * probe)
        offset += error / slope
        points = roof + offset * normals
    return points, offset


def _sliding_normals(roof: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Unit directions of offset: away from the void; ends slide on y = 0 or on their side."""
    tangent = np.gradient(roof, axis=0)
    normals = np.column_stack([-tangent[:, 1], tangent[:, 0]])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    for end, outward in ((0, -1.0), (-1, 1.0)):
        on_floor = roof[end, 1] == 0.0
        normals[end] = (outward, 0.0) if on_floor else (0.0, 1.0)
    return normals
