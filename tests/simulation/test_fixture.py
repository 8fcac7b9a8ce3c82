"""Runs in a fixture: pressure that falls, lift-off and return, restarts, ranks, the motion of another run."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from numpy.typing import NDArray

from postprocess.plots import plot_run
from solver.case.schema.fixture import COUNTER_EXPANSION
from tests.conftest import case_data, on_two_ranks, series, table
from tests.made_once import copied, made_once
from tests.simulation.cut_off import cut_at, cut_on_all_ranks, go_on
from tests.simulation.test_restart import MERGING
from tests.simulation.test_runs import write_case

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]

STIFFNESS, PRESSURE = 200.0, 0.5
"""MPa/um, so that a clamp lifts off within seconds; MPa."""
LI_PER_CHARGE = 12.97e-6 / 96485.33212 * 36000.0 * 1e6
"""um of lithium per mAh/cm2."""
STRIP = {"do": "strip", "current": "0.5 mA/cm2", "capacity": "0.003 mAh/cm2"}
COARSE = {"tip_size": "0.12 um", "roof_fraction": 0.3, "growth": 0.5, "pressure_change": 0.2}
FALLING = {
    "fixture": {"stiffness": f"{STIFFNESS} MPa/um", "counter": "rigid"},
    "operation": {"capacity": "0.004 mAh/cm2"},
    "numerics": COARSE,
    "output": {"interval": "0.002 mAh/cm2", "checkpoint_steps": 1},
}
"""A void under a clamp that lifts off near the end; wetting holds the contact then."""
PRESSED = ("time_s", "stack_pressure_MPa", "lift_off_um", "contact_pressure_MPa", "platen_um", "voltage_V")


def flat(folder: Path, steps: list[dict[str, Any]], **changes: Any) -> Path:
    """A narrow cell without voids in the clamp."""
    data = case_data(
        geometry={"width": "0.5 um", "electrolyte_depth": "0.5 um"},
        fixture={"stiffness": f"{STIFFNESS} MPa/um", "counter": "indium"},
        numerics=COARSE,
        **changes,
    )
    del data["void"]
    data["operation"] = {"pressure": f"{PRESSURE} MPa", "step": steps}
    path = folder / "case.toml"
    path.write_text(tomli_w.dumps(data), encoding="utf-8")
    return path


def column(folder: Path, name: str) -> NDArray[np.float64]:
    return np.array([float(row[name]) for row in series(folder)])


@pytest.mark.parametrize("velocity", ["0.01 um/s", "-0.01 um/s"])
def test_metal_without_voids_cannot_follow_any_platen(velocity: str, tmp_path: Path, livoid: Livoid) -> None:
    case = flat(tmp_path, [STRIP], model={"top": "velocity"})
    data = tomllib.loads(case.read_text(encoding="utf-8"))
    del data["numerics"]["pressure_change"]
    data["fixture"] = {"velocity": velocity}
    case.write_text(tomli_w.dumps(data), encoding="utf-8")
    result = livoid("run", "case.toml", "--out", "out")
    assert result.returncode == 1
    assert "no room for the difference" in result.stderr + result.stdout
    assert "Traceback" not in result.stderr


def test_a_clamp_lifts_off_comes_back_and_is_loaded_anew(tmp_path: Path, livoid: Livoid) -> None:
    """Exact at every step: P = P0 - k (1 - chi) v t, and what is missing is the gap."""
    steps = [STRIP, {"do": "rest", "duration": "5 s"}, STRIP | {"do": "plate"}]
    steps += [{"do": "rest", "duration": "5 s", "pressure": "1.5 MPa"}, {"do": "rest", "duration": "5 s"}]
    case = flat(tmp_path, steps, model={"adhesion": "0.1 MPa"})
    result = livoid("run", str(case), "--out", "out")
    assert result.returncode == 0, result.stderr
    assert "the clamp has lifted off" in result.stderr
    out = tmp_path / "out"
    net, stage = column(out, "net_mAh_cm2"), column(out, "stage")
    compression = PRESSURE / STIFFNESS - (1.0 - COUNTER_EXPANSION["indium"]) * LI_PER_CHARGE * net
    pressure, lift_off = column(out, "stack_pressure_MPa"), column(out, "lift_off_um")
    first = stage < 4
    expected = STIFFNESS * np.maximum(compression, 0.0)
    np.testing.assert_allclose(pressure[first], expected[first], atol=1e-6)
    np.testing.assert_allclose(lift_off[first], np.maximum(-compression, 0.0)[first], atol=1e-8)
    assert lift_off.max() > 1e-3
    assert pressure[first][-1] == pytest.approx(PRESSURE, rel=1e-5)
    # the reload lasts: the stage after it has no pressure of its own
    np.testing.assert_allclose(pressure[~first], 1.5, rtol=1e-6)
    assert len(set(stage[~first])) == 2
    for row in series(out):
        assert max(float(row[name]) for name in ("charge_error", "volume_error")) <= 1e-8
    assert "history" in [picture.stem for picture in plot_run(out)]


def test_a_run_ends_where_nothing_holds_the_metal(tmp_path: Path, livoid: Livoid) -> None:
    result = livoid("run", str(flat(tmp_path, [STRIP])), "--out", "out")
    assert result.returncode == 0, result.stderr
    assert "event: delaminate: nothing presses on the metal" in result.stdout
    out = tmp_path / "out"
    (event,) = table(out / "events.csv")
    lost = PRESSURE / (STIFFNESS * (1.0 - COUNTER_EXPANSION["indium"]) * LI_PER_CHARGE)
    assert event["kind"] == "delaminate"
    # the step that would open the contact is not made: the end is the last state before it
    last = column(out, "stack_pressure_MPa")[-1] / PRESSURE
    assert 0.0 < last < 0.03
    assert float(event["capacity_mAh_cm2"]) == pytest.approx(lost * (1.0 - last), rel=1e-6)
    assert json.loads((out / "manifest.json").read_text(encoding="utf-8"))["status"] == "event"


def test_a_dead_load_says_its_pressure(tmp_path: Path, livoid: Livoid) -> None:
    case = write_case(tmp_path, numerics=COARSE | {"max_steps": 4})
    livoid("run", str(case), "--out", "out")
    assert set(column(tmp_path / "out", "stack_pressure_MPa")) == {PRESSURE}
    assert set(column(tmp_path / "out", "lift_off_um")) == {0.0}


@pytest.fixture(scope="module")
def falling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The uninterrupted run of a void whose clamp lifts off; beside it what a kill on the way leaves."""

    def make(folder: Path) -> None:
        cut_at(folder / "out", {6: folder / "cut"}, **FALLING)

    return made_once("falling", make, tmp_path_factory) / "out"


def assert_same_pressure(one: Path, two: Path) -> None:
    assert [row["step"] for row in series(one)] == [row["step"] for row in series(two)]
    for name in PRESSED:
        scale = np.abs(column(one, name)).max()
        np.testing.assert_allclose(column(two, name), column(one, name), atol=1e-6 * scale, err_msg=name)


@pytest.mark.slow
def test_void_growth_and_lift_off_are_the_kinematics_of_the_stack(falling: Path) -> None:
    """h + d = v t - P0/k for a rigid counter electrode, before and after lift-off, through all steps."""
    assert column(falling, "lift_off_um")[-1] > 0.0
    grown = (column(falling, "void_measure_um") - column(falling, "void_measure_um")[0]) / 3.0
    stripped = LI_PER_CHARGE * column(falling, "net_mAh_cm2")
    compression = column(falling, "stack_pressure_MPa") / STIFFNESS - column(falling, "lift_off_um")
    np.testing.assert_allclose(PRESSURE / STIFFNESS - compression, stripped - grown, atol=1e-7)


@pytest.mark.slow
@on_two_ranks
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_a_run_that_was_cut_off_goes_on_with_its_pressure(
    together: Path, falling: Path, before: int, after: int
) -> None:
    """On one rank or two, before and after: the pressure of every step is that of the undisturbed run."""
    out = together / "out"
    if before == 1:
        copied(falling.with_name("cut"), out)
    else:
        cut_on_all_ranks(out, 6, **FALLING)
    go_on(out, after, **FALLING)
    assert_same_pressure(falling, out)


@pytest.mark.slow
@pytest.mark.parametrize("against", ["time", "capacity"])
def test_a_slice_follows_the_platen_of_another_run(
    tmp_path: Path, livoid: Livoid, falling: Path, against: str
) -> None:
    """The same cell, driven as the clamp moved it, presses on its contact as it did under the clamp."""
    fixture = {"series": str(falling / "series.csv"), "against": against}
    case = write_case(tmp_path, **FALLING | {"fixture": fixture, "model": {"top": "velocity"}})
    result = livoid("run", str(case), "--out", "out")
    assert result.returncode == 0, result.stderr
    out, by = tmp_path / "out", {"time": "time_s", "capacity": "capacity_mAh_cm2"}[against]
    wanted = np.interp(column(out, by), column(falling, by), column(falling, "platen_um"))
    np.testing.assert_allclose(column(out, "platen_um"), wanted, atol=2e-5)
    middle = column(falling, by)[len(series(falling)) // 2]
    force = [
        float(np.interp(middle, column(run, by), column(run, "contact_pressure_MPa")))
        for run in (falling, out)
    ]
    assert force[1] == pytest.approx(force[0], rel=0.03)


@pytest.mark.slow
def test_the_clamp_knows_where_the_platen_is_through_every_change(tmp_path: Path, livoid: Livoid) -> None:
    """Where voids meet the platen is put a little higher or lower: the clamp is compressed by as much."""
    stiffness = 5.0  # MPa/um
    changes = MERGING | {"fixture": {"stiffness": f"{stiffness} MPa/um", "counter": "indium"}}
    changes["numerics"] = MERGING["numerics"] | {"pressure_change": 0.5}
    result = livoid("run", str(write_case(tmp_path, **changes)), "--out", "out")
    assert result.returncode == 0, result.stderr
    out = tmp_path / "out"
    assert "coalesce" in [row["kind"] for row in table(out / "events.csv")]
    assert column(out, "remeshes")[-1] > 0
    compression = column(out, "stack_pressure_MPa") / stiffness - column(out, "lift_off_um")
    platen, net = column(out, "platen_um"), column(out, "net_mAh_cm2")
    swollen = COUNTER_EXPANSION["indium"] * LI_PER_CHARGE * net
    np.testing.assert_allclose(compression[0] - compression, platen[0] - platen - swollen, atol=1e-8)
    assert compression[-1] < 0.0 < compression[0]
