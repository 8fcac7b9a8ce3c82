"""CSV files of a run folder that are complete after every write."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

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

    def append(self, rows: Sequence[AnyRow]) -> None:
        """Append rows; the header is written first.

        Raises:
            OSError: if they cannot be written; the file is then as it was.
        """
        text = io.StringIO()
        writer = csv.writer(text)
        if not self._begun:
            writer.writerow(self.row.columns())
        for row in rows:
            writer.writerow([f"{v:.12g}" if isinstance(v, float) else v for v in row.values()])
        before = self.size() if self._begun else 0
        try:
            # "r+b": a table that has gone does not begin anew
            with self.path.open("r+b" if self._begun else "wb", buffering=0) as file:
                file.seek(before)
                data = memoryview(text.getvalue().encode())
                while data:
                    data = data[file.write(data) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                os.truncate(self.path, before)
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._begun = True

    def size(self) -> int:
        """Bytes written so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    def cut(self, size: int) -> None:
        """Drop all but the first ``size`` bytes and go on after them."""
        if size == 0:
            self.path.unlink(missing_ok=True)
        else:
            os.truncate(self.path, size)
        self._begun = size > 0
