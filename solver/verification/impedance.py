"""Rows 25 to 27 in the plane: impedance of a flat contact and of strips, and its limit at 0 Hz."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import InterfaceProfile, profile_from_shapes
from meshes.seeds import VoidShape
from meshes.sizing import SizeRule
from meshes.tags import Boundary
from solver.equations.electrochemistry import ElectrochemistryProblem
from solver.equations.linear_response import LinearResponse, Storage
from solver.setup.parameters import CompositionParameters, CurrentParameters, VacancyParameters
from solver.verification import transport
from solver.verification.check import refined, row

if TYPE_CHECKING:
    from collections.abc import Callable

    from mpi4py import MPI

    from meshes.cell import CellMesh
    from solver.equations.linear_response import Response
    from solver.equations.terms.contact_resistance import ResistanceProfile
    from solver.verification.check import Check

DEPTH = 1.0
"""Electrolyte of the flat cell (conductivity 1), that of :func:`solver.verification.transport.flat`."""
RESISTANCE, VACANT, LAYER = 0.7, 0.05, 0.02
INTERFACE_LENGTH = 0.5
COARSEST = 0.5
"""Element size that divides the cell: with others a size half as large does not make four times the cells."""
OMEGAS = (1.0, 100.0, 1000.0)
"""Angular frequencies: below, in and above the arcs."""
ALLOY = CompositionParameters(fraction=0.1, limit=0.7, solvent=3.0, solute=1.0)
"""Ideal: Phi = 1, a_Li = x_Li."""
VACANCIES = VacancyParameters(transport.DIFFUSIVITY, 1.0)
LARGE = 1e6
"""Capacitance that shorts charge transfer; times omega 1 it is 1e-6 of a resistance."""


def _vacancies(omega: float, bias: float = 0.0) -> complex:
    """d ln S/di of a slab; S on the contact grows with the current."""
    d, height = transport.DIFFUSIVITY, transport.HEIGHT

    def per_current(w: float) -> complex:
        wave = np.sqrt(transport.SINK_LENGTH**-2 + 1j * w * VACANT / d)
        return complex(1.0 / (d * (wave * np.tanh(wave * height) + 1.0 / INTERFACE_LENGTH)))

    return per_current(omega) / (1.0 + bias * per_current(0.0).real)


def measured(chemistry: ElectrochemistryProblem, storage: Storage, depth: float, omega: float) -> Response:
    """Response of a solved problem at one frequency. Collective."""
    response = LinearResponse(chemistry, storage, depth)
    found = response.at(omega)
    response.destroy()
    return found


def _flat(comm: MPI.Comm, omega: float, bias: float, level: int) -> complex:
    chemistry = transport.flat(comm, COARSEST * 0.5**level, INTERFACE_LENGTH, RESISTANCE)
    chemistry.control(bias)
    chemistry.solve()
    found = measured(chemistry, Storage(VACANT, LAYER), DEPTH, omega).impedance
    chemistry.destroy()
    return found


@row("impedance-flat", "25", "impedance of a flat contact: vacancies with storage, double layer")
def impedance_flat(comm: MPI.Comm) -> list[Check]:
    """D/kappa + 1/(i w C + 1/(R + Z_V)), Z_V = 1/(S_0 D (k tanh kH + 1/l_i)), k^2 = 1/l_v^2 + i w x_V/D."""
    checks = []
    for bias in (0.0, 1.0):
        for omega in OMEGAS:
            interface = RESISTANCE + _vacancies(omega, bias)
            exact = DEPTH + 1.0 / (1j * omega * LAYER + 1.0 / interface)
            label = f"Z at omega = {omega:g}, i = {bias:g} i0"
            found = functools.partial(_flat, comm, omega, bias)
            checks.append(complex_check(label, exact, found, levels=4, tolerance=1e-5, expected_order=4.0))
    return checks


def complex_check(
    label: str,
    exact: complex,
    compute: Callable[[int], complex],
    *,
    levels: int,
    tolerance: float,
    expected_order: float,
) -> Check:
    """Check of |Z| whose error is that of the complex number: the phase counts too."""
    return refined(
        label,
        abs(exact),
        lambda level: abs(exact) + abs(compute(level) - exact),
        levels=levels,
        tolerance=tolerance,
        expected_order=expected_order,
    )


def _alloy(comm: MPI.Comm, omega: float, level: int) -> complex:
    rule = SizeRule(tip=0.2 * 0.5**level, largest=0.2 * 0.5**level)
    cell = mesh_plane(InterfaceProfile(1.0, 2.0, DEPTH), rule, comm)
    chemistry = ElectrochemistryProblem.isolated(
        cell, CurrentParameters(1.0, RESISTANCE, applied=0.0), None, ALLOY
    )
    chemistry.solve()
    found = measured(chemistry, Storage(), DEPTH, omega).impedance
    chemistry.destroy()
    return found


@row("impedance-warburg", "25/w", "impedance of a flat alloy: Warburg's, blocked at the far end")
def impedance_warburg(comm: MPI.Comm) -> list[Check]:
    """Z - D/kappa - R = Phi x/(1 - x) coth(kH)/(D_mixed k), k^2 = i w/D_mixed, H = 2: S = 1, no sinks."""
    checks = []
    x = ALLOY.fraction
    mixed = x * ALLOY.solvent + (1.0 - x) * ALLOY.solute
    for omega in (0.01, 1.0, 30.0):
        wave = np.sqrt(1j * omega / mixed)
        warburg = x / (1.0 - x) / (mixed * wave * np.tanh(2.0 * wave))
        exact = complex(DEPTH + RESISTANCE + warburg)
        found = functools.partial(_alloy, comm, omega)
        label = f"Z at omega = {omega:g}"
        checks.append(complex_check(label, exact, found, levels=3, tolerance=1e-3, expected_order=2.0))
    return checks


def _strips(comm: MPI.Comm, level: int) -> float:
    """Excess resistance of strips (contact fraction 0.5) whose charge transfer is shorted."""
    rule = SizeRule(tip=0.01 * 0.25**level, growth=0.3 * 0.5**level, largest=0.15 * 0.5**level)
    shape = VoidShape((0.0,), 1.0, 0.2)
    profile = profile_from_shapes([shape], width=1.0, metal_height=1.0, electrolyte_depth=3.0, rule=rule)
    chemistry = ElectrochemistryProblem.isolated(mesh_plane(profile, rule, comm), CurrentParameters(1.0, 1.0))
    chemistry.solve()
    found = measured(chemistry, Storage(double_layer=LARGE), 3.0, 1.0).shares["constriction"].real
    chemistry.destroy()
    return found


@row("impedance-strips", "26", "impedance of strips at high frequency: their constriction")
def impedance_strips(comm: MPI.Comm) -> list[Check]:
    """(2/pi) ln(1/sin(pi f/2)), f = 0.5, half a period 1 (row 8): the double layer shorts the rest."""
    exact = 2.0 / math.pi * math.log(1.0 / math.sin(0.25 * math.pi))
    compute = functools.partial(_strips, comm)
    return [refined("constriction, f = 0.5", exact, compute, levels=3, tolerance=0.01, expected_order=1.0)]


@row("impedance-slope", "27", "impedance at 0 Hz: the slope of the polarisation curve")
def impedance_slope(comm: MPI.Comm) -> list[Check]:
    """Against central differences of static solves: Butler-Volmer, vacancies, a void; two currents."""
    rule = SizeRule(tip=0.04, growth=0.3, largest=0.4)
    shape = VoidShape((0.0,), 1.0, 0.5)
    profile = profile_from_shapes([shape], width=1.0, metal_height=2.0, electrolyte_depth=2.0, rule=rule)
    problem = interface(mesh_plane(profile, rule, comm), kinetics="butler-volmer")
    return slopes(problem, 2.0)


def interface(
    cell: CellMesh,
    *,
    resistance: float = RESISTANCE,
    patches: ResistanceProfile | None = None,
    kinetics: Literal["linear", "butler-volmer"] = "linear",
    vacancies: VacancyParameters | None = VACANCIES,
) -> ElectrochemistryProblem:
    """A contact of which there is no current yet."""
    transfer = CurrentParameters(1.0, resistance, kinetics=kinetics, patches=patches, applied=0.0)
    return ElectrochemistryProblem.isolated(cell, transfer, vacancies)


def slopes(chemistry: ElectrochemistryProblem, depth: float, where: str = "") -> list[Check]:
    """Z at 0 Hz against central differences of static solves, at two currents; destroys the problem."""

    def potential(current: float) -> float:
        chemistry.control(current)
        chemistry.solve()
        return chemistry.integrate(chemistry.metal_potential("+"), Boundary.CONTACT) / chemistry.contact_area

    checks = []
    for current in (0.5, 2.0):
        potential(current)
        exact = measured(chemistry, Storage(VACANT, LAYER), depth, 0.0).impedance.real

        def slope(level: int, current: float = current) -> float:
            step = 0.2 * 0.5**level
            return (potential(current + step) - potential(current - step)) / (2.0 * step)

        label = f"slope at i = {current:g} i0{where}"
        checks.append(refined(label, exact, slope, levels=4, tolerance=1e-4, expected_order=2.0))
    chemistry.destroy()
    return checks
