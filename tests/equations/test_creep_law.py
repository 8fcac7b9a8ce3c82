from __future__ import annotations

import pytest
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI
from scipy import constants
from scipy.optimize import brentq

from solver.case.loading import CaseError
from solver.equations.terms.creep import (
    CreepLaw,
    CreepParameters,
    effective_rate,
    parallel_viscosity,
    viscosity,
)
from solver.equations.terms.diffusional_creep import Grains
from solver.equations.terms.saturated_creep import Saturation
from solver.setup.parameters import model_parameters
from solver.setup.scales import case_scales
from tests.conftest import small_case


def value(expression: ufl.core.expr.Expr, domain: mesh.Mesh) -> float:
    return float(fem.assemble_scalar(fem.form(expression * ufl.dx(domain))))


@pytest.mark.parametrize("rate", [1e-8, 1e-4, 1e-2, 1.0, 1e4])
def test_parallel_mechanisms_add_their_rates(rate: float) -> None:
    domain = mesh.create_unit_interval(MPI.COMM_SELF, 1)
    n, reference, diffusional = 6.6, 2.0, 1e-2
    exact = brentq(lambda s: (s / reference) ** n + diffusional * s - rate, 0.0, 1e4, xtol=1e-15, rtol=1e-14)
    e_e = fem.Constant(domain, rate)
    mu = parallel_viscosity(
        effective_rate=e_e,
        exponent=fem.Constant(domain, n),
        reference_stress=fem.Constant(domain, reference),
        viscosity_floor=fem.Constant(domain, 0.0),
        diffusional_rate=fem.Constant(domain, diffusional),
    )
    assert 3.0 * rate * value(mu, domain) == pytest.approx(exact, rel=1e-6)


def test_uniaxial_law() -> None:
    domain = mesh.create_unit_interval(MPI.COMM_SELF, 1)
    zero = fem.Constant(domain, 0.0)
    rate = fem.Constant(domain, 0.3)
    uniaxial = ufl.as_tensor([[rate, zero, zero], [zero, -rate / 2, zero], [zero, zero, -rate / 2]])
    e_e = effective_rate(uniaxial, zero)
    assert value(e_e, domain) == pytest.approx(0.3)
    mu = viscosity(
        effective_rate=e_e, exponent=fem.Constant(domain, 5.0), reference_stress=fem.Constant(domain, 2.0),
        viscosity_floor=zero,
    )  # fmt: skip
    # sigma = 3 mu e = 2 (e)^(1/5)
    assert 3 * 0.3 * value(mu, domain) == pytest.approx(2.0 * 0.3**0.2)


N, REFERENCE, LIMIT, SATURATED = 6.6, 2.0, 5.0, 3.0
LAWS = {
    "power law": CreepParameters(N, REFERENCE),
    "limited": CreepParameters(N, REFERENCE, saturation=Saturation(LIMIT, SATURATED)),
    "both parallel": CreepParameters(N, REFERENCE, diffusional_rate=1e-2),
    "limited, parallel": CreepParameters(
        N, REFERENCE, diffusional_rate=1e-2, saturation=Saturation(LIMIT, SATURATED)
    ),
    "grains": CreepParameters(N, REFERENCE, grains=Grains(1e-2, 0.5, 2.0)),
    "limited, grains": CreepParameters(
        N, REFERENCE, grains=Grains(1e-2, 0.5, 2.0), saturation=Saturation(LIMIT, SATURATED)
    ),
}
DISTANCE = 0.8


def rate_at(law: CreepParameters, stress: float) -> float:
    """The uniaxial law as docs/creep-laws.md states it."""
    rate = (stress / law.reference_stress) ** law.exponent
    if law.saturation is not None:
        saturated = (stress / law.saturation.reference_stress) ** law.saturation.exponent
        rate = 1.0 / (1.0 / rate + 1.0 / saturated)
    if law.grains is not None:
        size = min(max(DISTANCE, law.grains.smallest), law.grains.largest)
        rate += law.grains.coefficient / size**2 * stress
    return rate + law.diffusional_rate * stress


def on_mesh(law: CreepParameters) -> tuple[CreepLaw, mesh.Mesh]:
    domain = mesh.create_unit_interval(MPI.COMM_SELF, 1)
    return CreepLaw(law, lambda number: fem.Constant(domain, number), fem.Constant(domain, DISTANCE)), domain


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("stress", [1e-3, 0.05, 0.5, 1.7, 4.0, 60.0])
def test_stress_and_rate_belong_together(name: str, stress: float) -> None:
    parameters = LAWS[name]
    law, domain = on_mesh(parameters)
    rate = rate_at(parameters, stress)
    assert 3.0 * rate * value(law.viscosity(fem.Constant(domain, rate)), domain) == pytest.approx(
        stress, rel=1e-9
    )
    at = fem.Constant(domain, stress)
    assert stress * value(law.linearised(at)[0], domain) == pytest.approx(rate, rel=1e-12)
    step = 1e-5
    fluidities = [rate_at(parameters, s) / s for s in (stress * (1.0 - step), stress * (1.0 + step))]
    slope = (fluidities[1] - fluidities[0]) / (2.0 * step)
    assert value(law.linearised(at)[1], domain) == pytest.approx(slope, rel=1e-6, abs=1e-9 * rate / stress)


def test_a_limited_law_is_never_faster_than_either() -> None:
    law, domain = on_mesh(LAWS["limited"])
    for stress in (0.01, 1.0, 100.0):
        rate = stress * value(law.linearised(fem.Constant(domain, stress))[0], domain)
        both = [(stress / REFERENCE) ** N, (stress / SATURATED) ** LIMIT]
        assert 0.5 * min(both) <= rate * (1.0 + 1e-12) and rate < min(both)


def test_a_cold_start_begins_with_a_newtonian_metal() -> None:
    """At n = 1 the fluidity does not depend on the stress; then it is the law's own again."""
    law, domain = on_mesh(LAWS["limited"])
    law.take_exponent(1.0)
    low, high = (value(law.linearised(fem.Constant(domain, s))[0], domain) for s in (0.1, 10.0))
    assert low == pytest.approx(high, rel=1e-12)
    law.take_exponent(N)
    assert 4.0 * value(law.linearised(fem.Constant(domain, 4.0))[0], domain) == pytest.approx(
        rate_at(LAWS["limited"], 4.0), rel=1e-12
    )


@pytest.mark.parametrize(("metal", "share"), [("lithium", 1.0), ("lithium-magnesium", 0.173)])
def test_the_named_laws_in_si(metal: str, share: float) -> None:
    """At 25 C: 6.7e-3 1/s at 1 MPa, saturated 0.0140 1/s at 2.0 MPa; 1.0e-4 1/s at 0.2 MPa and 1 um."""
    loaded = small_case(material={"metal": {"name": metal}, "creep": {"name": f"{metal}-anand-limited"}})
    scales = case_scales(loaded)
    law = model_parameters(loaded, scales).creep
    for stress in (0.1e6, 0.2e6, 1e6, 3e6):
        power, saturated = 6.67e-3 * (stress / 1e6) ** 6.6, 0.0140 * (stress / 2e6) ** 5
        wanted = share / (1.0 / power + 1.0 / saturated)
        assert rate_at(law, stress / scales.stress) / scales.time == pytest.approx(wanted, rel=0.01)
    loaded = small_case(material={"metal": {"name": metal}, "creep": {"name": f"{metal}-nabarro-herring"}})
    grains = model_parameters(loaded, scales).creep.grains
    assert grains is not None
    diffusivity = loaded.metal.diffusivity.at(298.15)
    wanted = 14.0 * diffusivity * loaded.metal.molar_volume.value * 0.2e6 / (constants.R * 298.15 * 1e-12)
    assert grains.coefficient * 0.2e6 / scales.stress / scales.time == pytest.approx(wanted, rel=1e-12)
    assert (grains.smallest, grains.largest) == pytest.approx((0.1, 100.0))
    if metal == "lithium":
        assert wanted == pytest.approx(1.2e-4 * diffusivity / 8e-15, rel=0.03)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"saturated_exponent": 4.0}, "a limited law also needs saturated_prefactor, saturated_stress"),
        ({"grain_size": "10 um"}, "a law with grains also needs smallest_grain"),
        ({"grain_size": "1 um", "smallest_grain": "2 um"}, "smallest_grain is larger"),
        (
            {"grain_size": "10 um", "smallest_grain": "1 um", "diffusional_rate": "1e-8 1/s"},
            "by grain_size or by diffusional_rate, not both",
        ),
    ],
)
def test_half_a_mechanism_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(CaseError, match=message):
        small_case(material={"creep": {"name": "lithium", **changes}})
