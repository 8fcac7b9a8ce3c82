"""What clamps the cell: a stiffness and a counter electrode that swells, or a given motion of the platen."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from solver.case import units
from solver.case.schema.protocol_step import FileName, Number, ProtocolStep, charge, seconds
from solver.case.schema.section import Section

if TYPE_CHECKING:
    from solver.case.schema.operation import Operation

COUNTER_EXPANSION: dict[str, float] = {"indium": 7.86 / 12.97, "lithium": 1.0, "rigid": 0.0}
"""Volume that the counter electrode gains over that of the lithium stripped. Indium: 15.71 cm3/mol becomes
LiIn with 23.57 (both from their densities), 7.86 more against the 12.97 of lithium. Lithium is plated as it
is stripped. A rigid one takes lithium up without a change of volume."""
MAX_POINTS = 4000
"""Points of a given motion at most."""
_REACHED = 1e-9
"""Relative distance within which a motion lasts as long as the protocol."""

_UNITS = {True: ("s", "s"), False: ("C/m**2", "mA*hour/cm**2")}
"""SI unit and the one in a file of what a motion goes by: time or not."""


class Fixture(Section):
    """What clamps the cell; a case without this section has a dead load."""

    stiffness: units.Stiffness | None = Field(
        None, description="of all that clamps the cell, per area of the cell; 0 is a dead load"
    )
    counter: Literal["indium", "lithium", "rigid"] | None = Field(
        None, description="counter electrode: what it gains in volume when lithium is stripped"
    )
    counter_expansion: units.Expansion | None = Field(
        None, description="the same as a number, over the volume of the lithium; instead of 'counter'"
    )
    velocity: units.PlatenVelocity | None = Field(
        None, description='top = "velocity": of the platen, towards the electrolyte positive'
    )
    follow: Literal["counter"] | None = Field(
        None, description='top = "velocity": the platen gives way as the counter electrode grows'
    )
    series: FileName | None = Field(
        None,
        description='top = "velocity": series.csv of another run, whose platen this one follows; '
        "becomes 'motion' when the case is read",
    )
    motion: Annotated[list[tuple[Number, Number]], Field(min_length=2, max_length=MAX_POINTS)] | None = Field(
        None, description='top = "velocity": time (s) or capacity (mAh/cm2), and height of the platen (um)'
    )
    against: Literal["time", "capacity"] | None = Field(
        None, description="what 'series' or 'motion' goes by; default time"
    )

    @property
    def expansion(self) -> float | None:
        """Volume that the counter electrode gains over that of the lithium; None if it is not said."""
        if self.counter is not None:
            return COUNTER_EXPANSION[self.counter]
        return self.counter_expansion

    @property
    def by_time(self) -> bool:
        """Whether a given motion goes by time, not by capacity."""
        return self.against != "capacity"

    @property
    def path(self) -> list[tuple[float, float]]:
        """The given motion in SI: time or charge, and height."""
        si, shown = _UNITS[self.by_time]
        points = self.motion or []
        return [(units.convert(at, shown, si), units.convert(y, "um", "m")) for at, y in points]

    @model_validator(mode="after")
    def _consistent(self) -> Fixture:
        problems = [*_drive_problems(self), *_counter_problems(self), *_motion_problems(self)]
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _drives(fixture: Fixture) -> list[str]:
    """What says how the platen moves, by name."""
    names = ("stiffness", "velocity", "follow", "series", "motion")
    return [name for name in names if getattr(fixture, name) is not None]


def _drive_problems(fixture: Fixture) -> list[str]:
    given = _drives(fixture)
    if len(given) == 1:
        return []
    wanted = "'stiffness', or with top = \"velocity\" 'velocity', 'follow', 'series' or 'motion'"
    return [f"needs {wanted}" if not given else f"give only one of {', '.join(given)}"]


def _counter_problems(fixture: Fixture) -> list[str]:
    if fixture.counter is not None and fixture.counter_expansion is not None:
        return ["give 'counter' or 'counter_expansion', not both"]
    pressed = fixture.stiffness is not None or fixture.follow is not None
    if fixture.expansion is not None and not pressed:
        return ["'counter' and 'counter_expansion' belong to 'stiffness' or 'follow'"]
    needed = fixture.follow is not None or (fixture.stiffness is not None and fixture.stiffness > 0.0)
    if fixture.expansion is None and needed:
        known = ", ".join(f'"{name}"' for name in COUNTER_EXPANSION)
        return [f"needs 'counter' ({known}) or 'counter_expansion'"]
    return []


def _motion_problems(fixture: Fixture) -> list[str]:
    if fixture.against is not None and fixture.series is None and fixture.motion is None:
        return ["'against' belongs to 'series' or 'motion'"]
    if fixture.motion is None:
        return []
    places = [place for place, _ in fixture.motion]
    if places[0] > 0.0 or any(after <= before for before, after in pairwise(places)):
        return ["'motion' begins at 0, or before, and goes forward"]
    return []


def fixture_problems(fixture: Fixture | None, top: str, operation: Operation) -> list[str]:
    """Everything that does not fit between the fixture, ``model.top`` and the protocol, one sentence each."""
    moves = top == "velocity"
    if fixture is None:
        return ['model.top = "velocity" needs a [fixture] that says how the platen moves'] if moves else []
    problems = []
    if fixture.stiffness is None and not moves:
        problems.append(f'fixture.{_drives(fixture)[0]} belongs to model.top = "velocity"')
    if fixture.stiffness is not None and moves:
        problems.append('fixture.stiffness: the force is not balanced with model.top = "velocity"')
    if fixture.stiffness is not None and fixture.stiffness > 0.0 and top == "traction":
        problems.append('fixture.stiffness: needs a rigid platen, model.top = "platen"')
    steps = [step for _, _, step in operation.steps()]
    if moves and any(step.pressure is not None for step in steps):
        problems.append('operation.step.pressure: with model.top = "velocity" the pressure is a result')
    if fixture.stiffness != 0.0 and any(step.pressure_to is not None for step in steps):
        problems.append("operation.step.pressure_to: needs a dead load; a clamp's pressure is a result")
    return problems + _length_problems(fixture, operation)


def _length_problems(fixture: Fixture, operation: Operation) -> list[str]:
    """Whether a given motion lasts as long as the protocol."""
    if fixture.motion is None:
        return []
    by_time, unit = fixture.by_time, _UNITS[fixture.by_time]
    parts = [step for _, _, step in operation.steps()]
    if not parts:
        assert operation.capacity is not None  # an operation without steps has one
        current = operation.current
        parts = [ProtocolStep.model_construct(do="strip", current=current, capacity=operation.capacity)]
    lengths = [(seconds if by_time else charge)(part) for part in parts]
    known = [length for length in lengths if length is not None]
    other, kind = ("capacity", "time") if by_time else ("time", "capacity")
    if len(known) < len(lengths):
        return [f'fixture: the {kind} of the protocol is not known beforehand; use against = "{other}"']
    needed = units.convert(sum(known), *unit)
    end = fixture.motion[-1][0]
    if end < needed * (1.0 - _REACHED):
        name = "s" if by_time else "mAh/cm2"
        return [f"fixture: the motion ends at {end:.6g} {name}, the protocol at {needed:.6g} {name}"]
    return []
