"""Krylov solvers of 3-D cells: the answers of a factorisation, at a number of iterations that stays."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from mpi4py import MPI

from meshes.cell import CellMesh
from solver.case.loading import LoadedCase, parse_case
from solver.equations.coupled_model import CoupledModel
from solver.setup.parameters import model_parameters
from solver.setup.scales import case_scales
from solver.setup.setup import set_up, solver_options
from solver.simulation.discretisation import initial_cell
from tests.conftest import case_data, environment

SAME = 1e-8
"""Relative difference between answers: Newton's method ends at residuals of 1e-10 to 1e-9 of it."""
MEASURED = {"creep": (11.4, 12.2, 11.1), "electrochemistry": (7.7, 7.7, 7.7)}
"""Krylov iterations per linear solve at 9 000, 26 000 and 55 000 unknowns of creep (regression data), each
to the tolerance that its Newton step is worth (15.6, 16.7, 16.1 and 10 to the tightest)."""
DRIFT = 0.1
"""Relative change of these counts that compilers and versions of PETSc may make."""
GROWTH = 1.2
"""Iterations on the finest mesh over those on the coarsest."""


def solid_case(size: float, **numerics: Any) -> LoadedCase:
    """A quarter of a void in a square array; ``size`` scales all elements."""
    return parse_case(
        case_data(
            geometry={"kind": "3d", "depth": "3 um", "metal_thickness": "6 um"},
            void=[{"width": "2.2 um", "height": "0.55 um", "position": ["0 um", "0 um"]}],
            operation={"pressure": "0.2 MPa"},
            numerics={
                "tip_size": f"{0.2 * size} um",
                "growth": 0.5,
                "largest_size": f"{1.5 * size} um",
            }
            | numerics,
        )
    )


def solved(loaded: LoadedCase, comm: MPI.Comm, cell: CellMesh | None = None) -> CoupledModel:
    """The case's model, solved on its own mesh or on another's, so that two cases have the same one."""
    parameters = model_parameters(loaded, case_scales(loaded))
    cell = initial_cell(set_up(loaded), comm) if cell is None else cell
    model = CoupledModel(cell, parameters, solver_options(loaded, parameters))
    model.solve(0.0)
    return model


def answers(model: CoupledModel) -> list[float]:
    return [*model.void_rates(), model.mechanics.platen_velocity(), float(model.chemistry.contact_current())]


@pytest.mark.parallel
def test_iterations_give_what_a_factorisation_gives(comm: MPI.Comm) -> None:
    found, cell = [], initial_cell(set_up(solid_case(1.0)), comm)
    for solver in ("direct", "iterative"):
        model = solved(solid_case(1.0, solver=solver), comm, cell)
        assert (model.chemistry.newton.linear_iterations > 50) == (solver == "iterative")
        found.append(answers(model))
        model.destroy()
    assert found[1] == pytest.approx(found[0], rel=SAME)


def iterations(comm: MPI.Comm) -> dict[str, list[float]]:
    """Krylov iterations per linear solve on three meshes."""
    per_solve: dict[str, list[float]] = {"creep": [], "electrochemistry": []}
    for size in (0.5, 0.3, 0.2):
        model = solved(solid_case(size), comm)
        for problem, name in ((model.mechanics, "creep"), (model.chemistry, "electrochemistry")):
            newton = problem.newton
            per_solve[name].append(newton.linear_iterations / newton.linear_solves)
        model.destroy()
    return per_solve


@pytest.mark.slow
def test_iterations_do_not_grow_with_the_mesh() -> None:
    """In a process of its own: in one that has meshed much else, Gmsh makes other meshes of the same cell."""
    script = "import json; from mpi4py import MPI; from tests.test_scaling import iterations; "
    script += "print('counts', json.dumps(iterations(MPI.COMM_WORLD)))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], env=environment(), capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    per_solve = json.loads(done.stdout.split("counts ")[1])
    for name, counts in per_solve.items():
        assert counts == pytest.approx(MEASURED[name], rel=DRIFT), name
        assert counts[-1] <= GROWTH * counts[0], (name, counts)


def test_a_case_may_ask_for_a_factorisation_in_3d(comm: MPI.Comm) -> None:
    loaded = solid_case(1.5, petsc={"creep-schur": {"pc_type": "lu", "ksp_type": "preonly"}})
    cell = initial_cell(set_up(loaded), comm)
    model = solved(loaded, comm, cell)
    assert model.mechanics.newton.factorisation() == "lu"
    reference = solved(solid_case(1.5, solver="direct"), comm, cell)
    assert answers(model) == pytest.approx(answers(reference), rel=SAME)
