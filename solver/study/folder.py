"""The folder of a study: cases, configuration of the engine, table of points; and running it.

STUDY/study.toml, manifest.csv     the study and its points (name, values, hash of the resolved case)
STUDY/cases/run-0001.toml          resolved cases; a file is rewritten only when its content changes
STUDY/runs/run-0001/               run folders
STUDY/done/run-0001.json           marks: how each run ended
STUDY/logs/run-0001.log
STUDY/results.csv, results.nc      quantities of interest of all runs
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from solver.core.files import update, write_atomic
from solver.core.lock import NAME
from solver.output.run_folder import differences
from solver.study.points import expand, load_points
from solver.study.schema import load_study

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.core.lock import FolderLock
    from solver.study.points import Point
    from solver.study.schema import Study

FOLDERS = ("cases", "runs", "done", "logs")
FILES = tuple(name + end for name in ("study.toml", "Snakefile", "config.json") for end in ("", ".tmp"))
"""What a study begins with; the others follow the config."""
SNAKEFILE = Path(__file__).with_name("Snakefile")
MARK_STATES = ("finished", "event", "cutoff", "failed")
"""Ends of a run that are results; an interrupted run is not one."""


class StudyError(ValueError):
    """The study cannot be run; the message says why."""


def prepare(study_file: Path, folder: Path, lock: FolderLock | None = None) -> tuple[Study, list[Point]]:
    """Write everything the engine needs into ``folder``; files whose content is the same stay untouched.

    Raises:
        CaseError: with every problem of the study file and of all its cases; nothing is written then.
        StudyError: if the folder holds something else.
        LockedError: if another study is at work there (with ``lock``, that of the folder).
    """
    study = load_study(study_file)
    points = expand(study, str(study_file))
    cases = load_points(study, study_file, points)
    found = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
    # a study that was killed while it began has no config yet
    if "config.json" not in found and not found <= {*FOLDERS, *FILES, NAME}:
        raise StudyError(f"{folder} is not empty and holds no study; give another --out")
    folder.mkdir(parents=True, exist_ok=True)
    if lock is not None:
        lock.acquire()
    for name in FOLDERS:
        (folder / name).mkdir(exist_ok=True)
    update(folder / "study.toml", study_file.read_text(encoding="utf-8"))
    update(folder / "Snakefile", SNAKEFILE.read_text(encoding="utf-8"))
    update(folder / "config.json", json.dumps(_config(study, points), indent=2) + "\n")
    texts = [_case_text(case) for case in cases]
    update(folder / "manifest.csv", _manifest(list(study.vary), points, texts))
    for point, text in zip(points, texts, strict=True):
        if update(folder / "cases" / f"{point.name}.toml", text):
            (folder / "done" / f"{point.name}.json").unlink(missing_ok=True)
    _drop_others(folder, {point.name for point in points})
    return study, points


def _config(study: Study, points: Sequence[Point]) -> dict[str, Any]:
    return {
        "runs": [point.name for point in points],
        "ranks": study.ranks,
        "minutes": study.minutes,
        "memory": study.memory * study.ranks,
        "command": _command(study.ranks),
    }


def _command(ranks: int) -> str:
    """How a job calls livoid: through the launcher, which finds the environment on any machine."""
    launcher = os.environ.get("LIVOID_LAUNCHER")
    if launcher:
        return f"{shlex.quote(launcher)} -n {ranks}"
    parallel = f"mpirun -n {ranks} " if ranks > 1 else ""
    return f"{parallel}{shlex.quote(sys.executable)} -m solver"


def _case_text(case: LoadedCase) -> str:
    """The case as resolved, without the copy of its materials, which its choices give again."""
    data = {key: value for key, value in case.resolved().items() if key != "resolved_material"}
    return tomli_w.dumps(data)


def _manifest(paths: Sequence[str], points: Sequence[Point], texts: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("run", *paths, "case_sha256"))
    for point, case in zip(points, texts, strict=True):
        digest = hashlib.sha256(case.encode()).hexdigest()
        writer.writerow((point.name, *(point.values.get(path, "") for path in paths), digest))
    return text.getvalue()


def _drop_others(folder: Path, names: set[str]) -> None:
    """Remove cases and marks of points that are no longer in the study (run folders stay)."""
    for place, suffix in (("cases", ".toml"), ("done", ".json")):
        for file in (folder / place).glob(f"*{suffix}"):
            if file.stem not in names:
                file.unlink()


def failed(folder: Path, points: Sequence[Point]) -> list[str]:
    """Names of runs whose mark says that they failed."""
    marks = {point.name: folder / "done" / f"{point.name}.json" for point in points}
    return [
        name
        for name, file in marks.items()
        if file.is_file() and json.loads(file.read_text(encoding="utf-8"))["status"] == "failed"
    ]


def outdated(folder: Path, points: Sequence[Point], now: Mapping[str, Any]) -> dict[str, list[str]]:
    """Runs with a mark that another version of the program or of its libraries has made.

    Args:
        folder: of the study.
        points: of the study.
        now: what :func:`solver.core.provenance.versions` says; of a source tree only its commit counts, as
            results that are written into the tree change the rest.

    Returns:
        What is different, one line each, by name of the run.
    """
    found = {}
    now = {key: value for key, value in now.items() if key != "git_dirty"}
    for point in points:
        file = folder / "runs" / point.name / "manifest.json"
        if (folder / "done" / f"{point.name}.json").is_file() and file.is_file():
            manifest = json.loads(file.read_text(encoding="utf-8"))
            other = differences({key: manifest[key] for key in now if key in manifest}, now)
            if other:
                found[point.name] = other
    return found


def forget(folder: Path, names: Iterable[str], *, runs: bool) -> None:
    """Remove the marks of runs, so that they are gone on with, or with the ``runs`` made anew."""
    for name in names:
        (folder / "done" / f"{name}.json").unlink(missing_ok=True)
        if runs:
            shutil.rmtree(folder / "runs" / name, ignore_errors=True)


def waiting(folder: Path, points: Sequence[Point]) -> list[Point]:
    """Points without a mark."""
    return [point for point in points if not (folder / "done" / f"{point.name}.json").is_file()]


def engine(
    folder: Path,
    cores: int,
    profile: str | None,
    extra: Sequence[str],
    *,
    dry: bool,
    lock: FolderLock | None = None,
) -> int:
    """Run Snakemake on a prepared folder; returns its exit code.

    Args:
        folder: study folder.
        cores: local cores (jobs at once, in units of ranks).
        profile: Snakemake profile, for example of a batch system.
        extra: further arguments for Snakemake.
        dry: only show what would run.
        lock: that Snakemake keeps as long as it lives.

    Raises:
        StudyError: if there is no Snakemake.
    """
    program = shutil.which("snakemake")
    if program is None:
        raise StudyError("studies run through Snakemake (Debian: snakemake, PyPI and conda-forge: snakemake)")
    command = [program, "--snakefile", "Snakefile", "--directory", ".", "--rerun-triggers", "mtime"]
    command += ["--keep-going", "--rerun-incomplete", "--nolock", "--latency-wait=10"]
    command += ["--profile", str(Path(profile).resolve())] if profile else ["--cores", str(cores)]
    command += ["--dry-run", "--quiet"] if dry else []
    held = lock.descriptors() if lock else ()
    return subprocess.run([*command, *extra], cwd=folder, check=False, pass_fds=held).returncode


def mark(target: Path, run: Path) -> None:
    """Write the mark of a run that has ended.

    Raises:
        StudyError: if it has not.
    """
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    if manifest.get("status") not in MARK_STATES:
        raise StudyError(f"{run} has not ended (status {manifest.get('status')})")
    kept = ("status", "message", "capacity_mAh_cm2", "time_s", "steps", "wall_time_s", "case_sha256", "ranks")
    data = {key: manifest[key] for key in kept if key in manifest}
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(target, json.dumps(data, indent=2) + "\n")
