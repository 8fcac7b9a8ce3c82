"""From SI to dimensionless: the scales, the parameters in these scales, and model.md 7's groups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import constants

from solver.equations.terms import interdiffusion, thermodynamics
from solver.equations.terms.contact_resistance import Patches, random_patches
from solver.setup import protocol
from solver.setup.parameters import (
    CompositionParameters,
    CreepParameters,
    CurrentParameters,
    LoadParameters,
    ModelParameters,
    NucleationRule,
    SurfaceParameters,
    VacancyParameters,
)

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase

FARADAY = constants.physical_constants["Faraday constant"][0]
LENGTH_SCALE = 1e-6
"""m: meshes and pictures are in micrometres."""
COULOMB_PER_MAH_CM2 = 36000.0
"""C/m2 in 1 mAh/cm2."""


@dataclass(frozen=True)
class Scales:
    """Units in which the equations are solved.

    Attributes:
        length: m.
        velocity: Omega i0 / F, m/s.
        stress: stack pressure, Pa.
        current: i0, A/m2 (the applied current).
        potential: RT/F, V.
    """

    length: float
    velocity: float
    stress: float
    current: float
    potential: float

    @property
    def time(self) -> float:
        """Seconds in one unit of time."""
        return self.length / self.velocity


def case_scales(loaded: LoadedCase) -> Scales:
    """Scales of a case: its largest current, or what its largest overpotential drives through Z."""
    operation = loaded.case.operation
    potential = constants.R * operation.temperature / FARADAY
    current, overpotential = protocol.reference(operation)
    if current is None:
        depth = loaded.case.geometry.modelled_depth
        resistance = loaded.electrolyte.area_resistance.at(operation.temperature, sign=-1)
        resistance += depth / loaded.electrolyte.conductivity.at(operation.temperature)
        current = (overpotential or 0.0) / resistance
    velocity = loaded.metal.molar_volume.value * current / FARADAY
    return Scales(LENGTH_SCALE, velocity, operation.pressure, current, potential)


def model_parameters(loaded: LoadedCase, scales: Scales) -> ModelParameters:
    """All parameters of the forms, dimensionless."""
    model, operation, metal = loaded.case.model, loaded.case.operation, loaded.metal
    thermal = constants.R * operation.temperature
    volume = metal.molar_volume.value
    tension = metal.surface_energy.value if model.capillarity else 0.0
    vacancies = None
    if model.vacancies:
        relaxation = metal.vacancy_relaxation.value if model.stress_drift else 0.0
        vacancies = VacancyParameters(
            diffusivity=metal.diffusivity.at(operation.temperature) / (scales.length * scales.velocity),
            sink_length=metal.sink_length.value / scales.length,
            interface_length=metal.interface_sink_length.value / scales.length,
            surface_length=metal.surface_sink_length.value / scales.length,
            kelvin=tension * volume / (thermal * scales.length),
            stress_drift=relaxation * volume * scales.stress / thermal,
        )
    return ModelParameters(
        current=_current(loaded, scales),
        creep=_creep(loaded, scales),
        vacancies=vacancies,
        composition=_composition(loaded, scales),
        surface=SurfaceParameters(
            tension / (scales.stress * scales.length),
            metal.contact_angle.value,
            (model.surface_diffusion or 0.0)
            * (metal.surface_energy.value * volume / thermal)
            / (scales.length**3 * scales.velocity),
        ),
        load=LoadParameters(
            pressure=operation.pressure / scales.stress,
            top=model.top,
            friction=model.friction,
            friction_limit=(model.friction_limit or 0.0) / scales.stress,
            grip=model.grip,
            adhesion=model.adhesion / scales.stress,
        ),
    )


def _current(loaded: LoadedCase, scales: Scales) -> CurrentParameters:
    model, operation, electrolyte = loaded.case.model, loaded.case.operation, loaded.electrolyte
    thermal = constants.R * operation.temperature
    conductivity = electrolyte.conductivity.at(operation.temperature)
    resistance = electrolyte.area_resistance.at(operation.temperature, sign=-1)
    shift = loaded.metal.molar_volume.value * scales.stress / thermal if model.pressure_potential else 0.0
    first = protocol.stages(operation)[0]
    return CurrentParameters(
        conductivity=conductivity * scales.potential / (scales.length * scales.current),
        area_resistance=resistance * scales.current / scales.potential,
        kinetics=model.kinetics,
        transfer_coefficient=electrolyte.transfer_coefficient.value,
        pressure_potential=shift,
        vacancy_potential=model.vacancy_potential,
        composition_potential=model.composition_potential,
        patches=patches(loaded),
        applied=None if first.current is None else first.current / scales.current,
        potential=None if first.overpotential is None else first.overpotential / scales.potential,
    )


def _composition(loaded: LoadedCase, scales: Scales) -> CompositionParameters | None:
    metal, temperature = loaded.metal, loaded.case.operation.temperature
    if not loaded.case.model.composition or not metal.is_alloy:
        return None
    assert metal.solute_fraction and metal.solute_limit and metal.solute_diffusivity and metal.redlich_kister
    diffusion = scales.length * scales.velocity
    thermal = constants.R * temperature
    return CompositionParameters(
        fraction=metal.solute_fraction.value,
        limit=metal.solute_limit.value,
        solvent=metal.diffusivity.at(temperature) / diffusion,
        solute=metal.solute_diffusivity.at(temperature) / diffusion,
        redlich_kister=tuple(term.at(temperature) / thermal for term in metal.redlich_kister.value),
    )


def patches(loaded: LoadedCase) -> Patches | None:
    """Patches of another area resistance (um), None where Z is uniform."""
    given = loaded.case.heterogeneity
    if given is None:
        return None
    edge = given.edge / LENGTH_SCALE
    if given.patch:
        return Patches(
            tuple(patch.position / LENGTH_SCALE for patch in given.patch),
            tuple(patch.width / LENGTH_SCALE for patch in given.patch),
            tuple(patch.factor for patch in given.patch),
            edge,
        )
    assert given.density is not None and given.mean_width is not None and given.factor is not None
    return random_patches(
        loaded.case.geometry.width / LENGTH_SCALE,
        density=given.density * LENGTH_SCALE,
        mean=given.mean_width / LENGTH_SCALE,
        deviation=given.width_deviation / LENGTH_SCALE,
        factor=given.factor,
        edge=edge,
        seed=given.seed,
    )


def nucleation_rule(loaded: LoadedCase) -> NucleationRule | None:
    """When and how voids nucleate (um), None where they do not."""
    given = loaded.case.model.nucleation
    if given is None:
        return None
    return NucleationRule(
        given.supersaturation,
        given.width / LENGTH_SCALE,
        given.width_deviation / LENGTH_SCALE,
        given.aspect,
        given.spacing / LENGTH_SCALE,
    )


def layer_width(loaded: LoadedCase) -> float | None:
    """Width (m) of the solute layer that a fully sinking contact sweeps up, D/v at S = 1; None if pure.

    D is the interdiffusivity at the initial composition, v the recession at the largest current.
    """
    mixed = interdiffusivity(loaded)
    return None if mixed is None else mixed / case_scales(loaded).velocity


def interdiffusivity(loaded: LoadedCase) -> float | None:
    """(x_Mg D_Li + x_Li D_Mg) Phi (m2/s) at the initial composition and S = 1; None in a pure metal."""
    scales = case_scales(loaded)
    alloy = _composition(loaded, scales)
    if alloy is None:
        return None
    mixed = interdiffusion.interdiffusivity(
        fraction=alloy.fraction,
        supersaturation=1.0,
        solvent=alloy.solvent,
        solute=alloy.solute,
        thermodynamic_factor=thermodynamics.thermodynamic_factor(alloy.fraction, alloy.redlich_kister),
    )
    return float(mixed) * scales.length * scales.velocity


def _creep(loaded: LoadedCase, scales: Scales) -> CreepParameters:
    creep, temperature = loaded.creep, loaded.case.operation.temperature
    rate_scale = scales.velocity / scales.length
    exponent = creep.exponent.value
    reference = creep.stress.value * (rate_scale / creep.coefficient(temperature)) ** (1.0 / exponent)
    per_megapascal = 1e6
    return CreepParameters(
        exponent=exponent,
        reference_stress=reference / scales.stress,
        regularisation=loaded.case.numerics.regularisation,
        viscosity_floor=creep.viscosity_floor.value * rate_scale / scales.stress,
        diffusional_rate=creep.diffusional_rate.value * scales.stress / (per_megapascal * rate_scale),
        breakdown_stress=creep.breakdown_stress.value / scales.stress if creep.breakdown_stress else math.inf,
    )


def dimensionless_groups(loaded: LoadedCase) -> dict[str, float]:
    """Groups of model.md 7, for the largest seeded void (or a 1 um void if there is none).

    Wa = kappa Z/a, Pi_P = P/(v/(a A))^(1/n), Ca = gamma/(a P), Pi_v = v l_v/D, Pe = v a/D,
    a/spacing, a/l_v; ``a`` is the half-width, the spacing that of the voids (or the mirror image).
    """
    scales, operation, metal = case_scales(loaded), loaded.case.operation, loaded.metal
    parameters = model_parameters(loaded, scales)
    widths, spacing = _void_sizes(loaded)
    a = 0.5 * max(widths)
    temperature = operation.temperature
    diffusivity = metal.diffusivity.at(temperature)
    conductivity = loaded.electrolyte.conductivity.at(temperature)
    resistance = loaded.electrolyte.area_resistance.at(temperature, sign=-1)
    creep_stress = parameters.creep.reference_stress * scales.stress
    flow_stress = creep_stress * (scales.length / a) ** (1.0 / parameters.creep.exponent)
    return {
        "Wa": conductivity * resistance / a,
        "Pi_P": operation.pressure / flow_stress,
        "Ca": metal.surface_energy.value / (a * operation.pressure),
        "Pi_v": scales.velocity * metal.sink_length.value / diffusivity,
        "Pe": scales.velocity * a / diffusivity,
        "a/spacing": a / spacing,
        "a/l_v": a / metal.sink_length.value,
    }


def _void_sizes(loaded: LoadedCase) -> tuple[list[float], float]:
    case = loaded.case
    if case.voids is not None:
        return [case.voids.mean_width], 1.0 / case.voids.density
    widths = [void.width for void in case.void] or [2.0 * LENGTH_SCALE]
    count = sum(0.5 if void.center[0] in (0.0, case.geometry.width) else 1.0 for void in case.void)
    return widths, case.geometry.width / max(count, 0.5)
