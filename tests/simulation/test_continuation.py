"""A run goes on with more to do, and refuses what would change what it has done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mpi4py import MPI

from solver.case.loading import parse_case
from solver.output.checkpoint import CheckpointError
from solver.output.run_folder import RunFolder
from solver.setup import continuation
from solver.simulation.run import run_case
from tests.conftest import case_data, series

STRIP = {"do": "strip", "current": "0.5 mA/cm^2", "capacity": "0.01 mAh/cm^2"}
REST = {"do": "rest", "duration": "10 s"}


def protocol(*steps: dict[str, Any], **operation: Any) -> dict[str, Any]:
    return case_data() | {"operation": {"pressure": "0.5 MPa", "step": list(steps), **operation}}


def problems(before: dict[str, Any], after: dict[str, Any], **clock: float) -> list[str]:
    at = {"stage": 1, "stage_capacity": 18.0, "stage_time": 3.6, **clock}
    return continuation.computed_already(parse_case(before).resolved(), parse_case(after), at)


@pytest.mark.parametrize(
    "after",
    [
        protocol(REST, STRIP | {"capacity": "0.02 mAh/cm^2"}),
        protocol(REST, STRIP, REST),
        protocol(REST, STRIP, cycles=3),
        protocol(REST, STRIP | {"cutoff_voltage": "1 V"}),
    ],
)
def test_what_is_to_come_may_change(after: dict[str, Any]) -> None:
    assert problems(protocol(REST, STRIP), after) == []


@pytest.mark.parametrize(
    ("after", "text"),
    [
        (protocol(REST | {"duration": "9 s"}, STRIP), "the first 1 steps of the protocol, which are over"),
        (protocol(STRIP, REST), "which are over"),
        (protocol(REST, STRIP | {"current": "0.4 mA/cm^2"}), "which has begun"),
        (protocol(REST, STRIP | {"capacity": "0.0001 mAh/cm^2"}), "at less capacity than it has"),
        (protocol(REST, STRIP, STRIP | {"current": "5 mA/cm^2"}), "which scales the equations"),
    ],
)
def test_what_has_been_computed_stays(after: dict[str, Any], text: str) -> None:
    assert any(text in line for line in problems(protocol(REST, STRIP), after))


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("operation.capacity", True),
        ("output.interval", True),
        ("operation.pressure", False),
        ("operation.capacity_of_another", False),
        ("material.metal.name", False),
    ],
)
def test_keys_that_may_differ(path: str, allowed: bool) -> None:
    assert continuation.may_change(path) is allowed


def test_a_finished_run_goes_on_to_more(tmp_path: Path, comm: MPI.Comm) -> None:
    """Its end is that of a run that was asked for as much at once, to the error of its time steps."""

    def case(capacity: float, **more: Any) -> Any:
        data = case_data(output={"interval": "0.0002 mAh/cm^2"})
        data["operation"] |= {"capacity": f"{capacity} mAh/cm^2", **more}
        return parse_case(data)

    folder = tmp_path / "run"
    run_case(case(0.0004), RunFolder(folder), comm)
    with pytest.raises(Exception, match="run of another case"):
        run_case(case(0.0008), RunFolder(folder), comm, resume=True)
    with pytest.raises(Exception, match="run of another case"):
        run_case(case(0.0008, pressure="0.7 MPa"), RunFolder(folder), comm, resume=True, extend=True)
    outcome = run_case(case(0.0008), RunFolder(folder), comm, resume=True, extend=True)
    assert outcome.status == "finished"
    assert outcome.capacity == pytest.approx(0.0008, rel=1e-9)
    steps = [int(row["step"]) for row in series(folder)]
    assert steps == list(range(len(steps)))
    manifest = json.loads((folder / "manifest.json").read_text())
    (change,) = manifest["changed"]
    assert change["from_step"] == manifest["resumed"][0]
    assert change["changes"][0].startswith("operation.capacity = '0.0004")
    assert RunFolder(folder).ended(case(0.0008)) is not None
    with pytest.raises(CheckpointError, match="another case"):
        RunFolder(folder).ended(case(0.0004))
    run_case(case(0.0008), RunFolder(tmp_path / "once"), comm)
    once, twice = series(tmp_path / "once")[-1], series(folder)[-1]
    for name in ("voltage_V", "platen_um", "contact_fraction"):
        assert float(twice[name]) == pytest.approx(float(once[name]), rel=2e-3), name
