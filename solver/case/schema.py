"""Schema of a case file (pydantic 2): sections, units, ranges and cross-checks. SI inside."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from meshes.seeds import cap_height
from solver.algebra.options import COUPLING_TOLERANCE
from solver.case import units
from solver.case.schema_parts import Heterogeneity, Nucleation, Section

MAX_VOIDS = 2000

Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Factor = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class Geometry(Section):
    """Cell: metal on electrolyte, symmetric sides."""

    kind: Literal["plane", "axisymmetric", "3d"] = "plane"
    width: units.Length = Field(description="lateral extent, x from 0 to width (a radius if axisymmetric)")
    depth: units.Length | None = Field(None, description="second lateral extent, 3d only")
    metal_thickness: units.Length
    electrolyte_depth: units.Length | None = Field(
        None, description="modelled depth of electrolyte; default two widths (one lateral period)"
    )
    pellet_thickness: units.Length = Field(
        "500 um", description="whole electrolyte, for the ohmic share", validate_default=True
    )

    @property
    def modelled_depth(self) -> float:
        """Depth of electrolyte in the mesh (m)."""
        lateral = max(self.width, self.depth or 0.0)
        return self.electrolyte_depth if self.electrolyte_depth is not None else 2.0 * lateral

    @model_validator(mode="after")
    def _consistent(self) -> Geometry:
        if self.kind == "3d" and self.depth is None:
            raise ValueError("a 3d cell needs 'depth'")
        if self.kind != "3d" and self.depth is not None:
            raise ValueError("'depth' belongs to 3d cells")
        if self.modelled_depth > self.pellet_thickness:
            raise ValueError("electrolyte_depth is larger than pellet_thickness")
        return self


class Void(Section):
    """One void seed at the interface."""

    position: units.Position | tuple[units.Position, units.Position] = Field("0 um", validate_default=True)
    width: units.Length
    height: units.Length | None = Field(
        None, description="default: half the width (ellipse), or by contact_angle (cap)"
    )
    shape: Literal["ellipse", "cap"] = "ellipse"
    contact_angle: units.Angle | None = Field(None, description="caps only: angle inside the metal")

    @property
    def roof_height(self) -> float:
        """Height of the roof (m)."""
        if self.height is not None:
            return float(self.height)
        if self.contact_angle is not None:
            return cap_height(0.5 * self.width, self.contact_angle)
        return 0.5 * self.width

    @property
    def center(self) -> tuple[float, ...]:
        """Position as a tuple (m)."""
        return self.position if isinstance(self.position, tuple) else (self.position,)

    @model_validator(mode="after")
    def _consistent(self) -> Void:
        if self.contact_angle is not None and self.shape != "cap":
            raise ValueError("'contact_angle' belongs to shape = \"cap\"")
        if self.contact_angle is not None and self.height is not None:
            raise ValueError("give 'height' or 'contact_angle', not both")
        if self.shape == "cap" and self.roof_height > 0.999 * self.width:
            raise ValueError("a cap this tall is nearly a closed circle")
        return self


class VoidPopulation(Section):
    """Random population of void seeds, reproducible from ``seed``."""

    density: units.LineDensity = Field(description="mean number of voids per length of interface")
    mean_width: units.Length
    width_deviation: units.Deviation = Field("0 um", validate_default=True)
    smallest_width: units.Length = Field("0.2 um", validate_default=True)
    aspect: Annotated[float, Field(gt=0, le=2, allow_inf_nan=False)] = Field(
        0.5, description="height / width"
    )
    spacing: units.Length = Field(
        "0.5 um", description="smallest contact between two voids", validate_default=True
    )
    shape: Literal["ellipse", "cap"] = "ellipse"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class MaterialChoice(Section):
    """A material of the library; further keys override its numbers (checked against the library)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: Name


class Materials(Section):
    """Materials by name."""

    metal: MaterialChoice = MaterialChoice(name="lithium")
    creep: MaterialChoice | None = Field(None, description="default: the metal's own creep law")
    electrolyte: MaterialChoice = MaterialChoice(name="LPSCl")


class ProtocolStep(Section):
    """One step of a protocol; it ends at the first of its limits that is met."""

    do: Literal["strip", "plate", "rest"]
    current: units.CurrentDensity | None = Field(None, description="magnitude, mean over the whole area")
    overpotential: units.Voltage | None = Field(
        None, description="magnitude of the held overpotential of the modelled part, instead of 'current'"
    )
    capacity: units.Capacity | None = Field(None, description="areal capacity of this step")
    duration: units.Duration | None = None
    cutoff_voltage: units.Voltage | None = Field(None, description="magnitude of the overpotential")
    cutoff_contact_loss: Factor | None = Field(None, description="lost contact over whole area")
    pressure: units.StackPressure | None = Field(None, description="default: the pressure of [operation]")

    @model_validator(mode="after")
    def _consistent(self) -> ProtocolStep:
        if self.do == "rest":
            given = [
                n for n in ("current", "overpotential", "capacity", "cutoff_voltage") if getattr(self, n)
            ]
            if given or self.duration is None:
                raise ValueError("a rest has a 'duration' and no current, overpotential, capacity or voltage")
            return self
        if (self.current is None) == (self.overpotential is None):
            raise ValueError(f"to {self.do} needs either 'current' or 'overpotential'")
        if self.overpotential is not None and self.overpotential <= 0.0:
            raise ValueError("'overpotential' is a magnitude above 0 V")
        if self.cutoff_voltage is not None and self.cutoff_voltage <= 0.0:
            raise ValueError("'cutoff_voltage' is a magnitude above 0 V")
        if not self.capacity and self.duration is None:
            raise ValueError(f"to {self.do} needs a 'capacity' or a 'duration' to end at")
        return self


class Operation(Section):
    """What is done to the cell: one strip (``current``, ``capacity``), or a list of ``step``s."""

    pressure: units.StackPressure
    temperature: units.Temperature = Field("298.15 K", validate_default=True)
    mode: Literal["galvanostatic", "potentiostatic"] = "galvanostatic"
    current: units.CurrentDensity | None = Field(None, description="mean over the whole area, stripping")
    overpotential: units.Voltage | None = Field(None, description="of the modelled part, potentiostatic")
    capacity: units.Capacity | None = Field(None, description="areal capacity at which the run ends")
    cutoff_voltage: units.Voltage | None = Field(None, description="overpotential that ends the run")
    step: list[ProtocolStep] = Field(default_factory=list, max_length=100)
    cycles: Annotated[int, Field(ge=1, le=10000)] = Field(1, description="times the steps are gone through")

    @model_validator(mode="after")
    def _consistent(self) -> Operation:
        if self.step:
            return self._with_steps()
        if self.cycles != 1:
            raise ValueError("'cycles' needs a list of [[operation.step]]")
        if self.capacity is None:
            raise ValueError("needs a 'capacity' to end at, or a list of [[operation.step]]")
        if self.mode == "galvanostatic" and self.current is None:
            raise ValueError("galvanostatic operation needs 'current'")
        if self.mode == "galvanostatic" and self.overpotential is not None:
            raise ValueError("'overpotential' belongs to mode = \"potentiostatic\"")
        if self.mode == "potentiostatic" and (self.overpotential is None or self.overpotential <= 0.0):
            raise ValueError("potentiostatic operation needs an 'overpotential' above 0 V")
        if self.mode == "potentiostatic" and self.current is not None:
            raise ValueError("'current' belongs to mode = \"galvanostatic\"")
        return self

    def _with_steps(self) -> Operation:
        names = ("current", "overpotential", "capacity")
        given = [f"'{n}'" for n in names if getattr(self, n) is not None]
        if given:
            raise ValueError(f"{', '.join(given)} belongs into the steps of [[operation.step]]")
        if all(step.do == "rest" for step in self.step):
            raise ValueError("the steps of [[operation.step]] only rest")
        return self


class Model(Section):
    """Switches of the equation sets."""

    vacancies: bool = Field(True, description="false: the contact itself removes every lattice plane")
    composition: bool = Field(True, description="alloys: Darken interdiffusion; false: uniform, inactive")
    beyond_solubility: Literal["stop", "continue"] = Field(
        "stop",
        description="at the solute's limit in the BCC phase: end the run, or go on with a supersaturated one",
    )
    capillarity: bool = True
    kinetics: Literal["linear", "butler-volmer"] = "butler-volmer"
    friction: Literal["slip", "stick", "tresca"] = "slip"
    friction_limit: units.Pressure | None = Field(
        None, description='friction = "tresca": shear stress at which the contact slides'
    )
    top: Literal["platen", "traction"] = "platen"
    grip: bool = Field(False, description="metal sticks to the current collector sideways")
    adhesion: units.Pressure = Field(
        "0 MPa", description="tensile strength of the contact", validate_default=True
    )
    surface_diffusion: units.SurfaceDiffusivity | None = Field(
        None,
        description="diffusivity along void walls times the thickness of the surface layer; default none",
    )
    nucleation: Nucleation | None = None
    stress_drift: bool = True
    vacancy_potential: bool = True
    composition_potential: bool = True
    pressure_potential: bool = True
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


class Numerics(Section):
    """Resolution and solver settings; lengths None are derived from the voids."""

    tip_size: units.Length | None = Field(None, description="element size at triple lines")
    event_length: units.Length | None = Field(
        None, description="length in which changes of topology are measured; default and least: tip_size"
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
    growth: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.2
    largest_size: units.Length | None = None
    layer_size: units.Length | None = Field(
        None, description="element size along the contact; alloys: default by the width of the solute layer"
    )
    layer_depth: units.Deviation = Field(
        "0 um", description="height over which layer_size holds before sizes grow", validate_default=True
    )
    roof_fraction: Annotated[float, Field(gt=0.005, le=0.5, allow_inf_nan=False)] = 0.08
    courant: Factor = Field(0.4, description="surface motion per step over surface spacing")
    composition_change: Factor = Field(
        0.05, description="change of the solute fraction per step over its largest"
    )
    first_step: units.Duration = Field("0.05 s", validate_default=True)
    smallest_step: units.Duration = Field("1e-9 s", validate_default=True)
    largest_step: units.Duration = Field("120 s", validate_default=True)
    step_growth: Annotated[float, Field(gt=1, le=3, allow_inf_nan=False)] = 1.4
    max_steps: Annotated[int, Field(ge=1, le=1_000_000)] = 20000
    smallest_quality: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.35
    regularisation: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 1e-4
    coupling_tolerance: Annotated[float, Field(ge=1e-9, le=1e-3, allow_inf_nan=False)] = Field(
        COUPLING_TOLERANCE,
        description="change of potential by contact pressure (RT/F) that ends a coupled solve",
    )
    solver: Literal["auto", "direct", "iterative"] = Field(
        "auto", description="factorisations (auto: in two dimensions) or Krylov solvers (auto: in 3-D)"
    )
    petsc: dict[
        Name,
        dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$", max_length=80)], str | int | float],
    ] = Field(
        default_factory=dict,
        description="PETSc options by recipe name, for example newton-direct.snes_max_it",
    )


class Output(Section):
    """What is written and how often."""

    interval: units.Capacity | None = Field(
        None, description="areal capacity between field outputs; default 1/20 of the run"
    )
    fields: bool = True
    checkpoint_steps: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        50, description="a checkpoint is written after this many steps, and after each field output"
    )


class Case(Section):
    """One case file."""

    schema_version: Literal[1] = 1
    title: Annotated[str, StringConstraints(max_length=200)] = ""
    geometry: Geometry
    void: list[Void] = Field(default_factory=list, max_length=MAX_VOIDS)
    voids: VoidPopulation | None = None
    heterogeneity: Heterogeneity | None = None
    material: Materials = Materials()
    operation: Operation
    model: Model = Model()
    numerics: Numerics = Numerics()
    output: Output = Output()

    @model_validator(mode="after")
    def _voids_fit(self) -> Case:
        problems = void_problems(self.geometry, self.void)
        if self.voids is not None and self.void:
            problems.append("give [[void]] or [voids], not both")
        if self.voids is not None and self.geometry.kind == "axisymmetric":
            problems.append("a random population [voids] needs a plane or 3d cell")
        if self.model.nucleation is not None and self.geometry.kind != "plane":
            problems.append("model.nucleation needs a plane cell")
        if problems:
            raise ValueError("; ".join(problems))
        return self


def void_problems(geometry: Geometry, voids: list[Void]) -> list[str]:
    """Everything that is wrong with void seeds in a cell, one sentence each."""
    problems = []
    extents = (geometry.width,) if geometry.kind != "3d" else (geometry.width, geometry.depth or 0.0)
    for k, void in enumerate(voids):
        where = f"void[{k}]"
        if void.roof_height >= 0.98 * geometry.metal_thickness:
            problems.append(f"{where}.height = {_um(void.roof_height)}: taller than the metal")
        if len(void.center) != len(extents):
            problems.append(f"{where}.position: needs {len(extents)} coordinate(s) in a {geometry.kind} cell")
            continue
        for x, extent in zip(void.center, extents, strict=True):
            problems += _placement(where, x, 0.5 * void.width, extent)
        if geometry.kind == "axisymmetric" and void.center[0] != 0.0:
            problems.append(f"{where}.position: a void of an axisymmetric cell is centred at 0 um")
    for k, first in enumerate(voids):
        for j, second in enumerate(voids[:k]):
            if len(first.center) == len(second.center) and math.dist(first.center, second.center) <= 0.5 * (
                first.width + second.width
            ):
                problems.append(f"void[{k}] overlaps void[{j}]")
    return problems


def _placement(where: str, x: float, half: float, extent: float) -> list[str]:
    if x > extent:
        return [f"{where}.position = {_um(x)}: outside the cell (width {_um(extent)})"]
    centred = x in (0.0, extent)
    if not centred and (x - half <= 0.0 or x + half >= extent):
        return [f"{where} crosses a side of the cell; centre it on the side or move it inside"]
    if centred and half >= extent:
        return [f"{where}.width = {_um(2 * half)}: the void is as wide as the cell"]
    return []


def _um(length: float) -> str:
    return units.format_quantity(length, "um", "m")
