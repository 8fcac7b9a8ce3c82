"""A record of a cycler gives the steps that it was made by; everything that is wrong is said at once."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from postprocess.experiment.files import read_columns
from postprocess.experiment.protocol import protocol
from solver.case.errors import CaseError
from solver.case.loading import parse_case
from solver.cli.main import main
from tests.conftest import case_data
from tests.postprocess.mpr import write_mpr

OHM_CM2, RELAXES = 20.0, 400.0
"""Resistance of the made-up cell, and the time (s) in which the current of a hold falls by a factor of e."""
EVERY = 10.0
"""s between points."""


def record(*steps: tuple[str, float, float, float]) -> pd.DataFrame:
    """What a cycler writes of steps (kind, value, value at the end, seconds) at a cell.

    Currents are in mA/cm2, voltages in V: 20 mV per mA/cm2, and 1 uV/s of growth under current.
    """
    now, rows = 0.0, list[tuple[float, ...]]()
    current = grown = 0.0
    for number, (kind, value, to, seconds) in enumerate(steps, start=1):
        for t in np.arange(EVERY, seconds + 0.5 * EVERY, EVERY):
            if kind == "hold":
                now_current = current * np.exp(-t / RELAXES)
                rows.append((now + t, now_current, value, number))
                continue
            now_current = value + (to - value) * t / seconds
            grown += 1e-6 * EVERY * np.sign(now_current)
            rows.append((now + t, now_current, 1e-3 * OHM_CM2 * now_current + grown, number))
        current = rows[-1][1] if kind != "hold" else current
        now += seconds
    return pd.DataFrame([(0.0, *rows[0][1:]), *rows], columns=["time/s", "j/mA/cm2", "voltage/V", "step"])


def steps_of(path: Path, **given: Any) -> list[dict[str, Any]]:
    text = protocol(path, {"columns": {"current": "j/mA/cm2"}} | given, None)
    found: list[dict[str, Any]] = tomllib.loads(text)["operation"]["step"]
    return found


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_steps_of_a_record_are_those_it_was_made_by(numbered: bool, kind: str, tmp_path: Path) -> None:
    table = record(
        ("current", 0.5, 0.5, 3600.0),
        ("current", 0.0, 0.0, 600.0),
        ("current", -1.0, -1.0, 1800.0),
        ("current", 0.2, 0.8, 900.0),
        ("current", -0.5, -0.5, 1200.0),
    )
    path = tmp_path / f"cell.{kind}"
    table = table if numbered else table.drop(columns="step")
    table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
    found = steps_of(path)
    assert [step["do"] for step in found] == ["strip", "rest", "plate", "strip", "plate"]
    assert [float(step["duration"].split()[0]) for step in found] == pytest.approx(
        [3600, 600, 1800, 900, 1200], abs=0.0 if numbered else EVERY
    )
    assert [step.get("current") for step in found] == [
        "0.5 mA/cm^2", None, "1.0 mA/cm^2", found[3]["current"], "0.5 mA/cm^2",
    ]  # fmt: skip
    ramp = [float(found[3][key].split()[0]) for key in ("current", "current_to")]
    assert ramp == pytest.approx([0.2, 0.8], rel=1e-3)
    data = case_data()
    data["operation"] = {"pressure": "1 MPa", "step": found}
    assert len(parse_case(data).case.operation.step) == 5


def test_a_hold_and_the_limit_that_leads_to_it(tmp_path: Path) -> None:
    """0.01 V at 0.5 mA/cm2, and 1 uV/s: 13.6 mV after an hour, which is then held."""
    steps = [("current", 0.5, 0.5, 3600.0), ("hold", 0.0136, 0.0, 1200.0), ("current", 0.0, 0.0, 600.0)]
    for columns in (["time/s", "j/mA/cm2", "voltage/V", "step"], ["time/s", "j/mA/cm2", "voltage/V"]):
        record(*steps)[columns].to_csv(tmp_path / "x.csv", index=False)
        strip, hold, rest = steps_of(tmp_path / "x.csv")
        assert strip == {
            "do": "strip", "current": "0.5 mA/cm^2", "cutoff_voltage": "0.0136 V", "duration": "86400 s"
        }  # fmt: skip
        assert (hold["do"], hold["voltage"], rest["do"]) == ("strip", "0.0136 V", "rest")
        assert float(hold["duration"].split()[0]) == pytest.approx(1200.0, abs=EVERY)


def test_what_repeated_steps_end_at_is_their_limit(tmp_path: Path) -> None:
    """Three strips that end at 20 mV after different times; plating by the clock has its time alone."""
    rows, now = [], 0.0
    for length in (900.0, 700.0, 800.0, 300.0):
        for t in np.arange(0.0, length + 1.0, 10.0):
            rows.append((now + t, 0.5, 0.01 + 0.01 * t / (length if length > 300.0 else 900.0)))
        now += length
        for t in np.arange(10.0, 601.0, 10.0):
            rows.append((now + t, -0.5, -0.01 - 0.005 * t / 600.0))
        now += 601.0
    table = pd.DataFrame(rows, columns=["time/s", "j/mA/cm2", "voltage/V"])
    table.iloc[:-10].to_csv(tmp_path / "x.csv", index=False)
    found = steps_of(tmp_path / "x.csv")
    strips, plates = found[:6:2], found[1::2]
    # the fourth strip ended at 13 mV: the strips do not all end alike, so that none has a limit
    assert len(found) == 8 and all("cutoff_voltage" not in step for step in found)
    table[table["time/s"] < 900.0 + 700.0 + 800.0 + 3 * 601.0 - 5.0].to_csv(tmp_path / "x.csv", index=False)
    found = steps_of(tmp_path / "x.csv")
    strips, plates = found[::2], found[1::2]
    assert {step["cutoff_voltage"] for step in strips} == {"0.02 V"}
    assert all("cutoff_voltage" not in step for step in plates)


def test_what_is_no_step_is_followed(tmp_path: Path) -> None:
    time = np.arange(0.0, 600.0, 5.0)
    current = np.where(time < 300.0, 0.5, 0.5 + 0.3 * np.sin(time) * np.cos(0.37 * time))
    pd.DataFrame({"time/s": time, "j/mA/cm2": current}).to_csv(tmp_path / "x.csv", index=False)
    strip, follow = steps_of(tmp_path / "x.csv")
    assert (strip["do"], strip["current"], follow["do"]) == ("strip", "0.5 mA/cm^2", "follow")
    times, values = zip(*follow["points"], strict=True)
    start = float(strip["duration"].split()[0])
    here = time > start
    assert start in (295.0, 300.0) and times[-1] == time[-1] - start
    written = np.interp(time[here] - start, times, values)
    np.testing.assert_allclose(written, current[here], atol=0.02)


@pytest.mark.parametrize("rate", [0.0, 1e-4])
def test_a_hold_whose_current_dies_away_is_one_and_a_sweep_is_none(rate: float, tmp_path: Path) -> None:
    """A current below 0.1 % of the largest is none; a voltage that moves by 0.1 mV/s is not held."""
    time = np.arange(0.0, 3000.0, 5.0)
    current = np.exp(-time / 200.0) + 1e-4 * np.random.default_rng(2).standard_normal(len(time))
    table = {"time/s": time, "j/mA/cm2": current, "voltage/V": 0.02 + rate * time}
    pd.DataFrame(table).to_csv(tmp_path / "x.csv", index=False)
    found = steps_of(tmp_path / "x.csv")
    kinds = [step["do"] for step in found]
    if rate == 0.0:
        assert found[0]["voltage"] == "0.02 V" and kinds == ["strip", "rest"]
        assert float(found[0]["duration"].split()[0]) == pytest.approx(200.0 * np.log(1e3), rel=0.05)
    else:
        assert all("voltage" not in step for step in found), kinds


GCPL = {
    "time/s": [0.0, 10.0, 20.0, 20.5, 30.0, 40.0, 50.0],
    "dq/mA.h": [0.0, 0.0, 0.0, 2.0 * 0.5 / 3600.0, 2.0 * 9.5 / 3600.0, 2.0 * 10.0 / 3600.0, 1.0 / 3600.0],
    "Ewe/V": [0.0, 0.0, 0.0, 0.02, 0.021, 0.022, 0.022],
    "Ns": [0, 0, 0, 1, 1, 1, 2],
}
GCPL_MODE = [3, 3, 3, 1, 1, 1, 2]


def test_an_mpr_is_read_as_what_was_written_with_the_current_of_its_charges(tmp_path: Path) -> None:
    """A file of GCPL has charges between points and no current; what is controlled are bits of a byte."""
    found = read_columns(write_mpr(tmp_path / "cell.mpr", GCPL_MODE, GCPL))
    assert "flags" not in found
    for name, values in GCPL.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6)
    np.testing.assert_array_equal(found["mode"], GCPL_MODE)
    np.testing.assert_allclose(found["<I>/mA"], [0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 0.1], rtol=1e-9)
    measured = write_mpr(tmp_path / "cp.mpr", GCPL_MODE, GCPL | {"I/mA": [0, 0, 0, 3, 3, 3, 3]})
    assert "<I>/mA" not in read_columns(measured)


def test_the_steps_of_an_mpr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_mpr(tmp_path / "cell.mpr", GCPL_MODE, GCPL)
    assert main(["protocol", str(path), "--area", "4 cm2"]) == 0
    rest, strip, hold = tomllib.loads(capsys.readouterr().out)["operation"]["step"]
    assert rest == {"do": "rest", "duration": "20 s"}
    assert (strip["current"], strip["cutoff_voltage"]) == ("0.5 mA/cm^2", "0.022 V")
    assert hold == {"do": "strip", "voltage": "0.022 V", "duration": "10 s"}


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("time,U\n0,1\n1,1\n", ["--step", "Ns"],
         ["'time': has no unit", "--step 'Ns'", "current: no column"]),
        ("time/s,I/mA\n0,1\n1,1\n", [], ["give its area"]),
        ("time/s,I/mA\n0,1\n2,1\n1,1\n", ["--area", "1 cm2"], ["time: not in order"]),
        ("time/s,I/mA\n0,0\n1,0\n", ["--area", "1 cm2"], ["nothing was done"]),
        ("time/s,I/mA\n0,1\n1,1\n", ["--area", "1 m"], ["area = '1 m'"]),
        ("time/s,I/mA\n0,1\n1,1\n", ["--area", "1 cm2", "--opposite", "curent", "--offset", "voltage=1"],
         ["did you mean 'current'", "offset.voltage = '1': needs a unit"]),
        ("time/s,I/mA\n0,1e9\n1,1e9\n", ["--area", "1 cm2"], ["step[0].current = "]),
        (
            "time/s,I/mA,voltage/V\n" + "".join(f"{t},{2.0 ** (-t / 9)},-0.6\n" for t in range(30)),
            ["--area", "1 cm2"],
            ["is held at -0.6 V (stripping positive) and strips"],
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_once(
    text: str, words: list[str], said: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    assert main(["protocol", str(tmp_path / "x.csv"), *words]) == 2
    shown = capsys.readouterr()
    assert not shown.out
    for each in said:
        assert each in shown.err, shown.err


def test_a_name_of_a_file_stays_a_remark(tmp_path: Path) -> None:
    path = tmp_path / 'x\n[operation]\npressure = "9 MPa".csv'
    record(("current", 0.5, 0.5, 100.0)).to_csv(path, index=False)
    text = protocol(path, {"columns": {"current": "j/mA/cm2"}}, None)
    assert set(tomllib.loads(text)["operation"]) == {"step"}


def test_a_description_says_signs_and_offsets(tmp_path: Path) -> None:
    """A full cell, charging positive, whose held voltage has 0.62 V of the counter electrode in it."""
    table = record(("current", 0.5, 0.5, 3600.0), ("hold", 0.0136, 0.0, 1200.0))
    table["j/mA/cm2"] *= -1.0
    table["voltage/V"] = 0.62 - table["voltage/V"]
    table.to_csv(tmp_path / "x.csv", index=False)
    (tmp_path / "x.toml").write_text(
        'file = "x.csv"\ncolumns.current = "j/mA/cm2"\nopposite = ["current", "voltage"]\n'
        'offset.voltage = "0.62 V"\n',
        encoding="utf-8",
    )
    strip, hold = tomllib.loads(protocol(tmp_path / "x.toml", {}, None))["operation"]["step"]
    assert (strip["do"], strip["cutoff_voltage"], hold["voltage"]) == ("strip", "0.0136 V", "0.0136 V")
    with pytest.raises(CaseError, match="give --offset voltage"):
        protocol(tmp_path / "x.csv", {"columns": {"current": "j/mA/cm2"}, "opposite": ["current"],
                                      "offset": {"voltage": "0.7 V"}}, None)  # fmt: skip
