"""The run folder: everything a run leaves behind, made, continued and closed. Methods act on rank 0 only.

A new run claims the folder (:meth:`RunFolder.claim`: lock, and whose it is) before it is set up, and replaces
what is there (:meth:`RunFolder.create`) once its first mesh is made; until then nothing changes but the lock.
One that goes on does likewise: :meth:`RunFolder.reopen` verifies, :meth:`RunFolder.go_on` cuts the tables
once mesh and fields are read.

It holds ``case.toml`` (resolved case), ``manifest.json`` (versions, how the run ended), the tables of
``solver/output/rows.py``, ``fields.pvd`` with ``fields/``, ``run.log`` and ``checkpoint/``.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import logging.handlers
import platform
import re
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from solver.core import process, provenance
from solver.core.digests import DamagedError
from solver.core.files import write_atomic
from solver.core.lock import FolderLock
from solver.core.ownership import ForeignFolderError, Marker, Results, refuse_links
from solver.core.plain_text import PlainFormatter, TableWriter
from solver.core.trees import differences
from solver.output import checkpoint, fields
from solver.output.checkpoint import CheckpointError
from solver.output.rows import ENDED, TABLES, EventRow, LineageRow
from solver.output.tables import Table
from solver.output.voids import lineage_rows
from solver.output.warning_list import WarningList
from solver.setup import continuation

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.interface.population import Population
    from solver.output.columns import Row
    from solver.output.tables import AnyRow, Growing

log = logging.getLogger("livoid")

MANIFEST = "manifest.json"
INDEX = "fields.pvd"
REPLACED = ("case.toml", MANIFEST, TABLES[LineageRow])
"""Files that are written whole, under another name first."""
FILES = (*REPLACED, *(f"{name}.tmp" for name in REPLACED), *TABLES.values(), INDEX, f"{INDEX}.tmp", "run.log")
"""What a new run removes; the manifest, which says whose the folder is, is written over."""
FOLDERS = ("fields", "figures", "microscope", checkpoint.FOLDER)
SHOWN = ("figures", "microscope")
"""Where files are that were made of a run's records; these folders have a list of them."""
SHOWN_BEFORE = re.compile(
    r"(history|shape|interface|composition|deposit|fields|film-stills)\.png|film\.mp4"
    r"|(sem|eds|profile)-\d{5}\.(png|csv)|frames\.csv|microscope\.json"
)
"""Names of such files of versions that made no list."""
FIELDS = re.compile(r"output_\d{5,}(\.pvd|\d{6}\.pvtu|_p\d+_\d{6}\.vtu)")
"""Names of the files of a field output."""
BEGINNING = "starting"
"""Status of a run that has claimed its folder and not yet replaced what was there."""
MARKER = Marker(
    kind="run folder",
    key="livoid_run",
    file=MANIFEST,
    earlier=lambda manifest: (
        isinstance(manifest.get("livoid"), str)
        and len(str(manifest.get("case_sha256"))) == hashlib.sha256().digest_size * 2
    ),
)

EARLY_LINES = 10_000
"""Lines of the log that are kept until the folder is the new run's."""


class RunFolderError(ValueError):
    """The folder cannot be used for a new run."""


@dataclass
class RunFolder:
    """Writer of one run's records (rank 0)."""

    path: Path
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.lock = FolderLock(self.path)
        self.marker = MARKER.new()
        self._made: list[Path] = []
        self._warned = WarningList()
        self._early = logging.handlers.MemoryHandler(EARLY_LINES, logging.CRITICAL + 1)
        self._log_handler: logging.Handler | None = None

    def claim(self, *, force: bool) -> None:
        """Take the folder for a new run; nothing in it changes but the lock.

        Raises:
            RunFolderError: if the folder holds a run and ``force`` is not given.
            ForeignFolderError: if it holds what livoid has not made.
            LockedError: if another run is writing into it.
        """
        self.check(force=force)
        self._made = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.lock.acquire()
            self.check(force=force)  # a run may have begun in between
        except BaseException:
            self.abandon()
            raise
        for handler in (self._early, self._warned):
            log.addHandler(handler)

    def check(self, *, force: bool) -> None:
        """Raise RunFolderError or ForeignFolderError if the folder holds what a new run may not replace."""
        if MARKER.look(self.path) is not None:
            if not force:
                raise RunFolderError(f"{self.path} is not empty; give another --out or --force")
            refuse_links(self.path, FOLDERS)

    def abandon(self) -> None:
        """Give back a folder that was claimed; all is as it was before."""
        log.removeHandler(self._early)
        log.removeHandler(self._warned)
        self._early.close()
        if self._log_handler is not None:
            self.close()
            return
        self.lock.undo()
        with contextlib.suppress(OSError):
            for folder in self._made:
                folder.rmdir()

    def create(self, loaded: LoadedCase, ranks: int, numbers: Mapping[str, Any]) -> None:
        """Replace what is there by a new run: its marker first, the resolved case, the first manifest.

        Args:
            loaded: case.
            ranks: of this run.
            numbers: of the case, for the manifest.
        """
        text = tomli_w.dumps(loaded.resolved())
        self._versions = provenance.versions()
        self._manifest_base = self._described(loaded, text, ranks, numbers)
        self._manifest_base["made_by"] = [{"from_step": 0, **self._versions}]
        if (self.path / MANIFEST).is_file():
            adopt(self.path)
        self.write_manifest({"status": BEGINNING})
        self._clear()
        (self.path / "fields").mkdir(exist_ok=True)
        write_atomic(self.path / "case.toml", text)
        self._open()
        self.table(EventRow).append([])
        self.write_manifest({"status": "running"})

    def _described(
        self, loaded: LoadedCase, text: str, ranks: int, numbers: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What the manifest says from the beginning to the end of a run, its marker first."""
        return {
            MARKER.key: self.marker,
            "case_source": loaded.source,
            "case_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "ranks": ranks,
            "host": platform.node(),
            "process": process.identity(),
            "started": _now(),
            **self._versions,
            **numbers,
        }

    def _open(self) -> None:
        """Open the tables and the log, which gets what was said since the folder was claimed."""
        self._tables, self._index = _tables(self.path), fields.FieldIndex(self.path / INDEX)
        self._log_handler = logging.FileHandler(self.path / "run.log", encoding="utf-8")
        self._log_handler.setFormatter(PlainFormatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(self._log_handler)
        log.removeHandler(self._early)
        self._early.setTarget(self._log_handler)
        self._early.close()

    def _growing(self) -> list[Growing]:
        """The files that outputs and steps add to."""
        return [*self._tables.values(), self._index]

    def table(self, row: type[AnyRow]) -> Table[AnyRow]:
        """The table that takes rows of this class."""
        return self._tables[row]

    def write_manifest(self, changes: Mapping[str, Any]) -> None:
        """Write ``manifest.json`` anew (atomically)."""
        said = {"wall_time_s": round(time.monotonic() - self.started, 3), "warnings": self._warned.said}
        data = self._manifest_base | said | dict(changes)
        write_atomic(self.path / MANIFEST, json.dumps(data, indent=2) + "\n")

    def finish(self, status: str, message: str, counts: Mapping[str, Any]) -> None:
        """Write the last manifest and close all files."""
        try:
            self.write_manifest({"status": status, "message": message, "finished": _now(), **counts})
        finally:
            self.close()

    def add_fields(self, seconds: float, file: str) -> None:
        """Add a field output to ``fields.pvd``."""
        self._index.append(seconds, file)

    def write_lineage(self, population: Population) -> None:
        """Write ``lineage.csv`` anew (atomically): where every void came from and what became of it."""
        text = io.StringIO()
        writer = TableWriter(text)
        writer.writerow(LineageRow.columns())
        writer.writerows(row.values() for row in lineage_rows(population))
        write_atomic(self.path / TABLES[LineageRow], text.getvalue())

    def ended(self, loaded: LoadedCase, *, extend: bool = False) -> str | None:
        """How the run in this folder came to its end; None if it can be resumed.

        Args:
            loaded: case.
            extend: whether it may differ in what has not been computed yet; then a run goes on after its end.

        Raises:
            CheckpointError: if the folder holds no run, or one of another case.
        """
        if not (self.path / MANIFEST).is_file():
            raise CheckpointError(f"{self.path} is not a run folder; run without --resume to start there")
        try:
            manifest = MARKER.read(self.path)
        except ForeignFolderError as error:
            raise CheckpointError(str(error)) from None
        if manifest.get("status") == BEGINNING:
            raise CheckpointError(f"{self.path} holds a run that was broken off as it began; use --force")
        try:
            stored = self._stored = tomllib.loads((self.path / "case.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise CheckpointError(
                f"{self.path / 'case.toml'} cannot be read ({error}); use --force"
            ) from None
        other = continuation.other_case(stored, loaded.resolved(), extend=extend)
        if other:
            lines = "\n".join(f"  {line}" for line in other)
            raise CheckpointError(f"{self.path} holds a run of another case:\n{lines}")
        done = manifest.get("status") in ENDED and stored == loaded.resolved()
        return f"already {manifest['status']}: {manifest.get('message', '')}" if done else None

    def reopen(self, loaded: LoadedCase, *, extend: bool = False) -> tuple[Path, dict[str, Any]]:
        """Take the folder of an earlier run of the same case to go on; nothing in it changes but the lock.

        Returns:
            The newest checkpoint that is whole and goes with the tables, and its header.

        Raises:
            CheckpointError: if there is none of this case.
            ForeignFolderError: if a file of the run is a link.
            LockedError: if another run is writing into the folder.
        """
        self.ended(loaded, extend=extend)
        refuse_links(self.path, FILES)
        self.lock.acquire()
        for handler in (self._early, self._warned):
            log.addHandler(handler)
        try:
            path, header, refused = self.usable()
            if altered := continuation.computed_already(self._stored, loaded, header["clock"]):
                raise CheckpointError("\n  ".join([f"{self.path} has been computed:", *altered]))
            self._versions = provenance.versions()
            for line in refused:
                log.warning("%s", line)
            if refused:
                log.warning("going on from the one before, %s", path.name)
            for line in differences(_states(header)["versions"], self._versions):
                log.warning("going on with another version than wrote the checkpoint: %s", line)
        except BaseException:
            self.abandon()
            raise
        return path, header

    def usable(self) -> tuple[Path, dict[str, Any], list[str]]:
        """The newest checkpoint that is whole and goes with the tables, its header, why newer ones do not.

        Raises:
            CheckpointError: if there is none.
            ForeignFolderError: if the folder holds no run.
        """
        self._earlier = MARKER.read(self.path)
        self.marker = self._earlier[MARKER.key]
        return checkpoint.newest(self.path, self._fits)

    def _fits(self, header: Mapping[str, Any]) -> None:
        """Raise DamagedError unless a checkpoint is of this run and the tables begin as it has noted."""
        states = _states(header)
        if states["run"] != self.marker["id"]:
            raise DamagedError("it is of another run")
        for file in (*_tables(self.path).values(), fields.FieldIndex(self.path / INDEX)):
            file.check(states["tables"][file.path.name])

    def go_on(
        self, saved: tuple[Path, dict[str, Any]], loaded: LoadedCase, ranks: int, numbers: Mapping[str, Any]
    ) -> None:
        """Go on from a checkpoint that :meth:`reopen` has found: drop what is newer.

        Raises:
            DamagedError: if a table has become shorter than at the checkpoint.
        """
        path, header = saved
        states, earlier = _states(header), self._earlier
        self.started = time.monotonic() - float(states["wall_time_s"])
        self._manifest_base = self._described(loaded, tomli_w.dumps(loaded.resolved()), ranks, numbers)
        self._warned.said[:0] = earlier.get("warnings", [])
        self._manifest_base |= {
            "started": earlier["started"],
            "resumed": [*earlier.get("resumed", []), header["step"]],
        }
        self._manifest_base["made_by"] = _made_by(earlier, header["step"], self._versions)
        self._open()
        changed, so_far = differences(self._stored, loaded.resolved()), list(earlier.get("changed", []))
        if changed:
            log.info("going on from step %d with another case: %s", header["step"], "; ".join(changed))
            so_far.append({"from_step": header["step"], "changes": changed})
            write_atomic(self.path / "case.toml", tomli_w.dumps(loaded.resolved()))
        self._manifest_base |= {"changed": so_far} if so_far else {}
        for file in self._growing():
            file.cut(int(states["tables"][file.path.name]["bytes"]))
        checkpoint.set_aside(path)
        self.write_manifest({"status": "running"})

    def state(self) -> dict[str, Any]:
        """Whose the files are and how far they have got, for the checkpoint."""
        return {
            "run": self.marker["id"],
            "versions": self._versions,
            "tables": {file.path.name: file.written() for file in self._growing()},
            "wall_time_s": time.monotonic() - self.started,
        }

    def close(self) -> None:
        """Close the log and give the folder back."""
        log.removeHandler(self._warned)
        if self._log_handler is not None:
            log.removeHandler(self._log_handler)
            with contextlib.suppress(OSError):  # nothing is left in its buffer but what found no room
                self._log_handler.close()
            self._log_handler = None
        self.lock.release()

    def _clear(self) -> None:
        """Remove an earlier run's files, and only those."""
        for name in (name for name in FILES if name != MANIFEST):
            (self.path / name).unlink(missing_ok=True)
        checkpoint.remove_all(self.path)
        for old in (self.path / "fields").glob("output_*"):
            if FIELDS.fullmatch(old.name):
                old.unlink()
        for name in SHOWN:
            Results(self.path / name).remove()


def _tables(folder: Path) -> dict[type[Row], Table[Any]]:
    return {row: Table(folder / name, row) for row, name in TABLES.items() if name not in REPLACED}


def adopt(folder: Path) -> None:
    """Take figures for livoid's in a run folder of a version that made no list of them.

    Raises:
        ForeignFolderError: if it is no run folder.
    """
    if "made_by" not in MARKER.read(folder):
        Results(folder / "figures").adopt(SHOWN_BEFORE)
        if (folder / "microscope" / "microscope.json").is_file():
            Results(folder / "microscope").adopt(SHOWN_BEFORE)


def _states(header: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint says of the files of its run (:meth:`RunFolder.state`)."""
    return dict(header["callbacks"]["recorder"]["files"])


def _made_by(earlier: Mapping[str, Any], step: int, versions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All versions that have worked on a run, each with the step from which; the same one counts once."""
    first = {key: earlier[key] for key in versions if key in earlier}
    known: list[dict[str, Any]] = list(earlier.get("made_by") or [{"from_step": 0, **first}])
    if {**known[-1], "from_step": step} != {"from_step": step, **versions}:
        known.append({"from_step": step, **versions})
    return known


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
