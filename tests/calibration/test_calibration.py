"""Calibration: observables of runs, emulators, what the measurements leave, a truth that is found again."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tomli_w
from scipy import constants

import livoid
from postprocess import calibration as page
from solver.calibration import design, record
from solver.calibration.calibrate import NothingKnownError, calibrate
from solver.calibration.emulator import Emulator
from solver.calibration.matching import Match, implausibility, log_posterior
from solver.calibration.observables import KINDS, statistic
from solver.calibration.priors import Prior, at
from solver.calibration.runs import BrokenOffError, StudyModel
from solver.calibration.schema import Observable, load_plan
from solver.case.errors import CaseError
from tests.conftest import case_data

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CURRENTS = (0.1, 0.5, 2.0)
"""mA/cm2 of the flat contact's three voltages."""
PRIORS = {
    "conductivity": Prior(distribution="log-uniform", **{"from": 0.05, "to": 0.5}, source="test"),
    "resistance": Prior(distribution="uniform", **{"from": 1.0, "to": 20.0}, source="test"),
    "exchange": Prior(distribution="log-normal", median=1.0, factor=2.0, source="test"),
}


def flat_contact(values: Any, current: float) -> float:
    """Voltage (V) of a flat contact with kinetics behind 30 um of electrolyte, exactly."""
    conductivity, resistance, exchange = (float(values[name]) for name in PRIORS)
    kinetics = 2.0 * constants.R * 298.15 / (constants.value("Faraday constant"))
    density = 10.0 * current  # A/m2 of a mA/cm2
    ohmic = density * (30e-6 / conductivity + 1e-4 * resistance)
    return ohmic + kinetics * math.asinh(0.5 * current / exchange)


def flat_model(_wave: int, points: Sequence[Any]) -> Any:
    return np.array([[[flat_contact(point, i) for i in CURRENTS]] for point in points])


def measured(values: Any, generator: np.random.Generator) -> list[Observable]:
    """Voltages with an error of 0.3 mV and 2 %."""
    found = []
    for current in CURRENTS:
        exact = flat_contact(values, current)
        error = 3e-4 + 0.02 * exact
        noisy = float(exact + error * generator.standard_normal())
        found.append(Observable(f"at {current}", "voltage-at-capacity", 0.1, noisy, error, 0.0, "test"))
    return found


@pytest.mark.slow
def test_the_truth_lies_in_the_region_that_should_hold_it() -> None:
    """In at least 17 of 20 synthetic experiments the smallest region with 90 % holds the true parameters."""
    generator = np.random.default_rng(5)
    inside = 0
    for trial in range(20):
        truth = generator.random(len(PRIORS))
        observables = measured(at(PRIORS, truth), generator)
        result = calibrate(
            PRIORS, observables, flat_model, samples=32, waves=2, implausible=3.0, seed=trial, leave_out=False
        )
        matches = [Match(o, e) for o, e in zip(observables, result.emulators, strict=True)]
        assert result.posterior is not None
        assert result.posterior.long_enough
        inside += result.posterior.holds(float(log_posterior(matches, truth[None, :])[0]))
    assert inside >= 17


@pytest.fixture(scope="module")
def result() -> Any:
    truth = {"conductivity": 0.15, "resistance": 8.0, "exchange": 1.5}
    observables = measured(truth, np.random.default_rng(1))
    return calibrate(PRIORS, observables, flat_model, samples=16, waves=2, implausible=3.0, seed=2)


def test_a_calibration_is_the_same_with_the_same_seed(result: Any) -> None:
    again = calibrate(
        PRIORS, result.observables, flat_model, samples=16, waves=2, implausible=3.0, seed=2, leave_out=False
    )
    assert np.array_equal(again.posterior.points, result.posterior.points)


def test_the_second_wave_lies_where_the_first_has_left_room(result: Any) -> None:
    first, second = result.waves
    assert first.left == 1.0
    assert 0.0 < result.left < second.left < 0.5
    matches = [Match(o, e) for o, e in zip(result.observables, result.emulators, strict=True)]
    assert np.median(implausibility(matches, second.points)) < np.median(
        implausibility(matches, first.points)
    )


def test_what_was_measured_is_learnt_and_what_was_not_is_not(result: Any) -> None:
    """Kinetics and resistance show in the voltages; 30 um of electrolyte do not, beside 8 ohm cm2."""
    spread = np.std(result.posterior.points, axis=0) * math.sqrt(12.0)
    assert spread[0] > 0.8
    assert spread[2] < 0.6
    assert np.all(result.total[:, 2] > 0.5)
    assert np.all(result.total[:, 0] < 0.05)


def test_each_observable_moves_the_parameter_that_it_hangs_on() -> None:
    """Two observables of a parameter each: left out, one leaves its own parameter as the prior has it."""
    priors = {name: Prior(distribution="uniform", **{"from": 0.0, "to": 1.0}, source="test") for name in "ab"}
    kinds = [Observable(name, "mean-contact", None, 0.5, 0.05, 0.0, "test") for name in "ab"]

    def model(_wave: int, points: Sequence[Any]) -> Any:
        return np.array([[[point["a"], point["b"] ** 2 + 0.25]] for point in points])

    found = calibrate(priors, kinds, model, samples=16, waves=1, implausible=3.0, seed=0)
    assert found.posterior is not None
    spread = [np.std(p.points, axis=0) * math.sqrt(12.0) for p in (found.posterior, *found.without)]
    assert spread[0] == pytest.approx([0.05 * math.sqrt(12.0)] * 2, rel=0.15)  # both known to 0.05
    assert spread[1] == pytest.approx([1.0, spread[0][1]], rel=0.15)
    assert spread[2] == pytest.approx([spread[0][0], 1.0], rel=0.15)


def test_contradicting_measurements_rule_everything_out(result: Any, tmp_path: Path) -> None:
    first, *others = result.observables
    impossible = [Observable("low", first.kind, 0.1, -1.0, 1e-3, 0.0, "test"), *others]
    found = calibrate(PRIORS, impossible, flat_model, samples=16, waves=3, implausible=3.0, seed=0)
    assert found.posterior is None
    assert len(found.waves) == 1  # no point is left for a second one
    assert record.write(tmp_path, found, "none", 0) == [
        "no value of the parameters agrees with all that was measured: every point is ruled out"
    ]


def test_points_left_out_are_predicted_as_by_an_emulator_without_them() -> None:
    """The closed form against the long way, with the same lengths and noise."""
    generator = np.random.default_rng(0)
    points = generator.random((12, 2))
    values = np.sin(3.0 * points[:, 0]) + 0.3 * points[:, 1]
    runs = values[:, None] + 0.05 * generator.standard_normal((12, 3))
    emulator = Emulator(points, runs, seed=0)
    kernel, noise = emulator._process.kernel_, np.asarray(emulator._process.alpha)
    mean = runs.mean(axis=1)
    scaled = (mean - mean.mean()) / mean.std()
    for k in range(len(points)):
        rest = np.arange(len(points)) != k
        covariance = kernel(points[rest]) + np.diag(noise[rest])
        across = kernel(points[[k]], points[rest])
        predicted = (across @ np.linalg.solve(covariance, scaled[rest]))[0]
        assert emulator.left_out.predicted[k] == pytest.approx(mean.mean() + mean.std() * predicted, rel=1e-6)


def test_predictions_are_those_of_the_process() -> None:
    generator = np.random.default_rng(0)
    points = generator.random((10, 2))
    # with noise, as without it the deviation at a point is a difference of numbers that are nearly the same
    emulator = Emulator(
        points, np.sin(4.0 * points[:, :1]) + 0.1 * generator.standard_normal((10, 3)), seed=0
    )
    asked = np.random.default_rng(1).random((7, 2))
    mean, deviation = emulator._process.predict(asked, return_std=True)
    ours = emulator.predict(asked)
    assert ours[0] == pytest.approx(emulator._center + emulator._scale * mean, rel=1e-6, abs=1e-9)
    assert ours[1] == pytest.approx(emulator._scale * deviation, rel=1e-3, abs=1e-6)


def test_the_spread_over_voids_is_that_of_one_draw() -> None:
    generator = np.random.default_rng(3)
    points = generator.random((40, 1))
    runs = points + 0.2 * generator.standard_normal((40, 5))
    runs[3] = np.nan
    runs[5, 1:] = np.nan
    emulator = Emulator(points, runs, seed=0)
    assert emulator.spread == pytest.approx(0.2, rel=0.12)  # 155 degrees of freedom: 6 %
    assert not emulator.used[3]
    assert emulator.used[5]


def test_too_few_runs_with_a_value_are_said() -> None:
    observables = [Observable("never", "voltage-at-capacity", 0.1, 1.0, 0.1, 0.0, "test")]

    def nothing(_wave: int, points: Sequence[Any]) -> Any:
        return np.full((len(points), 1, 1), np.nan)

    with pytest.raises(NothingKnownError, match="never: 0 of 8 points"):
        calibrate(PRIORS, observables, nothing, samples=8, waves=1, implausible=3.0, seed=0)


def test_a_design_fills_the_cube_and_then_what_is_allowed() -> None:
    points = design.sobol(3, 64, 0)
    assert np.all(np.abs(points.mean(axis=0) - 0.5) < 0.02)
    second, left = design.next_wave(3, 64, 1, lambda p: p[:, 0] < 0.25)
    assert left == pytest.approx(0.25, abs=1e-3)
    assert len(second) == 64
    assert np.all(second[:, 0] < 0.25)
    none, left = design.next_wave(3, 64, 1, lambda p: np.zeros(len(p), dtype=bool))
    assert (len(none), left) == (0, 0.0)


def records(**columns: Any) -> Any:
    """Records of a run as far as observables look."""
    series = {"capacity_mAh_cm2": np.array([0.0, 0.5, 1.0]), "time_s": np.array([0.0, 10.0, 20.0])}
    series |= {name: np.array(values) for name, values in columns.items()}
    voids = {"time_s": np.array([0.0, 0.0, 11.0, 11.0]), "width_um": np.array([1.0, 2.0, 3.0, 5.0])}
    events = [{"kind": "collapse", "capacity_mAh_cm2": 0.3}, {"kind": "split", "capacity_mAh_cm2": 0.7}]
    # 20 um below the top 0.04 of solute, in the 10 um that were plated last 0.005 to 0.015
    height = np.array([0.0, 10.0, 10.001, 60.0])
    fraction = np.array([0.005, 0.015, 0.04, 0.04])
    return SimpleNamespace(
        series=series,
        voids=voids,
        events=events,
        is_alloy=lambda: True,
        outputs=lambda: [0],
        heights=lambda *_which: (height, fraction),
        stages={"deposit_mean_um": np.array([3.0, 10.0])},
    )


@pytest.mark.parametrize(
    ("kind", "argument", "columns", "expected"),
    [
        ("capacity-at-contact-loss", 0.5, {"contact_fraction": [0.8, 0.6, 0.2]}, 0.625),
        ("capacity-at-contact-loss", 0.9, {"contact_fraction": [0.8, 0.6, 0.2]}, 1.0),
        ("capacity-at-active-loss", 0.5, {"active_fraction": [0.8, 0.4, 0.2]}, 0.375),
        ("capacity-at-voltage-factor", 2.0, {"voltage_V": [-0.01, -0.015, -0.025]}, 0.75),
        ("capacity-at-first-event", "split", {}, 0.7),
        ("capacity-at-first-event", "open", {}, 1.0),
        ("mean-contact", None, {"contact_fraction": [0.8, 0.6, 0.2]}, 0.55),
        ("voltage-at-capacity", 0.25, {"voltage_V": [0.01, 0.02, 0.05]}, 0.015),
        ("voltage-at-capacity", 1.5, {"voltage_V": [0.01, 0.02, 0.05]}, math.nan),
        ("contact-at-capacity", 1.0, {"contact_fraction": [0.8, 0.6, 0.2]}, 0.2),
        ("active-at-capacity", 1.0, {"active_fraction": [0.8, 0.6, 0.1]}, 0.1),
        ("largest-width-at-capacity", 0.5, {"largest_width_um": [2.0, 4.0, 5.0]}, 4e-6),
        ("mean-width-at-capacity", 0.5, {}, 4e-6),
        ("solute-at-contact-at-capacity", 0.5, {"solute_contact": [0.1, 0.2, 0.3]}, 0.2),
        ("pressure-at-capacity", 0.25, {"stack_pressure_MPa": [1.0, 2.0, 3.0]}, 1.5e6),
        ("solute-in-plated-layer", None, {}, 0.25),
    ],
)
def test_observables_of_a_run(kind: str, argument: Any, columns: Any, expected: float) -> None:
    found = statistic(records(**columns), kind, argument, planned=1.0)
    assert found == pytest.approx(expected, nan_ok=True)


def test_what_a_run_had_not_met_before_a_cut_off_is_not_known() -> None:
    """A run that reached its planned end says "later than that", one that a cut-off ended says nothing."""
    run = records(contact_fraction=[0.8, 0.6, 0.2])
    found = [statistic(run, "capacity-at-contact-loss", 0.9, planned) for planned in (1.0, 2.0)]
    assert found == pytest.approx([1.0, math.nan], nan_ok=True)


def test_every_kind_is_tried() -> None:
    (marks,) = (m for m in test_observables_of_a_run.pytestmark if m.name == "parametrize")  # type: ignore[attr-defined]
    assert {row[0] for row in marks.args[1]} == set(KINDS)


MATERIAL = {"material": {"metal": {"name": "lithium"}, "electrolyte": {"name": "LPSCl"}}}


def written(folder: Path, **changes: Any) -> Path:
    """A calibration file and its case in a folder."""
    data: dict[str, Any] = {
        "calibration": {"case": "cell.toml", "samples": 8, "waves": 1},
        "prior": {
            "material.electrolyte.area_resistance": {
                "distribution": "uniform", "from": "1 ohm cm^2", "to": "10 ohm cm^2", "source": "test",
            }
        },
        "observable": [
            {
                "name": "voltage", "kind": "voltage-at-capacity", "capacity": "0.001 mAh/cm^2",
                "measured": "14 mV", "error": "0.3 mV", "source": "test",
            }
        ],
    }  # fmt: skip
    for section, value in changes.items():
        data[section] = data[section] | value if isinstance(value, dict) else value
    (folder / "cell.toml").write_text(tomli_w.dumps(case_data(**MATERIAL)), encoding="utf-8")
    (folder / "file.toml").write_text(tomli_w.dumps(data), encoding="utf-8")
    return folder / "file.toml"


def test_a_file_is_read_into_the_units_of_its_kinds(tmp_path: Path) -> None:
    plan = load_plan(written(tmp_path))
    (observable,) = plan.observables
    assert (observable.measured, observable.error) == (pytest.approx(0.014), pytest.approx(3e-4))
    assert observable.argument == pytest.approx(0.001)
    (cell,) = plan.cells
    assert cell.planned == pytest.approx(0.001)
    assert cell.paths == ("material.electrolyte.area_resistance",)


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    observables = [
        {"name": "a", "kind": "mean-contact", "measured": 0.5, "error": 0.0, "source": "s", "share": 0.5},
        {"name": "a", "kind": "voltage-at-capacity", "measured": "3 MPa", "error": "1 mV", "source": "s"},
        {"name": "c", "kind": "capacity-at-first-event", "event": "spilt", "measured": "1 mAh/cm^2",
         "error": "1 mAh/cm^2", "source": "s"},
        {"name": "d", "kind": "capacity-at-contact-loss", "share": 0.5, "measured": "0.9e-3 mAh/cm^2",
         "error": "0.1e-3 mAh/cm^2", "source": "s"},
        {"name": "e", "kind": "pressure-at-capacity", "capacity": "5 mAh/cm^2", "measured": "1 MPa",
         "error": "1 MPa", "model_error": "-1 MPa", "source": "s"},
    ]  # fmt: skip
    priors = {
        "operation.pressure": {"distribution": "uniform", "from": "1 MPa", "to": "2 MPa", "source": "s"},
        "material.metal.nonsense": {"distribution": "uniform", "from": 1, "to": 2, "source": "s"},
    }
    changes = {"void_seeds": [1, 1]}
    with pytest.raises(CaseError) as caught:
        load_plan(written(tmp_path, calibration=changes, prior=priors, observable=observables))
    said = "\n".join(caught.value.problems)
    for part in (
        "[operation] is the experiment's",
        "prior.material.metal.nonsense",
        "no case has random [voids]",
        "void_seeds: one is there twice",
        "'share' does not belong to it",
        "observable[0].error: must lie above 0",
        "needs 'capacity'",
        "observable[1].measured",
        "'spilt': expected one of split",
        "observable[3]: runs end at 0.001 mAh/cm2",
        "observable[4].model_error: must not lie below 0",
        "the name 'a' is there twice",
    ):
        assert part in said, part


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"calibration": {"sample": 3}}, "did you mean 'samples'"),
        ({"observable": []}, "observable"),
        ({"prior": {"a.b": {"distribution": "normal", "source": "s"}}}, "distribution"),
        (
            {"observable": [{"name": "x", "kind": "voltage", "measured": 1, "error": 1, "source": "s"}]},
            "kind",
        ),
    ],
)
def test_shapes_of_files(changes: Any, part: str, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=part):
        load_plan(written(tmp_path, **changes))


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, Path, None], None]:
    """Runs of a study without solving: the voltage is 10 mV and 1 mV per ohm cm2; the third one fails."""

    def run(file: Path, folder: Path, _names: None) -> None:
        import tomllib

        study = tomllib.loads(file.read_text(encoding="utf-8"))["study"]
        (resistances,) = study["vary"].values()
        for k, text in enumerate(resistances, start=1):
            name = f"run-{k:04d}"
            (folder / "done").mkdir(parents=True, exist_ok=True)
            status = "failed" if k == 3 else "finished"
            mark = {"status": status, "voltage": 0.01 + 1e-3 * float(text.split()[0])}
            (folder / "done" / f"{name}.json").write_text(json.dumps(mark), encoding="utf-8")

    def read(folder: Path) -> Any:
        mark = json.loads((folder.parents[1] / "done" / f"{folder.name}.json").read_text(encoding="utf-8"))
        series = {"capacity_mAh_cm2": np.array([0.0, 0.001]), "voltage_V": np.full(2, mark["voltage"])}
        return SimpleNamespace(series=series)

    monkeypatch.setattr("solver.calibration.runs.read_run", read)
    return run


def test_runs_become_observables_and_failures_are_left_out(
    tmp_path: Path, engine: Callable[[Path, Path, None], None]
) -> None:
    plan = load_plan(written(tmp_path))
    model = StudyModel(plan, tmp_path / "out", engine)
    found = calibrate(plan.priors, plan.observables, model, samples=8, waves=1, implausible=3.0, seed=0)
    assert model.failed == 1
    assert found.runs.shape == (8, 1, 1)
    assert np.sum(np.isnan(found.runs)) == 1
    said = record.write(tmp_path / "out", found, "test", model.failed)
    assert said[0].startswith("material.electrolyte.area_resistance: ")
    with (tmp_path / "out" / "posterior.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["material.electrolyte.area_resistance (ohm cm2)"]
    values = np.array(rows[1:], dtype=float)
    # 14 mV is 4 ohm cm2, and 0.3 mV is 0.3
    assert np.mean(values) == pytest.approx(4.0, abs=0.05)
    assert np.std(values) == pytest.approx(0.3, rel=0.1)
    opened = livoid.Calibration(tmp_path / "out")
    assert opened.answers == said
    assert opened.posterior.attrs["units"] == {"material.electrolyte.area_resistance": "ohm cm2"}
    assert opened.posterior["material.electrolyte.area_resistance"].to_numpy() == pytest.approx(values[:, 0])
    assert opened.plot("emulators").axes
    with pytest.raises(ValueError, match="design, emulators"):
        opened.plot("nonsense")
    drawn = page.draw(tmp_path / "out")
    assert all(file.stat().st_size > 1000 for file in drawn)
    text = page.write_page(tmp_path / "out").read_text(encoding="utf-8")
    assert "8 runs (8 points in waves), 1 failed" in text
    assert text.count("data:image/png") == 4


def test_runs_without_a_result_are_waited_for(tmp_path: Path) -> None:
    model = StudyModel(load_plan(written(tmp_path)), tmp_path / "out", lambda _file, _folder, _names: None)
    with pytest.raises(BrokenOffError, match="run-0001 has no result"):
        model(1, [{"material.electrolyte.area_resistance": "1 ohm cm2"}] * 8)


@pytest.mark.slow
def test_the_command_from_file_to_page(tmp_path: Path, livoid: Callable[..., Any]) -> None:
    """Six small runs find the resistance with which the voltage was made; a second time without any."""
    case = case_data(
        operation={"capacity": "2e-5 mAh/cm^2"},
        numerics={"tip_size": "0.2 um", "roof_fraction": 0.4, "growth": 0.8},
        **MATERIAL,
    )
    true = MATERIAL["material"]["electrolyte"] | {"area_resistance": "4 ohm cm^2"}
    truth = case | {"material": MATERIAL["material"] | {"electrolyte": true}}
    (tmp_path / "truth.toml").write_text(tomli_w.dumps(truth), encoding="utf-8")
    assert livoid("run", "truth.toml", "--out", "truth").returncode == 0
    with (tmp_path / "truth" / "series.csv").open(encoding="utf-8", newline="") as table:
        voltage = float(list(csv.DictReader(table))[-1]["voltage_V"])
    observable = {
        "name": "voltage", "kind": "voltage-at-capacity", "capacity": "2e-5 mAh/cm^2",
        "measured": f"{voltage} V", "error": "0.1 mV", "source": "a run with 4 ohm cm2",
    }  # fmt: skip
    file = written(tmp_path, calibration={"samples": 6}, observable=[observable])
    (tmp_path / "cell.toml").write_text(tomli_w.dumps(case), encoding="utf-8")
    planned = livoid("calibrate", str(file), "--out", "out", "--dry-run")
    assert "at most 6 runs" in planned.stdout
    assert not (tmp_path / "out").exists()
    first = livoid("calibrate", str(file), "--out", "out", "--cores", "2")
    assert first.returncode == 0, first.stderr
    found = json.loads((tmp_path / "out" / "calibration.json").read_text(encoding="utf-8"))
    low, middle, high = found["parameters"]["material.electrolyte.area_resistance"]["posterior"]
    assert low < 4.0 < high
    assert middle == pytest.approx(4.0, rel=0.1)
    assert (tmp_path / "out" / "calibration.html").is_file()
    again = livoid("calibrate", str(file), "--out", "out", "--quiet")
    assert again.stdout == first.stdout.splitlines()[-1] + "\n"
    assert livoid("calibrate", "nowhere.toml").returncode == 2
