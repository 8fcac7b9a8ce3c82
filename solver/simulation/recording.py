"""The run's own callbacks that let the outside know: records in the run folder, and progress."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from solver.simulation.callbacks import Callback

if TYPE_CHECKING:
    from meshes.topology import Event
    from solver.output.recorder import Recorder
    from solver.simulation.simulation import Simulation
    from solver.stepping.clock import Clock
    from solver.stepping.observables import Observation

log = logging.getLogger("livoid")


class Records(Callback):
    """Hands what happens to the :class:`~solver.output.recorder.Recorder`."""

    name = "recorder"

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def run_begins(self, simulation: Simulation) -> None:
        """The numbers that say which process counts."""
        setup = simulation.setup
        self.recorder.forget_mesh(setup.scales)
        shown = [f"{name} = {value:.4g}" for name, value in setup.groups.items()]
        if setup.vacancy_resistance is not None:
            shown.append(f"Z_vac = {setup.vacancy_resistance.ohm_cm2:.4g} ohm cm2")
        log.info("groups: %s", ", ".join(shown))

    def stage_begins(self, simulation: Simulation) -> None:
        """The records of a stage start anew."""
        self.recorder.begin_stage(simulation.stage)

    def state_solved(self, simulation: Simulation) -> None:
        """One row per step, and everything else where an output is due."""
        clock, stage = simulation.clock, simulation.stage
        seen, interface = simulation.last, simulation.interface
        assert seen is not None
        self.recorder.step(clock, stage, seen, simulation.result, simulation.errors, interface.profile)
        if simulation.output_due:
            self.recorder.output(simulation.model, clock, stage, interface)

    def interface_moved(self, simulation: Simulation, time_step: float) -> None:
        """What was plated in the step adds up."""
        self.recorder.stepped(simulation.model, time_step)

    def events_happened(self, simulation: Simulation, events: Sequence[Event]) -> None:
        """Rows of events, and where the voids came from."""
        self.recorder.events(simulation.clock, events, simulation.interface.population)

    def mesh_changed(self, simulation: Simulation) -> None:
        """What reads the last mesh is dropped."""
        self.recorder.forget_mesh(simulation.setup.scales)

    def stage_ends(self, simulation: Simulation, why: str) -> None:
        """One row per stage."""
        self.recorder.end_stage(simulation.stage, simulation.clock, simulation.last, why)

    def state(self) -> Any:
        """What the records have come to."""
        return self.recorder.state()

    def restore(self, state: Any) -> None:
        """Go on from :meth:`state`."""
        self.recorder.restore(state)


class Progress(Callback):
    """Calls a function with clock and observation after each recorded step."""

    def __init__(self, report: Callable[[Clock, Observation], None]) -> None:
        self.report = report

    def state_solved(self, simulation: Simulation) -> None:
        """Report the state."""
        assert simulation.last is not None
        self.report(simulation.clock, simulation.last)
