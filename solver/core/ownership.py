"""Whose a folder is: a marker, format and id, in one of its files.

The marker is the first thing written into a folder and is looked for before anything there is replaced.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from solver.core.lock import NAME

FORMAT = 1
SHOWN = 3
"""Names in a message about what was found."""


class ForeignFolderError(ValueError):
    """A folder holds what livoid has not made."""


@dataclass(frozen=True)
class Marker:
    """The marker of one kind of folder.

    Attributes:
        kind: what the folder is called in messages.
        key: entry of ``file`` with the format and the id; it stands first there.
        file: a JSON object in the folder.
        earlier: whether the content of ``file`` is that of a version without markers.
    """

    kind: str
    key: str
    file: str
    earlier: Callable[[Mapping[str, Any]], bool]

    def new(self) -> dict[str, Any]:
        """A marker with an id that no other folder has."""
        return {"format": FORMAT, "id": uuid.uuid4().hex}

    def of(self, content: Mapping[str, Any]) -> dict[str, Any] | None:
        """The marker in the content of ``file``, a new one for an earlier version, None if it is not ours."""
        found = content.get(self.key)
        if found is None:
            return self.new() if self.earlier(content) else None
        known = isinstance(found, dict) and found.get("format") == FORMAT and _is_id(found.get("id"))
        return dict(found) if known else None

    def read(self, folder: Path) -> dict[str, Any]:
        """Content of ``file`` in a folder, with its marker (a new one for an earlier version).

        Raises:
            ForeignFolderError: if it has none, with what there is instead.
        """
        file = folder / self.file
        if not file.is_file():
            raise ForeignFolderError(f"{folder} is not a {self.kind}: {_listed(folder)} but no {self.file}")
        content = _object(file)
        if content is None:
            raise ForeignFolderError(f"{folder} is not a {self.kind}: its {self.file} is no JSON object")
        found = self.of(content)
        if found is None:
            other = f"{file.name} has no marker ({self.key}) of a format that this version knows"
            raise ForeignFolderError(f"{folder} is not a {self.kind}: its {other}")
        return {**content, self.key: found}

    def look(self, folder: Path) -> dict[str, Any] | None:
        """The marker of a folder; None where nothing is, or nothing but the beginning of a marker.

        Raises:
            ForeignFolderError: if the folder holds something else.
        """
        names = {entry.name for entry in folder.iterdir()} - {NAME} if folder.exists() else set()
        if not names or (names == {f"{self.file}.tmp"} and self._begun(folder / f"{self.file}.tmp")):
            return None
        return dict(self.read(folder)[self.key])

    def _begun(self, file: Path) -> bool:
        """Whether a file is what is left of a marker whose writer was killed."""
        start = f'{{\n  "{self.key}": '.encode()
        if not file.is_file() or file.is_symlink():
            return False
        with file.open("rb") as opened:
            text = opened.read(len(start))
        return start.startswith(text)


def refuse_links(folder: Path, names: tuple[str, ...]) -> None:
    """Raise ForeignFolderError if one of the sub-folders is a link: what is behind it may be anyone's."""
    for name in names:
        if (folder / name).is_symlink():
            target = (folder / name).readlink()
            raise ForeignFolderError(f"{folder / name} is a link to {target}; nothing is replaced there")


def _is_id(text: object) -> bool:
    return isinstance(text, str) and len(text) == 32 and set(text) <= set("0123456789abcdef")


def _object(file: Path) -> dict[str, Any] | None:
    """Content of a file that holds a JSON object; None if it holds anything else."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _listed(folder: Path) -> str:
    """What lies in a folder, the first few names."""
    names = sorted({entry.name for entry in folder.iterdir()} - {NAME}) if folder.is_dir() else []
    if not names:
        return "nothing is there"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"it holds {', '.join(names[:SHOWN])}{more}"
