"""The size from which a void of a case is closed, or goes on growing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from livoid.environment import ready
from livoid.predicted import CriticalSizes
from livoid.running import into

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mpi4py import MPI

    from livoid.case import Case
    from solver.case.loading import LoadedCase
    from solver.predictions.critical import Evolved


def critical(
    case: Case,
    *,
    gap: str | None = None,
    evolve_in: str | Path | None = None,
    comm: MPI.Comm | None = None,
) -> CriticalSizes:
    """Critical void sizes: neutral ones at the first instant, and if wanted those by evolution.

    What ``livoid critical`` finds, but for its map. Collective.

    Args:
        case: a plane cell with one void, whose aspect is kept.
        gap: metal between neighbouring voids ("8 um"), kept at every size (default: the cell's width is).
        evolve_in: folder for runs that follow voids to their first event (minutes); None: at the first
            instant only (a minute).
        comm: communicator (default: all ranks).

    Raises:
        livoid.environment.MissingError: where nothing can be solved, as the environment is not there.
        CaseError: with every problem of the case, or of the gap.
        RootError: if a folder for a run in there holds what is not a run.
    """
    ready("critical()")
    from mpi4py import MPI

    from solver.case.given import quantity
    from solver.predictions import critical as sizes
    from solver.predictions.critical_report import TRIAL_COLUMNS, all_trials, answers

    sizes.check(case.loaded)
    comm = MPI.COMM_WORLD if comm is None else comm
    kept = None if gap is None else quantity("gap", gap, "um", what="a width")

    def load(changes: Mapping[str, Any]) -> LoadedCase:
        return case.with_(changes).loaded

    instant = sizes.neutral_sizes(load, comm, kept)
    evolved: Evolved = ([], [])
    if evolve_in is not None:
        evolved = sizes.evolved_sizes(load, into(comm), Path(evolve_in), comm, kept)
    crossings = [{"kind": "instant", **asdict(c)} for c in instant[0]]
    crossings += [{"kind": "evolution", **asdict(c)} for c in evolved[0]]
    trials = [(kind, t.half_width, t.mesh, t.fate, t.detail) for kind, t in all_trials(instant, evolved)]
    columns = ["kind", *sizes.Crossing.__dataclass_fields__]
    return CriticalSizes(
        case,
        pd.DataFrame(crossings, columns=columns),
        pd.DataFrame(trials, columns=list(TRIAL_COLUMNS)),
        answers(instant, evolved)["answers"],
    )
