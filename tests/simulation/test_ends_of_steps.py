"""Ends of a step by current, pressure, active contact: in 3-D, with an alloy, contact memory, a clamp."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from postprocess.records import read_run
from solver.case.loading import parse_case
from solver.output.run_folder import RunFolder
from solver.simulation.run import run_case
from solver.stepping import cutoffs
from tests.conftest import case_data

HOLD = {"do": "strip", "voltage": "12 mV", "duration": "0.5 s"}
STRIP = {"do": "strip", "current": "0.5 mA/cm^2", "duration": "0.5 s"}
SOLID = {
    "geometry": {
        "kind": "3d",
        "width": "0.5 um",
        "depth": "0.5 um",
        "metal_thickness": "2 um",
        "electrolyte_depth": "0.5 um",
    },
    "void": [],
    "fixture": {"stiffness": "20 MPa/um", "counter": "rigid"},
    "model": {"vacancies": False},
    "numerics": {"tip_size": "0.2 um", "largest_size": "0.5 um"},
}
"""Flat and clamped: the pressure falls as lithium goes."""
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "pressure, 3-D": (SOLID, STRIP, "cutoff_pressure_below", "stack_pressure_MPa"),
    "current, alloy": (
        {"material": {"metal": {"name": "lithium-magnesium"}}}, HOLD, "cutoff_current", "current_mA_cm2",
    ),
    "active contact, memory": (
        {"contact_memory": {}, "operation": {"pressure": "0.05 MPa"}}, STRIP | {"current": "5 mA/cm^2"},
        "cutoff_active_loss", "active_fraction",
    ),
    "pressure, clamp": (
        {"fixture": {"stiffness": "20 MPa/um", "counter": "rigid"}}, STRIP, "cutoff_pressure_below",
        "stack_pressure_MPa",
    ),
}  # fmt: skip
UNITS = {"cutoff_current": "mA/cm^2", "cutoff_pressure_below": "MPa", "cutoff_active_loss": ""}


def ended(name: str, folder: Path, limit: float | None, comm: MPI.Comm) -> dict[str, Any]:
    """The series of a step with or without a cut-off."""
    changes, step, key, _ = CASES[name]
    data = case_data(**changes) | {"output": {"fields": False}}
    end = {} if limit is None else {key: f"{limit!r} {UNITS[key]}" if UNITS[key] else limit}
    pressure = data["operation"]["pressure"]
    data["operation"] = {"pressure": pressure, "step": [step | end]}
    outcome = run_case(parse_case(data), RunFolder(folder), comm)
    assert outcome.status == "finished", outcome.message
    comm.Barrier()
    return dict(read_run(folder).series)


def check(name: str, folder: Path, comm: MPI.Comm) -> None:
    """The step ends where a run without the cut-off passes its value, to the tolerance that is stated."""
    _, _, key, column = CASES[name]
    whole = ended(name, folder / "whole", None, comm)
    first, last = whole[column][0], whole[column][-1]
    assert last < first * 0.998
    middle = 0.5 * float(first + last)
    limit = 1.0 - middle if key == "cutoff_active_loss" else middle
    cut = ended(name, folder / "cut", limit, comm)
    assert whole["time_s"][0] < cut["time_s"][-1] < whole["time_s"][-1]
    # of a contact the tolerance is one of the whole area
    assert cut[column][-1] == pytest.approx(middle, rel=cutoffs.TOLERANCE / min(middle, 1.0))
    at = np.interp(-middle, -whole[column], whole["time_s"])
    assert cut["time_s"][-1] == pytest.approx(at, rel=0.2)


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_step_ends_at_its_value(name: str, tmp_path: Path) -> None:
    check(name, tmp_path, MPI.COMM_SELF)


@pytest.mark.parallel
@pytest.mark.parametrize("name", ["pressure, clamp", "active contact, memory"])
def test_a_step_ends_at_its_value_on_ranks(name: str, tmp_path: Path, comm: MPI.Comm) -> None:
    check(name, Path(comm.bcast(str(tmp_path), root=0)), comm)
