"""Edges of a triangulated roof, turned where a flat tetrahedron would have to fill the metal above it.

A roof is the mesh of its footprint, lifted. Where two of its triangles make a shallow valley, seen from the
metal, their four corners make a tetrahedron that is nearly flat: Gmsh fills the metal above the roof as it
is given, and as all nodes of such a tetrahedron lie on the roof no optimisation of the mesh moves them. The
finer the roof, the more of them there are. The other diagonal makes a ridge with nothing to be filled; where
the surface is this flat both diagonals are the same surface to the order of its triangles.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from meshes.profile.triangulated_roof import plan_areas
from meshes.quality import shapes

FLAT = 0.15
"""Shape of a tetrahedron (1 equilateral, 0 flat) below which a valley is turned into a ridge."""
LEAST_AREA = 0.2
"""Share of its neighbours' areas that a triangle must have after a valley was turned."""
MOST_PASSES = 50
"""Rounds of turning; each makes the void larger, so that they come to an end, and a few do."""

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def turned(points: Floats, roof: Integers) -> Integers:
    """The roof's triangles (k, 3), now with normals towards the metal, with edges turned.

    Args:
        points: corners (n, 3).
        roof: numbers of the corners of each triangle, all in the same sense.
    """
    down = float(np.sum(plan_areas(points[roof]))) < 0.0
    roof = roof[:, ::-1].copy() if down else roof.copy()
    for _ in range(MOST_PASSES):
        if not _turn(points, roof):
            break
    return roof


def _turn(points: Floats, roof: Integers) -> bool:
    """Turn the edges of flat valleys in ``roof``, each triangle once; whether there were any."""
    first, second, numbers = _across(roof)
    corners = points[numbers]
    edges = {(min(a, b), max(a, b)) for a, b, _ in map(tuple, _edges(roof))}
    taken: set[int] = set()
    for k in np.flatnonzero(_flat_valley(corners) & _possible(corners)):
        i, j = int(first[k]), int(second[k])
        a, b, c, d = (int(n) for n in numbers[k])
        if taken.isdisjoint((i, j)) and (min(c, d), max(c, d)) not in edges:
            roof[i], roof[j] = (c, a, d), (d, b, c)
            edges.add((min(c, d), max(c, d)))
            taken.update((i, j))
    return bool(taken)


def _edges(roof: Integers) -> Integers:
    """Both ends of each triangle's edges and the corner opposite (3 k, 3)."""
    return np.vstack([roof[:, [0, 1, 2]], roof[:, [1, 2, 0]], roof[:, [2, 0, 1]]])


def _across(roof: Integers) -> tuple[Integers, Integers, Integers]:
    """Both triangles at each inner edge and (a, b, c, d): (a, b, c) is the first, (b, a, d) the second."""
    edges, owner = _edges(roof), np.tile(np.arange(len(roof)), 3)
    key = np.sort(edges[:, :2], axis=1)
    order = np.lexsort((key[:, 1], key[:, 0]))
    same = (key[order[1:]] == key[order[:-1]]).all(axis=1)
    one, two = order[:-1][same], order[1:][same]
    return owner[one], owner[two], np.column_stack([edges[one], edges[two, 2]])


def _flat_valley(corners: Floats) -> Flags:
    """Shallow valleys, seen from the metal, whose other diagonal leaves no needles; ``corners`` (k, 4, 3)."""
    shape = shapes(corners)
    proper = _areas(corners[:, [2, 0, 3, 3, 1, 2]]) > LEAST_AREA * _areas(corners[:, [0, 1, 2, 1, 0, 3]])
    return np.asarray((shape > 0.0) & (shape < FLAT) & proper)


def _areas(six: Floats) -> Floats:
    """Smaller area of two triangles with corners (k, 6, 3)."""
    found = [
        np.linalg.norm(np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]), axis=1)
        for t in (six[:, :3], six[:, 3:])
    ]
    return np.asarray(np.minimum(*found))


def _possible(corners: Floats) -> Flags:
    """Whether the roof stays one over the plane, and off the floor, with the other diagonal."""
    c, d = corners[:, 2], corners[:, 3]
    before = np.minimum(plan_areas(corners[:, [0, 1, 2]]), plan_areas(corners[:, [1, 0, 3]]))
    after = np.minimum(plan_areas(corners[:, [2, 0, 3]]), plan_areas(corners[:, [3, 1, 2]]))
    on_floor = (c[:, 2] == 0.0) & (d[:, 2] == 0.0)
    return np.asarray((before > 0.0) & (after > 0.0) & ~on_floor)
