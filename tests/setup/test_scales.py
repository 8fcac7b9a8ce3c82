from __future__ import annotations

import math

import pytest
from scipy import constants

from solver.setup.groups import dimensionless_groups
from solver.setup.parameters import model_parameters
from solver.setup.scales import FARADAY, case_scales
from tests.conftest import small_case


def test_groups_match_their_definitions() -> None:
    loaded = small_case()
    groups = dimensionless_groups(loaded)
    a, pressure, v = 1.1e-6, 0.5e6, 12.97e-6 * 5.0 / FARADAY
    rate = 2.03e4 * math.exp(-37e3 / (constants.R * 298.15))
    diffusivity = 8e-15 * math.exp(0.55 * constants.e / constants.k * (1 / 300 - 1 / 298.15))
    assert groups["Wa"] == pytest.approx(0.35 * 1e-4 / a)
    assert groups["Pi_P"] == pytest.approx(pressure / (1e6 * (v / (a * rate)) ** (1 / 6.6)))
    assert groups["Ca"] == pytest.approx(0.416 / (a * pressure))
    assert groups["Pi_v"] == pytest.approx(v * 10e-6 / diffusivity)
    assert groups["Pe"] == pytest.approx(v * a / diffusivity)
    assert groups["a/l_v"] == pytest.approx(0.11)
    assert groups["a/spacing"] == pytest.approx(1.1 / 6.0)
    thermal = constants.R * 298.15
    assert groups["Z_vac/Z"] == pytest.approx(thermal * 10e-6 * 12.97e-6 / (FARADAY**2 * diffusivity) / 1e-4)


def test_no_ratio_to_a_contact_without_resistance() -> None:
    electrolyte = {"name": "LPSCl", "area_resistance": "0 ohm*cm^2"}
    linear = {"kinetics": "linear"}
    assert "Z_vac/Z" not in dimensionless_groups(
        small_case(material={"electrolyte": electrolyte}, model=linear)
    )
    assert "Z_vac/Z" not in dimensionless_groups(small_case(model={"vacancies": False}))


def test_dimensionless_creep_law_is_the_dimensional_one() -> None:
    loaded = small_case()
    scales, law = case_scales(loaded), model_parameters(loaded, case_scales(loaded)).creep
    stress = 0.3e6
    rate = (stress / scales.stress / law.reference_stress) ** law.exponent / scales.time
    assert rate == pytest.approx(loaded.creep.coefficient(298.15) * 0.3**6.6)


def test_potentiostatic_cases_have_a_current_scale() -> None:
    loaded = small_case(operation={"mode": "potentiostatic", "current": None, "overpotential": "5 mV"})
    parameters = model_parameters(loaded, case_scales(loaded))
    assert parameters.current.applied is None
    assert parameters.current.potential == pytest.approx(5e-3 * FARADAY / (constants.R * 298.15))
    assert case_scales(loaded).current > 0.0
