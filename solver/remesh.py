"""Remeshing: mesh quality, and the start values on a new mesh."""

from __future__ import annotations

import numpy as np
from dolfinx import fem
from mpi4py import MPI

from meshes.cell import CellMesh
from solver import compat
from solver.model import CoupledModel

_PADDING = 1e-6


def quality(cell: CellMesh) -> float:
    """Smallest shape quality of a cell: 1 equilateral, 0 flat, negative inverted. Collective."""
    corners = cell.corners()
    volume = np.linalg.det(corners[:, 1:] - corners[:, :1])
    count = corners.shape[1]
    squares = sum(
        np.sum((corners[:, i] - corners[:, j]) ** 2, axis=1) for i in range(count) for j in range(i)
    )
    pairs = count * (count - 1) / 2
    mean_edge = np.sqrt(squares / pairs)
    if corners.shape[2] == 2:
        shape = np.abs(volume) * 2.0 / np.sqrt(3.0) / mean_edge**2
    else:
        shape = np.abs(volume) * np.sqrt(2.0) / mean_edge**3
    local = float((shape * np.sign(volume) * cell.orientation).min(initial=1.0))
    return float(cell.domain.comm.allreduce(local, op=MPI.MIN))


def transfer_start(old: CoupledModel, new: CoupledModel) -> None:
    """Interpolate the old solution as the start for Newton on the new mesh. Collective.

    The fields are quasi-static, so this changes effort, not results; points that fall outside the old
    mesh keep the new mesh's own values.
    """
    for source, target, parts in (
        (old.chemistry.unknown, new.chemistry.unknown, range(3)),
        (old.mechanics.unknown, new.mechanics.unknown, range(2)),
    ):
        for part in parts:
            _interpolate_part(source, target, part)
    new.mechanics.mark_warm()


def _interpolate_part(source: fem.Function, target: fem.Function, part: int) -> None:
    from_space, from_dofs = compat.collapse(source.function_space, part)
    to_space, to_dofs = compat.collapse(target.function_space, part)
    collapsed, found = fem.Function(from_space), fem.Function(to_space)
    collapsed.x.array[:] = source.x.array[from_dofs]
    compat.interpolate_nonmatching(found, collapsed, _PADDING)
    values = found.x.array
    hit = values != 0.0
    target.x.array[to_dofs[hit]] = values[hit]
    target.x.scatter_forward()
