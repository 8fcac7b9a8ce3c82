"""One roof of a two-dimensional cell as a polyline: its measure, its points, how it is cut and joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from meshes.profile.base import ChangeLengths
    from meshes.sizing import SizeRule

Points = NDArray[np.float64]

_AREA_ITERATIONS = 30
_AREA_TOLERANCE = 1e-14
_MIN_SEGMENTS = 6

PINCH_SPACINGS = 0.5
"""Two stretches of one roof nearer than this share of its local spacing have met."""
PINCH_APART = 6
"""Segments that must lie between two stretches of one roof that meet."""


def lowest_dip(roof: Points, limit: float) -> int | None:
    """The lowest of the roof's dips below ``limit`` away from its triple points, None if there is none."""
    y = roof[:, 1]
    inner = np.arange(1, len(y) - 1)
    dips = list(inner[(y[inner] <= y[inner - 1]) & (y[inner] <= y[inner + 1])])
    dips += [k for k in (0, len(y) - 1) if 0.0 < y[k] <= y[1 if k == 0 else -2]]
    low = [k for k in dips if y[k] < limit]
    return int(min(low, key=lambda k: y[k])) if low else None


def left_part(roof: Points, dip: int, half: float, limit: float, margin: float) -> Points | None:
    """What is left of ``dip``, ended by a triple point at least ``half`` beside it; None where nothing is.

    Args:
        roof: polyline.
        dip: number of the lowest point.
        half: half width of the new contact at least.
        limit: height below which the roof is down.
        margin: room between the triple point and the next point of the roof.
    """
    first = dip
    while first > 0 and roof[first - 1, 1] < limit:
        first -= 1
    end = min(float(roof[dip, 0]) - half, float(roof[first, 0]))
    last = first
    while last >= 0 and (roof[last, 0] > end - margin or roof[last, 1] < limit):
        last -= 1
    if last < 1:
        return None
    return np.vstack([roof[: last + 1], [end, 0.0]])


def parts_beside_dip(roof: Points, lengths: ChangeLengths) -> list[Points]:
    """What is left and right of the lowest dip, with the new contact between them; empty where nothing is."""
    dip = lowest_dip(roof, lengths.touch)
    assert dip is not None  # the roof touches
    half, margin = 0.5 * lengths.landing, 0.5 * lengths.event
    left = left_part(roof, dip, half, lengths.touch, margin)
    behind = left_part(mirrored(roof), len(roof) - 1 - dip, half, lengths.touch, margin)
    return [part for part in (left, None if behind is None else mirrored(behind)) if part is not None]


def mirrored(roof: Points) -> Points:
    """The roof seen from behind: x changes its sign and the order is reversed."""
    return np.column_stack([-roof[::-1, 0], roof[::-1, 1]])


def cut_end(roof: Points, lift: float) -> Points:
    """The roof without what its right end has below ``lift``; ends exactly at that height."""
    last = len(roof) - 1
    while last > 1 and roof[last, 1] < lift:
        last -= 1
    low, high = roof[last + 1] if last + 1 < len(roof) else roof[last], roof[last]
    share = (lift - low[1]) / (high[1] - low[1]) if high[1] > low[1] else 1.0
    return np.vstack([roof[: last + 1] if share < 0.7 else roof[:last], low + share * (high - low)])


def joined_roofs(before: Points | None, after: Points | None, width: float, lengths: ChangeLengths) -> Points:
    """One roof of those left and right of a lost contact; None stands for the side of a cell of ``width``."""
    roofs = (before, None if after is None else mirrored(after))
    lift = _lift([roof for roof in roofs if roof is not None], lengths)
    sides = (np.array([[0.0, lift]]), np.array([[-width, lift]]))
    first, last = (
        side if roof is None else cut_end(roof, lift) for roof, side in zip(roofs, sides, strict=True)
    )
    return bridged(first, mirrored(last), lengths.event)


def _lift(roofs: Sequence[Points], lengths: ChangeLengths) -> float:
    """Height at which voids (right ends given) are joined: the rims are cut, not a flat roof beside them."""
    lowest = min(float(roof[:, 1].max()) for roof in roofs)
    reach = lengths.rim
    longest = max(float(np.ptp(roof[:, 0])) for roof in roofs)
    while (
        rim := 0.8 * min(rim_height(roof, reach) for roof in roofs)
    ) < lengths.least_lift and reach < longest:
        reach *= 2.0
    return min(lengths.lift, rim, 0.8 * lowest)


def rim_height(roof: Points, reach: float) -> float:
    """Height that the roof gains within ``reach`` (along it) of its right end."""
    step = np.linalg.norm(np.diff(roof, axis=0), axis=1)
    to_end = np.append(np.cumsum(step[::-1])[::-1], 0.0)
    return float(roof[to_end <= reach, 1].max())


def bridged(left: Points, right: Points, spacing: float) -> Points:
    """Two roofs with a straight piece between them, whose points are no more than ``spacing`` apart."""
    gap = float(np.linalg.norm(right[0] - left[-1]))
    share = np.linspace(0.0, 1.0, max(2, int(np.ceil(gap / spacing)) + 1))[1:-1, None]
    return np.vstack([left, left[-1] + share * (right[0] - left[-1]), right])


def meeting(roof: Points) -> tuple[int, int] | None:
    """First pair of inner roof points that are near each other but far apart along the roof."""
    step = np.linalg.norm(np.diff(roof, axis=0), axis=1)
    spacing = np.minimum(np.append(step, step[-1]), np.append(step[0], step))
    arc = np.concatenate([[0.0], np.cumsum(step)])
    pairs = cKDTree(roof).query_pairs(PINCH_SPACINGS * float(step.max()), output_type="ndarray")
    for i, j in pairs:
        i, j = min(i, j), max(i, j)
        near = float(np.linalg.norm(roof[i] - roof[j]))
        local = max(spacing[i], spacing[j])
        inner = i > 0 and j < len(roof) - 1
        if inner and j - i >= PINCH_APART and near < PINCH_SPACINGS * local and arc[j] - arc[i] > 4.0 * near:
            return int(i), int(j)
    return None


def flat_roof(low: float, high: float, height: float, cut_left: bool, cut_right: bool) -> Points:
    """Half ellipse from ``low`` to ``high``; a quarter of one where it is cut by a symmetry side."""
    start, stop = (0.5 * np.pi if cut_left else np.pi), (0.5 * np.pi if cut_right else 0.0)
    angle = np.linspace(start, stop, 81)
    half = (high - low) * (1.0 if cut_left or cut_right else 0.5)
    centre = low if cut_left else high if cut_right else 0.5 * (low + high)
    roof = np.column_stack([centre + half * np.cos(angle), height * np.sin(angle)])
    for end, cut, x in ((0, cut_left, low), (-1, cut_right, high)):
        roof[end] = (x, height if cut else 0.0)
    return roof


def roof_measure(roof: NDArray[np.float64], axisymmetric: bool) -> float:
    """Area under a roof polyline, or the volume of revolution about x = 0 (exact for the polyline)."""
    x, y = roof[:, 0], roof[:, 1]
    dx = np.diff(x)
    if not axisymmetric:
        return float(np.sum(0.5 * (y[1:] + y[:-1]) * dx))
    moment = dx * (x[:-1] * (2 * y[:-1] + y[1:]) + x[1:] * (y[:-1] + 2 * y[1:])) / 6.0
    return float(2.0 * np.pi * np.sum(moment))


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


def offset_to_measure(
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
