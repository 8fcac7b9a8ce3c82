"""Numbers of a case that say which process counts: docs/model.md 7, and diffusion over recession."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.equations.terms import creep, interdiffusion, thermodynamics
from solver.setup.scales import LENGTH_SCALE, case_scales

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase


def layer_width(loaded: LoadedCase) -> float | None:
    """Width (m) of the solute layer that a fully sinking contact sweeps up, D/v at S = 1; None if pure.

    D is the interdiffusivity at the initial composition, v the recession at the largest current.
    """
    mixed = interdiffusivity(loaded)
    return None if mixed is None else mixed / case_scales(loaded).velocity


def interdiffusivity(loaded: LoadedCase) -> float | None:
    """(x_Mg D_Li + x_Li D_Mg) Phi (m2/s) at the initial composition and S = 1; None in a pure metal."""
    scales = case_scales(loaded)
    alloy = interdiffusion.from_case(loaded, scales)
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


def dimensionless_groups(loaded: LoadedCase) -> dict[str, float]:
    """Groups of model.md 7, for the largest seeded void (or a 1 um void if there is none).

    Wa = kappa Z/a, Pi_P = P/(v/(a A))^(1/n), Ca = gamma/(a P), Pi_v = v l_v/D, Pe = v a/D,
    a/spacing, a/l_v; ``a`` is the half-width, the spacing that of the voids (or the mirror image).
    """
    scales, operation, metal = case_scales(loaded), loaded.case.operation, loaded.metal
    law = creep.from_case(loaded, scales)
    widths, spacing = _void_sizes(loaded)
    a = 0.5 * max(widths)
    temperature = operation.temperature
    diffusivity = metal.diffusivity.at(temperature)
    conductivity = loaded.electrolyte.conductivity.at(temperature)
    resistance = loaded.electrolyte.area_resistance.at(temperature, sign=-1)
    creep_stress = law.reference_stress * scales.stress
    flow_stress = creep_stress * (scales.length / a) ** (1.0 / law.exponent)
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
