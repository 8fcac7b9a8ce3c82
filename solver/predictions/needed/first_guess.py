"""Where a search begins: the pressure at which the case's voids neither grow nor shrink at the first instant.

It costs a few solves instead of runs, and a wrong guess costs a search a few more of these, no more.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mpi4py import MPI

from solver.predictions.threshold import grows, sought

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from solver.case.loading import LoadedCase
    from solver.predictions.needed.search import Bounds


def middle(bounds: Bounds) -> float:
    """The guess that knows nothing (MPa)."""
    return math.sqrt(bounds.lowest * bounds.highest)


def static_guess(
    load: Callable[[Mapping[str, object]], LoadedCase], changes: Mapping[str, object], bounds: Bounds
) -> float:
    """The static threshold pressure (MPa), within the bounds; their middle where a solve fails.

    Args:
        load: the base case with changes.
        changes: those of a setting.
        bounds: of the search.
    """
    case = load(changes).case
    if case.geometry.kind == "3d" or not (case.void or case.voids):
        return middle(bounds)

    def at(pressure: float) -> bool:
        return grows(load({**changes, "operation.pressure": f"{pressure!r} MPa"}), MPI.COMM_SELF)

    found = sought(at, bounds.lowest, bounds.highest)
    return middle(bounds) if math.isnan(found) else min(max(found, bounds.lowest), bounds.highest)
