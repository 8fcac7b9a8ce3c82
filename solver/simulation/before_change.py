"""The state just before a change of topology: recorded, so that a change is seen with both of its ends.

A step ends with a moved interface, and the change is made before anything is solved on it. Here the geometry
is solved as it is, recorded as any other state, and everything put back: what the run computes is the same.
Where a change is made because no step can be, the state before it has its row already, and gets an output.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from solver.algebra.newton import SolveError

if TYPE_CHECKING:
    from solver.simulation.simulation import Simulation

log = logging.getLogger("livoid")

_EARLIER = 1e-6
"""Share of the last step by which the state is dated before the change: a table has one state at a time."""
_TOLD_APART = 1e-10
"""The same as a share of the time of the run, at least: tables have 12 digits."""


def show(simulation: Simulation) -> None:
    """Record the state before a change, if an output of it is worth it. Collective.

    Nothing is done where the present state has been written already, or cannot be solved.
    """
    clock, last = simulation.clock, simulation.last
    recorded = clock.recorded >= clock.step
    if last is None or (recorded and simulation.output_due):
        return
    if not simulation.schedule.shown_before_change(clock, last):
        # the last output shows it, unless that is of another change: then this one is one of many
        clock.shown = replace(clock.shown, before_change=not clock.shown.after_change)
        return
    model, own, now = simulation.model, replace(simulation), replace(clock)
    fields = model.snapshot()
    simulation.schedule.place(clock, model)
    try:
        model.solve(clock.last_step)
        if recorded:
            simulation.result = None  # the balances of its step have been counted
        else:
            step = clock.last_step * simulation.setup.scales.time
            earlier = min(0.5 * step, max(_EARLIER * step, _TOLD_APART * clock.time))
            simulation.schedule.passed(clock, -earlier, last.current)
        clock.recorded = clock.step - 1
        clock.next_output = 0
        simulation.observe()
    except SolveError as error:
        log.debug("the state before a change of topology could not be solved: %s", error)
    finally:
        model.restore(fields)
        shown = replace(clock.shown, before_change=clock.outputs > now.outputs)
        counted = replace(now, outputs=clock.outputs, next_output=clock.next_output, shown=shown)
        vars(clock).update(vars(counted))
        vars(simulation).update(vars(own))
