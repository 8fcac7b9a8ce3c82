"""Tables of a run folder: columns, and CSV files that are complete after every write."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INTERFACE_COLUMNS = (
    "output",
    "time_s",
    "capacity_mAh_cm2",
    "part",
    "x_um",
    "y_um",
    "contact",
    "gap_um",
    "pressure_MPa",
    "current_mA_cm2",
    "supersaturation",
    "solute_fraction",
)
PROFILE_COLUMNS = (
    "output",
    "time_s",
    "capacity_mAh_cm2",
    "side",
    "y_um",
    "supersaturation",
    "solute_fraction",
)
DEPOSIT_COLUMNS = (
    "output",
    "time_s",
    "capacity_mAh_cm2",
    "cycle",
    "stage",
    "x_um",
    "thickness_um",
)
STAGE_COLUMNS = (
    "cycle",
    "stage",
    "kind",
    "start_s",
    "end_s",
    "capacity_mAh_cm2",
    "end",
    "start_voltage_V",
    "end_voltage_V",
    "start_contact_fraction",
    "end_contact_fraction",
    "start_focus_contact",
    "start_focus_applied",
    "end_solute_largest",
    "deposit_mean_um",
    "deposit_largest_um",
    "deposit_smallest_um",
)
EVENT_COLUMNS = (
    "time_s",
    "capacity_mAh_cm2",
    "kind",
    "position_um",
    "size_um",
    "ended",
    "made",
    "detail",
)


@dataclass
class Table:
    """A CSV file that holds whole rows after every write, also where a write finds no room."""

    path: Path
    columns: Sequence[str]
    _begun: bool = False

    def append(self, rows: Sequence[Sequence[Any]]) -> None:
        """Append rows; the header is written first.

        Raises:
            ValueError: if a row has another number of values.
            OSError: if they cannot be written; the file is then as it was.
        """
        text = io.StringIO()
        writer = csv.writer(text)
        if not self._begun:
            writer.writerow(self.columns)
        for row in rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.path.name}: {len(row)} values for {len(self.columns)} columns")
            writer.writerow([f"{v:.12g}" if isinstance(v, float) else v for v in row])
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
