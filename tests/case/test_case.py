from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from solver.case.loading import CaseError, load_case, parse_case
from solver.case.published import schema, schema_text
from solver.core.files import MAX_CASE_SIZE
from tests.conftest import ROOT, case_data

SHIPPED = sorted((ROOT / "cases").glob("*.toml"))


def problems(**changes: Any) -> list[str]:
    with pytest.raises(CaseError) as caught:
        parse_case(case_data(**changes))
    return caught.value.problems


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_every_shipped_case_is_valid(path: Path) -> None:
    assert load_case(path).case.title


def test_cases_are_shipped() -> None:
    assert len(SHIPPED) >= 3


def test_a_resolved_case_is_a_case_and_resolves_to_itself() -> None:
    resolved = parse_case(case_data()).resolved()
    assert parse_case(resolved).resolved() == resolved


def test_all_problems_are_reported_at_once_with_path_and_suggestion() -> None:
    found = problems(
        geometry={"widht": "3 um", "metal_thickness": "-40 um"},
        operation={"pressure": 0.2, "current": "nan mA/cm^2"},
        material={"metal": {"name": "lithum"}},
        model={"frction": "slip"},
    )
    text = "\n".join(found)
    assert len(found) == 6
    assert "geometry.widht: unknown key; did you mean 'width'?" in found
    assert "geometry.metal_thickness = '-40 um': must lie between" in text
    assert "operation.pressure = 0.2: needs a unit" in text
    assert "operation.current = 'nan mA/cm^2'" in text
    assert "model.frction: unknown key; did you mean 'friction'?" in found
    assert "did you mean 'lithium'?" in text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"void": [{"width": "1 um", "position": "1 um"}, {"width": "1 um", "position": "1.5 um"}]},
         "overlaps void[0]"),
        ({"void": [{"width": "2 um", "height": "7.9 um"}]}, "taller than the metal"),
        ({"void": [{"width": "2 um", "position": "0.5 um"}]}, "crosses a side"),
        ({"void": [{"width": "7 um"}]}, "as wide as the cell"),
        ({"void": [{"width": "1 um", "position": "9 um"}]}, "outside the cell"),
        ({"void": [{"width": "1 MPa"}]}, "void[0].width"),
        ({"geometry": {"kind": "3d"}}, "needs 'depth'"),
        ({"geometry": {"depth": "3 um"}}, "belongs to 3d"),
        ({"geometry": {"kind": "sphere"}}, "geometry.kind"),
        ({"geometry": {"kind": "axisymmetric"}, "void": [{"width": "1 um", "position": "1 um"}]},
         "centred at 0"),
        ({"operation": {"current": None}}, "needs 'current'"),
        ({"operation": {"temperature": "25 um"}}, "operation.temperature"),
        ({"numerics": {"courant": math.nan}}, "numerics.courant"),
        ({"numerics": {"petsc": {"newton-direct": {"bad key!": 1}}}}, "numerics.petsc"),
        ({"voids": {"density": "0.1 /um", "mean_width": "1 um"}}, "not both"),
        ({"material": {"metal": {"name": "lithium", "sink_lenth": "1 um"}}}, "did you mean 'sink_length'?"),
        ({"material": {"metal": {"name": "lithium", "sink_length": "1 MPa"}}}, "material.metal.sink_length"),
        ({"material": {"metal": {"name": "../../etc/passwd"}}}, "material.metal.name"),
        ({"material": {"creep": {"name": "lithium", "exponent": 0.5}}}, "material.creep.exponent"),
        ({"title": 7}, "title"),
    ],
)  # fmt: skip
def test_bad_input_is_named(changes: dict[str, Any], expected: str) -> None:
    assert any(expected in problem for problem in problems(**changes))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "the file is empty"),
        (b"# only a comment\n", "the file is empty"),
        (b"not toml at all", "not TOML"),
        (b"\xff\xfe\x00", "not a text file"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "not TOML"),
    ],
)
def test_files_that_are_no_case(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "case.toml"
    path.write_bytes(content)
    with pytest.raises(CaseError, match=expected):
        load_case(path)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.toml"
    with path.open("wb") as file:
        file.truncate(1_000_000_000)
    with pytest.raises(CaseError, match=f"larger than {MAX_CASE_SIZE} bytes"):
        load_case(path)
    with pytest.raises(CaseError, match="no such file"):
        load_case(tmp_path / "none.toml")
    with pytest.raises(CaseError, match="not a regular file"):
        load_case(tmp_path)


def test_changes_by_dotted_path() -> None:
    path = ROOT / "cases" / "demo-2MPa.toml"
    changed = load_case(
        path, {"operation.pressure": "3 MPa", "void.0.width": "1 um", "model.friction": "stick"}
    )
    assert changed.case.operation.pressure == 3e6
    assert changed.case.void[0].width == pytest.approx(1e-6)
    assert changed.case.model.friction == "stick"


def test_schema_describes_the_shipped_cases() -> None:
    published = json.loads(schema_text())
    assert set(published["properties"]) == set(schema()["properties"])
    # of a case with a base nothing is required: it says what differs
    assert "required" not in published
    rule = next(rule for rule in published["allOf"] if rule["if"] == {"required": ["base"]})
    assert set(rule["else"]["required"]) == {"geometry", "operation"}
    assert published["additionalProperties"] is False
    assert published["$defs"]["Void"]["properties"]["width"]["type"] == "string"
