"""Edges joined into open paths and closed rings: ends of facets along a roof, rims of a triangulated one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, depth_first_order

from meshes.profile.base import ProfileError

Nodes = NDArray[np.int64]


class Chains(NamedTuple):
    """Node numbers along each connected set of edges: ``paths`` from end to end, ``rings`` once round."""

    paths: list[Nodes]
    rings: list[Nodes]


def joined(edges: Nodes) -> Chains:
    """Join edges, pairs of node numbers (m, 2) in any order and direction.

    A path begins at that of its ends which has the smaller number, a ring at its smallest number.

    Raises:
        ProfileError: if more than two edges meet at a node.
    """
    chains = Chains([], [])
    if len(edges) == 0:
        return chains
    nodes, ends = np.unique(edges, return_inverse=True)
    ends = ends.reshape(-1, 2)
    degree = np.bincount(ends.ravel())
    if (degree > 2).any():
        raise ProfileError("void surfaces touch")
    graph = coo_array((np.ones(len(ends)), ends.T), shape=(len(nodes), len(nodes))).tocsr()
    number, label = connected_components(graph, directed=False)
    for k in range(number):
        inside = np.flatnonzero(label == k)
        tips = inside[degree[inside] == 1]
        start = int(tips[0] if len(tips) else inside[0])
        along = depth_first_order(graph, start, directed=False, return_predecessors=False)
        (chains.paths if len(tips) else chains.rings).append(nodes[along])
    return chains
