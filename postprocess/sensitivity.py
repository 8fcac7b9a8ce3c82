"""One-at-a-time sensitivities of a study's quantities of interest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postprocess.study_table import StudyRow

PREDICTIONS = (
    "voltage_first",
    "voltage_last",
    "doubled_at",
    "contact_last",
    "lost_at",
    "coalesce_at",
    "collapse_at",
)
"""Quantities that are predictions, in the order in which they are shown."""


@dataclass(frozen=True)
class Sensitivity:
    """How far one quantity goes with one parameter.

    Attributes:
        quantity: name.
        path: of the parameter.
        base: value of the quantity in the case as it is.
        least, most: over the parameter's values, the base included (NaN where none has one).
        appears: whether the quantity exists for some of the parameter's values and not for others.
    """

    quantity: str
    path: str
    base: float
    least: float
    most: float
    appears: bool

    @property
    def swing(self) -> float:
        """(most - least) / |base|; infinite where the quantity exists for some values only."""
        if self.appears:
            return math.inf
        if math.isnan(self.base) or self.base == 0.0:
            return math.nan
        return (self.most - self.least) / abs(self.base)


def sensitivities(rows: Sequence[StudyRow]) -> dict[str, list[Sensitivity]]:
    """For each prediction, its parameters from the most to the least important.

    Args:
        rows: of a one-at-a-time study: the first one is the base.
    """
    base, others = rows[0], rows[1:]
    table: dict[str, list[Sensitivity]] = {}
    for quantity in PREDICTIONS:
        at_base = base.results.get(quantity, math.nan)
        found = []
        for path in base.values:
            own = [row.results.get(quantity, math.nan) for row in others if row.values[path]]
            known = [v for v in (at_base, *own) if not math.isnan(v)]
            if not known:
                continue
            some = len(known) < len(own) + 1
            found.append(Sensitivity(quantity, path, at_base, min(known), max(known), some))
        if found:
            table[quantity] = sorted(
                found, key=lambda s: -1.0 if math.isnan(s.swing) else s.swing, reverse=True
            )
    return table
