"""The whole case file: its sections, and what must hold between them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from solver.case.schema.contact_memory import ContactMemory
from solver.case.schema.data import MAX_FILES, Data
from solver.case.schema.fixture import Fixture, fixture_problems
from solver.case.schema.geometry import Geometry, Void, VoidPopulation, void_problems
from solver.case.schema.impedance import Impedance
from solver.case.schema.interface import Heterogeneity, heterogeneity_problems
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

    schema_version: Literal[1] = Field(1, description="version of the format of case files")
    title: Title = Field("", description="one line for people: in reports and on figures")
    base: str | None = Field(
        None, description="another case file, relative to this one, for all that this one does not say"
    )
    included: dict[str, list[str]] = Field(
        default_factory=dict, description="written into a run folder's case: what came from which base"
    )
    geometry: Geometry = Field(description="the cell")
    void: list[Void] = Field(
        default_factory=list, max_length=MAX_VOIDS, description="void seeds at the start, one table each"
    )
    voids: VoidPopulation | None = Field(
        None, description="a random population of void seeds, instead of [[void]]"
    )
    heterogeneity: Heterogeneity | None = Field(
        None, description="area resistance that varies along the interface"
    )
    contact_memory: ContactMemory | None = Field(
        None, description="another resistance where contact has parted and come back"
    )
    material: Materials = Field(Materials(), description="metal, creep law and electrolyte")
    operation: Operation = Field(description="pressure, temperature, and what the cell does")
    fixture: Fixture | None = Field(
        None, description="a clamp of finite stiffness, or a platen whose velocity is given"
    )
    model: Model = Field(Model(), description="which physics is solved for")
    numerics: Numerics = Field(Numerics(), description="mesh, time steps and solvers")
    output: Output = Field(Output(), description="what is written, and how often")
    impedance: Impedance = Field(Impedance(), description="what an impedance needs beyond a run")
    data: list[Data] = Field(
        default_factory=list,
        max_length=MAX_FILES,
        description="measurements that livoid compare lays over the run, one table each",
    )

    @model_validator(mode="after")
    def _sections_fit(self) -> Case:
        problems = void_problems(self.geometry, self.void)
        if self.voids is not None and self.void:
            problems.append("give [[void]] or [voids], not both")
        if self.voids is not None and self.geometry.kind == "axisymmetric":
            problems.append("a random population [voids] needs a plane or 3d cell")
        if self.model.nucleation is not None and self.geometry.kind != "plane":
            problems.append("model.nucleation needs a plane cell")
        problems += heterogeneity_problems(self.heterogeneity, self.geometry)
        problems += fixture_problems(self.fixture, self.model.top, self.operation)
        if problems:
            raise ValueError("; ".join(problems))
        return self
