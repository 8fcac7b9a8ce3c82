"""Running a case: alone, again from its folder, as part of a study; and the demo, which runs two."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mpi4py import MPI

from solver.cli.arguments import (
    CASES,
    CaseFile,
    Changes,
    Communicator,
    RunFolderPath,
    case_reader,
    claim,
    making,
    read_case,
    tell_of_abort,
)
from solver.cli.exits import EXIT_FAILED, EXIT_OK, refuse

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.simulation.ending import RunOutcome

log = logging.getLogger("livoid")

DEMO_CASES = ("demo-0.2MPa", "demo-2MPa")


def run(
    case: CaseFile,
    /,
    *,
    set_: Changes = (),
    out: Path | None = None,
    force: bool = False,
    resume: bool = False,
    until: str | None = None,
    profile: bool = False,
    quiet: bool = False,
    comm: Communicator,
) -> int:
    """Run a case.

    Example: livoid run cases/demo-2MPa.toml --out runs/first --set operation.pressure="3 MPa"

    Args:
        out: run folder (default runs/CASE)
        force: replace an earlier run in that folder
        resume: go on from the newest checkpoint in that folder; capacity, steps to come and output may differ
        until: with --resume, the capacity to go on to ("2 mAh/cm^2")
        profile: report where the time goes (profile.json)
        quiet: print no progress, only warnings and how the run ends
    """
    from solver.core import timing
    from solver.core.parallel import on_root

    if force and resume:
        return refuse(comm, "--force starts anew, --resume goes on; give one of them")
    if until is not None and not resume:
        return refuse(comm, "--until says how far a run goes on; give --resume too")
    loaded = case_reader(case, set_, comm)({} if until is None else {"operation.capacity": until})
    folder = out or Path("runs") / case.stem
    tell_of_abort(comm, folder)
    if resume and _has_ended(loaded, folder, comm, extend=True):
        return EXIT_OK
    if profile:
        timing.start()
    outcome = _run(loaded, folder, comm, force=force, resume=resume, extend=resume, quiet=quiet)
    if profile:
        rows = timing.table(comm, outcome.steps)
        on_root(comm, lambda: timing.write(rows, folder))
    return _ending(outcome, folder, comm)


def job(
    case: CaseFile,
    /,
    *,
    out: RunFolderPath,
    mark: Path,
    comm: Communicator,
) -> int:
    """One run of a study (called by its Snakefile).

    Goes on where a checkpoint of the same case is, starts anew otherwise. A failed run is marked and counts
    as done (exit code 0); an interrupted one is not.

    Args:
        mark: file that says how the run ended
    """
    from solver.core.parallel import RootError, on_root
    from solver.study import marks

    loaded = read_case(case, {}, comm)
    on_root(comm, lambda: marks.refuse_other(mark))
    tell_of_abort(comm, out)
    resume = bool(comm.bcast(on_root(comm, lambda: _resumable(out, loaded)), root=0))
    code = EXIT_OK
    if not (resume and _has_ended(loaded, out, comm)):
        code = _ending(_run(loaded, out, comm, force=not resume, resume=resume), out, comm)
    try:
        on_root(comm, lambda: marks.write(mark, out))
    except RootError as error:
        return refuse(comm, error, code or EXIT_FAILED)
    return EXIT_OK


def _run(
    loaded: LoadedCase,
    folder: Path,
    comm: MPI.Comm,
    *,
    force: bool = False,
    resume: bool = False,
    extend: bool = False,
    quiet: bool = False,
) -> RunOutcome:
    """Run a case with a report of its progress. Collective."""
    from solver.cli import progress
    from solver.output.run_folder import RunFolder
    from solver.setup import protocol
    from solver.simulation.run import run_case

    stages = protocol.stages(loaded.case.operation)
    report = progress.reporter(stages, root=comm.rank == 0, quiet=quiet)
    to = RunFolder(folder)
    return run_case(loaded, to, comm, force=force, resume=resume, extend=extend, progress=report)


def _ending(outcome: RunOutcome, folder: Path, comm: MPI.Comm) -> int:
    """Print on rank 0 how a run ended; returns the exit code."""
    if comm.rank == 0:
        print(f"{outcome.status}: {outcome.message}\nresults in {folder}")
    return EXIT_FAILED if outcome.status in ("failed", "interrupted") else EXIT_OK


def _has_ended(loaded: LoadedCase, folder: Path, comm: MPI.Comm, *, extend: bool = False) -> bool:
    """Whether the folder holds this case, run to its end, which rank 0 then says. Collective."""
    from solver.core.parallel import on_root
    from solver.output.run_folder import RunFolder

    done = comm.bcast(on_root(comm, lambda: RunFolder(folder).ended(loaded, extend=extend)), root=0)
    if done is not None and comm.rank == 0:
        print(f"{done}\nresults in {folder}")
    return done is not None


def _resumable(folder: Path, loaded: LoadedCase) -> bool:
    """Whether the folder holds this case, ended or with a checkpoint; else a new run replaces it."""
    from solver.output.checkpoint import CheckpointError
    from solver.output.run_folder import RunFolder

    earlier = RunFolder(folder)
    try:
        if earlier.ended(loaded) is not None:
            return True
    except CheckpointError:
        return False
    try:
        earlier.usable()
    except CheckpointError as error:
        log.warning("started anew: %s", error)
        return False
    return True


def rerun(run: RunFolderPath, /, *, out: Path | None = None, quiet: bool = False, comm: Communicator) -> int:
    """Repeat a run from its folder and compare (same ranks: to 1e-8).

    Example: livoid rerun runs/first

    Args:
        out: folder (default RUN-rerun)
        quiet: print no progress
    """
    from postprocess import rerun as repeat
    from solver.core.parallel import on_root

    tell_of_abort(comm, run)
    first = comm.bcast(on_root(comm, lambda: repeat.original(run)), root=0)
    folder = out or first.folder.with_name(first.folder.name + "-rerun")
    loaded = read_case(first.case, {}, comm)
    outcome = _run(loaded, folder, comm, quiet=quiet)
    _ending(outcome, folder, comm)
    if comm.rank != 0:
        return EXIT_OK
    same_ranks = first.manifest.get("ranks") == comm.size
    changed = repeat.surroundings(first.manifest, comm.size)
    text, same = repeat.report(first.folder, folder, changed, same_ranks=same_ranks)
    print(text)
    return EXIT_OK if same and outcome.status == first.manifest["status"] else EXIT_FAILED


def demo(*, out: Path = Path("demo"), quiet: bool = False, comm: Communicator) -> int:
    """The main job: one Li void at 0.2 and at 2 MPa; ends with a table and a figure.

    Example: livoid demo --out demo

    Args:
        out: folder (default demo)
        quiet: print no progress
    """
    from postprocess.demo import demo_figure, demo_table
    from solver.core.parallel import on_root
    from solver.output.run_folder import RunFolder

    claim(out, comm)
    for name in DEMO_CASES:  # before the first one has run for minutes
        on_root(comm, partial(RunFolder(out / name).check, force=True))
    outcomes: dict[str, RunOutcome] = {}
    for name in DEMO_CASES:
        loaded = read_case(CASES / f"{name}.toml", {}, comm)
        if comm.rank == 0:
            print(f"{name}: {loaded.case.title}", flush=True)
        outcomes[name] = _run(loaded, out / name, comm, force=True, quiet=quiet)
    runs = [out / name for name in DEMO_CASES]

    def show() -> None:
        print(demo_table(runs))
        with making(out, "demo.png", "demo.pdf"):
            print(f"figure: {demo_figure(runs, out / 'demo.png')}")
        print(f"open in ParaView: {', '.join(str(run / 'fields.pvd') for run in runs)}")

    on_root(comm, show)
    failed = any(outcome.status in ("failed", "interrupted") for outcome in outcomes.values())
    return EXIT_FAILED if failed else EXIT_OK


COMMANDS = (run, rerun, demo, job)
