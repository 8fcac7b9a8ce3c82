"""Contact with a memory: metal that has parted from the electrolyte and come back has another resistance."""

from __future__ import annotations

from pydantic import Field

from solver.case import units
from solver.case.schema.section import Section


class ContactHealing(Section):
    """A re-made contact heals by creep: d ln Z/dt = -rate (contact pressure / stress)^exponent."""

    rate: units.Rate = Field(description="rate at which ln Z falls at the contact pressure 'stress'")
    stress: units.CreepStress = Field(
        "1 MPa", description="contact pressure at which 'rate' holds", validate_default=True
    )
    exponent: units.Exponent = Field(description="of the contact pressure")


class ContactMemory(Section):
    """Switches the memory on; Z_1 and m are those of the electrolyte with this metal (remade_resistance,
    pressure_exponent)."""

    lowest_pressure: units.StackPressure = Field(
        "0.01 MPa",
        description="least pressure that re-made contact counts as having seen: bounds its resistance",
        validate_default=True,
    )
    grid: units.Length | None = Field(
        None, description="spacing of the record on the electrolyte; default: half of tip_size"
    )
    healing: ContactHealing | None = Field(None, description="default: none")
