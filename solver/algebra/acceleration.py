"""Anderson acceleration of a fixed-point iteration on distributed vectors.

The staggered loop contact pressure -> current -> recession -> contact pressure is a fixed-point iteration x
<- g(x) whose convergence depends on how strongly the pressure moves the current. Anderson's method combines
the last few iterates so that the residual g(x) - x, taken as linear in x, is smallest: for a linear g this is
GMRES, for a nonlinear one a quasi-Newton method that needs no derivative (Walker and Ni 2011, SIAM J. Numer.
Anal. 49, 1715). Without a history it takes the image, as a plain iteration does. From step to step the map
hardly changes, so that its differences are kept (Degroote, Bathe and Vierendeels 2009, Comput. Struct. 87,
793, for the interface of a fluid and a structure).

Where a pass multiplies changes by -g with g far above 1, images lie far from what they are images of, and a
law as steep as creep's answers there unlike it does near the solution: nothing learnt is true for long (at
sinks of 0.3 um in stiff lithium: no convergence in 200 passes, or in 60, by chance). So only the share
beta = 1/(1 + g) of the combined residual is added (mixing), with g as the last differences show it: beta is
|change of x| over |change of the residual|, at most 1, which it is for all loops that contract.
"""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

DEPTH = 30
"""Differences that are kept."""
DEPENDENT = 1e-12
"""Eigenvalue of the Gram matrix (differences of length 1) over the largest: below it they are dependent."""
MIXED_BY = 10
"""Differences whose median ratio says what share of the residual is added."""
TINY = 1e-300
"""Against a division by the length of a difference that is 0."""


class Anderson:
    """Accelerates x <- g(x).

    Args:
        comm: communicator over which the vectors are distributed (own parts, no ghosts).
    """

    def __init__(self, comm: MPI.Comm) -> None:
        self._comm = comm
        self._last: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None = None
        self._residuals: list[NDArray[np.float64]] = []
        self._images: list[NDArray[np.float64]] = []
        self._iterates: list[NDArray[np.float64]] = []
        self._ratios: list[float] = []
        self._new = 0

    def begin(self) -> None:
        """Another iteration of nearly the same map begins: differences of the earlier ones are kept."""
        self._last, self._new = None, 0

    def forget(self, *, earlier: bool = False) -> None:
        """Drop all differences, or those of ``earlier`` iterations only."""
        kept = len(self._residuals) - self._new if earlier else len(self._residuals)
        self._drop(kept)
        self._new = len(self._residuals)

    def next(
        self, x: NDArray[np.float64], image: NDArray[np.float64], weights: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Next iterate from ``x`` and its image g(x); residuals count times ``weights``. Collective."""
        counted = 1.0 if weights is None else weights
        residual = (image - x) * counted
        if self._last is not None:
            self._learn(residual - self._last[0], image - self._last[1], x - self._last[2], counted)
        self._last = (residual, image, x)
        if not self._residuals:
            return image
        changes = np.array(self._residuals)
        # The normal equations of the least-squares problem: a few numbers a rank instead of a distributed QR.
        gram = self._comm.allreduce(changes @ changes.T)
        right = self._comm.allreduce(changes @ residual)
        sizes = np.sqrt(np.maximum(np.diag(gram), TINY))
        shares = np.linalg.lstsq(gram / np.outer(sizes, sizes), right / sizes, rcond=DEPENDENT)[0] / sizes
        images = image - shares @ np.array(self._images)
        if self._new <= DEPTH:
            return np.asarray(images)
        beta = min(float(np.median(self._ratios[-MIXED_BY:])), 1.0)
        iterates = x - shares @ np.array(self._iterates)
        return np.asarray(iterates + beta * (images - iterates))

    def _learn(
        self,
        residual: NDArray[np.float64],
        image: NDArray[np.float64],
        x: NDArray[np.float64],
        weights: NDArray[np.float64] | float,
    ) -> None:
        """Keep the changes from one pass to the next. Collective."""
        self._residuals.append(residual)
        self._images.append(image)
        self._iterates.append(x)
        squares = np.array([np.sum((x * weights) ** 2), np.sum(residual**2)])
        moved, answered = np.sqrt(self._comm.allreduce(squares))
        self._ratios.append(float(moved / max(answered, TINY)))
        self._new += 1
        self._drop(max(len(self._residuals) - DEPTH, 0))

    def _drop(self, number: int) -> None:
        """Forget the earliest differences."""
        for kept in (self._residuals, self._images, self._iterates, self._ratios):
            del kept[:number]
