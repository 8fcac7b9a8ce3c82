"""The run folder: everything a run leaves behind. All methods act on rank 0 only.

Files: ``case.toml`` (resolved case), ``manifest.json``, ``series.csv`` (one row per step),
``stages.csv`` (one row per step of the protocol), ``voids.csv``, ``interface.csv``, ``profile.csv`` and
``deposit.csv`` (per output), ``events.csv``, ``fields.pvd`` with ``fields/``, ``run.log``,
``checkpoint.npz``.
"""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import tomli_w
from numpy.typing import NDArray

from meshes.profile import InterfaceProfile
from solver import fields, provenance
from solver.case import LoadedCase
from solver.events import Event, full_width

log = logging.getLogger("livoid")

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
VOID_COLUMNS = (
    "output",
    "time_s",
    "capacity_mAh_cm2",
    "void",
    "left_um",
    "right_um",
    "width_um",
    "height_um",
    "measure_um",
)
EVENT_COLUMNS = ("time_s", "capacity_mAh_cm2", "kind", "position_um", "size_um", "detail")


class RunFolderError(ValueError):
    """The folder cannot be used for a new run."""


@dataclass
class Table:
    """A CSV file that is flushed after every write."""

    path: Path
    columns: Sequence[str]
    _file: TextIO | None = None

    def append(self, rows: Sequence[Sequence[Any]]) -> None:
        """Append rows; the header is written first."""
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8", newline="")
            csv.writer(self._file).writerow(self.columns)
        writer = csv.writer(self._file)
        for row in rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.path.name}: {len(row)} values for {len(self.columns)} columns")
            writer.writerow([f"{v:.12g}" if isinstance(v, float) else v for v in row])
        self._file.flush()

    def close(self) -> None:
        """Close the file if it was opened."""
        if self._file is not None:
            self._file.close()


@dataclass
class RunFolder:
    """Writer of one run's records (rank 0)."""

    path: Path
    series_columns: Sequence[str]
    started: float = field(default_factory=time.time)
    index: list[tuple[float, str]] = field(default_factory=list)

    def create(self, loaded: LoadedCase, ranks: int, *, force: bool) -> None:
        """Make the folder, store the resolved case and the first manifest.

        Raises:
            RunFolderError: if the folder holds something and ``force`` is not given.
        """
        if self.path.exists() and any(self.path.iterdir()):
            if not force:
                raise RunFolderError(f"{self.path} is not empty; give another --out or --force")
            self._clear()
        (self.path / "fields").mkdir(parents=True, exist_ok=True)
        text = tomli_w.dumps(loaded.resolved())
        (self.path / "case.toml").write_text(text, encoding="utf-8")
        self.case_hash = hashlib.sha256(text.encode()).hexdigest()
        self._manifest_base = {
            "case_source": loaded.source,
            "case_sha256": self.case_hash,
            "ranks": ranks,
            "host": platform.node(),
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(self.started)),
            **provenance.versions(),
        }
        self.series = Table(self.path / "series.csv", self.series_columns)
        self.voids = Table(self.path / "voids.csv", VOID_COLUMNS)
        self.interface = Table(self.path / "interface.csv", INTERFACE_COLUMNS)
        self.profile = Table(self.path / "profile.csv", PROFILE_COLUMNS)
        self.deposit = Table(self.path / "deposit.csv", DEPOSIT_COLUMNS)
        self.stages = Table(self.path / "stages.csv", STAGE_COLUMNS)
        self.events = Table(self.path / "events.csv", EVENT_COLUMNS)
        self.events.append([])
        self._log_handler = logging.FileHandler(self.path / "run.log", encoding="utf-8")
        self._log_handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(self._log_handler)
        self.write_manifest({"status": "running"})

    def write_manifest(self, changes: Mapping[str, Any]) -> None:
        """Write ``manifest.json`` anew (atomically)."""
        data = self._manifest_base | {"wall_time_s": round(time.time() - self.started, 3)} | dict(changes)
        write_atomic(self.path / "manifest.json", json.dumps(data, indent=2) + "\n")

    def add_fields(self, seconds: float, file: str) -> None:
        """Add a field output to ``fields.pvd``."""
        self.index.append((seconds, file))
        fields.write_index(self.path / "fields.pvd", self.index)

    def add_voids(self, output: int, seconds: float, capacity: float, profile: InterfaceProfile) -> None:
        """Append one row per void."""
        rows = []
        for k, roof in enumerate(profile.roofs):
            left, right = profile.void_extent(k)
            rows.append(
                (
                    output,
                    seconds,
                    capacity,
                    k,
                    left,
                    right,
                    full_width(profile, k),
                    float(roof[:, 1].max()),
                    profile.void_measure(k),
                )
            )
        self.voids.append(rows)

    def add_event(self, seconds: float, capacity: float, event: Event) -> None:
        """Append an event."""
        row = (seconds, capacity, event.kind, event.position, event.size, event.detail)
        self.events.append([row])

    def write_checkpoint(self, state: Mapping[str, Any], profile: InterfaceProfile) -> None:
        """Write the state that a run can start again from: time, step and geometry (atomically).

        The fields are quasi-static: they follow from the geometry.
        """
        arrays: dict[str, NDArray[Any]] = {f"roof_{k}": roof for k, roof in enumerate(profile.roofs)}
        header = dict(state) | {
            "case_sha256": self.case_hash,
            "roofs": len(profile.roofs),
            "width": profile.width,
            "metal_height": profile.metal_height,
            "electrolyte_depth": profile.electrolyte_depth,
        }
        temporary = self.path / "checkpoint.tmp.npz"
        arrays["header"] = np.array(json.dumps(header))
        np.savez(temporary, allow_pickle=False, **arrays)
        os.replace(temporary, self.path / "checkpoint.npz")

    def close(self) -> None:
        """Close all files."""
        for table in self._tables():
            table.close()
        log.removeHandler(self._log_handler)
        self._log_handler.close()

    def _tables(self) -> tuple[Table, ...]:
        return (
            self.series,
            self.voids,
            self.interface,
            self.profile,
            self.deposit,
            self.stages,
            self.events,
        )

    def _clear(self) -> None:
        """Remove an earlier run's files, and only those."""
        if not (self.path / "manifest.json").exists():
            raise RunFolderError(f"{self.path} is not a run folder; --force only replaces runs")
        names = ("series", "voids", "interface", "profile", "deposit", "stages", "events")
        tables = [f"{name}.csv" for name in names]
        known = ("case.toml", "manifest.json", "run.log", "checkpoint.npz", "fields.pvd", *tables)
        for name in known:
            (self.path / name).unlink(missing_ok=True)
        for pattern in ("fields/output_*", "figures/*.png"):
            for old in self.path.glob(pattern):
                old.unlink()


def write_atomic(path: Path, text: str) -> None:
    """Replace a text file in one go."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
