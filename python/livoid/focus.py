"""Current focusing at the interface of arrays of voids, and at an isolated contact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import pandas as pd

from livoid.environment import ready
from livoid.predicted import Focusing

if TYPE_CHECKING:
    from mpi4py import MPI

    from livoid.case import Case


def focus(
    case: Case | None = None,
    *,
    kinds: Sequence[str] = (),
    contact: Sequence[float] = (),
    wagner: Sequence[float] = (),
    comm: MPI.Comm | None = None,
) -> Focusing:
    """Current focusing and resistance of contacts that voids leave, without vacancies and creep.

    What ``livoid focus`` finds; each result is printed as it is found. Collective.

    Args:
        case: whose Wagner number is one of those; None: of no case.
        kinds: "plane" (stripes), "axisymmetric" (discs), "3d" (discs in a square array), "disc" (an isolated
            contact); default: the three arrays.
        contact: fractions of the area in contact, between 0.01 and 0.99 (3d: from 0.215), of the arrays
            (default: 0.1 to 0.9).
        wagner: kappa Z over the cell's half-width, of a disc over its radius, above 1e-4 (default:
            0.01 to 100).
        comm: communicator (default: all ranks).

    Raises:
        livoid.environment.MissingError: where nothing can be solved, as the environment is not there.
        CaseError: with what is wrong with a number.
        ValueError: for an array that is none, and contact of an isolated disc alone.
    """
    ready("focus()")
    from mpi4py import MPI

    from solver.predictions import focus as focusing

    comm = MPI.COMM_WORLD if comm is None else comm
    asked = focusing.asked(
        kinds, [f"{share:.9g}" for share in contact], [f"{number:.9g}" for number in wagner]
    )
    if case is not None:
        from solver.setup.setup import set_up

        asked = asked.with_case(set_up(case.loaded))
    rows = focusing.focus_study(asked.arrays, comm, asked.wagner, asked.contact)
    discs = focusing.disc_study(asked.wagner, comm) if asked.disc else []
    return Focusing(pd.DataFrame(map(asdict, rows)), pd.DataFrame(map(asdict, discs)))
