"""The folder of a study: its cases, the configuration of Snakemake, its table of points.

STUDY/config.json                  whose the folder is (marker, written first), what Snakemake runs
STUDY/study.toml, manifest.csv     the study and its points (name, values, hash of the resolved case)
STUDY/cases/run-0001.toml          resolved cases; a file is rewritten only when its content changes
STUDY/runs/run-0001/               run folders
STUDY/done/run-0001.json           marks: how each run ended (:mod:`solver.study.marks`)
STUDY/logs/run-0001.log
STUDY/results.csv, results.nc, results.parquet      quantities of interest of all runs
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from solver.core.files import update
from solver.core.ownership import Marker, refuse_links
from solver.core.plain_text import TableWriter
from solver.output import run_folder
from solver.study.marks import mark_file
from solver.study.points import expand, is_name, load_points
from solver.study.schema import load_study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.core.lock import FolderLock
    from solver.study.points import Point
    from solver.study.schema import Study

FOLDERS = ("cases", "runs", "done", "logs")
CONFIG = "config.json"
_EARLIER = {"runs", "ranks", "minutes", "memory", "command"}
MARKER = Marker(
    kind="study folder", key="livoid_study", file=CONFIG, earlier=lambda config: set(config) == _EARLIER
)
PLANNED_FROM = ("cases", "done", ".snakemake/incomplete")
"""What Snakemake plans from."""
SNAKEFILE = Path(__file__).with_name("Snakefile")


def prepare(study_file: Path, folder: Path, lock: FolderLock | None = None) -> tuple[Study, list[Point]]:
    """Write everything Snakemake needs into ``folder``; files whose content is the same stay untouched.

    Raises:
        CaseError: with every problem of the study file and of all its cases; nothing is written then.
        ForeignFolderError: if the folder holds something else; nothing is written then.
        LockedError: if another study is at work there (with ``lock``, that of the folder).
    """
    study = load_study(study_file)
    points = expand(study, str(study_file))
    cases = load_points(study, study_file, points)
    marker = _marker(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if lock is not None:
        lock.acquire()
        marker = _marker(folder)  # a study may have begun in between
    config = {MARKER.key: marker or MARKER.new(), **_config(study, points)}
    update(folder / CONFIG, json.dumps(config, indent=2) + "\n")
    for name in FOLDERS:
        (folder / name).mkdir(exist_ok=True)
    update(folder / "study.toml", study_file.read_text(encoding="utf-8"))
    update(folder / "Snakefile", SNAKEFILE.read_text(encoding="utf-8"))
    texts = [tomli_w.dumps(case.without_copy()) for case in cases]
    update(folder / "manifest.csv", _manifest(list(study.vary), points, texts))
    for point, text in zip(points, texts, strict=True):
        if update(folder / "cases" / f"{point.name}.toml", text):
            mark_file(folder, point.name).unlink(missing_ok=True)
    _drop_others(folder, {point.name for point in points})
    return study, points


def shadow(folder: Path, to: Path) -> None:
    """Copy what a plan depends on, with its times, so that a dry run leaves ``folder`` alone.

    Raises:
        ForeignFolderError: if the folder holds something else.
    """
    if _marker(folder) is None:
        return
    shutil.copy2(folder / CONFIG, to / CONFIG)
    for name in PLANNED_FROM:
        if (folder / name).is_dir():
            shutil.copytree(folder / name, to / name, ignore=shutil.ignore_patterns("*.tmp"))
    for manifest in folder.glob(f"runs/*/{run_folder.MANIFEST}"):
        copy = to / manifest.relative_to(folder)
        copy.parent.mkdir(parents=True)
        shutil.copy2(manifest, copy)


def _marker(folder: Path) -> dict[str, Any] | None:
    """The marker of a study folder, None if it is new; raises ForeignFolderError if it is something else."""
    found = MARKER.look(folder)
    refuse_links(folder, ("cases", "done"))
    return found


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
    return f"{parallel}{shlex.quote(sys.executable)} -P -m solver"


def _manifest(paths: Sequence[str], points: Sequence[Point], texts: Sequence[str]) -> str:
    text = io.StringIO()
    writer = TableWriter(text)
    writer.writerow(("run", *paths, "case_sha256"))
    for point, case in zip(points, texts, strict=True):
        digest = hashlib.sha256(case.encode()).hexdigest()
        writer.writerow((point.name, *(point.values.get(path, "") for path in paths), digest))
    return text.getvalue()


def _drop_others(folder: Path, names: set[str]) -> None:
    """Remove cases and marks of points that are no longer in the study (run folders stay)."""
    for place, suffix in (("cases", ".toml"), ("done", ".json")):
        for file in (folder / place).glob(f"*{suffix}"):
            if is_name(file.stem) and file.stem not in names:
                file.unlink()
