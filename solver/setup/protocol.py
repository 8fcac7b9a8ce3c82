"""The protocol of a run: what [operation] asks for, as a list of stages (SI)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from solver.case.schema.operation import Operation, ProtocolStep

Kind = Literal["strip", "plate", "rest"]
_SIGN: dict[str, float] = {"strip": 1.0, "plate": -1.0, "rest": 0.0}


@dataclass(frozen=True)
class Stage:
    """One step of one cycle.

    Attributes:
        kind: what is done.
        current: prescribed mean current (A/m2, stripping positive, 0 at rest), None if potentiostatic.
        overpotential: prescribed overpotential of the modelled part (V, stripping positive), or None.
        voltage: prescribed overpotential of the whole, pellet included (V, stripping positive), or None.
        capacity: passed charge (C/m2, positive) at which the stage ends, or None.
        duration: time (s) at which it ends, or None.
        cutoff_voltage: magnitude of the overpotential (V) at which it ends, or None.
        cutoff_contact_loss: lost share of contact at which it ends, or None.
        cutoff_active_loss: the same of active contact, or None.
        cutoff_current: magnitude of the current (A/m2) at which it ends, falling, or None.
        cutoff_pressure_above, cutoff_pressure_below: stack pressure (Pa) at which it ends, or None.
        pressure: stack pressure, Pa.
        cycle, number: counted from 1.
        preloads: whether the stage has a pressure of its own, which a clamp is loaded to.
        until_still: whether a rest ends where the rest of it would change nothing.
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
            )
        ]
    return [
        _stage(step, operation, cycle, number)
        for cycle in range(1, operation.cycles + 1)
        for number, step in enumerate(operation.step, start=1)
    ]


def _stage(step: ProtocolStep, operation: Operation, cycle: int, number: int) -> Stage:
    sign = _SIGN[step.do]
    given = 0.0 if step.current is None else sign * step.current
    return Stage(
        step.do,
        given if step.overpotential is None and step.voltage is None else None,
        None if step.overpotential is None else sign * step.overpotential,
        step.capacity,
        step.duration,
        step.cutoff_voltage,
        step.cutoff_contact_loss,
        step.pressure if step.pressure is not None else operation.pressure,
        cycle,
        number,
        step.pressure is not None,
        step.until_still,
        None if step.voltage is None else sign * step.voltage,
        step.cutoff_active_loss,
        step.cutoff_current,
        step.cutoff_pressure_above,
        step.cutoff_pressure_below,
    )


def reference(operation: Operation) -> tuple[float | None, float | None]:
    """Largest prescribed |current| (A/m2), or else the largest |overpotential| (V): the run's scale."""
    everything = stages(operation)
    currents = [abs(s.current) for s in everything if s.current is not None and s.kind != "rest"]
    if currents:
        return max(currents), None
    return None, max(abs(s.held) for s in everything if s.held is not None)


def expected_throughput(operation: Operation) -> float:
    """Charge (C/m2, without sign) that the whole protocol passes if no cut-off comes first."""
    total = 0.0
    for stage in stages(operation):
        amounts = [] if stage.capacity is None else [stage.capacity]
        if stage.current is not None and stage.duration is not None:
            amounts.append(abs(stage.current) * stage.duration)
        total += min(amounts, default=0.0) if stage.kind != "rest" else 0.0
    return total
