"""What a run writes and how often."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from solver.case import units
from solver.case.schema.section import Section


class Output(Section):
    """What is written and how often."""

    interval: units.Capacity | None = Field(
        None, description="areal capacity between field outputs; default 1/20 of the run"
    )
    fields: bool = True
    checkpoint_steps: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        50, description="a checkpoint is written after this many steps, and after each field output"
    )
