"""One step of a protocol: what it does, and where it ends."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from solver.case import units
from solver.case.schema.section import Factor, Section

CONTROLS = ("current", "overpotential", "voltage")
"""What a step prescribes: one of these."""
NOT_AT_REST = (*CONTROLS, "current_to", "capacity", "cutoff_voltage", "cutoff_current")
TABLE = ("table", "points")
"""What says the current of a step that follows a table: one of these."""
NOT_WITH_TABLE = (*CONTROLS, "current_to", "cutoff_current", "until_still")
MAX_POINTS = 20_000
"""Points of a current that is given by a table at most."""
LARGEST_CURRENT = 1e4
"""mA/cm2; the largest current density of a table, that of ``current``."""
_ENDS_LATE = 1e-9
"""Relative excess of a duration over its table that is rounding."""

Number = Annotated[float, Field(allow_inf_nan=False)]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


MAX_CYCLES = 10_000
"""Cycles at most."""
_Length = Field(min_length=1, max_length=MAX_CYCLES)


class PerCycle(Section):
    """Values of a step in the first cycle, the second, and so on, in place of the one value of the step.

    ``per_cycle.current = ["0.1 mA/cm^2", "0.2 mA/cm^2"]``; each list has as many values as there are cycles.
    """

    current: Annotated[list[units.CurrentDensity], _Length] | None = Field(
        None, description="'current' in each cycle"
    )
    current_to: Annotated[list[units.CurrentDensity], _Length] | None = Field(
        None, description="'current_to' in each cycle"
    )
    overpotential: Annotated[list[units.Voltage], _Length] | None = Field(
        None, description="'overpotential' in each cycle"
    )
    voltage: Annotated[list[units.Voltage], _Length] | None = Field(
        None, description="'voltage' in each cycle"
    )
    capacity: Annotated[list[units.Capacity], _Length] | None = Field(
        None, description="'capacity' in each cycle"
    )
    duration: Annotated[list[units.Duration], _Length] | None = Field(
        None, description="'duration' in each cycle"
    )
    cutoff_voltage: Annotated[list[units.Voltage], _Length] | None = Field(
        None, description="'cutoff_voltage' in each cycle"
    )
    pressure: Annotated[list[units.StackPressure], _Length] | None = Field(
        None, description="'pressure' in each cycle"
    )
    pressure_to: Annotated[list[units.StackPressure], _Length] | None = Field(
        None, description="'pressure_to' in each cycle"
    )
    temperature: Annotated[list[units.Temperature], _Length] | None = Field(
        None, description="'temperature' in each cycle"
    )

    def given(self) -> dict[str, list[float]]:
        """The lists that are given, by their key."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: values for name, values in found.items() if values is not None}


class ProtocolStep(Section):
    """One step of a protocol; it ends at the first of its limits that is met."""

    do: Literal["strip", "plate", "rest", "follow"] = Field(
        description="what the step does; follow: the current of a table, which strips and plates"
    )
    current: units.CurrentDensity | None = Field(None, description="magnitude, mean over the whole area")
    current_to: units.CurrentDensity | None = Field(
        None,
        description="magnitude that the current goes to from 'current', evenly in time over 'duration'",
    )
    overpotential: units.Voltage | None = Field(
        None, description="magnitude of the held overpotential of the modelled part, instead of 'current'"
    )
    voltage: units.Voltage | None = Field(
        None,
        description="magnitude of the held overpotential of the whole, pellet included: the one that "
        "'cutoff_voltage' ends at; instead of 'current'",
    )
    table: FileName | None = Field(
        None,
        description='do = "follow": CSV file with the columns time and current density, units in their '
        "heads, beside this case; becomes 'points' when the case is read",
    )
    points: Annotated[list[tuple[Number, Number]], Field(min_length=2, max_length=MAX_POINTS)] | None = Field(
        None, description='do = "follow": time (s) and current density (mA/cm2, stripping positive)'
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
    pressure_to: units.StackPressure | None = Field(
        None, description="stack pressure that a dead load goes to, evenly in time over 'duration'"
    )
    temperature: units.Temperature | None = Field(
        None, description="of the whole cell in this step; default: that of [operation]"
    )
    per_cycle: PerCycle | None = Field(None, description="values that are others in every cycle")
    until_still: bool = Field(
        False, description="rests only: end before 'duration' where what is left of it would change nothing"
    )

    @property
    def cycles(self) -> dict[str, int]:
        """Number of values of each key that is another one in every cycle."""
        return {} if self.per_cycle is None else {k: len(v) for k, v in self.per_cycle.given().items()}

    def in_cycle(self, cycle: int) -> ProtocolStep:
        """The step as it is in a cycle, counted from 1."""
        if self.per_cycle is None:
            return self
        own = {name: values[cycle - 1] for name, values in self.per_cycle.given().items()}
        return self.model_copy(update={**own, "per_cycle": None})

    @property
    def currents(self) -> list[tuple[float, float]] | None:
        """Time (s) and current (A/m2, stripping positive) of a step whose current varies, else None."""
        if self.points is not None:
            start = self.points[0][0]
            scale = units.convert(1.0, "mA/cm**2", "A/m**2")
            return [(at - start, scale * value) for at, value in self.points]
        if self.current is None or self.current_to is None or self.duration is None:
            return None
        sign = -1.0 if self.do == "plate" else 1.0
        return [(0.0, sign * self.current), (self.duration, sign * self.current_to)]

    @property
    def lasts(self) -> float | None:
        """Time (s) after which the step is over by its duration or by the end of its table."""
        end = None if self.points is None else self.points[-1][0] - self.points[0][0]
        return end if self.duration is None else self.duration

    @model_validator(mode="after")
    def _consistent(self) -> ProtocolStep:
        twice = [f"'{name}'" for name in self.cycles if getattr(self, name) is not None]
        if twice:
            raise ValueError(f"give {', '.join(twice)} or per_cycle, not both")
        if self.per_cycle is not None and not self.cycles:
            raise ValueError("per_cycle has no values")
        for cycle in range(1, min(self.cycles.values(), default=1) + 1):
            problem = _problem(self.in_cycle(cycle))
            if problem:
                raise ValueError(f"{problem} (in cycle {cycle})" if self.cycles else problem)
        return self


def _problem(step: ProtocolStep) -> str:
    """What is wrong with a step in one cycle, empty if nothing is."""
    if step.until_still and (step.do != "rest" or step.pressure_to is not None):
        return "'until_still' belongs to a rest at constant pressure"
    for name in ("current_to", "pressure_to"):
        if getattr(step, name) is not None and step.duration is None:
            return f"'{name}' needs a 'duration', by the end of which it is reached"
    if step.do == "follow":
        return _problem_of_table(step)
    given = [f"'{name}'" for name in TABLE if getattr(step, name) is not None]
    if given:
        return f'{given[0]} belongs to do = "follow"'
    if step.do == "rest":
        found = [n for n in NOT_AT_REST if getattr(step, n) is not None]
        if found or step.duration is None:
            return "a rest has a 'duration' and no current, overpotential, capacity or voltage"
        return ""
    return _problem_of_control(step)


def _problem_of_control(step: ProtocolStep) -> str:
    if sum(getattr(step, name) is not None for name in CONTROLS) != 1:
        return f"to {step.do} needs either 'current' or 'overpotential' or 'voltage'"
    if step.current_to is not None and step.current is None:
        return "'current_to' goes on from 'current'"
    if step.cutoff_current is not None and step.current is not None:
        return "'cutoff_current' ends a step that holds an 'overpotential' or a 'voltage'"
    for name in ("overpotential", "voltage", "cutoff_voltage"):
        if getattr(step, name) is not None and getattr(step, name) <= 0.0:
            return f"'{name}' is a magnitude above 0 V"
    if step.capacity is None and step.duration is None:
        return f"to {step.do} needs a 'capacity' or a 'duration' to end at"
    return ""


def _problem_of_table(step: ProtocolStep) -> str:
    given = [f"'{n}'" for n in NOT_WITH_TABLE if getattr(step, n)]
    if given:
        return f'{", ".join(given)} and do = "follow" do not go together: the table says the current'
    if sum(getattr(step, name) is not None for name in TABLE) != 1:
        return "to follow needs either 'table', a CSV file, or 'points'"
    if step.cutoff_voltage is not None and step.cutoff_voltage <= 0.0:
        return "'cutoff_voltage' is a magnitude above 0 V"
    if step.points is None:
        return ""
    times, values = zip(*step.points, strict=True)
    if any(after <= before for before, after in pairwise(times)):
        return "'points' go forward in time"
    if not any(values) or max(map(abs, values)) > LARGEST_CURRENT:
        return f"'points' have currents up to {LARGEST_CURRENT:g} mA/cm2, not all of them 0"
    end = times[-1] - times[0]
    if step.duration is not None and step.duration > end * (1.0 + _ENDS_LATE):
        return f"the table ends after {end:.6g} s, before 'duration'"
    return ""


def seconds(step: ProtocolStep) -> float | None:
    """Time (s) that a step of one cycle takes at most, None if that is not known."""
    limits = [] if step.lasts is None else [step.lasts]
    if step.capacity is not None and step.current is not None and step.currents is None:
        limits.append(step.capacity / step.current)
    return min(limits, default=None)


def charge(step: ProtocolStep) -> float | None:
    """Charge (C/m2, without sign) that a step of one cycle passes at most, None if that is not known."""
    if step.do == "rest":
        return 0.0
    limits = [] if step.capacity is None else [step.capacity]
    curve: Any = step.currents
    if curve is not None:
        limits.append(sum(_area(*pair) for pair in pairwise(curve)))
    elif step.duration is not None and step.current is not None:
        limits.append(step.current * step.duration)
    return min(limits, default=None)


def _area(first: tuple[float, float], last: tuple[float, float]) -> float:
    """Integral of the magnitude of a straight line."""
    (a, u), (b, v) = first, last
    if u * v < 0.0:
        return 0.5 * (b - a) * (u * u + v * v) / abs(u - v)
    return 0.5 * (b - a) * math.fabs(u + v)
