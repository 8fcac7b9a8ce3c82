"""Operations on one roof: where it is low or meets itself, what is left of it when a part is cut off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Points = NDArray[np.float64]

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
