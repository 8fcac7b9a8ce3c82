"""Materials beside the case and in LIVOID_LIBRARY, terms that add up, overrides that keep neighbours."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from solver.case.loading import CaseError, load_case, parse_case
from solver.case.materials import GAS_CONSTANT, HOW_TO, Library
from tests.conftest import case_data

GARNET = Library().data("electrolyte", "LLZO")
LITHIUM = Library().data("metal", "lithium")


def write(file: Path, content: dict[str, Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(tomli_w.dumps(content))
    return file


def mine(**changes: Any) -> dict[str, Any]:
    """A garnet of one's own."""
    return copy.deepcopy(GARNET) | {"description": "mine"} | changes


def case_with(folder: Path, **material: Any) -> Path:
    return write(folder / "case.toml", case_data() | {"material": material})


def problems(path: Path, **changes: Any) -> str:
    with pytest.raises(CaseError) as caught:
        load_case(path, changes)
    return str(caught.value)


def test_a_file_beside_the_case_becomes_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a" / "mine.toml", mine())
    path = case_with(tmp_path / "a", electrolyte={"name": "./mine.toml", "transfer_coefficient": 0.4})
    monkeypatch.chdir(tmp_path)  # relative to the case, not to where livoid is started
    loaded = load_case(path)
    assert loaded.electrolyte.description.startswith("mine")
    assert loaded.electrolyte.transfer_coefficient.value == 0.4
    assert loaded.case.material.electrolyte.name == "mine"
    # the copy in a run folder needs no other file, and can be changed
    (tmp_path / "a" / "mine.toml").unlink()
    copied = write(tmp_path / "run" / "case.toml", loaded.resolved())
    again = load_case(copied)
    assert again.electrolyte == loaded.electrolyte
    assert again.resolved() == loaded.resolved()
    assert (
        load_case(copied, {"material.electrolyte.transfer_coefficient": 0.3}).electrolyte.description[:4]
        == "mine"
    )
    assert load_case(copied, {"material.electrolyte.name": "LPSCl"}).electrolyte.description.startswith(
        "Li6PS5Cl"
    )


def test_a_metal_brings_its_own_creep_law(tmp_path: Path) -> None:
    law = Library().data("creep", "lithium") | {"description": "my law"}
    write(tmp_path / "metals" / "laws" / "soft.toml", law)
    write(tmp_path / "metals" / "m.toml", LITHIUM | {"creep": "laws/soft.toml"})
    assert load_case(case_with(tmp_path, metal={"name": "metals/m.toml"})).creep.description == "my law"


def test_a_library_is_laid_over_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "lib" / "garnet.toml", mine())
    write(tmp_path / "lib" / "lithium.toml", LITHIUM | {"description": "my lithium"})
    write(
        tmp_path / "lib" / "creep" / "lithium.toml",
        Library().data("creep", "lithium") | {"description": "my law"},
    )
    path = case_with(tmp_path, electrolyte={"name": "garnet"})
    assert HOW_TO in problems(path)
    monkeypatch.setenv("LIVOID_LIBRARY", str(tmp_path / "lib"))
    loaded = load_case(path)
    assert (loaded.electrolyte.description, loaded.metal.description) == ("mine", "my lithium")
    assert loaded.creep.description == "my law"
    # ours are still there, and what was run is known without the library
    assert load_case(path, {"material.electrolyte.name": "LPSCl"}).electrolyte.description == "Li6PS5Cl"
    monkeypatch.delenv("LIVOID_LIBRARY")
    assert parse_case(loaded.resolved()).resolved() == loaded.resolved()
    monkeypatch.setenv("LIVOID_LIBRARY", str(tmp_path / "none"))
    assert "no such folder" in problems(path)


def test_the_message_for_an_unknown_name_lists_all_that_a_case_could_have_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "lib" / "my-garnet.toml", mine())
    write(tmp_path / "lib" / "my-metal.toml", LITHIUM)
    write(tmp_path / "pressed.toml", mine())
    (tmp_path / "broken.toml").write_text("kind = ")
    path = case_with(tmp_path, electrolyte={"name": "garnet"})
    text = problems(path)
    assert "the library has LLZO, LPSCl" in text and "beside the case is ./pressed.toml" in text
    assert (
        "LIVOID_LIBRARY" not in text and "broken" not in text and "case.toml" not in text.split("name =")[1]
    )
    monkeypatch.setenv("LIVOID_LIBRARY", str(tmp_path / "lib"))
    text = problems(path)
    assert "; LIVOID_LIBRARY has my-garnet; beside" in text  # metals are no answer to this
    assert "did you mean 'my-garnet'?" in text
    assert "did you mean './pressed.toml'?" in problems(path, **{"material.electrolyte.name": "pressed"})


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("none.toml", None, "no such file"),
        ("./mine", "", "a file that ends in .toml"),
        ("../case/../m.toml", "kind =", "not TOML"),
        ("m.toml", 'kind = "metal"', "has kind = 'metal', not 'electrolyte'"),
        ("m.toml", "x = 1", "has kind = None"),
        pytest.param("m.toml", "#" * 1_100_000, "larger than 1000000 bytes", id="large"),
        ("a b.toml", "", "the file's name"),
    ],
)
def test_files_that_are_no_material(tmp_path: Path, name: str, content: str | None, expected: str) -> None:
    path = case_with(tmp_path / "case", electrolyte={"name": name})
    if content is not None:
        (tmp_path / "case" / name).resolve().write_text(content)
    text = problems(path)
    assert expected in text and HOW_TO in text and text.count("\n") == 1


def test_mistakes_in_a_file_are_named_with_the_nearest_name(tmp_path: Path) -> None:
    wrong = mine(conductvity=GARNET["conductivity"])
    wrong["area_resistance"] = {"value": "2 ohm", "status": "measured", "source": "x"}
    del wrong["transfer_coefficient"]
    write(tmp_path / "mine.toml", wrong)
    text = problems(case_with(tmp_path, electrolyte={"name": "mine.toml"}))
    assert "did you mean 'conductivity'?" in text
    assert "material.electrolyte.area_resistance = '2 ohm'" in text
    assert "transfer_coefficient" in text
    assert HOW_TO in text


def test_terms_add_up() -> None:
    sodium = parse_case(case_data() | {"material": {"metal": {"name": "sodium"}}}).metal.diffusivity

    def tabulated(temperature: float) -> float:
        thermal = GAS_CONSTANT * temperature
        return 5.7e-7 * math.exp(-35.7e3 / thermal) + 7.2e-5 * math.exp(-48.1e3 / thermal)

    for temperature in (250.0, 298.15, 350.0):  # two digits of shares and value
        assert sodium.at(temperature) == pytest.approx(tabulated(temperature), rel=0.03)
    # a resistance whose terms are conductances in parallel
    assert sodium.at(330.0) * sodium.at(330.0, sign=-1) == pytest.approx(sodium.value**2)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (
            [{"share": 0.5, "activation_energy": "0.3 eV"}, {"share": 0.4, "activation_energy": "0.5 eV"}],
            "add up to 0.9",
        ),
        ([{"share": 1.0, "activation_energy": "0.3 eV"}], "at least 2"),
    ],
)
def test_terms_that_do_not_fit(terms: list[Any], expected: str) -> None:
    data = case_data() | {"material": {"metal": {"name": "lithium", "diffusivity": {"terms": terms}}}}
    with pytest.raises(CaseError, match=expected):
        parse_case(data)


def test_an_override_keeps_its_neighbours_and_changes_the_label() -> None:
    def metal(**override: Any) -> Any:
        return parse_case(case_data() | {"material": {"metal": {"name": "lithium", **override}}}).metal

    ours = metal().diffusivity
    bare = metal(diffusivity="1e-14 m^2/s")
    assert bare.diffusivity.activation_energy == ours.activation_energy
    assert bare.diffusivity.status == "override" and "Messer" in bare.diffusivity.source
    assert bare.diffusivity.range is None
    assert bare.diffusivity.at(298.15) == pytest.approx(1e-14)  # of the room, as no temperature is given
    assert bare.diffusivity.at(333.0) / 1e-14 == pytest.approx(ours.at(333.0) / ours.at(298.15))
    assert bare.description == "lithium metal (changed by the case: diffusivity)"
    colder = metal(diffusivity={"activation_energy": "0 eV"}).diffusivity
    assert colder.at(400.0) == ours.value and colder.status == "override" and colder.range == ours.range
    whole = {"value": "1e-14 m^2/s", "status": "measured", "source": "a measurement of ours"}
    assert metal(diffusivity=whole).diffusivity.activation_energy is None
    assert metal(diffusivity=whole).diffusivity.status == "measured"
