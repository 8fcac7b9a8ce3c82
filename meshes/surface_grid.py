"""A fixed grid on the electrolyte's surface: a line of stretches, or a raster of rectangles in 3-D.

The electrolyte is rigid, so what belongs to its surface is kept here and outlives every mesh.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from shapely import LineString, Polygon, intersects_xy

from meshes.profile.base import covers, segment

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

TIE = 1e-6
"""Depth (um) inside a region from which a point counts as covered by it: on its edge rounding would decide,
differently on other numbers of ranks."""
INSIDE = 1e-9
"""Barycentric coordinate above which a point lies in a simplex."""


class Hits(NamedTuple):
    """Cells whose middles lie in simplices: numbers of simplex and cell, and where (m, corners)."""

    simplex: NDArray[np.int64]
    cell: NDArray[np.int64]
    barycentric: NDArray[np.float64]


class SurfaceGrid:
    """Equal cells of [0, lx] or [0, lx] x [0, ly].

    Args:
        extents: of the surface (um), one or two.
        spacing: largest side of a cell (um).
        axisymmetric: whether x is a radius; cells are rings then.

    Attributes:
        shape: cells along each extent.
        steps: sides of a cell (um).
        middles: of the cells (n, 3).
        shares: of the surface that each cell is (n,), 1 in all.
    """

    def __init__(self, extents: Sequence[float], spacing: float, *, axisymmetric: bool = False) -> None:
        self.extents = tuple(float(extent) for extent in extents)
        self.shape = tuple(max(1, int(np.ceil(extent / spacing * (1.0 - INSIDE)))) for extent in self.extents)
        self.steps = np.array(self.extents) / np.array(self.shape)
        axes = [(np.arange(n) + 0.5) * step for n, step in zip(self.shape, self.steps, strict=True)]
        lateral = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
        self.middles = np.zeros((len(lateral), 3))
        self.middles[:, : len(axes)] = lateral
        rings = 2.0 * lateral[:, 0] / self.extents[0] if axisymmetric else np.ones(len(lateral))
        self.shares = rings / len(lateral)

    def covered(self, regions: Iterable[BaseGeometry]) -> NDArray[np.bool_]:
        """Cells whose middle lies in one of the regions of the surface."""
        found = np.zeros(len(self.middles), dtype=bool)
        for region in regions:
            inner = _shrunk(region)
            if inner.is_empty:
                continue
            near = self._box(inner.bounds)
            x, y, _ = self.middles[near].T
            on_line = isinstance(inner, LineString)
            found[near[covers(inner, self.middles[near]) if on_line else intersects_xy(inner, x, y)]] = True
        return found

    def _box(self, bounds: tuple[float, ...]) -> NDArray[np.int64]:
        """Numbers of the cells whose middle lies in a box (low x, low y, high x, high y)."""
        dim = len(self.shape)
        low = np.maximum(_first(np.array(bounds[:dim]), self.steps), 0)
        high = np.minimum(_last(np.array(bounds[2 : 2 + dim]), self.steps), np.array(self.shape) - 1)
        axes = [np.arange(first, last + 1) for first, last in zip(low, high, strict=True)]
        return self._numbers(np.meshgrid(*axes, indexing="ij")).ravel()

    def _numbers(self, index: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        """Numbers of cells by their index along each extent."""
        return np.asarray(np.ravel_multi_index(tuple(index), self.shape), dtype=np.int64)

    def under(self, corners: NDArray[np.float64]) -> Hits:
        """Cells whose middle lies in simplices of the surface.

        Args:
            corners: (simplices, d + 1, d) of the segments of a line, or the triangles of a raster.
        """
        dim = len(self.shape)
        last = np.array(self.shape) - 1
        low = np.maximum(_first(corners.min(axis=1), self.steps), 0)
        counts = np.maximum(np.minimum(_last(corners.max(axis=1), self.steps), last) - low + 1, 0)
        boxes = counts.prod(axis=1)
        simplex = np.repeat(np.arange(len(corners)), boxes)
        within = np.arange(len(simplex)) - np.repeat(np.cumsum(boxes) - boxes, boxes)
        index = np.empty((len(simplex), dim), dtype=np.int64)
        for k in reversed(range(dim)):
            within, index[:, k] = np.divmod(within, counts[simplex, k])
        index += low[simplex]
        where = (index + 0.5) * self.steps
        edges = (corners[:, 1:] - corners[:, :1]).transpose(0, 2, 1)
        inverse = np.linalg.inv(edges) if len(edges) else edges
        others = np.einsum("nij,nj->ni", inverse[simplex], where - corners[simplex, 0])
        barycentric = np.column_stack([1.0 - others.sum(axis=1), others])
        inside = np.all(barycentric >= -INSIDE, axis=1)
        return Hits(simplex[inside], self._numbers(list(index[inside].T)), barycentric[inside])

    def at(self, values: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Cell values (n,) at points (m, >= d): linear between the middles of the cells."""
        where = points[:, : len(self.shape)] / self.steps - 0.5
        found = ndimage.map_coordinates(values.reshape(self.shape), where.T, order=1, mode="nearest")
        return np.asarray(found)

    def cell_of(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """Numbers of the cells in which points (m, >= d) lie; of the nearest ones for points outside."""
        index = np.floor(points[:, : len(self.shape)] / self.steps).astype(np.int64)
        return self._numbers(list(np.clip(index, 0, np.array(self.shape) - 1).T))

    def nearest(self, wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
        """For each cell the number of the nearest one that is ``wanted``; its own where there is none."""
        if not wanted.any():
            return np.arange(len(wanted))
        index = ndimage.distance_transform_edt(
            ~wanted.reshape(self.shape), self.steps, return_distances=False, return_indices=True
        )
        return self._numbers(index).ravel()


def _shrunk(region: BaseGeometry) -> BaseGeometry:
    """The region without its edge."""
    if isinstance(region, Polygon):
        return region.buffer(-TIE)
    low, _, high, _ = region.bounds
    return segment(low + TIE, high - TIE) if high - low > 2.0 * TIE else Polygon()


def _first(low: NDArray[np.float64], step: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of the first cell whose middle is at ``low`` or beyond, up to rounding."""
    return np.ceil(low / step - 0.5 - INSIDE).astype(np.int64)


def _last(high: NDArray[np.float64], step: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of the last cell whose middle is at ``high`` or before, up to rounding."""
    return np.floor(high / step - 0.5 + INSIDE).astype(np.int64)
