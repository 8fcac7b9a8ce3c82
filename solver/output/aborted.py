"""Runs whose process has gone without a word: killed, out of memory, ended by MPI or a fault of a library."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from solver.core import process
from solver.core.files import write_atomic
from solver.output.run_folder import MANIFEST, MARKER, RunFolder

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("livoid")

ABORTED = "aborted"
"""Status that such a run gets at the next command that looks at its folder."""


def tell(folder: Path) -> None:
    """Say in one line if the run of a folder has been aborted; its manifest says so from then on (rank 0)."""
    line = noticed(folder)
    if line:
        log.warning("%s", line)


def noticed(folder: Path) -> str:
    """What :func:`tell` says; empty where a run has ended by itself, lives, or none is there."""
    manifest = _manifest(folder)
    if manifest.get("status") == ABORTED:
        return f"{folder}: {ABORTED}: {manifest.get('message', '')}"
    if manifest.get("status") != "running":
        return ""
    known = manifest.get("process")
    found = process.fate(known) if isinstance(known, dict) else "unknown"
    if found == "lives":
        return ""
    if found == "unknown":
        where = manifest.get("host", "another machine")
        return f"{folder}: running, it says, on {where}; whether it still does cannot be known from here"
    lock = RunFolder(folder).lock
    try:
        lock.acquire()
        return _noted(folder, manifest)
    except ValueError:  # somebody has just gone on with it
        return ""
    except OSError:  # where nothing can be written it is said all the same
        return f"{folder}: {ABORTED}: {_message(folder, manifest)}"
    finally:
        lock.release()


def _noted(folder: Path, seen: Mapping[str, Any]) -> str:
    """Write into the manifest that the run has been aborted, unless that is no longer so."""
    manifest = _manifest(folder)
    if (manifest.get("status"), manifest.get("process")) != (seen["status"], seen["process"]):
        return ""
    end = {"status": ABORTED, "message": _message(folder, manifest)}
    write_atomic(folder / MANIFEST, json.dumps({**manifest, **end}, indent=2) + "\n")
    return f"{folder}: {ABORTED}: {end['message']}"


def _message(folder: Path, manifest: Mapping[str, Any]) -> str:
    number = manifest["process"].get("pid")
    gone = f"process {number} has gone without a word (killed, out of memory, or a crash)"
    try:
        _, header, _ = RunFolder(folder).usable()
    except ValueError:
        return f"{gone}; no checkpoint can be used, start anew with --force"
    return f"{gone}; go on from step {header['step']} with --resume"


def _manifest(folder: Path) -> dict[str, Any]:
    """Manifest of a run folder; empty if it is none, which is for others to say."""
    try:
        return MARKER.read(folder)
    except (ValueError, OSError):
        return {}
