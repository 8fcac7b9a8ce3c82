"""Reading a run folder."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TEXT = ("part", "kind", "side", "end", "parents")
"""Columns that hold words."""


class RecordsError(ValueError):
    """The folder holds no readable run."""


@dataclass(frozen=True)
class RunRecords:
    """Records of one run.

    Attributes:
        folder: run folder.
        manifest: ``manifest.json``.
        series: columns of ``series.csv``.
        interface, profile, deposit, stages, voids: columns of the file of that name (numbers as floats).
        events: rows of ``events.csv``.
        fields: (time in s, file) of ``fields.pvd``.
    """

    folder: Path
    manifest: dict[str, Any]
    series: dict[str, NDArray[Any]]
    interface: dict[str, NDArray[Any]]
    profile: dict[str, NDArray[Any]]
    deposit: dict[str, NDArray[Any]]
    stages: dict[str, NDArray[Any]]
    voids: dict[str, NDArray[Any]]
    events: list[dict[str, str]]
    fields: list[tuple[float, Path]]

    def is_alloy(self) -> bool:
        """Whether the run solved for composition."""
        return bool(np.any(self.series["solute_largest"].astype(float) > 0.0))

    def outputs(self) -> list[int]:
        """Numbers of the outputs in ``interface.csv``."""
        return sorted({int(k) for k in self.interface.get("output", np.empty(0))})

    def roofs(self, output: int) -> NDArray[np.float64]:
        """Roof points (m, 2) of an output, sorted by x."""
        table = self.interface
        pick = (table["output"] == output) & (table["part"] == "roof")
        return np.column_stack([table["x_um"][pick], table["y_um"][pick]]).astype(float)

    def heights(self, output: int, side: str, column: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(y, values) of a column over the height of a side ("left" or "right") in an output."""
        table = self.profile
        pick = (table["output"] == output) & (table["side"] == side)
        return table["y_um"][pick].astype(float), table[column][pick].astype(float)

    def contact(self, output: int, column: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(x, values) of a column along the contact in an output."""
        table = self.interface
        pick = (table["output"] == output) & (table["part"] == "contact")
        return table["x_um"][pick].astype(float), table[column][pick].astype(float)


def read_run(folder: Path) -> RunRecords:
    """Read a run folder.

    Raises:
        RecordsError: if it is not one, or a file is damaged.
    """
    if not (folder / "manifest.json").is_file():
        raise RecordsError(f"{folder} is not a run folder (no manifest.json)")
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        series = _columns(folder / "series.csv")
        tables = {
            name: _columns(folder / f"{name}.csv")
            for name in ("interface", "profile", "deposit", "stages", "voids")
        }
        events = rows(folder / "events.csv")
    except (OSError, ValueError) as error:
        raise RecordsError(f"{folder}: {error}") from None
    if not series or len(next(iter(series.values()))) == 0:
        raise RecordsError(f"{folder}: the run has recorded no step")
    return RunRecords(folder, manifest, series, events=events, fields=_index(folder), **tables)


def rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file, none if it is not there."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _columns(path: Path) -> dict[str, NDArray[Any]]:
    table = rows(path)
    if not table:
        return {}
    columns: dict[str, NDArray[Any]] = {}
    for name in table[0]:
        values = [row[name] for row in table]
        columns[name] = np.array(values) if name in TEXT else np.array([float(v) for v in values])
    return columns


def _index(folder: Path) -> list[tuple[float, Path]]:
    path = folder / "fields.pvd"
    if not path.is_file():
        return []
    found = re.findall(r'timestep="([^"]+)".*?file="([^"]+)"', path.read_text(encoding="utf-8"))
    return [(float(time), folder / name) for time, name in found]
