"""One void of a 3-D cell: a footprint, and over it a roof as a triangulated surface.

Between meshes a roof is a height over the plane of the electrolyte. A roof that hangs over its own triple
line (by a few degrees, where the metal's contact angle is below 90 degrees) loses the overhang when it is
meshed anew; its volume is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

Heights = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Height of a roof above points (n, 2) of the plane."""

STEEP = 2.0
"""Slope from which on a roof is taken as its flat triangles."""


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

    def lowest_neighbours(self) -> NDArray[np.float64]:
        """Height of the lowest vertex beside each vertex (m,)."""
        lowest, z = np.full(len(self.points), np.inf), self.points[:, 2]
        for a, b in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)):
            np.minimum.at(lowest, self.triangles[:, a], z[self.triangles[:, b]])
        return lowest

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
        wrapped: places (n, 3) on a seed's roof that hangs over for points (n, 2) of the footprint, else None.
        fresh: where a roof that was cut or joined has steps, None if nowhere.
    """

    footprint: Polygon
    heights: Heights
    measure: float
    height: float
    roof: Roof | None = None
    fresh: BaseGeometry | None = None
    wrapped: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None


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
