"""Dimensionless parameters of the equation sets, as the forms use them.

Scales (see :mod:`solver.setup.scales`): length 1 um, velocity v0 = Omega i0/F, stress P0, current density i0,
potential RT/F. Every attribute below is a plain number in these scales.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from solver.equations.terms.contact_resistance import Patches


@dataclass(frozen=True)
class CurrentParameters:
    """Current distribution (model.md 2).

    Attributes:
        conductivity: kappa RT / (F L i0).
        area_resistance: Z i0 F / RT; 0 is an equipotential contact.
        kinetics: ``"linear"`` or ``"butler-volmer"``.
        transfer_coefficient: alpha.
        pressure_potential: Omega P0 / RT, the shift of E_eq by contact pressure.
        vacancy_potential: whether ln S enters E_eq.
        composition_potential: whether ln a_Li enters E_eq (alloys).
        applied: prescribed mean current over the whole area (galvanostatic), or None.
        potential: prescribed phi_m - phi_bottom (potentiostatic), or None.
        patches: where Z differs, or None.
    """

    conductivity: float
    area_resistance: float
    kinetics: Literal["linear", "butler-volmer"] = "linear"
    transfer_coefficient: float = 0.5
    pressure_potential: float = 0.0
    vacancy_potential: bool = True
    composition_potential: bool = True
    applied: float | None = 1.0
    potential: float | None = None
    patches: Patches | None = None


@dataclass(frozen=True)
class VacancyParameters:
    """Vacancy transport (model.md 3).

    Attributes:
        diffusivity: D_Li / (L v0), tracer diffusivity of the solvent at S = 1.
        sink_length: l_v / L, bulk sinks (dislocations); inf switches them off.
        interface_length: l_i / L; inf switches the interface sink off.
        surface_length: l_s / L, exchange with void surfaces.
        kelvin: gamma Omega / (RT L).
        stress_drift: Omega_V P0 / RT.
    """

    diffusivity: float
    sink_length: float
    interface_length: float = float("inf")
    surface_length: float = 0.1
    kelvin: float = 0.0
    stress_drift: float = 0.0


@dataclass(frozen=True)
class CompositionParameters:
    """Darken interdiffusion of a binary alloy (model.md 3); x is the fraction of the solute (Mg).

    Attributes:
        fraction: x at the start.
        limit: largest x of the BCC phase.
        solvent: tracer diffusivity D_Li / (L v0) at S = 1.
        solute: tracer diffusivity D_Mg / (L v0) at S = 1.
        redlich_kister: L_k / RT.
    """

    fraction: float
    limit: float
    solvent: float
    solute: float
    redlich_kister: tuple[float, ...] = ()


@dataclass(frozen=True)
class CreepParameters:
    """Power-law creep (model.md 4).

    Attributes:
        exponent: n.
        reference_stress: stress at which the uniaxial rate is v0/L, in P0.
        regularisation: e_0 in v0/L.
        viscosity_floor: linear viscosity in parallel (power-law breakdown), in P0 L / v0.
        diffusional_rate: coefficient B of the parallel mechanism e = B sigma, in v0 / (L P0).
        breakdown_stress: effective stress above which the power law is not known to hold, in P0.
    """

    exponent: float
    reference_stress: float
    regularisation: float = 1e-4
    viscosity_floor: float = 0.0
    diffusional_rate: float = 0.0
    breakdown_stress: float = math.inf


@dataclass(frozen=True)
class SurfaceParameters:
    """Capillarity of void surfaces.

    Attributes:
        tension: gamma / (P0 L).
        contact_angle: in radians, inside the metal.
        diffusion: B of surface diffusion / (L^3 v0).
    """

    tension: float = 0.0
    contact_angle: float = 1.5707963267948966
    diffusion: float = 0.0


@dataclass(frozen=True)
class LoadParameters:
    """What presses on the metal.

    Attributes:
        pressure: stack pressure / P0.
        top: ``"platen"`` (rigid, horizontal, given force) or ``"traction"`` (uniform pressure).
        friction: ``"slip"``, ``"stick"`` or ``"tresca"`` at the contact.
        friction_limit: shear stress / P0 at which a Tresca contact slides.
        grip: whether the metal sticks to the current collector sideways.
        adhesion: tensile strength of the contact / P0.
    """

    pressure: float = 1.0
    top: Literal["platen", "traction"] = "platen"
    friction: Literal["slip", "stick", "tresca"] = "slip"
    friction_limit: float = 0.0
    grip: bool = False
    adhesion: float = 0.0


@dataclass(frozen=True)
class NucleationRule:
    """When and how voids nucleate; lengths in um.

    Attributes:
        supersaturation: S on the contact above which a void nucleates.
        width, deviation: mean and standard deviation (normal, cut at half and twice the mean) of its width.
        aspect: height over width.
        spacing: smallest contact between a new void and any other.
    """

    supersaturation: float
    width: float
    deviation: float
    aspect: float
    spacing: float


@dataclass(frozen=True)
class ModelParameters:
    """All equation sets.

    ``vacancies`` None means that the contact itself removes every lattice plane; ``composition`` None is
    a pure metal.
    """

    current: CurrentParameters
    creep: CreepParameters
    vacancies: VacancyParameters | None
    surface: SurfaceParameters = field(default_factory=SurfaceParameters)
    load: LoadParameters = field(default_factory=LoadParameters)
    composition: CompositionParameters | None = None
