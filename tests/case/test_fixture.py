"""[fixture]: what is refused and why, the motion of another run, and what becomes of it all."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w

from solver.case.loading import CaseError, load_case, parse_case
from solver.case.platen_series import COLUMNS, HEIGHT, PRECISION, thinned
from solver.case.schema.fixture import COUNTER_EXPANSION
from solver.equations.terms import fixture as term
from solver.output.rows import SeriesRow
from solver.setup.scales import case_scales
from tests.conftest import case_data, small_case

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]
MOVES = {"top": "velocity"}
STRIP = {"do": "strip", "current": "0.5 mA/cm2", "capacity": "0.001 mAh/cm2"}
SPRING = {"stiffness": "0.16 MPa/um", "counter": "indium"}
HEADER = "step,time_s,capacity_mAh_cm2,platen_um\n"


def problems(**changes: Any) -> str:
    with pytest.raises(CaseError) as caught:
        parse_case(case_data(**changes))
    return "\n".join(caught.value.problems)


def test_counter_electrodes_have_the_expansion_of_their_volumes() -> None:
    assert pytest.approx(0.606, abs=5e-4) == COUNTER_EXPANSION["indium"]
    assert COUNTER_EXPANSION["lithium"] == 1.0
    assert COUNTER_EXPANSION["rigid"] == 0.0
    for name, expansion in COUNTER_EXPANSION.items():
        case = small_case(fixture={"stiffness": "0.1 MPa/um", "counter": name}).case
        assert case.fixture is not None
        assert case.fixture.expansion == expansion
    given = small_case(fixture={"stiffness": "0.1 MPa/um", "counter_expansion": 0}).case.fixture
    assert given is not None
    assert given.expansion == 0.0


def test_numbers_become_those_of_the_equations() -> None:
    """k L/P0 and, for a given velocity, w/v0."""
    loaded = small_case(fixture=SPRING)
    scales = case_scales(loaded)
    found = term.from_case(loaded, scales)
    assert found.stiffness == pytest.approx(0.16 / 0.5, rel=1e-12)
    assert found.expansion == COUNTER_EXPANSION["indium"]
    assert found.motion is None
    moved = small_case(fixture={"velocity": "1e-4 um/s"}, model=MOVES)
    motion = term.from_case(moved, scales).motion
    assert motion is not None
    assert motion.velocity == pytest.approx(1e-10 / scales.velocity, rel=1e-12)
    assert term.from_case(small_case(), scales) == term.FixtureParameters()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fixture": {"stiffness": "-1 MPa/um", "counter": "rigid"}}, "stiffness = '-1 MPa/um': must"),
        ({"fixture": {"stiffness": "1e9 MPa/um", "counter": "rigid"}}, "must lie between"),
        ({"fixture": {"stiffness": "0.1 MPa", "counter": "rigid"}}, "fixture.stiffness"),
        ({"fixture": {"stiffness": "0.1 MPa/um", "counter": "indum"}}, "fixture.counter = 'indum'"),
        ({"fixture": {"stiffnes": "0.1 MPa/um"}}, "did you mean 'stiffness'?"),
        ({"fixture": {"stiffness": "0.1 MPa/um"}}, "needs 'counter' (\"indium\", "),
        ({"fixture": SPRING | {"counter_expansion": 1.0}}, "not both"),
        ({"fixture": {}}, "needs 'stiffness'"),
        ({"fixture": {"counter": "indium"}}, "needs 'stiffness'"),
        ({"fixture": SPRING | {"velocity": "1e-4 um/s"}}, "give only one of stiffness, velocity"),
        ({"fixture": SPRING | {"against": "time"}}, "'against' belongs to"),
        ({"fixture": SPRING, "model": MOVES}, "the force is not balanced"),
        ({"fixture": SPRING, "model": {"top": "traction"}}, "needs a rigid platen"),
        ({"model": MOVES}, "needs a [fixture]"),
        ({"fixture": {"velocity": "1e-4 um/s"}}, "fixture.velocity belongs to model.top"),
        ({"fixture": {"follow": "counter"}, "model": MOVES}, "needs 'counter'"),
        ({"fixture": {"velocity": "1e-4 um/s", "counter": "rigid"}, "model": MOVES}, "belong to 'stiffness'"),
        ({"fixture": {"motion": [[0, 8]]}, "model": MOVES}, "fixture.motion"),
        ({"fixture": {"motion": [[0, 8], [0, 7]]}, "model": MOVES}, "goes forward"),
        ({"fixture": {"motion": [[1, 8], [900, 7]]}, "model": MOVES}, "begins at 0"),
        ({"fixture": {"motion": [[0, 8], [float("inf"), 7]]}, "model": MOVES}, "fixture.motion"),
        ({"fixture": {"motion": [[0, 8], [7, 7.9]]}, "model": MOVES}, "ends at 7 s, the protocol at"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(changes: dict[str, Any], expected: str) -> None:
    assert expected in problems(**changes)


def test_a_dead_load_of_stiffness_zero_needs_no_counter_electrode() -> None:
    assert small_case(fixture={"stiffness": "0 MPa/um"}).case.fixture is not None
    assert small_case(fixture={"stiffness": "0 MPa/um", "counter": "indium"}, model={"top": "traction"})


def test_a_motion_must_last_as_long_as_the_protocol() -> None:
    """Stages end at the first of their limits, and cycles repeat them."""

    def operation(**more: Any) -> dict[str, Any]:
        steps = [STRIP, {"do": "rest", "duration": "10 s"}, STRIP | {"do": "plate", "duration": "3 s"}]
        return case_data(model=MOVES) | {
            "operation": {"pressure": "1 MPa", "step": steps, "cycles": 2} | more
        }

    for against, end in (("time", 2 * (7.2 + 10 + 3)), ("capacity", 2 * (1e-3 + 0.5 * 3 / 3600))):
        for share, fits in ((1.0 - 1e-6, False), (1.0, True)):
            data = operation() | {"fixture": {"motion": [[0, 8], [share * end, 7.9]], "against": against}}
            if fits:
                assert parse_case(data).case.fixture
            else:
                with pytest.raises(CaseError, match="the motion ends at"):
                    parse_case(data)
    held = {"do": "strip", "overpotential": "5 mV", "capacity": "0.001 mAh/cm2"}
    for step, against, other in (
        (held, "time", "capacity"),
        ({"do": "strip", "overpotential": "5 mV", "duration": "5 s"}, "capacity", "time"),
    ):
        data = operation(step=[step]) | {"fixture": {"motion": [[0, 8], [1e6, 7.9]], "against": against}}
        with pytest.raises(CaseError, match=f'not known beforehand; use against = "{other}"'):
            parse_case(data)
    steps = [STRIP | {"pressure": "2 MPa"}]
    with pytest.raises(CaseError, match="the pressure is a result"):
        parse_case(operation(step=steps) | {"fixture": {"velocity": "0 um/s"}})


def write_case(folder: Path, **fixture: Any) -> Path:
    path = folder / "case.toml"
    path.write_text(tomli_w.dumps(case_data(fixture=fixture, model=MOVES)), encoding="utf-8")
    return path


def test_the_series_of_a_run_becomes_part_of_the_case(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    rows = [(0.1 * k, 2e-5 * k, 8.0 - 1e-3 * k if k < 40 else 7.961 - 4e-3 * (k - 39)) for k in range(80)]
    text = HEADER + "".join(f"{k},{t!r},{c!r},{y!r}\n" for k, (t, c, y) in enumerate(rows))
    (tmp_path / "other" / "series.csv").write_text(text)
    path = write_case(tmp_path, series="other/series.csv")
    fixture = load_case(path).case.fixture
    assert fixture is not None and fixture.motion is not None
    assert fixture.series is None
    assert len(fixture.motion) < 6
    for time, _, height in rows:
        at, heights = zip(*fixture.motion, strict=True)
        assert np.interp(time, at, heights) == pytest.approx(height, abs=1.01 * PRECISION)
    by_charge = load_case(write_case(tmp_path, series="other/series.csv", against="capacity")).case.fixture
    assert by_charge is not None and by_charge.path[-1][0] == pytest.approx(36000 * 2e-5 * 79, rel=1e-12)
    # what a run folder keeps needs no other file
    resolved = load_case(path).resolved()
    (tmp_path / "other" / "series.csv").unlink()
    assert parse_case(resolved).resolved() == resolved


def test_thinning_keeps_a_curve_within_its_precision() -> None:
    x = np.linspace(0.0, 3.0, 400)
    points = np.column_stack([x, np.sin(x)])
    kept = np.array(thinned(points.tolist(), 1e-3))
    assert len(kept) < 60
    assert np.abs(np.interp(x, kept[:, 0], kept[:, 1]) - points[:, 1]).max() <= 1e-3 * (1.0 + 1e-9)


def test_columns_of_a_series_are_those_that_runs_write() -> None:
    assert {*COLUMNS.values(), HEIGHT} <= set(SeriesRow.columns())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "no column time_s, platen_um"),
        (b"a,b\n1,2\n", "no column"),
        (HEADER.encode(), "recorded no motion"),
        (HEADER.encode() + b"0,0,0,8\n1,0.1,0", "line 3 is damaged"),
        (HEADER.encode() + b"0,0,0,8\n1,0.1,0,nan\n", "line 3 is not finite"),
        (HEADER.encode() + b"0,0,0,8\n1,0.1,0,7.9\n", "the motion ends at 0.1 s"),
        (b"\xff\xfe\x00", "not a text file"),
        (b'time_s,platen_um\n"' + b"9" * 200_000 + b"\n", "not a table"),
    ],
)
def test_files_that_are_no_series(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "series.csv").write_bytes(content)
    with pytest.raises(CaseError, match=expected):
        load_case(write_case(tmp_path, series="series.csv"))


NO_FILES = ["none.csv", ".", "/dev/zero", "a\0b", "x" * 4000, "../" * 30 + "etc/shadow"]


@pytest.mark.parametrize("name", NO_FILES)
def test_names_that_are_no_plain_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(CaseError, match=r"fixture\.series = "):
        load_case(write_case(tmp_path, series=name))


@pytest.mark.parametrize("ranks", [1, 2])
def test_all_problems_come_in_one_message(tmp_path: Path, livoid: Livoid, ranks: int) -> None:
    data = case_data(geometry={"widht": "3 um"}, fixture={"stiffness": "-1 MPa/um", "series": "none.csv"})
    (tmp_path / "case.toml").write_text(tomli_w.dumps(data), encoding="utf-8")
    result = livoid("run", "case.toml", "--out", "out", ranks=ranks)
    assert result.returncode == 2
    assert "3 problems" in result.stderr
    for expected in (
        "geometry.widht",
        "fixture.stiffness = '-1 MPa/um'",
        "fixture.series = 'none.csv': no such",
    ):
        assert result.stderr.count(expected) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["case.toml"]


@pytest.mark.parametrize("command", ["neutral", "critical", "threshold"])
def test_predictions_that_need_a_pressure_refuse_a_given_motion(
    tmp_path: Path, livoid: Livoid, command: str
) -> None:
    result = livoid(command, str(write_case(tmp_path, velocity="1e-4 um/s")))
    assert result.returncode == 2
    assert "needs a given pressure" in result.stderr
