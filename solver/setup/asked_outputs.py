"""What asks for outputs besides the capacity that has passed."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """What asks for outputs besides capacity and time.

    Attributes:
        at_events: whether changes of topology do.
        shape_change: share by which the size of all voids or the contact changes between outputs at most.
        least_apart: share of the interval between two outputs.
    """

    at_events: bool = False
    shape_change: float = math.inf
    least_apart: float = 0.0
