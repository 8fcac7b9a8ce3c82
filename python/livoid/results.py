"""What a run has written: tables, fields, figures. Reading needs nothing of what solves."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from livoid.case import Case
from livoid.tables import frame
from postprocess.quantities import QUANTITIES, quantities
from postprocess.records import RecordsError, read_run
from solver.output import rows

if TYPE_CHECKING:
    import pyvista
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from postprocess.records import RunRecords

__all__ = ["RecordsError", "Run"]


class Run:
    """A run folder.

    Tables are pandas DataFrames with the columns of the files; ``attrs["units"]``, ``attrs["labels"]`` and
    ``attrs["meanings"]`` say what they are. All is read once, at its first use: of a run that goes on make
    another ``Run``.

    Attributes:
        folder: run folder.
    """

    folder: Path

    def __init__(self, folder: str | Path) -> None:
        """Name a run folder; it is read at the first use."""
        self.folder = Path(folder)

    @cached_property
    def records(self) -> RunRecords:
        """All records as arrays, as figures and reports use them.

        Raises:
            RecordsError: if the folder holds no run, or a file is damaged.
        """
        return read_run(self.folder)

    @property
    def manifest(self) -> dict[str, Any]:
        """``manifest.json``: status, versions, scales, the case's digest."""
        return self.records.manifest

    @property
    def status(self) -> str:
        """How the run ended: finished, event, cutoff, failed, interrupted, aborted; or running."""
        return str(self.manifest["status"])

    @property
    def message(self) -> str:
        """How the run ended, in words."""
        return str(self.manifest.get("message", ""))

    @cached_property
    def case(self) -> Case:
        """The case, whole, as it was run."""
        return Case.load(self.folder / "case.toml")

    @cached_property
    def series(self) -> pd.DataFrame:
        """A row for each step: time, capacity, overpotential and its shares, contact, voids, balances."""
        return frame(self.records.series, rows.SeriesRow.columns())

    @cached_property
    def voids(self) -> pd.DataFrame:
        """A row for each void of each output: place, width, height."""
        return frame(self.records.voids, rows.VoidRow.columns())

    @cached_property
    def events(self) -> pd.DataFrame:
        """A row for each event: voids that opened, met, split, closed, and what ended the run."""
        return frame(self.records.events, rows.EventRow.columns())

    @cached_property
    def interface(self) -> pd.DataFrame:
        """Points along the interface, on the contact and on roofs, of each output."""
        return frame(self.records.interface, rows.InterfaceRow.columns())

    @cached_property
    def profile(self) -> pd.DataFrame:
        """Composition and vacancies over the height of both sides, of each output."""
        return frame(self.records.profile, rows.ProfileRow.columns())

    @cached_property
    def stages(self) -> pd.DataFrame:
        """A row for each stage of the protocol that has ended."""
        return frame(self.records.stages, rows.StageRow.columns())

    @cached_property
    def deposit(self) -> pd.DataFrame:
        """Thickness plated along the interface, of each output."""
        return frame(self.records.plated, rows.PlatedThicknessRow.columns())

    @cached_property
    def quantities(self) -> pd.Series[float]:
        """Quantities of interest, such as the capacity at the first coalescence; NaN for what did not happen.

        ``attrs["units"]`` and ``attrs["meanings"]`` by name.
        """
        made = pd.Series(quantities(self.records), name=self.folder.name)
        made.attrs["units"] = {name: about.unit for name, about in QUANTITIES.items()}
        made.attrs["meanings"] = {name: about.description for name, about in QUANTITIES.items()}
        return made

    @property
    def field_times(self) -> NDArray[np.float64]:
        """Times (s) at which fields were written."""
        return np.array([time for time, _ in self.records.fields], dtype=float)

    def fields(self, time: float | None = None) -> pyvista.UnstructuredGrid:
        """Fields on the mesh (um), of the output nearest to a time.

        Args:
            time: s (default: the last output).

        Raises:
            RecordsError: if the run has written none.
        """
        import pyvista

        if not self.records.fields:
            raise RecordsError(f"{self.folder}: the run has written no fields (output.fields)")
        nearest = -1 if time is None else int(np.argmin(np.abs(self.field_times - time)))
        file = self.records.fields[nearest][1]
        if not file.is_file():
            raise RecordsError(f"{file} is missing")
        return pyvista.read(str(file))

    def plot(self, name: str = "history") -> Figure:
        """One of the figures of ``livoid plot``.

        Args:
            name: history, shape, interface, composition, deposit or fields.

        Raises:
            RecordsError: if the run has no records for it; the message names those that there are.
        """
        from livoid.pictures import handed_over
        from postprocess.plots import drawings

        possible = drawings(self.records)
        if name not in possible:
            raise RecordsError(f"{self.folder}: no figure '{name}'; there are {', '.join(possible)}")
        return handed_over(possible[name](self.records))

    def __repr__(self) -> str:
        """The folder."""
        return f"<Run {self.folder}>"
