"""Work that only rank 0 does, without leaving the others waiting when it fails; reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

T = TypeVar("T")


def largest_magnitude(comm: MPI.Comm, values: NDArray[np.float64]) -> float:
    """Largest absolute value over all ranks, 0 if there are none. Collective."""
    return float(comm.allreduce(float(np.abs(values).max(initial=0.0)), op=MPI.MAX))


class RootError(RuntimeError):
    """Rank 0 could not do its part; raised on every rank with the same text."""


def on_root(comm: MPI.Comm, work: Callable[[], T]) -> T | None:
    """Run ``work`` on rank 0 and agree on success. Collective.

    Returns:
        The result on rank 0, None elsewhere.

    Raises:
        RootError: on every rank, if ``work`` raised an OSError or ValueError.
    """
    result: T | None = None
    failure: str | None = None
    if comm.rank == 0:
        try:
            result = work()
        except (OSError, ValueError) as error:
            failure = str(error) or type(error).__name__
    failure = comm.bcast(failure, root=0)
    if failure is not None:
        raise RootError(failure)
    return result
