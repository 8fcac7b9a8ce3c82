"""Starting PETSc so that nothing in the present folder, which may be somebody's, has a say in it."""

from __future__ import annotations

import contextlib
import importlib

from solver.core import interrupts


def start() -> None:
    """Start PETSc without options from a file ``petscrc`` in the present folder; nothing where there is no
    PETSc."""
    # what needs it will report that there is no PETSc, or no such folder any more
    with contextlib.suppress(ImportError, FileNotFoundError), contextlib.chdir("/"):
        importlib.import_module("petsc4py.PETSc")
    interrupts.take_back()
