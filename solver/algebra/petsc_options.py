"""Options of PETSc solvers, set and taken away under their own prefix."""

from __future__ import annotations

from collections.abc import Mapping

from petsc4py import PETSc


def set_options(target: PETSc.SNES | PETSc.KSP, options: Mapping[str, object]) -> None:
    """Put ``options`` into PETSc's database under the solver's own prefix and apply them.

    They stay there until :func:`forget_options`: a factorisation reads its own (MUMPS) when it is made.
    """
    prefix = target.getOptionsPrefix() or ""
    database = PETSc.Options()
    database["options_left"] = "no"  # a solver that was never used leaves its own behind
    for key, value in options.items():
        database[prefix + key] = value
    target.setFromOptions()


def forget_options(prefix: str, options: Mapping[str, object]) -> None:
    """Take a solver's options out of PETSc's database (prefixes are never used twice)."""
    database = PETSc.Options()
    for key in options:
        database.delValue(prefix + key)


def reason_name(reason: int) -> str:
    """PETSc's name of a SNES reason."""
    names = {v: k for k, v in vars(PETSc.SNES.ConvergedReason).items() if isinstance(v, int)}
    return str(names.get(reason, reason))
