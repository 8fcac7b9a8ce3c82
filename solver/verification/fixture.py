"""Rows 19 and 20: a clamp on a flat contact and on a ring, its kinematics, limits of its stiffness."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import ufl
from mpi4py import MPI
from scipy.integrate import solve_ivp

from meshes.tags import Boundary
from solver.equations.coupled_model import CoupledModel
from solver.equations.terms.fixture import FixtureParameters, PlatenMotion
from solver.setup.step_control import StepLimits
from solver.stepping import step
from solver.verification import cells, creep, flow
from solver.verification.check import Check, row
from solver.verification.patches import quarter_annulus

STIFFNESS, INDIUM = 2.0, 7.86 / 12.97
"""k (P0/um) of the rows, and chi of an indium counter electrode."""
LIFTED_AT = 1.0 / (STIFFNESS * (1.0 - INDIUM))
"""Time (L/v0) at which a clamp on a flat contact lifts off: P0/(k (1 - chi) v)."""
OUTER = 3.0
"""Outer over inner radius of the ring at the start."""
RING_STIFFNESS = 4.0
RING_ENDS = {1.0: 0.2, 3.0: 0.3, creep.LITHIUM_EXPONENT: 0.6}
"""Time by n at which about half of the void is gone under a dead load."""
ODE_TOLERANCE = 1e-12
"""Relative tolerance of the reference's integrator: it is good to 1e-10."""
GENTLE, STIFF = 1e-8, 1e3
"""Stiffnesses (P0/um) near the limits."""
DRIVEN = 3.0
"""chi that presses the platen on: with P < 0 a clamp and a given motion part."""


def clamped(
    comm: MPI.Comm,
    fixture: FixtureParameters,
    *,
    top: str = "platen",
    void: bool = False,
    adhesion: float = 0.0,
    tension: float = 0.0,
) -> CoupledModel:
    """A cell of creeping metal (n = 6.6) without vacancies, flat or with half a void, in a fixture."""
    given = cells.parameters(
        vacancies=None,
        reference_stress=1.0,
        exponent=creep.LITHIUM_EXPONENT,
        tension=tension,
        adhesion=adhesion,
    )
    load = replace(given.load, fixture=fixture, top=top)  # type: ignore[arg-type]
    cell = cells.void_cell(comm) if void else cells.flat_cell(comm)
    return CoupledModel(cell, replace(given, load=load))


@row("fixture", "19", "a clamp on a flat contact, its lift-off, and kinematics with a void")
def fixture(comm: MPI.Comm) -> list[Check]:
    """P = P0 - k (1 - chi) v t, constant for chi = 1; then the gap is (1 - chi) v (t - t0)."""
    steps, dt = 8, 0.1
    indium, lithium = (FixtureParameters(STIFFNESS, chi) for chi in (INDIUM, 1.0))
    falling, _ = _pressed(comm, indium, steps, dt)
    constant, _ = _pressed(comm, lithium, steps, dt)
    left, lifted = _pressed(comm, indium, 2 * steps, dt, adhesion=1.0)
    after = 2 * steps * dt - LIFTED_AT
    exact = 1.0 - STIFFNESS * (1.0 - INDIUM) * steps * dt
    return [
        Check("P, indium", exact, falling, 1e-12),
        Check("P, lithium (chi = 1)", 1.0, constant, 1e-12),
        Check("P after lift-off", 0.0, left, 0.0),
        Check("lift-off, contact held by adhesion", (1.0 - INDIUM) * after, lifted, 1e-12),
        Check("gap at the electrolyte, nothing held", (1.0 - INDIUM) * after, _opened(comm, dt), 1e-9),
        *_kinematics(comm),
    ]


def _pressed(
    comm: MPI.Comm, given: FixtureParameters, steps: int, dt: float, adhesion: float = 0.0
) -> tuple[float, float]:
    """Pressure and lift-off after steps of a flat contact."""
    model = clamped(comm, given, adhesion=adhesion)
    for _ in range(steps):
        step.advance(model, dt, StepLimits(1.0))
    pressure, lift_off = model.clamp.pressure, model.clamp.lift_off
    model.destroy()
    return pressure, lift_off


def _opened(comm: MPI.Comm, dt: float) -> float:
    """Gap that opens all along a flat contact without adhesion, in rates: a run ends where it begins."""
    model, gap = clamped(comm, FixtureParameters(STIFFNESS, INDIUM)), 0.0
    for _ in range(16):
        model.solve(dt)
        gap += dt * float(comm.allreduce(model.contact.gap_rate.max(initial=-math.inf), op=MPI.MAX))
        model.clamp.accept()
    model.destroy()
    return gap


def _kinematics(comm: MPI.Comm) -> list[Check]:
    """Growth of a void per area plus lift-off is (1 - chi) v (t - t0), whatever the flow and the wetting."""
    model = clamped(comm, FixtureParameters(200.0, INDIUM), void=True, tension=0.5)
    before, steps, dt = model.void_measure(), 30, 1e-3
    for _ in range(steps):
        step.advance(model, dt, StepLimits(1.0))
    grown = (model.void_measure() - before) / model.chemistry.whole_area
    start = 1.0 / (200.0 * (1.0 - INDIUM))
    found = grown + model.clamp.lift_off
    held = model.clamp.pressure
    model.destroy()
    exact = (1.0 - INDIUM) * (steps * dt - start)
    return [
        Check("void growth and lift-off, n = 6.6", exact, found, 1e-8),
        Check("P after lift-off, wetting void", 0.0, held, 0.0),
    ]


@row("ring-spring", "20", "a void closing in a ring under a spring")
def ring_spring(comm: MPI.Comm) -> list[Check]:
    """Row 1 with dP/dt = -k |a a'|/b: first order in the time step (implicit Euler for P)."""
    checks = []
    for n, end in RING_ENDS.items():
        exact = _ring_ode(n, RING_STIFFNESS, end)
        found = [_ring(comm, n, RING_STIFFNESS, end, 20 * 2**k, 10 * 2**k) for k in range(3)]
        for k, what in enumerate(("radius", "pressure")):
            errors = tuple(abs(one[k] / exact[k] - 1.0) for one in found)
            label = f"{what} at t = {end:g}, n = {n:g}"
            checks.append(Check(label, exact[k], found[-1][k], 0.01, errors, 1.0))
    end, segments, steps = RING_ENDS[1.0], 12, 20
    dead = _ring(comm, 1.0, 0.0, end, segments, steps)[0]
    gentle = _ring(comm, 1.0, GENTLE, end, segments, steps)[0]
    radius, _ = _ring(comm, 1.0, STIFF, end, segments, steps)
    fallen = OUTER - math.sqrt(OUTER**2 - 1.0 + radius**2)
    return [
        *checks,
        Check("radius, k = 1e-8 (dead load)", dead, gentle, GENTLE),
        Check("k times the fall of the outside, k = 1e3", 1.0, STIFF * fallen, 1e-3),
    ]


def _ring_ode(n: float, stiffness: float, end: float) -> tuple[float, float]:
    """Radius and pressure by the ordinary differential equation."""

    def rates(_time: float, state: tuple[float, float]) -> tuple[float, float]:
        radius, pressure = state
        outer = math.sqrt(OUTER**2 - 1.0 + radius**2)
        change = -radius * creep.exact_closure("plane", radius / outer, n, 0.0, pressure)
        return change, stiffness * radius * change / outer

    found = solve_ivp(rates, (0.0, end), (1.0, 1.0), method="DOP853", rtol=ODE_TOLERANCE, atol=ODE_TOLERANCE)
    return float(found.y[0, -1]), float(found.y[1, -1])


def _ring(
    comm: MPI.Comm, n: float, stiffness: float, end: float, segments: int, steps: int
) -> tuple[float, float]:
    """Radius and pressure after steps; the nodes move with the ring, whose area stays."""
    cell = quarter_annulus(1.0, OUTER, segments, comm)
    mechanics = flow.problem(cell, n, fixture=FixtureParameters(stiffness))
    contact_dofs = flow.on(mechanics, 1, Boundary.CONTACT)
    normal = ufl.FacetNormal(cell.domain)
    outwards = ufl.inner(mechanics.velocity, normal)
    radius = pressure = 1.0
    dt = end / steps
    for _ in range(steps):
        mechanics.pressure_load.value, mechanics.pressure_yield.value = pressure, stiffness * dt
        mechanics.solve(contact_dofs, np.zeros(len(contact_dofs)))
        area = flow.integral(cell, mechanics.constant(1.0) * cell.ds(Boundary.TOP))
        pressure += stiffness * dt * flow.integral(cell, outwards * cell.ds(Boundary.TOP)) / area
        swept = dt * flow.integral(cell, outwards * cell.ds(Boundary.VOID)) / (0.25 * math.pi)
        squares = np.sum(cell.domain.geometry.x[:, :2] ** 2, axis=1)
        cell.domain.geometry.x[:, :2] *= np.sqrt(1.0 - swept / squares)[:, None]
        radius = math.sqrt(radius**2 - swept)
    mechanics.destroy()
    return radius, pressure


@row("fixture-limits", "20/k", "a cell with a void: dead load and given velocity as limits of the clamp")
def limits(comm: MPI.Comm) -> list[Check]:
    """k -> 0 is a dead load; for k -> inf platen and pressure go to those of the velocity chi v, as 1/k."""
    dead = _first(comm, FixtureParameters())
    gentle = _first(comm, FixtureParameters(GENTLE, INDIUM))
    driven = FixtureParameters(0.0, DRIVEN, PlatenMotion(follows=True))
    given = _first(comm, driven, top="velocity")
    checks = [Check("platen velocity, k = 1e-8 (dead load)", dead[0], gentle[0], 1e-7)]
    stiff = [_first(comm, FixtureParameters(STIFF * 2.0**level, DRIVEN)) for level in range(3)]
    for k, what in enumerate(("platen velocity", "P")):
        errors = tuple(abs(found[k] / given[k] - 1.0) for found in stiff)
        label = f"{what}, k = 1e3, 2e3, 4e3 (chi v)"
        checks.append(Check(label, given[k], stiff[-1][k], 0.01, errors, 1.0))
    return checks


def _first(comm: MPI.Comm, given: FixtureParameters, top: str = "platen") -> tuple[float, float]:
    """Platen velocity and pressure of the first step of a cell with a void."""
    model, dt = clamped(comm, given, top=top, void=True), 1e-2
    model.solve(dt)
    velocity = model.mechanics.platen_velocity()
    model.clamp.accept()
    pressure = model.clamp.pressure
    model.destroy()
    return velocity, pressure
