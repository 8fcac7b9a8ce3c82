"""What the sections of a case file have in common: their base class and the types that several use."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from solver.core.plain_text import ONE_LINE, checked_line

# Name of a material or of a solver; a comment, as Sphinx would read the pattern for a link.
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Factor = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
"""A share of a whole, zero excluded."""
Change = Annotated[float, Field(ge=1e-4, le=1, allow_inf_nan=False)]
"""Share of itself, or of an element, by which a quantity may change in a step: less is no step."""
AspectRatio = Annotated[float, Field(gt=0, le=2, allow_inf_nan=False)]
"""Height of a void over its width."""
RandomSeed = Annotated[int, Field(ge=0, lt=2**32)]
"""Start of a random number generator."""


Title = Annotated[
    str,
    StringConstraints(max_length=200),
    AfterValidator(checked_line),
    Field(json_schema_extra={"pattern": ONE_LINE}),
]
"""One line for people."""


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values do not change after loading."""

    # an override of a material may be inf, which plain JSON has not
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, ser_json_inf_nan="constants")
