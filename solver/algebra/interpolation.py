"""Fields from one mesh to another: interpolation, with the nearest value where the other mesh has none."""

from __future__ import annotations

from typing import Any

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from meshes import compat

PADDING = 1e-6
"""Distance (um) within which a point counts as in the other mesh."""


def nearest_known(
    points: NDArray[np.float64], values: NDArray[np.float64], wanted: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values at the nearest of some points, and how far away that is; 0 and infinity where there are none.

    Args:
        points: (m, dim).
        values: (m, ...).
        wanted: (n, dim).

    Returns:
        Shapes (n, ...) and (n,).
    """
    if len(points) == 0 or len(wanted) == 0:
        return np.zeros((len(wanted), *values.shape[1:])), np.full(len(wanted), np.inf)
    distance, nearest = cKDTree(points).query(wanted)
    return np.asarray(values[nearest]), np.asarray(distance)


class Carrier:
    """Interpolation between two meshes; points are searched for once per kind of element."""

    def __init__(self) -> None:
        self._found: dict[bytes, Any] = {}

    def interpolate(self, source: fem.Function, target: fem.Function) -> None:
        """Interpolate; values at points outside the source's mesh are 0. Collective."""
        space = target.function_space
        kind = compat.interpolation_points(space).tobytes()
        if kind not in self._found:
            self._found[kind] = compat.interpolation_data(space, source.function_space, PADDING)
        compat.interpolate_nonmatching(target, source, self._found[kind])

    def carry(self, source: fem.Function, target: fem.Function, cells: NDArray[np.int32]) -> None:
        """Interpolate into the dofs of ``target`` in ``cells``; the others keep what they have. Collective.

        Values that are zero in all components count as not found: they take the nearest one that was (of
        this rank).
        """
        space = target.function_space
        found = fem.Function(space)
        self.interpolate(source, found)
        size = space.dofmap.bs
        values, into = found.x.array.reshape(-1, size), target.x.array.reshape(-1, size)
        own = np.unique(space.dofmap.list[cells])
        hit = np.any(values[own] != 0.0, axis=1)
        known, missed = own[hit], own[~hit]
        points = space.tabulate_dof_coordinates()
        values[missed] = nearest_known(points[known], values[known], points[missed])[0]
        if len(known):
            into[own] = values[own]
        target.x.scatter_forward()
