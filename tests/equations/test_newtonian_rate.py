"""The rate below which creep is linear, in proportion to that of the flow."""

from __future__ import annotations

import numpy as np
import pytest
import ufl
from mpi4py import MPI

from meshes.tags import Boundary
from solver.equations.coordinates import weight
from solver.equations.newtonian_rate import SMALLEST
from solver.equations.terms.creep import (
    MOST_REGULARISATION,
    RELATIVE_REGULARISATION,
    CreepParameters,
)
from solver.setup.parameters import model_parameters
from solver.setup.scales import case_scales
from solver.verification import flow
from solver.verification.patches import quarter_annulus
from tests.conftest import small_case

EXPONENT = 6.6


def closing(comm: MPI.Comm, pressure: float, law: CreepParameters) -> tuple[list[float], list[float]]:
    """Closure of a void in a ring, and e_0, after each of two solves."""
    cell = quarter_annulus(1.0, 3.0, 8, comm, "plane")
    mechanics = flow.problem(cell, EXPONENT, pressure=pressure, law=law)
    held = flow.on(mechanics, 1, Boundary.CONTACT)
    swept, used = [], []
    for _ in range(2):
        mechanics.follow_mesh()
        mechanics.solve(held, np.zeros(len(held)))
        normal = ufl.FacetNormal(cell.domain)
        form = ufl.inner(mechanics.velocity, normal) * weight(cell) * cell.ds(Boundary.VOID)
        swept.append(flow.integral(cell, form))
        used.append(float(mechanics.regularisation.value))
    mechanics.destroy()
    return swept, used


def law(regularisation: float, relative: float = 0.0) -> CreepParameters:
    return CreepParameters(EXPONENT, 1.0, regularisation, relative_regularisation=relative)


@pytest.mark.parallel
def test_slow_flow_is_not_biased(comm: MPI.Comm) -> None:
    """At 0.6 of the reference stress the ring closes at 1e-2: 1e-4 would be most of the rate far away."""
    exact = closing(comm, 0.6, law(1e-9))[0][0]
    fixed = closing(comm, 0.6, law(3e-3))[0][0]
    swept, used = closing(comm, 0.6, law(3e-3, RELATIVE_REGULARISATION))
    assert abs(fixed / exact - 1.0) > 0.05
    assert swept[0] == pytest.approx(exact, rel=5e-3)
    assert SMALLEST < used[0] < 3e-3
    assert np.log2(used[0]) == round(np.log2(used[0]))
    # solved again, the same state is the same
    assert used[1] == used[0]
    assert swept[1] == pytest.approx(swept[0], rel=1e-9)


@pytest.mark.parallel
def test_fast_flow_has_the_largest_and_rest_the_smallest(comm: MPI.Comm) -> None:
    relative = law(MOST_REGULARISATION, RELATIVE_REGULARISATION)
    assert closing(comm, 3.0, relative)[1] == [MOST_REGULARISATION] * 2
    assert closing(comm, 0.05, relative)[1] == [SMALLEST] * 2


def test_a_case_that_gives_the_rate_has_it() -> None:
    laws = []
    for numerics in ({}, {"regularisation": 1e-3}):
        loaded = small_case(numerics=numerics)
        laws.append(model_parameters(loaded, case_scales(loaded)).creep)
    assert (laws[0].regularisation, laws[0].relative_regularisation) == (
        MOST_REGULARISATION,
        RELATIVE_REGULARISATION,
    )
    assert (laws[1].regularisation, laws[1].relative_regularisation) == (1e-3, 0.0)
