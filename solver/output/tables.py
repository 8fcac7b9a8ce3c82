"""Files of a run folder that grow and are complete after every write: its CSV tables, its index of fields."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

from solver.core import digests
from solver.core.digests import DamagedError
from solver.core.plain_text import TableWriter
from solver.output.columns import Row

AnyRow = TypeVar("AnyRow", bound=Row)


class Growing:
    """A file that is added to and whole after every write, also where a write finds no room.

    Args:
        path: of the file.
        tail: what comes after all that has been added; every write puts it further down.
    """

    def __init__(self, path: Path, tail: bytes = b"") -> None:
        self.path, self.tail = path, tail
        self._begun = False
        self._digest: Any = digests.new()
        self._length = self._lasting = 0

    def add(self, whole: bytes) -> None:
        """Write after what has been added so far.

        Raises:
            OSError: if that cannot be; the file is then as it was.
        """
        before = self.size() - len(self.tail) if self._begun else 0
        try:
            # "r+b": a table that has gone does not begin anew
            with self.path.open("r+b" if self._begun else "wb", buffering=0) as file:
                file.seek(before)
                _write(file, whole + self.tail)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.truncate(self.path, before)
                self._put_tail(before if self._begun else None)
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._digest.update(whole)
        self._length += len(whole)
        self._begun = True

    def _put_tail(self, at: int | None) -> None:
        """Write the tail after what is there, where that has begun."""
        if self.tail and at is not None:
            with self.path.open("r+b", buffering=0) as file:
                file.seek(at)
                _write(file, self.tail)

    @property
    def empty(self) -> bool:
        """Whether nothing has been added yet."""
        return not self._begun

    def size(self) -> int:
        """Bytes written so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    def written(self) -> dict[str, Any]:
        """How many bytes this run has added, and their digest, for a checkpoint; they are on disk then."""
        if self._length != self._lasting:
            with self.path.open("rb") as file:
                os.fsync(file.fileno())
            self._lasting = self._length
        return {"bytes": self._length, "blake2b": self._digest.hexdigest()}

    def check(self, noted: Mapping[str, Any]) -> None:
        """Raise DamagedError unless the file begins with what was noted by :meth:`written`."""
        if noted["bytes"] and (self.path.is_symlink() or not self.path.is_file()):
            raise DamagedError(f"{self.path.name} is gone")
        if noted["bytes"] and digests.of_beginning(self.path, noted["bytes"]).hexdigest() != noted["blake2b"]:
            raise DamagedError(
                f"the first {noted['bytes']} bytes of {self.path.name} are not what was written"
            )

    def cut(self, size: int) -> None:
        """Drop all but the first ``size`` bytes and go on after them.

        Raises:
            DamagedError: if there are fewer; nothing is changed then.
        """
        self._digest = digests.of_beginning(self.path, size) if size else digests.new()
        if size == 0:
            self.path.unlink(missing_ok=True)
        else:
            os.truncate(self.path, size)
            self._put_tail(size)
        self._begun, self._length, self._lasting = size > 0, size, size


class Table(Growing, Generic[AnyRow]):
    """A CSV file of whole rows.

    Args:
        path: of the file.
        row: class of its rows.
    """

    def __init__(self, path: Path, row: type[AnyRow]) -> None:
        super().__init__(path)
        self.row = row

    def append(self, rows: Sequence[AnyRow]) -> None:
        """Append rows; the header is written first.

        Raises:
            OSError: as :meth:`add`.
        """
        text = io.StringIO()
        writer = TableWriter(text)
        if self.empty:
            writer.writerow(self.row.columns())
        for row in rows:
            writer.writerow([f"{v:.12g}" if isinstance(v, float) else v for v in row.values()])
        self.add(text.getvalue().encode())


def _write(file: IO[bytes], data: bytes) -> None:
    """Write all of it: a file without a buffer takes less where the disk is nearly full."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
