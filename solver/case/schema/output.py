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
    at_events: bool = Field(
        True, description="outputs also of the states before and after each change of topology of the voids"
    )
    shape_change: Annotated[float, Field(gt=0.0, le=1e6)] = Field(
        0.25,
        description="an output also where the size of all voids has changed by this share of the largest so "
        "far, or the contact by this share of itself, since the last one; a large number for none",
    )
    fields: bool = Field(True, description="write fields for ParaView")
    checkpoint_steps: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        50, description="a checkpoint is written after this many steps, and after each field output"
    )
    checkpoints_kept: Annotated[int, Field(ge=2, le=10_000)] = Field(
        2, description="newest checkpoints that are kept: 'livoid eis RUN --at' measures at one of them"
    )
