"""Row 18: manufactured solutions of each equation set, sources from the strong form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI
from ufl.core.expr import Expr

from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import InterfaceProfile
from meshes.sizing import SizeRule
from meshes.tags import Boundary, Region
from solver.equations.coordinates import strain_rate
from solver.equations.electrochemistry import ElectrochemistryProblem
from solver.equations.terms import interdiffusion, thermodynamics
from solver.setup.parameters import CompositionParameters, CurrentParameters, VacancyParameters
from solver.verification import flow
from solver.verification.check import Check, row

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.equations.mechanics import MechanicsProblem

WIDTH, HEIGHT = 1.0, 1.0
LEVELS = 3


def box(comm: MPI.Comm, level: int) -> CellMesh:
    """Square metal on square electrolyte."""
    size = 0.25 * 0.5**level
    return mesh_plane(InterfaceProfile(WIDTH, HEIGHT, HEIGHT), SizeRule(size, largest=size), comm)


def errors(cell: CellMesh, region: Region, difference: Expr, exact: Expr) -> tuple[float, float]:
    """Relative L2 and H1 (seminorm) errors."""

    def norm(density: Expr) -> float:
        form = fem.form(density * cell.dx(region, quadrature_degree=8))
        return math.sqrt(cell.domain.comm.allreduce(fem.assemble_scalar(form)))

    def squares(v: Expr) -> tuple[Expr, Expr]:
        return ufl.inner(v, v), ufl.inner(ufl.grad(v), ufl.grad(v))

    above, below = squares(difference), squares(exact)
    return norm(above[0]) / norm(below[0]), norm(above[1]) / norm(below[1])


def orders(label: str, found: list[tuple[float, float]], expected: tuple[float, float]) -> list[Check]:
    """One check in L2 and one in H1; the bound on the finest mesh is that of the coarsest over its order."""
    checks = []
    for k, name in enumerate(("L2", "H1")):
        sequence = tuple(errors[k] for errors in found)
        bound = sequence[0] * 0.5 ** ((LEVELS - 1) * (expected[k] - 0.3))
        checks.append(
            Check(f"{label}, relative {name} error", 0.0, sequence[-1], bound, sequence, expected[k])
        )
    return checks


@row("manufactured-current", "18/c", "manufactured potential with linear kinetics")
def current(comm: MPI.Comm) -> list[Check]:
    """phi = (sin(y + H) + (y + H)^2)(1 + cos pi x): 0 at the bottom, insulated at the sides."""
    kappa, resistance, potential = 0.7, 0.5, 1.3
    found = []
    for level in range(LEVELS):
        cell = box(comm, level)
        x, y = ufl.SpatialCoordinate(cell.domain)
        exact = (ufl.sin(y + HEIGHT) + (y + HEIGHT) ** 2) * (1.0 + ufl.cos(math.pi * x))

        def source(problem: ElectrochemistryProblem, exact: Expr = exact) -> ufl.Form:
            test = problem.test("potential")
            bulk = kappa * ufl.div(ufl.grad(exact)) * test * problem.cell.dx(Region.ELECTROLYTE)
            current = (potential - exact) / resistance
            flux = kappa * ufl.grad(exact)[1]
            return bulk + (current - flux)("+") * test("+") * problem.cell.dS(Boundary.CONTACT)

        parameters = CurrentParameters(kappa, resistance, applied=None, potential=potential)
        problem = ElectrochemistryProblem.isolated(cell, parameters, extra_terms=[source])
        problem.solve()
        found.append(errors(cell, Region.ELECTROLYTE, problem.potential - exact, exact))
        problem.destroy()
    return orders("phi_e", found, (3.0, 2.0))


SOLVENT, SOLUTE, SINK = 1.5, 0.4, 0.8
COEFFICIENTS = (-1.2, 0.4, 0.3)
DURATION = 0.1


@row("manufactured-alloy", "18/d", "manufactured vacancies and composition with flow")
def alloy(comm: MPI.Comm) -> list[Check]:
    """S and x without flux through the boundary, x in time, carried by a velocity without divergence."""
    found: dict[str, list[tuple[float, float]]] = {"S": [], "x": []}
    for level in range(LEVELS):
        cell = box(comm, level)
        time = fem.Constant(cell.domain, 0.0)
        exact = _alloy_solution(cell, time)
        problem = _alloy_problem(cell, time, exact)
        step = problem.composition
        assert step is not None
        step.start(exact[1])
        problem.take_fraction()
        steps = 2 * 4**level
        for k in range(steps):
            step.moved(step.begin(), DURATION / steps)
            time.value = DURATION * (k + 1) / steps
            problem.solve()
            step.fraction.interpolate(problem.part("fraction").function)
            if k + 1 < steps:
                problem.take_fraction()
        pairs = {"S": (problem.supersaturation, exact[0]), "x": (problem.state.fraction, exact[1])}
        for name, (computed, wanted) in pairs.items():
            found[name].append(errors(cell, Region.METAL, computed - wanted, wanted))
        problem.destroy()
    # grad x, constant in each cell, drives S: S inherits the orders of x
    return [*orders("S", found["S"], (2.0, 1.0)), *orders("x", found["x"], (2.0, 1.0))]


def _alloy_solution(cell: CellMesh, time: Expr) -> tuple[Expr, Expr]:
    x, y = ufl.SpatialCoordinate(cell.domain)
    lateral, upward = ufl.cos(math.pi * x / WIDTH), ufl.cos(math.pi * y / HEIGHT)
    return (
        1.0 + 0.4 * lateral * upward + 0.2 * upward,
        0.35 + 0.1 * ufl.exp(-time) * (upward + lateral * ufl.cos(2.0 * math.pi * y / HEIGHT)),
    )


def _alloy_problem(cell: CellMesh, time: fem.Constant, exact: tuple[Expr, Expr]) -> ElectrochemistryProblem:
    domain = cell.domain
    x, y = ufl.SpatialCoordinate(domain)
    stream = ufl.sin(math.pi * x / WIDTH) ** 2 * ufl.sin(math.pi * y / HEIGHT) ** 2
    stirring = ufl.as_vector([ufl.grad(stream)[1], -ufl.grad(stream)[0]])
    s, c = exact
    factor = ufl.as_ufl(thermodynamics.thermodynamic_factor(c, COEFFICIENTS))
    drive = ufl.grad(s)
    j_v = interdiffusion.vacancy_flux(
        fraction=c,
        supersaturation=s,
        drive=drive,
        solvent=SOLVENT,
        solute=SOLUTE,
        thermodynamic_factor=factor,
    )
    mean = interdiffusion.sink_diffusivity(fraction=c, solvent=SOLVENT, solute=SOLUTE)
    source_s = ufl.div(j_v) + mean / SINK**2 * (s - 1.0)
    mixed = (c * SOLVENT + (1.0 - c) * SOLUTE) * factor * s
    flux = -mixed * ufl.grad(c) + c * (1.0 - c) * (SOLUTE - SOLVENT) * drive
    rate = -0.1 * ufl.exp(-time) * (c - 0.35) / (0.1 * ufl.exp(-time))
    source_x = rate + ufl.inner(stirring, ufl.grad(c)) + ufl.div(flux)

    def sources(problem: ElectrochemistryProblem) -> ufl.Form:
        assert problem.composition is not None
        density = source_s * problem.test("supersaturation")
        density += problem.composition.time_step * source_x * problem.test("fraction")
        return -density * cell.dx(Region.METAL, quadrature_degree=8)

    parameters = CurrentParameters(
        1.0, 1.0, vacancy_potential=False, composition_potential=False, applied=0.0
    )
    composition = CompositionParameters(0.35, 0.9, SOLVENT, SOLUTE, COEFFICIENTS)
    problem = ElectrochemistryProblem.isolated(
        cell, parameters, VacancyParameters(SOLVENT, SINK), composition, [sources]
    )
    assert problem.composition is not None
    problem.composition.set_flow(stirring)
    return problem


@row("manufactured-creep", "18/m", "manufactured flow of a power-law metal")
def creep(comm: MPI.Comm) -> list[Check]:
    """Cellular flow at n = 3 between slipping walls, under a platen that stands still."""
    exponent, offset = 3.0, 0.5
    found: dict[str, list[tuple[float, float]]] = {"v": [], "p": []}
    for level in range(LEVELS):
        cell = box(comm, level)
        x, y = ufl.SpatialCoordinate(cell.domain)
        a, b = math.pi / WIDTH, math.pi / HEIGHT
        velocity = ufl.as_vector([-b * ufl.sin(a * x) * ufl.cos(b * y), a * ufl.cos(a * x) * ufl.sin(b * y)])
        pressure = 1.0 + 0.5 * ufl.cos(a * x) * ufl.cos(b * y)
        mechanics = _creep_problem(cell, exponent, offset, velocity, pressure)
        wall = flow.on(mechanics, 1, Boundary.CONTACT)
        mechanics.solve(wall, np.zeros(len(wall)))
        pairs = {"v": (mechanics.velocity, velocity), "p": (mechanics.pressure, pressure)}
        for name, (computed, wanted) in pairs.items():
            found[name].append(errors(cell, Region.METAL, computed - wanted, wanted))
        mechanics.destroy()
    return [*orders("velocity", found["v"], (3.0, 2.0)), *orders("pressure", found["p"], (2.0, 1.0))]


def _creep_problem(
    cell: CellMesh, exponent: float, offset: float, velocity: Expr, pressure: Expr
) -> MechanicsProblem:
    rate = strain_rate(velocity, cell)
    effective = ufl.sqrt(2.0 / 3.0 * ufl.inner(rate, rate) + offset**2)
    stress = 2.0 / 3.0 * effective ** (1.0 / exponent - 1.0) * rate - pressure * ufl.Identity(3)
    plane = ufl.as_tensor([[stress[i, j] for j in range(2)] for i in range(2)])
    body = -ufl.div(plane)

    def sources(problem: MechanicsProblem) -> ufl.Form:
        return -ufl.inner(body, problem.test("velocity")) * cell.dx(Region.METAL, quadrature_degree=8)

    return flow.problem(cell, exponent, top="platen", regularisation=offset, extra_terms=[sources])
