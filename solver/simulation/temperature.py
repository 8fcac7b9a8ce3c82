"""Steps of a protocol at another temperature than the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.setup.setup import at_temperature
from solver.simulation.discretisation import with_parameters

if TYPE_CHECKING:
    from solver.simulation.simulation import Simulation


def take_temperature(simulation: Simulation) -> None:
    """Go on with the numbers of the present stage's temperature, on the same mesh. Collective."""
    there = at_temperature(simulation.setup, simulation.stage.temperature)
    if there.scales == simulation.setup.scales:
        return
    old, simulation.setup = simulation.discretisation, there
    simulation.discretisation = with_parameters(there, old)
    simulation.schedule.scales = there.scales
    simulation.surface.take_law(there.parameters.current.memory)
    simulation.forget_observables()
    simulation.tell("mesh_changed")
    old.destroy()
