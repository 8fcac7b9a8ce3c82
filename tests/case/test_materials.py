from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError
from scipy import constants

from solver.case.loading import CaseError, parse_case
from solver.case.materials import (
    RANGE_ENDS,
    CreepMaterial,
    ElectrolyteMaterial,
    Library,
    MetalMaterial,
    choices,
    numbers,
)
from solver.setup.scales import COULOMB_PER_MAH_CM2, FARADAY
from tests.conftest import case_data, small_case

LIBRARY = Library()
ALL = [(kind, name) for kind in Library.KINDS for name in LIBRARY.names(kind)]
ROOM, WARM = 298.15, 333.15
NAMED = [
    (kind, name, key, choice)
    for kind, name in ALL
    for key, entry in LIBRARY.data(kind, name).items()
    for choice in choices(entry)
]
"""Everything that a case may choose by name in place of a number of the library."""


def metal(name: str = "lithium") -> MetalMaterial:
    return MetalMaterial.model_validate(LIBRARY.data("metal", name))


def creep(name: str) -> CreepMaterial:
    return CreepMaterial.model_validate(LIBRARY.data("creep", name))


def test_the_library_has_the_promised_materials() -> None:
    assert {"lithium", "lithium-magnesium"} <= set(LIBRARY.names("metal"))
    assert "LPSCl" in LIBRARY.names("electrolyte")
    assert {"lithium", "lithium-magnesium", "roy-fleck-deshpande-2021", "narayan-anand-2018"} <= set(
        LIBRARY.names("creep")
    )


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_every_number_has_value_status_and_source(kind: str, name: str) -> None:
    data = LIBRARY.data(kind, name)
    Library.KINDS[kind].model_validate(data)
    entries = dict(numbers(data))
    assert entries
    others = [other for entry in entries.values() for other in entry.get("alternatives", {}).values()]
    for entry in [*entries.values(), *others]:
        assert len(entry["source"]) > 10
        assert entry["status"] != "override"


def alloy(**changes: Any) -> dict[str, Any]:
    return {"metal": {"name": "lithium-magnesium", **changes}}


@pytest.mark.parametrize(("kind", "name", "key", "choice"), NAMED)
def test_a_case_chooses_a_number_by_its_name(kind: str, name: str, key: str, choice: str) -> None:
    loaded = small_case(material={kind: {"name": name, key: choice}})
    own, plain = getattr(getattr(loaded, kind), key), getattr(Library.KINDS[kind].model_validate(
        LIBRARY.data(kind, name)), key)  # fmt: skip
    if choice in RANGE_ENDS:
        assert own.value == plain.range[RANGE_ENDS.index(choice)]
        assert own.source == f"{choice} end of the range: {plain.source}"
    else:
        assert own == plain.alternatives[choice]
        assert own.source != plain.source
    # what is written beside the results has this number, and no other
    text = loaded.resolved()["resolved_material"][kind][key]
    assert "alternatives" not in text
    assert text["source"] == own.source
    assert parse_case(loaded.resolved()).resolved() == loaded.resolved()


def test_ranges_and_alternatives_of_the_solute() -> None:
    own = metal("lithium-magnesium").solute_diffusivity
    assert own is not None
    assert (own.at(ROOM), own.range) == (1e-14, (5e-15, 2e-14))
    dft, krauskopf = (own.alternatives[name] for name in ("dft", "krauskopf-2019"))
    assert dft.at(WARM) == pytest.approx(2.42e-16, rel=0.01)
    assert dft.at(ROOM) == pytest.approx(
        3.15e-7 * math.exp(-0.6025 * constants.e / constants.k / ROOM), rel=0.02
    )
    barrier = 0.571 * constants.e / constants.k
    assert krauskopf.at(WARM) == pytest.approx(0.134e-4 * math.exp(-barrier / WARM), rel=0.01)


def test_a_name_that_is_none_gets_the_nearest() -> None:
    with pytest.raises(CaseError) as caught:
        parse_case(
            case_data(material=alloy(solute_diffusivity="dtf", sink_length="hihg", surface_energy="low"))
        )
    found = sorted(caught.value.problems)
    assert "one of low, high; did you mean 'high'?" in found[0]
    assert "one of dft, krauskopf-2019, low, high; did you mean 'dft'?" in found[1]
    assert "surface_energy = 'low': not a quantity" in found[2]
    assert "one of" not in found[2]


def test_an_override_has_no_alternatives() -> None:
    entry = {"value": "1 um", "status": "tunable", "source": "a guess of mine", "alternatives": {}}
    with pytest.raises(CaseError, match=r"sink_length\.alternatives: belong into a file of the library"):
        small_case(material=alloy(sink_length=entry))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"range": ["2 um", "3 um"]}, "1e-06 does not lie between 2e-06 and 3e-06"),
        ({"range": ["0.5 um", "0.6 s"]}, "does not fit"),
        ({"range": ["0.5 um"]}, "range"),
        ({"alternatives": {"low": {"value": "3 um", "status": "tunable", "source": "a guess"}}}, "'low'"),
        ({"alternatives": {"mine": {"value": "3 um", "status": "tunable"}}}, "source"),
    ],
)
def test_wrong_ranges_and_alternatives_are_refused(changes: dict[str, Any], message: str) -> None:
    data = LIBRARY.data("metal", "lithium")
    entry = {"value": "1 um", "status": "tunable", "source": "a guess"}
    assert MetalMaterial.model_validate(data | {"sink_length": entry | {"range": ["1 um", "2 um"]}})
    with pytest.raises(ValidationError, match=message):
        MetalMaterial.model_validate(data | {"sink_length": entry | changes})


def test_a_range_belongs_to_a_number() -> None:
    data = LIBRARY.data("metal", "lithium-magnesium")
    entry = data["redlich_kister"]
    with pytest.raises(ValidationError, match="single number"):
        MetalMaterial.model_validate(data | {"redlich_kister": entry | {"range": [entry["value"]] * 2}})


def test_one_mah_per_cm2_is_484_um_of_lithium() -> None:
    thickness = metal().molar_volume.value * COULOMB_PER_MAH_CM2 / FARADAY
    assert thickness == pytest.approx(4.84e-6, rel=1e-3)


def test_lithium_creeps_at_the_published_rate() -> None:
    law = creep("lithium")
    assert law.coefficient(ROOM) == pytest.approx(6.7e-3, rel=0.01)
    assert law.stress.value == 1e6


def test_alternative_creep_laws() -> None:
    assert creep("roy-fleck-deshpande-2021").coefficient(ROOM) == pytest.approx(1e-2)
    narayan = creep("narayan-anand-2018")
    stress = narayan.stress.value * (0.0140 / narayan.coefficient(ROOM)) ** (1 / narayan.exponent.value)
    assert stress == pytest.approx(2.0e6)


def test_surface_energy_follows_from_the_work_of_adhesion() -> None:
    lithium = metal()
    work = lithium.surface_energy.value * (1.0 + math.cos(lithium.contact_angle.value))
    assert work == pytest.approx(0.39, rel=2e-3)


def test_conductivity_at_60_degrees_and_pellet_resistance() -> None:
    electrolyte = ElectrolyteMaterial.model_validate(LIBRARY.data("electrolyte", "LPSCl"))
    assert electrolyte.conductivity.at(333.15) == pytest.approx(1.24, rel=0.01)
    assert 5e-4 / electrolyte.conductivity.at(ROOM) == pytest.approx(14.3e-4, rel=0.01)


def test_resistance_falls_and_diffusivity_grows_with_temperature() -> None:
    electrolyte = ElectrolyteMaterial.model_validate(LIBRARY.data("electrolyte", "LPSCl"))
    ratio = electrolyte.area_resistance.at(333.15, sign=-1) / electrolyte.area_resistance.at(ROOM, sign=-1)
    exponent = 0.4 * constants.e / constants.k * (1 / 333.15 - 1 / ROOM)
    assert ratio == pytest.approx(math.exp(exponent))
    assert metal().diffusivity.at(333.15) > metal().diffusivity.at(ROOM)
