"""The start of a step of the protocol: current and load jump to their values there."""

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
