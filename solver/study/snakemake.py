"""Running a prepared study folder with Snakemake, on local cores or through a batch system's profile."""

from __future__ import annotations

import shutil
import signal
from typing import TYPE_CHECKING

from solver.core import children
from solver.study.schema import StudyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from solver.core.lock import FolderLock

LOG = "logs/snakemake.log"
"""What Snakemake has said of a study, in its folder."""


def run_snakemake(
    folder: Path,
    cores: int,
    profile: Path | None,
    extra: Sequence[str],
    *,
    dry: bool,
    lock: FolderLock | None = None,
    watch: Callable[[], object] | None = None,
) -> int:
    """Run Snakemake on a prepared folder; returns its exit code.

    Args:
        folder: study folder.
        cores: local cores (jobs at once, in units of ranks).
        profile: Snakemake profile, for example of a batch system.
        extra: further arguments for Snakemake.
        dry: only show what would run.
        lock: that Snakemake keeps as long as it lives.
        watch: called about once a second; what Snakemake prints goes into ``logs/snakemake.log`` then.

    Raises:
        StudyError: if there is no Snakemake.
        KeyboardInterrupt: if an end was asked for; the runs have ended with their checkpoints then.
    """
    program = shutil.which("snakemake")
    if program is None:
        raise StudyError("studies run through Snakemake (Debian: snakemake, PyPI and conda-forge: snakemake)")
    command = [program, "--snakefile", "Snakefile", "--directory", ".", "--rerun-triggers", "mtime"]
    command += ["--keep-going", "--rerun-incomplete", "--nolock", "--latency-wait=10"]
    command += ["--profile", str(profile.resolve())] if profile else ["--cores", str(cores)]
    command += ["--dry-run", "--quiet"] if dry else []
    kept_open = lock.descriptors() if lock else ()
    log = None if watch is None else folder / LOG
    if log is not None:
        log.parent.mkdir(exist_ok=True)
        log.unlink(missing_ok=True)
    return children.run(
        [*command, *extra], cwd=folder, pass_fds=kept_open, ask=signal.SIGINT, log=log, watch=watch
    )
