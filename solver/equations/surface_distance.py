"""Distance of every point of the metal to the nearest void surface or contact, as a function of the mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from meshes import compat
from meshes.tags import Boundary, Region

if TYPE_CHECKING:
    from meshes.cell import CellMesh

SURFACES = (Boundary.VOID, Boundary.CONTACT)
FIRST_CANDIDATES = 8
"""Facets nearest by their midpoints that are tried first for each node."""
AT_ONCE = 20_000
"""Nodes of which the distances are sought at once: bounds the memory."""
ACCURACY = 1e-2
"""Relative error of a distance at most. Mostly it is that of rounding: the candidates hold the nearest."""


class SurfaceDistance:
    """The distance at P1 nodes of the metal; it follows the mesh with :meth:`update`.

    Facets of the surfaces, and nothing else, travel between ranks: their number grows with the interface, not
    with the mesh.

    Args:
        cell: mesh.

    Attributes:
        value: the distance, in the mesh's unit; 0 outside the metal.
    """

    def __init__(self, cell: CellMesh) -> None:
        domain = cell.domain
        self._domain = domain
        self.value = fem.Function(fem.functionspace(domain, ("Lagrange", 1)), name="surface_distance")
        fdim = domain.topology.dim - 1
        owned = domain.topology.index_map(fdim).size_local
        facets = np.concatenate([cell.boundary(boundary) for boundary in SURFACES])
        self._facets = compat.entity_nodes(domain, fdim, facets[facets < owned])
        metal = cell.region(Region.METAL)
        dofs = self.value.function_space.dofmap.list[metal].ravel()
        self._dofs, first = np.unique(dofs, return_index=True)
        self._nodes = compat.geometry_dofmap(domain)[metal].ravel()[first]
        self.update()

    def update(self) -> None:
        """Measure again where the mesh is now. Collective."""
        x = self._domain.geometry.x
        facets = np.concatenate(self._domain.comm.allgather(x[self._facets]))
        self.value.x.array[self._dofs] = distances(x[self._nodes], facets)


def distances(points: NDArray[np.float64], facets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each point to the nearest of the facets, to :data:`ACCURACY`; inf if there is none.

    Args:
        points: (m, 3).
        facets: segments (k, 2, 3) or triangles (k, 3, 3).
    """
    middles = facets.mean(axis=1)
    reach = np.linalg.norm(facets - middles[:, None], axis=2).max(axis=1, initial=0.0)
    # by size, the largest first: where all are about equal, the nearest midpoints have the nearest facet
    sizes = np.frexp(reach)[1]
    classes = [np.flatnonzero(sizes == size) for size in np.unique(sizes)[::-1]]
    found = np.full(len(points), np.inf)
    for start in range(0, len(points), AT_ONCE):
        block = slice(start, start + AT_ONCE)
        for members in classes:
            tree = cKDTree(middles[members])
            _nearer(points[block], found[block], facets[members], tree, float(reach[members].max()))
    return found


def _nearer(
    points: NDArray[np.float64],
    found: NDArray[np.float64],
    facets: NDArray[np.float64],
    tree: cKDTree,
    reach: float,
) -> None:
    """Lower ``found`` to the distance of facets that extend by at most ``reach`` from their midpoints."""
    left, count = np.arange(len(points)), min(FIRST_CANDIDATES, len(facets))
    while len(left):
        away, near = tree.query(points[left], k=np.arange(1, count + 1))
        found[left] = np.minimum(found[left], to_facets(points[left], facets[near]).min(axis=1))
        if count == len(facets):
            return
        # all others are at least so far away
        left = left[(1.0 - ACCURACY) * found[left] > away[:, -1] - reach]
        count = min(2 * count, len(facets))


def to_facets(points: NDArray[np.float64], facets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of points (m, 3) to their own facets (m, k, 2 or 3 corners, 3)."""
    corners = np.moveaxis(facets - points[:, None, None], 2, 0)
    if len(corners) == 2:
        return _to_segments(corners[0], corners[1])
    first, second, third = corners
    edges = [_to_segments(a, b) for a, b in ((first, second), (second, third), (third, first))]
    normal = np.cross(second - first, third - first)
    area = np.maximum(np.linalg.norm(normal, axis=2), np.finfo(float).tiny)
    turns = [
        np.einsum("mki,mki->mk", np.cross(a, b), normal)
        for a, b in ((first, second), (second, third), (third, first))
    ]
    inside = np.all([turn >= 0.0 for turn in turns], axis=0)
    height = np.abs(np.einsum("mki,mki->mk", first, normal)) / area
    return np.where(inside, height, np.minimum.reduce(edges))


def _to_segments(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of the origin to segments (m, k, 3)."""
    along = end - start
    length = np.maximum(np.einsum("mki,mki->mk", along, along), np.finfo(float).tiny)
    share = np.clip(-np.einsum("mki,mki->mk", start, along) / length, 0.0, 1.0)
    return np.asarray(np.linalg.norm(start + share[:, :, None] * along, axis=2))
