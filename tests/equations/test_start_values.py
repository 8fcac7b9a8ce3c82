"""Start values for Newton: extrapolation in time, and fields carried to another mesh."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.cell import CellMesh
from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import profile_from_shapes
from meshes.seeds import VoidShape
from meshes.sizing import SizeRule
from meshes.tags import Boundary, Region
from solver.algebra.extrapolation import LARGEST_RATIO, Predictor
from solver.algebra.interpolation import Carrier
from solver.equations.coupled_model import CoupledModel
from solver.equations.electrochemistry import ElectrochemistryProblem
from solver.equations.terms.current import CurrentParameters
from solver.equations.terms.vacancies import VacancyParameters
from solver.interface.void_surfaces import void_surfaces
from solver.setup.parameters import model_parameters
from solver.setup.scales import case_scales
from solver.setup.setup import set_up
from solver.setup.step_control import StepLimits
from solver.simulation.discretisation import initial_cell
from solver.simulation.field_transfer import transfer_start
from solver.stepping import step
from solver.verification.cells import flat_cell
from tests.conftest import small_case

Field = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def cell(comm: MPI.Comm, tip: float, height: float = 0.8) -> CellMesh:
    rule = SizeRule(tip=tip, growth=0.4, largest=0.8)
    shape = VoidShape((1.5,), 1.2, height)
    profile = profile_from_shapes([shape], width=3.0, metal_height=4.0, electrolyte_depth=3.0, rule=rule)
    return mesh_plane(profile, rule, comm)


def function(on: CellMesh, field: Field | None = None, degree: int = 2) -> fem.Function:
    made = fem.Function(fem.functionspace(on.domain, ("Lagrange", degree)))
    if field is not None:
        made.interpolate(field)
    return made


def test_what_is_linear_in_time_is_extrapolated_exactly(comm: MPI.Comm) -> None:
    field = function(cell(comm, 0.3))
    predictor, time, rng = Predictor([field]), 0.0, np.random.default_rng(1)
    start, slope = rng.random((2, len(field.x.array)))
    for dt in (0.1, 0.15, 0.3):
        predictor.start()
        if time > 0.1:
            assert np.allclose(field.x.array, start + time * slope, rtol=1e-13, atol=1e-13)
        field.x.array[:] = start + time * slope
        predictor.accept(dt)
        time += dt


def test_nothing_is_extrapolated_without_history_or_over_a_long_step(comm: MPI.Comm) -> None:
    field = function(cell(comm, 0.3))
    predictor = Predictor([field])
    for value in (1.0, 2.0):
        field.x.array[:] = value
        predictor.start()
        assert np.all(field.x.array == value)
        predictor.accept(0.1 if value == 1.0 else 1.01 * LARGEST_RATIO * 0.1)
    predictor.start()
    assert np.all(field.x.array == 2.0)
    predictor.forget()
    predictor.start()
    assert np.all(field.x.array == 2.0)


def test_extrapolation_changes_effort_and_not_results(comm: MPI.Comm) -> None:
    loaded = small_case()
    found = []
    for forgets in (False, True):
        built = initial_cell(set_up(loaded), comm)
        model = CoupledModel(built, model_parameters(loaded, case_scales(loaded)))
        for _ in range(4):
            step.advance(model, 2e-4, StepLimits(0.4))
            if forgets:
                model.predictor.forget()
        found.append((model.void_measure(), model.platen_height()))
        model.destroy()
    assert found[0] == pytest.approx(found[1], rel=1e-9)


@pytest.mark.parallel
def test_a_linear_field_is_carried_over_and_no_value_is_missing(comm: MPI.Comm) -> None:
    # the new roof is a little higher in places: its nodes lie outside the old metal
    old, new = cell(comm, 0.2), cell(comm, 0.13, height=0.79)
    source = function(old, lambda x: 1.0 + x[0] + 2.0 * x[1])
    target = function(new)
    target.x.array[:] = -7.0
    cells = new.region(Region.METAL)
    Carrier().carry(source, target, cells)
    own = np.unique(target.function_space.dofmap.list[cells])
    points = target.function_space.tabulate_dof_coordinates()[own]
    error = np.abs(target.x.array[own] - (1.0 + points[:, 0] + 2.0 * points[:, 1]))
    # an exact value, or that of a neighbour
    assert error.max(initial=0.0) < 0.5
    exact = comm.allreduce(int(np.count_nonzero(error < 1e-8)))
    assert exact > 0.9 * comm.allreduce(len(error))
    others = np.setdiff1d(np.arange(len(target.x.array)), own)
    assert np.all(target.x.array[others] == -7.0)


@pytest.mark.parallel
def test_the_solution_on_a_new_mesh_does_not_depend_on_the_old_one(comm: MPI.Comm) -> None:
    loaded = small_case()
    scales = case_scales(loaded)
    rule = set_up(loaded).sizes
    found = []
    for with_start in (True, False):
        if with_start:
            old = CoupledModel(initial_cell(set_up(loaded), comm), model_parameters(loaded, scales))
            old.chemistry.control(1.0)
            old.solve(0.0)
            profile = void_surfaces(old.cell, old.surface, 6.0).profile()
        # the void is gone, as after a collapse: fast flow is what is left of it in the start values
        new = CoupledModel(
            mesh_plane(replace(profile, roofs=()), rule, comm), model_parameters(loaded, scales)
        )
        new.chemistry.control(1.0)
        if with_start:
            transfer_start(old, new)
            old.destroy()
        new.solve(0.0)
        fields = (new.chemistry.unknown, new.mechanics.unknown)
        largest = [comm.allreduce(float(np.abs(f.x.array).max()), op=MPI.MAX) for f in fields]
        found.append((new.mechanics.platen_velocity(), *largest))
        new.destroy()
    assert found[0] == pytest.approx(found[1], rel=1e-7, abs=1e-7)
    assert found[0][0] == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("diffusivity", [1e-2, 1e-5, 1e-9])
def test_a_first_solve_finds_any_number_of_vacancies(diffusivity: float, comm: MPI.Comm) -> None:
    """A flat contact: S = 1 + (l_v/D) coth(h/l_v) at unit current, and phi_m is Z + depth + ln S."""
    length, height, depth = 2.0, 3.0, 2.0
    current = CurrentParameters(1.0, 0.5, kinetics="butler-volmer")
    sinks = VacancyParameters(diffusivity=diffusivity, sink_length=length)
    chemistry = ElectrochemistryProblem.isolated(flat_cell(comm), current, sinks)
    chemistry.solve()
    largest = 1.0 + length / diffusivity / math.tanh(height / length)
    found = comm.allreduce(float(chemistry.supersaturation_values().max()), op=MPI.MAX)
    assert found == pytest.approx(largest, rel=1e-4)
    potential = chemistry.integrate(chemistry.metal_potential("+"), Boundary.CONTACT) / chemistry.contact_area
    drop = 2.0 * math.asinh(0.5 * current.area_resistance)
    assert potential == pytest.approx(drop + depth + math.log(largest), rel=1e-5)
    chemistry.destroy()
