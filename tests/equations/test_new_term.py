"""A physical term from outside the package, added the way docs/howto/new-term.md says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import ufl
from dolfinx import fem
from mpi4py import MPI
from ufl.core.expr import Expr

from meshes.cell import CellMesh
from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import InterfaceProfile
from meshes.sizing import SizeRule
from meshes.tags import Region
from solver.equations import terms
from solver.equations.coupled_model import CoupledModel
from solver.equations.electrochemistry import ElectrochemistryProblem
from solver.equations.mechanics import MechanicsProblem
from solver.equations.terms.creep import CreepParameters
from solver.equations.terms.current import CurrentParameters
from solver.equations.terms.term import ExtraTerms
from solver.equations.terms.vacancies import VacancyParameters
from solver.output.run_folder import RunFolder
from solver.setup.parameters import ModelParameters, model_parameters
from solver.setup.scales import case_scales
from solver.setup.setup import set_up
from solver.setup.step_control import StepLimits
from solver.simulation.discretisation import initial_cell
from solver.simulation.run import run_case
from solver.stepping import step
from solver.stepping.observables import volume_balance
from tests.conftest import series, small_case

HEIGHT, DIFFUSIVITY, SINK_LENGTH = 2.0, 3.0, 0.5
WAVE = math.pi / HEIGHT


@dataclass(frozen=True)
class VacancySource:
    """Vacancies are made at the rate q = strength cos(pi y/H): div j_V = -s + q, div v = -s + q.

    Attributes:
        strength: in v0/L.
    """

    strength: float

    def annihilation(self, problem: ElectrochemistryProblem) -> Expr:
        """-q: a vacancy that is made adds a site."""
        y = ufl.SpatialCoordinate(problem.cell.domain)[problem.cell.vertical]
        return -problem.constant(self.strength) * ufl.cos(WAVE * y)

    def __call__(self, problem: ElectrochemistryProblem) -> ufl.Form:
        """-q times the test function of S."""
        return problem.in_metal(self.annihilation(problem) * problem.test("supersaturation"))


@dataclass(frozen=True)
class Weight:
    """A body force on the metal, -div sigma = -g e_y.

    Attributes:
        density: g in P0/L.
    """

    density: float

    def __call__(self, problem: MechanicsProblem) -> ufl.Form:
        """g times the vertical test velocity."""
        return problem.in_metal(
            problem.constant(self.density) * problem.test("velocity")[problem.cell.vertical]
        )


def resting(comm: MPI.Comm, size: float, extra_terms: ExtraTerms) -> CoupledModel:
    """A flat cell without current, solved."""
    cell = mesh_plane(InterfaceProfile(1.0, HEIGHT, 1.0), SizeRule(size, largest=size), comm)
    parameters = ModelParameters(
        current=CurrentParameters(1.0, 1.0, vacancy_potential=False, applied=0.0),
        creep=CreepParameters(1.0, 1.0),
        vacancies=VacancyParameters(DIFFUSIVITY, SINK_LENGTH),
        extra_terms=extra_terms,
    )
    model = CoupledModel(cell, parameters)
    model.solve(0.0)
    return model


def error(cell: CellMesh, difference: Expr, exact: Expr) -> float:
    """Relative L2 error in the metal."""
    measure = cell.dx(Region.METAL, quadrature_degree=8)
    parts = [fem.assemble_scalar(fem.form(v**2 * measure)) for v in (difference, exact)]
    wrong, all_of_it = cell.domain.comm.allreduce(np.array(parts))
    return float(np.sqrt(wrong / all_of_it))


@pytest.mark.parallel
def test_a_source_of_vacancies_gives_its_profile_and_the_flow_that_belongs_to_it(comm: MPI.Comm) -> None:
    """S - 1 = q / (D (k^2 + 1/l_v^2)); v_y = q0 k sin(k y) / (k^2 + 1/l_v^2) by the sites that are made."""
    strength, decay = 0.3, WAVE**2 + SINK_LENGTH**-2
    found: dict[str, list[float]] = {"S": [], "v": []}
    for level in range(3):
        source = ExtraTerms(electrochemistry=(VacancySource(strength),))
        model = resting(comm, 0.5 * 0.5**level, source)
        y = ufl.SpatialCoordinate(model.cell.domain)[1]
        excess = strength * ufl.cos(WAVE * y) / (DIFFUSIVITY * decay)
        speed = strength * WAVE * ufl.sin(WAVE * y) / decay
        chemistry, mechanics = model.chemistry, model.mechanics
        found["S"].append(error(model.cell, chemistry.field("supersaturation") - 1.0 - excess, excess))
        found["v"].append(error(model.cell, mechanics.field("velocity")[1] - speed, speed))
        model.destroy()
    for name, errors in found.items():
        assert errors[-1] < 1e-3, name
        # both are quadratic elements
        assert math.log2(errors[-2] / errors[-1]) > 2.7, (name, errors)


@pytest.mark.parallel
def test_a_weight_gives_the_hydrostatic_pressure(comm: MPI.Comm) -> None:
    """p = P + g (H - y), which linear elements hold exactly, and no flow."""
    density = 0.4
    model = resting(comm, 0.4, ExtraTerms(mechanics=(Weight(density),)))
    y = ufl.SpatialCoordinate(model.cell.domain)[1]
    exact = 1.0 + density * (HEIGHT - y)
    assert error(model.cell, model.mechanics.field("pressure") - exact, exact) < 1e-9
    velocity = model.mechanics.part("velocity").values
    assert comm.allreduce(float(np.abs(velocity).max()), op=MPI.MAX) < 1e-9
    model.destroy()


def test_without_it_nothing_changes_and_with_it_the_balances_still_close(comm: MPI.Comm) -> None:
    loaded = small_case()
    scales = case_scales(loaded)
    growth, before = [], None
    for extra in (None, ExtraTerms(), *(ExtraTerms((VacancySource(q),)) for q in (0.0, 0.05))):
        model = CoupledModel(initial_cell(set_up(loaded), comm), model_parameters(loaded, scales, extra))
        voids, platen = model.void_measure(), model.platen_height()
        result = step.advance(model, 2e-4, StepLimits(0.4))
        _, balance = volume_balance(
            (platen, voids), result, model, model.platen_height(), model.void_measure()
        )
        assert balance.lithium < 1e-9 and balance.volume < 1e-9
        growth.append(model.void_measure() - voids)
        model.destroy()
    before, unchanged, switched_off, changed = growth
    assert unchanged == before
    assert switched_off == pytest.approx(before, rel=1e-9)
    assert abs(changed - before) > 1e-3 * abs(before)


def test_it_goes_through_a_whole_run(tmp_path: Path) -> None:
    """A run with the term keeps its balances, and its voids are others."""
    loaded, grown = small_case(), {}
    for name, extra in (("without", None), ("with", ExtraTerms((VacancySource(0.5),)))):
        folder = tmp_path / name
        outcome = run_case(loaded, RunFolder(folder), MPI.COMM_SELF, extra_terms=extra)
        assert outcome.status == "finished", outcome.message
        rows = series(folder)
        assert max(float(row["lithium_error"]) for row in rows) < 1e-7
        assert max(float(row["volume_error"]) for row in rows) < 1e-7
        grown[name] = float(rows[-1]["void_measure_um"])
    assert abs(grown["with"] - grown["without"]) > 1e-3 * grown["without"]


def test_a_file_among_the_terms_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "found_by_its_function.py").write_text(
        "from solver.equations.terms.term import ExtraTerms\n"
        "def no_form(problem): raise AssertionError\n"
        "def extra_terms(loaded, scales): return ExtraTerms(mechanics=(no_form,))\n",
        encoding="utf-8",
    )
    loaded = small_case()
    assert model_parameters(loaded, case_scales(loaded)).extra_terms == ExtraTerms()
    monkeypatch.setattr(terms, "__path__", [*terms.__path__, str(tmp_path)])
    found = model_parameters(loaded, case_scales(loaded)).extra_terms
    assert [term.__name__ for term in found.mechanics] == ["no_form"]  # type: ignore[attr-defined]
