"""What vacancies cost at a flat contact: reported by the setup, and found by the whole model of a case."""

from __future__ import annotations

import math
from typing import Any

import pytest
from mpi4py import MPI
from scipy import constants

from solver.case.loading import parse_case
from solver.setup.groups import vacancy_resistance
from solver.setup.scales import FARADAY
from solver.setup.setup import Setup, set_up
from solver.simulation.discretisation import discretise, initial_cell
from solver.stepping.observables import Observables
from tests.conftest import small_case

AREA = 1e-4
SMALL = 1e-3
FLAT: dict[str, Any] = {
    "geometry": {"width": "2 um", "metal_thickness": "80 um", "electrolyte_depth": "2 um"},
    "operation": {"pressure": "1 MPa", "current": "0.5 mA/cm^2", "capacity": "1 mAh/cm^2"},
    "numerics": {"tip_size": "0.5 um", "largest_size": "2 um", "growth": 0.2},
    # bulk that loses sites between fixed sides flows, and its stress (i to the power 1/n, with an infinite
    # slope at 0) shifts S by some 1e-4
    "model": {"stress_drift": False},
}


def exact(setup: Setup) -> tuple[float, float, float]:
    """RT/F (V), Z (ohm m2), S - 1 = v l/D_S at the case's current, from the numbers of its materials."""
    loaded, temperature = setup.loaded, setup.loaded.case.operation.temperature
    metal = loaded.metal
    diffusivity = metal.diffusivity.at(temperature)
    if metal.solute_fraction is not None and metal.solute_diffusivity is not None:
        x = metal.solute_fraction.value
        diffusivity = (1.0 - x) * diffusivity + x * metal.solute_diffusivity.at(temperature)
    sinks = 1.0 / (1.0 / metal.sink_length.value + 1.0 / metal.interface_sink_length.value)
    speed = metal.molar_volume.value * setup.scales.current / FARADAY
    resistance = loaded.electrolyte.area_resistance.at(temperature, sign=-1)
    return constants.R * temperature / FARADAY, resistance, speed * sinks / diffusivity


@pytest.mark.parallel
@pytest.mark.parametrize(
    "metal",
    [
        {"name": "lithium"},
        {"name": "lithium", "interface_sink_length": "1 um"},
        {"name": "lithium-magnesium", "interface_sink_length": "1 um"},
    ],
    ids=["bulk sinks", "interface sinks", "alloy"],
)
def test_the_model_has_the_reported_resistance(metal: dict[str, Any], comm: MPI.Comm) -> None:
    setup = set_up(parse_case(FLAT | {"material": {"metal": metal}}))
    thermal, resistance, excess = exact(setup)
    current, reported = setup.scales.current, setup.vacancy_resistance
    assert reported is not None
    assert reported.resistance == pytest.approx(thermal * excess / current, rel=1e-12)
    assert reported.overpotential == pytest.approx(thermal * math.log1p(excess), rel=1e-12)
    mesh = discretise(setup, initial_cell(setup, comm))
    geometry = setup.geometry
    seen = Observables(mesh.model, setup.scales, geometry.pellet_depth, geometry.electrolyte_depth)

    def overpotential(share: float) -> float:
        mesh.model.chemistry.control(share)
        mesh.model.solve(0.0)
        shares = seen.observe().shares
        return shares.total - shares.ohmic

    at_rest, half, full, whole = (overpotential(share) for share in (0.0, 0.5 * SMALL, SMALL, 1.0))
    mesh.destroy()
    slope = (4.0 * half - full - 3.0 * at_rest) / (SMALL * current)
    assert slope == pytest.approx(resistance + reported.resistance, rel=1e-5)
    transfer = 2.0 * thermal * math.asinh(0.5 * current * resistance / thermal)
    assert whole - at_rest == pytest.approx(transfer + reported.overpotential, rel=1e-5)


def test_the_number_of_the_literature() -> None:
    metal = {"name": "lithium", "diffusivity": "8e-15 m^2/s", "sink_length": "1 um"}
    reported = vacancy_resistance(small_case(material={"metal": metal}))
    assert reported is not None
    assert reported.ohm_cm2 == pytest.approx(4.317, rel=1e-3)
    assert reported.measured_ohm_cm2 == pytest.approx(5.0)
    assert not reported.exceeds


def test_what_was_measured_falls_with_temperature_and_may_be_unknown() -> None:
    warm = vacancy_resistance(small_case(operation={"temperature": "333.15 K"}))
    assert warm is not None
    factor = math.exp(0.4 * constants.e / constants.k * (1.0 / 333.15 - 1.0 / 298.15))
    assert warm.measured_ohm_cm2 == pytest.approx(5.0 * factor)
    own = {"name": "LPSCl", "measured_resistance": "60 ohm cm2"}
    reported = vacancy_resistance(small_case(material={"electrolyte": own}))
    assert reported is not None and not reported.exceeds


def test_none_where_vacancies_are_no_part_of_the_potential() -> None:
    assert vacancy_resistance(small_case(model={"vacancies": False})) is None
    assert vacancy_resistance(small_case(model={"vacancy_potential": False})) is None
