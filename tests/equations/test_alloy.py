"""Composition: thermodynamics, bounds, conservation, remeshing, plating."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import ufl
from dolfinx import fem
from hypothesis import given
from hypothesis import strategies as st
from mpi4py import MPI

from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import InterfaceProfile
from meshes.sizing import SizeRule
from solver.algebra.newton import SolveError
from solver.algebra.options import with_overrides
from solver.case.loading import CaseError, LoadedCase
from solver.equations.coupled_model import CoupledModel
from solver.equations.electrochemistry import ElectrochemistryProblem
from solver.equations.limiter import BoundLimiter
from solver.equations.terms import thermodynamics
from solver.equations.terms.current import CurrentParameters
from solver.equations.terms.interdiffusion import CompositionParameters
from solver.interface.void_surfaces import void_surfaces
from solver.setup.parameters import model_parameters
from solver.setup.scales import case_scales
from solver.setup.setup import set_up
from solver.setup.step_control import StepLimits
from solver.simulation import field_transfer
from solver.simulation.discretisation import initial_cell
from solver.simulation.solute_transfer import transfer_composition
from solver.stepping import step
from solver.stepping.observables import volume_balance
from tests.conftest import small_case

ALLOY: dict[str, Any] = {"metal": {"name": "lithium-magnesium"}}
LIMITS = StepLimits(0.4, 0.5)
COEFFICIENTS = (-6.4, 1.4, 1.06)


def alloy_case(**changes: Any) -> LoadedCase:
    return small_case(material=ALLOY, **changes)


def build(loaded: LoadedCase, comm: MPI.Comm) -> CoupledModel:
    return CoupledModel(initial_cell(set_up(loaded), comm), model_parameters(loaded, case_scales(loaded)))


@given(x=st.floats(0.01, 0.9))
def test_activity_and_factor_belong_together(x: float) -> None:
    """Phi = d ln a_Li/d ln x_Li, by a central difference."""
    step = 1e-6

    def activity(fraction: float) -> float:
        return float(np.log(1.0 - fraction)) + thermodynamics.excess_of_solvent(fraction, COEFFICIENTS)

    slope = (activity(x + step) - activity(x - step)) / (2.0 * step)
    factor = -(1.0 - x) * slope
    assert thermodynamics.thermodynamic_factor(x, COEFFICIENTS) == pytest.approx(
        factor, abs=1e-7 / step * 1e-3
    )


def test_an_incomplete_alloy_is_named() -> None:
    with pytest.raises(CaseError, match="an alloy also needs solute_limit"):
        small_case(material={"metal": {"name": "lithium", "solute_fraction": 0.1}})
    with pytest.raises(CaseError, match="not below solute_limit"):
        small_case(material={"metal": {"name": "lithium-magnesium", "solute_fraction": 0.7}})


@pytest.mark.parallel
def test_bounds_hold_at_a_front_that_the_mesh_does_not_resolve(comm: MPI.Comm) -> None:
    """Galerkin leaves [0, limit] here; the corrected step does not, and keeps the total."""
    cell = mesh_plane(InterfaceProfile(1.0, 2.0, 1.0), SizeRule(0.1, largest=0.1), comm)
    problem = ElectrochemistryProblem.isolated(
        cell,
        CurrentParameters(1.0, 1.0, composition_potential=False, applied=0.0),
        alloy=CompositionParameters(0.1, 0.6, 1e-5, 1e-5),
    )
    step = problem.composition
    assert step is not None
    x, y = ufl.SpatialCoordinate(cell.domain)
    stream = ufl.sin(np.pi * x) ** 2 * ufl.sin(0.5 * np.pi * y) ** 2
    step.set_flow(ufl.as_vector([ufl.grad(stream)[1], -ufl.grad(stream)[0]]))
    step.start(ufl.conditional(ufl.lt(x + y, 1.3), 0.0, 0.6))
    problem.take_fraction()
    metal, state = problem.metal, problem.state
    limiter = BoundLimiter(
        step,
        metal.interdiffusivity(state),
        metal.drift_velocity(state),
        with_overrides("newton-direct", {}),
    )
    total, left = step.total(), False
    high = fem.Function(step.scalars)
    for _ in range(6):
        limiter.begin()
        step.moved(step.begin(), 0.05)
        problem.solve()
        high.interpolate(problem.part("fraction").function)
        left |= comm.allreduce(bool((high.x.array < -1e-3).any() or (high.x.array > 0.601).any()), MPI.LOR)
        step.fraction.x.array[:] = limiter.apply(high.x.array, 0.6)
        problem.take_fraction()
        assert step.smallest() >= -1e-12
        # the velocity is free of divergence to quadrature only, and compresses by that much
        assert step.largest() <= 0.6 + 1e-6
        assert step.total() == pytest.approx(total, rel=1e-12)
    assert left
    limiter.destroy()
    problem.destroy()


def test_a_uniform_alloy_at_rest_stays_uniform_while_its_void_closes(comm: MPI.Comm) -> None:
    """The moving mesh alone changes nothing (no sinks: S = 1, no current)."""
    loaded = alloy_case(
        model={"vacancies": False, "pressure_potential": False}, operation={"pressure": "5 MPa"}
    )
    model = build(loaded, comm)
    model.chemistry.control(0.0)
    voids = model.void_measure()
    dt, limits = 1e-5, StepLimits(0.1)
    for _ in range(20):
        try:
            dt = step.next_step(dt, step.advance(model, dt, limits), limits, 1.2)
        except step.StepRejectedError as rejection:
            dt *= rejection.factor
    assert model.solute is not None
    assert model.void_measure() < 0.97 * voids
    assert model.solute.step.largest() == pytest.approx(0.03, rel=1e-11)
    assert model.solute.step.smallest() == pytest.approx(0.03, rel=1e-11)
    model.destroy()


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        ("plane", 1.0),
        pytest.param("plane", -1.0, marks=pytest.mark.parallel),
        pytest.param("axisymmetric", 1.0, marks=pytest.mark.parallel),
        ("axisymmetric", -1.0),
    ],
)
def test_balances_of_an_alloy(kind: str, sign: float, comm: MPI.Comm) -> None:
    model = build(alloy_case(geometry={"kind": kind}), comm)
    model.chemistry.control(sign)
    assert model.solute is not None
    model.solve(0.0)
    first = model.solute.step.total()
    balance = (model.platen_height(), model.void_measure())
    for _ in range(3):
        result = step.advance(model, 2e-4, LIMITS)
        assert result.composition is not None
        assert result.composition.error < 1e-12
        assert result.removed == pytest.approx(sign * 2e-4 * model.chemistry.whole_area, rel=1e-8)
        balance, errors = volume_balance(balance, result, model, model.platen_height(), model.void_measure())
        assert max(errors.lithium, errors.volume) <= 1e-8
    assert model.solute.step.total() == pytest.approx(first, rel=1e-12)
    model.destroy()


@pytest.mark.parallel
def test_remeshing_carries_the_solute_over(comm: MPI.Comm) -> None:
    loaded = alloy_case()
    model = build(loaded, comm)
    for _ in range(3):
        step.advance(model, 5e-4, LIMITS)
    assert model.solute is not None and model.parameters.composition is not None
    surfaces = void_surfaces(model.cell, model.surface, 6.0)
    rule = set_up(loaded).sizes
    found = surfaces.profile()
    assert isinstance(found, InterfaceProfile)
    profile, _ = found.resampled(rule)
    parameters, old = model_parameters(loaded, case_scales(loaded)), model.solute.step
    same = CoupledModel(mesh_plane(profile, rule, comm), parameters)
    excess = old.total() - model.parameters.composition.fraction * model.metal_measure()
    # the layer of solute, 1e-4 of the whole, keeps what it holds
    assert transfer_composition(model, same, (surfaces.profile(), profile)) * old.total() < 0.01 * excess
    same.destroy()
    # what a change of topology does: voids lose a little, and the platen is that much higher
    profile = replace(profile, metal_height=profile.metal_height + 2e-4)
    new = CoupledModel(mesh_plane(profile, rule, comm), parameters)
    field_transfer.transfer_start(model, new)
    correction = transfer_composition(model, new, (surfaces.profile(), profile))
    assert new.solute is not None
    fresh = new.solute.step
    assert fresh.total() == pytest.approx(old.total(), rel=1e-13)
    assert 0.0 < correction < 1e-4
    assert fresh.largest() == pytest.approx(old.largest(), rel=0.05)
    assert fresh.smallest() >= 0.9 * old.smallest() > 0.0
    new.solve(0.0)
    # solving again on the new mesh takes x as it is
    before = fresh.total()
    step.advance(new, 1e-5, LIMITS)
    assert fresh.total() == pytest.approx(before, rel=1e-12)
    model.destroy()
    new.destroy()


@pytest.mark.parallel
@pytest.mark.parametrize("opens", [False, True])
def test_the_layer_of_solute_goes_with_the_metal_that_comes_down(comm: MPI.Comm, opens: bool) -> None:
    rule = SizeRule(tip=0.1, growth=0.4, largest=0.8, layer=0.1)
    height = 0.4 * (1.0 - np.abs(np.linspace(-1.0, 1.0, 21)) ** 4)
    roof = np.column_stack([np.linspace(1.0, 3.0, 21), height])
    area = float(np.sum(0.5 * (height[1:] + height[:-1]) * 0.1))
    profiles = [InterfaceProfile(4.0, 4.0, 2.0, (roof,)), InterfaceProfile(4.0, 4.0 - area / 4.0, 2.0, ())]
    if opens:
        profiles.reverse()
    loaded = alloy_case()
    parameters = model_parameters(loaded, case_scales(loaded))
    old, new = (CoupledModel(mesh_plane(profile, rule, comm), parameters) for profile in profiles)
    assert old.solute is not None and new.solute is not None and parameters.composition is not None
    made = parameters.composition.fraction

    def layer(x: np.ndarray, profile: InterfaceProfile) -> np.ndarray:
        return made + 0.4 * np.exp(-(x[1] - profile.height_at(x[:1].T)) / 0.4)

    step, fresh = old.solute.step, new.solute.step
    step.settle()
    step.fraction.interpolate(lambda x: np.where(x[1] > -1e-9, layer(x, profiles[0]), 0.0))
    excess = step.total() - made * old.metal_measure()
    assert transfer_composition(old, new, (profiles[0], profiles[1])) * step.total() < 0.02 * excess
    assert fresh.total() == pytest.approx(step.total(), rel=1e-12)
    wanted = fem.Function(fresh.scalars)
    wanted.interpolate(lambda x: layer(x, profiles[1]))
    inside = fresh.volume > 0.0
    assert np.abs(fresh.fraction.x.array - wanted.x.array)[inside].max(initial=0.0) < 0.06
    old.destroy()
    new.destroy()


@pytest.mark.parallel
def test_a_rejected_step_restores_the_composition(comm: MPI.Comm, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(alloy_case(), comm)
    step.advance(model, 2e-4, LIMITS)
    assert model.solute is not None
    before = [array.copy() for array in model.solute.step.state()]
    with pytest.raises(step.StepRejectedError, match="composition changes"):
        step.advance(model, 2e-4, StepLimits(0.4, 1e-6))

    def fail() -> int:
        raise SolveError("made to fail")

    real = model.chemistry.solve
    calls = iter([real, fail])
    monkeypatch.setattr(model.chemistry, "solve", lambda *_: next(calls, fail)())
    with pytest.raises(step.StepRejectedError, match="made to fail"):
        step.advance(model, 2e-4, LIMITS)
    monkeypatch.undo()
    for old, now in zip(before, model.solute.step.state(), strict=True):
        np.testing.assert_array_equal(old, now)
    assert model.solute.step.time_step.value == 0.0
    step.advance(model, 2e-4, LIMITS)
    model.destroy()


def test_no_step_passes_the_solubility_limit(comm: MPI.Comm) -> None:
    model = build(alloy_case(void=[]), comm)
    assert model.solute is not None
    with pytest.raises(step.StepRejectedError, match="passes the solubility limit"):
        step.advance(model, 0.05, StepLimits(0.4, 100.0, solubility=0.0301))
    assert model.solute.step.largest() == pytest.approx(0.03, rel=1e-12)
    model.destroy()
