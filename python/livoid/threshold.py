"""The pressure above which the voids of a case shrink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING

import pandas as pd

from livoid.environment import ready
from livoid.predicted import Thresholds

if TYPE_CHECKING:
    from mpi4py import MPI

    from livoid.case import Case


def threshold(
    case: Case,
    *,
    currents: Sequence[str] = (),
    temperatures: Sequence[str] = (),
    metals: Sequence[str] = (),
    comm: MPI.Comm | None = None,
) -> Thresholds:
    """Pressure above which creep takes more from the voids than vacancies bring, at the first instant.

    What ``livoid threshold`` finds; each result is printed as it is found. Collective.

    Args:
        case: plane or axisymmetric, with voids.
        currents: "0.3 mA/cm2", besides the case's own (default: 0.05 to 2 mA/cm2).
        temperatures: "40 degC" (default: 25 and 60 degC).
        metals: of the library (default: the case's own).
        comm: communicator (default: all ranks).

    Raises:
        livoid.environment.MissingError: where nothing can be solved, as the environment is not there.
        CaseError: with every problem of the case, or of a value.
    """
    ready("threshold()")
    from mpi4py import MPI

    from solver.case.given import quantity
    from solver.predictions import threshold as sought

    sought.check(case.loaded)
    for name in metals:  # before minutes are spent on the first
        case.with_({"material.metal": {"name": name}})
    found = sought.threshold_study(
        lambda changes: case.with_(changes).loaded,
        MPI.COMM_WORLD if comm is None else comm,
        [quantity("currents", text, "mA/cm2") for text in currents] or sought.CURRENTS,
        [quantity("temperatures", text, "K") for text in temperatures] or sought.TEMPERATURES,
        list(metals) or [""],
    )
    return Thresholds(case, pd.DataFrame(map(astuple, found), columns=list(sought.COLUMNS)))
