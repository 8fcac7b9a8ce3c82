"""Rows 17 and 23: vacancies under a flat contact, and what they cost."""

from __future__ import annotations

import functools
import math

import ufl
from dolfinx import fem
from mpi4py import MPI
from scipy import constants

from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import InterfaceProfile
from meshes.sizing import SizeRule
from meshes.tags import Boundary, Region
from solver.equations.electrochemistry import ElectrochemistryProblem
from solver.setup.parameters import CurrentParameters, VacancyParameters
from solver.verification.check import Check, refined, row

DIFFUSIVITY, SINK_LENGTH, HEIGHT = 3.0, 0.5, 4.0
RESISTANCE = 0.7
"""Z i0 F/RT of row 23."""
SMALL = 1e-3
"""Current over i0 from which the slope at 0 is taken: its error is of the order of the square."""
LITHIUM, TEMPERATURE, CURRENT = 12.97e-6, 298.15, 5.0
"""Molar volume (m3/mol), K, i0 (A/m2) of row 23 in SI."""
MEASURED = 8e-15
"""m2/s: tracer diffusivity of lithium."""
OHM_CM2 = 1e-4
"""ohm m2"""


def flat(
    comm: MPI.Comm,
    size: float,
    interface_length: float,
    resistance: float = 1.0,
    diffusivity: float = DIFFUSIVITY,
) -> ElectrochemistryProblem:
    """Flat cell with unit current, solved."""
    rule = SizeRule(tip=size, largest=size)
    cell = mesh_plane(InterfaceProfile(1.0, HEIGHT, 1.0), rule, comm)
    transport = VacancyParameters(diffusivity, SINK_LENGTH, interface_length)
    chemistry = ElectrochemistryProblem.isolated(cell, CurrentParameters(1.0, resistance), transport)
    chemistry.solve()
    return chemistry


@row("vacancies", "17", "vacancies under a flat contact")
def vacancies(comm: MPI.Comm) -> list[Check]:
    """S - 1 = (v l_v/D) cosh((H - y)/l_v)/sinh(H/l_v) in a slab of height H = 8 l_v; shares of sinks."""
    solved = [flat(comm, 0.4 * 0.5**level, math.inf) for level in range(3)]
    errors = [_profile_errors(chemistry) for chemistry in solved]
    l2, h1 = tuple(e[0] for e in errors), tuple(e[1] for e in errors)
    checks = [
        Check("S profile, relative L2 error", 0.0, l2[-1], 1e-3, l2, 3.0),
        Check("S profile, relative H1 error", 0.0, h1[-1], 2e-2, h1, 2.0),
    ]
    tanh = math.tanh(HEIGHT / SINK_LENGTH)
    for length in (0.1, 0.5, 2.0):
        exact = length * tanh / (length * tanh + SINK_LENGTH)
        compute = functools.partial(_injected_share, comm, length)
        values = [compute(level) for level in range(3)]
        relative = tuple(abs(v - exact) / exact for v in values)
        label = f"injected share l_i/(l_i + l_v), l_i = {length}"
        # A flux into the bulk is an energy-like quantity: twice the order of H1.
        checks.append(Check(label, exact, values[-1], 1e-4, relative, 4.0))
    return checks


def _profile_errors(chemistry: ElectrochemistryProblem) -> tuple[float, float]:
    cell = chemistry.cell
    y = ufl.SpatialCoordinate(cell.domain)[1]
    scale = SINK_LENGTH / DIFFUSIVITY / math.sinh(HEIGHT / SINK_LENGTH)
    exact = 1.0 + scale * ufl.cosh((HEIGHT - y) / SINK_LENGTH)
    dx = cell.dx(Region.METAL, quadrature_degree=8)

    def norm(form: ufl.Form) -> float:
        return math.sqrt(cell.domain.comm.allreduce(fem.assemble_scalar(fem.form(form))))

    difference = chemistry.supersaturation - exact
    l2 = norm(difference**2 * dx) / norm((exact - 1.0) ** 2 * dx)
    gradient = ufl.grad(chemistry.supersaturation) - ufl.grad(exact)
    h1 = norm(ufl.inner(gradient, gradient) * dx) / norm(ufl.inner(ufl.grad(exact), ufl.grad(exact)) * dx)
    return l2, h1


def _injected_share(comm: MPI.Comm, length: float, level: int) -> float:
    chemistry = flat(comm, 0.4 * 0.5**level, length)
    removed = chemistry.integrate(chemistry.contact_annihilation(), Boundary.CONTACT)
    return 1.0 - removed / chemistry.contact_current()


@row("vacancy-resistance", "23", "vacancy resistance of a flat contact")
def vacancy_resistance(comm: MPI.Comm) -> list[Check]:
    """d(overpotential)/di at i = 0 is Z + R T l Omega/(F^2 D), 1/l = tanh(H/l_v)/l_v + 1/l_i; once in SI."""
    checks = []
    for length in (0.1, 0.5, math.inf):
        sinks = _combined(length)
        compute = functools.partial(_slope_at, comm, length, RESISTANCE, DIFFUSIVITY)
        label = f"slope, l_v = {SINK_LENGTH}, l_i = {length}"
        exact = RESISTANCE + sinks / DIFFUSIVITY
        checks.append(refined(label, exact, compute, levels=3, tolerance=1e-5, expected_order=4.0))
    faraday = constants.physical_constants["Faraday constant"][0]
    speed, potential = LITHIUM * CURRENT / faraday, constants.R * TEMPERATURE / faraday
    slope = _slope_at(comm, 1.0, RESISTANCE, MEASURED / (1e-6 * speed), 2) - RESISTANCE
    per_um = slope * potential / CURRENT / OHM_CM2 / _combined(1.0)
    return [*checks, Check("Li, D = 8e-15 m2/s: ohm cm2 per um of l", 4.3, per_um, 5e-3)]


def _combined(interface_length: float) -> float:
    """l."""
    return 1.0 / (math.tanh(HEIGHT / SINK_LENGTH) / SINK_LENGTH + 1.0 / interface_length)


def _slope_at(comm: MPI.Comm, length: float, resistance: float, diffusivity: float, level: int) -> float:
    """Slope at 0 from three currents on one side: plating leaves no vacancies."""
    chemistry = flat(comm, 0.4 * 0.5**level, length, resistance, diffusivity)
    drop = chemistry.metal_potential("+") - chemistry.potential("+")

    def overpotential(current: float) -> float:
        chemistry.control(current)
        chemistry.solve()
        return chemistry.integrate(drop, Boundary.CONTACT) / chemistry.contact_area

    at_rest, half, full = (overpotential(share * SMALL) for share in (0.0, 0.5, 1.0))
    chemistry.destroy()
    return (4.0 * half - full - 3.0 * at_rest) / SMALL
