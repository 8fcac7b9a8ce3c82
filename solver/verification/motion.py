"""Rows 3 and 4, a void that closes in time, and the balances: the moving interface."""

from __future__ import annotations

import functools
import math

import numpy as np
import ufl
from mpi4py import MPI

from meshes.gmsh.plane import mesh_plane
from meshes.sizing import SizeRule
from meshes.tags import Boundary
from solver.equations.coupled_model import CoupledModel
from solver.equations.surface import SurfaceGeometry
from solver.equations.terms.vacancies import VacancyParameters
from solver.interface.void_surfaces import void_surfaces
from solver.setup.step_control import StepLimits
from solver.stepping import step
from solver.stepping.observables import volume_balance
from solver.verification import flow
from solver.verification.cells import flat_cell, half_circle, parameters
from solver.verification.check import Check, refined, row
from solver.verification.patches import quarter_annulus

RIGID = 3e4
"""Reference stress (in P) of a metal that does not creep noticeably."""
BALANCE_STEP = 1e-3
"""Time step of the balances, L/v0."""
OUTER = 3.0
"""Outer over inner radius of the closing ring at the start."""


@row("patch", "3", "uniform stripping")
def patch(comm: MPI.Comm) -> list[Check]:
    """Flat cell without vacancies at n = 6.6: v = -v_inf e_y and p = P exactly."""
    model = CoupledModel(flat_cell(comm), parameters(vacancies=None, reference_stress=1.0, exponent=6.6))
    model.solve(0.0)
    owned = model.surface.scalars.dofmap.index_map.size_local
    y = model.surface.scalars.tabulate_dof_coordinates()[:owned, 1]
    pressure = model.pressure.x.array[:owned][y >= -1e-12]
    worst = comm.allreduce(float(np.abs(pressure - 1.0).max(initial=0.0)), op=MPI.MAX)
    fall = model.mechanics.platen_velocity()
    before = model.platen_height()
    for _ in range(3):
        step.advance(model, 0.05, StepLimits(0.4))
    moved = before - model.platen_height()
    model.destroy()
    return [
        Check("largest |p - P|/P", 0.0, worst, 1e-8),
        Check("platen velocity", 1.0, fall, 1e-9),
        Check("platen fall after three steps", 0.15, moved, 1e-9),
    ]


@row("rigid", "4", "rigid translation over vertical-walled voids")
def rigid(comm: MPI.Comm) -> list[Check]:
    """Without vacancies the platen falls at v/f and a void loses (1 - f) v/f; with them, the budget."""
    fraction, checks = 0.5, []
    for axisymmetric in (False, True):
        share = fraction if not axisymmetric else 1.0 - (1.0 - fraction) ** 2
        platen, rate = _rigid_run(comm, axisymmetric)
        label = "axisymmetric" if axisymmetric else "plane"
        checks.append(Check(f"platen velocity, {label}", 1.0 / share, platen, 1e-3))
        checks.append(Check(f"void change per unit area, {label}", -(1.0 - share) / share, rate, 1e-3))
    growth, platen = _fed_void(comm)
    checks.append(Check("platen velocity with vacancies = 1 - void growth", 1.0 - growth, platen, 1e-8))
    return checks


def _rigid_run(comm: MPI.Comm, axisymmetric: bool) -> tuple[float, float]:
    """Platen velocity and void change over five steps; the walls of a half ellipse are vertical at its foot.

    The roof comes down by 1 % of the height: the contact fraction changes by half of its square.
    """
    rule = SizeRule(tip=0.02, growth=0.2, largest=0.2, roof_fraction=0.05)
    profile = half_circle(rule, axisymmetric)
    model = CoupledModel(mesh_plane(profile, rule, comm), parameters(vacancies=None, reference_stress=RIGID))
    height, void, steps, dt = model.platen_height(), model.void_measure(), 5, 5e-4
    for _ in range(steps):
        step.advance(model, dt, StepLimits(1.0))
    platen = (height - model.platen_height()) / (steps * dt)
    rate = (model.void_measure() - void) / (steps * dt) / model.chemistry.whole_area
    model.destroy()
    return platen, rate


def _fed_void(comm: MPI.Comm) -> tuple[float, float]:
    """Void growth per unit area and platen velocity, with vacancies shared between sinks and void.

    The metal does not move rigidly then (the layer of sinks contracts in all directions), so the
    statement of row 4 that holds is the budget: the platen sweeps the metal stripped less the void's
    growth, and growth is the vacancies' gain less the flow into the void.
    """
    rule = SizeRule(tip=0.02, growth=0.2, largest=0.2)
    profile = half_circle(rule, False)
    fed = parameters(vacancies=VacancyParameters(2.0, 1.0), reference_stress=1.0, exponent=6.6, adhesion=1e3)
    model = CoupledModel(mesh_plane(profile, rule, comm), fed)
    model.solve(0.0)
    gain, loss = model.void_rates()
    platen = model.mechanics.platen_velocity()
    model.destroy()
    return gain - loss, platen


@row("balances", "18/c", "conservation, every step")
def balances(comm: MPI.Comm) -> list[Check]:
    """Charge, lithium and volume over twelve steps of a creeping, capillary, vacancy-fed void."""
    checks = []
    for axisymmetric in (False, True):
        worst = _worst_balances(comm, axisymmetric)
        label = "axisymmetric" if axisymmetric else "plane"
        for name, value in zip(("charge", "lithium", "volume"), worst, strict=True):
            checks.append(Check(f"largest {name} error of a step, {label}", 0.0, value, 1e-8))
    return checks


def _worst_balances(comm: MPI.Comm, axisymmetric: bool) -> tuple[float, float, float]:
    rule = SizeRule(tip=0.04, growth=0.25, largest=0.5)
    profile = half_circle(rule, axisymmetric)
    model = CoupledModel(
        mesh_plane(profile, rule, comm),
        parameters(
            vacancies=VacancyParameters(5.0, 2.0, kelvin=2e-3),
            reference_stress=1.0,
            exponent=6.6,
            tension=0.2,
        ),
    )
    surfaces = void_surfaces(model.cell, model.surface, 2.0)
    balance = (model.platen_height(), model.void_measure())
    charge = lithium = volume = 0.0
    for _ in range(12):
        limits = StepLimits(2.0)
        result = step.advance(model, BALANCE_STEP, limits, lambda moved: surfaces.spaced(moved, rule))
        balance, errors = volume_balance(balance, result, model, model.platen_height(), model.void_measure())
        charge = max(charge, abs(result.removed / (BALANCE_STEP * model.chemistry.whole_area) - 1.0))
        lithium, volume = max(lithium, errors.lithium), max(volume, errors.volume)
    model.destroy()
    return charge, lithium, volume


@row("shrinking-void", "1/t", "a void closing in time")
def shrinking_void(comm: MPI.Comm) -> list[Check]:
    """Newtonian half cylinder in its own ring: the radius after a finite time, by steps of half the size.

    da/dt = -(3/2) P a/(1 - (a/b)^2) with the ring's outer radius following from its volume.
    """
    compute = functools.partial(_radius_at, comm)
    return [
        refined("radius at t = 0.2", _ring_radius(0.2), compute, levels=3, tolerance=0.01, expected_order=1.0)
    ]


def _ring_radius(end: float) -> float:
    """Integrate the exact rate; b^2 - a^2 = 8 stays constant (b = 3, a = 1)."""
    a, steps = 1.0, 20000

    def rate(x: float) -> float:
        return -1.5 * x / (1.0 - x * x / (8.0 + x * x))

    dt = end / steps
    for _ in range(steps):
        k1 = rate(a)
        a += dt * rate(a + 0.5 * dt * k1)
    return a


def _radius_at(comm: MPI.Comm, level: int) -> float:
    return close_ring(comm, segments=12 * 2**level, steps=10 * 2**level, end=0.2)


def close_ring(comm: MPI.Comm, *, segments: int, steps: int, end: float) -> float:
    """Void radius (from its area) after ``end``: explicit steps, a new ring mesh each."""
    inner, ratio = 1.0, 1.0 / OUTER
    volume = OUTER**2 - 1.0
    dt = end / steps
    for _ in range(steps):
        outer = math.sqrt(volume + inner**2)
        ratio = inner / outer
        cell = quarter_annulus(1.0, 1.0 / ratio, segments, comm)
        mechanics = flow.problem(cell, 1.0)
        contact_dofs = flow.on(mechanics, 1, Boundary.CONTACT)
        mechanics.solve(contact_dofs, np.zeros(len(contact_dofs)))
        surface = SurfaceGeometry(cell)
        normal_velocity = ufl.inner(mechanics.velocity, ufl.FacetNormal(cell.domain))
        speed = surface.nodal_speed(surface.rate_form(normal_velocity))
        shift = dt * speed[:, None] * surface.direction
        moved = surface.positions() + shift
        cell.domain.geometry.x[surface.geometry_nodes, :2] = moved
        position, normal = ufl.SpatialCoordinate(cell.domain), ufl.FacetNormal(cell.domain)
        area = flow.integral(cell, -0.5 * ufl.inner(position, normal) * cell.ds(Boundary.VOID))
        inner *= math.sqrt(area / (0.25 * math.pi))
        mechanics.destroy()
    return inner
