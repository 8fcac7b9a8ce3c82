"""Whether a resistance profile of a case has a value, and a legal one, on all of the interface.

What is computed with is :mod:`solver.equations.terms.contact_resistance`, on the same expression and points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from solver.core.expressions import MAX_TEXT, ExpressionError, interface_values

MAX_EXPRESSION = MAX_TEXT
LEAST, MOST = 1e-3, 1e3
"""Z over that of the electrolyte at least and at most."""
_SAMPLES = {1: 2001, 2: 201}
"""Points along each extent, by their number, at which an expression is tried."""
_SCALE = 1024.0
"""A ratio of lengths is the same in another unit of length; a power of two, so that rounding is too."""
_SAME = 1e-6
_END = 1e-6
"""Part of an extent within which a table reaches the side of the cell."""


def expression_problems(text: str, kind: str, extents: Sequence[float]) -> list[str]:
    """What is wrong with an expression on an interface of a kind of cell; ``extents`` in um."""
    axes = [np.linspace(0.0, extent, _SAMPLES[len(extents)]) for extent in extents]
    points = np.stack([grid.ravel() for grid in np.meshgrid(*axes, indexing="ij")])
    try:
        values = interface_values(text, kind, extents, points)
        scaled = interface_values(text, kind, extents, points, unit=_SCALE)
    except ExpressionError as error:
        return [str(error)]
    wrong = ~(np.isfinite(values) & (values >= LEAST) & (values <= MOST))
    if np.any(wrong):
        first = int(np.argmax(wrong))
        at = ", ".join(f"{x:.4g}" for x in points[:, first])
        return [f"is {values[first]:.4g} at {at} um; must lie between {LEAST:g} and {MOST:g}"]
    if not np.allclose(values, scaled, rtol=_SAME, atol=0.0):
        return ["depends on the unit of length; divide lengths by lengths, as in x/(10*um)"]
    return []


def point_problems(
    points: Sequence[Sequence[float]], extents: Sequence[float], *, is_factor: bool
) -> list[str]:
    """What is wrong with the points of a table (um, and the value); a factor has its range."""
    count = len(points[0]) - 1
    if any(len(point) != count + 1 for point in points):
        return ["all need the same number of values"]
    if count > len(extents):
        return ["have x and y; only a 3d cell has y"]
    table = np.array(points, dtype=np.float64)
    axes = [np.unique(table[:, k]) for k in range(count)]
    problems = []
    if len(np.unique(table[:, :count], axis=0)) < len(table):
        problems.append("a position is given twice")
    elif count == 1 and np.any(np.diff(table[:, 0]) < 0.0):
        problems.append("positions go forward")
    elif int(np.prod([len(axis) for axis in axes])) != len(table) or min(map(len, axes)) < 2:
        problems.append("x and y make no grid: give a value for every x with every y, two of each at least")
    for name, axis, extent in zip(("x", "y"), axes, extents, strict=False):
        if axis[0] > _END * extent or axis[-1] < (1.0 - _END) * extent:
            where = f"{axis[0]:.6g} to {axis[-1]:.6g} um"
            problems.append(f"{name} goes from {where}, the cell from 0 to {extent:.6g} um")
    low, high = float(table[:, -1].min()), float(table[:, -1].max())
    if is_factor and not LEAST <= low <= high <= MOST:
        problems.append(f"factors {low:.4g} to {high:.4g}; must lie between {LEAST:g} and {MOST:g}")
    return problems
