"""Files beside a case: their paths start from the case, and lead there from a run folder or another case."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

DATA, VOIDS = "data", "voids"


def with_data_paths(data: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Case data in which ``data.file`` and ``voids.from`` are absolute: they start from ``folder``."""
    found = dict(data)
    if isinstance(found.get(DATA), list):
        found[DATA] = [_anchored(entry, "file", folder) for entry in found[DATA]]
    if VOIDS in found:
        found[VOIDS] = _anchored(found[VOIDS], "from", folder)
    return found


def _anchored(entry: object, key: str, folder: Path) -> object:
    if not isinstance(entry, Mapping) or not isinstance(entry.get(key), str):
        return entry
    return {**entry, key: str((folder / entry[key]).resolve())}
