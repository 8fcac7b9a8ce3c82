"""What changes in or between steps of a protocol, on a flat contact with closed forms."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from mpi4py import MPI
from scipy import constants
from scipy.optimize import brentq

from postprocess.records import RunRecords, read_run
from solver.case.loading import CaseError, LoadedCase, load_case, parse_case
from solver.output.run_folder import RunFolder
from solver.setup.curve import Curve
from solver.setup.protocol import expected_throughput, reference, stages
from solver.setup.setup import at_temperature, set_up
from solver.simulation.run import run_case
from tests.conftest import case_data

FARADAY = constants.physical_constants["Faraday constant"][0]
RAMP = {"do": "strip", "current": "0.1 mA/cm2", "current_to": "1 mA/cm2", "duration": "100 s"}


def flat(*steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A flat contact of a few cells: overpotential = ohmic + charge transfer, in closed form."""
    data = case_data(
        geometry={"width": "0.5 um", "metal_thickness": "6 um", "electrolyte_depth": "0.5 um"},
        model={"vacancies": False, "kinetics": "butler-volmer", "pressure_potential": False},
        output={"fields": False},
    )
    data["numerics"] = {"largest_size": "0.3 um", "layer_size": "0.1 um"}
    del data["void"]
    operation = {"pressure": "1 MPa", "step": list(steps)} | changes.pop("operation", {})
    return data | {"operation": operation} | changes


def run(data: dict[str, Any], folder: Path, **options: Any) -> RunRecords:
    outcome = run_case(parse_case(data), RunFolder(folder), MPI.COMM_WORLD, **options)
    assert outcome.status == "finished", outcome.message
    return read_run(folder)


def overpotential(loaded: LoadedCase, current: float, kelvin: float = 298.15) -> float:
    """V of a flat contact at a mean current (A/m2): pellet and Butler-Volmer."""
    electrolyte, thermal = loaded.electrolyte, constants.R * kelvin / FARADAY
    resistance = electrolyte.area_resistance.at(kelvin, sign=-1)
    alpha, scale = electrolyte.transfer_coefficient.value, 20.0 * thermal

    def excess(eta: float) -> float:
        x = eta / thermal
        return thermal / resistance * (math.exp(alpha * x) - math.exp(-(1.0 - alpha) * x)) - current

    ohmic = current * loaded.case.geometry.pellet_thickness / electrolyte.conductivity.at(kelvin)
    return ohmic + float(brentq(excess, -scale, scale, xtol=1e-15))


@pytest.fixture(scope="module")
def ramp(tmp_path_factory: pytest.TempPathFactory) -> tuple[LoadedCase, RunRecords]:
    """A current that rises until the overpotential meets its cut-off."""
    data = flat(RAMP | {"cutoff_voltage": "10 mV"})
    return parse_case(data), run(data, tmp_path_factory.mktemp("ramp") / "out")


def test_a_ramp_has_its_current_and_overpotential_at_every_time(ramp: tuple[LoadedCase, RunRecords]) -> None:
    loaded, found = ramp
    time, current, voltage = (found.series[n] for n in ("time_s", "current_mA_cm2", "voltage_V"))
    assert len(time) > 10
    assert current == pytest.approx(0.1 + 0.009 * time, rel=1e-7)
    exact = [overpotential(loaded, 10.0 * i) for i in current]
    assert voltage == pytest.approx(exact, rel=1e-6)


def test_a_ramp_passes_its_charge_exactly(ramp: tuple[LoadedCase, RunRecords]) -> None:
    _, found = ramp
    time, capacity = found.series["time_s"], found.series["capacity_mAh_cm2"]
    assert capacity == pytest.approx((0.1 * time + 0.0045 * time**2) / 3600.0, rel=1e-9, abs=1e-15)
    assert found.series["charge_error"].max() < 1e-7


def test_a_ramp_ends_at_the_time_of_its_cutoff(ramp: tuple[LoadedCase, RunRecords]) -> None:
    loaded, found = ramp
    exact = brentq(lambda t: overpotential(loaded, 1.0 + 0.09 * t) - 0.010, 0.0, 100.0)
    assert found.series["time_s"][-1] == pytest.approx(exact, rel=2e-4)  # cut-offs are met to 1e-4
    assert found.series["voltage_V"][-1] == pytest.approx(0.010, rel=1e-4)


def test_a_held_overpotential_is_the_whole_one(tmp_path: Path) -> None:
    data = flat({"do": "strip", "voltage": "10 mV", "duration": "2 s"})
    found, loaded = run(data, tmp_path / "out"), parse_case(data)
    exact = brentq(lambda i: overpotential(loaded, i) - 0.010, 0.0, 100.0) / 10.0
    assert found.series["voltage_V"] == pytest.approx(0.010, abs=3e-7)
    assert found.series["current_mA_cm2"] == pytest.approx(exact, rel=1e-4)


def table_file(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "drive.csv").write_text(text, encoding="utf-8")
    return folder / "drive.csv"


DRIVE = (
    "Time (min);note;current density [mA/cm2]\n"
    "# of a cycler\n1;a;0.2\n1.2;b;0.2\n1.4;c;-0.3\n1.5;d;0\n1.6;e;0\n"
)


def test_a_table_strips_plates_and_rests(tmp_path: Path) -> None:
    """The run folder repeats without the table; a step ends at each of its points."""
    table_file(tmp_path / "cells", DRIVE)
    file = tmp_path / "cells" / "case.toml"
    file.write_text(tomli_w.dumps(flat({"do": "follow", "table": "drive.csv"})), encoding="utf-8")
    loaded = load_case(file)
    step = loaded.case.operation.step[0]
    assert (step.table, len(step.points or [])) == (None, 5)
    (tmp_path / "cells" / "drive.csv").unlink()
    assert parse_case(loaded.resolved()).case == loaded.case
    found = run(loaded.resolved(), tmp_path / "out")
    time, current = found.series["time_s"], found.series["current_mA_cm2"]
    assert current == pytest.approx(np.interp(time, [0, 12, 24, 30, 36], [0.2, 0.2, -0.3, 0, 0]), abs=1e-9)
    assert all(np.min(np.abs(time - t)) < 1e-6 for t in (12.0, 16.8, 24.0, 30.0, 36.0))
    passed = 0.2 * 12 + 0.5 * 0.2 * 4.8 + 0.5 * 0.3 * 7.2 + 0.5 * 0.3 * 6
    assert found.series["capacity_mAh_cm2"][-1] == pytest.approx(passed / 3600.0, rel=1e-9)
    net = 0.2 * 12 + 0.5 * 0.2 * 4.8 - 0.5 * 0.3 * 7.2 - 0.5 * 0.3 * 6
    assert found.series["net_mAh_cm2"][-1] == pytest.approx(net / 3600.0, rel=1e-9)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["the file is empty"]),
        ("time (s),voltage (V)\n0,1\n", ["no column for the current density"]),
        ("time,current (mA)\n0,1\n1,1\n", ["'time' has no unit", "'current (mA)': unit 'mA' does not fit"]),
        ("time_s,current_mA_cm2,current (A/m2)\n0,1,1\n", ["two columns for the current density"]),
        (
            "time (s),current (mA/cm2)\n0,1\n2,x\n1,1\n1,2\n3,\n4,inf\n",
            ["line 3: current density 'x' is not a number", "line 5: time goes from 1 to 1 s",
             "line 6: current density is missing", "line 7: current density is not finite"],
        ),
        ("time (s);current (mA/cm2)\n0;1\n1;0,5\n", ["line 3", "the decimal sign is a point"]),
        ("time (s),current (mA/cm2)\n0,1\n", ["needs two lines"]),
        ("time (s),current (mA/cm2)\n0,0\n1,0\n", ["not all of them 0"]),
        ("time (s),current (A/cm2)\n0,0\n1,100\n", ["up to 10000 mA/cm2"]),
    ],
)  # fmt: skip
def test_everything_wrong_with_a_table_is_said_at_once(
    text: str, problems: list[str], tmp_path: Path
) -> None:
    table_file(tmp_path, text)
    file = tmp_path / "case.toml"
    data = flat({"do": "follow", "table": "drive.csv"}) | {"titel": "x"}
    file.write_text(tomli_w.dumps(data), encoding="utf-8")
    with pytest.raises(CaseError) as caught:
        load_case(file)
    for problem in [*problems, "titel: unknown key"]:
        assert any(problem in line for line in caught.value.problems), caught.value.problems


def test_the_table_of_a_base_is_beside_the_base(tmp_path: Path) -> None:
    table_file(tmp_path / "common", DRIVE)
    base = flat({"do": "follow", "table": "drive.csv"})
    (tmp_path / "common" / "base.toml").write_text(tomli_w.dumps(base), encoding="utf-8")
    case = tmp_path / "case.toml"
    case.write_text('base = "common/base.toml"\n[operation]\npressure = "2 MPa"\n', encoding="utf-8")
    assert len(load_case(case).case.operation.step[0].points or []) == 5


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ({"do": "strip", "current_to": "1 mA/cm2", "duration": "1 s"}, "needs either 'current'"),
        (RAMP | {"duration": None, "capacity": "1 mAh/cm2"}, "'current_to' needs a 'duration'"),
        ({"do": "rest", "duration": "1 s", "pressure_to": "2 MPa", "until_still": True}, "constant pressure"),
        (RAMP | {"points": [[0, 1], [1, 1]]}, "'points' belongs to do = \"follow\""),
        ({"do": "follow", "points": [[0, 1], [1, 1]], "current": "1 mA/cm2"}, "the table says the current"),
        ({"do": "follow", "points": [[0, 1], [1, 1]], "duration": "2 s"}, "the table ends after 1 s"),
        ({"do": "follow", "points": [[0, 1], [0, 1]]}, "go forward in time"),
        ({"do": "follow"}, "needs either 'table'"),
        (RAMP | {"per_cycle": {"current": ["1 mA/cm2"]}}, "'current' or per_cycle, not both"),
        (RAMP | {"per_cycle": {}}, "per_cycle has no values"),
        (RAMP | {"per_cycle": {"capacity": ["1 mAh/cm2"] * 3}}, "has 3 values, 'cycles' is 2"),
        (RAMP | {"per_cycle": {"pressure": ["1 MPa", "1 K"]}}, r"per_cycle.pressure\[1\] = '1 K': unit"),
    ],
)
def test_steps_that_cannot_be_are_named(step: dict[str, Any], text: str) -> None:
    given = {key: value for key, value in step.items() if value is not None}
    with pytest.raises(CaseError, match=text):
        parse_case(flat(given, operation={"cycles": 2}))


def test_a_clamp_has_no_pressure_ramp() -> None:
    clamp = {"fixture": {"stiffness": "1 MPa/um", "counter": "rigid"}}
    with pytest.raises(CaseError, match="pressure_to: needs a dead load"):
        parse_case(flat(RAMP | {"pressure_to": "2 MPa"}, **clamp))


def test_values_of_each_cycle() -> None:
    strip = {"do": "strip", "duration": "10 s", "per_cycle": {"current": ["0.1 mA/cm2", "0.3 mA/cm2"]}}
    plate = {"do": "plate", "current": "0.2 mA/cm2", "per_cycle": {"duration": ["20 s", "30 s"]}}
    loaded = parse_case(flat(strip, plate, operation={"cycles": 2}))
    found = stages(loaded.case.operation)
    assert [(s.cycle, s.number, s.current, s.duration) for s in found] == [
        (1, 1, pytest.approx(1.0), 10.0), (1, 2, pytest.approx(-2.0), 20.0),
        (2, 1, pytest.approx(3.0), 10.0), (2, 2, pytest.approx(-2.0), 30.0),
    ]  # fmt: skip
    assert reference(loaded.case.operation)[0] == pytest.approx(3.0)
    assert expected_throughput(loaded.case.operation) == pytest.approx(10.0 + 40.0 + 30.0 + 60.0)
    assert parse_case(loaded.resolved()).case == loaded.case


def test_ten_thousand_points_and_steps_are_read() -> None:
    points = [[float(k), 0.1 + 0.1 * (k % 2)] for k in range(10_000)]
    found = stages(parse_case(flat({"do": "follow", "points": points})).case.operation)[0]
    assert found.currents is not None
    assert found.charge == pytest.approx(0.15 * 10.0 * 9_999)
    assert found.currents.mean(10.0, 12.0) == pytest.approx(1.5)


def test_a_curve() -> None:
    curve = Curve.through([(0.0, 2.0), (2.0, -2.0), (4.0, -2.0)])
    assert curve.times == (0.0, 1.0, 2.0, 4.0)  # with the place where it passes 0
    assert (curve.at(0.5), curve.at(-1.0), curve.at(9.0)) == (1.0, 2.0, -2.0)
    assert curve.total == pytest.approx(1.0 + 1.0 + 4.0)
    assert curve.mean(0.0, 2.0) == pytest.approx(0.0)
    assert curve.mean(0.5, 3.0) == pytest.approx((0.25 - 1.0 - 2.0) / 2.5)
    assert (curve.to_corner(0.0), curve.to_corner(1.5), curve.to_corner(4.0)) == (1.0, 0.5, math.inf)
    assert curve.to_change(0.5, 0.2) == pytest.approx(0.1)
    assert curve.to_change(3.0, 0.2) == math.inf
    assert curve.to_integral(0.0, 0.75) == pytest.approx(0.5)  # falling: 2 t - t^2
    assert curve.to_integral(1.0, 0.25) == pytest.approx(math.sqrt(0.25))  # from 0 on, growing
    assert curve.to_integral(0.0, 1.5) == math.inf  # not within this piece
    assert curve.to_integral(3.0, 1.0) == pytest.approx(0.5)


TWO = ({"do": "strip", "current": "0.5 mA/cm2", "duration": "2 s"},
       {"do": "strip", "current": "0.5 mA/cm2", "duration": "2 s", "temperature": "60 degC"})  # fmt: skip


def test_each_step_has_its_temperature(tmp_path: Path) -> None:
    """Ohmic drop and charge transfer are those of each temperature, there and back."""
    data = flat(*TWO, {"do": "strip", "current": "0.5 mA/cm2", "duration": "1 s"}, output={"fields": False})
    found, loaded = run(data, tmp_path / "out"), parse_case(data)
    cold, warm = overpotential(loaded, 5.0), overpotential(loaded, 5.0, 333.15)
    assert warm < 0.8 * cold
    expected = [warm if number == 2 else cold for number in found.series["stage"]]
    assert found.series["voltage_V"] == pytest.approx(expected, rel=1e-6)


def test_a_run_goes_on_in_a_step_of_another_temperature(tmp_path: Path) -> None:
    data = case_data(
        operation={"pressure": "0.5 MPa", "step": [dict(step, duration="0.5 s") for step in TWO]},
        output={"fields": False, "checkpoint_steps": 1},
    )
    for key in ("current", "capacity"):
        del data["operation"][key]
    whole = run(data, tmp_path / "whole")

    def stop(simulation: Any) -> None:
        if simulation.stage.number == 2 and simulation.clock.stage_time > 0.1:
            raise KeyboardInterrupt

    case, folder = parse_case(data), RunFolder(tmp_path / "broken")
    assert run_case(case, folder, MPI.COMM_WORLD, callbacks=[stop]).status == "interrupted"
    again = run(data, tmp_path / "broken", resume=True)
    assert len(again.series["step"]) == len(whole.series["step"])
    for name in ("voltage_V", "void_measure_um", "charge_transfer_V", "time_s"):
        assert again.series[name] == pytest.approx(whole.series[name], rel=1e-6), name
    jump = whole.series["stage"].tolist().index(2)
    assert whole.series["ohmic_V"][jump] < 0.8 * whole.series["ohmic_V"][jump - 1]


@pytest.mark.parametrize("metal", ["lithium", "lithium-magnesium"])
def test_every_parameter_follows_the_temperature(metal: str) -> None:
    """A step at a temperature has the parameters of a case at it, in the same units but that of potential."""
    memory = {"contact_memory": {}, "material": {"metal": {"name": metal}}}
    base = case_data(operation={"temperature": "298.15 K"}, **memory)
    there = at_temperature(set_up(parse_case(base)), 333.15)
    own = set_up(parse_case(case_data(operation={"temperature": "333.15 K"}, **memory)))
    assert there.parameters == own.parameters
    assert there.scales == own.scales
    assert there.storage == own.storage
    assert there.parameters != set_up(parse_case(base)).parameters


def test_a_pressure_ramp_presses_evenly_harder(tmp_path: Path) -> None:
    data = case_data(
        operation={"pressure": "0.5 MPa", "step": [RAMP | {"duration": "1 s", "pressure_to": "1 MPa"}]},
        model={"capillarity": False},
        output={"fields": False},
    )
    for key in ("current", "capacity"):
        del data["operation"][key]
    found = run(data, tmp_path / "out").series
    assert found["stack_pressure_MPa"] == pytest.approx(0.5 + 0.5 * found["time_s"], rel=1e-9)
    # the contact carries the load, at every time that of then
    carried = found["contact_pressure_MPa"] * found["contact_fraction"]
    assert carried == pytest.approx(found["stack_pressure_MPa"], rel=1e-4)
    assert found["volume_error"].max() < 1e-6
