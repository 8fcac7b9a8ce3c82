"""Whose a folder or a file is: a marker, format and id, in one of the folder's files, and a list of files.

The marker is the first thing written into a folder and is looked for before anything there is replaced. In
folders of figures, and in those of a user, a file is livoid's if a list has the digest of its content.
"""

from __future__ import annotations

import contextlib
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from solver.core import digests
from solver.core.files import write_atomic
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
        if self.file != LIST:
            names -= {LIST}
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


class Results:
    """Files that commands make in a folder, which has a list of them in ``.livoid.json`` (rank 0).

    Args:
        folder: where they are made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self) -> bool:
        """Whether the folder is one for results; not if it is new or empty.

        Raises:
            ForeignFolderError: if it holds something else, or a file has changed since livoid made it.
        """
        try:
            known = RESULTS.look(self.folder) is not None
        except ForeignFolderError as error:
            raise ForeignFolderError(f"{error}; give another --out") from None
        self.refuse(*self._listed())
        return known

    def claim(self) -> None:
        """Take a folder for results, to which runs may come too; raises ForeignFolderError."""
        if not self.check():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._note({})

    def adopt(self, names: re.Pattern[str]) -> None:
        """Take files of these names for livoid's, in a folder of a version that made no list."""
        if self.folder.is_dir() and not (self.folder / LIST).exists():
            self._note({file.name: None for file in self.folder.iterdir() if names.fullmatch(file.name)})

    def refuse(self, *names: str) -> None:
        """Raise ForeignFolderError if one of the files is there and is not as livoid made it."""
        listed = self._listed()
        for name in names:
            file = self.folder / name
            if (file.exists() or file.is_symlink()) and not self._ours(name, listed):
                what = "has changed since livoid made it" if name in listed else "is not livoid's"
                raise ForeignFolderError(f"{file} {what}; move it away or give another --out")

    @contextlib.contextmanager
    def making(self, *names: str, only: bool = False) -> Iterator[None]:
        """Make or replace files inside; those of them that are there afterwards are on the list.

        Args:
            names: of the files.
            only: remove all others on the list.

        Raises:
            ForeignFolderError: if one of them is not livoid's.
        """
        self.refuse(*names)
        if only:
            self.remove(but=names)
        new = [folder for folder in (self.folder, *self.folder.parents) if not folder.exists()]
        self.folder.mkdir(parents=True, exist_ok=True)
        others = {name: was for name, was in self._listed().items() if name not in names}
        known = (self.folder / LIST).exists()
        self._note({**others, **dict.fromkeys(names)})  # whatever becomes of this process
        try:
            yield
        finally:
            made = {name: _digest(self.folder / name) for name in names if (self.folder / name).is_file()}
            self._note(others | made)
            if not (known or made):
                self._forget(new)

    def _forget(self, new: Sequence[Path]) -> None:
        """Remove the list, and folders that were made for nothing."""
        with contextlib.suppress(OSError):
            (self.folder / LIST).unlink()
            for folder in new:
                folder.rmdir()

    def remove(self, but: Sequence[str] = ()) -> None:
        """Remove all files that are as livoid made them, except some, and with the last one the list."""
        with contextlib.suppress(ForeignFolderError):
            listed = self._listed()
            for name in listed.keys() - but:
                if self._ours(name, listed):
                    (self.folder / name).unlink()
            left = {name: listed[name] for name in but if name in listed}
            if left:
                self._note(left)
            else:
                (self.folder / LIST).unlink(missing_ok=True)

    def _ours(self, name: str, listed: Mapping[str, str | None]) -> bool:
        """Whether a file is as livoid made it, or was being made when livoid was killed."""
        file = self.folder / name
        plain = name == Path(name).name and file.is_file() and not file.is_symlink()
        return plain and name in listed and listed[name] in (None, _digest(file))

    def _listed(self) -> dict[str, str | None]:
        """Names with digests, None for a file that is being made."""
        if not (self.folder / LIST).exists():
            return {}
        return dict(RESULTS.read(self.folder).get("files", {}))

    def _note(self, files: Mapping[str, str | None]) -> None:
        known = (self.folder / LIST).exists()
        marker = RESULTS.read(self.folder)[RESULTS.key] if known else RESULTS.new()
        content = {RESULTS.key: marker, "files": dict(files)}
        write_atomic(self.folder / LIST, json.dumps(content, indent=2) + "\n")


LIST = ".livoid.json"
RESULTS = Marker(kind="folder of results", key="livoid_results", file=LIST, earlier=lambda _: False)


def _digest(file: Path) -> str:
    return str(digests.of_beginning(file, file.stat().st_size).hexdigest())


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
