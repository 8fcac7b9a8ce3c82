"""The runs of a calibration: each wave is a study, which goes on where it was broken off.

A run that failed says nothing and is left out; how many there are is said. Draws of the voids are runs of the
same point with other ``voids.seed``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tomli_w

from postprocess.records import RecordsError, read_run
from solver.calibration.observables import statistic
from solver.core.files import update
from solver.core.ownership import Results
from solver.study.marks import ended

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from solver.calibration.calibrate import ParameterValues
    from solver.calibration.schema import Cell, Plan

    Values = NDArray[np.float64]
    Engine = Callable[[Path, Path, None], object]
    """Prepares a study file in a study folder and runs what has not been run (:mod:`solver.cli.engine`)."""

SEED = "voids.seed"


class BrokenOffError(RuntimeError):
    """Runs of a wave have no result: the same command goes on."""


class StudyModel:
    """Observables of a case by runs: the model of :func:`solver.calibration.calibrate.calibrate`.

    Args:
        plan: of the calibration.
        folder: of its results.
        engine: what runs a study.
    """

    def __init__(self, plan: Plan, folder: Path, engine: Engine) -> None:
        self._plan, self._folder, self._engine = plan, folder, engine
        self.failed = 0

    def __call__(self, wave: int, points: Sequence[ParameterValues]) -> Values:
        """Run a wave; returns the observables (points, draws, observables).

        Raises:
            BrokenOffError: if runs have no result.
            CaseError: if a point is no valid case.
        """
        plan = self._plan
        found = np.full((len(points), max(map(plan.draws, plan.cells)), len(plan.observables)), np.nan)
        for number, cell in enumerate(plan.cells):
            mine = [k for k, observable in enumerate(plan.observables) if observable.cell == number]
            name = f"wave-{wave}" if len(plan.cells) == 1 else f"wave-{wave}-cell-{number + 1}"
            study, file = self._folder / name, f"{name}.toml"
            with Results(self._folder).making(file):
                update(self._folder / file, tomli_w.dumps({"study": self._study(name, cell, points)}))
            self._engine(self._folder / file, study, None)
            draws = plan.draws(cell)
            for k in range(len(points) * draws):
                found[k // draws, k % draws, mine] = self._of(study, f"run-{k + 1:04d}", mine, cell.planned)
        return found

    def _study(self, name: str, cell: Cell, points: Sequence[ParameterValues]) -> dict[str, object]:
        draws, seeds = self._plan.draws(cell), self._plan.given.void_seeds
        vary = {path: [point[path] for point in points for _ in range(draws)] for path in cell.paths}
        if seeds and cell.random:
            vary[SEED] = [seed for _ in points for seed in seeds]
        plan = {"case": str(cell.case.resolve()), "title": f"{self._plan.title}: {name}", "method": "zip"}
        return {**plan, "fixed": dict(cell.fixed), "vary": vary}

    def _of(self, study: Path, name: str, mine: Sequence[int], planned: float) -> Values:
        """Observables of a run; NaN if it failed. Raises BrokenOffError if it has no result."""
        mark = ended(study, name)
        if mark is None:
            raise BrokenOffError(f"{name} has no result: see {study}/logs")
        try:
            records = None if mark["status"] == "failed" else read_run(study / "runs" / name)
        except RecordsError:
            records = None
        if records is None:
            self.failed += 1
            return np.full(len(mine), np.nan)
        wanted = [self._plan.observables[k] for k in mine]
        return np.array([statistic(records, o.kind, o.argument, planned) for o in wanted])


def runs(plan: Plan) -> list[int]:
    """Runs of each cell in all waves, at most."""
    return [plan.given.samples * plan.given.waves * plan.draws(cell) for cell in plan.cells]
