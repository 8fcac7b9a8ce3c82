"""Voids of a table become those of the case, which then needs the table no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tomli_w

from solver.case.errors import CaseError
from solver.case.loading import load_case, parse_case
from tests.conftest import case_data


def case_file(folder: Path, table: str, voids: dict[str, Any] | None = None, **changes: Any) -> Path:
    data = case_data(geometry={"width": "20 um"}, **changes)
    del data["void"]
    data["voids"] = {"from": "voids.csv"} if voids is None else voids
    (folder / "voids.csv").write_text(table, encoding="utf-8")
    (folder / "case.toml").write_text(tomli_w.dumps(data), encoding="utf-8")
    return folder / "case.toml"


@pytest.mark.parametrize(
    "table",
    [
        "position_um,width_um,height_um\n5,2,0.5\n12,3,1.5\n",
        "\ufeffx (um),width/nm,height [um]\n5,2000,0.5\n\n12,3000,1.5\n",
        "Width_um,Position (mm),height_um\n2,0.005,0.5\n3,0.012,1.5\n",
    ],
)
def test_a_table_in_the_plane(table: str, tmp_path: Path) -> None:
    loaded = load_case(case_file(tmp_path, table, {"from": "voids.csv", "shape": "cap"}))
    found = [(v.position, v.width, v.height, v.shape) for v in loaded.case.void]
    want = [(5e-6, 2e-6, 0.5e-6, "cap"), (12e-6, 3e-6, 1.5e-6, "cap")]
    for void, expected in zip(found, want, strict=True):
        assert void[:3] == pytest.approx(expected[:3], rel=1e-12) and void[3] == expected[3]
    (tmp_path / "voids.csv").unlink()
    assert parse_case(loaded.resolved()).case == loaded.case


def test_a_table_in_3d_and_without_heights(tmp_path: Path) -> None:
    solid = {"geometry": {"kind": "3d", "width": "20 um", "depth": "10 um"}}
    data = case_data()
    data["geometry"] |= solid["geometry"]
    del data["void"]
    (tmp_path / "v.csv").write_text("x_um,y_um,width_um\n5,4,2\n", encoding="utf-8")
    (tmp_path / "case.toml").write_text(tomli_w.dumps(data | {"voids": {"from": "v.csv"}}), encoding="utf-8")
    (void,) = load_case(tmp_path / "case.toml").case.void
    assert void.position == pytest.approx((5e-6, 4e-6)) and void.height is None


def test_a_base_brings_its_table(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    case_file(tmp_path / "below", "position_um,width_um\n5,2\n")
    (tmp_path / "case.toml").write_text('base = "below/case.toml"\n[operation]\npressure = "2 MPa"\n')
    assert load_case(tmp_path / "case.toml").case.void[0].width == pytest.approx(2e-6)


@pytest.mark.parametrize(
    ("table", "messages"),
    [
        ("position,width_um\n5,2\n", ["column 'position': has no unit; write position_um"]),
        ("position_um,width_kg\n5,2\n", ["'width_kg': 'kg' is no length"]),
        ("position_um\n5\n", ["no column width_um"]),
        ("position_um,widht_um,width_um\n5,2,2\n", ["column 'widht_um': not of"]),
        (
            "position_um,width_um\na,2\n5,nan\n",
            ["line 2: position is no number", "line 3: width is not finite"],
        ),
        ("position_um,width_um\n", ["has no void"]),
        ("", ["no column position_um", "no column width_um"]),
        ("x_um,y_um,width_um\n5,4,2\n", ["column 'y_um': not of position, width, height"]),
        ("position_um,width_um\n5,2\n6,2\n50,2\n", ["void[1] overlaps void[0]", "outside the cell"]),
    ],
)
def test_what_is_wrong_with_a_table(table: str, messages: list[str], tmp_path: Path) -> None:
    with pytest.raises(CaseError) as caught:
        load_case(case_file(tmp_path, table))
    for message in messages:
        assert message in str(caught.value)


def parquet_case(folder: Path, table: pd.DataFrame | bytes) -> Path:
    path = case_file(folder, "", {"from": "voids.parquet", "shape": "cap"})
    if isinstance(table, bytes):
        (folder / "voids.parquet").write_bytes(table)
    else:
        table.to_parquet(folder / "voids.parquet")
    return path


def test_a_table_in_parquet_is_that_in_csv(tmp_path: Path) -> None:
    """With an index that pandas has written, which is no column of a void."""
    table = pd.DataFrame({"width_um": [2, 3], "position_um": [5.0, 12.0], "height_um": [0.5, 1.5]}, [7, 9])
    (tmp_path / "csv").mkdir()
    as_csv = case_file(tmp_path / "csv", table.to_csv(index=False), {"from": "voids.csv", "shape": "cap"})
    loaded = load_case(parquet_case(tmp_path, table))
    assert loaded.case.void == load_case(as_csv).case.void
    (tmp_path / "voids.parquet").unlink()
    assert parse_case(loaded.resolved()).case == loaded.case


@pytest.mark.parametrize(
    ("table", "messages"),
    [
        (pd.DataFrame({"position": [5.0], "width_kg": [2.0]}), ["write position_um", "'kg' is no length"]),
        (pd.DataFrame({"position_um": ["=x()"], "width_um": [None]}),
         ["line 2: position is no number", "line 2: width is no number"]),
        (pd.DataFrame({"position_um": [], "width_um": []}), ["has no void"]),
        (pd.DataFrame({"position_um": np.arange(3000.0), "width_um": 1.0}), ["3000 voids, more than 2000"]),
        (b"PAR1 damaged PAR1", ["cannot be read"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_in_parquet(
    table: pd.DataFrame | bytes, messages: list[str], tmp_path: Path
) -> None:
    with pytest.raises(CaseError) as caught:
        load_case(parquet_case(tmp_path, table))
    for message in messages:
        assert message in str(caught.value)
    (tmp_path / "voids.parquet").unlink()
    with pytest.raises(CaseError, match="no such file"):
        load_case(tmp_path / "case.toml")


def test_what_is_wrong_around_a_table(tmp_path: Path) -> None:
    voids = {"from": "none.csv", "shap": "cap", "density": "1 1/um"}
    path = case_file(tmp_path, "position_um,width_um\n5,2\n", voids)
    data = path.read_text()
    path.write_text(data + '[[void]]\nwidth = "1 um"\n')
    with pytest.raises(CaseError) as caught:
        load_case(path)
    said = caught.value.problems
    assert len(said) == 4, said
    assert "voids.shap: does not go with 'from', whose table has the voids; did you mean 'shape'?" in said
    assert "give [[void]] or [voids], not both" in said
    assert any(line.endswith("none.csv': no such file") for line in said)
