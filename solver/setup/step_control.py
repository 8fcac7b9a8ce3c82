"""What a run asks of its time steps: how much may change in one, and how long they may be."""

from __future__ import annotations

import math
from dataclasses import dataclass

LIMIT_REACHED = 2e-3
"""Distance of x from the solubility limit that counts as reached."""


@dataclass(frozen=True)
class StepLimits:
    """What a step may do at most.

    Attributes:
        courant: target of surface motion over surface spacing.
        composition: target of the change of x over the largest x.
        pressure: target of the change of the stack pressure over itself. In a step the metal flows under the
            pressure at its end, and flow follows the pressure to the power n.
        solubility: x that no step may pass, None where it may.
    """

    courant: float
    composition: float = 0.05
    solubility: float | None = None
    pressure: float = math.inf


@dataclass(frozen=True)
class StepControl:
    """How long steps are, in L/v0.

    Attributes:
        first: at the start of a stage.
        smallest: below which a step counts as failed.
        largest: of any step.
        growth: factor from an easy step to the next.
        most: number of steps after which the run counts as failed.
    """

    first: float
    smallest: float
    largest: float
    growth: float
    most: int
