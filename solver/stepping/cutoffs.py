"""Cut-offs of a step of the protocol: how far a solved state is from them, and where in time they are.

A cut-off is a function of the state that passes a limit. States are known at the ends of time steps; a step
that may go past a limit is solved at its end as well, and is undone and shortened (regula falsi) until the
limit is met to :data:`TOLERANCE` of its value, or to :data:`TIME_TOLERANCE` of the time that the stage has
lasted, where the function jumps (contact is lost facet by facet). What jumps between two steps (a stage
begins, an event) is past the limit in the first state that is solved after it: there is no step from there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver.setup.protocol import Stage
    from solver.stepping.observables import Observation

TOLERANCE = 1e-4
"""Distance from a cut-off, over its value (of contact: over the whole area), at which it is met."""
TIME_TOLERANCE = 1e-4
"""Time within which a cut-off is located that the state jumps past, over the time since the stage began."""
NEAR = 0.1
"""Distance from a cut-off within which every step is looked at ahead."""
CAUTION = 3.0
"""Factor on the rate of the last step, for steps that may go past a cut-off."""
LARGEST_SHARE = 0.95
"""Most of a step that went past a cut-off that is tried next."""
PASCAL_PER_MPA = 1e6


def excess(stage: Stage, seen: Observation) -> dict[str, float]:
    """How far a state is beyond each cut-off of a stage, negative before it; by what ends the stage there."""
    found: dict[str, float] = {}
    if stage.cutoff_voltage is not None:
        found["voltage"] = abs(seen.shares.total) / stage.cutoff_voltage - 1.0
    if stage.cutoff_contact_loss is not None:
        found["contact loss"] = 1.0 - seen.contact_fraction - stage.cutoff_contact_loss
    if stage.cutoff_active_loss is not None:
        found["active contact loss"] = 1.0 - seen.active_fraction - stage.cutoff_active_loss
    if stage.cutoff_current is not None:
        found["current"] = 1.0 - abs(seen.current) / stage.cutoff_current
    pressure = seen.stack_pressure * PASCAL_PER_MPA
    if stage.cutoff_pressure_above is not None:
        found["pressure above"] = pressure / stage.cutoff_pressure_above - 1.0
    if stage.cutoff_pressure_below is not None:
        found["pressure below"] = 1.0 - pressure / stage.cutoff_pressure_below
    return found


def reached(stage: Stage, seen: Observation) -> str | None:
    """The first cut-off that a state has met, None if there is none."""
    return next((name for name, value in excess(stage, seen).items() if value >= -TOLERANCE), None)


def voltage_reached(limit: float | None, seen: Observation) -> bool:
    """Whether the overpotential has met the limit (V) of the whole run."""
    return limit is not None and abs(seen.shares.total) / limit - 1.0 >= -TOLERANCE


def furthest(stage: Stage, run_voltage: float | None, seen: Observation) -> float:
    """The largest excess over the cut-offs of a stage and of the run; -inf where there is none."""
    values = list(excess(stage, seen).values())
    if run_voltage is not None:
        values.append(abs(seen.shares.total) / run_voltage - 1.0)
    return max(values, default=-math.inf)


@dataclass
class Approach:
    """Looks ahead where a step may go past a cut-off.

    Attributes:
        before: time (s) since the stage began, and excess, of the last two states: for the rate.
        beyond: earliest time at which a step has been seen to end past the cut-off; inf before that.
        always: whether every step is looked at ahead, as the last ones do not tell what the next one does.
    """

    before: tuple[tuple[float, float] | None, tuple[float, float] | None] = (None, None)
    beyond: float = math.inf
    always: bool = False

    def begin(self) -> None:
        """Forget the states before a jump."""
        self.before, self.beyond = (None, None), math.inf

    def share(self, time: float, step: float, here: float, ahead: Callable[[], float | None]) -> float | None:
        """Share of a step at which the cut-off is, None where the step does not go past it.

        Args:
            time: at the start of the step, s since the stage began.
            step: its length, s.
            here: excess at its start.
            ahead: solves for the excess at its end (None if it cannot be had).
        """
        last = self.before[1]
        if last is None or time > last[0]:
            self.before = (last, (time, here))
        if here >= -TOLERANCE or step <= TIME_TOLERANCE * time or not self._may_pass(step, here):
            return None
        if step > self.beyond - time > 0.0:
            return 0.5 * (self.beyond - time) / step
        there = ahead()
        if there is None or there <= TOLERANCE:
            return None
        self.beyond = time + step
        return min(here / (here - there), LARGEST_SHARE)

    def _may_pass(self, step: float, here: float) -> bool:
        if here == -math.inf:
            return False
        first, last = self.before
        if self.always or here > -NEAR or first is None or last is None:
            return True
        rate = (last[1] - first[1]) / (last[0] - first[0])
        return here + CAUTION * rate * step >= 0.0
