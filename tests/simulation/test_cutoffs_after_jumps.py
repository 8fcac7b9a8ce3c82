"""A cut-off that a jump has passed ends the step of the protocol at once; one just after it is located.

One run has a pair of steps for each kind of cut-off and each jump: the second step begins with the jump and
has the limit. Where the limits are to be is known from a run without them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from mpi4py import MPI

from meshes.topology import Event, Labelled
from solver.case.loading import parse_case
from solver.interface.interface import Interface
from solver.setup.setup import set_up
from solver.simulation.callbacks import Callback, Callbacks
from solver.simulation.ending import RunOutcome
from solver.simulation.run import run, start
from solver.simulation.simulation import Simulation
from solver.stepping import cutoffs
from solver.stepping.observables import Observables, Observation
from tests.stepping.test_varying import flat

Step = dict[str, Any]
LOST = {"contact_fraction": 0.6, "active_fraction": 0.5}
"""Contact after a jump, which a flat cell keeps: as if there were voids."""
KINDS: dict[str, tuple[str, float, str]] = {
    "voltage": ("cutoff_voltage", 0.99, "V"),
    "current": ("cutoff_current", 1.01, "A/m^2"),
    "contact loss": ("cutoff_contact_loss", 0.99, ""),
    "active contact loss": ("cutoff_active_loss", 0.99, ""),
    "pressure above": ("cutoff_pressure_above", 0.99, "MPa"),
    "pressure below": ("cutoff_pressure_below", 1.01, "MPa"),
}
"""Key of a cut-off; a limit, over the value in the state after the jump, that this has passed; unit."""
JUMPS: dict[str, Step] = {
    "control": {"current": "0.5 mA/cm^2", "voltage": "2 mV"},
    "pressure": {"pressure": "0.6 MPa"},
    "temperature": {"temperature": "320 K"},
}
CONTROL = {"current": "0.1 mA/cm^2", "voltage": "10 mV"}
LATER = {"voltage": {"current_to": "5 mA/cm^2", "duration": "10 s"}, "pressure below": {"duration": "10 s"}}
"""What brings a value to a limit after the jump: a steep ramp; lithium that goes from under a clamp."""
CLAMP = {"fixture": {"stiffness": "100 MPa/um", "counter": "rigid"}}
AT_ONCE, IN_A_STEP = list(product(KINDS, JUMPS)), list(product(LATER, JUMPS))


class Told(Callback):
    """What a run has been told, by step of the protocol: states, times of outputs, why it ended."""

    def __init__(self) -> None:
        self.states: dict[int, list[tuple[float, Observation]]] = defaultdict(list)
        self.written: dict[int, list[float]] = defaultdict(list)
        self.ends: list[str] = []
        self.limits: dict[int, float] = {}

    def state_solved(self, simulation: Simulation) -> None:
        assert simulation.last is not None
        clock = simulation.clock
        self.states[clock.stage].append((clock.stage_time, simulation.last))
        if simulation.output_due:
            self.written[clock.stage].append(clock.stage_time)

    def stage_ends(self, simulation: Simulation, why: str) -> None:
        self.ends.append(why)


def carried_out(
    *steps: Step, before: Callable[[Simulation], object] = lambda _: None, **operation: Any
) -> tuple[Told, RunOutcome, Simulation]:
    data, told, comm = flat(*steps, operation=operation, **CLAMP), Told(), MPI.COMM_SELF
    data["numerics"] |= {"first_step": "0.5 s"}
    simulation = start(set_up(parse_case(data)), comm, Callbacks(comm, [told]))
    before(simulation)
    outcome = run(simulation)
    simulation.discretisation.destroy()
    return told, outcome, simulation


def control_of(kind: str) -> str:
    return "voltage" if kind == "current" else "current"


def pair(kind: str, jump: str, limit: Step, later: Step) -> list[Step]:
    """A step, and one that begins with a jump."""
    control = control_of(kind)
    first = {"do": "strip", control: CONTROL[control], "duration": "1 ms", "pressure": "1 MPa"}
    change = {key: value for key, value in JUMPS[jump].items() if key == control or key not in CONTROL}
    return [first, first | change | limit | later]


def value(kind: str, seen: Observation) -> float:
    """What a cut-off looks at, in the unit of :data:`KINDS`."""
    found = {
        "voltage": abs(seen.shares.total),
        "current": abs(seen.current),
        "contact loss": 1.0 - LOST["contact_fraction"],
        "active contact loss": 1.0 - LOST["active_fraction"],
    }
    return found.get(kind, seen.stack_pressure)


def cutoff(kind: str, at: float) -> Step:
    key, _, unit = KINDS[kind]
    return {key: f"{at!r} {unit}" if unit else at}


@pytest.fixture(scope="module")
def told() -> Told:
    """The run with limits: pairs that end at once, and then pairs that end in their first step."""
    free: list[Step] = []
    at = {}
    for kind, jump in product(("current", "voltage"), JUMPS):
        at[f"held {control_of(kind)}", jump] = len(free) + 1
        free += pair(kind, jump, {}, {})
    for kind, jump in IN_A_STEP:
        at[kind, jump] = len(free) + 1
        free += pair(kind, jump, {}, LATER[kind] | {"capacity": "3e-5 mAh/cm^2"})
    without, outcome, _ = carried_out(*free)
    assert outcome.status == "finished", outcome.message
    steps: list[Step] = []
    limits: dict[int, float] = {}
    for kind, jump in AT_ONCE:
        first = without.states[at[f"held {control_of(kind)}", jump]][0][1]
        steps += pair(kind, jump, cutoff(kind, KINDS[kind][1] * value(kind, first)), {})
    for kind, jump in IN_A_STEP:
        (_, first), (_, second), *_ = without.states[at[kind, jump]]
        middle = 0.5 * (value(kind, first) + value(kind, second))
        limits[len(steps) + 1] = middle
        steps += pair(kind, jump, cutoff(kind, middle), LATER[kind])
    real = Observables.observe

    def take(simulation: Simulation) -> None:
        def observe(self: Observables) -> Observation:
            stage = simulation.clock.stage
            lost = stage % 2 == 1 and stage < 2 * len(AT_ONCE) and "loss" in AT_ONCE[stage // 2][0]
            return replace(real(self), **LOST) if lost else real(self)

        patch.setattr(Observables, "observe", observe)

    with pytest.MonkeyPatch.context() as patch:
        found, outcome, _ = carried_out(*steps, {"do": "rest", "duration": "1 ms"}, before=take)
    assert outcome.status == "finished", outcome.message
    found.limits = limits
    return found


@pytest.mark.parametrize(("kind", "jump"), AT_ONCE)
def test_a_cutoff_that_a_jump_has_passed_ends_the_step_where_it_begins(
    kind: str, jump: str, told: Told
) -> None:
    """It is recorded and written once, without any length, and the protocol goes on."""
    stage = 2 * AT_ONCE.index((kind, jump)) + 1
    assert told.ends[stage - 1 : stage + 2] == ["duration", kind, "duration"]
    assert [time for time, _ in told.states[stage]] == [0.0]
    assert told.written[stage] == [0.0]


@pytest.mark.parametrize(("kind", "jump"), IN_A_STEP)
def test_a_cutoff_that_is_passed_in_the_first_step_after_a_jump_is_located(
    kind: str, jump: str, told: Told
) -> None:
    stage = 2 * (len(AT_ONCE) + IN_A_STEP.index((kind, jump))) + 1
    assert told.ends[stage - 1 : stage + 2] == ["duration", kind, "duration"]
    times, values = zip(*((time, value(kind, seen)) for time, seen in told.states[stage]), strict=True)
    assert times[-1] > 0.0
    assert abs(values[0] / told.limits[stage] - 1.0) > 10.0 * cutoffs.TOLERANCE
    assert values[-1] == pytest.approx(told.limits[stage], rel=cutoffs.TOLERANCE)


@pytest.mark.parametrize("steps", [1, 2])
def test_the_cutoff_of_the_run_ends_it_where_a_jump_has_passed_it(steps: int) -> None:
    """At the start of a run too; what it has come to is written once."""
    protocol = pair("voltage", "control", {}, {})[2 - steps :]
    told, outcome, simulation = carried_out(*protocol, cutoff_voltage="5 mV")
    assert outcome.status == "cutoff", outcome.message
    assert simulation.clock.stage == steps - 1
    assert told.written[steps - 1] == [0.0] == [time for time, _ in told.states[steps - 1]]
    assert told.ends[-1] == "cutoff"


def test_a_cutoff_that_an_event_has_passed_ends_the_step_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contact, or what hangs on it, is another one on the mesh after the event; so for each kind."""
    first = carried_out(*pair("voltage", "pressure", {}, {}))[0].states[0][0][1]
    held = carried_out(*pair("current", "pressure", {}, {}))[0].states[0][0][1]
    steps, rises = [], ("voltage", "pressure above", "contact loss", "active contact loss")
    for kind in KINDS:
        factor = 0.75 if "loss" in kind else 1.5 if kind in rises else 0.5
        at = factor * value(kind, held if kind == "current" else first)
        steps.append(pair(kind, "control", {}, {})[0] | cutoff(kind, at) | {"duration": "1 s"})
    real, changed = Observables.observe, set[int]()

    def take(simulation: Simulation) -> None:
        clock = simulation.clock

        def changes(self: Interface, *_: Any, **__: Any) -> tuple[Labelled[Any], list[Event]]:
            found = []
            if clock.stage not in changed and clock.stage_time > 0.0:
                found = [Event("coalesce", 0.0, 0.1, "as if two voids met")]
                changed.add(clock.stage)
            return Labelled(self.profile, [], 1), found

        def observe(self: Observables) -> Observation:
            plain = real(self)
            if clock.stage not in changed:
                return plain
            factor = 2.0 if list(KINDS)[clock.stage] in rises else 0.4
            shares = replace(plain.shares, total=factor * plain.shares.total)
            pressure = factor * plain.stack_pressure
            return replace(
                plain, **LOST, shares=shares, current=factor * plain.current, stack_pressure=pressure
            )

        monkeypatch.setattr(Interface, "changes", changes)
        monkeypatch.setattr(Observables, "observe", observe)

    told, outcome, _ = carried_out(*steps, before=take)
    assert outcome.status == "finished", outcome.message
    assert told.ends == list(KINDS)
    for stage in range(len(KINDS)):
        times = [time for time, _ in told.states[stage]]
        assert len(times) == 3  # at the start; before and after the event that the first step has led to
        assert told.written[stage][-1] == times[-1] == pytest.approx(times[1], rel=1e-5)
