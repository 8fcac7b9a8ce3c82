"""Options of PETSc solvers, set and taken away under their own prefix."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable, Mapping

from petsc4py import PETSc

_PREFIX = re.compile(r"livoid_(?P<solver>[a-z]+)_[0-9]+_")
"""How the prefix of a solver is made (:class:`solver.algebra.newton.NewtonSolver`)."""
_SOLVERS = {"mesh": "motion"}
"""Solvers whose options have another name; those that have none there are of the surface."""


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


def unread_options(sets: Mapping[str, str], given: Mapping[str, Iterable[str]]) -> list[str]:
    """Options that no object of PETSc has asked for, of those that solvers have now: they have no effect.

    On this rank: objects ask on all ranks alike.

    Args:
        sets: by the name of a solver (:class:`solver.algebra.options.ModelSolverOptions`), that of its set.
        given: options by set; those of sets that no solver has now, and those that were taken away, are left
            out.

    Returns:
        ``set.option``.
    """
    library = ctypes.CDLL(PETSc.__file__)  # petsc4py has no name for PetscOptionsUsed
    asked: dict[str, bool] = {}
    for key in PETSc.Options().getAll():
        found = _PREFIX.match(key)
        if found is None:
            continue
        name = sets.get(_SOLVERS.get(found["solver"], found["solver"]), sets["surface"])
        option, used = key[found.end() :], ctypes.c_int(0)
        if option in given.get(name, ()) and not library.PetscOptionsUsed(
            None, key.encode(), ctypes.byref(used)
        ):
            asked[f"{name}.{option}"] = asked.get(f"{name}.{option}", False) or bool(used.value)
    return [option for option, was in asked.items() if not was]


def forget_options(prefix: str, options: Mapping[str, object]) -> None:
    """Take a solver's options out of PETSc's database (prefixes are never used twice)."""
    database = PETSc.Options()
    for key in options:
        database.delValue(prefix + key)


def reason_name(reason: int) -> str:
    """PETSc's name of a SNES reason."""
    names = {v: k for k, v in vars(PETSc.SNES.ConvergedReason).items() if isinstance(v, int)}
    return str(names.get(reason, reason))
