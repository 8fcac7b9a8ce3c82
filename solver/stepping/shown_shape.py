"""When an output is due because of what has happened, whatever the capacity: events, and changes of shape.

A void that closes in 10 s of a run of 600 s is gone between two outputs by capacity. An event has an output
of the state before and one of the state after it. Outputs for these reasons are some share of the interval
apart (``least_apart``, :func:`solver.setup.setup.set_up`), so that a population of voids with an event at
every step does not fill the disk; the two of an event are not, and the one before it is made where the voids
have changed enough since the last output, however near that is.
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
        before_change: whether it shows the state before a change: the one after it is due at once.
        after_change: whether it was of a state after a change.
    """

    progress: float = 0.0
    measure: float = 0.0
    largest: float = 0.0
    contact: float = 1.0
    event: bool = False
    before_change: bool = False
    after_change: bool = False


def worth_showing(clock: Clock, seen: Observation, progress: float, rules: Asked) -> bool:
    """Whether an event, or a change of shape, since the last output asks for one now."""
    last = clock.shown
    due = last.event and rules.at_events
    if progress - last.progress < rules.least_apart:
        return due and last.before_change
    return due or _changed(last, seen, rules.shape_change)


def worth_showing_before(clock: Clock, seen: Observation, progress: float, rules: Asked) -> bool:
    """Whether the state before an event, which looks like ``seen``, is not one that the last output shows."""
    last = clock.shown
    far = progress - last.progress >= rules.least_apart
    return rules.at_events and (far or _changed(last, seen, rules.shape_change))


def _changed(last: ShownShape, seen: Observation, change: float) -> bool:
    """Whether the size of the voids or the contact has changed by that share."""
    grown = abs(seen.void_measure - last.measure) >= change * max(last.largest, seen.void_measure) > 0.0
    lost = abs(seen.contact_fraction - last.contact) >= change * last.contact > 0.0
    return grown or lost


def shown(clock: Clock, seen: Observation, progress: float) -> ShownShape:
    """What to remember of an output at the state ``seen``."""
    largest = max(clock.shown.largest, seen.void_measure)
    changed = clock.shown.event
    return ShownShape(progress, seen.void_measure, largest, seen.contact_fraction, after_change=changed)
