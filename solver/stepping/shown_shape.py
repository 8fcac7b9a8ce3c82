"""When an output is due because of what has happened, whatever the capacity: events, and changes of shape.

A void that closes in 10 s of a run of 600 s is gone between two outputs by capacity. Outputs for this reason
are some share of the interval apart (``least_apart``, :func:`solver.setup.setup.set_up`), so that a
population of
voids with an event at every step does not fill the disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solver.setup.asked_outputs import Asked
    from solver.stepping.clock import Clock
    from solver.stepping.observables import Observation


@dataclass(frozen=True)
class ShownShape:
    """What of the last output decides about the next one; it is part of the clock and of checkpoints.

    Attributes:
        progress: outputs by capacity (or time, at rest) that were due in the stage, a fraction.
        measure: size of all voids (um2 or um3).
        largest: largest size of all voids at any output.
        contact: contact fraction.
        event: whether the voids have changed since.
    """

    progress: float = 0.0
    measure: float = 0.0
    largest: float = 0.0
    contact: float = 1.0
    event: bool = False


def worth_showing(clock: Clock, seen: Observation, progress: float, rules: Asked) -> bool:
    """Whether an event, or a change of shape, since the last output asks for one now."""
    last, change = clock.shown, rules.shape_change
    if progress - last.progress < rules.least_apart:
        return False
    grown = abs(seen.void_measure - last.measure) >= change * max(last.largest, seen.void_measure) > 0.0
    lost = abs(seen.contact_fraction - last.contact) >= change * last.contact > 0.0
    return (last.event and rules.at_events) or grown or lost


def shown(clock: Clock, seen: Observation, progress: float) -> ShownShape:
    """What to remember of an output at the state ``seen``."""
    largest = max(clock.shown.largest, seen.void_measure)
    return ShownShape(progress, seen.void_measure, largest, seen.contact_fraction)
