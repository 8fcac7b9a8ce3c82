"""What is done to the cell: pressure, temperature, and a current or a list of steps (strip, plate, rest)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from solver.case import units
from solver.case.schema.protocol_step import MAX_CYCLES, ProtocolStep
from solver.case.schema.section import Section

MAX_STEPS = 10_000
"""Steps written one by one in one case at most."""
MAX_STAGES = 1_000_000
"""Steps of all cycles together at most."""


class Operation(Section):
    """What is done to the cell: one strip (``current``, ``capacity``), or a list of steps."""

    pressure: units.StackPressure = Field(
        description="stack pressure, at the start where there is a [fixture]"
    )
    temperature: units.Temperature = Field("298.15 K", validate_default=True, description="of the whole cell")
    mode: Literal["galvanostatic", "potentiostatic"] = Field(
        "galvanostatic", description="given current, or given overpotential"
    )
    current: units.CurrentDensity | None = Field(None, description="mean over the whole area, stripping")
    overpotential: units.Voltage | None = Field(None, description="of the modelled part, potentiostatic")
    capacity: units.Capacity | None = Field(None, description="areal capacity at which the run ends")
    cutoff_voltage: units.Voltage | None = Field(None, description="overpotential that ends the run")
    step: list[ProtocolStep] = Field(
        default_factory=list,
        max_length=MAX_STEPS,
        description="protocol: steps one after the other, one table each",
    )
    protocol: Annotated[list[str], Field(min_length=1, max_length=MAX_STEPS)] | None = Field(
        None,
        description='the steps in words, as "Discharge at 0.5 mA/cm2 for 2 hours", "Rest for 10 minutes"; '
        "become [[operation.step]] when the case is read",
    )
    cycles: Annotated[int, Field(ge=1, le=MAX_CYCLES)] = Field(
        1, description="times the steps are gone through"
    )

    def steps(self) -> Iterator[tuple[int, int, ProtocolStep]]:
        """Cycle, number (from 1) and values of all steps, one after the other."""
        for cycle in range(1, self.cycles + 1):
            for number, step in enumerate(self.step, start=1):
                yield cycle, number, step.in_cycle(cycle)

    @model_validator(mode="after")
    def _consistent(self) -> Operation:
        if self.cutoff_voltage is not None and self.cutoff_voltage <= 0.0:
            raise ValueError("'cutoff_voltage' is a magnitude above 0 V")
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
        if self.mode != "galvanostatic":
            raise ValueError(
                "'mode' belongs to a case without [[operation.step]], whose steps hold 'overpotential'"
            )
        if self.cycles * len(self.step) > MAX_STAGES:
            raise ValueError(f"{self.cycles} cycles of {len(self.step)} steps are more than {MAX_STAGES}")
        for number, step in enumerate(self.step):
            for key, count in step.cycles.items():
                if count != self.cycles:
                    raise ValueError(
                        f"step[{number}].per_cycle.{key} has {count} values, 'cycles' is {self.cycles}"
                    )
        if all(step.do == "rest" for step in self.step):
            raise ValueError("the steps of [[operation.step]] only rest")
        return self
