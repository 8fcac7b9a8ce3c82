from __future__ import annotations

import pytest
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI
from scipy.optimize import brentq

from solver.equations.terms.creep import effective_rate, parallel_viscosity, viscosity


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
