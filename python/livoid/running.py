"""Running a case."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from livoid.environment import ready
from livoid.results import Run

if TYPE_CHECKING:
    from mpi4py import MPI

    from livoid.case import Case
    from solver.case.loading import LoadedCase
    from solver.equations.terms.term import ExtraTerms
    from solver.simulation.callbacks import Callback
    from solver.simulation.ending import RunOutcome
    from solver.simulation.simulation import Simulation

log = logging.getLogger("livoid")


def run(
    case: Case,
    out: str | Path,
    callbacks: Iterable[Callback | Callable[[Simulation], object]] = (),
    *,
    force: bool = False,
    resume: bool = False,
    extra_terms: ExtraTerms | None = None,
    comm: MPI.Comm | None = None,
) -> Run:
    """Run a case into a folder. Collective.

    A run that fails or is interrupted is one too: look at ``status`` and ``message`` of what is returned.
    Both are logged as a warning then.

    Args:
        case: what is run.
        out: run folder; must be new or empty unless ``force`` or ``resume``.
        callbacks: functions of the simulation, called at every solved state, or objects with methods for
            other moments (:mod:`livoid.callbacks`). They read what they like and change nothing.
        force: replace an earlier run in that folder, and nothing else.
        resume: go on from the newest checkpoint in that folder; capacity, steps to come and outputs may
            differ. A run that has ended as the case says is returned as it is.
        extra_terms: physical terms of the user's own, besides those of the case.
        comm: communicator (default: all ranks).

    Raises:
        livoid.environment.MissingError: where nothing can be solved, as the environment is not there.
        CaseError: with every problem of the case.
        RootError: if the folder cannot be written, or holds what is not a run.
        CheckpointError: if there is nothing to go on from.
        MeshingError: if the initial geometry cannot be meshed.
        ValueError: if both ``force`` and ``resume`` are given, or two callbacks have the same name.
    """
    if force and resume:
        raise ValueError("force starts anew, resume goes on; give one of them")
    loaded = case.loaded
    ready("run()")
    from mpi4py import MPI

    from solver.output.run_folder import RunFolder
    from solver.simulation.run import run_case

    comm = MPI.COMM_WORLD if comm is None else comm
    to = RunFolder(Path(out))
    if resume and to.ended(loaded, extend=True) is not None:
        return Run(out)
    outcome = run_case(
        loaded,
        to,
        comm,
        force=force,
        resume=resume,
        extend=resume,
        callbacks=callbacks,
        extra_terms=extra_terms,
    )
    if outcome.status in ("failed", "interrupted") and comm.rank == 0:
        log.warning("%s: %s: %s", out, outcome.status, outcome.message)
    return Run(out)


def into(comm: MPI.Comm) -> Callable[[LoadedCase, Path], RunOutcome]:
    """What runs a case into a folder, replacing an earlier run there."""
    from solver.output.run_folder import RunFolder
    from solver.simulation.run import run_case

    return lambda loaded, to: run_case(loaded, RunFolder(to), comm, force=True)
