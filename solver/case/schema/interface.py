"""The interface between metal and electrolyte: where its resistance varies, and where new voids nucleate."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from solver.case import units
from solver.case.schema.section import AspectRatio, RandomSeed, Section

MAX_PATCHES = 1000
"""Patches of another resistance in one case at most."""
ResistanceFactor = Annotated[float, Field(ge=1e-3, le=1e3, allow_inf_nan=False)]
"""Area resistance of a patch over that of the interface around it."""


class ResistancePatch(Section):
    """A stretch of interface with another area resistance."""

    position: units.Position = Field(description="middle (a stripe along y in 3d)")
    width: units.Length = Field(description="extent along x")
    factor: ResistanceFactor = Field(description="Z there over Z elsewhere")


class Heterogeneity(Section):
    """Area resistance Z(x) that varies along the interface: given patches, or random ones."""

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

    @model_validator(mode="after")
    def _consistent(self) -> Heterogeneity:
        random = [name for name in ("density", "mean_width", "factor") if getattr(self, name) is not None]
        if self.patch and random:
            raise ValueError("give [[heterogeneity.patch]] or random patches, not both")
        if not self.patch and len(random) < 3:
            raise ValueError("random patches need 'density', 'mean_width' and 'factor'")
        return self


def patch_problems(heterogeneity: Heterogeneity | None, width: float) -> list[str]:
    """Patches that lie beside the interface, one sentence each.

    Args:
        heterogeneity: of a case.
        width: of the cell (m).
    """
    given = [] if heterogeneity is None else heterogeneity.patch
    return [
        f"heterogeneity.patch[{number}].position: the patch lies outside the cell"
        for number, patch in enumerate(given)
        if patch.position - 0.5 * patch.width >= width
    ]


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
