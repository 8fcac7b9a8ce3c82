"""Anderson acceleration of a fixed-point iteration on distributed vectors.

The staggered loop contact pressure -> current -> recession -> contact pressure is a fixed-point iteration x
<- g(x) whose convergence depends on how strongly the pressure moves the current. Anderson's method combines
the last few iterates so that the residual g(x) - x, taken as linear in x, is smallest: for a linear g this is
GMRES, for a nonlinear one a quasi-Newton method that needs no derivative (Walker and Ni 2011, SIAM J. Numer.
Anal. 49, 1715). Without a history it takes the image, as a plain iteration does.
"""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

DEPTH = 8
"""Differences that are kept."""


class Anderson:
    """Accelerates x <- g(x).

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
        # The normal equations of the least-squares problem: a few numbers a rank instead of a distributed QR.
        # Differences of converged iterates are nearly dependent, so that small singular values are cut off.
        gram = self._comm.allreduce(changes @ changes.T)
        right = self._comm.allreduce(changes @ residual)
        weights = np.linalg.lstsq(gram, right, rcond=1e-14)[0]
        return np.asarray(image - weights @ np.array(self._images))
