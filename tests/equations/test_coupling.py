"""Contact pressure and current: what one pass of the loop does, and that few passes are needed."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from solver.algebra.acceleration import Anderson
from solver.algebra.newton import SolveError
from solver.case.loading import parse_case
from solver.case.schema.numerics import COUPLING_TOLERANCE
from solver.equations import coupled_model
from solver.equations.coupled_model import EXPECTED_PASSES, MAX_COUPLING, CoupledModel
from solver.setup.setup import set_up
from solver.simulation.callbacks import Callbacks
from solver.simulation.discretisation import discretise, initial_cell
from solver.simulation.ending import RunEndedError
from solver.simulation.run import start
from solver.simulation.simulation import Simulation
from solver.stepping import step
from solver.verification.cells import flat_cell, parameters
from tests.conftest import case_data, small_case

SIZE, CONDUCTIVITY, SHIFT = 0.02, 5.0, 0.1
"""Elements of the flat cell (um); kappa and Omega P0/RT in it."""
COARSE = {"growth": 0.5, "roof_fraction": 0.2}


def some_on_ranks(*values: Any, two_ranks: set[Any]) -> list[Any]:
    """Parameters, of which some are tried on two ranks too: the loop there decides by the same sums."""
    return [pytest.param(*v, marks=[pytest.mark.parallel] if v in two_ranks else []) for v in values]


@pytest.mark.parametrize(
    ("viscosity", "resistance"),
    some_on_ranks(
        *product([0.3, 300.0], [0.0, 0.05, 20.0]),
        two_ranks={(0.3, 20.0), (300.0, 0.0)},
    ),
)
def test_a_pass_multiplies_a_wave_by_what_the_flat_cell_says(
    viscosity: float, resistance: float, comm: MPI.Comm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """(2 mu k D - g)/(1 + 2 mu k D), from docs/method.md: between 0 and 1, whatever the metal."""
    given = parameters(vacancies=None, reference_stress=3.0 * viscosity)
    electrolyte = {"conductivity": CONDUCTIVITY, "area_resistance": resistance, "pressure_potential": SHIFT}
    current = replace(given.current, **electrolyte)  # type: ignore[arg-type]
    model = CoupledModel(flat_cell(comm, size=SIZE), replace(given, current=current))
    model.solve(0.0)
    flat = model.contact_pressure.x.array.copy()
    monkeypatch.setattr(coupled_model, "INSTANT_COUPLING", 1)
    monkeypatch.setattr(Anderson, "next", lambda self, x, image, weights=None: image)
    x = model.surface.scalars.tabulate_dof_coordinates()[:, 0]
    on_contact = np.abs(model.surface.scalars.tabulate_dof_coordinates()[:, 1]) < 1e-9
    for waves in (1, 2, 4):
        k = waves * math.pi
        shape = np.where(on_contact, np.cos(k * x), 0.0)
        model.contact_pressure.x.array[:] = flat + 1e-3 * shape
        model.contact.force[:] = 0.0  # what the pressure says
        with pytest.raises(
            SolveError, match=r"no convergence in 1 passes; the last one moved .* RT/F \(numerics"
        ):
            model.solve(0.0)
        owned = slice(0, model.surface.scalars.dofmap.index_map.size_local)
        change = (model.contact_pressure.x.array - flat)[owned]
        own = shape[owned]
        got = comm.allreduce(float(change @ own)) / (1e-3 * comm.allreduce(float(own @ own)))
        yields = SHIFT / (resistance + SIZE / (math.pi * CONDUCTIVITY))
        gain = 2.0 * viscosity * k * SHIFT / (resistance + 1.0 / (CONDUCTIVITY * k))
        stiffness = 2.0 * viscosity * k * yields
        # linear elements, 12 in the shortest half-wave: pi^2/(12 * 12^2) of a wave and of its slope
        assert got == pytest.approx((stiffness - gain) / (1.0 + stiffness), abs=0.02)
        assert -0.02 < got < 1.0
    model.destroy()


def coupled(pressure: float, times: float, do: str, *, vacancies: bool, comm: MPI.Comm) -> Any:
    """Model of a small cell at the first stage, and its limits."""
    data = case_data(model={"vacancies": vacancies})
    data["numerics"] = COARSE
    data["material"] = {"electrolyte": {"name": "LPSCl", "area_resistance": f"{times} ohm*cm^2"}}
    steps = [{"do": do, "current": "0.5 mA/cm^2", "capacity": "0.01 mAh/cm^2"}]
    data["operation"] = {"pressure": f"{pressure} MPa", "step": steps}
    setup = set_up(parse_case(data))
    model = discretise(setup, initial_cell(setup, comm)).model
    current = setup.stages[0].current
    assert current is not None
    model.chemistry.control(current / setup.scales.current)
    return model, setup


@pytest.mark.parametrize(
    ("times", "pressure", "do"),
    some_on_ranks(
        *product([0.0, 1e-3, 1.0, 500.0], [0.2, 50.0], ["strip", "plate"]),
        two_ranks={(0.0, 50.0, "plate"), (1e-3, 0.2, "plate"), (1.0, 0.2, "strip"), (500.0, 50.0, "strip")},
    ),
)
def test_few_passes_are_needed_whatever_the_pressure_and_the_resistance(
    times: float, pressure: float, do: str, comm: MPI.Comm
) -> None:
    """The first solve from nothing, then at most a few: differences are kept from step to step.

    Bound: GMRES with the eigenvalues of the loop, 1/c to 1, c = L/h or less (docs/method.md).
    """
    # without vacancies the contact recedes by the current in both directions
    for vacancies in (True, False) if do == "plate" else (True,):
        model, setup = coupled(pressure, times, do, vacancies=vacancies, comm=comm)
        first = setup.steps.first
        assert model.solve(first).coupling <= MAX_COUPLING // 2
        assert model.solve(1.1 * first).coupling <= EXPECTED_PASSES
        recession_is_that_of_the_current(model, comm)
        model.destroy()


def recession_is_that_of_the_current(model: CoupledModel, comm: MPI.Comm) -> None:
    """v_y = -a at each dof in contact, but for D times the change of pressure that the tolerance leaves."""
    velocity = model.mechanics.unknown.x.array[model.zone.dofs]
    planes = model.annihilation.value.x.array[model.zone.trace_dofs]
    lacking = float(np.abs(velocity + planes)[model.contact.active].max(initial=0.0))
    compliance = model._compliance.now()
    if compliance is None:
        assert comm.allreduce(lacking, op=MPI.MAX) < 1e-9
        return
    steepest = comm.allreduce(float(compliance.slope.max(initial=0.0)), op=MPI.MAX)
    smallest = comm.allreduce(float(compliance.area.min(initial=np.inf)), op=MPI.MIN)
    # the tolerance is one for the root mean square over the contact
    at_one_node = math.sqrt(model.chemistry.contact_area / smallest)
    left = COUPLING_TOLERANCE / model.parameters.current.pressure_potential * at_one_node
    assert comm.allreduce(lacking, op=MPI.MAX) <= steepest * left + 1e-9


def begun(**changes: Any) -> Simulation:
    return start(set_up(small_case(**changes)), MPI.COMM_SELF, Callbacks(MPI.COMM_SELF, []))


@pytest.mark.parametrize("failures", [2, 99])
def test_a_stage_that_cannot_begin_tries_shorter_steps(
    failures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try starts from the state before; the run ends only where the step is too small."""
    simulation, real, tried = begun(), CoupledModel.solve, []

    def failing(self: CoupledModel, time_step: float) -> Any:
        before = self.snapshot()
        tried.append((time_step, [values.copy() for values in before.values]))
        if len(tried) <= failures:
            self.mechanics.unknown.x.array[:] = np.nan
            raise SolveError("coupling of contact pressure and current: no convergence in 40 passes")
        return real(self, time_step)

    monkeypatch.setattr(CoupledModel, "solve", failing)
    first = simulation.setup.steps.first
    if failures == 2:
        simulation.begin_stage()
        assert simulation.clock.rejected == 2 and len(tried) == 3
    else:
        with pytest.raises(RunEndedError, match="cannot begin: coupling of contact pressure"):
            simulation.begin_stage()
        assert tried[-1][0] >= simulation.setup.steps.smallest > tried[-1][0] * step.SMALLEST_CUT
    assert [dt for dt, _ in tried] == pytest.approx([first * 0.1**k for k in range(len(tried))])
    for _, values in tried[1:]:
        for a, b in zip(values, tried[0][1], strict=True):
            np.testing.assert_array_equal(a, b)
    simulation.discretisation.destroy()


def test_a_coupling_that_does_not_converge_halves_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = begun()
    simulation.begin_stage()
    real, seen = CoupledModel.solve, []

    def failing(self: CoupledModel, time_step: float) -> Any:
        seen.append(time_step)
        if len(seen) == 1:
            monkeypatch.setattr(coupled_model, "MAX_COUPLING", 0)
        else:
            monkeypatch.undo()
        return real(self, time_step)

    monkeypatch.setattr(CoupledModel, "solve", failing)
    assert simulation.advance() is None
    assert simulation.clock.rejected == 1
    first = simulation.setup.steps.first
    assert seen == pytest.approx([first, step.CUTBACK * first])
    assert simulation.clock.last_step == seen[1]
    simulation.discretisation.destroy()
