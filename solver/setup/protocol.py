"""The protocol of a run: what [operation] asks for, as a list of stages (SI)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from solver.setup.curve import Curve

if TYPE_CHECKING:
    from solver.case.schema.operation import Operation
    from solver.case.schema.protocol_step import ProtocolStep

Kind = Literal["strip", "plate", "rest", "follow"]
_SIGN: dict[str, float] = {"strip": 1.0, "plate": -1.0, "rest": 0.0, "follow": 1.0}
ROOM_TEMPERATURE = 298.15
"""K; the default of a case."""
CURRENT_CHANGE = 0.05
"""Share of its largest value by which a current that is given over time may change in a step."""


@dataclass(frozen=True)
class Stage:
    """One step of one cycle.

    Attributes:
        kind: what is done.
        current: prescribed mean current (A/m2, stripping positive, 0 at rest), the first one where it varies;
            None if potentiostatic.
        overpotential: prescribed overpotential of the modelled part (V, stripping positive), or None.
        voltage: prescribed overpotential of the whole, pellet included (V, stripping positive), or None.
        capacity: passed charge (C/m2, positive) at which the stage ends, or None.
        duration: time (s) at which it ends, or None.
        cutoff_voltage: magnitude of the overpotential (V) at which it ends, or None.
        cutoff_contact_loss: lost share of contact at which it ends, or None.
        cutoff_active_loss: the same of active contact, or None.
        cutoff_current: magnitude of the current (A/m2) at which it ends, falling, or None.
        cutoff_pressure_above, cutoff_pressure_below: stack pressure (Pa) at which it ends, or None.
        pressure: stack pressure, Pa; the first one where it varies.
        cycle, number: counted from 1.
        preloads: whether the stage has a pressure of its own, which a clamp is loaded to.
        until_still: whether a rest ends where the rest of it would change nothing.
        temperature: K.
        currents: prescribed current (A/m2) over the time (s) since the stage began, None if it is constant.
        pressures: stack pressure (Pa) over that time, None if it is constant.
    """

    kind: Kind
    current: float | None
    overpotential: float | None
    capacity: float | None
    duration: float | None
    cutoff_voltage: float | None
    cutoff_contact_loss: float | None
    pressure: float
    cycle: int = 1
    number: int = 1
    preloads: bool = False
    until_still: bool = False
    voltage: float | None = None
    cutoff_active_loss: float | None = None
    cutoff_current: float | None = None
    cutoff_pressure_above: float | None = None
    cutoff_pressure_below: float | None = None
    temperature: float = ROOM_TEMPERATURE
    currents: Curve | None = None
    pressures: Curve | None = None

    @property
    def varies(self) -> bool:
        """Whether current or pressure are given over time."""
        return self.currents is not None or self.pressures is not None

    def current_at(self, time: float) -> float | None:
        """Prescribed current (A/m2) at a time (s) since the stage began, None if potentiostatic."""
        return self.current if self.currents is None else self.currents.at(time)

    def pressure_at(self, time: float) -> float:
        """Stack pressure (Pa) at a time (s) since the stage began."""
        return self.pressure if self.pressures is None else self.pressures.at(time)

    def longest_step(self, time: float, pressure_change: float) -> float:
        """Longest step (s) from a time on that follows what is given over time; inf where nothing is.

        Args:
            time: since the stage began (s).
            pressure_change: relative change of the pressure that a step may make.
        """
        found = math.inf
        if self.currents is not None:
            found = self.currents.to_change(time, CURRENT_CHANGE * self.currents.largest)
        if self.pressures is not None:
            change = pressure_change * self.pressures.at(time)
            found = min(found, self.pressures.to_change(time, change))
        return found

    @property
    def largest_current(self) -> float:
        """Largest magnitude of the prescribed current (A/m2); 0 if potentiostatic."""
        if self.currents is not None:
            return self.currents.largest
        return 0.0 if self.current is None else abs(self.current)

    @property
    def seconds(self) -> float:
        """Time (s) after which it ends by capacity or duration, 0 if that is not known; at most that of a
        current that is given over time."""
        limits = [] if self.duration is None else [self.duration]
        if self.capacity is not None and self.current is not None and self.currents is None:
            limits.append(self.capacity / abs(self.current))
        return min(limits, default=0.0)

    @property
    def charge(self) -> float:
        """Charge (C/m2, without sign) that it passes if no cut-off comes first, 0 if that is not known."""
        amounts = [] if self.capacity is None else [self.capacity]
        if self.currents is not None:
            amounts.append(self.currents.total)
        elif self.current is not None and self.duration is not None:
            amounts.append(abs(self.current) * self.duration)
        return min(amounts, default=0.0) if self.kind != "rest" else 0.0

    @property
    def held(self) -> float | None:
        """The held overpotential, of the modelled part or of the whole; None with a prescribed current."""
        return self.overpotential if self.voltage is None else self.voltage

    def describe(self) -> str:
        """Short text for messages."""
        return f"{self.kind} (step {self.number}, cycle {self.cycle})"


def stages(operation: Operation) -> list[Stage]:
    """All stages in order; a case without steps is one strip."""
    if not operation.step:
        overpotential = operation.overpotential if operation.mode == "potentiostatic" else None
        return [
            Stage(
                "strip",
                operation.current,
                overpotential,
                operation.capacity,
                None,
                None,
                None,
                operation.pressure,
                temperature=operation.temperature,
            )
        ]
    return [_stage(step, operation, cycle, number) for cycle, number, step in operation.steps()]


def first_stage(operation: Operation) -> Stage:
    """The first of the stages, whatever their number."""
    for cycle, number, step in operation.steps():
        return _stage(step, operation, cycle, number)
    return stages(operation)[0]


def _stage(step: ProtocolStep, operation: Operation, cycle: int, number: int) -> Stage:
    sign, currents = _SIGN[step.do], step.currents
    given = 0.0 if step.current is None else sign * step.current
    pressure = step.pressure if step.pressure is not None else operation.pressure
    pressures = None
    if step.pressure_to is not None and step.lasts is not None:
        pressures = Curve((0.0, step.lasts), (pressure, step.pressure_to))
    return Stage(
        step.do,
        given if step.overpotential is None and step.voltage is None else None,
        None if step.overpotential is None else sign * step.overpotential,
        step.capacity,
        step.lasts,
        step.cutoff_voltage,
        step.cutoff_contact_loss,
        pressure,
        cycle,
        number,
        step.pressure is not None,
        step.until_still,
        None if step.voltage is None else sign * step.voltage,
        step.cutoff_active_loss,
        step.cutoff_current,
        step.cutoff_pressure_above,
        step.cutoff_pressure_below,
        operation.temperature if step.temperature is None else step.temperature,
        None if currents is None else Curve.through(currents),
        pressures,
    )


def reference(operation: Operation) -> tuple[float | None, float | None]:
    """Largest prescribed |current| (A/m2), or else the largest |overpotential| (V): the run's scale."""
    everything = stages(operation)
    currents = [s.largest_current for s in everything if s.current is not None and s.kind != "rest"]
    if currents:
        return max(currents), None
    return None, max(abs(s.held) for s in everything if s.held is not None)


def expected_throughput(operation: Operation) -> float:
    """Charge (C/m2, without sign) that the whole protocol passes if no cut-off comes first."""
    return sum(stage.charge for stage in stages(operation))
