"""Anderson acceleration of a fixed-point iteration on distributed vectors."""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

DEPTH = 8
"""Differences that are kept."""


class Anderson:
    """Accelerates x <- g(x) (Walker and Ni 2011).

    Args:
        comm: communicator over which the vectors are distributed (own parts, no ghosts).
    """

    def __init__(self, comm: MPI.Comm) -> None:
        self._comm = comm
        self._last: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._residuals: list[NDArray[np.float64]] = []
        self._images: list[NDArray[np.float64]] = []

    def next(self, x: NDArray[np.float64], image: NDArray[np.float64]) -> NDArray[np.float64]:
        """Next iterate from ``x`` and its image g(x). Collective."""
        residual = image - x
        if self._last is not None:
            self._residuals.append(residual - self._last[0])
            self._images.append(image - self._last[1])
            del self._residuals[:-DEPTH], self._images[:-DEPTH]
        self._last = (residual, image)
        if not self._residuals:
            return image
        changes = np.array(self._residuals)
        gram = self._comm.allreduce(changes @ changes.T)
        right = self._comm.allreduce(changes @ residual)
        weights = np.linalg.lstsq(gram, right, rcond=1e-14)[0]
        return np.asarray(image - weights @ np.array(self._images))
