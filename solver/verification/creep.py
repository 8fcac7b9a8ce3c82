"""Rows 1, 2, 5, 6, 7: creep, capillarity and unilateral contact."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI
from scipy.integrate import quad
from scipy.optimize import brentq

from meshes.tags import Boundary
from solver.algebra.assembly import assemble
from solver.equations import contact
from solver.equations.coordinates import weight
from solver.equations.surface import SurfaceGeometry
from solver.equations.terms.creep import CreepParameters
from solver.equations.terms.diffusional_creep import Grains
from solver.equations.terms.saturated_creep import Saturation
from solver.verification.check import Check, refined, row
from solver.verification.flow import REGULARISATION, integral, on, problem
from solver.verification.patches import Side, block, polygon, quarter_annulus, straight

if TYPE_CHECKING:
    from meshes.cell import CellMesh, CoordinateKind
    from solver.equations.mechanics import MechanicsProblem

LITHIUM_EXPONENT = 6.6
LIMIT = Saturation(5.0, 1.12)
"""As fast as the power law at a stress that the ring of row 1/l has."""
GRAINS = Grains(0.1, 0.5, 1.0)
"""Slower than the power law far from the void, faster next to it; bounds that the coarsest mesh resolves."""
LAWS = {
    "limited": CreepParameters(LITHIUM_EXPONENT, 1.0, REGULARISATION, saturation=LIMIT),
    "grains": CreepParameters(LITHIUM_EXPONENT, 1.0, REGULARISATION, grains=GRAINS),
    "limited, grains": CreepParameters(
        LITHIUM_EXPONENT, 1.0, REGULARISATION, saturation=LIMIT, grains=GRAINS
    ),
}


def closure_rate(
    comm: MPI.Comm,
    kind: CoordinateKind,
    ratio: float,
    exponent: float,
    tension: float,
    pressure: float,
    segments: int,
) -> float:
    """-da/dt / a of a half void of radius 1 in a ring of outer radius 1/ratio."""
    cell = quarter_annulus(1.0, 1.0 / ratio, segments, comm, kind)
    return _closing(problem(cell, exponent, pressure=pressure, tension=tension), Boundary.CONTACT)


def _closing(mechanics: MechanicsProblem, bottom: Boundary) -> float:
    """Closure rate of a ring whose ``bottom`` slips; the problem is destroyed."""
    cell = mechanics.cell
    held = on(mechanics, 1, bottom)
    mechanics.solve(held, np.zeros(len(held)))
    normal = ufl.FacetNormal(cell.domain)
    swept = integral(cell, ufl.inner(mechanics.velocity, normal) * weight(cell) * cell.ds(Boundary.VOID))
    mechanics.destroy()
    return swept / (0.5 * math.pi if cell.kind == "plane" else 2.0 * math.pi)


def exact_closure(kind: CoordinateKind, ratio: float, n: float, tension: float, pressure: float) -> float:
    """Rows 1 and 2 of docs/verification.md with A = 1, a = 1."""
    if kind == "plane":
        drive = pressure + tension
        return 0.5 * math.sqrt(3.0) * (math.sqrt(3.0) * drive / (n * (1.0 - ratio ** (2.0 / n)))) ** n
    drive = pressure + 2.0 * tension
    return 0.5 * (3.0 * drive / (2.0 * n * (1.0 - ratio ** (3.0 / n)))) ** n


@row("cylinder", "1", "closure of a cylinder void in plane strain")
def cylinder(comm: MPI.Comm) -> list[Check]:
    """Closure rate at n = 6.6 and three ratios a/b, with capillarity at a/b = 0.3; order 2 at n = 1."""
    return _closures(comm, "plane")


@row("sphere", "1", "closure of a spherical void (axisymmetric)")
def sphere(comm: MPI.Comm) -> list[Check]:
    """As :func:`cylinder`, in axisymmetric coordinates."""
    return _closures(comm, "axisymmetric")


def _closures(comm: MPI.Comm, kind: CoordinateKind) -> list[Check]:
    cases = [(0.1, LITHIUM_EXPONENT, 0.0), (0.3, LITHIUM_EXPONENT, 0.0), (0.5, LITHIUM_EXPONENT, 0.0)]
    cases += [(0.3, LITHIUM_EXPONENT, 0.5), (0.3, 1.0, 0.0)]
    checks = []
    for ratio, n, tension in cases:
        compute = functools.partial(_closure_at, comm, kind, ratio, n, tension)
        exact = exact_closure(kind, ratio, n, tension, 1.0)
        label = f"closure rate, a/b {ratio}, n {n}, gamma {tension}"
        # The polygon misses the circle by O(h^2): that is the order whatever the element.
        checks.append(refined(label, exact, compute, levels=3, tolerance=0.01, expected_order=2.0))
    return checks


def _closure_at(
    comm: MPI.Comm, kind: CoordinateKind, ratio: float, n: float, tension: float, level: int
) -> float:
    return closure_rate(comm, kind, ratio, n, tension, 1.0, 10 * 2**level)


@row("creep-laws", "1/l", "closure of a void by the alternative creep laws")
def creep_laws(comm: MPI.Comm) -> list[Check]:
    """Closure rate of a cylinder and a sphere, a/b = 0.3, against quadrature of the radial stress balance.

    Cylinder: v = -C/r, P = int 2/sqrt(3) sigma(e, r)/r dr at e = 2 C/(sqrt(3) r^2). Sphere: v = -C/r^2,
    P = int 2 sigma(e, r)/r dr at e = 2 C/r^3. The distance to the nearest surface is r - a.
    """
    ratio, checks = 0.3, []
    kinds: tuple[CoordinateKind, ...] = ("plane", "axisymmetric")
    for kind in kinds:
        for name, law in LAWS.items():
            exact = quadrature_closure(kind, law, 1.0 / ratio)
            compute = functools.partial(_law_at, comm, kind, law, ratio)
            label = f"closure rate, {'cylinder' if kind == 'plane' else 'sphere'}, {name}"
            checks.append(refined(label, exact, compute, levels=3, tolerance=0.01, expected_order=2.0))
    return checks


def quadrature_closure(kind: CoordinateKind, law: CreepParameters, outer: float) -> float:
    """C of a void of radius 1 under unit pressure, from one integral over the radius."""
    factor, power = (2.0 / math.sqrt(3.0), 2) if kind == "plane" else (2.0, 3)
    kinks = [] if law.grains is None else [1.0 + law.grains.smallest, 1.0 + law.grains.largest]

    def pressure(speed: float) -> float:
        def integrand(radius: float) -> float:
            return factor * _stress_at(law, factor * speed / radius**power, radius - 1.0) / radius

        return float(quad(integrand, 1.0, outer, points=kinks or None, epsrel=1e-10, limit=200)[0])

    return float(brentq(lambda speed: pressure(speed) - 1.0, 1e-6, 1e3, rtol=1e-12))


def _stress_at(law: CreepParameters, rate: float, distance: float) -> float:
    """Uniaxial stress at a rate, a ``distance`` away from a surface."""

    def excess(logarithm: float) -> float:
        stress = math.exp(logarithm)
        found = (stress / law.reference_stress) ** law.exponent
        if law.saturation is not None:
            found = 1.0 / (
                1.0 / found + (law.saturation.reference_stress / stress) ** law.saturation.exponent
            )
        if law.grains is not None:
            size = min(max(distance, law.grains.smallest), law.grains.largest)
            found += law.grains.coefficient / size**2 * stress
        return math.log(found / rate)

    return math.exp(brentq(excess, -20.0, 20.0, xtol=1e-14, rtol=1e-14))


def _law_at(comm: MPI.Comm, kind: CoordinateKind, law: CreepParameters, ratio: float, level: int) -> float:
    cell = quarter_annulus(1.0, 1.0 / ratio, 10 * 2**level, comm, kind, Boundary.BOTTOM)
    return _closing(problem(cell, law.exponent, law=law), Boundary.BOTTOM)


@row("capillary", "2", "closure by capillarity alone, n = 1")
def capillary(comm: MPI.Comm) -> list[Check]:
    """gamma/(2 mu) at b = inf, corrected exactly to the finite ring b = 20 a."""
    checks = []
    kinds: tuple[CoordinateKind, ...] = ("plane", "axisymmetric")
    for kind in kinds:
        ratio = 0.05
        exact = exact_closure(kind, ratio, 1.0, 1.0, 0.0)
        compute = functools.partial(_capillary_at, comm, kind, ratio)
        label = f"-da/dt, {'cylinder' if kind == 'plane' else 'sphere'}, b = 20 a (b = inf: 1.5)"
        checks.append(refined(label, exact, compute, levels=3, tolerance=0.005, expected_order=2.0))
    return checks


def _capillary_at(comm: MPI.Comm, kind: CoordinateKind, ratio: float, level: int) -> float:
    return closure_rate(comm, kind, ratio, 1.0, 1.0, 0.0, 10 * 2**level)


@row("crack-voids", "5", "crack-like periodic voids, Newtonian")
def crack_voids(comm: MPI.Comm) -> list[Check]:
    """Closing velocity at the middle and contact pressure between voids, period 2, a = 0.5."""
    half, mu = 0.5, 1.0 / 3.0
    speed = 2.0 / (2.0 * math.pi * mu) * math.acosh(1.0 / math.cos(0.5 * math.pi * half * 2.0 / 2.0))
    pressure = 1.0 / math.sqrt(1.0 - math.sin(0.5 * math.pi * half) ** 2)
    results = [_crack_at(comm, half, level) for level in range(3)]
    checks = []
    for k, (label, exact) in enumerate(
        (("closing velocity at the middle", speed), ("contact pressure between voids", pressure))
    ):
        errors = tuple(abs(result[k] - exact) / exact for result in results)
        # The stress is singular (r^-1/2) at the edge; tip elements shrink 4 times per level.
        checks.append(Check(label, exact, results[-1][k], 0.01, errors))
    return checks


def _crack_at(comm: MPI.Comm, half: float, level: int) -> tuple[float, float]:
    size = 0.1 * 0.5**level
    tip = 0.02 * 0.25**level
    cell = block(
        1.0, 4.0, [(half, Boundary.VOID), (1.0, Boundary.CONTACT)], [size, tip, size], 4 * size, comm
    )
    mechanics = problem(cell, 1.0, top="platen")
    contact_dofs = on(mechanics, 1, Boundary.CONTACT)
    mechanics.solve(contact_dofs, np.zeros(len(contact_dofs)))
    surface = SurfaceGeometry(cell)
    middle = _value_at(cell, mechanics, 0.0)
    far = mechanics.platen_velocity()
    force = assemble(mechanics.stress_form(surface.scalars), surface.scalars)
    area = assemble(fem.form(ufl.TestFunction(surface.scalars) * cell.ds(Boundary.CONTACT)), surface.scalars)
    x = surface.scalars.tabulate_dof_coordinates()
    end = np.flatnonzero((np.abs(x[:, 0] - 1.0) < 1e-12) & (np.abs(x[:, 1]) < 1e-12))
    end = end[end < surface.scalars.dofmap.index_map.size_local]
    local = float(force[end[0]] / area[end[0]]) if len(end) else -np.inf
    mechanics.destroy()
    # w is the closing velocity of the crack face; the block itself falls with the platen
    assert far >= 0.0
    return -middle, float(comm.allreduce(local, op=MPI.MAX))


def _value_at(cell: CellMesh, mechanics: MechanicsProblem, x: float) -> float:
    """Vertical velocity at (x, 0), a mesh vertex."""
    space, dofs = mechanics.vertical_space()
    points = space.tabulate_dof_coordinates()
    hit = np.flatnonzero((np.abs(points[:, 0] - x) < 1e-12) & (np.abs(points[:, 1]) < 1e-12))
    hit = hit[hit < space.dofmap.index_map.size_local]
    value = float(mechanics.unknown.x.array[dofs[hit[0]]]) if len(hit) else -np.inf
    return float(cell.domain.comm.allreduce(value, op=MPI.MAX))


@row("wave", "6", "relaxation of a Newtonian free surface")
def wave(comm: MPI.Comm) -> list[Check]:
    """Decay rate gamma k/(2 mu) of h cos kx, k = 1, h = 1e-3."""
    compute = functools.partial(_wave_at, comm)
    return [refined("decay rate", 1.5, compute, levels=3, tolerance=0.005, expected_order=2.0)]


def _wave_at(comm: MPI.Comm, level: int) -> float:
    amplitude, count = 1e-3, 12 * 2**level
    x = np.linspace(0.0, math.pi, count + 1)
    bottom = Side(np.column_stack([x, amplitude * np.cos(x)]), Boundary.VOID)
    height, size = 3.0 * math.pi, math.pi / count
    sides = [
        bottom,
        straight((math.pi, -amplitude), (math.pi, height), Boundary.SIDE_X),
        straight((math.pi, height), (0.0, height), Boundary.TOP),
        straight((0.0, height), (0.0, amplitude), Boundary.SIDE_X),
    ]
    cell = polygon(sides, [size, size, 4 * size, 4 * size], comm)
    mechanics = problem(cell, 1.0, pressure=0.0, tension=1.0, top="platen")
    top = on(mechanics, 1, Boundary.TOP)
    mechanics.solve(top[:1], np.zeros(len(top[:1])))
    position, normal = ufl.SpatialCoordinate(cell.domain), ufl.FacetNormal(cell.domain)
    ds = cell.ds(Boundary.VOID)
    projected = integral(cell, ufl.inner(mechanics.velocity, normal) * ufl.cos(position[0]) * ds)
    mechanics.destroy()
    # outward normal -e_y: v.n = -dh/dt = (gamma k / 2 mu) h cos kx
    return projected / (amplitude * 0.5 * math.pi)


@row("flux-modulation", "7", "uneven recession on a flat contact, Newtonian")
def flux_modulation(comm: MPI.Comm) -> list[Check]:
    """Contact pressure P - 2 mu k dv cos kx for k = 1, and opening where it would be tensile."""
    mu, dv = 1.0 / 3.0, 0.6
    compute = functools.partial(_modulation_at, comm, dv)
    checks = [
        refined(
            "amplitude of contact pressure",
            2.0 * mu * dv,
            compute,
            levels=3,
            tolerance=0.002,
            expected_order=2.0,
        )
    ]
    critical = 1.0 / (2.0 * mu)
    for factor, opens in ((0.98, 0.0), (1.02, 1.0)):
        checks.append(
            Check(f"opens at dv = {factor} P/(2 mu k)", opens, _opens(comm, factor * critical), 0.0)
        )
    return checks


def _modulated(comm: MPI.Comm, level: int) -> tuple[MechanicsProblem, contact.ContactZone]:
    size = math.pi / (16 * 2**level)
    cell = block(math.pi, 2.0 * math.pi, [(math.pi, Boundary.CONTACT)], [size, size], 4 * size, comm)
    mechanics = problem(cell, 1.0, top="platen")
    trace, trace_map = mechanics.vertical_space()
    return mechanics, contact.ContactZone(mechanics, trace, trace_map)


def _modulation_at(comm: MPI.Comm, dv: float, level: int) -> float:
    mechanics, zone = _modulated(comm, level)
    annihilation = 1.0 + dv * np.cos(zone.coordinates()[:, 0])
    contact.solve_contact(zone, contact.closed(zone), annihilation, np.zeros(len(annihilation)))
    surface = SurfaceGeometry(mechanics.cell)
    force = fem.Function(surface.scalars)
    force.x.array[:] = assemble(mechanics.stress_form(surface.scalars), surface.scalars)
    x = surface.scalars.tabulate_dof_coordinates()
    owned = np.arange(surface.scalars.dofmap.index_map.size_local)
    low = owned[np.abs(x[owned, 1]) < 1e-12]
    # work of the contact force on cos kx: P-free part is the amplitude times pi/2
    local = float(np.sum(force.x.array[low] * np.cos(x[low, 0])))
    mechanics.destroy()
    return -float(comm.allreduce(local)) / (0.5 * math.pi)


def _opens(comm: MPI.Comm, dv: float) -> float:
    mechanics, zone = _modulated(comm, 1)
    annihilation = 1.0 + dv * np.cos(zone.coordinates()[:, 0])
    state = contact.solve_contact(zone, contact.closed(zone), annihilation, np.zeros(len(annihilation)))
    opened = comm.allreduce(int(np.count_nonzero(~state.active)))
    mechanics.destroy()
    return float(opened > 0)
