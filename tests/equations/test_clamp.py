"""The clamp of a coupled model: its state in steps and between meshes, and platens that are driven."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mpi4py import MPI

from meshes.tags import Boundary
from solver.equations.clamp import DeadLoad, GivenMotion, SpringClamp
from solver.equations.coupled_model import CoupledModel
from solver.equations.terms.fixture import ClampedTop, FixtureParameters, PlatenMotion
from solver.equations.terms.load import LoadParameters, StackPressure, top_terms
from solver.setup.setup import set_up
from solver.setup.step_control import StepLimits
from solver.simulation.discretisation import discretise, initial_cell, remeshed
from solver.stepping import step
from solver.stepping.step import StepRejectedError
from solver.verification import cells
from tests.conftest import small_case

pytestmark = pytest.mark.parallel

STIFFNESS, EXPANSION = 2.0, 0.6
FREE = StepLimits(5.0)


def build(
    comm: MPI.Comm,
    fixture: FixtureParameters,
    *,
    top: str = "platen",
    void: bool = True,
    tension: float = 0.2,
) -> CoupledModel:
    given = cells.parameters(vacancies=None, reference_stress=1.0, exponent=6.6, tension=tension)
    load = replace(given.load, fixture=fixture, top=top)  # type: ignore[arg-type]
    cell = cells.void_cell(comm) if void else cells.flat_cell(comm)
    return CoupledModel(cell, replace(given, load=load))


@pytest.mark.one_rank
def test_the_kind_of_load_follows_from_the_parameters(comm: MPI.Comm) -> None:
    spring, motion = FixtureParameters(STIFFNESS, EXPANSION), FixtureParameters(motion=PlatenMotion(1.0))
    for fixture, top, kind in (
        (FixtureParameters(), "platen", DeadLoad),
        (FixtureParameters(0.0, EXPANSION), "platen", DeadLoad),
        (spring, "platen", SpringClamp),
        (motion, "velocity", GivenMotion),
    ):
        model = build(comm, fixture, top=top, void=False)
        assert type(model.clamp) is kind
        assert model.clamp.pressure == 1.0
        assert model.clamp.lift_off == 0.0
        model.destroy()


def test_the_platen_carries_what_the_clamp_presses_with(comm: MPI.Comm) -> None:
    """In equilibrium at the end of the step: the contact's force is P plus the pull of the wetting roof."""
    model, dt = build(comm, FixtureParameters(STIFFNESS, EXPANSION), tension=0.0), 0.01
    model.solve(dt)
    w = model.mechanics.platen_velocity()
    force = comm.allreduce(float(model.contact.force.sum()))
    model.clamp.accept()
    assert model.clamp.pressure == pytest.approx(1.0 - STIFFNESS * dt * (w - EXPANSION), rel=1e-12)
    assert force / model.chemistry.whole_area == pytest.approx(model.clamp.pressure, rel=1e-7)
    assert float(model.chemistry.metal.reference_pressure.value) == pytest.approx(model.clamp.pressure)
    model.destroy()


def test_a_step_that_is_rejected_leaves_the_clamp_alone(comm: MPI.Comm) -> None:
    model = build(comm, FixtureParameters(STIFFNESS, EXPANSION))
    step.advance(model, 1e-3, FREE)
    before = model.clamp.state(), model.clamp.pressure
    for limits in (StepLimits(1e-6), replace(FREE, pressure=1e-6)):
        with pytest.raises(StepRejectedError) as rejected:
            step.advance(model, 2e-3, limits)
        assert (model.clamp.state(), model.clamp.pressure) == before
    assert "stack pressure changes by" in str(rejected.value)
    assert 0.1 <= rejected.value.factor < 1.0
    again = step.advance(model, 1e-3, FREE)
    assert again.pressure_change > 0.0
    model.destroy()


@pytest.mark.one_rank
def test_steps_follow_the_change_of_pressure(comm: MPI.Comm) -> None:
    model, limits = build(comm, FixtureParameters(STIFFNESS, EXPANSION)), replace(FREE, pressure=0.01)
    result = step.advance(model, 2e-4, limits)
    proposed = step.change_limit(2e-4, result, limits)
    assert proposed == pytest.approx(2e-4 * 0.01 / result.pressure_change, rel=1e-12)
    following = step.advance(model, proposed, limits)
    assert following.pressure_change == pytest.approx(0.01, rel=0.2)
    model.destroy()


def test_a_clamp_lifts_off_and_presses_again(comm: MPI.Comm) -> None:
    """Stripping takes it off, plating brings it back; exact on a contact that adhesion holds."""
    given = cells.parameters(vacancies=None, reference_stress=1.0, exponent=6.6, adhesion=1.0)
    load = replace(given.load, fixture=FixtureParameters(STIFFNESS, EXPANSION))
    model = CoupledModel(cells.flat_cell(comm), replace(given, load=load))
    net, dt = 0.0, 0.15
    for sign in [1.0] * 12 + [-1.0] * 10:
        model.chemistry.control(sign)
        step.advance(model, dt, FREE)
        net += sign * dt
        compression = 1.0 / STIFFNESS - (1.0 - EXPANSION) * net
        assert model.clamp.pressure == pytest.approx(STIFFNESS * max(compression, 0.0), abs=1e-8)
        assert model.clamp.lift_off == pytest.approx(max(-compression, 0.0), abs=1e-8)
    assert model.clamp.pressure > 0.5
    model.destroy()


def test_the_counter_electrode_follows_the_current_of_a_held_overpotential(comm: MPI.Comm) -> None:
    """The model is the same whether its current or the potential that drives it is given."""
    one = build(comm, FixtureParameters(STIFFNESS, EXPANSION), void=False)
    one.solve(0.1)
    drop = one.chemistry.integrate(one.chemistry.metal_potential("+"), Boundary.CONTACT)
    two = build(comm, FixtureParameters(STIFFNESS, EXPANSION), void=False)
    two.chemistry.control(None, drop / one.chemistry.contact_area)
    two.solve(0.1)
    for model in (one, two):
        model.clamp.accept()
    assert two.chemistry.contact_current() == pytest.approx(one.chemistry.contact_current(), rel=1e-6)
    assert two.clamp.pressure == pytest.approx(one.clamp.pressure, rel=1e-6)
    one.destroy()
    two.destroy()


def test_a_new_mesh_has_the_compression_and_the_height_of_its_platen(comm: MPI.Comm) -> None:
    fixture = {"stiffness": "10 MPa/um", "counter": "indium"}
    setup = set_up(small_case(fixture=fixture))
    old = discretise(setup, initial_cell(setup, comm))
    step.advance(old.model, 1e-3, FREE)
    profile = old.surfaces.profile()
    lower = replace(profile, metal_height=profile.metal_height - 1e-3)
    for wanted, fallen in ((profile, 0.0), (lower, 1e-3)):
        new, _, _ = remeshed(setup, old, [wanted])
        stiffness = setup.parameters.load.fixture.stiffness
        lost = stiffness * fallen
        assert new.model.clamp.pressure == pytest.approx(old.model.clamp.pressure - lost, rel=1e-9)
        new.destroy()
    old.destroy()


@pytest.mark.parametrize("velocity", [0.0, 0.7])
def test_a_driven_platen_moves_as_it_is_told_and_says_its_pressure(comm: MPI.Comm, velocity: float) -> None:
    motion = FixtureParameters(motion=PlatenMotion(velocity))
    model = build(comm, motion, top="velocity", tension=0.0)
    before = model.platen_height()
    for _ in range(3):
        step.advance(model, 1e-3, FREE)
    assert model.mechanics.platen_velocity() == pytest.approx(velocity, abs=1e-12)
    assert before - model.platen_height() == pytest.approx(3e-3 * velocity, abs=1e-12)
    model.solve(1e-3)
    force = comm.allreduce(float(model.contact.force.sum()))
    assert model.clamp.pressure == pytest.approx(force / model.chemistry.whole_area, rel=1e-6)
    kept = model.clamp.state()
    with pytest.raises(StepRejectedError):
        step.advance(model, 1e-3, StepLimits(1e-6))
    assert model.clamp.state() == kept
    model.destroy()


@pytest.mark.one_rank
def test_the_pressure_of_a_driven_platen_is_that_which_moves_it_so(comm: MPI.Comm) -> None:
    dead = build(comm, FixtureParameters(), tension=0.0)
    dead.solve(0.0)
    motion = FixtureParameters(motion=PlatenMotion(dead.mechanics.platen_velocity()))
    driven = build(comm, motion, top="velocity", tension=0.0)
    driven.solve(0.0)
    assert driven.clamp.pressure == pytest.approx(1.0, rel=1e-6)
    assert np.sum(driven.void_rates()) == pytest.approx(np.sum(dead.void_rates()), rel=1e-6)
    dead.destroy()
    driven.destroy()


@pytest.mark.one_rank
def test_a_platen_follows_a_curve_by_time_and_by_charge(comm: MPI.Comm) -> None:
    places, heights = (0.0, 1e-3, 4e-3), (5.0, 4.999, 4.9985)
    for by_time in (True, False):
        motion = PlatenMotion(by_time=by_time, places=places, heights=heights)
        model = build(comm, FixtureParameters(motion=motion), top="velocity")
        start, at = model.platen_height(), 0.0
        for dt in (4e-4, 9e-4, 1.7e-3):
            model.clamp.place(at if by_time else 0.0, 0.0 if by_time else at)
            step.advance(model, dt, FREE)
            at += dt
            fallen = heights[0] - float(np.interp(at, places, heights))
            assert start - model.platen_height() == pytest.approx(fallen, rel=1e-9)
        model.destroy()


def test_a_curve_goes_on_beyond_its_end_and_stands_still_at_rest() -> None:
    motion = PlatenMotion(places=(0.0, 1.0, 2.0), heights=(5.0, 4.0, 3.5))
    assert motion.mean_velocity(0.5, 1.0, 1.0) == pytest.approx(0.75)
    assert motion.mean_velocity(2.0, 4.0, 4.0) == pytest.approx(0.5)
    assert motion.mean_velocity(1.0, 0.0, 1.0) == 0.0
    assert PlatenMotion(by_time=False, places=(0.0, 2.0), heights=(5.0, 4.0)).mean_velocity(
        0.0, 1.0, 0.25
    ) == pytest.approx(2.0)


def test_a_dead_load_has_the_term_that_it_always_had() -> None:
    """k = 0 gives the numbers of a case without [fixture], digit by digit; a driven platen has no load."""
    spring = LoadParameters(fixture=FixtureParameters(STIFFNESS))
    for given, kinds in (
        (LoadParameters(), [StackPressure]),
        (LoadParameters(fixture=FixtureParameters(0.0, EXPANSION)), [StackPressure]),
        (spring, [ClampedTop]),
        (LoadParameters(top="velocity"), []),
    ):
        assert [type(term) for term in top_terms(given)] == kinds
