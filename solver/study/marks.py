"""Marks of the runs of a study: a file of each run that has ended, ``done/<run>.json``, which says how.

Snakemake runs what has no mark, or whose case is newer than its mark. A failed run has a mark too: it would
fail again. An interrupted one has none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from solver.core.files import write_atomic
from solver.core.trees import differences
from solver.output.run_folder import BEGINNING, MANIFEST, MARKER
from solver.study.schema import StudyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from solver.study.points import Point

ENDS = ("finished", "event", "cutoff", "failed")
"""Ends of a run that are results; an interrupted run is not one."""


def mark_file(folder: Path, name: str) -> Path:
    """Where the mark of a run is."""
    return folder / "done" / f"{name}.json"


def ended(folder: Path, name: str) -> dict[str, Any] | None:
    """What the mark of a run says of its end (``status``, ``message``, ...), None without one."""
    file = mark_file(folder, name)
    if not file.is_file():
        return None
    mark: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return mark


def failed(folder: Path, points: Sequence[Point]) -> list[str]:
    """Names of runs whose mark says that they failed."""
    marks = {point.name: ended(folder, point.name) for point in points}
    return [name for name, mark in marks.items() if mark is not None and mark["status"] == "failed"]


def outdated(folder: Path, points: Sequence[Point], now: Mapping[str, Any]) -> dict[str, list[str]]:
    """Runs with a mark that another version of the program or of its libraries has made.

    Args:
        folder: of the study.
        points: of the study.
        now: what :func:`solver.core.provenance.versions` says; of a source tree only its commit counts, as
            results that are written into the tree change the rest.

    Returns:
        What is different, one line each, by name of the run.

    Raises:
        ForeignFolderError: if what lies in place of a run is none.
    """
    found = {}
    now = {key: value for key, value in now.items() if key != "git_dirty"}
    for point in points:
        file = folder / "runs" / point.name / MANIFEST
        if mark_file(folder, point.name).is_file() and file.is_file():
            manifest = MARKER.read(file.parent)
            other = differences({key: manifest[key] for key in now if key in manifest}, now)
            if other:
                found[point.name] = other
    return found


def forget(folder: Path, names: Iterable[str], *, runs: bool) -> None:
    """Remove the marks of runs, so that they are gone on with, or with the ``runs`` made anew.

    Those stay, marked as not begun, until the new ones are set up; what else a user has there stays for good.
    """
    for name in names:
        run = folder / "runs" / name
        if runs and MARKER.look(run) is not None:
            manifest = {**MARKER.read(run), "status": BEGINNING}
            write_atomic(run / MANIFEST, json.dumps(manifest, indent=2) + "\n")
        mark_file(folder, name).unlink(missing_ok=True)


def waiting(folder: Path, points: Sequence[Point]) -> list[Point]:
    """Points without a mark."""
    return [point for point in points if not mark_file(folder, point.name).is_file()]


def refuse_other(target: Path) -> None:
    """Raise StudyError if a file is there that is no mark."""
    try:
        known = not target.exists() or json.loads(target.read_text(encoding="utf-8"))["status"] in ENDS
    except (ValueError, TypeError, KeyError, OSError):
        known = False
    if not known:
        raise StudyError(f"{target} is not a mark of a run; nothing is replaced there")


def write(target: Path, run: Path) -> None:
    """Write the mark of a run that has ended.

    Raises:
        StudyError: if it has not, or something else is in place of the mark.
    """
    refuse_other(target)
    manifest = json.loads((run / MANIFEST).read_text(encoding="utf-8"))
    if manifest.get("status") not in ENDS:
        raise StudyError(f"{run} has not ended (status {manifest.get('status')})")
    kept = ("status", "message", "capacity_mAh_cm2", "time_s", "steps", "wall_time_s", "case_sha256", "ranks")
    data = {key: manifest[key] for key in kept if key in manifest}
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(target, json.dumps(data, indent=2) + "\n")
