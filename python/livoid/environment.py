"""What solves equations needs more than pip gives: said in one line where it is not there."""

from __future__ import annotations

import importlib

from solver.core import petsc_start

NEEDED = ("mpi4py.MPI", "petsc4py", "dolfinx", "gmsh")
"""Modules without which nothing can be solved; reading results takes none of them."""


class MissingError(RuntimeError):
    """Something that solving needs is not installed; the message says what, and where it is."""


def ready(what: str) -> None:
    """Load what solving needs.

    Args:
        what: name of what is about to solve, for the message.

    Raises:
        MissingError: if something cannot be loaded.
    """
    petsc_start.start()
    lacking = []
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except (ImportError, OSError, RuntimeError):  # a library below that is missing, or MPI
            lacking.append(name.split(".")[0])
    if lacking:
        raise MissingError(
            f"{what} needs {', '.join(lacking)}, which pip does not install with livoid: start Python in "
            "livoid's environment (./livoid python SCRIPT, docs/install.md); reading results needs none of it"
        )
