"""``base = "other.toml"``: merged, relative to each file, without circles, and on record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w

from solver.case.loading import CaseError, load_case, parse_case
from tests.conftest import case_data


def write(path: Path, data: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tomli_w.dumps(data), encoding="utf-8")
    return path


def test_a_case_says_only_what_differs(tmp_path: Path) -> None:
    base = case_data()
    write(tmp_path / "common" / "cell.toml", base)
    write(tmp_path / "common" / "hot.toml", {"base": "cell.toml", "operation": {"temperature": "333 K"}})
    case = write(
        tmp_path / "mine" / "case.toml",
        {"base": "../common/hot.toml", "operation": {"pressure": "3 MPa"}, "void": []},
    )
    found = load_case(case)
    assert found.case.operation.pressure == 3e6
    assert found.case.operation.temperature == 333.0
    assert found.case.operation.current == parse_case(base).case.operation.current
    assert found.case.void == []
    record = {Path(name).name: keys for name, keys in found.case.included.items()}
    assert record["hot.toml"] == ["operation.temperature"]
    assert "operation.current" in record["cell.toml"]
    assert "operation.pressure" not in record["cell.toml"]
    # the run folder's copy stands alone
    again = write(tmp_path / "run" / "case.toml", found.resolved())
    (tmp_path / "common" / "cell.toml").unlink()
    assert load_case(again).resolved() == found.resolved()
    assert load_case(again, {"operation.pressure": "4 MPa"}).case.operation.pressure == 4e6


@pytest.mark.parametrize(
    ("base", "text"),
    [
        ("nowhere.toml", "base = 'nowhere.toml': no such file"),
        ("case.toml", "a circle"),
        ("between.toml", "base.base = 'case.toml': a circle"),
        (3, "base = 3: expected the path"),
        ("broken.toml", "not TOML"),
    ],
)
def test_bases_that_cannot_be(base: object, text: str, tmp_path: Path) -> None:
    write(tmp_path / "between.toml", {"base": "case.toml"})
    (tmp_path / "broken.toml").write_text("[[[", encoding="utf-8")
    case = write(tmp_path / "case.toml", {"base": base})
    with pytest.raises(CaseError) as caught:
        load_case(case)
    assert text in str(caught.value)


def test_what_is_wrong_in_case_and_base_is_said_at_once(tmp_path: Path) -> None:
    write(tmp_path / "cell.toml", case_data(geometry={"width": "3 apples"}))
    case = write(tmp_path / "case.toml", {"base": "cell.toml", "operation": {"presure": "3 MPa"}})
    with pytest.raises(CaseError) as caught:
        load_case(case)
    text = str(caught.value)
    assert "geometry.width" in text and "operation.presure" in text


def test_an_edited_copy_of_materials_in_a_base_is_refused(tmp_path: Path) -> None:
    data = parse_case(case_data()).resolved()
    data["resolved_material"]["metal"]["surface_energy"]["value"] = "9 J/m**2"
    write(tmp_path / "cell.toml", data)
    case = write(tmp_path / "case.toml", {"base": "cell.toml"})
    with pytest.raises(CaseError, match="differs from"):
        load_case(case)
