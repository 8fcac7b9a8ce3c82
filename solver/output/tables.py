"""CSV files of a run folder that are complete after every write."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from solver.core import digests
from solver.core.digests import DamagedError
from solver.core.plain_text import TableWriter
from solver.output.columns import Row

AnyRow = TypeVar("AnyRow", bound=Row)


@dataclass
class Table(Generic[AnyRow]):
    """A CSV file that holds whole rows after every write, also where a write finds no room.

    Attributes:
        path: of the file.
        row: class of its rows.
    """

    path: Path
    row: type[AnyRow]
    _begun: bool = False
    _digest: Any = field(default_factory=digests.new)
    _length: int = 0
    _lasting: int = 0

    def append(self, rows: Sequence[AnyRow]) -> None:
        """Append rows; the header is written first.

        Raises:
            OSError: if they cannot be written; the file is then as it was.
        """
        text = io.StringIO()
        writer = TableWriter(text)
        if not self._begun:
            writer.writerow(self.row.columns())
        for row in rows:
            writer.writerow([f"{v:.12g}" if isinstance(v, float) else v for v in row.values()])
        before, whole = self.size() if self._begun else 0, text.getvalue().encode()
        try:
            # "r+b": a table that has gone does not begin anew
            with self.path.open("r+b" if self._begun else "wb", buffering=0) as file:
                file.seek(before)
                data = memoryview(whole)
                while data:
                    data = data[file.write(data) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                os.truncate(self.path, before)
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._digest.update(whole)
        self._length += len(whole)
        self._begun = True

    def size(self) -> int:
        """Bytes written so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    def written(self) -> dict[str, Any]:
        """How many bytes this run has written, and their digest, for a checkpoint; they are on disk then."""
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
        self._begun, self._length, self._lasting = size > 0, size, size
