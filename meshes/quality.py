"""How good the cells of a mesh are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from mpi4py import MPI

if TYPE_CHECKING:
    from meshes.cell import CellMesh


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
