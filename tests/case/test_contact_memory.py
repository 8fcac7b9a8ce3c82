"""[contact_memory] of a case, and the material data that it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import constants

from solver.case.loading import CaseError, parse_case
from solver.case.materials import Library
from solver.equations.terms import contact_memory
from solver.equations.terms.contact_memory import MemoryLaw
from solver.setup.scales import case_scales
from solver.setup.setup import set_up
from tests.conftest import case_data, small_case

DOUX = {1.0: 296.0, 5.0: 49.0, 10.0: 11.4}
"""Pressure (MPa) and resistance per interface (ohm cm2) of Li on Li6PS5Cl, first loading; up to 10 MPa."""
LIMG = {"metal": {"name": "lithium-magnesium"}}


def law(**changes: Any) -> MemoryLaw:
    loaded = small_case(**({"contact_memory": {}} | changes))
    found = contact_memory.from_case(loaded, case_scales(loaded))
    assert found is not None
    return found


def resistance(found: MemoryLaw, megapascal: float, stress: float = 0.5) -> float:
    """Z (ohm cm2) of re-made contact at Z_0 = 1 ohm cm2 and P0 = ``stress`` (MPa)."""
    largest = np.array([megapascal / stress])
    return float(1.0 / found.conductance(np.array([False]), largest)[0])


def test_off_unless_a_case_asks_for_it() -> None:
    setup = set_up(small_case())
    assert setup.parameters.current.memory is None
    assert setup.sizes.layer is None


def test_the_library_gives_what_was_measured_to_the_scatter() -> None:
    found = law()
    for pressure, measured in DOUX.items():
        assert resistance(found, pressure) == pytest.approx(measured, rel=0.35)
    logs = [np.log(resistance(found, p) / z) for p, z in DOUX.items()]
    assert abs(np.mean(logs)) < 0.05
    assert resistance(found, 0.001) == resistance(found, 0.01) == pytest.approx(324.0 * 0.01**-1.34)
    assert resistance(found, 1e3) == 1.0


def test_bounds_and_healing_come_from_the_case() -> None:
    found = law(
        contact_memory={
            "lowest_pressure": "0.1 MPa",
            "healing": {"rate": "1e-4 1/s", "stress": "2 MPa", "exponent": 6.6},
        },
        material={
            "electrolyte": {"name": "LPSCl", "remade_resistance": "50 ohm cm^2", "pressure_exponent": 0.5}
        },
    )
    assert resistance(found, 0.01) == pytest.approx(50.0 * 0.1**-0.5)
    assert found.healing is not None
    scales = case_scales(small_case())
    change = found.healing.change(np.array([2.0 / 0.5, 4.0 / 0.5, -1.0]), 100.0 / scales.time)
    assert change == pytest.approx([-1e-2, -1e-2 * 2.0**6.6, 0.0])


def test_virgin_contact_follows_the_temperature_and_re_made_contact_does_not() -> None:
    warm, cold = law(operation={"temperature": "333.15 K"}), law()
    falls = np.exp(0.4 * constants.e / constants.k * (1.0 / 333.15 - 1.0 / 298.15))
    assert warm.ratio == pytest.approx(cold.ratio / falls)


def test_a_metal_has_its_own_entries_and_the_case_goes_before() -> None:
    data = Library().data("electrolyte", "LPSCl")
    assert set(data["metals"]) == {"lithium-magnesium"}
    lithium, alloy = (small_case(contact_memory={}, material=m).electrolyte for m in ({}, LIMG))
    assert lithium.remade_resistance is not None and alloy.remade_resistance is not None
    assert lithium.remade_resistance.status == "derived"
    assert "no source of its own" in alloy.remade_resistance.source
    assert alloy.area_resistance.value == lithium.area_resistance.value
    given = {"electrolyte": {"name": "LPSCl", "remade_resistance": "20 ohm cm^2"}}
    changed = small_case(contact_memory={}, material=LIMG | given).electrolyte
    assert changed.remade_resistance is not None and changed.remade_resistance.status == "override"
    assert changed.remade_resistance.value == pytest.approx(20e-4)
    loaded = small_case(contact_memory={}, material=LIMG | given)
    assert parse_case(loaded.resolved()).electrolyte == loaded.electrolyte


def test_all_that_is_wrong_is_said_at_once() -> None:
    data = case_data(
        geometry={"width": "-1 um"},
        contact_memory={"gird": "1 um", "lowest_pressure": "0 MPa", "healing": {"rate": "-1 1/s"}},
        material={
            "electrolyte": {
                "name": "LPSCl",
                "area_resistance": "0 ohm cm^2",
                "remade_resistance": "0 ohm cm^2",
                "metals": {},
            }
        },
    )
    with pytest.raises(CaseError) as caught:
        parse_case(data)
    text = "\n".join(caught.value.problems)
    for expected in (
        "geometry.width = '-1 um'",
        "contact_memory.gird: unknown key; did you mean 'grid'?",
        "contact_memory.lowest_pressure = '0 MPa': must lie between",
        "contact_memory.healing.rate = '-1 1/s'",
        "contact_memory.healing.exponent: missing",
        "material.electrolyte.metals: unknown property",
        "material.electrolyte.area_resistance = 0: [contact_memory] needs",
        "material.electrolyte.remade_resistance = 0: [contact_memory] needs",
    ):
        assert expected in text


def test_zero_resistance_is_fine_without_memory() -> None:
    zero = {"electrolyte": {"name": "LPSCl", "area_resistance": "0 ohm cm^2"}}
    assert small_case(material=zero).electrolyte.area_resistance.value == 0.0


def test_an_electrolyte_without_the_entries_is_named(tmp_path: Path) -> None:
    source = Path(contact_memory.__file__).parents[2] / "case" / "library"
    for file in source.rglob("*.toml"):
        text = file.read_text(encoding="utf-8")
        (tmp_path / file.relative_to(source)).parent.mkdir(exist_ok=True)
        if file.stem == "LPSCl":
            text = text.split("[remade_resistance]")[0]
        (tmp_path / file.relative_to(source)).write_text(text, encoding="utf-8")
    library = Library(tmp_path)
    assert parse_case(case_data(), library=library).electrolyte.remade_resistance is None
    with pytest.raises(CaseError, match=r"remade_resistance: missing; \[contact_memory\]") as caught:
        parse_case(case_data(contact_memory={}), library=library)
    assert len(caught.value.problems) == 2


def test_the_record_is_finer_than_the_elements_and_the_contact_resolves_the_floors() -> None:
    setup = set_up(small_case(contact_memory={}))
    assert setup.interface.record_spacing == pytest.approx(0.5 * setup.sizes.tip)
    assert setup.sizes.layer == pytest.approx(0.25 * 2.2)
    without = set_up(small_case())
    assert without.interface.record_spacing == setup.interface.record_spacing
    fine = set_up(small_case(numerics={"layer_size": "0.02 um"}))
    assert fine.interface.record_spacing == pytest.approx(0.5 * fine.sizes.layer) == pytest.approx(0.01)
    given = set_up(small_case(contact_memory={"grid": "0.3 um"}, numerics={"layer_size": "0.2 um"}))
    assert given.interface.record_spacing == pytest.approx(0.3)
    assert given.sizes.layer == pytest.approx(0.2)


def test_a_record_that_no_memory_holds_is_refused() -> None:
    solid = {"kind": "3d", "depth": "3 um"}
    void = [{"position": ["0 um", "0 um"], "width": "2.2 um"}]
    with pytest.raises(CaseError, match=r"contact_memory.grid: about 9e\+06 cells of 0.001 um"):
        set_up(small_case(geometry=solid, void=void, contact_memory={"grid": "0.001 um"}))
