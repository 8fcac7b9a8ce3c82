"""The results of a parameter study, as ``livoid study`` has written them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from livoid.results import RecordsError, Run
from postprocess import study_table

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from postprocess.study_table import StudyRow
    from solver.study.schema import Study as Plan

__all__ = ["Study"]


class Study:
    """A study folder.

    Attributes:
        folder: study folder.
    """

    folder: Path

    def __init__(self, folder: str | Path) -> None:
        """Name a study folder; it is read at the first use."""
        self.folder = Path(folder)

    @cached_property
    def dataset(self) -> xr.Dataset:
        """Quantities of interest of all runs, with ``units`` and ``long_name`` in the attributes of each.

        A grid has a dimension for each path that varies; other studies have the dimension ``run``.

        Raises:
            RecordsError: if the folder holds no study, or a table is damaged.
        """
        return study_table.dataset(*self._read)

    @property
    def runs(self) -> dict[str, Run]:
        """Runs by their names, those without results too. Raises RecordsError."""
        return {row.name: Run(self.folder / "runs" / row.name) for row in self._read[1]}

    def plot(self) -> Figure:
        """Quantities of interest over what varies.

        Raises:
            RecordsError: if the folder holds no study, or nothing that can be drawn.
        """
        from livoid.pictures import handed_over
        from postprocess.study_plots import study_figure

        drawn = study_figure(*self._read)
        if drawn is None:
            raise RecordsError(
                f"{self.folder}: no numbers that vary, or no results, so there is nothing to draw"
            )
        return handed_over(drawn[0])

    @cached_property
    def _read(self) -> tuple[Plan, list[StudyRow]]:
        return study_table.read_study(self.folder)

    def __repr__(self) -> str:
        """The folder."""
        return f"<Study {self.folder}>"
