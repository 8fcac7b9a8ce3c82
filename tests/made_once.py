"""Runs that several tests look at or compare with are made once in a run of the suite, for all its processes.

``tests/run.sh`` names the folder for them; without it each process of pytest makes its own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mpi4py import MPI

VARIABLE = "LIVOID_SUITE_RUNS"
"""Names the folder that the processes of a run of the suite share."""


def made_once(name: str, make: Callable[[Path], object], factory: pytest.TempPathFactory) -> Path:
    """The folder of this name; ``make`` fills it unless another process has. Collective, ``make`` on rank 0.

    Nobody may change it: a test that does takes a copy (:func:`copied`).
    """
    comm = MPI.COMM_WORLD
    found = ""
    if comm.rank == 0:
        base = Path(os.environ.get(VARIABLE) or factory.getbasetemp())
        with (base / f"{name}.lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (base / name).is_dir():
                begun = base / f"{name}.begun"
                shutil.rmtree(begun, ignore_errors=True)
                begun.mkdir()
                make(begun)
                begun.rename(base / name)
        found = str(base / name)
    return Path(comm.bcast(found))


def copied(source: Path, folder: Path) -> Path:
    """A copy of a folder, for all ranks. Collective."""
    comm = MPI.COMM_WORLD
    if comm.rank == 0:
        shutil.copytree(source, folder)
    comm.Barrier()
    return folder
