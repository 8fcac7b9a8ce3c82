"""Tables of a study: numbers with units in the headers, names that programs take, Parquet."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr

from postprocess import study_table
from postprocess.quantities import QUANTITIES
from postprocess.report import report
from postprocess.study_columns import header, numbers, short_names
from postprocess.study_parquet import MISSING
from solver.study import folder as study_folder
from tests.conftest import table
from tests.study.test_study import write

VARY = {"operation.pressure": ["0.5 MPa", "800 kPa"], "numerics.max_steps": [1, 1000]}


@pytest.fixture
def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a study folder whose runs have all ended, the third one without results."""

    def make(vary: dict[str, Any], **others: Any) -> Path:
        out = tmp_path / "out"
        _, points = study_folder.prepare(write(tmp_path, vary, **others), out)
        for point in points:
            mark = {"status": "finished", "message": "=done", "ranks": 1}
            (out / "done" / f"{point.name}.json").write_text(json.dumps(mark), encoding="utf-8")

        def of(folder: Path) -> dict[str, float]:
            if folder.name == "run-0003":
                raise study_table.RecordsError("no records")
            return dict.fromkeys(QUANTITIES, float(folder.name[-1]))

        monkeypatch.setattr(study_table, "read_run", lambda folder: folder)
        monkeypatch.setattr(study_table, "quantities", of)
        return out

    return make


@pytest.mark.parametrize(
    ("texts", "values", "unit"),
    [
        (["0.5 MPa", "800 kPa"], (0.5, 0.8), "MPa"),
        (["25 degC", "300 K"], (25.0, 26.85), "degC"),
        (["0.1 MPa", "inf"], (0.1, math.inf), "MPa"),
        (["0.3", "1e-3"], (0.3, 1e-3), ""),
        (["1", "-20"], (1, -20), ""),
        (["True", "False"], (True, False), ""),
        (["lithium", "1 MPa"], ("lithium", "1 MPa"), ""),
        (["1 MPa", "1 K"], ("1 MPa", "1 K"), ""),
        (["1 MPa", "2"], ("1 MPa", "2"), ""),
        (["", ""], ("", ""), ""),
        (["True", ""], ("True", ""), ""),
    ],
)
def test_values_are_numbers_in_one_unit(texts: list[str], values: tuple[Any, ...], unit: str) -> None:
    assert numbers(texts) == (values, unit)
    assert [type(v) for v in numbers(texts)[0]] == [type(v) for v in values]


def test_the_case_s_own_value_is_no_number() -> None:
    values, unit = numbers(["", "1 MPa", "2 MPa"])
    assert math.isnan(values[0])
    assert (values[1:], unit) == ((1.0, 2.0), "MPa")


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        ("", "x"), ("MPa", "x_MPa"), ("mAh/cm^2", "x_mAh_cm2"), ("degC", "x_C"), ("1/um", "x_per_um"),
        ("kJ/mol/K", "x_kJ_mol_K"),
    ],
)  # fmt: skip
def test_headers_have_the_unit(unit: str, name: str) -> None:
    assert header("x", unit) == name
    assert name.isidentifier()


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["operation.pressure"], ["pressure"]),
        (["operation.pressure", "operation.step[0].pressure"], ["operation_pressure", "0_pressure"]),
        (["void[0].width", "void.1.width"], ["void_0_width", "void_1_width"]),
        (["operation.capacity", "geometry.width"], ["operation_capacity", "width"]),  # a quantity of interest
        (["material.mean"], ["material_mean"]),  # a method of tables
        (["void[0].center[1]"], ["center_1"]),
        (["a-b", "a_b"], ["a_b", "a_b_2"]),
    ],
)
def test_names_are_short_and_no_two_are_the_same(paths: list[str], names: list[str]) -> None:
    found = short_names(paths, frozenset({"capacity"}))
    # what would begin with a digit is no attribute: one more part
    expected = ["step_0_pressure" if name == "0_pressure" else name for name in names]
    assert list(found.values()) == expected
    assert all(name.isidentifier() for name in found.values())


def test_tables_of_a_grid(ended: Any) -> None:
    out = ended(VARY)
    made = study_table.collect(out)
    assert [path.name for path in made] == ["results.csv", "results.nc", "results.parquet"]
    rows = table(out / "results.csv")
    assert [row["pressure_MPa"] for row in rows] == ["0.5", "0.5", "0.8", "0.8"]
    assert [row["max_steps"] for row in rows] == ["1", "1000"] * 2
    assert [row["capacity_mAh_cm2"] for row in rows] == ["1", "2", "nan", "4"]
    assert rows[0]["reason"] == "'=done"  # text of a case is no formula
    read = pd.read_csv(out / "results.csv")
    assert [str(read[name].dtype) for name in ("pressure_MPa", "max_steps")] == ["float64", "int64"]
    with xr.open_dataset(out / "results.nc") as data:
        assert data.capacity.dims == ("pressure", "max_steps")
        assert list(data.pressure.values) == [0.5, 0.8]
        assert data.pressure.attrs == {
            "path": "operation.pressure",
            "long_name": "operation.pressure",
            "units": "MPa",
        }
        assert float(data.capacity.sel(pressure=0.8, max_steps=1000)) == 4.0
        assert data.capacity.attrs["units"] == "mAh/cm^2"


def test_parquet_has_the_same_table_with_units(ended: Any) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = ended(VARY | {"material.metal.name": ["lithium"]})
    target = study_table.collect(out)[-1]
    frame = pd.read_parquet(target)
    pd.testing.assert_frame_equal(
        frame.drop(columns="reason"),
        pd.read_csv(out / "results.csv").drop(columns="reason"),
        check_dtype=False,
    )
    assert list(frame.reason) == ["=done", "=done", "=done (no records)", "=done"]
    assert frame.attrs["columns"]["pressure_MPa"] == {"unit": "MPa", "meaning": "operation.pressure"}
    assert list(frame.metal_name) == ["lithium"] * 4
    field = parquet.read_schema(target).field("capacity_mAh_cm2")
    assert field.metadata == {b"unit": b"mAh/cm^2", b"meaning": b"capacity passed"}


def test_without_pyarrow_one_line_and_the_other_tables(
    ended: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ended(VARY)
    (out / "results.parquet").write_bytes(b"of earlier results")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    made = study_table.collect(out)
    assert [path.name for path in made] == ["results.csv", "results.nc"]
    assert capsys.readouterr().out == MISSING + "\n"
    assert not (out / "results.parquet").exists()


def test_other_studies_have_runs_along_one_dimension(ended: Any) -> None:
    out = ended({"operation.pressure": ["0.5 MPa", "800 kPa"]}, method="one-at-a-time")
    study_table.collect(out)
    with xr.open_dataset(out / "results.nc") as data:
        assert data.capacity.dims == ("run",)
        assert math.isnan(data.pressure[0])  # the case as it is
        assert list(data.pressure[1:].values) == [0.5, 0.8]


def test_the_page_of_a_study_has_units_in_its_heads(ended: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postprocess.report.study_figures", lambda study, rows: [])
    page = report(ended(VARY)).read_text(encoding="utf-8")
    assert "<th>operation.pressure (MPa)</th>" in page
    assert "<th>capacity (mAh/cm^2)</th>" in page
    assert '<td class="number">0.8</td>' in page
    assert "800 kPa" not in page
