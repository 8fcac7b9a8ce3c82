"""The folder of a study: its cases, the configuration of Snakemake, its table of points.

STUDY/study.toml, manifest.csv     the study and its points (name, values, hash of the resolved case)
STUDY/cases/run-0001.toml          resolved cases; a file is rewritten only when its content changes
STUDY/runs/run-0001/               run folders
STUDY/done/run-0001.json           marks: how each run ended (:mod:`solver.study.marks`)
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
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from solver.core.files import update
from solver.core.lock import NAME
from solver.study.points import expand, load_points
from solver.study.schema import StudyError, load_study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.case.loading import LoadedCase
    from solver.core.lock import FolderLock
    from solver.study.points import Point
    from solver.study.schema import Study

FOLDERS = ("cases", "runs", "done", "logs")
FILES = tuple(name + end for name in ("study.toml", "Snakefile", "config.json") for end in ("", ".tmp"))
"""What a study begins with; the others follow the config."""
SNAKEFILE = Path(__file__).with_name("Snakefile")


def prepare(study_file: Path, folder: Path, lock: FolderLock | None = None) -> tuple[Study, list[Point]]:
    """Write everything Snakemake needs into ``folder``; files whose content is the same stay untouched.

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
