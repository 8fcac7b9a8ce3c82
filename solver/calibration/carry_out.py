"""A calibration from its plan to its folder: runs, result, tables, figures, page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postprocess import calibration as page
from solver.calibration import record
from solver.calibration.calibrate import NothingKnownError, calibrate
from solver.calibration.runs import BrokenOffError, StudyModel
from solver.core.ownership import Results

if TYPE_CHECKING:
    from pathlib import Path

    from solver.calibration.calibrate import Result
    from solver.calibration.runs import Engine
    from solver.calibration.schema import Plan

__all__ = ["PAGE", "BrokenOffError", "NothingKnownError", "carry_out"]
PAGE = page.PAGE


def carry_out(plan: Plan, folder: Path, engine: Engine) -> tuple[Result, list[str]]:
    """Make the runs that are missing, and everything that follows from them.

    Args:
        plan: of the calibration.
        folder: of the results, taken before.
        engine: what runs a study.

    Returns:
        The result, and what was found, in words.

    Raises:
        BrokenOffError: if runs have no result; the same call goes on.
        NothingKnownError: if too few runs say anything of an observable.
        ForeignFolderError: if a file in the way is not livoid's.
    """
    given, model = plan.given, StudyModel(plan, folder, engine)
    result = calibrate(
        plan.priors,
        plan.observables,
        model,
        samples=given.samples,
        waves=given.waves,
        implausible=given.implausible,
        seed=given.seed,
    )
    with Results(folder).making(*record.FILES, *page.FILES):
        said = record.write(folder, result, plan.title, model.failed)
        page.draw(folder)
        page.write_page(folder)
    return result, said
