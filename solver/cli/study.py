"""``livoid study`` and ``livoid job``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mpi4py import MPI

from solver.cli import commands
from solver.core import provenance
from solver.core.lock import FolderLock, LockedError
from solver.core.parallel import RootError, on_root
from solver.output import checkpoint, series
from solver.output.run_folder import RunFolder
from solver.study import folder as study_folder
from solver.study.folder import StudyError

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.study.points import Point


@dataclass(frozen=True)
class Engine:
    """How a study is run: local cores or a Snakemake profile, and further arguments for Snakemake."""

    cores: int = 1
    profile: str | None = None
    extra: Sequence[str] = ()
    dry: bool = False
    retry_failed: bool = False
    redo_outdated: bool = False


def study(file: str, out: str | None, how: Engine) -> int:
    """Expand a study, run what is missing or has changed, collect the results (one process)."""
    folder = Path(out) if out else Path("studies") / Path(file).stem
    lock = FolderLock(folder)
    try:
        plan, points = study_folder.prepare(Path(file), folder, lock)
        todo = _to_do(folder, points, how)
        print(f"{plan.title or Path(file).stem}: {len(points)} runs, {len(todo)} to do; {folder}", flush=True)
        if how.dry:
            _show(todo)
        code = 0
        if todo or how.dry:
            code = study_folder.engine(folder, how.cores, how.profile, how.extra, dry=how.dry, lock=lock)
    except (StudyError, LockedError) as error:
        print(f"livoid: {error}", file=sys.stderr)
        return commands.EXIT_INPUT
    if how.dry:
        return commands.EXIT_OK if code == 0 else commands.EXIT_FAILED
    from postprocess.study_table import collect

    for made in collect(folder):
        print(made)
    left = study_folder.waiting(folder, points)
    for point in left:
        print(f"no result: {point.name}, see {folder}/logs/{point.name}.log")
    return commands.EXIT_FAILED if left else commands.EXIT_OK


def _to_do(folder: Path, points: Sequence[Point], how: Engine) -> list[Point]:
    """Points to be run; marks in their way are removed, unless the run is dry. Tells of other versions."""
    failed = study_folder.failed(folder, points) if how.retry_failed else []
    outdated = study_folder.outdated(folder, points, provenance.versions())
    if outdated and not how.redo_outdated:
        name, other = next(iter(outdated.items()))
        count = f"{len(outdated)} of {len(points)} results"
        print(f"{count} are of another version (--redo-outdated makes them anew)")
        print(f"  {name}: " + "; ".join(other))
        outdated = {}
    if not how.dry:
        study_folder.forget(folder, failed, runs=False)
        study_folder.forget(folder, outdated, runs=True)
    names = {*failed, *outdated, *(point.name for point in study_folder.waiting(folder, points))}
    return [point for point in points if point.name in names]


def _show(points: Sequence[Point]) -> None:
    for point in points:
        print(f"  {point.name}  " + "  ".join(f"{path} = {value}" for path, value in point.values.items()))


def job(case: str, out: str, mark: str, comm: MPI.Comm) -> int:
    """One run of a study. Collective.

    Goes on where a checkpoint of the same case is, starts anew otherwise. A failed run is marked and counts
    as done (exit code 0); an interrupted one is not.
    """
    loaded = commands.load_collective(case, {}, comm)
    target = Path(out)
    resume = bool(comm.bcast(on_root(comm, lambda: _resumable(target, loaded)), root=0))
    code = commands.run(case, out, {}, how=commands.How(force=not resume, resume=resume), comm=comm)
    try:
        on_root(comm, lambda: study_folder.mark(Path(mark), target))
    except RootError as error:
        if comm.rank == 0:
            print(f"livoid: {error}", file=sys.stderr)
        return code or commands.EXIT_FAILED
    return commands.EXIT_OK


def _resumable(target: Path, loaded: LoadedCase) -> bool:
    """Whether the folder holds this case, ended or with a checkpoint; else a new run replaces it."""
    try:
        if RunFolder(target, series.COLUMNS).ended(loaded) is None:
            checkpoint.newest(target)
        return True
    except checkpoint.CheckpointError:
        return False
