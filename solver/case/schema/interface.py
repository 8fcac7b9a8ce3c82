"""The interface between metal and electrolyte: where its resistance varies, and where new voids nucleate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from solver.case import units
from solver.case.resistance_profile import MAX_EXPRESSION, expression_problems, point_problems
from solver.case.schema.section import AspectRatio, RandomSeed, Section

if TYPE_CHECKING:
    from solver.case.schema.geometry import Geometry

MAX_PATCHES = 1000
"""Patches of another resistance in one case at most."""
ResistanceFactor = Annotated[float, Field(ge=1e-3, le=1e3, allow_inf_nan=False)]
"""Area resistance of a patch over that of the interface around it."""
MAX_POINTS = 20_000
"""Points of a resistance profile at most, in TOML and on every rank: 140 x 140."""
Number = Annotated[float, Field(allow_inf_nan=False)]
Point = Annotated[list[Number], Field(min_length=2, max_length=3)]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=MAX_EXPRESSION)]


class ResistancePatch(Section):
    """A stretch of interface with another area resistance."""

    position: units.Position = Field(description="middle (a stripe along y in 3d)")
    width: units.Length = Field(description="extent along x")
    factor: ResistanceFactor = Field(description="Z there over Z elsewhere")


class Heterogeneity(Section):
    """Area resistance Z(x) that varies along the interface: patches, random ones, a profile, or a table."""

    patch: list[ResistancePatch] = Field(
        default_factory=list,
        max_length=MAX_PATCHES,
        description="patches, one table each; instead of random ones",
    )
    density: units.LineDensity | None = Field(None, description="random patches per length of interface")
    mean_width: units.Length | None = Field(None, description="of random patches")
    width_deviation: units.Deviation = Field(
        "0 um", validate_default=True, description="standard deviation of the widths of random patches"
    )
    factor: ResistanceFactor | None = Field(None, description="of random patches")
    edge: units.Length = Field(
        "0.5 um", description="width over which Z changes at the end of a patch", validate_default=True
    )
    seed: RandomSeed = Field(0, description="start of the random numbers")
    expression: Expression | None = Field(
        None,
        description='instead of patches: Z over that of the electrolyte, "1 + 0.5*cos(2*pi*x/(10*um))"; '
        "of x (3d: x, y; axisymmetric: r), width, depth, nm, um, mm, pi with + - * / **, sin, cos, tan, "
        "tanh, exp, log, sqrt, abs, min, max",
    )
    table: FileName | None = Field(
        None,
        description="instead of patches: CSV file with x (3d: x, y or x; axisymmetric: r) and Z or factor, "
        "units in its header; becomes 'points' when the case is read",
    )
    points: Annotated[list[Point], Field(min_length=2, max_length=MAX_POINTS)] | None = Field(
        None,
        description="position (um; 3d: x and y, every x with every y, or x) and Z or factor; linear between",
    )
    points_give: Literal["factor", "ohm cm2"] | None = Field(
        None,
        description="what 'points' give: Z over that of the electrolyte, or Z (ohm cm2) at the temperature "
        "for which the electrolyte's area_resistance is given; default factor",
    )

    @property
    def is_profile(self) -> bool:
        """Whether Z is an expression or a table, not patches."""
        return self.expression is not None or self.points is not None

    @model_validator(mode="after")
    def _consistent(self) -> Heterogeneity:
        random = [name for name in ("density", "mean_width", "factor") if getattr(self, name) is not None]
        if self.patch and random:
            raise ValueError("give [[heterogeneity.patch]] or random patches, not both")
        profiles = [name for name in ("expression", "table", "points") if getattr(self, name) is not None]
        patches = ["patch"] if self.patch else random
        if len(profiles) > 1 or (profiles and patches):
            raise ValueError(f"give only one of {', '.join([*profiles, *patches])}")
        if not self.patch and len(random) < 3 and not profiles:
            alone = "or give 'patch', 'expression' or 'table'"
            raise ValueError(f"random patches need 'density', 'mean_width' and 'factor'; {alone}")
        if self.points_give is not None and self.points is None:
            raise ValueError("'points_give' belongs to 'points'")
        return self


def heterogeneity_problems(heterogeneity: Heterogeneity | None, geometry: Geometry) -> list[str]:
    """What does not fit between a resistance that varies and the cell, one sentence each."""
    if heterogeneity is None:
        return []
    problems = [
        f"heterogeneity.patch[{number}].position: the patch lies outside the cell"
        for number, patch in enumerate(heterogeneity.patch)
        if patch.position - 0.5 * patch.width >= geometry.width
    ]
    lengths = [geometry.width] if geometry.depth is None else [geometry.width, geometry.depth]
    extents = tuple(units.convert(length, "m", "um") for length in lengths)
    if heterogeneity.expression is not None:
        found = expression_problems(heterogeneity.expression, geometry.kind, extents)
        problems += [f"heterogeneity.expression = {heterogeneity.expression!r}: {text}" for text in found]
    if heterogeneity.points is not None:
        factor = heterogeneity.points_give != "ohm cm2"
        found = point_problems(heterogeneity.points, extents, is_factor=factor)
        problems += [f"heterogeneity.points: {text}" for text in found]
    return problems


class Nucleation(Section):
    """Voids that nucleate where the contact is supersaturated with vacancies."""

    supersaturation: Annotated[float, Field(gt=1, le=1e12, allow_inf_nan=False)] = Field(
        description="S on the contact above which a void nucleates"
    )
    width: units.Length = Field(description="mean width of a new void")
    width_deviation: units.Deviation = Field(
        "0 um", validate_default=True, description="standard deviation of the widths"
    )
    aspect: AspectRatio = Field(0.5, description="height / width")
    spacing: units.Length = Field(description="smallest contact between a new void and any other, or a side")
    seed: RandomSeed = Field(0, description="start of the random numbers")
