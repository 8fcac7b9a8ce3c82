"""The facets of the contact on this rank: what is known along the surface is put to nodes, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from dolfinx import fem, la
from numpy.typing import NDArray

from meshes import compat
from meshes.tags import Boundary

if TYPE_CHECKING:
    from meshes.cell import CellMesh

SAMPLES = 2
"""Pieces of a facet's longest side per length over which a sampled function may change."""
MOST_SAMPLES = 4096
"""Samples of a facet at most: of one that is huge against that length."""


class ContactFacets:
    """Facets of the contact that this rank owns; fixed for one mesh, which may move.

    Args:
        cell: mesh.
        scalars: P1 functions on it.

    Attributes:
        dofs: of ``scalars`` at the corners, shape (facets, corners).
    """

    def __init__(self, cell: CellMesh, scalars: fem.FunctionSpace) -> None:
        self._domain, self._vertical = cell.domain, cell.vertical
        self._axisymmetric = cell.kind == "axisymmetric"
        fdim = cell.domain.topology.dim - 1
        facets = cell.boundary(Boundary.CONTACT)
        facets = facets[facets < cell.domain.topology.index_map(fdim).size_local]
        self._nodes = compat.entity_nodes(cell.domain, fdim, facets)
        dof_of = np.zeros(len(cell.domain.geometry.x), dtype=np.int32)
        dof_of[compat.geometry_dofmap(cell.domain).ravel()] = scalars.dofmap.list.ravel()
        self.dofs = dof_of[self._nodes]
        self._sums = [fem.Function(scalars), fem.Function(scalars)]

    def corners(self) -> NDArray[np.float64]:
        """Present lateral coordinates of the corners, shape (facets, corners, gdim - 1)."""
        return np.asarray(self._domain.geometry.x[self._nodes][:, :, : self._vertical])

    def nodal_means(
        self, function: Callable[[NDArray[np.float64]], NDArray[np.float64]], length: float
    ) -> NDArray[np.float64]:
        """Means of a function of place around the nodes of the contact, weighted by their hats. Collective.

        Their P1 function has the integral of the function: what jumps from one place of the surface to the
        next is spread over an element, and no node hides what lies between it and the next one.

        Args:
            function: of points (n, gdim - 1).
            length: over which it may change (um).

        Returns:
            Values at all P1 nodes of this rank, 1 off the contact.
        """
        corners = self.corners()
        size = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1, initial=0.0)
        most = round(MOST_SAMPLES ** (1.0 / self._vertical))
        pieces = np.clip(np.ceil(SAMPLES * size / length), 1, most).astype(int)
        for total in self._sums:
            total.x.array[:] = 0.0
        for count in np.unique(pieces):
            self._add(corners, np.flatnonzero(pieces == count), int(count), function)
        for total in self._sums:
            total.x.scatter_reverse(la.InsertMode.add)
            total.x.scatter_forward()
        values, weights = (total.x.array for total in self._sums)
        return np.where(weights > 0.0, values / np.where(weights > 0.0, weights, 1.0), 1.0)

    def _add(
        self,
        corners: NDArray[np.float64],
        facets: NDArray[np.int64],
        pieces: int,
        function: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    ) -> None:
        """Add the integrals over some facets, each cut into equal pieces sampled in their middles."""
        hats = middles(corners.shape[1] - 1, pieces)
        points = np.einsum("sc,fcd->fsd", hats, corners[facets])
        values = function(points.reshape(-1, points.shape[2])).reshape(points.shape[:2])
        weights = _measures(corners[facets])[:, None] / len(hats)
        weights = weights * points[:, :, 0] if self._axisymmetric else np.repeat(weights, len(hats), axis=1)
        for total, density in zip(self._sums, (values * weights, weights), strict=True):
            np.add.at(total.x.array, self.dofs[facets], density @ hats)


def middles(dim: int, pieces: int) -> NDArray[np.float64]:
    """Barycentric coordinates of the middles of equal pieces of a segment (dim 1) or a triangle (dim 2)."""
    if dim == 1:
        along = (np.arange(pieces) + 0.5) / pieces
        return np.column_stack([1.0 - along, along])
    i, j = (k.ravel() for k in np.meshgrid(np.arange(pieces), np.arange(pieces), indexing="ij"))
    upright, inverted = i + j < pieces, i + j < pieces - 1
    a = np.concatenate([i[upright] + 1.0 / 3.0, i[inverted] + 2.0 / 3.0]) / pieces
    b = np.concatenate([j[upright] + 1.0 / 3.0, j[inverted] + 2.0 / 3.0]) / pieces
    return np.column_stack([1.0 - a - b, a, b])


def _measures(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length or area of each facet (up to a factor, the same for all)."""
    edges = corners[:, 1:] - corners[:, :1]
    return np.abs(np.linalg.det(edges)) if len(edges) else np.zeros(0)
