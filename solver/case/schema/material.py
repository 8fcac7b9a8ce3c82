"""Choice of the materials: names in the library, and numbers that the case puts in place of the library's."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from solver.case.schema.section import Name, Section


class MaterialChoice(Section):
    """A material of the library; further keys override its numbers (checked against the library)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: Name = Field(
        description="name in the library, or the path of a data file from the case's folder on"
    )
    definition: dict[str, Any] | None = Field(
        None, description="content of a data file of one's own, as the case.toml of a run folder carries it"
    )


class Materials(Section):
    """Materials by name."""

    metal: MaterialChoice = Field(MaterialChoice(name="lithium"), description="the anode")
    creep: MaterialChoice | None = Field(None, description="default: the metal's own creep law")
    electrolyte: MaterialChoice = Field(
        MaterialChoice(name="LPSCl"),
        description="the solid electrolyte, with the kinetics of the metal on it",
    )
