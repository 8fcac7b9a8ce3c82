"""Runs that commands need: a study file, prepared and run by Snakemake, with a line for each that ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.cli.tally import Tally
from solver.core.lock import FolderLock, LockedError
from solver.core.ownership import ForeignFolderError
from solver.study import marks
from solver.study.folder import prepare
from solver.study.schema import StudyError
from solver.study.snakemake import LOG, run_snakemake

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

REFUSED = (StudyError, LockedError, ForeignFolderError, OSError)
"""Why a study is not run; the message of each says all."""


def engine(cores: int, *, quiet: bool) -> Callable[[Path, Path, Sequence[str] | None], None]:
    """What runs a study file in a study folder: the points that are named, or all that have no result.

    Args:
        cores: local cores.
        quiet: print no progress.

    Returns:
        A function of file, folder and names; it raises what is in REFUSED, CaseError for cases that are none,
        KeyboardInterrupt if an end was asked for.
    """
    locks: dict[Path, FolderLock] = {}

    def run(file: Path, folder: Path, names: Sequence[str] | None = None) -> None:
        lock = locks.setdefault(folder, FolderLock(folder))
        _, points = prepare(file, folder, lock)
        todo = [p for p in points if p.name in names] if names is not None else marks.waiting(folder, points)
        if not todo:
            return
        tally = Tally(folder, todo, quiet=quiet)
        targets = [] if names is None else [f"done/{name}.json" for name in names]
        if run_snakemake(folder, cores, None, targets, dry=False, lock=lock, watch=tally.look) != 0:
            print(f"Snakemake has found faults: {folder / LOG}")

    return run
