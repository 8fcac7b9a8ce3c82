"""Checkpoints of a run: the plain state of each of its parts, under the part's name, and back.

Mesh and fields go through :mod:`solver.output.checkpoint`; here is the rest, its header.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from solver.equations.coupled_model import SolveReport
from solver.equations.solute_transport import CompositionChange
from solver.interface.electrolyte_surface import ElectrolyteSurface
from solver.interface.interface import Interface
from solver.interface.population import Population
from solver.output import checkpoint
from solver.simulation.callbacks import AfterOutputOrSteps, Callback
from solver.simulation.discretisation import discretise
from solver.stepping.clock import Clock
from solver.stepping.observables import observation
from solver.stepping.step import StepResult

if TYPE_CHECKING:
    from mpi4py import MPI

    from meshes.profile.base import Profile
    from solver.setup.setup import Setup
    from solver.simulation.discretisation import Discretisation
    from solver.simulation.ending import RunOutcome
    from solver.simulation.simulation import Simulation


@dataclass(frozen=True)
class Saved:
    """A checkpoint: its folder and its header."""

    path: Path
    header: dict[str, Any]


def header(simulation: Simulation) -> dict[str, Any]:
    """Header of a checkpoint (complete on rank 0, which writes it). Collective."""
    last, result = simulation.last, simulation.result
    data = {
        "step": simulation.clock.step,
        "clock": simulation.clock.state(),
        "interface": simulation.interface.state(),
        "last": None if last is None else asdict(last),
        "result": None if result is None else asdict(result),
        "balance": simulation.balance,
        "solubility_reached": simulation.solubility_reached,
        "clamp": simulation.model.clamp.state(),
        "surface": simulation.surface.state(),
        "callbacks": simulation.callbacks.states(),
    }
    return dict(checkpoint.plain(data))


def restore(simulation: Simulation, header: Mapping[str, Any]) -> None:
    """Put back what :func:`header` took. Collective."""
    last, result = header["last"], header["result"]
    simulation.clock = Clock.restored(header["clock"])
    simulation.interface.restore(header["interface"])
    simulation.last = None if last is None else observation(last)
    simulation.result = None if result is None else _step_result(result)
    simulation.balance = (header["balance"][0], header["balance"][1])
    simulation.solubility_reached = header["solubility_reached"]
    simulation.model.clamp.restore(header["clamp"])
    simulation.surface.restore(header["surface"])
    simulation.callbacks.restore(header["callbacks"])


def saved_mesh(setup: Setup, comm: MPI.Comm, saved: Saved) -> Discretisation:
    """Mesh and fields of a checkpoint, voids in the order that they had. Collective."""
    mesh = discretise(setup, checkpoint.read_cell(saved.path, comm, setup.geometry.kind))
    checkpoint.read_fields(saved.path, mesh.model)
    mesh.surfaces = mesh.surfaces.ordered(saved.header["interface"]["anchors"])
    return mesh


def new_interface(setup: Setup, profile: Profile) -> Interface:
    """The interface at the start of a run; labels of the voids are in the order of ``profile``."""
    rules, voids = setup.interface, Population.seeded(profile)
    rng = np.random.default_rng(rules.nucleation_seed)
    return Interface(profile, voids, setup.sizes, rules.together, rules.nucleation, rng)


def new_surface(setup: Setup, mesh: Discretisation) -> ElectrolyteSurface:
    """The electrolyte's surface at the start: the voids stand on it. The model on ``mesh`` reads it."""
    cell = setup.geometry
    surface = ElectrolyteSurface.begun(
        setup.parameters.current.memory,
        (cell.width, cell.depth) if cell.kind == "3d" else (cell.width,),
        setup.interface.record_spacing,
        mesh.model.chemistry.whole_area,
        axisymmetric=cell.kind == "axisymmetric",
    )
    surface.cover([void.footprint for void in mesh.surfaces.profile().voids])
    mesh.model.chemistry.kinetics.record = surface
    return surface


def _step_result(data: Mapping[str, Any]) -> StepResult:
    """The result of a step from its plain data."""
    change = None if data["composition"] is None else CompositionChange(**data["composition"])
    return StepResult(**dict(data) | {"report": SolveReport(**data["report"]), "composition": change})


class Checkpoints(Callback):
    """Writes a checkpoint after each output, every so many steps, and where a run fails or is interrupted.

    Args:
        folder: run folder.
        interval: most steps between two checkpoints.
        kept: newest checkpoints that are kept.
    """

    def __init__(self, folder: Path, interval: int, kept: int = checkpoint.KEPT) -> None:
        self.folder, self.due, self.kept = folder, AfterOutputOrSteps(interval), kept

    def run_begins(self, simulation: Simulation) -> None:
        """The state that a run begins with needs no checkpoint."""
        self.due.step, self.due.outputs = simulation.clock.step, simulation.clock.outputs

    def step_done(self, simulation: Simulation) -> None:
        """Save if it is time."""
        if self.due(simulation):
            self.save(simulation)

    def run_ends(self, simulation: Simulation, outcome: RunOutcome) -> None:
        """Keep the state of a run that could not go on, or that may go on later."""
        if outcome.status in ("failed", "interrupted"):
            self.save(simulation)

    def save(self, simulation: Simulation) -> None:
        """Write a checkpoint of the state between two steps. Collective; raises RootError."""
        checkpoint.write(self.folder, simulation.model, header(simulation), self.kept)
