"""Resolution in space and time, and the solvers' settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from solver.case import units
from solver.case.schema.section import Change, Section
from solver.case.schema.solver_options import SolverOptions

COUPLING_TOLERANCE = 1e-7
"""Default change of the potential (RT/F, root mean square over the contact) by contact pressure that ends
the staggered loop. Where the pressure is singular, at a triple line, it says nothing about the current."""


class Numerics(Section):
    """Resolution and solver settings; lengths None are derived from the voids."""

    tip_size: units.Length | None = Field(None, description="element size at triple lines")
    event_length: units.Length | None = Field(
        None,
        description="length in which changes of topology are measured, at least tip_size; default 0.4 of the "
        "surface sink length (0.04 um), less where the smallest seed is narrower than 0.8 um",
    )
    event_together: Annotated[float, Field(ge=1, le=3, allow_inf_nan=False)] = Field(
        1.0,
        description="where the interface changes, so do places within this factor of their "
        "own threshold: fewer new meshes in large populations",
    )
    graded: bool = Field(
        False,
        description="let sizes grow from the roofs by 'growth' too: half the cells in large populations",
    )
    growth: Annotated[float, Field(ge=0.01, le=1, allow_inf_nan=False)] = Field(
        0.2, description="growth of element sizes with the distance from triple lines"
    )
    largest_size: units.Length | None = Field(
        None, description="largest element; default by the size of the cell"
    )
    layer_size: units.Length | None = Field(
        None, description="element size along the contact; alloys: default by the width of the solute layer"
    )
    layer_depth: units.Deviation = Field(
        "0 um", description="height over which layer_size holds before sizes grow", validate_default=True
    )
    roof_fraction: Annotated[float, Field(gt=0.005, le=0.5, allow_inf_nan=False)] = Field(
        0.08, description="element size on a roof over the width of its void"
    )
    courant: Change = Field(0.4, description="surface motion per step over surface spacing")
    composition_change: Change = Field(
        0.05, description="change of the solute fraction per step over its largest"
    )
    pressure_change: Change = Field(
        0.02, description="[fixture]: change of the stack pressure per step over itself"
    )
    first_step: units.Duration = Field(
        "0.05 s", validate_default=True, description="time step that a run begins with"
    )
    smallest_step: units.Duration = Field(
        "1e-9 s", validate_default=True, description="a run whose steps become shorter than this fails"
    )
    largest_step: units.Duration = Field(
        "120 s", validate_default=True, description="longest time step while shapes change"
    )
    step_growth: Annotated[float, Field(gt=1, le=3, allow_inf_nan=False)] = Field(
        1.4, description="longest step over the one before it"
    )
    max_steps: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = Field(
        None,
        description="a run ends after so many time steps; default: 20000, or 100 for each step of the "
        "protocol where that is more",
    )
    smallest_quality: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = Field(
        0.35, description="quality of the worst cell below which the mesh is made anew (1: equilateral)"
    )
    regularisation: Annotated[float, Field(ge=1e-10, lt=1, allow_inf_nan=False)] | None = Field(
        None,
        description="strain rate below which creep counts as linear, over v per um; default: a thousandth of "
        "the mean rate of the flow, between 1e-6 and 1e-4",
    )
    coupling_tolerance: Annotated[float, Field(ge=1e-9, le=1e-3, allow_inf_nan=False)] = Field(
        COUPLING_TOLERANCE,
        description="change of potential by contact pressure (RT/F) that ends a coupled solve",
    )
    solver: Literal["auto", "direct", "iterative"] = Field(
        "auto", description="factorisations (auto: in two dimensions) or Krylov solvers (auto: in 3-D)"
    )
    petsc: SolverOptions = Field(
        default_factory=dict,
        description="solver options by set and PETSc's name, for example newton-direct.snes_max_it; "
        '"delete" removes one',
    )

    @model_validator(mode="after")
    def _steps_fit(self) -> Numerics:
        if self.smallest_step > self.largest_step:
            raise ValueError("'smallest_step' is longer than 'largest_step'")
        return self
