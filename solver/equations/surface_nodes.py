"""The nodes of a 3-D mesh's void surfaces, the same on every rank, and the curvature there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.sparse import csr_array

from meshes import compat
from meshes.tags import Boundary

if TYPE_CHECKING:
    from meshes.cell import CellMesh

_TERMS = 5
"""Of the quadric through the origin."""
_SIDE_DIGITS = 6
"""Decimals (um) to which nodes of one side have the same place."""
STEADY = 1e-10
"""Share of its trace that is added to a fit's matrix: nodes with few neighbours."""


@dataclass(frozen=True)
class SurfaceNodes:
    """Void surfaces as triangles of slots; fixed for one mesh.

    Attributes:
        comm: communicator.
        triangles: (k, 3) slots, in positive sense seen from the void.
        slots: of this rank's surface nodes.
        owned: which of these belong to this rank.
        total: number of slots.
    """

    comm: MPI.Comm
    triangles: NDArray[np.int64]
    slots: NDArray[np.int64]
    owned: NDArray[np.bool_]
    total: int

    def everywhere(self, local: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values by slot from those at this rank's nodes (m, ...). Collective.

        Only nodes of void surfaces travel: their number grows with the interface, not with the mesh.
        """
        mine = np.zeros((self.total, *local.shape[1:]))
        mine[self.slots[self.owned]] = local[self.owned]
        everyone = np.empty_like(mine)
        self.comm.Allreduce(mine, everyone, op=MPI.SUM)
        return everyone


def surface_nodes(
    cell: CellMesh, geometry_nodes: NDArray[np.int32], owned: NDArray[np.bool_]
) -> SurfaceNodes:
    """Find the void surfaces of a 3-D mesh. Collective.

    Args:
        cell: mesh.
        geometry_nodes: this rank's surface nodes in the mesh geometry.
        owned: which of them belong to this rank.
    """
    domain = cell.domain
    numbers = np.vstack(domain.comm.allgather(_oriented_facets(cell)))
    names, facets = np.unique(numbers, return_inverse=True)
    to_global = domain.geometry.index_map().local_to_global
    slots = np.searchsorted(names, to_global(geometry_nodes)).astype(np.int64)
    triangles = facets.reshape(-1, 3).astype(np.int64)
    return SurfaceNodes(domain.comm, triangles, slots, owned, len(names))


def _oriented_facets(cell: CellMesh) -> NDArray[np.int64]:
    """Global nodes (k, 3) of this rank's void facets, seen from the void in positive sense."""
    domain = cell.domain
    fdim = domain.topology.dim - 1
    facets = cell.boundary(Boundary.VOID)
    facets = facets[facets < domain.topology.index_map(fdim).size_local]
    nodes = compat.entity_nodes(domain, fdim, facets).reshape(-1, 3)
    to_cell = domain.topology.connectivity(fdim, fdim + 1)
    cells = np.array([to_cell.links(f)[0] for f in facets], dtype=np.int32)
    x = domain.geometry.x
    inside = x[compat.geometry_dofmap(domain)[cells]].mean(axis=1)
    corners = x[nodes]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    away = np.einsum("ij,ij->i", normal, inside - corners[:, 0]) < 0.0
    nodes[away] = nodes[away][:, [0, 2, 1]]
    numbers = domain.geometry.index_map().local_to_global(nodes.ravel())
    return np.asarray(numbers, dtype=np.int64).reshape(-1, 3)


class CurvatureFit:
    """Curvature by a quadric through each node and its neighbours (two rings, across symmetric sides too).

    The height w over a node's tangent plane, where u and v are measured, is fitted as

        w = a u + b v + H (u^2 + v^2 + w^2)/2 + D (u^2 - v^2)/2 + C u v.

    With w^2 beside u^2 + v^2 a sphere is met exactly, whatever its triangles: it is the shape that surface
    tension makes of a void, and a paraboloid misses it by (edge/radius)^2, which a power-law metal answers
    with its n-th power. The first variation of area divided by the nodal area does not converge pointwise on
    an irregular triangulation: at 0.1, 0.07 and 0.05 um it missed that of an elliptic cylinder (0.5 to 3.6
    per um) by 0.5, 0.6 and 0.8 (root mean square).

    Args:
        nodes: surfaces.
        points: where they are, by slot.
        on_sides: (slots, 2) which of them lie on a symmetric side across x, across y.
    """

    def __init__(self, nodes: SurfaceNodes, points: NDArray[np.float64], on_sides: NDArray[np.bool_]) -> None:
        self._mirrored = mirrored_surface(nodes, points, on_sides)
        near = _neighbours(self._mirrored.triangles, len(self._mirrored.source))
        rings = csr_array((near + near @ near)[: nodes.total])
        rings.setdiag(0.0)
        rings.eliminate_zeros()
        count = np.diff(rings.indptr)
        self._near = np.zeros((nodes.total, int(count.max(initial=0))), dtype=np.int64)
        self._there = np.arange(self._near.shape[1])[None, :] < count[:, None]
        self._near[self._there] = rings.indices

    def curvature(self, points: NDArray[np.float64], towards: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of the principal curvatures at ``points`` (n, 3), positive where it bends ``towards``.

        Args:
            points: nodes by slot.
            towards: a direction (n, 3) at each, about normal to the surface.
        """
        if self._near.shape[1] == 0:
            return np.zeros(len(points))
        away = self._mirrored.places(points)[self._near] - points[:, None]
        normal = towards / np.maximum(np.linalg.norm(towards, axis=1, keepdims=True), 1e-300)
        helper = np.eye(3)[np.argmin(np.abs(normal), axis=1)]
        first = np.cross(normal, helper)
        first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-300)
        second = np.cross(normal, first)
        u, v, w = (np.einsum("nkj,nj->nk", away, axis) for axis in (first, second, normal))
        size = np.sqrt(np.sum(np.where(self._there, u**2 + v**2, 0.0), axis=1) / self._there.sum(axis=1))
        u, v, w = (part / size[:, None] for part in (u, v, w))
        square = u**2 + v**2 + w**2
        terms = np.stack([u, v, 0.5 * square, 0.5 * (u**2 - v**2), u * v], axis=-1)
        # a neighbour measures the curvature as a height over half its squared distance: all count the same
        weight = np.where(self._there, 1.0 / np.maximum(square, 1e-12) ** 2, 0.0)
        matrix = np.einsum("nki,nk,nkj->nij", terms, weight, terms)
        matrix += STEADY * np.trace(matrix, axis1=1, axis2=2)[:, None, None] * np.eye(_TERMS)
        right = np.einsum("nki,nk->ni", terms, weight * w)
        a, b, sphere, saddle, twist = np.linalg.solve(matrix, right[:, :, None])[:, :, 0].T
        slope = 1.0 + a**2 + b**2
        # of the surface w - a u - ... = 0, from its gradient (-a, -b, 1) and its second derivatives
        bent = 2.0 * sphere * slope - saddle * (a**2 - b**2) - 2.0 * a * b * twist
        return np.asarray(bent / slope**1.5 / size)


@dataclass(frozen=True)
class MirroredSurface:
    """The slots of void surfaces and, after them, images of those near symmetric sides.

    Attributes:
        triangles: (k, 3) of slots and images, without those that no node's neighbours need.
        source: (m,) slot that each is or is the image of.
        factor, offset: (m, 3) an image is at factor times its slot's place plus offset.
    """

    triangles: NDArray[np.int64]
    source: NDArray[np.int64]
    factor: NDArray[np.float64]
    offset: NDArray[np.float64]

    def places(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where slots and images (m, 3) are when the slots are at ``points``."""
        return np.asarray(self.factor * points[self.source] + self.offset)

    def across(self, axis: int, plane: float, on: NDArray[np.bool_]) -> MirroredSurface:
        """With the images across one more side, on which ``on`` (m,) lie.

        Args:
            axis: normal to the side.
            plane: coordinate of the side.
            on: which slots and images are their own images.
        """
        # two rings around a node of the side are the triangles at it and at its neighbours
        beside = on.copy()
        beside[self.triangles[np.any(on[self.triangles], axis=1)]] = True
        reflected = self.triangles[np.any(beside[self.triangles], axis=1)]
        new = np.setdiff1d(reflected, np.flatnonzero(on))
        image = np.arange(len(self.source))
        image[new] = len(self.source) + np.arange(len(new))
        factor, offset = self.factor[new].copy(), self.offset[new].copy()
        factor[:, axis] *= -1.0
        offset[:, axis] = 2.0 * plane - offset[:, axis]
        return MirroredSurface(
            np.vstack([self.triangles, image[reflected][:, [0, 2, 1]]]),
            np.concatenate([self.source, self.source[new]]),
            np.vstack([self.factor, factor]),
            np.vstack([self.offset, offset]),
        )


def mirrored_surface(
    nodes: SurfaceNodes, points: NDArray[np.float64], on_sides: NDArray[np.bool_]
) -> MirroredSurface:
    """Surfaces with their images across the symmetric sides, which stay where they are.

    Args:
        nodes: surfaces.
        points: where they are, by slot.
        on_sides: (slots, 2) which of them lie on a side across x, across y.
    """
    whole = MirroredSurface(
        nodes.triangles, np.arange(nodes.total), np.ones((nodes.total, 3)), np.zeros((nodes.total, 3))
    )
    for axis in range(2):
        for plane in np.unique(np.round(points[on_sides[:, axis], axis], _SIDE_DIGITS)):
            at = whole.places(points)[:, axis]
            on = on_sides[whole.source, axis] & (np.abs(at - plane) < 10.0**-_SIDE_DIGITS)
            whole = whole.across(axis, float(plane), on)
    return whole


def _neighbours(triangles: NDArray[np.int64], total: int) -> csr_array:
    """Which of ``total`` nodes share a triangle."""
    pairs = np.vstack([triangles[:, [a, b]] for a in range(3) for b in range(3) if a != b])
    return csr_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(total, total))
