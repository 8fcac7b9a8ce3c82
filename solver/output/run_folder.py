"""The run folder: everything a run leaves behind, made, continued and closed. Methods act on rank 0 only.

It holds ``case.toml`` (resolved case), ``manifest.json`` (versions, how the run ended), the tables of
``solver/output/rows.py``, ``fields.pvd`` with ``fields/``, ``run.log`` and ``checkpoint/``.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import logging
import platform
import shutil
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from solver.core import provenance
from solver.core.files import write_atomic
from solver.core.lock import NAME, FolderLock
from solver.core.trees import differences
from solver.output import checkpoint, fields
from solver.output.checkpoint import CheckpointError
from solver.output.rows import ENDED, TABLES, EventRow, LineageRow
from solver.output.tables import Table
from solver.output.voids import lineage_rows

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.interface.population import Population
    from solver.output.columns import Row
    from solver.output.tables import AnyRow

log = logging.getLogger("livoid")

REPLACED = ("case.toml", "manifest.json", TABLES[LineageRow], "fields.pvd")
"""Files that are written whole, under another name first."""
FILES = (*REPLACED, *(f"{name}.tmp" for name in REPLACED), *TABLES.values(), "run.log")
FOLDERS = ("fields", "figures", checkpoint.FOLDER)


class RunFolderError(ValueError):
    """The folder cannot be used for a new run."""


@dataclass
class RunFolder:
    """Writer of one run's records (rank 0)."""

    path: Path
    started: float = field(default_factory=time.monotonic)
    index: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = FolderLock(self.path)

    def create(self, loaded: LoadedCase, ranks: int, *, force: bool) -> None:
        """Make the folder, store the resolved case and the first manifest.

        Raises:
            RunFolderError: if the folder holds something and ``force`` is not given.
            LockedError: if another run is writing into it.
        """
        self._refuse_others_files(force=force)
        self.path.mkdir(parents=True, exist_ok=True)
        self.lock.acquire()
        self._refuse_others_files(force=force)  # of a run that began in between
        self._clear()
        (self.path / "fields").mkdir(exist_ok=True)
        write_atomic(self.path / "case.toml", tomli_w.dumps(loaded.resolved()))
        self._open(loaded, ranks)
        self.table(EventRow).append([])
        self.write_manifest({"status": "running"})

    def _open(self, loaded: LoadedCase, ranks: int) -> None:
        text = tomli_w.dumps(loaded.resolved())
        self._manifest_base: dict[str, Any] = {
            "case_source": loaded.source,
            "case_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "ranks": ranks,
            "host": platform.node(),
            "started": _now(),
            **provenance.versions(),
        }
        self._tables: dict[type[Row], Table[Any]] = {
            row: Table(self.path / name, row) for row, name in TABLES.items() if name not in REPLACED
        }
        self._log_handler = logging.FileHandler(self.path / "run.log", encoding="utf-8")
        self._log_handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(self._log_handler)

    def table(self, row: type[AnyRow]) -> Table[AnyRow]:
        """The table that takes rows of this class."""
        return self._tables[row]

    def write_manifest(self, changes: Mapping[str, Any]) -> None:
        """Write ``manifest.json`` anew (atomically)."""
        data = (
            self._manifest_base | {"wall_time_s": round(time.monotonic() - self.started, 3)} | dict(changes)
        )
        write_atomic(self.path / "manifest.json", json.dumps(data, indent=2) + "\n")

    def finish(self, status: str, message: str, counts: Mapping[str, Any]) -> None:
        """Write the last manifest and close all files."""
        try:
            self.write_manifest({"status": status, "message": message, "finished": _now(), **counts})
        finally:
            self.close()

    def add_fields(self, seconds: float, file: str) -> None:
        """Add a field output to ``fields.pvd``."""
        self.index.append((seconds, file))
        fields.write_index(self.path / "fields.pvd", self.index)

    def write_lineage(self, population: Population) -> None:
        """Write ``lineage.csv`` anew (atomically): where every void came from and what became of it."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(LineageRow.columns())
        writer.writerows(row.values() for row in lineage_rows(population))
        write_atomic(self.path / TABLES[LineageRow], text.getvalue())

    def ended(self, loaded: LoadedCase) -> str | None:
        """How the run in this folder came to its end; None if it can be resumed.

        Raises:
            CheckpointError: if the folder holds no run, or one of another case.
        """
        manifest_file = self.path / "manifest.json"
        if not manifest_file.is_file():
            raise CheckpointError(f"{self.path} is not a run folder; run without --resume to start there")
        stored = tomllib.loads((self.path / "case.toml").read_text(encoding="utf-8"))
        other = differences(stored, loaded.resolved())
        if other:
            lines = "\n".join(f"  {line}" for line in other)
            raise CheckpointError(f"{self.path} holds a run of another case:\n{lines}")
        manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
        done = manifest.get("status") in ENDED
        return f"already {manifest['status']}: {manifest.get('message', '')}" if done else None

    def resume(self, loaded: LoadedCase, ranks: int) -> tuple[Path, dict[str, Any]]:
        """Open the folder of an earlier run of the same case; drop what is newer than its checkpoint.

        Returns:
            The newest complete checkpoint and its header.

        Raises:
            CheckpointError: if there is no complete checkpoint of this case.
            LockedError: if another run is writing into the folder.
        """
        self.ended(loaded)
        self.lock.acquire()
        manifest = json.loads((self.path / "manifest.json").read_text(encoding="utf-8"))
        path, header = checkpoint.newest(self.path)
        files = header["callbacks"]["recorder"]["files"]
        self.started = time.monotonic() - float(files["wall_time_s"])
        self._open(loaded, ranks)
        self._manifest_base["started"] = manifest["started"]
        self._manifest_base["resumed"] = [*manifest.get("resumed", []), header["step"]]
        for table in self._tables.values():
            table.cut(int(files["tables"][table.path.name]))
        self.index = [(float(seconds), str(file)) for seconds, file in files["outputs"]]
        fields.write_index(self.path / "fields.pvd", self.index)
        self.write_manifest({"status": "running"})
        return path, header

    def state(self) -> dict[str, Any]:
        """How far the files have got, for the checkpoint."""
        return {
            "tables": {table.path.name: table.size() for table in self._tables.values()},
            "outputs": self.index,
            "wall_time_s": time.monotonic() - self.started,
        }

    def close(self) -> None:
        """Close the log and give the folder back."""
        log.removeHandler(self._log_handler)
        with contextlib.suppress(OSError):  # nothing is left in its buffer but what found no room
            self._log_handler.close()
        self.lock.release()

    def _refuse_others_files(self, *, force: bool) -> None:
        """Raise RunFolderError if the folder holds something that a new run may not replace."""
        found = {entry.name for entry in self.path.iterdir()} - {NAME} if self.path.exists() else set()
        if found and not force:
            raise RunFolderError(f"{self.path} is not empty; give another --out or --force")
        # a run that was killed while it began has no manifest yet
        if found and "manifest.json" not in found and not found <= {*FILES, *FOLDERS}:
            raise RunFolderError(f"{self.path} is not a run folder; --force only replaces runs")

    def _clear(self) -> None:
        """Remove an earlier run's files, and only those."""
        for name in FILES:
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path / checkpoint.FOLDER, ignore_errors=True)
        for pattern in ("fields/output_*", "figures/*.png"):
            for old in self.path.glob(pattern):
                old.unlink()


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
