"""Row 24: what surface tension pulls at triple lines, and which tension it holds."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
from mpi4py import MPI
from scipy.optimize import brentq

from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import InterfaceProfile
from meshes.sizing import SizeRule
from meshes.tags import Boundary
from solver.equations import contact
from solver.verification.check import Check, refined, row
from solver.verification.flow import problem
from solver.verification.patches import block

if TYPE_CHECKING:
    from meshes.cell import CoordinateKind
    from solver.equations.mechanics import MechanicsProblem

ANGLE = math.radians(93.6)
"""Contact angle of lithium on Li6PS5Cl (docs/parameters.md)."""
RADIUS, WIDTH = 1.0, 2.0
"""Radius of the cap's roof, and width of the cell around half of it."""
TENSION = 0.5
"""gamma (P0 L)."""
MU = 1.0 / 3.0
"""Viscosity of the uniaxial law e = sigma."""


@row("wetting-pull", "24", "what surface tension pulls at triple lines")
def wetting_pull(comm: MPI.Comm) -> list[Check]:
    """A roof of constant curvature: gamma sin(theta) per triple line, and equilibrium at P = -gamma curv.

    With no pressure on the platen the contact between the voids is pressed by what the triple lines pull: by
    2 gamma sin(theta) per void in the plane. Where the platen pulls with gamma times curvature, the metal has
    that tension everywhere and nothing flows, whatever the exponent.
    """
    checks = []
    kinds: tuple[CoordinateKind, ...] = ("plane", "axisymmetric")
    for kind in kinds:
        line = 1.0 if kind == "plane" else 2.0 * math.pi * RADIUS * math.sin(ANGLE)
        pull = TENSION * math.sin(ANGLE) * line
        compute = functools.partial(_line_force, comm, kind)
        checks.append(
            refined(
                f"force at the triple line, {kind}",
                pull,
                compute,
                levels=4,
                tolerance=0.01,
                expected_order=1.0,
            )
        )
        fall = functools.partial(_fall, comm, kind)
        checks.append(
            refined(
                f"fall of the platen at P = -gamma curv, {kind}",
                0.0,
                fall,
                levels=3,
                tolerance=1e-3,
                expected_order=2.0,
            )
        )
    return checks + _strength(comm)


def _cap(kind: CoordinateKind, level: int, comm: MPI.Comm, pressure: float, top: str) -> MechanicsProblem:
    """Creep problem around half a void whose roof is an arc that meets the electrolyte at ANGLE."""
    inside = math.pi - ANGLE  # angle in the void, from the electrolyte to the roof
    turn = np.linspace(0.0, inside, 12 * 2**level + 1)
    roof = RADIUS * np.column_stack([np.sin(turn), np.cos(turn) - math.cos(inside)])
    roof[0, 0] = roof[-1, 1] = 0.0
    size = RADIUS * inside / (12 * 2**level)
    profile = InterfaceProfile(WIDTH, WIDTH, 1.0, (roof,), kind == "axisymmetric")
    rule = SizeRule(tip=size, growth=0.3, largest=0.3)
    return problem(
        mesh_plane(profile, rule, comm), 1.0, pressure=pressure, tension=TENSION, top=top, angle=ANGLE
    )


def _line_force(comm: MPI.Comm, kind: CoordinateKind, level: int) -> float:
    """Force that the electrolyte holds a triple line with, P = 0."""
    mechanics = _cap(kind, level, comm, 0.0, "platen")
    trace, trace_map = mechanics.vertical_space()
    zone = contact.ContactZone(mechanics, trace, trace_map)
    mechanics.solve(zone.dofs, np.zeros(len(zone.dofs)))
    force = float(mechanics.reactions(zone.dofs)[zone.triple].sum())
    mechanics.destroy()
    return -float(comm.allreduce(force))


def _fall(comm: MPI.Comm, kind: CoordinateKind, level: int) -> float:
    """Velocity of a platen that pulls with what the roof's surface tension pulls."""
    curvature = (1.0 if kind == "plane" else 2.0) / RADIUS
    mechanics = _cap(kind, level, comm, -TENSION * curvature, "platen")
    trace, trace_map = mechanics.vertical_space()
    zone = contact.ContactZone(mechanics, trace, trace_map)
    mechanics.solve(zone.dofs, np.zeros(len(zone.dofs)))
    fall = mechanics.platen_velocity()
    mechanics.destroy()
    return fall


def _strength(comm: MPI.Comm) -> list[Check]:
    """Row 7's contact parts where the tension beside the side exceeds gamma sin(theta), P = 1, k = 1.

    p_c = 1 - 2 mu dv cos(x) is tensile up to x_c = arccos(1/(2 mu dv)), with the resultant 2 mu dv sin(x_c) -
    x_c on one side of the symmetry line.
    """
    pull = TENSION * math.sin(ANGLE)

    def excess(dv: float) -> float:
        end = math.acos(1.0 / (2.0 * MU * dv))
        return 2.0 * MU * dv * math.sin(end) - end - pull

    critical = float(brentq(excess, 0.5 / MU, 50.0 / MU))
    return [
        Check(
            f"parts at {factor} of the modulation that surface tension holds",
            opens,
            _parts(comm, factor * critical),
            0.0,
        )
        for factor, opens in ((0.98, 0.0), (1.02, 1.0))
    ]


def _parts(comm: MPI.Comm, dv: float) -> float:
    size = math.pi / 64.0
    cell = block(math.pi, 2.0 * math.pi, [(math.pi, Boundary.CONTACT)], [size, size], 4 * size, comm)
    mechanics = problem(cell, 1.0, top="platen")
    trace, trace_map = mechanics.vertical_space()
    zone = contact.ContactZone(mechanics, trace, trace_map, TENSION * math.sin(ANGLE))
    annihilation = 1.0 + dv * np.cos(zone.coordinates()[:, 0])
    state = contact.solve_contact(zone, contact.closed(zone), annihilation, np.zeros(len(annihilation)))
    parted = comm.allreduce(int(np.count_nonzero(~state.active)))
    mechanics.destroy()
    return float(parted > 0)
