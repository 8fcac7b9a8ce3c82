"""Cut-offs are found within a step; a held voltage is that of the whole pellet."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pytest
from mpi4py import MPI

from solver.case.loading import CaseError, parse_case
from solver.setup.idle import idle_keys
from solver.setup.parameters import model_parameters
from solver.setup.protocol import Stage, stages
from solver.setup.scales import case_scales
from solver.setup.setup import set_up
from solver.simulation.discretisation import discretise, initial_cell
from solver.stepping import cutoffs
from solver.stepping.clock import Clock
from solver.stepping.observables import Observables, Observation, Shares
from solver.stepping.schedule import Schedule
from tests.conftest import case_data

HOLD = {"do": "strip", "voltage": "12 mV", "duration": "1 s"}


def protocol(*steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return case_data(**changes) | {"operation": {"pressure": "0.5 MPa", "step": list(steps)}}


def stage(**limits: Any) -> Stage:
    found: Stage = stages(parse_case(protocol(HOLD | limits)).case.operation)[0]
    return found


def seen(**numbers: float) -> Observation:
    """A state by what cut-offs look at."""
    plain = dict.fromkeys(Observation.__dataclass_fields__, 0.0)
    plain |= {"current": 5.0, "contact_fraction": 1.0, "active_fraction": 1.0, "stack_pressure": 0.5}
    total = numbers.pop("voltage", 0.01)
    return Observation(**plain | numbers | {"shares": Shares(total, *[0.0] * 6), "solute": None})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limit", "before", "at", "end"),
    [
        ({"cutoff_voltage": "12 mV"}, {"voltage": 0.0119}, {"voltage": -0.012}, "voltage"),
        ({"cutoff_current": "0.1 mA/cm^2"}, {"current": 1.1}, {"current": -1.0}, "current"),
        ({"cutoff_contact_loss": 0.3}, {"contact_fraction": 0.71}, {"contact_fraction": 0.7}, "contact loss"),
        (
            {"cutoff_active_loss": 0.4},
            {"active_fraction": 0.61},
            {"active_fraction": 0.6},
            "active contact loss",
        ),
        (
            {"cutoff_pressure_above": "2 MPa"},
            {"stack_pressure": 1.9},
            {"stack_pressure": 2.0},
            "pressure above",
        ),
        (
            {"cutoff_pressure_below": "0.2 MPa"},
            {"stack_pressure": 0.21},
            {"stack_pressure": 0.2},
            "pressure below",
        ),
    ],
)
def test_each_cutoff_ends_a_step_where_it_is_met(
    limit: dict[str, Any], before: dict[str, float], at: dict[str, float], end: str
) -> None:
    assert cutoffs.reached(stage(**limit), seen(**before)) is None
    assert cutoffs.reached(stage(**limit), seen(**at)) == end


def located(excess: Any, step: float) -> tuple[float, int]:
    """Time at which a run with this excess over time ends, and how many states it looked at."""
    approach, time, looks = cutoffs.Approach(), 0.0, 0
    for _ in range(1000):
        here = excess(time)
        if here >= -cutoffs.TOLERANCE:
            return time, looks
        length = step
        while True:
            looks += 1
            share = approach.share(time, length, here, partial(excess, time + length))
            if share is None:
                break
            length *= share
        time += length
    raise AssertionError("it never ends")


@pytest.mark.parametrize(
    "rising",
    [
        lambda t: t / 3.7 - 1.0,
        lambda t: (t / 3.7) ** 4 - 1.0,
        lambda t: math.sqrt(t / 3.7) - 1.0,
    ],
)
def test_a_cutoff_is_located_within_a_step(rising: Any) -> None:
    """To the stated tolerance of the value: whether it is passed ever faster or ever slower."""
    time, looks = located(rising, 1.0)
    assert abs(rising(time)) <= cutoffs.TOLERANCE
    assert looks < 40


def test_a_jump_is_located_in_time() -> None:
    time, looks = located(lambda t: -0.05 if t < 3.7 else 0.05, 1.0)
    assert 3.7 <= time <= 3.7 * (1.0 + 2.0 * cutoffs.TIME_TOLERANCE)
    assert looks < 60


def test_far_from_a_cutoff_nothing_is_looked_at_twice() -> None:
    approach, asked = cutoffs.Approach(), []
    for time in (0.0, 1.0, 2.0):
        approach.share(time, 1.0, 0.01 * time - 0.9, lambda: asked.append(1))
    assert len(asked) == 1  # the first, before any rate is known


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_held_voltage_is_the_whole_one(sign: float, comm: MPI.Comm) -> None:
    """The recorded overpotential, pellet and all, is the one that was asked for, beside a void."""
    step = HOLD | {"do": "strip" if sign > 0 else "plate"}
    setup = set_up(parse_case(protocol(step)))
    mesh = discretise(setup, initial_cell(setup, comm))
    Schedule(list(setup.stages), setup.scales, 1.0).control(Clock(step_size=1.0), mesh.model, begins=True)
    mesh.model.solve(0.0)
    cell = setup.geometry
    found = Observables(mesh.model, setup.scales, cell.pellet_depth, cell.electrolyte_depth).observe()
    assert cell.pellet_depth > 2.0 * cell.electrolyte_depth
    assert abs(found.shares.ohmic) > 1e-4
    # the coupling of pressure and current ends at 1e-5 RT/F = 2.6e-7 V
    assert found.shares.total == pytest.approx(sign * 0.012, abs=3e-7)
    mesh.destroy()


def test_the_part_beyond_the_model_is_the_pellets_rest() -> None:
    loaded = parse_case(protocol(HOLD))
    scales, geometry = case_scales(loaded), loaded.case.geometry
    found = model_parameters(loaded, scales).current.beyond * scales.potential / scales.current
    kappa = loaded.electrolyte.conductivity.at(298.15)
    assert found == pytest.approx((geometry.pellet_thickness - geometry.modelled_depth) / kappa, rel=1e-12)


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (HOLD | {"overpotential": "1 mV"}, "needs either 'current' or 'overpotential' or 'voltage'"),
        (HOLD | {"voltage": "0 V"}, "'voltage' is a magnitude above 0 V"),
        (
            {"do": "strip", "current": "1 mA/cm2", "duration": "1 s", "cutoff_current": "0.1 mA/cm2"},
            "'cutoff_current' ends a step that holds",
        ),
        ({"do": "rest", "duration": "1 s", "cutoff_current": "0.1 mA/cm2"}, "a rest has a 'duration' and no"),
    ],
)
def test_steps_that_contradict_themselves_are_refused(step: dict[str, Any], text: str) -> None:
    with pytest.raises(CaseError, match=text):
        parse_case(protocol(step))


def test_many_steps_and_their_limit() -> None:
    step = {"do": "strip", "current": "1 mA/cm2", "duration": "1 s"}
    data = protocol(*[step] * 10_000)
    assert len(stages(parse_case(data).case.operation)) == 10_000
    data["operation"]["cycles"] = 101
    with pytest.raises(CaseError, match="more than 1000000"):
        parse_case(data)


def test_a_pressure_cutoff_without_a_clamp_is_pointed_out() -> None:
    setup = set_up(parse_case(protocol(HOLD | {"cutoff_pressure_above": "2 MPa"})))
    assert any("cutoff_pressure_above" in str(found) for found in idle_keys(setup))
