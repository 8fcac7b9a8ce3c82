"""The whole case file: its sections, and what must hold between them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from solver.case.schema.contact_memory import ContactMemory
from solver.case.schema.fixture import Fixture, fixture_problems
from solver.case.schema.geometry import Geometry, Void, VoidPopulation, void_problems
from solver.case.schema.interface import Heterogeneity, patch_problems
from solver.case.schema.material import Materials
from solver.case.schema.model import Model
from solver.case.schema.numerics import Numerics
from solver.case.schema.operation import Operation
from solver.case.schema.output import Output
from solver.case.schema.section import Section, Title

MAX_VOIDS = 2000
"""Voids written one by one in one case at most."""


class Case(Section):
    """One case file."""

    schema_version: Literal[1] = 1
    title: Title = ""
    geometry: Geometry
    void: list[Void] = Field(default_factory=list, max_length=MAX_VOIDS)
    voids: VoidPopulation | None = None
    heterogeneity: Heterogeneity | None = None
    contact_memory: ContactMemory | None = None
    material: Materials = Materials()
    operation: Operation
    fixture: Fixture | None = None
    model: Model = Model()
    numerics: Numerics = Numerics()
    output: Output = Output()

    @model_validator(mode="after")
    def _sections_fit(self) -> Case:
        problems = void_problems(self.geometry, self.void)
        if self.voids is not None and self.void:
            problems.append("give [[void]] or [voids], not both")
        if self.voids is not None and self.geometry.kind == "axisymmetric":
            problems.append("a random population [voids] needs a plane or 3d cell")
        if self.model.nucleation is not None and self.geometry.kind != "plane":
            problems.append("model.nucleation needs a plane cell")
        problems += patch_problems(self.heterogeneity, self.geometry.width)
        problems += fixture_problems(self.fixture, self.model.top, self.operation)
        if problems:
            raise ValueError("; ".join(problems))
        return self
