"""Measurements are read in their units and laid over runs; everything that is wrong is said at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tomli_w

from postprocess.experiment.command import compare
from postprocess.experiment.files import read_columns
from postprocess.experiment.measurement import Measurement, read_measurement
from solver.case.errors import CaseError
from solver.case.header_units import unit_in
from solver.case.schema.data import ABSCISSAE, MEASURED, Data
from solver.cli.main import main
from solver.output.rows import ProfileRow
from solver.output.tables import Table
from tests.conftest import table
from tests.postprocess.runs import Block, Cell, Output, write_run

OUTPUTS = [Output(0.1 * k, [Block(5.0, 5.0 + 2.0 * (k + 1), 1.0 + k)], 0.1 * (k + 1)) for k in range(4)]
HOURS = 2.0
"""Of the run per mAh/cm2 (tests/postprocess/runs.py)."""


def run_folder(folder: Path, case: dict[str, Any] | None = None, slope: float = 0.1) -> Path:
    """A run whose voltage rises from 10 mV by ``slope`` V per mAh/cm2, and whose stack presses with 2 MPa."""
    write_run(folder, Cell(), OUTPUTS)
    series = pd.read_csv(folder / "series.csv")
    series["voltage_V"] = 0.01 + slope * series["capacity_mAh_cm2"]
    series["stack_pressure_MPa"] = 2.0
    series["largest_width_um"] = [output.voids[0].right - output.voids[0].left for output in OUTPUTS]
    series.to_csv(folder / "series.csv", index=False)
    if case is not None:
        (folder / "case.toml").write_text(tomli_w.dumps(case), encoding="utf-8")
    return folder


def measured(path: Path, text: str, **keys: Any) -> Measurement:
    path.write_text(text, encoding="utf-8")
    return read_measurement(Data(file=str(path), **keys), path)


def problems(*arguments: Any) -> list[str]:
    with pytest.raises(CaseError) as caught:
        compare(*arguments)
    return caught.value.problems


@pytest.mark.parametrize(
    ("head", "wanted", "unit"),
    [
        ("Ewe/V", "V", "V"),
        ("<Ewe>/mV", "V", "mV"),
        ("voltage (mV)", "V", "mV"),
        ("voltage [V]", "V", "V"),
        ("control/V/mA", "V", None),
        ("j/mA/cm2", "mA/cm2", "mA/cm2"),
        ("j (mA/(cm2))", "mA/cm2", "mA/(cm2)"),
        ("capacity_mAh_cm2", "mAh/cm2", "mAh/cm^2"),
        ("(Q-Qo)/mA.h", "mAh", "mA.h"),
        ("width_um", "um", "um"),
        ("time (h)", "s", "h"),
        ("voltage", "V", None),
        ("contact/%", "", "%"),
    ],
)
def test_units_of_heads(head: str, wanted: str, unit: str | None) -> None:
    assert unit_in(head, (wanted,)) == unit


def test_units_areas_offsets_and_signs(tmp_path: Path) -> None:
    text = "time (h);Ewe/mV;I/mA;(Q-Qo)/mA.h;P (bar)\n0;610;-2;0;20\n0.5;600;-2;-1;20\n1;590;-2;-2;30\n"
    found = measured(
        tmp_path / "exp.csv",
        text,
        columns={"voltage": "Ewe/mV", "pressure": "P (bar)", "capacity": "(Q-Qo)/mA.h"},
        area="2 cm2",
        offset={"voltage": "0.62 V"},
        opposite=["voltage", "current", "capacity"],
    )
    assert found.against == "capacity"
    np.testing.assert_allclose(found.x, [0.0, 0.5, 1.0])
    np.testing.assert_allclose(found.values["voltage"], [0.01, 0.02, 0.03])
    np.testing.assert_allclose(found.values["current"], 1.0)
    np.testing.assert_allclose(found.values["pressure"], [2.0, 2.0, 3.0])


def test_residuals_are_those_of_a_known_difference(tmp_path: Path) -> None:
    """The measurement is the run's line less 3 mV, with an alternating 4 mV: bias 3, RMS 5."""
    run = run_folder(tmp_path / "run")
    capacity = np.array([-0.1, 0.05, 0.10, 0.15, 0.20, 0.4])
    noise = np.array([1.0, 4e-3, -4e-3, 4e-3, -4e-3, 1.0])  # the run knows nothing of the first and the last
    frame = pd.DataFrame(
        {"capacity (mAh/cm2)": capacity, "voltage (mV)": 1e3 * (0.01 + 0.1 * capacity - 3e-3 + noise)}
    )
    for name, write in (("exp.csv", frame.to_csv), ("exp.parquet", frame.to_parquet)):
        write(tmp_path / name, index=False)
        made = compare([run], [tmp_path / name], {}, tmp_path / f"out-{name}")
        assert all(file.stat().st_size > 0 for file in made)
        (row,) = table(tmp_path / f"out-{name}" / "residuals.csv")
        assert (row["quantity"], row["run"], row["reference"]) == ("voltage", "run", name)
        assert (row["points"], row["start"], row["end"]) == ("4", "0.05", "0.2")
        assert float(row["bias"]) == pytest.approx(3e-3, rel=1e-9)
        assert float(row["rms"]) == pytest.approx(5e-3, rel=1e-9)
        assert float(row["largest"]) == pytest.approx(7e-3, rel=1e-9)


def test_everything_that_runs_record_can_be_measured(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run")
    heads = "time_s,voltage_V,stack_pressure_MPa,contact_loss (%),voids,mean_width_um,largest_width_um"
    text = [f"{heads},mean_height_um"]
    text += [
        f"{720 * k},{0.01 + 0.01 * k},2,{10 * (k + 1)},1,{2 * (k + 1)},{2 * (k + 1)},{1 + k}"
        for k in range(4)
    ]
    (tmp_path / "exp.csv").write_text("\n".join(text) + "\n", encoding="utf-8")
    compare([run], [tmp_path / "exp.csv"], {}, tmp_path / "out")
    rows = table(tmp_path / "out" / "residuals.csv")
    assert [row["quantity"] for row in rows] == ["voltage", "pressure", "contact_loss", "voids", "mean_width",
                                                "largest_width", "mean_height"]  # fmt: skip
    for row in rows:
        assert (row["against"], row["against_unit"], row["points"]) == ("time", "s", "4")
        assert float(row["largest"]) == pytest.approx(0.0, abs=1e-9), row["quantity"]


def test_each_quantity_over_each_abscissa_and_on_the_page(tmp_path: Path) -> None:
    """All that can be measured, a constant off: 1 in each unit of the comparison, or 0.1 of a share."""
    run = run_folder(tmp_path / "run")
    series = pd.read_csv(run / "series.csv")
    series["active_fraction"], series["current_mA_cm2"] = 0.5, 0.5
    series["largest_height_um"] = [output.voids[0].height for output in OUTPUTS]
    series.to_csv(run / "series.csv", index=False)
    exact = {
        "current": 0.5, "voltage": series["voltage_V"], "pressure": 2.0,
        "contact": series["contact_fraction"],
        "contact_loss": 1.0 - series["contact_fraction"], "active": 0.5, "voids": 1.0,
        "mean_width": series["largest_width_um"], "largest_width": series["largest_width_um"],
        "mean_height": series["largest_height_um"], "largest_height": series["largest_height_um"],
    }  # fmt: skip
    assert set(exact) == set(MEASURED) - {*ABSCISSAE, "solute"}
    for over, column in (("time", "time_s"), ("capacity", "capacity_mAh_cm2")):
        table_of = {column: series[column]}
        for name, values in exact.items():
            unit = MEASURED[name][0]
            off = 1.0 if unit or name == "voids" else 0.1
            head = f"{name} ({unit})" if unit else name
            table_of[head] = values - off
        pd.DataFrame(table_of).to_csv(tmp_path / "exp.csv", index=False)
        out = tmp_path / over
        compare([run], [tmp_path / "exp.csv"], {}, out)
        rows = {row["quantity"]: row for row in table(out / "residuals.csv")}
        assert set(rows) == set(exact)
        page = (out / "overlay.html").read_text(encoding="utf-8")
        for name, row in rows.items():
            off = 0.1 if row["unit"] == "" and name != "voids" else 1.0
            assert (row["against"], row["points"]) == (over, "4")
            assert float(row["bias"]) == pytest.approx(off, rel=1e-6), name
            assert f"<td>{name}</td>" in page
        assert "data:image/png;base64," in page and "<script" not in page


def test_a_name_with_tags_is_text_on_the_page(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run")
    (tmp_path / "x.csv").write_text("capacity_mAh_cm2,voltage_V\n0,1\n0.2,2\n", encoding="utf-8")
    compare([run], [tmp_path / "x.csv"], {"label": "<b>cell</b>"}, tmp_path / "out")
    page = (tmp_path / "out" / "overlay.html").read_text(encoding="utf-8")
    assert "<b>cell" not in page and "&lt;b&gt;cell" in page


def test_a_profile_of_eds_at_its_capacity(tmp_path: Path) -> None:
    """A step of Mg as a probe of 0 um sees it is itself; the output nearest to the capacity is shown."""
    run = run_folder(tmp_path / "run")
    series = pd.read_csv(run / "series.csv")
    series["solute_largest"] = 0.03
    series.to_csv(run / "series.csv", index=False)
    profile = Table[Any](run / "profile.csv", ProfileRow)
    for output, capacity in enumerate((0.0, 0.1)):
        for side in ("left", "right"):
            profile.append(
                [
                    ProfileRow(output=output, time_s=0.0, capacity_mAh_cm2=capacity, side=side, y_um=y,
                               supersaturation=1.0, solute_fraction=x * (1.0 + output))
                    for y, x in ((0.0, 0.02), (10.0, 0.01), (40.0, 0.01))
                ]
            )  # fmt: skip
    (tmp_path / "eds.csv").write_text("height_um,solute/%\n0.0,4\n5,3\n10,2\n30,2\n", encoding="utf-8")
    given = {"profile_at": "0.08 mAh/cm2", "response": "0 um"}
    compare([run], [tmp_path / "eds.csv"], given, tmp_path / "out")
    (row,) = table(tmp_path / "out" / "residuals.csv")
    assert row["run"] == "run at 0.1 mAh/cm2" and row["points"] == "4"
    assert float(row["largest"]) < 2e-5  # of the grid of the probe (0.02 um)
    (said,) = problems([run], [tmp_path / "eds.csv"], {}, tmp_path / "none")
    assert "profile_at: missing" in said
    assert not (tmp_path / "none").exists()


def test_runs_beside_the_first_one(tmp_path: Path) -> None:
    folders = [
        run_folder(tmp_path / name / "run", slope=slope)
        for name, slope in (("a", 0.1), ("b", 0.2), ("c", 0.0))
    ]
    compare(folders, [], {}, tmp_path / "out")
    rows = [row for row in table(tmp_path / "out" / "residuals.csv") if row["quantity"] == "voltage"]
    assert [(row["reference"], row["run"]) for row in rows] == [("a/run", "b/run"), ("a/run", "c/run")]
    assert [float(row["bias"]) for row in rows] == pytest.approx([0.015, -0.015])


def test_measurements_of_a_case_are_found(tmp_path: Path) -> None:
    (tmp_path / "exp.csv").write_text("capacity_mAh_cm2,U\n0,10\n0.2,30\n", encoding="utf-8")
    entry = {
        "file": str(tmp_path / "exp.csv"),
        "columns": {"voltage": "U"},
        "units": {"voltage": "mV"},
        "label": "cell 7",
    }
    run = run_folder(tmp_path / "run", {"data": [entry]})
    compare([run], [], {}, tmp_path / "out")
    (row,) = table(tmp_path / "out" / "residuals.csv")
    assert row["reference"] == "cell 7" and float(row["largest"]) == pytest.approx(0.0, abs=1e-12)


def test_all_problems_at_once(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run")
    bad = {
        "none.csv": "capacity_mAh_cm2,U\n0,1\n1,1\n",
        "unit.csv": "capacity_mAh_cm2,voltage\n0,1\n1,1\n",
        "area.csv": "Q/mAh,voltage_V\n0,1\n1,1\n",
        "back.csv": "time_s,voltage_V\n0,1\n2,1\n1,1\n3,1\n",
        "far.csv": "capacity_mAh_cm2,voltage_V\n5,1\n6,1\n",
        "share.csv": "capacity_mAh_cm2,contact\n0,90\n0.1,80\n",
        "empty.csv": "capacity_mAh_cm2,voltage_V\n",
        "over.csv": "voltage_V\n1\n",
        "exp.xls": "x",
    }
    for name, text in bad.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "d.toml").write_text('file = "area.csv"\ncolumns.capacity = "Q/mAh"\n', encoding="utf-8")
    (tmp_path / "e.toml").write_text(
        'file = "none.csv"\ncolumns.voltge = "U"\noffset.voltage = "1"\n', encoding="utf-8"
    )
    (tmp_path / "f.toml").write_text('file = "none.csv"\ncolumns.voltage = "UU"\n', encoding="utf-8")
    files = [
        tmp_path / name
        for name in (*bad, "d.toml", "e.toml", "f.toml", "gone.csv")
        if name not in ("area.csv", "far.csv")
    ]
    said = "\n".join(problems([run, tmp_path / "nowhere"], files, {}, tmp_path / "out"))
    for words in (
        "nowhere is not a run folder", "none.csv: columns: no quantity is recognised",
        "'voltage': has no unit",
        "'mAh' is of the whole cell; give its area", "time: not in order, it falls after row 2",
        "a share of 90; give units.contact", "empty.csv: has no rows", "neither 'capacity' nor 'time'",
        "exp.xls: no kind of file", "did you mean 'voltage'?", "offset.voltage = '1': needs a unit",
        "columns.voltage = 'UU': the file has no such column; did you mean 'U'?", "gone.csv: no such file",
    ):  # fmt: skip
        assert words in said, words
    assert len(said.splitlines()) == 12
    (far,) = problems([run], [tmp_path / "far.csv"], {}, tmp_path / "out")
    assert "no overlap with run over capacity (5 to 6 and 0 to 0.3 mAh/cm2)" in far
    assert "nothing to compare the run with" in problems([run], [], {}, tmp_path / "out")[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["paper"], "RUN requires an argument"),
        (["paper", "run", "--data", "x.csv"], "go with runs, not with 'paper'"),
        (["run", "--column", "voltage=U"], "describe --data FILE"),
        (["run", "--data", "x.csv", "--column", "voltage"], "--column voltage: expected NAME=VALUE"),
        (
            ["run", "--data", "x.csv", "--column", "voltage=U", "--column", "voltage=V"],
            "voltage= is given twice",
        ),
        (["run", "--data", "x.csv", "--area", "2 m"], "does not fit"),
        (["papr"], 'Did you mean "paper"?'),
    ],
)
def test_the_command_line(
    words: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    run_folder(tmp_path / "run")
    (tmp_path / "x.csv").write_text("capacity_mAh_cm2,voltage_V\n0,1\n", encoding="utf-8")
    assert main(["compare", *words]) == 2
    assert message in capsys.readouterr().err


def test_the_command_makes_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_folder(tmp_path / "run")
    (tmp_path / "x.csv").write_text("Q (mAh),U\n0,10\n0.2,20\n", encoding="utf-8")
    words = [
        "--column",
        "voltage=U",
        "--column",
        "capacity=Q (mAh)",
        "--unit",
        "voltage=mV",
        "--area",
        "2 cm2",
    ]
    assert main(["compare", "run", "--data", "x.csv", *words]) == 0
    (row,) = table(tmp_path / "compare" / "residuals.csv")
    assert float(row["largest"]) == pytest.approx(0.0, abs=1e-12)
    assert main(["compare", "run", "--data", "x.csv", *words]) == 0  # its own files are replaced


def test_text_in_a_table_is_no_number_and_nothing_runs(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('time_s,note,voltage_V\n0,=cmd(),1\n1,"x, y",\n', encoding="utf-8")
    found = read_columns(tmp_path / "x.csv")
    assert list(found) == ["time_s", "voltage_V"]
    assert np.isnan(found["voltage_V"][1])


MPT = """EC-Lab ASCII FILE
Nb header lines : 5

made for a test of livoid, in EC-Lab's form
mode\tox/red\terror\tNs\ttime/s\tEwe/V\tI/mA\t(Q-Qo)/mA.h\tTemperature/°C
1\t1\t0\t0\t0.000000E+000\t1.0E-002\t1.0\t0.0\t25
1\t1\t0\t0\t7.200000E+002\t2.0E-002\t1.0\t0.2\t25
"""


@pytest.mark.parametrize("comma", [False, True])
def test_a_file_of_ec_lab_needs_no_map(comma: bool, tmp_path: Path) -> None:
    """Its heads are known, its degree is one byte, and its decimal sign is Windows'."""
    head, rows = MPT.split("°C")
    text = f"{head}°C{rows.replace('.', ',') if comma else rows}"
    (tmp_path / "cell.mpt").write_bytes(text.replace("\n", "\r\n").encode("latin-1"))
    data = Data(file="cell.mpt", area="2 cm2")
    found = read_measurement(data, tmp_path / "cell.mpt")
    assert found.against == "time"
    np.testing.assert_allclose(found.x, [0.0, 720.0])
    np.testing.assert_allclose(found.values["voltage"], [0.01, 0.02])
    np.testing.assert_allclose(found.values["current"], 0.5)
    chosen = Data(file="cell.mpt", area="2 cm2", columns={"capacity": "(Q-Qo)/mA.h"})
    np.testing.assert_allclose(read_measurement(chosen, tmp_path / "cell.mpt").x, [0.0, 0.1])


@pytest.mark.parametrize("name", ["bad.mpt", "bad.mpr", "bad.parquet", "bad.csv"])
def test_a_damaged_file_is_said_in_a_line(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x93\x00damaged\xff\n\xfe\x00,")
    with pytest.raises(ValueError, match=r"cannot be read|has no rows") as caught:
        read_columns(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "package"), [("x.parquet", "pyarrow"), ("x.mpr", "galvani")])
def test_a_missing_package_is_said_and_is_no_bad_input(
    name: str,
    package: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    run_folder(tmp_path / "run")
    (tmp_path / name).write_bytes(b"x")

    def missing(*_: object, **__: object) -> None:
        raise ImportError(package)

    monkeypatch.setattr(pd, "read_parquet", missing)
    monkeypatch.setitem(sys.modules, "galvani.BioLogic", None)
    assert main(["compare", "run", "--data", name]) == 3
    assert f"pip install {package}" in capsys.readouterr().err
