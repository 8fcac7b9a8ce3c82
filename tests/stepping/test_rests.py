"""Steps grow where nothing changes, at rest and under flat metal, and a rest ends early if asked."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from mpi4py import MPI

from solver.case.loading import CaseError, parse_case
from solver.output.run_folder import RunFolder
from solver.setup.step_control import StepLimits
from solver.simulation.run import run_case
from solver.stepping import step
from solver.stepping.clock import Clock
from solver.stepping.schedule import Schedule
from solver.stepping.step import StepResult
from tests.conftest import case_data, small_case, table

if TYPE_CHECKING:
    from solver.equations.coupled_model import CoupledModel

LIMITS = StepLimits(courant=0.4, composition=0.05, pressure=0.02)
YEAR = 365 * 86400.0
STRIP = {"do": "strip", "current": "0.5 mA/cm^2", "duration": "0.1 s"}
REST = {"do": "rest", "duration": "365 day"}


def protocol(*steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return case_data(**changes) | {"operation": {"pressure": "0.5 MPa", "step": list(steps)}}


def result(**numbers: float) -> StepResult:
    given = {"removed": 0.0, "metal_change": 0.0, "courant": 0.0, "quality": 1.0, "correction": 0.0}
    return StepResult(report=None, **given | {"exchange": 1.0} | numbers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "healed", "expected"),
    [
        ({"courant": 0.4}, 0.0, 1.0),
        ({"courant": 0.004}, 0.0, 100.0),
        ({"courant": 0.004, "pressure_change": 0.02}, 0.0, 1.0),
        ({"courant": 0.004}, 0.02, 1.0),
        ({}, 1e-9, 2e7),
        ({}, math.inf, 0.0),
    ],
)
def test_an_unhurried_step_changes_next_to_nothing(
    changed: dict[str, float], healed: float, expected: float
) -> None:
    """By the rates of the last step, whatever it is that changes fastest; unknown rates allow none."""
    found = step.unhurried(10.0, result(**changed), LIMITS, healed)
    assert found == pytest.approx(10.0 * step.STILL * expected)


def test_where_nothing_changes_a_step_has_no_end_but_a_number() -> None:
    assert step.unhurried(1.0, result(), LIMITS, 0.0) == step.FOR_EVER < math.inf


def test_a_rest_ends_where_what_is_left_of_it_would_change_nothing() -> None:
    from solver.setup.setup import set_up

    setup = set_up(parse_case(protocol(STRIP, REST | {"until_still": True}, REST)))
    schedule, unit = Schedule(list(setup.stages), setup.scales, 1.0), setup.scales.time
    clock = Clock(1.0, stage=1, stage_time=YEAR / 2)
    assert schedule.over(clock, None) is None
    clock.unhurried = 0.499 * YEAR / unit
    assert schedule.over(clock, None) is None
    clock.unhurried = 0.501 * YEAR / unit
    assert schedule.over(clock, None) == "stillness"
    clock.stage = 2
    assert schedule.over(clock, None) is None, "only where it was asked for"
    schedule.begin(clock)
    assert clock.unhurried == 0.0, "the next stage has rates of its own"


@pytest.mark.parametrize("kind", ["strip", "plate"])
def test_only_a_rest_waits_for_stillness(kind: str) -> None:
    with pytest.raises(CaseError, match="'until_still' belongs to a rest"):
        parse_case(protocol(STRIP | {"do": kind, "until_still": True}))


def test_a_year_takes_few_steps_and_none_if_asked(tmp_path: Path) -> None:
    """Flat contact at rest: 262 800 steps of numerics.largest_step."""
    data = protocol(STRIP, REST | {"until_still": True}, REST, numerics={"tip_size": "0.5 um"}, void=[])
    outcome = run_case(parse_case(data), RunFolder(tmp_path / "out"), MPI.COMM_SELF)
    assert outcome.status == "finished", outcome.message
    assert outcome.steps < 100
    stages = table(tmp_path / "out" / "stages.csv")
    assert [row["end"] for row in stages] == ["duration", "stillness", "duration"]
    lengths = [float(row["end_s"]) - float(row["start_s"]) for row in stages]
    assert lengths[1] < 120.0
    assert lengths[2] == pytest.approx(YEAR, rel=1e-9)
    rows = [row for row in table(tmp_path / "out" / "series.csv") if row["kind"] == "rest"]
    assert max(float(row["dt_s"]) for row in rows) > 100.0 * 120.0
    assert max(abs(float(row["voltage_V"]) - float(rows[-1]["voltage_V"])) for row in rows) < 1e-9


def test_a_rest_that_changes_something_keeps_to_its_largest_step() -> None:
    """A void that closes: the limits of a step and the largest one hold as they did."""
    moving = result(courant=0.02)
    largest = small_case().case.numerics.largest_step
    assert step.unhurried(largest, moving, LIMITS, 0.0) < largest
    still = replace(moving, courant=1e-5)
    assert step.unhurried(largest, still, LIMITS, 0.0) > largest


@pytest.mark.parametrize(
    ("kind", "gaps", "roofs", "solute", "expected"),
    [
        ("strip", 0.0, 0.0, None, 1.0),
        ("rest", 0.0, 3.0, None, step.STILL),
        ("strip", 0.0, 3.0, None, 0.0),
        ("strip", 0.1, 0.0, None, 0.0),
        ("strip", 0.0, 0.0, object(), 0.0),
    ],
)
def test_only_flat_pure_metal_and_rests_know_longer_steps(
    kind: str, gaps: float, roofs: float, solute: object, expected: float
) -> None:
    surface = SimpleNamespace(total_projected=lambda: roofs)
    model = cast("CoupledModel", SimpleNamespace(surface=surface, solute=solute))
    assert step.pace(model, kind, gaps) == expected


def test_flat_metal_is_stripped_from_output_to_output(tmp_path: Path) -> None:
    """Under a dead load nothing changes at all; 120 steps of numerics.largest_step."""
    data = protocol(STRIP | {"duration": "4 h"}, numerics={"tip_size": "0.5 um"}, void=[])
    data["geometry"]["metal_thickness"] = "150 um"  # far beyond the sinks of vacancies
    data["output"] = {"interval": "1 mAh/cm^2"}
    outcome = run_case(parse_case(data), RunFolder(tmp_path / "out"), MPI.COMM_SELF)
    assert outcome.status == "finished", outcome.message
    assert outcome.steps < 40
    rows = table(tmp_path / "out" / "series.csv")
    assert max(float(row["dt_s"]) for row in rows) > 10.0 * 120.0
    assert max(abs(float(row["voltage_V"]) - float(rows[-1]["voltage_V"])) for row in rows) < 1e-9
    assert max(float(row["lithium_error"]) for row in rows) < 1e-9
