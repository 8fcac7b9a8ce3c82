"""Which physics is solved for: switches of the equation sets, and what happens when voids change."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from solver.case import units
from solver.case.schema.interface import Nucleation
from solver.case.schema.section import Factor, Section


class Model(Section):
    """Switches of the equation sets."""

    vacancies: bool = Field(True, description="false: the contact itself removes every lattice plane")
    composition: bool = Field(True, description="alloys: Darken interdiffusion; false: uniform, inactive")
    beyond_solubility: Literal["stop", "continue"] = Field(
        "stop",
        description="at the solute's limit in the BCC phase: end the run, or go on with a supersaturated one",
    )
    capillarity: bool = Field(True, description="surface tension of the voids")
    kinetics: Literal["linear", "butler-volmer"] = Field(
        "butler-volmer", description="charge transfer: Ohm's law, or Butler-Volmer"
    )
    friction: Literal["slip", "stick", "tresca"] = Field(
        "slip",
        description="the metal slides along the electrolyte freely, not at all, or above a shear stress",
    )
    friction_limit: units.Pressure | None = Field(
        None, description='friction = "tresca": shear stress at which the contact slides'
    )
    top: Literal["platen", "traction", "velocity"] = Field(
        "platen",
        description="rigid platen under a force, uniform pressure, or a rigid platen moved as [fixture] says",
    )
    grip: bool = Field(False, description="metal sticks to the current collector sideways")
    adhesion: units.Strength = Field(
        "0 MPa",
        description="tensile strength of the contact, besides what surface tension holds; inf: contact held "
        "everywhere, it never parts",
        validate_default=True,
    )
    surface_diffusion: units.SurfaceDiffusivity | None = Field(
        None,
        description="diffusivity along void walls times the thickness of the surface layer; default none",
    )
    nucleation: Nucleation | None = Field(
        None, description="new voids where vacancies pile up; default: none"
    )
    stress_drift: bool = Field(True, description="a gradient of pressure drives vacancies")
    vacancy_potential: bool = Field(
        True, description="supersaturation of vacancies enters the equilibrium potential"
    )
    composition_potential: bool = Field(
        True, description="activity of lithium enters the equilibrium potential"
    )
    pressure_potential: bool = Field(True, description="contact pressure enters the equilibrium potential")
    at_event: Literal["evolve", "stop"] = Field(
        "evolve",
        description="when voids open, meet, split or vanish: go on with the new ones, or end the run",
    )
    delaminated_below: Factor = Field(0.02, description="contact fraction that counts as delaminated")

    @model_validator(mode="after")
    def _consistent(self) -> Model:
        if (self.friction == "tresca") != (self.friction_limit is not None):
            raise ValueError("'friction_limit' belongs to friction = \"tresca\", which needs it")
        if self.nucleation is not None and not self.vacancies:
            raise ValueError("'nucleation' needs vacancies")
        return self
