"""Which rank gets which cell: an equal share of every region, as each equation set lives on its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from dolfinx import mesh
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from meshes import compat


def partitioner(model: Any, dim: int, comm: MPI.Comm) -> compat.Partitioner:
    """Partitioner for the mesh of a Gmsh model on rank 0; facets between ranks are shared. Collective.

    A graph partition of the whole mesh is equal in cells and may still give one rank all the metal, whose
    creep costs most. Here every region is partitioned by itself, and parts that touch go to the same rank.

    Args:
        model: of simplices with their region for physical group (None on other ranks).
        dim: of the cells.
        comm: of the mesh.
    """
    if comm.size == 1:
        return compat.cell_partitioner(ghosts=True)
    markers = np.empty(0, dtype=np.int32) if model is None else compat.gmsh_markers(model, dim)
    regions = comm.bcast(np.unique(markers), root=0)

    def part(comm: MPI.Comm, n: int, types: list[mesh.CellType], cells: list[NDArray[np.int64]]) -> object:
        corners = np.asarray(cells[0]).reshape(-1, dim + 1)
        of_graph = compat.cell_partitioner(ghosts=False)
        destination = np.empty(len(corners), dtype=np.int32)
        for region in regions:
            inside = markers == region
            destination[inside] = of_graph(comm, n, types, [corners[inside].ravel()]).array
        pairs = _neighbours(corners)
        for region in regions[1:]:
            _side_by_side(destination, markers, pairs, int(region), n)
        return _with_ghosts(destination, pairs)

    return part


def _neighbours(corners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cells on both sides of each interior facet, shape (facets, 2)."""
    n = corners.shape[1]
    ordered = np.sort(corners, axis=1)
    facets = np.concatenate([np.delete(ordered, k, axis=1) for k in range(n)])
    cells = np.tile(np.arange(len(corners)), n)
    order = np.lexsort(facets.T)
    same = (facets[order[1:]] == facets[order[:-1]]).all(axis=1)
    return np.column_stack([cells[order[:-1][same]], cells[order[1:][same]]])


def _side_by_side(
    destination: NDArray[np.int32],
    markers: NDArray[np.int32],
    pairs: NDArray[np.int64],
    region: int,
    n: int,
) -> None:
    """Name the parts of a region after those of the regions before it that they touch most."""
    first, second = markers[pairs[:, 0]], markers[pairs[:, 1]]
    one, other = (first == region) & (second < region), (second == region) & (first < region)
    inner = np.concatenate([pairs[one, 0], pairs[other, 1]])
    outer = np.concatenate([pairs[one, 1], pairs[other, 0]])
    touching = np.zeros((n, n))
    np.add.at(touching, (destination[inner], destination[outer]), 1)
    names = linear_sum_assignment(touching, maximize=True)[1].astype(np.int32)
    inside = markers == region
    destination[inside] = names[destination[inside]]


def _with_ghosts(destination: NDArray[np.int32], pairs: NDArray[np.int64]) -> object:
    """Ranks of each cell, its owner first, then those of its neighbours: an adjacency list."""
    both = np.concatenate([pairs, pairs[:, ::-1]])
    ghosts = np.column_stack([both[:, 0], destination[both[:, 1]]])
    ghosts = np.unique(ghosts[ghosts[:, 1] != destination[ghosts[:, 0]]], axis=0)
    cells = np.arange(len(destination))
    at = np.concatenate([cells, ghosts[:, 0]])
    ranks = np.concatenate([destination, ghosts[:, 1]])
    order = np.argsort(at, kind="stable")
    counts = np.bincount(at, minlength=len(destination))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return compat.adjacency_list(ranks[order].astype(np.int32), offsets.astype(np.int32))
