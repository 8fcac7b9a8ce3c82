"""[resolved_material]: what a run folder's case says of its materials must be what [material] gives."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.case.loading import CaseError, load_case, parse_case
from solver.cli import main as cli
from solver.cli.exits import EXIT_INPUT, EXIT_OK
from tests.conftest import case_data

ALLOY = {
    "metal": {"name": "lithium-magnesium", "surface_energy": "0.3 J/m²"},
    "electrolyte": {"name": "LPSCl", "area_resistance": "10 Ω cm2"},
}


def resolved(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(parse_case(case_data(**changes)).resolved())


def problems(data: dict[str, Any]) -> list[str]:
    with pytest.raises(CaseError) as caught:
        parse_case(data)
    return caught.value.problems


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"material": ALLOY},
        {"material": {"metal": {"name": "lithium", "interface_sink_length": math.inf}}},
        {"material": {"metal": {"name": "lithium-magnesium", "interface_sink_length": "inf"}}},
        {"material": {"creep": {"name": "lithium-nabarro-herring", "smallest_grain": "0.3 um"}}},
    ],
)
def test_an_unedited_copy_is_a_case(changes: dict[str, Any], tmp_path: Path) -> None:
    data = resolved(**changes)
    assert parse_case(data).resolved() == data
    path = tmp_path / "case.toml"
    path.write_text(tomli_w.dumps(data), encoding="utf-8")
    assert load_case(path).resolved() == data


def test_other_words_for_the_same_number_are_fine() -> None:
    data = resolved()
    energy = data["resolved_material"]["metal"]["surface_energy"]
    energy["value"] = energy["value"].replace("J/m**2", "N m⁻¹")
    data["resolved_material"]["electrolyte"] = {}
    del data["resolved_material"]["creep"]
    parse_case(data)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("metal", "surface_energy", "4 J/m**2"),
        ("metal", "contact_angle", "12 deg"),
        ("creep", "exponent", 5.5),
        ("electrolyte", "area_resistance", "0 ohm*cm**2"),
        ("electrolyte", "conductivity", "1 mS/cm"),
    ],
)
def test_another_number_is_refused_with_both(kind: str, name: str, value: object) -> None:
    data = resolved()
    own = data["resolved_material"][kind][name]["value"]
    data["resolved_material"][kind][name] |= {"value": value, "status": "measured", "source": "my own"}
    (found,) = problems(data)
    assert f"resolved_material.{kind}.{name}.value = " in found
    assert str(own) in found
    assert f"[material.{kind}]" in found


def test_what_the_material_has_not_is_refused_too() -> None:
    data = resolved()
    data["resolved_material"]["electrolyte"]["conductivity"]["activation_energy"] = "0.1 eV"
    assert "'0.1 eV': differs from '" in problems(data)[0]
    data = resolved(material=ALLOY)
    del data["material"]["metal"]
    assert any("solute_fraction" in problem for problem in problems(data))


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"electrolyte": {"nonsense": "yes"}}, "resolved_material.electrolyte.nonsense: unknown property"),
        ({"electrolyte": {"conductivty": "1 S/m"}}, "did you mean 'conductivity'?"),
        ({"electrolyte": {"area_resistance": {"range": ["1 s", "2 s"]}}}, "area_resistance"),
        ({"metals": {}}, "resolved_material.metals: unknown key; did you mean 'metal'?"),
        ({"metal": 3}, "resolved_material.metal = 3: expected a table"),
        ("all", "resolved_material = 'all': expected a table"),
        ([], "expected a table"),
        ({"metal": {"surface_energy": "4 MPa"}}, "does not fit"),
        ({"metal": {"surface_energy": {"value": "4 J/m2", "status": "sure"}}}, "status"),
        ({"metal": {"creep": "narayan-anand-2018"}}, "differs from 'lithium'"),
    ],
)
def test_nonsense_is_refused(section: object, expected: str) -> None:
    assert any(expected in problem for problem in problems(case_data() | {"resolved_material": section}))


def test_a_nonsense_range_is_refused() -> None:
    data = resolved()
    data["resolved_material"]["creep"]["exponent"]["range"] = [8.0, 9.0]
    assert "does not lie between 8 and 9" in problems(data)[0]


def test_changes_of_a_run_folders_case_change_its_materials(tmp_path: Path) -> None:
    path = tmp_path / "case.toml"
    path.write_text(tomli_w.dumps(resolved()), encoding="utf-8")
    changed = load_case(path, {"material.metal.surface_energy": "0.3 J/m2"})
    assert changed.metal.surface_energy.value == 0.3
    with pytest.raises(CaseError, match="differs from"):
        load_case(path, {"resolved_material.metal.surface_energy": "0.3 J/m2"})
    edited = resolved()
    edited["resolved_material"]["metal"]["surface_energy"]["value"] = "4 J/m**2"
    path.write_text(tomli_w.dumps(edited), encoding="utf-8")
    with pytest.raises(CaseError, match="4 J/m"):
        load_case(path, {"operation.pressure": "1 MPa"})


@given(st.floats(1e-3, 50.0), st.floats(1e-3, 1e3))
@settings(deadline=None, max_examples=100)
def test_any_override_resolves_to_a_case(energy: float, resistance: float) -> None:
    material = {
        "metal": {"name": "lithium", "surface_energy": f"{energy!r} J/m2"},
        "electrolyte": {"name": "LPSCl", "area_resistance": f"{resistance!r} ohm cm2"},
    }
    data = resolved(material=material)
    assert parse_case(data).resolved() == data


def test_the_command_line_refuses_an_edited_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_log_to_terminal", lambda _comm, *, verbose: None)
    data, file = resolved(), tmp_path / "case.toml"
    file.write_text(tomli_w.dumps(data), encoding="utf-8")
    assert cli.main(["check", str(file)]) == EXIT_OK
    data["resolved_material"]["metal"]["surface_energy"]["value"] = "4 J/m**2"
    file.write_text(tomli_w.dumps(data), encoding="utf-8")
    assert cli.main(["check", str(file)]) == EXIT_INPUT
    assert "4 J/m**2" in capsys.readouterr().err
