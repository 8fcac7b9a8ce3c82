"""What surface tension holds of a contact under tension, by forces that are put in."""

from __future__ import annotations

import math

import numpy as np
import pytest
import ufl
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.gmsh.mesh_profile import mesh_profile
from meshes.profile.polyline import InterfaceProfile, profile_from_shapes
from meshes.profile.triangulated import profile_from_seeds
from meshes.seeds import VoidShape
from meshes.sizing import SizeRule
from meshes.tags import Boundary
from solver.algebra.assembly import assemble
from solver.equations.contact import ContactZone
from solver.equations.coordinates import contact_weight
from solver.verification.flow import problem

pytestmark = pytest.mark.parallel

LINE = 0.5
"""gamma sin(theta)."""
RULE = SizeRule(tip=0.1, growth=0.3, largest=0.4)


def zone_of(profile: InterfaceProfile, comm: MPI.Comm) -> ContactZone:
    """The contact of a cell."""
    mechanics = problem(mesh_profile(profile, RULE, comm), 1.0, top="platen")
    return ContactZone(mechanics, *mechanics.vertical_space(), LINE)


def areas(zone: ContactZone) -> NDArray[np.float64]:
    """Nodal areas of the contact: a uniform tension is a force in proportion to them."""
    cell = zone.problem.cell
    trace = zone.problem.vertical_space()[0]
    form = fem.form(contact_weight(cell) * ufl.TestFunction(trace)("+") * cell.dS(Boundary.CONTACT))
    return np.asarray(assemble(form, trace)[zone.trace_dofs])


def held(
    zone: ContactZone, stress: float, where: NDArray[np.bool_], lifted: NDArray[np.bool_] | None = None
) -> tuple[int, int, float]:
    """Dofs under tension, those of them held, and the resultant, over all ranks."""
    comm = zone.problem.cell.domain.comm
    off = np.zeros(len(zone.dofs), dtype=bool) if lifted is None else lifted
    tension = np.where(where & ~zone.triple & ~off, stress * areas(zone), 0.0)
    stays = zone.hold.held(tension, off)
    assert not np.any(stays & (tension <= 0.0))
    counts = comm.allreduce(np.array([np.count_nonzero(tension > 0.0), np.count_nonzero(stays)]))
    return int(counts[0]), int(counts[1]), float(comm.allreduce(float(tension.sum())))


@pytest.mark.parametrize(
    ("low", "high", "lines"),
    [(2.0, 4.0, 2), (-1.0, 1.5, 1), (4.5, 9.0, 1), (-1.0, 9.0, 0)],
    ids=["inside", "left side", "right side", "everywhere"],
)
def test_a_stretch_is_held_up_to_the_pull_of_the_lines_that_would_bound_it(
    low: float, high: float, lines: int, comm: MPI.Comm
) -> None:
    zone = zone_of(InterfaceProfile(6.0, 3.0, 2.0), comm)
    x = zone.coordinates()[:, 0]
    within = (x > low) & (x < high)
    resultant = held(zone, 1.0, within)[2]
    if lines == 0:
        assert held(zone, 1e-6, within)[1] == 0  # nothing would bound it: the metal comes off as a whole
        return
    limit = lines * LINE / resultant
    under, stays, _ = held(zone, 0.999 * limit, within)
    assert under > 0 and stays == under
    assert held(zone, 1.001 * limit, within)[1] == 0


def test_the_end_of_what_has_lifted_bounds_nothing_new(comm: MPI.Comm) -> None:
    zone = zone_of(InterfaceProfile(6.0, 3.0, 2.0), comm)
    x = zone.coordinates()[:, 0]
    lifted, beside = (x > 2.0) & (x < 3.0), (x >= 3.0) & (x < 4.0)
    resultant = held(zone, 1.0, beside, lifted)[2]
    under, stays, _ = held(zone, 0.999 * LINE / resultant, beside, lifted)
    assert stays == under > 0
    assert held(zone, 1.001 * LINE / resultant, beside, lifted)[1] == 0


def test_beside_a_triple_line_the_nearest_is_held_and_the_rest_parts(comm: MPI.Comm) -> None:
    profile = profile_from_shapes(
        [VoidShape((3.0,), 1.0, 0.5)], width=6.0, metal_height=3.0, electrolyte_depth=2.0, rule=RULE
    )
    zone = zone_of(profile, comm)
    x = zone.coordinates()[:, 0]
    right = (x > 3.5) & (x < 5.0)
    under, stays, resultant = held(zone, 1.0, right)
    assert resultant > LINE
    assert 0 < stays < under
    tension = np.where(right & ~zone.triple, areas(zone), 0.0)
    kept = zone.hold.held(tension, np.zeros(len(x), dtype=bool))
    carried = float(comm.allreduce(float(tension[kept].sum())))
    largest = float(comm.allreduce(float(tension.max(initial=0.0)), op=MPI.MAX))
    assert LINE - largest < carried <= LINE
    farthest = comm.allreduce(float(x[kept].max(initial=-np.inf)), op=MPI.MAX)
    nearest = comm.allreduce(float(x[(tension > 0.0) & ~kept].min(initial=np.inf)), op=MPI.MIN)
    assert farthest < nearest
    # by Laplace: gamma sin(theta) of tension over that length
    assert farthest - 3.5 == pytest.approx(LINE, abs=0.3)


def test_two_stretches_do_not_help_each_other(comm: MPI.Comm) -> None:
    zone = zone_of(InterfaceProfile(6.0, 3.0, 2.0), comm)
    x = zone.coordinates()[:, 0]
    narrow, wide = (x > 0.8) & (x < 1.4), (x > 3.0) & (x < 5.0)
    stress = 2.0 * LINE / 1.2  # between what the two bear
    alone = held(zone, stress, narrow)
    assert alone[1] == alone[0] > 0 and held(zone, stress, wide)[1] == 0
    assert held(zone, stress, narrow | wide)[1] == alone[1]


def test_around_an_axis_the_border_is_a_circle(comm: MPI.Comm) -> None:
    """A disc under tension is held up to 2 gamma sin(theta)/radius, as a bubble on a wall."""
    zone = zone_of(InterfaceProfile(6.0, 3.0, 2.0, axisymmetric=True), comm)
    radius = 3.0
    disc = zone.coordinates()[:, 0] < radius
    stress = 2.0 * LINE / radius
    under, stays, resultant = held(zone, 0.9 * stress, disc)
    assert resultant == pytest.approx(0.9 * stress * math.pi * radius**2, rel=0.1)
    assert stays == under
    assert held(zone, 1.1 * stress, disc)[1] == 0


def test_on_a_surface_the_border_is_a_line(comm: MPI.Comm) -> None:
    """A square patch of side w: up to 4 gamma sin(theta)/w; in the corner of the cell half as much."""
    profile = profile_from_seeds([], extents=(4.0, 4.0), metal_height=2.0, electrolyte_depth=2.0)
    mechanics = problem(mesh_profile(profile, SizeRule(0.25, 0.3, 0.25), comm), 1.0, top="platen")
    zone = ContactZone(mechanics, *mechanics.vertical_space(), LINE)
    x = zone.coordinates()
    for (low, high), sides in (((1.0, 3.0), 4.0), ((-1.0, 2.0), 2.0)):
        square = (x[:, 0] > low) & (x[:, 0] < high) & (x[:, 1] > low) & (x[:, 1] < high)
        area, length = 4.0, 2.0
        stress = sides * length * LINE / area
        # a border along the edges of triangles is longer than the square's: up to a factor of 4/pi
        under, stays, _ = held(zone, 0.95 * stress, square)
        assert stays == under > 0
        assert held(zone, 1.6 * stress, square)[1] == 0


@pytest.mark.one_rank
def test_without_surface_tension_nothing_is_held(comm: MPI.Comm) -> None:
    zone = zone_of(InterfaceProfile(6.0, 3.0, 2.0), comm)
    bare = ContactZone(zone.problem, *zone.problem.vertical_space())
    x = bare.coordinates()[:, 0]
    tension = np.where((x > 2.0) & (x < 2.2), 1e-9 * areas(bare), 0.0)
    assert not bare.hold.held(tension, np.zeros(len(x), dtype=bool)).any()
