from __future__ import annotations

import math

import pytest
from scipy import constants

from solver.case.materials import CreepMaterial, ElectrolyteMaterial, Library, MetalMaterial
from solver.setup.scales import COULOMB_PER_MAH_CM2, FARADAY

LIBRARY = Library()
ALL = [(kind, name) for kind in Library.KINDS for name in LIBRARY.names(kind)]
ROOM = 298.15


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
    numbers = {key: entry for key, entry in data.items() if isinstance(entry, dict)}
    assert numbers
    for entry in numbers.values():
        assert len(entry["source"]) > 10
        assert entry["status"] != "override"


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
