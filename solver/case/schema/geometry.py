"""The cell, the voids in it at the start, and the checks that the voids fit into the cell."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from meshes.seeds import cap_height
from solver.case import units
from solver.case.schema.section import AspectRatio, RandomSeed, Section

TALLEST_VOID = 0.98
"""Height of a void over the thickness of the metal that a mesh still fits above."""


class Geometry(Section):
    """Cell: metal on electrolyte, symmetric sides."""

    kind: Literal["plane", "axisymmetric", "3d"] = Field(
        "plane", description="two dimensions (plane strain), rotation around the y axis, or three dimensions"
    )
    width: units.Length = Field(description="lateral extent, x from 0 to width (a radius if axisymmetric)")
    depth: units.Length | None = Field(None, description="second lateral extent, 3d only")
    metal_thickness: units.Length = Field(description="height of the metal above the electrolyte")
    electrolyte_depth: units.Length | None = Field(
        None, description="modelled depth of electrolyte; default two widths (one lateral period)"
    )
    pellet_thickness: units.Length = Field(
        "500 um", description="whole electrolyte, for the ohmic share", validate_default=True
    )

    @property
    def modelled_depth(self) -> float:
        """Depth of electrolyte in the mesh (m)."""
        lateral = self.width if self.depth is None else max(self.width, self.depth)
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

    position: units.Position | tuple[units.Position, units.Position] = Field(
        "0 um", validate_default=True, description="middle of the void: x, in a 3d cell [x, y]"
    )
    width: units.Length = Field(description="extent on the electrolyte")
    height: units.Length | None = Field(
        None, description="default: half the width (ellipse), or by contact_angle (cap)"
    )
    shape: Literal["ellipse", "cap"] = Field("ellipse", description="half an ellipse, or a circular cap")
    contact_angle: units.Angle | None = Field(None, description="caps only: angle inside the metal")
    along: Literal["x", "y"] | None = Field(
        None,
        description="3d only: a cylinder that runs through the cell along this axis, with the section of a "
        "plane void; its position is the one coordinate across",
    )

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
    """Random population of void seeds, reproducible from ``seed``; with ``from`` the voids of a table."""

    from_: str | None = Field(
        None,
        alias="from",
        description="CSV or Parquet file beside this case with the columns position (3d: x and y), width and "
        "height, units in their heads (width_um), instead of a random population; becomes [[void]] when read",
    )
    density: units.LineDensity = Field(description="mean number of voids per length of interface")
    mean_width: units.Length = Field(description="mean of the widths")
    width_deviation: units.Deviation = Field(
        "0 um", validate_default=True, description="standard deviation of the widths (normal distribution)"
    )
    smallest_width: units.Length = Field(
        "0.2 um", validate_default=True, description="narrower voids are drawn again"
    )
    aspect: AspectRatio = Field(0.5, description="height / width")
    spacing: units.Length = Field(
        "0.5 um", description="smallest contact between two voids", validate_default=True
    )
    shape: Literal["ellipse", "cap"] = Field("ellipse", description="half ellipses, or circular caps")
    seed: RandomSeed = Field(0, description="start of the random numbers: the same one gives the same voids")


def void_problems(geometry: Geometry, voids: list[Void]) -> list[str]:
    """Everything that is wrong with void seeds in a cell, one sentence each."""
    problems = []
    cell = (geometry.width,) if geometry.depth is None else (geometry.width, geometry.depth)
    for k, void in enumerate(voids):
        where = f"void[{k}]"
        if void.along is not None and geometry.kind != "3d":
            problems.append(f"{where}.along: a cylinder through the cell needs a 3d cell")
            continue
        extents = cell if void.along is None else cell[1:] if void.along == "x" else cell[:1]
        if void.roof_height >= TALLEST_VOID * geometry.metal_thickness:
            problems.append(f"{where}.height = {_um(void.roof_height)}: taller than the metal")
        if len(void.center) != len(extents):
            kind = f"a {geometry.kind} cell" if void.along is None else f"a void along {void.along}"
            problems.append(f"{where}.position: needs {len(extents)} coordinate(s) in {kind}")
            continue
        for x, extent in zip(void.center, extents, strict=True):
            problems += _placement(where, x, 0.5 * void.width, extent)
        if geometry.kind == "axisymmetric" and void.center[0] != 0.0:
            problems.append(f"{where}.position: a void of an axisymmetric cell is centred at 0 um")
    for k, first in enumerate(voids):
        for j, second in enumerate(voids[:k]):
            if _distance(first, second) <= 0.5 * (first.width + second.width):
                problems.append(f"void[{k}] overlaps void[{j}]")
    return problems


def _distance(first: Void, second: Void) -> float:
    """Between the middles of two voids, or their axes (m); inf where a position is wrong, which is said."""
    if first.along is None and second.along is None:
        same = len(first.center) == len(second.center)
        return math.dist(first.center, second.center) if same else math.inf
    if first.along is not None and second.along is not None:
        crossing = first.along != second.along
        return 0.0 if crossing else abs(first.center[0] - second.center[0])
    cylinder, other = (first, second) if first.along is not None else (second, first)
    across = 1 if cylinder.along == "x" else 0
    wrong = len(other.center) <= across or len(cylinder.center) != 1
    return math.inf if wrong else abs(cylinder.center[0] - other.center[across])


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
