"""What the sections of a case file have in common: their base class and the types that several use."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# Name of a material or of a solver; a comment, as Sphinx would read the pattern for a link.
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Factor = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
"""A share of a whole, zero excluded."""
AspectRatio = Annotated[float, Field(gt=0, le=2, allow_inf_nan=False)]
"""Height of a void over its width."""
RandomSeed = Annotated[int, Field(ge=0, lt=2**32)]
"""Start of a random number generator."""


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values do not change after loading."""

    # an override of a material may be inf, which plain JSON has not
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, ser_json_inf_nan="constants")
