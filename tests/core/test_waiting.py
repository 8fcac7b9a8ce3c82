"""Ranks that wait give their core to others, however they were started."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from mpi4py import MPI

from tests.conftest import ROOT

VARIABLE = "OMPI_MCA_mpi_yield_when_idle"
ASK = """
import ctypes, importlib, sys
importlib.import_module(sys.argv[1])
from mpi4py import MPI
library = next(line.split()[-1] for line in open("/proc/self/maps") if "libopen-pal" in line)
print(ctypes.c_bool.in_dll(ctypes.CDLL(library), "opal_progress_yield_when_idle").value)
"""
"""What Open MPI itself goes by, in a process whose first import is of a module."""


def yields(module: str, **variables: str) -> str:
    """Started without the launcher, as by a bare mpirun, srun, or a user's script."""
    ours = ("OMPI_", "PMIX_", "PRTE_")  # of the rank that runs this test, if it is one
    bare = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    bare |= {"PYTHONPATH": str(ROOT), "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    result = subprocess.run(
        [sys.executable, "-c", ASK, module],
        env=bare | variables, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.skipif("Open MPI" not in MPI.Get_library_version(), reason="not Open MPI")
def test_ranks_yield_however_they_are_started() -> None:
    assert yields("solver.simulation.callbacks") == "True"
    assert yields("tests.conftest") == "True"
    assert yields("solver", **{VARIABLE: "0"}) == "False"
    assert yields("mpi4py") == "False"  # what Open MPI does by itself
