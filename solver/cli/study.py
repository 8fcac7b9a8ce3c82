"""``livoid study``: many runs of one case, through Snakemake."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from solver.cli.arguments import Communicator
from solver.cli.exits import EXIT_FAILED, EXIT_OK, refuse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.study.points import Point


def study(
    file: Annotated[Path, Parameter(help="study file (TOML)")],
    /,
    *snakemake: Annotated[str, Parameter(help="further arguments for Snakemake, after --")],
    out: Path | None = None,
    cores: int = 1,
    profile: Path | None = None,
    dry_run: bool = False,
    retry_failed: bool = False,
    redo_outdated: bool = False,
    comm: Communicator,
) -> int:
    """Run a parameter study through Snakemake, collect its results.

    Runs that are missing, or whose case has changed, are run; a study that was broken off goes on.

    Args:
        out: study folder (default studies/FILE)
        cores: local cores (default 1)
        profile: Snakemake profile, for example cases/studies/slurm
        dry_run: show what would run
        retry_failed: run failed runs again
        redo_outdated: run again what another version of livoid or of its libraries has made
    """
    from solver.core.lock import FolderLock, LockedError
    from solver.study.folder import prepare
    from solver.study.schema import StudyError
    from solver.study.snakemake import run_snakemake

    if comm.size > 1:
        return refuse(comm, "a study starts its own ranks ([study] ranks); leave -n out")
    folder = out or Path("studies") / file.stem
    lock = FolderLock(folder)
    try:
        plan, points = prepare(file, folder, lock)
        todo = _to_do(folder, points, dry=dry_run, retry_failed=retry_failed, redo_outdated=redo_outdated)
        print(f"{plan.title or file.stem}: {len(points)} runs, {len(todo)} to do; {folder}", flush=True)
        if dry_run:
            _show(todo)
        code = 0
        if todo or dry_run:
            code = run_snakemake(folder, cores, profile, snakemake, dry=dry_run, lock=lock)
    except (StudyError, LockedError) as error:
        return refuse(comm, error)
    if dry_run:
        return EXIT_OK if code == 0 else EXIT_FAILED
    return _collect(folder, points)


def _collect(folder: Path, points: Sequence[Point]) -> int:
    """Gather the results of all runs and name those without one."""
    from postprocess.study_table import collect
    from solver.study import marks

    for made in collect(folder):
        print(made)
    left = marks.waiting(folder, points)
    for point in left:
        print(f"no result: {point.name}, see {folder}/logs/{point.name}.log")
    return EXIT_FAILED if left else EXIT_OK


def _to_do(
    folder: Path, points: Sequence[Point], *, dry: bool, retry_failed: bool, redo_outdated: bool
) -> list[Point]:
    """Points to be run; marks in their way are removed, unless the run is dry. Tells of other versions."""
    from solver.core import provenance
    from solver.study import marks

    failed = marks.failed(folder, points) if retry_failed else []
    outdated = marks.outdated(folder, points, provenance.versions())
    if outdated and not redo_outdated:
        name, other = next(iter(outdated.items()))
        count = f"{len(outdated)} of {len(points)} results"
        print(f"{count} are of another version (--redo-outdated makes them anew)")
        print(f"  {name}: " + "; ".join(other))
        outdated = {}
    if not dry:
        marks.forget(folder, failed, runs=False)
        marks.forget(folder, outdated, runs=True)
    names = {*failed, *outdated, *(point.name for point in marks.waiting(folder, points))}
    return [point for point in points if point.name in names]


def _show(points: Sequence[Point]) -> None:
    for point in points:
        print(f"  {point.name}  " + "  ".join(f"{path} = {value}" for path, value in point.values.items()))


COMMANDS = (study,)
