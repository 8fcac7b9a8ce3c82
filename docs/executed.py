"""Executed pages are executed again when they, or anything that they run with, has changed.

jupyter-cache keeps results by a page's code and its kernel: the kernel is given a name here that has a digest
of the sources in it.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

SOURCES = ("solver", "meshes", "postprocess", "python", "cases", "env")
SUFFIXES = {".py", ".toml", ".txt", ".j2"}
UNUSED = {"verification-book": ("postprocess", "cases", "solver/cli", "solver/study", "solver/predictions")}
"""What a page does not run with; a page that is not named runs with everything."""
_KERNEL = re.compile(r"\A(---\n(?:.*\n)*?kernelspec:\n  name: \S+\n)")


def folder(root: Path) -> Path:
    """Folder for the results."""
    return root / "docs" / "_build" / "executed"


def with_digest(root: Path, page: str, text: str) -> str:
    """Text of a page, its kernel named after what it runs with; one that is not executed is as it was."""
    return _KERNEL.sub(rf"\g<1>  display_name: {digest(root, UNUSED.get(page, ()))}\n", text)


def digest(root: Path, unused: tuple[str, ...] = ()) -> str:
    """Digest of all that a page may run with: the page itself is compared by jupyter-cache."""
    total = hashlib.sha256()
    for name in SOURCES:
        for file in sorted((root / name).rglob("*")):
            here = file.relative_to(root)
            if any(here.is_relative_to(part) for part in unused):
                continue
            if file.suffix in SUFFIXES and file.is_file():
                total.update(str(here).encode() + b"\0")
                total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:16]
