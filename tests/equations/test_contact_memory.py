"""What the current reads of a contact's memory: means that keep the conductance, solves that come through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.tags import Boundary
from solver.algebra.newton import SolveError
from solver.case.loading import LoadedCase
from solver.equations.contact_facets import ContactFacets, middles
from solver.equations.coupled_model import CoupledModel
from solver.setup.parameters import model_parameters
from solver.setup.scales import case_scales
from solver.setup.setup import set_up
from solver.simulation.discretisation import initial_cell
from solver.stepping.observables import Observables
from tests.conftest import small_case
from tests.interface.test_contact_memory import SOLID

pytestmark = pytest.mark.parallel


@dataclass
class Given:
    """A record that is a function of place, without gaps."""

    conductance_at: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    spacing: float = 0.02
    held: float = 0.0
    has_gaps: bool = False
    has_memory: bool = True

    def closed_at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.ones(len(points))

    def gap_at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.zeros(len(points))

    def virgin_fraction(self) -> float:
        return 0.25


def build(loaded: LoadedCase, comm: MPI.Comm) -> CoupledModel:
    return CoupledModel(initial_cell(set_up(loaded), comm), model_parameters(loaded, case_scales(loaded)))


def jump(low: float, where: float = 2.0) -> Given:
    """1 beyond ``where``, ``low`` before."""
    return Given(lambda x: np.where(x[:, 0] > where, 1.0, low))


def observed(model: CoupledModel, loaded: LoadedCase) -> Any:
    return Observables(model, case_scales(loaded), 500.0, 6.0).observe()


@pytest.mark.parametrize("pieces", [1, 2, 5])
@pytest.mark.parametrize("dim", [1, 2])
def test_pieces_of_a_facet_lie_in_it_and_are_equal(dim: int, pieces: int) -> None:
    hats = middles(dim, pieces)
    assert len(hats) == pieces**dim
    assert (hats > 0.0).all()
    assert hats.sum(axis=1) == pytest.approx(1.0)
    assert hats.mean(axis=0) == pytest.approx(1.0 / (dim + 1))


@pytest.mark.parametrize("kind", ["plane", "axisymmetric", "3d"])
def test_means_around_nodes_keep_the_integral_and_constants(kind: str, comm: MPI.Comm) -> None:
    loaded = small_case(contact_memory={}, **(SOLID if kind == "3d" else {"geometry": {"kind": kind}}))
    model = build(loaded, comm)
    facets = model.chemistry.kinetics.facets
    assert facets is not None
    function = fem.Function(model.surface.scalars)
    function.x.array[:] = facets.nodal_means(lambda x: np.full(len(x), 0.3), 0.1)
    on = np.unique(facets.dofs)
    assert function.x.array[on] == pytest.approx(0.3)
    area = model.chemistry.contact_area
    for low in (1e-5, 0.2):
        one = facets.nodal_means(jump(low).conductance_at, 0.002)
        function.x.array[:] = one
        exact = model.chemistry.whole_area * (1.0 - (4.0 / 9.0 if kind == "axisymmetric" else 2.0 / 3.0))
        exact += low * (area - exact)
        found = model.chemistry.integrate(function("+"), Boundary.CONTACT)
        assert found == pytest.approx(exact, rel=2e-3)
        assert one[on].min() >= low * (1.0 - 1e-12) and one[on].max() <= 1.0 + 1e-12
    model.destroy()


@pytest.mark.one_rank
def test_virgin_contact_is_that_of_a_case_without_memory(comm: MPI.Comm) -> None:
    without, within = (
        small_case(numerics={"layer_size": "0.3 um"}),
        small_case(numerics={"layer_size": "0.3 um"}, contact_memory={}),
    )
    seen = []
    for loaded, record in ((without, None), (within, None), (within, jump(1.0))):
        model = build(loaded, comm)
        model.chemistry.kinetics.record = record
        model.solve(0.0)
        seen.append(observed(model, loaded))
        model.destroy()
    for name in ("contact_fraction", "active_fraction", "contact_pressure", "gain", "loss", "focus_contact"):
        values = [getattr(one, name) for one in seen]
        assert values == pytest.approx([values[0]] * 3, rel=1e-9), name
    assert [one.shares.total for one in seen] == pytest.approx([seen[0].shares.total] * 3, rel=1e-9)
    assert [one.virgin_fraction for one in seen] == [seen[0].contact_fraction, seen[1].contact_fraction, 0.25]


@pytest.mark.one_rank
def test_patches_and_memory_multiply(comm: MPI.Comm) -> None:
    """Z = f Z_0 (Z/Z_0): in a flat cell of good electrolyte, a patch over half and memory over half."""
    changes: dict[str, Any] = {
        "void": [],
        "model": {"vacancies": False, "pressure_potential": False, "kinetics": "linear"},
        "material": {"electrolyte": {"name": "LPSCl", "conductivity": "1000 S/m"}},
        "numerics": {"layer_size": "0.05 um"},
        "contact_memory": {},
    }
    patch = {"patch": [{"position": "3 um", "width": "3 um", "factor": 0.5}], "edge": "0.01 um"}
    loaded = small_case(heterogeneity=patch, **changes)
    model = build(loaded, comm)
    model.chemistry.kinetics.record = jump(0.1, 1.0)
    model.solve(0.0)
    drop = model.chemistry.integrate(model.chemistry.overpotential(), Boundary.CONTACT) / 3.0
    # 1 um at 0.1, half a um at 1, 1.5 um at 2 times 1/Z_0
    mean = (1.0 * 0.1 + 0.5 * 1.0 + 1.5 * 2.0) / 3.0
    assert drop == pytest.approx(model.parameters.current.area_resistance / mean, rel=1e-2)
    seen = observed(model, loaded)
    assert seen.active_fraction == pytest.approx((1.0 * 0.1 + 2.0) / 3.0, rel=1e-3)  # patches are no memory
    model.destroy()


@pytest.mark.parametrize("kinetics", ["linear", "butler-volmer"])
def test_contact_that_is_lost_from_one_step_to_the_next_can_be_solved(kinetics: str, comm: MPI.Comm) -> None:
    """From virgin contact to one that carries next to nothing, but for a last spot or all of it; and back."""
    loaded = small_case(contact_memory={}, model={"kinetics": kinetics})
    model = build(loaded, comm)
    volts = []
    worst = 0.01**1.34 / 324.0
    for record in (
        jump(1.0),
        jump(worst, 2.9),
        jump(worst, 4.0),
        jump(1.0),
        jump(worst, 4.0),
        jump(worst, 2.9),
    ):
        model.chemistry.kinetics.record = record
        report = model.solve(0.0)
        assert report.coupling < 10
        volts.append(observed(model, loaded).shares.total)
    assert volts[0] == pytest.approx(volts[3], rel=1e-6)
    assert volts[1:3] == pytest.approx([volts[5], volts[4]], rel=1e-6)
    assert volts[0] < volts[1] < volts[2]
    if kinetics == "butler-volmer":
        assert 0.3 < volts[2] < 0.6
    model.destroy()


@pytest.mark.one_rank
def test_newton_comes_back_from_vacancies_below_nothing(comm: MPI.Comm) -> None:
    """What extrapolation in time may make of S where a last spot of virgin contact is lost."""
    loaded = small_case(contact_memory={})
    model = build(loaded, comm)
    model.chemistry.kinetics.record = jump(1e-5, 2.5)
    model.solve(0.0)
    before = observed(model, loaded).shares.total
    chemistry, part = model.chemistry, model.chemistry.part("supersaturation")
    half = 0.5 * (1.0 + comm.allreduce(float(part.values.max()), op=MPI.MAX))
    part.assign(np.where(part.values > half, part.values - 1.4, part.values))
    start = chemistry.unknown.x.array.copy()
    with pytest.raises(SolveError):
        chemistry._solve(0.0)
    chemistry.unknown.x.array[:] = start
    model.solve(0.0)
    assert observed(model, loaded).shares.total == pytest.approx(before, rel=1e-6)
    model.destroy()


def test_the_facets_of_all_ranks_are_the_contact(comm: MPI.Comm) -> None:
    model = build(small_case(contact_memory={}), comm)
    facets = ContactFacets(model.cell, model.surface.scalars)
    x = model.surface.scalars.tabulate_dof_coordinates()[facets.dofs, 0]
    np.testing.assert_allclose(facets.corners()[:, :, 0], x, atol=1e-15)
    length = comm.allreduce(float(np.abs(np.diff(x, axis=1)).sum()))
    assert length == pytest.approx(model.chemistry.contact_area, rel=1e-12)
    model.destroy()
