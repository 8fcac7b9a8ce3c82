"""``livoid study``: many runs of one case, through Snakemake."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from mpi4py import MPI

from solver.cli.arguments import Communicator, tell_of_abort
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
    quiet: bool = False,
    comm: Communicator,
) -> int:
    """Run a parameter study through Snakemake, collect its results.

    Example: livoid study cases/studies/pressure-quick.toml --cores 2

    Runs that are missing, or whose case has changed, are run; a study that was broken off goes on.

    Args:
        out: study folder (default studies/FILE)
        cores: local cores (default 1)
        profile: Snakemake profile, for example cases/studies/slurm
        dry_run: show what would run; nothing is written
        retry_failed: run failed runs again
        redo_outdated: run again what another version of livoid or of its libraries has made
        quiet: print no progress
    """
    from solver.cli.engine import REFUSED
    from solver.cli.tally import Tally
    from solver.core.lock import FolderLock
    from solver.study.folder import prepare
    from solver.study.snakemake import LOG, run_snakemake

    if comm.size > 1:
        return refuse(comm, "a study starts its own ranks ([study] ranks); leave -n out")
    folder = out or Path("studies") / file.stem
    redo = {"retry_failed": retry_failed, "redo_outdated": redo_outdated}
    lock = FolderLock(folder)
    try:
        if dry_run:
            return _dry_run(file, folder, cores, profile, snakemake, **redo)
        plan, points = prepare(file, folder, lock)
        todo = _to_do(folder, points, **redo)
        _tell(plan.title or file.stem, points, todo, folder)
        if todo:
            tally = Tally(folder, todo, quiet=quiet)
            if run_snakemake(folder, cores, profile, snakemake, dry=False, lock=lock, watch=tally.look) != 0:
                print(f"Snakemake has found faults: {folder / LOG}")
    except REFUSED as error:
        return refuse(comm, error)
    except KeyboardInterrupt:
        return refuse(comm, f"interrupted; the same command goes on in {folder}", EXIT_FAILED)
    return _collect(folder, points)


def _dry_run(
    file: Path, folder: Path, cores: int, profile: Path | None, snakemake: Sequence[str], **redo: bool
) -> int:
    """Plan a study in a copy of what its plan depends on; its folder is only read."""
    from solver.study.folder import prepare, shadow
    from solver.study.snakemake import run_snakemake

    with tempfile.TemporaryDirectory(prefix="livoid-dry-run-") as name:
        copy = Path(name)
        shadow(folder, copy)
        plan, points = prepare(file, copy)
        todo = _to_do(copy, points, **redo)
        _tell(plan.title or file.stem, points, todo, folder)
        for point in todo:
            values = "  ".join(f"{path} = {value}" for path, value in point.values.items())
            print(f"  {point.name}  {values}", flush=True)
        code = run_snakemake(copy, cores, profile, snakemake, dry=True)
    return EXIT_OK if code == 0 else EXIT_FAILED


def _tell(title: str, points: Sequence[Point], todo: Sequence[Point], folder: Path) -> None:
    print(f"{title}: {len(points)} runs, {len(todo)} to do; {folder}", flush=True)


def _collect(folder: Path, points: Sequence[Point]) -> int:
    """Gather the results of all runs and name those without one."""
    from postprocess.study_table import collect
    from solver.study import marks

    for made in collect(folder):
        print(made)
    left = marks.waiting(folder, points)
    for point in left:
        print(f"no result: {point.name}, see {folder}/logs/{point.name}.log")
        tell_of_abort(MPI.COMM_SELF, folder / "runs" / point.name)
    return EXIT_FAILED if left else EXIT_OK


def _to_do(folder: Path, points: Sequence[Point], *, retry_failed: bool, redo_outdated: bool) -> list[Point]:
    """Points to be run; marks in their way are removed. Tells of results of other versions."""
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
    marks.forget(folder, failed, runs=False)
    marks.forget(folder, outdated, runs=True)
    names = {*failed, *outdated, *(point.name for point in marks.waiting(folder, points))}
    return [point for point in points if point.name in names]


COMMANDS = (study,)
