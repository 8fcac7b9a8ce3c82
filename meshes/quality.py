"""How good the cells of a mesh are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

if TYPE_CHECKING:
    from meshes.cell import CellMesh


def quality(cell: CellMesh) -> float:
    """Smallest shape quality of a cell: 1 equilateral, 0 flat, negative inverted. Collective."""
    local = float((shapes(cell.corners()) * cell.orientation).min(initial=1.0))
    return float(cell.domain.comm.allreduce(local, op=MPI.MIN))


def shapes(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shape of simplices (k, d + 1, d): 1 equilateral, 0 flat, with the sign of the volume."""
    volume = np.linalg.det(corners[:, 1:] - corners[:, :1])
    count = corners.shape[1]
    squares = sum(
        np.sum((corners[:, i] - corners[:, j]) ** 2, axis=1) for i in range(count) for j in range(i)
    )
    pairs = count * (count - 1) / 2
    mean_edge = np.sqrt(squares / pairs)
    if corners.shape[2] == 2:
        return np.asarray(volume * 2.0 / np.sqrt(3.0) / mean_edge**2)
    return np.asarray(volume * np.sqrt(2.0) / mean_edge**3)
