"""Where in a step a change of topology was: it is made there, not at the step's end.

So it is in runs that stop at changes, and in cells of one void; in populations it would cost a step a change.

A change is due where a length of the interface (width, height, gap) is below its threshold. With all
thresholds times a factor it is due earlier or later; the factor at which the first one is due is that length
over its threshold. It falls through 1 within the step, about linearly in time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshes.profile.base import Profile
    from solver.interface.interface import Interface

TOLERANCE = 1e-3
"""Time by which a step may go past a change, over the time that the run has lasted."""
IMPATIENCE = (1.1, 1.25, 1.5, 2.0, 3.0)
"""Factors on the thresholds of changes where steps get too small for anything else: the first that changes
anything, so that only what is nearest to a change makes it."""
REACH = 3.0
"""Largest factor on the thresholds, and over 1 the smallest, that is looked at."""
_BISECTIONS = 12
"""To 3e-4 of the factor."""


def share_at_change(interface: Interface, after: Profile, time: float, dt: float) -> float | None:
    """Share of a step at which the first change of topology was; None if it went past none, or by little.

    Args:
        interface: before the step.
        after: interface after it.
        time: since the run began, at the step's start.
        dt: the step, in the same unit.
    """
    if not interface.due(after, 1.0):
        return None
    before, now = _factor(interface, interface.profile), _factor(interface, after)
    share = (before - 1.0) / (before - now) if before > 1.0 > now else 1.0
    return share if (1.0 - share) * dt > TOLERANCE * (time + dt) else None


def _factor(interface: Interface, profile: Profile) -> float:
    """Factor on the thresholds at which the first change is due."""
    low, high = 1.0 / REACH, REACH
    if not interface.due(profile, high):
        return high
    for _ in range(_BISECTIONS):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if interface.due(profile, middle) else (middle, high)
    return high
