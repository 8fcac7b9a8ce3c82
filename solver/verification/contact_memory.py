"""Rows 21 and 22: what a contact remembers, and the current through contact of two resistances."""

from __future__ import annotations

import functools
import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import ufl
from mpi4py import MPI
from numpy.typing import NDArray
from shapely import Point

from meshes.gmsh.plane import mesh_plane
from meshes.profile.base import segment
from meshes.profile.polyline import InterfaceProfile
from meshes.sizing import SizeRule
from meshes.tags import Boundary
from solver.equations.electrochemistry import ElectrochemistryProblem
from solver.equations.static_current import CurrentResult
from solver.equations.terms.contact_memory import Healing, MemoryLaw
from solver.equations.terms.current import CurrentParameters
from solver.interface.electrolyte_surface import ContactTrace, ElectrolyteSurface
from solver.verification.check import Check, refined, row

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from solver.interface.contact_memory import ContactHistory

LAW = MemoryLaw(ratio=3.0, reference=1.0, exponent=1.34, lowest=0.01)
"""Z_1 is 3 Z_0, so that virgin and re-made contact weigh about the same; pressures in MPa."""
LENGTH, WIDEST, NARROWEST = 4.0, 1.2, 0.3
"""Of the surface, and half-widths between which the void in its middle goes."""


def _half_width(time: float) -> float:
    """The void grows until t = 1 and shrinks until t = 2."""
    return NARROWEST + (WIDEST - NARROWEST) * (1.0 - abs(1.0 - time))


def _pressure(distance: NDArray[np.float64], time: float) -> NDArray[np.float64]:
    """p_c at a distance from the middle: rises and falls again."""
    return (0.5 + 0.25 * distance) * (1.0 + math.sin(1.5 * math.pi * time))


def _largest(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """p_max at t = 2 where the void passed: since it went by at t = 2 - (r - a_0)/(a_1 - a_0)."""
    back = 2.0 - (distance - NARROWEST) / (WIDEST - NARROWEST)
    # sin(1.5 pi t) has its least at t = 1 and rises to 0 at t = 4/3, to 1 at t = 5/3, and falls to 0 at t = 2
    best = np.where(back <= 5.0 / 3.0, 1.0, np.sin(1.5 * math.pi * back))
    return np.asarray((0.5 + 0.25 * distance) * (1.0 + best))


def touched(
    law: MemoryLaw, extents: tuple[float, ...], spacing: float
) -> tuple[ElectrolyteSurface, ContactHistory]:
    """A surface that the metal has nowhere left, and its memory."""
    surface = ElectrolyteSurface.begun(law, extents, spacing, math.prod(extents), axisymmetric=False)
    assert surface.memory is not None
    return surface, surface.memory


def pressed(pressure: NDArray[np.float64]) -> ContactTrace:
    """Contact without gaps."""
    return ContactTrace(pressure, np.zeros(len(pressure)), 0.0)


@functools.cache
def moving_void(extents: tuple[float, ...], spacing: float, steps: int) -> ContactHistory:
    """The record after a void in the middle grew and shrank under a pressure that changes."""
    surface, memory = touched(LAW, extents, spacing)
    middle = 0.5 * np.array(extents)
    away = np.linalg.norm(memory.grid.middles[:, : len(extents)] - middle, axis=1)

    def footprint(time: float) -> BaseGeometry:
        a = _half_width(time)
        if len(extents) == 1:
            return segment(float(middle[0]) - a, float(middle[0]) + a)
        return Point(middle).buffer(a, quad_segs=256)

    surface.cover([footprint(0.0)])
    for k in range(steps):
        time = 2.0 * k / steps
        pressure = np.where(memory.covered, -np.inf, _pressure(away, time))
        surface.accept(pressed(pressure), 2.0 / steps)
        surface.cover([footprint(2.0 * (k + 1) / steps)])
    return memory


def _exact_conductance(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Z_0/Z at t = 2 outside the void."""
    remade = np.minimum(1.0, (_largest(distance) / LAW.reference) ** LAW.exponent / LAW.ratio)
    return np.where(distance > WIDEST, 1.0, remade)


@row("memory", "21", "contact that parts and comes back")
def memory(_comm: MPI.Comm) -> list[Check]:
    """A void that passes to and fro under a pressure that changes: Z at single places, and the active area.

    The record is exact to one cell and one step: first order in both. At 0.41 the pressure falls once the
    metal is back, so that Z hangs on the step in which it comes back; further out it rises to its largest.
    """
    checks = []
    for extents in ((LENGTH,), (LENGTH, LENGTH)):
        name = "raster" if len(extents) == 2 else "line"
        for place, tolerance in ((0.41, 0.05), (0.77, 1e-3), (1.13, 1e-3), (1.5, 1e-12)):
            compute = functools.partial(_remembered, extents, place)
            exact = float(_exact_conductance(np.array([place]))[0])
            label = f"Z_0/Z at {place} from the middle, {name}"
            checks.append(refined(label, exact, compute, levels=3, tolerance=tolerance))
        compute = functools.partial(_active_area, extents)
        exact = _exact_area(extents)
        checks.append(
            refined(f"active area, {name}", exact, compute, levels=4, tolerance=2e-3, expected_order=1.0)
        )
    return [*checks, *_healed()]


def _remembered(extents: tuple[float, ...], place: float, level: int) -> float:
    record = moving_void(extents, 0.04 * 0.5**level, 50 * 2**level)
    at = 0.5 * np.array(extents)
    at[0] += place
    return float(record.conductance_at(at[None])[0])


def _active_area(extents: tuple[float, ...], level: int) -> float:
    record = moving_void(extents, 0.04 * 0.5**level, 50 * 2**level)
    active = np.where(record.covered, 0.0, record.conductance())
    return float(np.sum(active * record.grid.shares)) * math.prod(extents)


def _exact_area(extents: tuple[float, ...]) -> float:
    """Integral of Z_0/Z outside the void at t = 2, by Gauss's rule between the kinks of Z."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    edges = np.linspace(NARROWEST, WIDEST, 301)  # the kink of p_max is one of them
    whole, total = math.prod(extents), 0.0
    for low, high in pairwise(edges):
        r = 0.5 * (high + low) + 0.5 * (high - low) * nodes
        around = 2.0 if len(extents) == 1 else 2.0 * math.pi * r
        total += 0.5 * (high - low) * float(np.sum(weights * around * _exact_conductance(r)))
    return total + whole - (2.0 * WIDEST if len(extents) == 1 else math.pi * WIDEST**2)


def _healed() -> list[Check]:
    """Z of a contact that came back under a constant pressure and heals: ln Z falls at a constant rate."""
    healing = Healing(rate=0.5, stress=1.0, exponent=3.0)
    law = MemoryLaw(ratio=324.0, reference=1.0, exponent=1.34, lowest=0.01, healing=healing)
    pressure, checks = 1.5, []
    for time in (1.0, 10.0):
        surface, record = touched(law, (1.0,), 0.25)
        surface.cover([segment(0.0, 1.0)])
        surface.cover([])
        cells = len(record.grid.middles)
        for _ in range(10):
            surface.accept(pressed(np.full(cells, pressure)), time / 10.0)
        exact = max(1.0, 324.0 * pressure**-1.34 * math.exp(-0.5 * pressure**3 * time))
        checks.append(
            Check(f"Z/Z_0 after healing for {time:g}", exact, float(1 / record.conductance()[0]), 1e-12)
        )
    return checks


DEPTH, RESISTANCE, SHARE = 1.5, 0.2, 0.4
"""Of the electrolyte; Z_0 over length and resistivity; share of contact that is virgin (from x = 0)."""
SPACING = 0.001
"""Of the record: Z jumps over this length, which is to be far below an element."""
MODES = 400
"""Of the Fourier series at first, and twice that: its error falls with the square of their number."""


def strips(ratio: float) -> tuple[ElectrolyteSurface, MemoryLaw]:
    """The record of a contact of length 1: Z_0 up to SHARE, and ``ratio`` times that further on."""
    law = MemoryLaw(ratio, reference=1.0, exponent=1.34, lowest=0.01)
    surface, _ = touched(law, (1.0,), SPACING)
    surface.cover([segment(SHARE, 1.0)])
    surface.cover([])
    surface.accept(pressed(np.ones(len(surface.gaps.thickness))), 1.0)
    return surface, law


def solved(comm: MPI.Comm, ratio: float, conductivity: float, size: float) -> CurrentResult:
    """Current through such a contact, which is flat, with linear kinetics."""
    (surface, law), rule = strips(ratio), SizeRule(tip=size, growth=0.5, largest=0.25, layer=size)
    cell = mesh_plane(InterfaceProfile(1.0, 0.25, DEPTH), rule, comm)
    parameters = CurrentParameters(conductivity, RESISTANCE, kinetics="linear", memory=law)
    chemistry = ElectrochemistryProblem.isolated(cell, parameters)
    chemistry.kinetics.record = surface
    chemistry.update_contact_area()
    chemistry.solve()
    return CurrentResult(chemistry, DEPTH / conductivity)


@row("two-resistances", "22", "contact of two resistances side by side")
def side_by_side(comm: MPI.Comm) -> list[Check]:
    """Currents as 1/Z where the electrolyte does not count; else the resistance against a Fourier series.

    The mean of 1/Z around a node spreads its jump over an element without changing its integral; with the
    logarithm that the current has there, this leaves an error of h^2 ln(1/h)^2.
    """
    checks = []
    for ratio in (5.0, 500.0):
        name, active = f"Z_1/Z_0 = {ratio:g}", SHARE + (1.0 - SHARE) / ratio
        chemistry = solved(comm, ratio, 1e9, 0.05).chemistry
        found = chemistry.integrate(chemistry.kinetics.remembered("+"), Boundary.CONTACT)
        checks.append(Check(f"active fraction, {name}", active, found, 1e-12))
        drop = chemistry.integrate(chemistry.metal_potential("+"), Boundary.CONTACT)
        checks.append(Check(f"resistance over Z_0, {name}", 1.0 / active, drop / RESISTANCE, 1e-6))
        compute = functools.partial(_virgin_current, comm, ratio)
        checks.append(
            refined(
                f"current through virgin contact, {name}",
                SHARE / active,
                compute,
                levels=3,
                tolerance=0.02,
                expected_order=1.0,
            )
        )
        compute = functools.partial(_resistance, comm, ratio)
        exact = strip_series(ratio)
        checks.append(
            refined(
                f"resistance with constriction, {name}",
                exact,
                compute,
                levels=4,
                tolerance=1e-3,
                expected_order=2.0,
            )
        )
    return checks


def _virgin_current(comm: MPI.Comm, ratio: float, level: int) -> float:
    """What flows at x < SHARE; the jump of Z is spread over an element."""
    chemistry = solved(comm, ratio, 1e9, 0.05 * 0.5**level).chemistry
    x = ufl.SpatialCoordinate(chemistry.cell.domain)[0]
    part = chemistry.current_density() * ufl.conditional(ufl.lt(x, SHARE), 1.0, 0.0)
    return chemistry.integrate(part, Boundary.CONTACT)


def _resistance(comm: MPI.Comm, ratio: float, level: int) -> float:
    return solved(comm, ratio, 1.0, 0.05 * 0.5**level).resistance()


@functools.cache
def strip_series(ratio: float) -> float:
    """Resistance of such a contact on an electrolyte of conductivity 1, less that of the slab.

    phi = a_0 y/D + sum a_k cos(k pi x) sinh(k pi y)/sinh(k pi D) has the current (phi_m - phi)/Z(x) at y = D,
    in the sense of Galerkin; extrapolated to any number of modes, which leaves about 1e-9.
    """
    first, second = (_with_modes(ratio, count) for count in (MODES, 2 * MODES))
    return (4.0 * second - first) / 3.0


def _with_modes(ratio: float, count: int) -> float:
    k = np.arange(count + 1)

    def virgin(n: NDArray[np.int64]) -> NDArray[np.float64]:
        """Integral of cos(n pi x) over virgin contact."""
        safe = np.where(n == 0, 1, n) * math.pi
        return np.where(n == 0, SHARE, np.sin(safe * SHARE) / safe)

    near = 0.5 * (virgin(k[:, None] - k) + virgin(k[:, None] + k))
    squares = np.where(k == 0, 1.0, 0.5)
    matrix = (near + (np.diag(squares) - near) / ratio) / RESISTANCE
    column = matrix[:, 0].copy()
    matrix[:, 0] = -column  # the first unknown is phi_m - a_0, the others are the a_k
    k_pi = k[1:] * math.pi
    matrix[range(1, count + 1), range(1, count + 1)] += 0.5 * k_pi / np.tanh(k_pi * DEPTH)
    mean_current = np.zeros(count + 1)
    mean_current[0] = -1.0
    return float(np.linalg.solve(matrix, mean_current)[0])
