"""What predictions have found: tables, and the figures of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livoid.pictures import handed_over

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from livoid.case import Case


@dataclass(frozen=True)
class Thresholds:
    """Threshold pressures over current, temperature, metal, creep law and voids.

    Attributes:
        case: that they were asked of.
        table: a row for each setting, with the columns of ``threshold.csv``; 0 MPa
            where voids shrink at every pressure, infinite where they grow at every one, NaN where a solve
            failed.
    """

    case: Case
    table: pd.DataFrame

    def plot(self) -> Figure:
        """Threshold pressure over current; bars: the spread of creep laws and voids."""
        from postprocess.threshold import threshold_figure, with_given

        return handed_over(threshold_figure(with_given(self.table), self.case.loaded.case.title))


@dataclass(frozen=True)
class Focusing:
    """Current focusing over contact fraction and Wagner number.

    Attributes:
        table: a row for each array of voids, with the columns of ``focus.csv``; lengths are over the cell's
            half-width.
        discs: a row for each Wagner number of an isolated contact, with the columns of ``disc.csv``; lengths
            are over its radius.
    """

    table: pd.DataFrame
    discs: pd.DataFrame

    def plot(self) -> Figure:
        """Largest current density and constriction of the arrays over their contact fraction."""
        from postprocess.focus import focus_figure

        if self.table.empty:
            raise ValueError("an isolated disc has no figure: its numbers are in discs")
        return handed_over(focus_figure(self.table))


@dataclass(frozen=True)
class CriticalSizes:
    """Void sizes at which the fate changes.

    Attributes:
        case: that they were asked of.
        crossings: a row for each such size: ``kind`` (instant, evolution), ``half_width`` (um) with the
            uncertainties ``bisection`` and ``mesh`` (um), and what happens ``below`` and ``above`` it.
        trials: a row for each size that was tried, with the columns of ``critical.csv``.
        answers: what was found, in words.
    """

    case: Case
    crossings: pd.DataFrame
    trials: pd.DataFrame
    answers: list[str]

    def plot(self) -> Figure:
        """What becomes of voids over their size; lines: critical sizes."""
        from postprocess.critical import ROWS, sizes_figure

        rows = self.crossings.to_dict("records")
        return handed_over(
            sizes_figure(self.trials, {kind: [row for row in rows if row["kind"] == kind] for kind in ROWS})
        )
