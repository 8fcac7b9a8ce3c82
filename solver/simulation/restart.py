"""What a run carries besides its mesh and fields: put into a checkpoint's header and taken out again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from meshes.profile.triangulated import SurfaceProfile
from solver.interface.plane_interface import Hold, Interface
from solver.interface.population import Population
from solver.interface.roof_surfaces import RoofSurfaces
from solver.interface.surface_interface import Patch, SurfaceInterface
from solver.output import checkpoint
from solver.setup.scales import nucleation_rule
from solver.simulation.warnings import Watch
from solver.stepping.clock import Clock
from solver.stepping.observables import observation
from solver.stepping.step import step_result

if TYPE_CHECKING:
    from meshes.gmsh.mesh_profile import Profile
    from meshes.sizing import SizeRule
    from solver.case.loading import LoadedCase
    from solver.interface.interface_state import InterfaceState
    from solver.output.recorder import Recorder
    from solver.simulation.epoch import AnyRoofs
    from solver.stepping.observables import Observation
    from solver.stepping.step import StepResult


@dataclass(frozen=True)
class Saved:
    """A checkpoint: its folder and its header."""

    path: Path
    header: dict[str, Any]


@dataclass
class Counters:
    """What a run counts and remembers between steps."""

    clock: Clock
    last: Observation | None
    result: StepResult | None
    watch: Watch


def header(
    clock: Clock,
    last: Observation | None,
    result: StepResult | None,
    watch: Watch,
    interface: InterfaceState,
    recorder: Recorder,
    *,
    root: bool,
) -> dict[str, Any]:
    """Header of a checkpoint (complete on rank 0, which writes it)."""
    data: dict[str, Any] = {"step": clock.step, "clock": clock.state(), "said": sorted(watch.said)}
    data["last"] = None if last is None else asdict(last)
    data["result"] = None if result is None else asdict(result)
    data["population"] = interface.population.state()
    data["rng"] = interface.rng.bit_generator.state
    data["holds"] = [asdict(hold) for hold in interface.holds]
    if isinstance(interface.profile, SurfaceProfile):
        data["anchors"] = interface.profile.anchors()
    if root:
        data["recorder"] = recorder.state()
        data |= data["recorder"].pop("files")
    return dict(checkpoint.plain(data))


def restored(header: Mapping[str, Any] | None, first_step: float) -> Counters:
    """Counters of a header, or those of a new run (``first_step`` in L/v0)."""
    if header is None:
        return Counters(Clock(step_size=first_step), None, None, Watch())
    last = None if header["last"] is None else observation(header["last"])
    result = None if header["result"] is None else step_result(header["result"])
    return Counters(Clock(**header["clock"]), last, result, Watch(set(header["said"])))


def interface(
    loaded: LoadedCase, profile: Profile, rule: SizeRule, header: Mapping[str, Any] | None
) -> InterfaceState:
    """The interface of a header, or that of a new run; voids of ``profile`` in the order of their labels."""
    case = loaded.case
    rng = np.random.default_rng(case.model.nucleation.seed if case.model.nucleation else 0)
    population, holds = Population.seeded(profile), []
    if header is not None:
        holds = header["holds"]
        population = Population.restored(header["population"])
        rng.bit_generator.state = header["rng"]
    together, nucleation = case.numerics.event_together, nucleation_rule(loaded)
    if isinstance(profile, SurfaceProfile):
        patches = [Patch(tuple((x, y) for x, y in hold["corners"]), hold["until"]) for hold in holds]
        return SurfaceInterface(profile, population, rule, together, nucleation, rng, patches)
    stretches = [Hold(**hold) for hold in holds]
    return Interface(profile, population, rule, together, nucleation, rng, stretches)


def in_order(chains: AnyRoofs, header: Mapping[str, Any] | None) -> AnyRoofs:
    """Roofs of a checkpoint's mesh in the order of the labels that it was written with. Collective."""
    if header is None or not isinstance(chains, RoofSurfaces):
        return chains
    return chains.ordered([(x, y) for x, y in header["anchors"]])
