"""Rows 13 to 16: composition under constant flux, at a receding interface, in a fresh layer; Kirkendall."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray
from scipy import constants
from ufl.core.expr import Expr

from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import InterfaceProfile
from meshes.sizing import SizeRule
from meshes.tags import Boundary, Region
from solver.case.materials import Library, MetalMaterial
from solver.equations.coupled_model import CoupledModel
from solver.equations.electrochemistry import ElectrochemistryProblem
from solver.equations.terms import thermodynamics
from solver.setup.parameters import (
    CompositionParameters,
    CreepParameters,
    CurrentParameters,
    ModelParameters,
    VacancyParameters,
)
from solver.setup.step_control import StepLimits
from solver.stepping import step
from solver.verification.check import Check, refined, row

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.equations.composition import CompositionStep
    from solver.equations.terms.term import Term

TEMPERATURE = 298.15
"""K, of the thermodynamic check values."""


@row("thermodynamics", "13/t", "Redlich-Kister values of BCC Li-Mg")
def check_values(comm: MPI.Comm) -> list[Check]:
    """Potential and thermodynamic factor at 25 C; exact are docs/parameters.md (given to 2-4 digits)."""
    del comm
    metal = MetalMaterial.model_validate(Library().data("metal", "lithium-magnesium"))
    assert metal.redlich_kister is not None
    thermal = constants.R * TEMPERATURE
    coefficients = [term.at(TEMPERATURE) / thermal for term in metal.redlich_kister.value]
    millivolt = 1e3 * thermal / constants.physical_constants["Faraday constant"][0]
    checks = []
    for x, potential, factor in ((0.03, 0.73, 0.876), (0.1, 2.45, 1.00), (0.5, 49.7, 4.72)):
        activity = math.log(1.0 - x) + thermodynamics.excess_of_solvent(x, coefficients)
        computed = thermodynamics.thermodynamic_factor(x, coefficients)
        checks.append(Check(f"E at x = {x} (mV)", potential, -millivolt * activity, 7e-3))
        checks.append(Check(f"Phi at x = {x}", factor, computed, 2e-3))
    return checks


def diffusion_cell(
    comm: MPI.Comm,
    height: float,
    size: float,
    extra_terms: tuple[Term[ElectrochemistryProblem], ...] = (),
) -> ElectrochemistryProblem:
    """Flat cell with unit interdiffusivity (D_Li = D_Mg, ideal), no current and no flow."""
    width = 4.0 * size
    cell = mesh_plane(InterfaceProfile(width, height, size), SizeRule(tip=size, largest=size), comm)
    current = CurrentParameters(1.0, 1.0, composition_potential=False, applied=0.0)
    alloy = CompositionParameters(0.1, 0.9, 1.0, 1.0)
    problem = ElectrochemistryProblem.isolated(cell, current, None, alloy, extra_terms)
    assert problem.composition is not None
    problem.composition.set_flow(fem.Constant(cell.domain, (0.0, 0.0)))
    return problem


def march(problem: ElectrochemistryProblem, duration: float, time_step: float) -> CompositionStep:
    """Step the composition on a mesh that stands still."""
    step = problem.composition
    assert step is not None
    for _ in range(round(duration / time_step)):
        step.moved(step.begin(), time_step)
        problem.solve()
        step.fraction.interpolate(problem.part("fraction").function)
        problem.take_fraction()
    return step


def left_side(cell: CellMesh, step: CompositionStep) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(y, x_Mg) at the nodes of the left side of the metal, sorted, on every rank. Collective."""
    owned = step.scalars.dofmap.index_map.size_local
    dofs = fem.locate_dofs_topological(step.scalars, 1, cell.boundary(Boundary.SIDE_X))
    dofs = dofs[dofs < owned]
    where = step.scalars.tabulate_dof_coordinates()[dofs]
    left = where[:, 0] < 1e-9
    mine = np.column_stack([where[left, 1], step.fraction.x.array[dofs[left]]])
    table = np.vstack(cell.domain.comm.allgather(mine))
    table = table[np.argsort(table[:, 0])]
    return table[:, 0], table[:, 1]


@row("constant-flux", "13", "constant flux into a semi-infinite body and a slab")
def constant_flux(comm: MPI.Comm) -> list[Check]:
    """c_s - c_0 = 2 J sqrt(t/(pi D)); in a slab of height H by its series."""
    flux = 0.02

    def source(problem: ElectrochemistryProblem) -> ufl.Form:
        assert problem.composition is not None
        return problem.on_contact(-problem.composition.time_step * flux * problem.test("fraction")("+"))

    def surface(height: float, time: float, size: float, level: int) -> float:
        problem = diffusion_cell(comm, height, size * 0.5**level, (source,))
        step = march(problem, time, 0.05 * time * 0.25**level)
        value = left_side(problem.cell, step)[1][0]
        problem.destroy()
        return float(value) - 0.1

    modes = np.arange(1, 200)
    series = float(np.sum(np.exp(-((modes * math.pi) ** 2) * 0.1) / modes**2))
    slab = flux * (0.1 + 1.0 / 3.0 - 2.0 / math.pi**2 * series)
    cases = (
        ("surface, semi-infinite, t = 1", 2.0 * flux / math.sqrt(math.pi), (8.0, 1.0, 0.4)),
        ("surface, slab, t = 0.1 H^2/D", slab, (1.0, 0.1, 0.2)),
    )
    return [
        refined(
            label,
            exact,
            functools.partial(surface, *setting),
            levels=3,
            tolerance=2e-3,
            expected_order=2.0,
        )
        for label, exact, setting in cases
    ]


@row("receding", "14", "receding interface that keeps its solute")
def receding(comm: MPI.Comm) -> list[Check]:
    """c_s/c_0 = (1 + 2 theta)(1 + erf sqrt theta) + 2 sqrt(theta/pi) exp(-theta), theta = V^2 t/4D = 1/4.

    The moving mesh, the contact's recession and the composition's step together; also the total of the
    solute.
    """
    theta = 0.25
    exact = (1.0 + 2.0 * theta) * (1.0 + math.erf(math.sqrt(theta)))
    exact += 2.0 * math.sqrt(theta / math.pi) * math.exp(-theta)
    lost = []

    def surface(level: int) -> float:
        size = 0.5 * 0.5**level
        rule = SizeRule(2.0, 0.4, 2.0, layer=size, layer_depth=4.0)
        cell = mesh_plane(InterfaceProfile(2.0 * size, 16.0, size), rule, comm)
        parameters = ModelParameters(
            current=CurrentParameters(1.0, 1.0, composition_potential=False),
            creep=CreepParameters(1.0, 1.0),
            vacancies=None,
            composition=CompositionParameters(0.1, 0.9, 1.0, 1.0),
        )
        model = CoupledModel(cell, parameters)
        assert model.solute is not None
        before, steps = model.solute.step.total(), 10 * 4**level
        limits = StepLimits(0.4, 1.0)
        for _ in range(steps):
            step.advance(model, 4.0 * theta / steps, limits)
        lost.append(abs(model.solute.step.total() / before - 1.0))
        value = left_side(cell, model.solute.step)[1][0]
        model.destroy()
        return float(value) / 0.1

    check = refined("c_s/c_0 at theta = 1/4", exact, surface, levels=3, tolerance=3e-3, expected_order=2.0)
    return [check, Check("total of the solute, relative change", 0.0, max(lost), 1e-11)]


@row("fresh-layer", "15", "fresh layer on an alloy, no flux at the electrolyte")
def fresh_layer(comm: MPI.Comm) -> list[Check]:
    """<c>/c_b = erfc(2h/l) + (l/(2h sqrt(pi)))(1 - exp(-4h^2/l^2)), l = 2 sqrt(D t), from l = h/2 to 2h."""
    h, background = 1.0, 0.1

    def mean(level: int) -> float:
        size = 0.2 * 0.5**level
        problem = diffusion_cell(comm, 10.0, size)
        cell, step = problem.cell, problem.composition
        assert step is not None
        y, start = ufl.SpatialCoordinate(cell.domain)[1], 0.5 * h
        share = 1.0 - 0.5 * (ufl.erf((h - y) / start) + ufl.erf((h + y) / start))
        step.start(background * share)
        problem.take_fraction()
        march(problem, (4.0 - 0.25) * h**2 / 4.0, 0.0375 * 0.25**level)
        height, values = left_side(cell, step)
        fine = np.linspace(0.0, h, 2001)
        problem.destroy()
        return float(np.trapezoid(np.interp(fine, height, values), fine)) / background

    length = 2.0 * h
    exact = math.erfc(2.0 * h / length)
    exact += length / (2.0 * h * math.sqrt(math.pi)) * (1.0 - math.exp(-4.0 * h**2 / length**2))
    label = "mean share of the bulk in the layer, l = 2h"
    return [refined(label, exact, mean, levels=3, tolerance=2e-3, expected_order=2.0)]


SOLVENT, SOLUTE, MEAN = 2.0, 0.5, 0.4
"""Tracer diffusivities and mean composition of the Kirkendall problems."""
AMPLITUDE = 1e-4
"""Small enough for constant coefficients."""
ROUND_OFF = 1e-8
"""Newton stops at 1e-12, which is this share of the velocities that AMPLITUDE drives."""


def couple(
    comm: MPI.Comm,
    height: float,
    size: float,
    sink_length: float,
    start: Callable[[Expr], Expr],
    solute: float = SOLUTE,
) -> CoupledModel:
    """Flat cell at rest with vacancies and an ideal alloy of composition MEAN + AMPLITUDE start(y)."""
    cell = mesh_plane(InterfaceProfile(2.0 * size, height, size), SizeRule(size, largest=size), comm)
    parameters = ModelParameters(
        current=CurrentParameters(
            1.0, 1.0, vacancy_potential=False, composition_potential=False, applied=0.0
        ),
        creep=CreepParameters(1.0, 1.0),
        vacancies=VacancyParameters(SOLVENT, sink_length),
        composition=CompositionParameters(MEAN, 0.9, SOLVENT, solute),
    )
    model = CoupledModel(cell, parameters)
    assert model.solute is not None
    y = ufl.SpatialCoordinate(cell.domain)[1]
    model.solute.step.start(MEAN + AMPLITUDE * start(y))
    model.chemistry.take_fraction()
    return model


def run_couple(model: CoupledModel, duration: float, steps: int) -> None:
    """Step a couple and solve once more at the end."""
    for _ in range(steps):
        step.advance(model, duration / steps, StepLimits(0.4, 1.0))
    model.solve(0.0)


@row("kirkendall", "16", "Kirkendall velocity of a diffusion couple in the classical limit")
def kirkendall(comm: MPI.Comm) -> list[Check]:
    """v_K = (D_Li - D_Mg) dx_Li/(2 sqrt(pi D~ t)) exp(-x^2/4 D~ t) at l_v = 0.03; D_Li = D_Mg gives v = 0."""
    height, mixed = 8.0, MEAN * SOLVENT + (1.0 - MEAN) * SOLUTE
    first, last = 0.25 / mixed, 0.5 / mixed

    def profile(y: Expr) -> Expr:
        return ufl.erf((y - 0.5 * height) / math.sqrt(4.0 * mixed * first))

    def velocity(level: int) -> float:
        model = couple(comm, height, 0.25 * 0.5**level, 0.03, profile)
        run_couple(model, last - first, 5 * 4**level)
        value = model.mechanics.velocity[1]
        exact = _classical_velocity(model.cell, height, mixed, last)
        error = _relative_l2(model.cell, value - exact, exact)
        model.destroy()
        return error

    errors = tuple(velocity(level) for level in range(3))
    still = couple(comm, height, 0.25, 0.03, profile, solute=SOLVENT)
    run_couple(still, 0.1, 2)
    speed = ufl.inner(still.mechanics.velocity, still.mechanics.velocity)
    scale = AMPLITUDE * SOLVENT
    residual = math.sqrt(_integral(still.cell, speed)) / scale
    still.destroy()
    return [
        Check("v_K profile, relative L2 error", 0.0, errors[-1], 5e-3, errors, 2.0),
        Check("|v| with D_Li = D_Mg, in D dx", 0.0, residual, ROUND_OFF),
    ]


def _classical_velocity(cell: CellMesh, height: float, mixed: float, time: float) -> Expr:
    """Row 16; dx_Li = -2 AMPLITUDE over the couple."""
    y = ufl.SpatialCoordinate(cell.domain)[1] - 0.5 * height
    peak = -(SOLVENT - SOLUTE) * 2.0 * AMPLITUDE / (2.0 * math.sqrt(math.pi * mixed * time))
    return peak * ufl.exp(-(y**2) / (4.0 * mixed * time))


def _integral(cell: CellMesh, density: Expr) -> float:
    form = fem.form(density * cell.dx(Region.METAL, quadrature_degree=8))
    return float(cell.domain.comm.allreduce(fem.assemble_scalar(form)))


def _relative_l2(cell: CellMesh, difference: Expr, exact: Expr) -> float:
    return math.sqrt(_integral(cell, difference**2) / _integral(cell, exact**2))


@row("sink-length", "16/l", "interdiffusion between the limits of short and long sink length")
def sink_length(comm: MPI.Comm) -> list[Check]:
    """Decay of x ~ cos k y: rate = k^2 [D~ - x_Li x_Mg (D_Li - D_Mg)^2/D_S q], q = (k l_v)^2/(1 + (k l_v)^2).

    l_v -> 0 is classical Darken, D~ = x_Mg D_Li + x_Li D_Mg; l_v -> inf gives D_Li D_Mg/D_S.
    """
    height = 2.0
    k = math.pi / height
    mixed = MEAN * SOLVENT + (1.0 - MEAN) * SOLUTE
    mean = (1.0 - MEAN) * SOLVENT + MEAN * SOLUTE
    checks = []
    for length in (0.01, 0.6, 100.0):
        conserved = (k * length) ** 2 / (1.0 + (k * length) ** 2)
        product = MEAN * (1.0 - MEAN) * (SOLVENT - SOLUTE) ** 2 / mean
        rate = k**2 * (mixed - product * conserved)

        def computed(level: int, length: float = length, rate: float = rate) -> float:
            size = 0.25 * 0.5**level
            model = couple(comm, height, size, length, lambda y: ufl.cos(k * y))
            run_couple(model, 0.5 / rate, 10 * 4**level)
            assert model.solute is not None
            amplitude = (left_side(model.cell, model.solute.step)[1][0] - MEAN) / AMPLITUDE
            model.destroy()
            return -float(np.log(amplitude)) / (0.5 / rate)

        label = f"decay rate at l_v = {length}"
        checks.append(refined(label, rate, computed, levels=3, tolerance=3e-3, expected_order=2.0))
    return checks
