"""Where the results of executed pages are kept: one folder for each state of what they are executed with."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

SOURCES = ("solver", "meshes", "postprocess", "cases", "env")
SUFFIXES = {".py", ".toml", ".txt", ".j2"}


def folder(root: Path) -> Path:
    """Folder for the results of this state of the sources; those of other states are removed."""
    found = root / "docs" / "_build" / "executed" / digest(root)
    if found.parent.is_dir():
        for old in found.parent.iterdir():
            if old != found:
                shutil.rmtree(old, ignore_errors=True)
    found.mkdir(parents=True, exist_ok=True)
    return found


def digest(root: Path) -> str:
    """Digest of all that a page may run: a page itself is compared by Sphinx."""
    total = hashlib.sha256()
    for name in SOURCES:
        for file in sorted((root / name).rglob("*")):
            if file.suffix in SUFFIXES and file.is_file():
                total.update(str(file.relative_to(root)).encode() + b"\0")
                total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:16]
