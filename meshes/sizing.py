"""Target element size: graded away from the triple lines, the void roofs and the contact."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

FEW_TRIPLES = 16
"""Triple points up to which all distances cost less than a tree."""
ROOF_LAYERS = 2.0
"""Size on a roof over ``layer``: voids take up vacancies too and sweep up solute, but more slowly."""


@dataclass(frozen=True)
class SizeRule:
    """Element size h(x) = min(largest, tip + growth * distance to the nearest triple point).

    With a ``layer``, also at most layer + growth * (height above ``layer_depth``) in the metal, and the
    same below the electrolyte surface with depth 0: it resolves what composition does near the contact.
    On a void roof the size is also at most ``roof_fraction`` times the smaller of the void's
    half-width and height (with a layer also ROOF_LAYERS of it), and never below ``tip``.

    Attributes:
        tip: size at a triple line.
        growth: increase of size per unit of distance.
        largest: upper bound.
        roof_fraction: size on a roof relative to the void.
        layer: size along the contact, None for no layer.
        layer_depth: height above the contact up to which ``layer`` holds.
        graded: whether sizes grow from the roofs by ``growth`` too; otherwise Gmsh lets the sizes of
            boundaries reach across the cell, which makes about twice as many cells around many voids.
        event_length: in which changes of topology are measured; 0 is ``tip``, less is not resolved.
        reach: depth in the electrolyte from which on sizes grow beyond ``largest``: what the voids do to the
            current has died away there.
        deepest: largest size below that depth.
    """

    tip: float
    growth: float = 0.25
    largest: float = 4.0
    roof_fraction: float = 0.12
    layer: float | None = None
    layer_depth: float = 0.0
    event_length: float = 0.0
    graded: bool = False
    reach: float = math.inf
    deepest: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "event_length", max(self.event_length, self.tip))

    def in_depth(self, depth: float) -> float:
        """Size that holds at a depth in the electrolyte where it is more than that of the interface, or 0."""
        return min(self.deepest, self.growth * max(0.0, depth - self.reach))

    def roof_limit(self, roof: NDArray[np.float64]) -> float:
        """Largest size allowed on a roof given as an (m, 2) polyline."""
        extent = min(float(np.ptp(roof[:, 0])), float(roof[:, 1].max()))
        limit = self.roof_fraction * extent
        if self.layer is not None:
            limit = min(limit, ROOF_LAYERS * self.layer)
        return max(self.tip, limit)

    def at(self, points: NDArray[np.float64], triples: NDArray[np.float64]) -> NDArray[np.float64]:
        """Size at ``points`` (m, 2), given the triple points (k, 2); ``largest`` where k = 0."""
        size = np.full(len(points), self.largest)
        if len(triples):
            few = len(triples) <= FEW_TRIPLES
            distance = cdist(points, triples).min(axis=1) if few else cKDTree(triples).query(points)[0]
            size = np.minimum(size, self.tip + self.growth * distance)
        if self.layer is not None:
            height = np.maximum(points[:, 1] - self.layer_depth, -points[:, 1])
            size = np.minimum(size, self.layer + self.growth * np.maximum(height, 0.0))
        return size

    def expected_cells(self, dim: int, whole: float, contact: float, triple: float) -> float:
        """About how many cells a mesh by this rule has.

        Args:
            dim: of the cell.
            whole: its area or volume.
            contact: its width or its area at the electrolyte.
            triple: number of triple points, or length of triple lines.
        """
        of_unit = {2: math.sqrt(3.0) / 4.0, 3: math.sqrt(2.0) / 12.0}[dim]
        reach = whole ** (1.0 / dim)
        r = np.geomspace(0.1 * self.tip, max(reach, self.tip), 200)
        around = 2.0 * np.pi * r / np.minimum(self.tip + self.growth * r, self.largest) ** dim
        # what the largest size fills anyway is not counted twice
        around = np.maximum(around - 2.0 * np.pi * r / self.largest**dim, 0.0)
        cells = whole / self.largest**dim + triple * float(np.trapezoid(around, r))
        if self.layer is not None:
            cells += contact * float(np.trapezoid((self.layer + self.growth * r) ** -dim, r))
            cells += contact * self.layer_depth / self.layer**dim
        return cells / of_unit
