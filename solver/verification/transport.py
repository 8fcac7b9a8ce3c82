"""Row 17: vacancies under a flat contact."""

from __future__ import annotations

import functools
import math

import ufl
from dolfinx import fem
from mpi4py import MPI

from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import InterfaceProfile
from meshes.sizing import SizeRule
from meshes.tags import Boundary, Region
from solver.equations.electrochemistry import ElectrochemistryProblem
from solver.equations.terms.current import CurrentParameters
from solver.equations.terms.vacancies import VacancyParameters
from solver.verification.check import Check, row

DIFFUSIVITY, SINK_LENGTH, HEIGHT = 3.0, 0.5, 4.0


def flat(comm: MPI.Comm, size: float, interface_length: float) -> ElectrochemistryProblem:
    """Flat cell with unit current, solved."""
    rule = SizeRule(tip=size, largest=size)
    cell = mesh_plane(InterfaceProfile(1.0, HEIGHT, 1.0), rule, comm)
    transport = VacancyParameters(DIFFUSIVITY, SINK_LENGTH, interface_length)
    chemistry = ElectrochemistryProblem.isolated(cell, CurrentParameters(1.0, 1.0), transport)
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
