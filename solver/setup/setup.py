"""Everything that a run needs of its case, converted once from SI to the units in which it is computed.

Lengths are in um, times in L/v0, stresses in P0, potentials in RT/F (:class:`~solver.setup.scales.Scales`).
The protocol alone stays in SI: its stages end at so many seconds or coulombs, which the clock of a run
counts as they are. After :func:`set_up` nothing that computes looks at the case again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from solver.algebra.options import model_solver_options
from solver.setup import protocol
from solver.setup.asked_outputs import Asked
from solver.setup.groups import dimensionless_groups, vacancy_resistance
from solver.setup.impedance import storage
from solver.setup.limits import check_metal
from solver.setup.nucleation import nucleation_rule
from solver.setup.parameters import ExtraTerms, model_parameters
from solver.setup.scales import LENGTH_SCALE, case_scales, thermal_voltage
from solver.setup.seeds import void_shapes
from solver.setup.sizes import check_size, physical_event_length, record_spacing, size_rule
from solver.setup.step_control import StepControl, StepLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshes.cell import CoordinateKind
    from meshes.seeds import VoidShape
    from meshes.sizing import SizeRule
    from solver.algebra.options import ModelSolverOptions
    from solver.case.loading import LoadedCase
    from solver.equations.linear_response import Storage
    from solver.setup.groups import VacancyResistance
    from solver.setup.nucleation import NucleationRule
    from solver.setup.parameters import ModelParameters
    from solver.setup.protocol import Stage
    from solver.setup.scales import Scales

DEFAULT_OUTPUTS = 20
"""Field outputs per run when the case gives no interval."""
LEAST_APART = 0.1
"""Share of the interval, or of the default one if that is shorter, between two outputs for what happens."""
DEFAULT_INTERVAL = 1.0
"""C/m2 between field outputs where the charge of the run is not known beforehand either."""
LEAST_STEPS, STEPS_PER_STAGE = 20_000, 100
"""Time steps of a run, and for each step of its protocol, after which it counts as endless by default."""
_ROUNDING = 1e-9
"""Relative difference of two lengths that are the same."""


@dataclass(frozen=True)
class CellGeometry:
    """The modelled cell, lengths in um.

    Attributes:
        kind: plane strain, around an axis, or three-dimensional.
        width: in x (the radius of an axisymmetric cell).
        depth: in y, 0 unless three-dimensional.
        metal_height: of the metal at the start.
        electrolyte_depth: of the electrolyte in the mesh.
        pellet_depth: of the whole electrolyte, for its ohmic drop.
    """

    kind: CoordinateKind
    width: float
    depth: float
    metal_height: float
    electrolyte_depth: float
    pellet_depth: float


@dataclass(frozen=True)
class InterfaceRules:
    """When the interface changes its topology, and when that ends the run.

    Attributes:
        evolves: whether a run goes on through changes of topology (else it stops at the first).
        together: factor on the thresholds of changes once one is due.
        nucleation: None where voids do not nucleate.
        nucleation_seed: of the random widths of nucleating voids.
        events_by_mesh: whether the elements at triple lines are too large for the default event length.
        smallest_quality: of the cells, below which the mesh is made anew.
        delaminated_below: contact fraction at which the metal counts as delaminated.
        stops_at_solubility: whether the run ends where the solute reaches its solubility.
        record_spacing: of the records of the electrolyte's surface (um).
    """

    evolves: bool
    together: float
    nucleation: NucleationRule | None
    nucleation_seed: int
    events_by_mesh: bool
    smallest_quality: float
    delaminated_below: float
    stops_at_solubility: bool
    record_spacing: float


@dataclass(frozen=True)
class OutputOptions:
    """What a run writes.

    Attributes:
        fields: whether fields for ParaView are written.
        interval: passed charge between outputs (C/m2).
        asked: what else asks for outputs.
        checkpoint_steps: steps after which a checkpoint is due.
        checkpoints_kept: the newest so many are kept.
    """

    fields: bool
    interval: float
    asked: Asked
    checkpoint_steps: int
    checkpoints_kept: int


@dataclass(frozen=True)
class Setup:
    """A case as a run computes it; made by :func:`set_up`.

    Attributes:
        loaded: the case, for the records of where a run comes from.
        scales: units of the equations.
        geometry: the cell.
        seeds: voids at the start (um).
        sizes: element sizes (um).
        parameters: of the equations.
        solver_options: linear and nonlinear solvers.
        coupling_tolerance: change of the potential (RT/F) that ends the staggered loop.
        stages: of the protocol, in SI.
        cutoff_voltage: magnitude of the overpotential (V) at which the run ends, or None.
        step_limits: how much may change in a step.
        steps: how long steps are.
        interface: rules of its changes.
        output: what is written.
        groups: dimensionless groups of docs/model.md 7 by name.
        vacancy_resistance: of a flat contact, None where vacancies are no part of the potential.
        storage: what an impedance has and a run has not.
        own_terms: terms of the user's own.
    """

    loaded: LoadedCase
    scales: Scales
    geometry: CellGeometry
    seeds: tuple[VoidShape, ...]
    sizes: SizeRule
    parameters: ModelParameters
    solver_options: ModelSolverOptions
    coupling_tolerance: float
    stages: tuple[Stage, ...]
    cutoff_voltage: float | None
    step_limits: StepLimits
    steps: StepControl
    interface: InterfaceRules
    output: OutputOptions
    groups: Mapping[str, float]
    vacancy_resistance: VacancyResistance | None
    storage: Storage
    own_terms: ExtraTerms

    def numbers(self) -> dict[str, Any]:
        """The groups and the vacancy resistance as plain data, for records."""
        sinks = self.vacancy_resistance
        return {"groups": dict(self.groups), "Z_vac_ohm_cm2": None if sinks is None else sinks.ohm_cm2}


def set_up(loaded: LoadedCase, extra_terms: ExtraTerms | None = None) -> Setup:
    """Convert a case.

    Args:
        loaded: valid case.
        extra_terms: terms of the user's own, besides those of the case.

    Raises:
        CaseError: if the metal does not creep, a random population of voids does not fit, or the mesh would
            be too large.
    """
    case = loaded.case
    scales = case_scales(loaded)
    parameters = model_parameters(loaded, scales, extra_terms)
    check_metal(loaded, scales, parameters)
    seeds = void_shapes(loaded)
    sizes = size_rule(loaded, seeds)
    check_size(loaded, seeds, sizes)
    return Setup(
        loaded=loaded,
        scales=scales,
        geometry=_geometry(loaded),
        seeds=tuple(seeds),
        sizes=sizes,
        parameters=parameters,
        solver_options=solver_options(loaded, parameters),
        coupling_tolerance=case.numerics.coupling_tolerance,
        stages=tuple(protocol.stages(case.operation)),
        cutoff_voltage=case.operation.cutoff_voltage,
        step_limits=_step_limits(loaded, parameters),
        steps=_step_control(loaded, scales),
        interface=_interface_rules(loaded, sizes),
        output=_output_options(loaded),
        groups=dimensionless_groups(loaded),
        vacancy_resistance=vacancy_resistance(loaded),
        storage=storage(loaded, scales),
        own_terms=extra_terms or ExtraTerms(),
    )


def at_temperature(setup: Setup, temperature: float) -> Setup:
    """The same run at a temperature (K).

    All parameters are converted anew, so that each follows that depends on temperature. Lengths, times,
    stresses and currents keep their units, and with them meshes, records and clock; potentials are in RT/F of
    this temperature, which the equations take for granted.
    """
    scales = replace(setup.scales, potential=thermal_voltage(temperature))
    if scales == setup.scales:
        return setup
    case = setup.loaded.case
    operation = case.operation.model_copy(update={"temperature": temperature})
    there = replace(setup.loaded, case=case.model_copy(update={"operation": operation}))
    parameters = model_parameters(there, scales, setup.own_terms)
    return replace(
        setup,
        scales=scales,
        parameters=parameters,
        solver_options=solver_options(there, parameters),
        storage=storage(there, scales),
    )


def solver_options(loaded: LoadedCase, parameters: ModelParameters) -> ModelSolverOptions:
    """Solvers of a case: factorisations in two dimensions, Krylov solvers in 3-D, or what the case says."""
    numerics, is_solid = loaded.case.numerics, loaded.case.geometry.kind == "3d"
    return model_solver_options(
        iterative=numerics.solver == "iterative" or (numerics.solver == "auto" and is_solid),
        equipotential=parameters.current.equipotential,
        overrides=numerics.petsc,
    )


def _geometry(loaded: LoadedCase) -> CellGeometry:
    given = loaded.case.geometry
    return CellGeometry(
        kind=given.kind,
        width=given.width / LENGTH_SCALE,
        depth=0.0 if given.depth is None else given.depth / LENGTH_SCALE,
        metal_height=given.metal_thickness / LENGTH_SCALE,
        electrolyte_depth=given.modelled_depth / LENGTH_SCALE,
        pellet_depth=given.pellet_thickness / LENGTH_SCALE,
    )


def _step_limits(loaded: LoadedCase, parameters: ModelParameters) -> StepLimits:
    numerics, alloy = loaded.case.numerics, parameters.composition
    stops = alloy is not None and loaded.case.model.beyond_solubility == "stop"
    return StepLimits(
        numerics.courant,
        numerics.composition_change,
        alloy.limit if alloy is not None and stops else None,
        numerics.pressure_change,
    )


def _step_control(loaded: LoadedCase, scales: Scales) -> StepControl:
    numerics, operation = loaded.case.numerics, loaded.case.operation
    most = numerics.max_steps
    if most is None:
        most = max(LEAST_STEPS, STEPS_PER_STAGE * operation.cycles * len(operation.step))
    return StepControl(
        first=numerics.first_step / scales.time,
        smallest=numerics.smallest_step / scales.time,
        largest=numerics.largest_step / scales.time,
        growth=numerics.step_growth,
        most=most,
    )


def _interface_rules(loaded: LoadedCase, sizes: SizeRule) -> InterfaceRules:
    model, numerics = loaded.case.model, loaded.case.numerics
    evolves = model.at_event == "evolve"
    return InterfaceRules(
        evolves=evolves,
        together=numerics.event_together,
        nucleation=nucleation_rule(loaded),
        events_by_mesh=numerics.event_length is None
        and sizes.event_length > physical_event_length(loaded) * (1.0 + _ROUNDING),
        nucleation_seed=0 if model.nucleation is None else model.nucleation.seed,
        smallest_quality=numerics.smallest_quality,
        delaminated_below=model.delaminated_below,
        stops_at_solubility=model.beyond_solubility == "stop",
        record_spacing=record_spacing(loaded, sizes),
    )


def _output_options(loaded: LoadedCase) -> OutputOptions:
    output, operation = loaded.case.output, loaded.case.operation
    throughput = protocol.expected_throughput(operation)
    usual = throughput / DEFAULT_OUTPUTS if throughput > 0.0 else DEFAULT_INTERVAL
    interval = usual if output.interval is None else output.interval
    # beside wide intervals too, what happens is seen as closely as in a run of the same capacity without one
    asked = Asked(output.at_events, output.shape_change, LEAST_APART * min(1.0, usual / interval))
    often, kept = output.checkpoint_steps, output.checkpoints_kept
    return OutputOptions(output.fields, interval, asked, often, kept)
