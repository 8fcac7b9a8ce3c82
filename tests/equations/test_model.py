"""The coupled model: symmetry, invariance, rejection, contact, voltage shares."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI
from petsc4py import PETSc

from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import InterfaceProfile
from meshes.sizing import SizeRule
from meshes.tags import Boundary
from solver.algebra.newton import NewtonSolver, SolveError
from solver.algebra.options import model_solver_options
from solver.algebra.reduction import ConstraintSpec, Reduction
from solver.case.loading import LoadedCase
from solver.equations.contact import closed
from solver.equations.coupled_model import CoupledModel
from solver.interface.openings import openings
from solver.setup.parameters import model_parameters
from solver.setup.scales import case_scales
from solver.setup.setup import set_up
from solver.setup.step_control import StepLimits
from solver.simulation.discretisation import initial_cell
from solver.stepping import step
from solver.stepping.observables import Observables, volume_balance
from tests.conftest import small_case

pytestmark = pytest.mark.parallel

LIMITS = StepLimits(0.4)
FINE: dict[str, Any] = {"tip_size": "0.04 um", "roof_fraction": 0.06, "growth": 0.15}


def build(loaded: LoadedCase, comm: MPI.Comm) -> CoupledModel:
    return CoupledModel(initial_cell(set_up(loaded), comm), model_parameters(loaded, case_scales(loaded)))


def observe(loaded: LoadedCase, comm: MPI.Comm):  # type: ignore[no-untyped-def]
    model = build(loaded, comm)
    model.solve(0.0)
    depth = loaded.case.geometry.modelled_depth * 1e6
    seen = Observables(model, case_scales(loaded), 500.0, depth).observe()
    model.destroy()
    return seen


@pytest.mark.one_rank
def test_half_a_void_behaves_like_half_of_a_whole_one(comm: MPI.Comm) -> None:
    half = observe(small_case(numerics=FINE), comm)
    whole = observe(
        small_case(geometry={"width": "6 um"}, void=[{"width": "2.2 um", "position": "3 um"}], numerics=FINE),
        comm,
    )
    right = observe(small_case(void=[{"width": "2.2 um", "position": "3 um"}], numerics=FINE), comm)
    for other, factor in ((whole, 0.5), (right, 1.0)):
        assert factor * other.gain == pytest.approx(half.gain, rel=2e-3)
        # creep at n = 6.6 feels the mesh most: the bound is the difference between such meshes
        assert factor * other.loss == pytest.approx(half.loss, rel=2e-2)
        assert other.shares.total == pytest.approx(half.shares.total, rel=1e-3)


@pytest.mark.one_rank
def test_results_do_not_depend_on_the_scales(comm: MPI.Comm) -> None:
    """Twice the current and diffusivity, creep rate and conductance: the same dimensionless problem."""
    one = small_case()
    two = small_case(
        operation={"current": "1 mA/cm^2"},
        material={
            "metal": {"name": "lithium", "diffusivity": "1.6e-14 m^2/s"},
            "creep": {"name": "lithium", "prefactor": "4.06e4 1/s", "viscosity_floor": "1.5e5 Pa*s"},
            "electrolyte": {"name": "LPSCl", "conductivity": "0.7 S/m", "area_resistance": "0.5 ohm*cm^2"},
        },
    )
    base = small_case(
        material={
            "metal": {"name": "lithium", "diffusivity": "8e-15 m^2/s"},
            "electrolyte": {"name": "LPSCl", "conductivity": "0.35 S/m", "area_resistance": "1 ohm*cm^2"},
        }
    )
    first, second = observe(base, comm), observe(two, comm)
    assert one.case.geometry == two.case.geometry
    for name in ("gain", "loss", "contact_fraction", "focus_contact", "contact_pressure"):
        assert getattr(second, name) == pytest.approx(getattr(first, name), rel=1e-7)
    assert second.shares.total == pytest.approx(first.shares.total, rel=1e-7)


@pytest.mark.one_rank
def test_voltage_shares_add_up_to_the_cell_voltage(comm: MPI.Comm) -> None:
    loaded = small_case()
    model = build(loaded, comm)
    model.solve(0.0)
    scales = case_scales(loaded)
    shares = Observables(model, scales, 500.0, 6.0).observe().shares
    metal = model.chemistry.integrate(model.chemistry.metal_potential("+"), Boundary.CONTACT)
    metal *= scales.potential / model.chemistry.contact_area
    rest_of_pellet = 5.0 * (500.0 - 6.0) * 1e-6 / 0.35
    assert shares.total == pytest.approx(metal + rest_of_pellet, rel=1e-6)
    assert shares.ohmic == pytest.approx(5.0 * 500e-6 / 0.35, rel=1e-3)
    assert min(shares.constriction, shares.charge_transfer, shares.vacancy) > 0.0
    model.destroy()


@pytest.mark.parametrize("current", ["0.5 mA/cm^2", "1e-4 mA/cm^2"])
def test_roof_speed_is_growth_less_loss_at_every_node(current: str, comm: MPI.Comm) -> None:
    """Positive where the void grows: with almost no current, creep closes it."""
    loaded = small_case(operation={"current": current})
    model = build(loaded, comm)
    model.solve(0.0)
    gain, loss = model.void_rates()
    speed = model.roof_speed()
    owned = model.surface.nodes < model.surface.scalars.dofmap.index_map.size_local
    swept = comm.allreduce(float(speed[owned] @ model.surface.area[owned]))
    assert swept == pytest.approx(gain - loss, rel=1e-10)
    seen = Observables(model, case_scales(loaded), 500.0, 6.0).observe()
    # half an ellipse of half-axes 1.1 um: a quarter of a circle in the half cell
    assert model.surface.total_area() == pytest.approx(0.5 * math.pi * 1.1, rel=1e-2)
    assert seen.roof_speed == pytest.approx((gain - loss) / model.surface.total_area(), rel=1e-12)
    if current.startswith("1e-4"):
        assert seen.roof_speed < 0.0 and np.all(speed < 0.0)
    model.destroy()


@pytest.mark.one_rank
def test_potentiostatic_reproduces_galvanostatic(comm: MPI.Comm) -> None:
    loaded = small_case()
    model = build(loaded, comm)
    model.solve(0.0)
    metal = model.chemistry.integrate(model.chemistry.metal_potential("+"), Boundary.CONTACT)
    volts = metal / model.chemistry.contact_area * case_scales(loaded).potential
    held = small_case(operation={"mode": "potentiostatic", "current": None, "overpotential": f"{volts!r} V"})
    # the staggered loop stops at 1e-5 RT/F, of an overpotential of about 0.2 RT/F
    assert observe(held, comm).current == pytest.approx(5.0, rel=1e-4)
    model.destroy()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plane", "axisymmetric", "3d"])
def test_balances_hold_in_all_coordinates(kind: str, comm: MPI.Comm) -> None:
    changes: dict[str, Any] = {"geometry": {"kind": kind, "metal_thickness": "5 um"}}
    if kind == "3d":
        changes["geometry"]["depth"] = "3 um"
        changes["void"] = [{"width": "2.2 um", "position": ["0 um", "0 um"]}]
        changes["numerics"] = {"tip_size": "0.3 um", "growth": 0.6, "largest_size": "1.5 um"}
    model = build(small_case(**changes), comm)
    model.solve(0.0)
    balance = (model.platen_height(), model.void_measure())
    for _ in range(2):
        result = step.advance(model, 1e-4, LIMITS)
        balance, errors = volume_balance(balance, result, model, model.platen_height(), model.void_measure())
        assert errors.lithium <= 1e-8
        assert errors.volume <= 1e-8
        assert result.removed == pytest.approx(1e-4 * model.chemistry.whole_area, rel=1e-8)
    model.destroy()


def state(model: CoupledModel) -> list[np.ndarray]:  # type: ignore[type-arg]
    return [
        model.cell.domain.geometry.x.copy(),
        model.mechanics.unknown.x.array.copy(),
        model.chemistry.unknown.x.array.copy(),
        model.contact_pressure.x.array.copy(),
        model.pressure.x.array.copy(),
        model.contact.active.copy(),
    ]


@pytest.mark.parametrize("fault", ["large step", "solver", "mesh"])
def test_a_rejected_step_restores_everything(
    fault: str, comm: MPI.Comm, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build(small_case(), comm)
    step.advance(model, 1e-4, LIMITS)
    before = state(model)
    dt = 1e-4
    if fault == "large step":
        dt = 1.0
    elif fault == "solver":

        def fail(*_: object) -> None:
            raise SolveError("made to fail")

        monkeypatch.setattr(model.recession, "nodal_speed", fail)
    else:
        monkeypatch.setattr(step, "quality", lambda _cell: -0.5)
    with pytest.raises(step.StepRejectedError) as caught:
        step.advance(model, dt, LIMITS)
    assert 0.0 < caught.value.factor < 1.0
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)
    monkeypatch.undo()
    step.advance(model, 1e-4, LIMITS)
    model.destroy()


def test_contact_holds_where_it_is_pressed_and_adhesion_holds_tension(comm: MPI.Comm) -> None:
    """Uneven removal of lattice planes lifts the metal, unless it adheres."""
    loaded = small_case(void=[], model={"vacancies": False, "capillarity": False})
    cell = mesh_plane(InterfaceProfile(3.0, 6.0, 3.0), SizeRule(tip=0.25, largest=0.5), comm)
    base = model_parameters(loaded, case_scales(loaded))
    opened = []
    for adhesion in (0.0, 1e6):
        model = CoupledModel(cell, replace(base, load=replace(base.load, adhesion=adhesion)))
        model.solve(0.0)
        zone = model.zone
        uneven = 1.0 + 50.0 * np.cos(np.pi * zone.coordinates()[:, 0] / 3.0)
        from solver.equations.contact import solve_contact

        found = solve_contact(zone, closed(zone), uneven, np.full(len(zone.dofs), adhesion), time_step=0.1)
        assert np.all(found.gap_rate >= -1e-6)
        assert np.all(found.force[found.active] >= -adhesion - 1e-6)
        opened.append(comm.allreduce(int(np.count_nonzero(~found.active))))
        if adhesion == 0.0:
            model.contact = found
            seeds = openings(model, 0.25, 0.0)
            assert len(seeds) == 1
            x = zone.coordinates()[:, 0]
            lifted = np.concatenate(comm.allgather(x[~found.active]))
            left, _, right, _ = seeds[0].region.bounds
            assert left <= lifted.min() <= lifted.max() <= right
            assert seeds[0].height > 0.0
        model.destroy()
    assert opened[0] > 0
    assert opened[1] == 0


def test_stick_friction_stops_sliding(comm: MPI.Comm) -> None:
    for friction in ("slip", "stick"):
        model = build(small_case(model={"friction": friction}), comm)
        model.solve(0.0)
        dofs = fem.locate_dofs_topological(
            model.mechanics.subspace("velocity").sub(0), 1, model.cell.boundary(Boundary.CONTACT)
        )
        local = float(np.abs(model.mechanics.unknown.x.array[dofs]).max(initial=0.0))
        sliding = comm.allreduce(local, op=MPI.MAX)
        assert (sliding == 0.0) == (friction == "stick")
        model.destroy()


def test_reduction_ties_and_fixes_dofs(comm: MPI.Comm) -> None:
    cell = mesh_plane(InterfaceProfile(1.0, 1.0, 1.0), SizeRule(tip=0.3, largest=0.3), comm)
    space = fem.functionspace(cell.domain, ("Lagrange", 1))
    top = fem.locate_dofs_topological(space, 1, cell.boundary(Boundary.TOP))
    bottom = fem.locate_dofs_topological(space, 1, cell.boundary(Boundary.BOTTOM))
    reduction = Reduction(space, ConstraintSpec(fixed=[bottom], ties=[top]))
    function = fem.Function(space)
    function.x.array[:] = 7.0
    vector = reduction.create_vector()
    vector.setRandom(PETSc.Random().create(comm))
    reduction.expand(vector, function)
    assert np.all(function.x.array[bottom] == 7.0)
    values = comm.allgather(function.x.array[top].tolist())
    assert len({v for part in values for v in part}) == 1
    again = reduction.create_vector()
    reduction.restrict(function, again)
    again.axpy(-1.0, vector)
    assert again.norm() < 1e-12
    places = space.tabulate_dof_coordinates().round(9) + 0.0
    # by rounded place, not by owner: coordinates of a shared node differ by round-off between its cells
    n_top, n_bottom = (
        len({tuple(x) for part in comm.allgather(places[dofs].tolist()) for x in part})
        for dofs in (top, bottom)
    )
    assert vector.getSize() == space.dofmap.index_map.size_global - n_top - n_bottom + 1


@pytest.mark.parallel
def test_a_symmetric_factorisation_that_runs_out_of_room_is_given_up(comm: MPI.Comm) -> None:
    """With MUMPS' own pivot threshold and little room the cold start fails (error -9)."""
    loaded = small_case(operation={"pressure": "100 MPa", "current": "0.05 mA/cm^2"})
    cramped = {"newton-symmetric": {"mat_mumps_cntl_1": 0.01, "mat_mumps_icntl_14": 30}}
    found = []
    for petsc in ({}, cramped):
        cell = initial_cell(set_up(loaded), comm)
        options = model_solver_options(iterative=False, overrides=petsc)
        model = CoupledModel(cell, model_parameters(loaded, case_scales(loaded)), options)
        model.solve(0.0)
        found.append(model.void_rates())
        kind = model.mechanics.newton.factorisation()
        assert kind == ("lu" if petsc else "cholesky")
        # for good: also in solvers made anew after an error
        model.mechanics.newton._make_solvers()
        assert model.mechanics.newton.factorisation() == kind
        model.destroy()
    assert found[0] == pytest.approx(found[1], rel=1e-8)


def test_newton_goes_on_after_an_error_in_the_middle_of_a_solve(
    comm: MPI.Comm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PETSc leaves vectors locked when a package that it calls fails: the next attempt needs others."""
    model = build(small_case(), comm)
    model.solve(0.0)
    rates = model.void_rates()
    newton, failures = model.mechanics.newton, []
    real = NewtonSolver._linearise

    def failing(self: NewtonSolver, snes: Any, trial: Any, a: Any, matrix: Any) -> None:
        real(self, snes, trial, a, matrix)
        if self is newton and not failures:
            failures.append(True)
            matrix.setValue(0, 0, np.nan)
            matrix.assemble()
            raise PETSc.Error(76)

    model.mechanics.unknown.x.array[:] = 0.0
    newton._factored = None
    monkeypatch.setattr(NewtonSolver, "_linearise", failing)
    newton._make_solvers()
    model.solve(0.0)
    assert failures
    assert model.void_rates() == pytest.approx(rates, rel=1e-8)
    model.destroy()
