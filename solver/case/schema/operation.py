"""What is done to the cell: pressure, temperature, and a current or a list of steps (strip, plate, rest)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from solver.case import units
from solver.case.schema.section import Factor, Section

MAX_STEPS = 10_000
"""Steps written one by one in one case at most."""
MAX_STAGES = 1_000_000
"""Steps of all cycles together at most."""
CONTROLS = ("current", "overpotential", "voltage")
"""What a step prescribes: one of these."""
NOT_AT_REST = (*CONTROLS, "capacity", "cutoff_voltage", "cutoff_current")


class ProtocolStep(Section):
    """One step of a protocol; it ends at the first of its limits that is met."""

    do: Literal["strip", "plate", "rest"] = Field(description="what the step does")
    current: units.CurrentDensity | None = Field(None, description="magnitude, mean over the whole area")
    overpotential: units.Voltage | None = Field(
        None, description="magnitude of the held overpotential of the modelled part, instead of 'current'"
    )
    voltage: units.Voltage | None = Field(
        None,
        description="magnitude of the held overpotential of the whole, pellet included: the one that "
        "'cutoff_voltage' ends at; instead of 'current'",
    )
    capacity: units.Capacity | None = Field(None, description="areal capacity of this step")
    duration: units.Duration | None = Field(None, description="the step ends after this time")
    cutoff_voltage: units.Voltage | None = Field(None, description="magnitude of the overpotential")
    cutoff_contact_loss: Factor | None = Field(None, description="lost contact over whole area")
    cutoff_active_loss: Factor | None = Field(
        None, description="lost active contact (weighted with its conductance) over whole area"
    )
    cutoff_current: units.CurrentDensity | None = Field(
        None, description="magnitude to which the current of a held overpotential falls"
    )
    cutoff_pressure_above: units.StackPressure | None = Field(
        None, description="stack pressure of [fixture] that ends the step, rising"
    )
    cutoff_pressure_below: units.StackPressure | None = Field(
        None, description="stack pressure of [fixture] that ends the step, falling"
    )
    pressure: units.StackPressure | None = Field(None, description="default: the pressure of [operation]")
    until_still: bool = Field(
        False, description="rests only: end before 'duration' where what is left of it would change nothing"
    )

    @model_validator(mode="after")
    def _consistent(self) -> ProtocolStep:
        if self.until_still and self.do != "rest":
            raise ValueError("'until_still' belongs to a rest")
        if self.do == "rest":
            given = [n for n in NOT_AT_REST if getattr(self, n) is not None]
            if given or self.duration is None:
                raise ValueError("a rest has a 'duration' and no current, overpotential, capacity or voltage")
            return self
        if sum(getattr(self, name) is not None for name in CONTROLS) != 1:
            raise ValueError(f"to {self.do} needs either 'current' or 'overpotential' or 'voltage'")
        if self.cutoff_current is not None and self.current is not None:
            raise ValueError("'cutoff_current' ends a step that holds an 'overpotential' or a 'voltage'")
        for name in ("overpotential", "voltage"):
            if getattr(self, name) is not None and getattr(self, name) <= 0.0:
                raise ValueError(f"'{name}' is a magnitude above 0 V")
        if self.cutoff_voltage is not None and self.cutoff_voltage <= 0.0:
            raise ValueError("'cutoff_voltage' is a magnitude above 0 V")
        if self.capacity is None and self.duration is None:
            raise ValueError(f"to {self.do} needs a 'capacity' or a 'duration' to end at")
        return self


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
    cycles: Annotated[int, Field(ge=1, le=10000)] = Field(1, description="times the steps are gone through")

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
        if all(step.do == "rest" for step in self.step):
            raise ValueError("the steps of [[operation.step]] only rest")
        return self
