"""Work that only rank 0 does, without leaving the others waiting when it fails; reductions, numbering."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

T = TypeVar("T")


def largest_magnitude(comm: MPI.Comm, values: NDArray[np.float64]) -> float:
    """Largest absolute value over all ranks, 0 if there are none. Collective."""
    return float(comm.allreduce(float(np.abs(values).max(initial=0.0)), op=MPI.MAX))


def counted_before(comm: MPI.Comm, own: int) -> int:
    """Sum of what the ranks before this one have: where its own begin in a common numbering. Collective."""
    before = comm.exscan(own)  # None on the first rank
    return 0 if before is None else int(before)


class RootError(RuntimeError):
    """Rank 0 could not do its part; raised on every rank with the same text."""


def written(comm: MPI.Comm, what: str, work: Callable[[], None]) -> None:
    """Run ``work``, in which all ranks write ``what`` together through a library. Collective.

    Where one rank of several cannot write, the others may be waiting for it inside the library: the message
    is printed and all ranks end at once.

    Raises:
        RootError: on one rank, if ``work`` raised an OSError, RuntimeError or ValueError.
    """
    try:
        work()
    except (OSError, RuntimeError, ValueError) as error:
        reason = (str(error).strip(" :\n") or type(error).__name__).splitlines()[-1].strip(" :")
        message = f"cannot write {what}: {reason} (is the disk full?)"
        if comm.size == 1:
            raise RootError(message) from error
        print(f"livoid: rank {comm.rank}: {message}", file=sys.stderr, flush=True)
        comm.Abort(1)


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
