"""Numbers of a case that say which process counts: docs/model.md 7, diffusion over recession, vacancies over
charge transfer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.equations.terms import creep, interdiffusion, thermodynamics, vacancies
from solver.setup.scales import LENGTH_SCALE, case_scales

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase

SQUARE_CENTIMETRE = 1e-4
"""m2"""


@dataclass(frozen=True)
class VacancyResistance:
    """Vacancies at the flat contact of a case (docs/vacancy-sinks.md), beside what was measured.

    Z_vac = R T l Omega / (F^2 D_S),   1/l = 1/l_v + 1/l_i

    Linear response: stripping at i leaves v = i Omega/F vacancies per area and time at the contact, which end
    within l_v in the bulk or at the interface itself (l_i): S - 1 = v l/D_S there, and E_eq rises by
    RT/F ln S. l_v, l_i: sink lengths of bulk and contact; D_S: diffusivity of S (D_Li in a pure metal). Z_vac
    is a part of the resistance of a pressed contact, and cannot be more than all of it.

    Attributes:
        sink_length: l (m).
        resistance: Z_vac (ohm m2), at i = 0.
        overpotential: RT/F ln(1 + v l/D_S) (V) at the current of the scales.
        measured: largest resistance that a pressed contact was measured with (ohm m2), None if none was.
    """

    sink_length: float
    resistance: float
    overpotential: float
    measured: float | None = None

    @property
    def exceeds(self) -> bool:
        """Whether vacancies alone cost more than was measured altogether."""
        return self.ohm_cm2 > self.measured_ohm_cm2

    @property
    def ohm_cm2(self) -> float:
        """Z_vac in the customary unit."""
        return self.resistance / SQUARE_CENTIMETRE

    @property
    def measured_ohm_cm2(self) -> float:
        """What was measured in the customary unit, inf if nothing was."""
        return math.inf if self.measured is None else self.measured / SQUARE_CENTIMETRE


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
    a/spacing, a/l_v; ``a`` is the half-width, the spacing that of the voids (or the mirror image). With a
    clamp also Pi_k = k a/P, the change of P as the platen moves by a. Z_vac/Z (:class:`VacancyResistance`) is
    there where vacancies and charge transfer resist.
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
    fixture = loaded.case.fixture
    stiffness = None if fixture is None else fixture.stiffness
    groups = {} if stiffness is None else {"Pi_k": stiffness * a / operation.pressure}
    groups |= {
        "Wa": conductivity * resistance / a,
        "Pi_P": operation.pressure / flow_stress,
        "Ca": metal.surface_energy.value / (a * operation.pressure),
        "Pi_v": scales.velocity * metal.sink_length.value / diffusivity,
        "Pe": scales.velocity * a / diffusivity,
        "a/spacing": a / spacing,
        "a/l_v": a / metal.sink_length.value,
    }
    sinks = vacancy_resistance(loaded)
    return groups | ({"Z_vac/Z": sinks.resistance / resistance} if sinks and resistance > 0.0 else {})


def vacancy_resistance(loaded: LoadedCase) -> VacancyResistance | None:
    """Z_vac of a case at its first composition; None where vacancies are no part of its potential."""
    scales, temperature = case_scales(loaded), loaded.case.operation.temperature
    sinks, alloy = vacancies.from_case(loaded, scales), interdiffusion.from_case(loaded, scales)
    if sinks is None or not loaded.case.model.vacancy_potential:
        return None
    length = 1.0 / (1.0 / sinks.sink_length + 1.0 / sinks.interface_length)
    diffusivity = sinks.diffusivity
    if alloy is not None:
        diffusivity = float(
            interdiffusion.sink_diffusivity(
                fraction=alloy.fraction, solvent=alloy.solvent, solute=alloy.solute
            )
        )
    excess = length / diffusivity  # S - 1 at the current of the scales
    bound = loaded.electrolyte.measured_resistance
    return VacancyResistance(
        sink_length=length * scales.length,
        resistance=excess * scales.potential / scales.current,
        overpotential=math.log1p(excess) * scales.potential,
        measured=None if bound is None else bound.at(temperature, sign=-1),
    )


def _void_sizes(loaded: LoadedCase) -> tuple[list[float], float]:
    case = loaded.case
    if case.voids is not None:
        return [case.voids.mean_width], 1.0 / case.voids.density
    widths = [void.width for void in case.void] or [2.0 * LENGTH_SCALE]
    sides = (0.0, case.geometry.width)
    count = sum(0.5 if void.along != "x" and void.center[0] in sides else 1.0 for void in case.void)
    return widths, case.geometry.width / max(count, 0.5)
