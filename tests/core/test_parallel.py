"""What rank 0 does alone fails on all ranks or on none."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from solver.core.parallel import RootError, largest_magnitude, on_root, written

pytestmark = pytest.mark.parallel


def test_the_root_alone_works_and_has_the_result(comm: MPI.Comm) -> None:
    done: list[int] = []
    result = on_root(comm, lambda: done.append(comm.rank) or "made")
    assert result == ("made" if comm.rank == 0 else None)
    assert done == ([0] if comm.rank == 0 else [])


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("not a run folder")])
def test_a_fault_of_the_root_is_raised_on_every_rank(error: Exception, comm: MPI.Comm) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(RootError, match=r"No space left|not a run folder") as caught:
        on_root(comm, fail)
    assert len(set(comm.allgather(str(caught.value)))) == 1
    assert comm.allreduce(1) == comm.size  # nobody is left waiting


def test_other_faults_of_the_root_are_faults_of_the_program() -> None:
    def fail() -> None:
        raise KeyError("a name")

    with pytest.raises(KeyError):
        on_root(MPI.COMM_SELF, fail)


def test_what_a_library_could_not_write_is_named() -> None:
    def fail() -> None:
        raise RuntimeError("first line\n: disk quota exceeded :\n")

    with pytest.raises(RootError, match=r"cannot write fields 3: disk quota exceeded \(is the disk full\?\)"):
        written(MPI.COMM_SELF, "fields 3", fail)


def test_the_largest_magnitude_is_that_of_all_ranks(comm: MPI.Comm) -> None:
    mine = np.array([-1.0 - comm.rank, 0.5])
    assert largest_magnitude(comm, mine) == comm.size
    nothing = mine if comm.rank == comm.size - 1 else mine[:0]
    assert largest_magnitude(comm, nothing) == comm.size
    assert largest_magnitude(comm, mine[:0]) == 0.0
