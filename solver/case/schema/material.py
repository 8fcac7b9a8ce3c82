"""Choice of the materials: names in the library, and numbers that the case puts in place of the library's."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from solver.case.schema.section import Name, Section


class MaterialChoice(Section):
    """A material of the library; further keys override its numbers (checked against the library)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: Name


class Materials(Section):
    """Materials by name."""

    metal: MaterialChoice = MaterialChoice(name="lithium")
    creep: MaterialChoice | None = Field(None, description="default: the metal's own creep law")
    electrolyte: MaterialChoice = MaterialChoice(name="LPSCl")
