"""Exit codes of the commands, and how a command refuses to start."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mpi4py import MPI

EXIT_OK, EXIT_FAILED, EXIT_INPUT, EXIT_ENVIRONMENT = 0, 1, 2, 3
"""Done; the run failed or was interrupted; bad input; something is missing in the environment."""


NOT_BY_PIP = frozenset({"dolfinx", "petsc4py", "mpi4py", "gmsh", "basix", "ffcx", "ufl", "adios4dolfinx"})
"""Packages that the environment has, and that pip does not install with livoid."""


def lacking(error: ImportError) -> str | None:
    """One line for a package of the environment that is missing; None where the error is of another kind."""
    name = (error.name or "").split(".")[0]
    if name not in NOT_BY_PIP:
        return None
    return (
        f"this needs {name}, which pip does not install with livoid; "
        "the environment comes with the source tree (docs/install.md). Reading results needs none of it: "
        "import livoid in Python"
    )


def refuse(comm: MPI.Comm, reason: object, code: int = EXIT_INPUT) -> int:
    """Print on rank 0 why a command does nothing; returns the exit code."""
    if comm.rank == 0:
        print(f"livoid: {reason}", file=sys.stderr)
    return code


ABORT_SECONDS = 0.3
"""How long other ranks wait for rank 0, which may have got the signal too, to say so."""


def broken_off(comm: MPI.Comm) -> int:
    """Print that a command was interrupted outside a run; returns the exit code.

    Of several ranks each may be in the middle of what all do together, so that all end at once.
    """
    if comm.rank > 0:
        time.sleep(ABORT_SECONDS)
    print("livoid: interrupted", file=sys.stderr, flush=True)
    if comm.size > 1:
        comm.Abort(EXIT_FAILED)
    return EXIT_FAILED


def refuse_ranks(comm: MPI.Comm, what: str) -> int:
    """:func:`refuse` to run on several ranks what starts ranks of its own."""
    return refuse(comm, f"{what} starts its own ranks; leave -n out")
