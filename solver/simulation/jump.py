"""The start of a step of the protocol, where current and load jump to their values, and its last state."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from solver.algebra.newton import SolveError
from solver.core import interrupts
from solver.stepping.step import SMALLEST_CUT

if TYPE_CHECKING:
    from solver.simulation.simulation import Simulation

log = logging.getLogger("livoid")


def take(simulation: Simulation) -> None:
    """Solve what current and load have jumped to: here, not in a step that may be undone.

    The step only enters by how far capillarity and a clamp look ahead: where a solve fails, everything is
    put back and a step a tenth as long tried, down to the smallest.
    """
    before = simulation.model.snapshot()
    while True:
        try:
            with contextlib.nullcontext() if simulation.clock.step else interrupts.stoppable():
                simulation.model.solve(simulation.clock.step_size)
            return
        except SolveError as error:
            simulation.model.restore(before)
            simulation.clock.rejected += 1
            simulation.clock.step_size *= SMALLEST_CUT
            log.debug("%s: %s", simulation.stage.describe(), error)
            if simulation.clock.step_size < simulation.setup.steps.smallest:
                raise simulation.failure(f"{simulation.stage.describe()} cannot begin: {error}") from None


def land(simulation: Simulation) -> None:
    """Solve and observe the last geometry of a step of the protocol, with an output."""
    clock = simulation.clock
    simulation.schedule.place(clock, simulation.model)
    simulation.schedule.follow(clock, simulation.model)
    try:
        simulation.model.solve(clock.last_step)
    except SolveError as error:
        log.warning("the last geometry could not be solved: %s", error)
        return
    clock.next_output = 0
    if clock.recorded < clock.step:
        simulation.observe()
    elif not simulation.output_due:  # recorded as the start of a step that is not made
        simulation.tell_of_state(due=True)
