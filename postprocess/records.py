"""Reading a run folder: its manifest, and its tables as typed columns."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from solver.output import rows

if TYPE_CHECKING:
    from solver.output.columns import Row

Columns = dict[str, NDArray[Any]]
"""Columns of a table by name; none where it has no rows."""


class RecordsError(ValueError):
    """The folder holds no readable run."""


@dataclass(frozen=True)
class RunRecords:
    """Records of one run; units and meanings of the columns are in ``solver/output/rows.py``.

    Attributes:
        folder: run folder.
        manifest: ``manifest.json``.
        series, interface, profile, stages, voids: columns of the table of that name.
        plated: columns of ``deposit.csv``.
        events: rows of ``events.csv``.
        fields: (time in s, file) of ``fields.pvd``.
    """

    folder: Path
    manifest: dict[str, Any]
    series: Columns
    interface: Columns
    profile: Columns
    plated: Columns
    stages: Columns
    voids: Columns
    events: list[dict[str, Any]]
    fields: list[tuple[float, Path]]

    def is_alloy(self) -> bool:
        """Whether the run solved for composition."""
        return bool(np.any(self.series["solute_largest"].astype(float) > 0.0))

    def has_memory(self) -> bool:
        """Whether contact of the run had another resistance once it had parted (not in runs of old)."""
        series = self.series
        return "active_fraction" in series and bool(
            np.any(series["active_fraction"] != series["contact_fraction"])
        )

    def outputs(self) -> list[int]:
        """Numbers of the outputs in ``interface.csv``."""
        return sorted({int(k) for k in self.interface.get("output", np.empty(0))})

    def roofs(self, output: int) -> NDArray[np.float64]:
        """Roof points (m, 2) of an output, sorted by x."""
        table = self.interface
        pick = (table["output"] == output) & (table["part"] == "roof")
        return np.column_stack([table["x_um"][pick], table["y_um"][pick]]).astype(float)

    def is_solid(self) -> bool:
        """Whether the run is three-dimensional: its voids have two places on the interface and a height."""
        heights = self.voids.get("z_um", np.empty(0)).astype(float)
        return bool(len(heights) and np.all(np.isfinite(heights)))

    def time_of(self, output: int) -> float:
        """Time (s) of an output in ``interface.csv``."""
        return float(self.interface["time_s"][self.interface["output"] == output][0])

    def void_spans(self, output: int) -> list[tuple[float, float]]:
        """(left, right) in um of the stretches of the interface over which voids stand in an output, in
        2-D."""
        if not self.voids:
            return []
        pick = self.voids["output"] == output
        ends = (self.voids[name][pick].astype(float) for name in ("left_um", "right_um"))
        return sorted(zip(*(map(float, values) for values in ends), strict=True))

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
        fields = _index(folder)
    except (OSError, ValueError) as error:
        raise RecordsError(f"{folder}: {error}") from None
    series = read_table(folder, rows.SeriesRow)
    if not series:
        raise RecordsError(f"{folder}: the run has recorded no step")
    events = read_table(folder, rows.EventRow)
    return RunRecords(
        folder,
        manifest,
        series,
        interface=read_table(folder, rows.InterfaceRow),
        profile=read_table(folder, rows.ProfileRow),
        plated=read_table(folder, rows.PlatedThicknessRow),
        stages=read_table(folder, rows.StageRow),
        voids=read_table(folder, rows.VoidRow),
        events=[dict(zip(events, values, strict=True)) for values in zip(*events.values(), strict=True)],
        fields=fields,
    )


def read_table(folder: Path, row: type[Row]) -> Columns:
    """Columns of a table of a run folder, with the types of its rows; none if the file is not there.

    Raises:
        RecordsError: if the file is damaged.
    """
    path = folder / rows.TABLES[row]
    if not path.is_file():
        return {}
    types, optional = row.types(), row.optional()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows with too many values
            table = pd.read_csv(
                path,
                index_col=False,
                dtype={name: kind for name, kind in types.items() if name not in optional},
                # what is empty is a damaged number, or a word without letters
                keep_default_na=False,
                na_values={name: ["nan", ""] if name in optional else ["nan"] for name in types},
                float_precision="round_trip",
            )
    except pd.errors.EmptyDataError:
        return {}
    except (OSError, ValueError, OverflowError, pd.errors.ParserWarning) as error:
        raise RecordsError(f"{path}: {error}") from None
    if table.empty:
        return {}
    return {str(name): table[name].to_numpy(str if types.get(str(name)) is str else None) for name in table}


def _index(folder: Path) -> list[tuple[float, Path]]:
    path = folder / "fields.pvd"
    if not path.is_file():
        return []
    found = re.findall(r'timestep="([^"]+)".*?file="([^"]+)"', path.read_text(encoding="utf-8"))
    return [(float(time), folder / name) for time, name in found]
