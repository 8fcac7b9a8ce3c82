"""The record of a contact's memory: what it keeps, whoever covers, presses and reads it."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from mpi4py import MPI
from numpy.typing import NDArray
from shapely import Point

from meshes.profile.base import segment, spot
from meshes.surface_grid import TIE, SurfaceGrid
from meshes.tags import Boundary
from solver.equations.terms.contact_memory import Healing, MemoryLaw
from solver.interface.contact_memory import ContactHistory
from solver.interface.electrolyte_surface import ContactTrace, ElectrolyteSurface
from solver.setup.setup import set_up
from solver.simulation import restart
from solver.simulation.discretisation import discretise, initial_cell, remeshed
from tests.conftest import small_case

LAW = MemoryLaw(ratio=324.0, reference=1.0, exponent=1.34, lowest=0.01)
HEALING = MemoryLaw(324.0, 1.0, 1.34, 0.01, Healing(0.3, 2.0, 3.0))
SOLID = {
    "geometry": {"kind": "3d", "depth": "3 um", "metal_thickness": "4 um", "electrolyte_depth": "3 um"},
    "void": [{"position": ["0 um", "0 um"], "width": "2.2 um", "height": "0.55 um"}],
    "numerics": {"tip_size": "0.25 um", "growth": 0.6, "largest_size": "1.5 um"},
}


AREA = 4.0
"""um (um2 in 3-D) of the surface, which the memory does not depend on."""


def begun(
    law: MemoryLaw, extents: tuple[float, ...], spacing: float, *, axisymmetric: bool = False
) -> tuple[ElectrolyteSurface, ContactHistory]:
    surface = ElectrolyteSurface.begun(law, extents, spacing, AREA, axisymmetric=axisymmetric)
    return surface, remembered(surface)


def remembered(surface: ElectrolyteSurface) -> ContactHistory:
    assert surface.memory is not None
    return surface.memory


def line(law: MemoryLaw = LAW, spacing: float = 0.1) -> tuple[ElectrolyteSurface, ContactHistory]:
    return begun(law, (4.0,), spacing)


def pressed(
    surface: ElectrolyteSurface,
    pressure: float | NDArray[np.float64],
    dt: float = 1.0,
    lifted: object = False,
) -> None:
    """Press what is in contact; what has lifted has left a gap."""
    where = np.where(remembered(surface).covered, -np.inf, pressure)
    gap = np.where(np.broadcast_to(lifted, where.shape), 1e-3, 0.0)
    surface.accept(ContactTrace(where, gap, float(gap.sum())), dt)


def test_a_surface_that_nothing_has_left_is_virgin_whatever_presses_on_it() -> None:
    surface, memory = line()
    pressed(surface, 0.0)
    pressed(surface, 7.0)
    assert memory.conductance() == pytest.approx(1.0)
    assert memory.virgin_fraction() == pytest.approx(1.0)


def test_parted_contact_comes_back_with_the_resistance_of_its_largest_pressure() -> None:
    surface, memory = line()
    surface.cover([segment(1.0, 2.0)])
    surface.cover([])
    under = (memory.grid.middles[:, 0] > 1.0) & (memory.grid.middles[:, 0] < 2.0)
    assert (memory.virgin == ~under).all()
    z = [1.0 / memory.conductance()[under]]
    for pressure in (0.2, 2.0, 1.0, 25.0, 100.0):
        pressed(surface, pressure)
        z.append(1.0 / memory.conductance()[under])
    exact = [324.0 * p**-1.34 for p in (0.01, 0.2, 2.0, 2.0, 25.0)]
    for found, value in zip(z, [*exact, 1.0], strict=True):
        assert found == pytest.approx(value)
    assert exact[4] > 1.0 > 324.0 * 100.0**-1.34  # never better than virgin contact
    assert memory.conductance()[~under] == pytest.approx(1.0)


def test_a_new_void_wipes_out_what_pressed_before() -> None:
    surface, memory = line(HEALING)
    for _ in range(2):
        surface.cover([segment(0.0, 4.0)])
        surface.cover([])
        assert memory.conductance() == pytest.approx(0.01**1.34 / 324.0)
        pressed(surface, 3.0, dt=2.0)
        assert memory.conductance() == pytest.approx(3.0**1.34 / 324.0 * np.exp(0.3 * 1.5**3 * 2.0))


def test_contact_that_lifts_has_parted_and_tension_presses_nothing() -> None:
    surface, memory = line()
    lifted = memory.grid.middles[:, 0] < 1.0
    pressed(surface, 5.0, lifted=lifted)
    assert (memory.virgin == ~lifted).all()
    pressed(surface, -2.0)
    assert memory.largest == pytest.approx(0.0)
    assert memory.conductance()[lifted] == pytest.approx(0.01**1.34 / 324.0)


def test_healing_does_not_depend_on_the_steps_and_stops_at_virgin_contact() -> None:
    ends = []
    for steps in (1, 7):
        surface, memory = line(HEALING)
        surface.cover([segment(0.0, 4.0)])
        surface.cover([])
        for _ in range(steps):
            pressed(surface, 2.0, dt=3.0 / steps)
        ends.append(memory.conductance())
    assert ends[0] == pytest.approx(ends[1], rel=1e-12)
    assert ends[0] == pytest.approx(2.0**1.34 / 324.0 * np.exp(0.9))
    pressed(surface, 2.0, dt=1e3)
    assert memory.conductance() == pytest.approx(1.0)


def test_what_lies_beside_a_void_reads_as_contact() -> None:
    """A cell whose middle is under a void says nothing about contact in its other half."""
    surface, memory = line()
    surface.cover([segment(1.0, 2.06)])
    at = np.array([[2.07], [2.2], [0.99]])
    assert memory.conductance_at(at) == pytest.approx(1.0)
    surface.cover([segment(1.4, 1.6)])
    found = memory.conductance_at(np.array([[1.3], [0.8], [2.3]]))
    assert found == pytest.approx([0.01**1.34 / 324.0, 1.0, 1.0])
    surface.cover([segment(0.0, 4.0)])
    assert np.isfinite(memory.conductance_at(at)).all()


def test_between_cells_the_conductance_is_linear_and_keeps_its_integral() -> None:
    surface, memory = line()
    surface.cover([segment(1.0, 2.0)])
    surface.cover([])
    x = np.linspace(0.0, 4.0, 40001)
    between = memory.conductance_at(0.5 * (x[1:] + x[:-1])[:, None])
    assert between.mean() == pytest.approx(float(np.sum(memory.conductance() * memory.grid.shares)), rel=1e-9)


def test_rings_count_by_their_area() -> None:
    surface, memory = begun(LAW, (4.0,), 0.01, axisymmetric=True)
    surface.cover([segment(0.0, 2.0)])
    assert memory.virgin_fraction() == pytest.approx(0.75, abs=1e-12)
    assert memory.grid.shares.sum() == pytest.approx(1.0)


def test_points_on_an_edge_are_outside_and_rounding_does_not_count() -> None:
    grid = SurfaceGrid((4.0,), 0.1)
    edge = float(grid.middles[5, 0])
    for shift in (-1e-12, 0.0, 1e-12):
        assert not grid.covered([segment(edge + shift, 1.0)])[5]
        assert grid.covered([segment(edge - 2.0 * TIE + shift, 1.0)])[5]
    raster = SurfaceGrid((4.0, 2.0), 0.1)
    assert not raster.covered([shapely.box(0.0, 0.0, edge, 2.0)]).reshape(raster.shape)[5].any()
    assert raster.covered([shapely.box(0.0, 0.0, edge + 1e-3, 2.0)]).reshape(raster.shape)[5].all()


def test_a_void_without_width_covers_nothing() -> None:
    assert not SurfaceGrid((4.0,), 0.1).covered([segment(1.0, 1.0)]).any()


@pytest.mark.parametrize("extents", [(3.0,), (3.0, 2.0)])
def test_triangles_and_segments_find_the_cells_under_them(extents: tuple[float, ...]) -> None:
    grid = SurfaceGrid(extents, 0.07)
    rng = np.random.default_rng(3)
    dim = len(extents)
    corners = rng.uniform(-0.2, 1.2, size=(60, dim + 1, dim)) * np.array(extents)
    hits = grid.under(corners)
    where = np.einsum("mc,mcd->md", hits.barycentric, corners[hits.simplex])
    np.testing.assert_allclose(where, grid.middles[hits.cell, :dim], atol=1e-12)
    for k, simplex in enumerate(corners):
        shape = segment(*sorted(simplex[:, 0])) if dim == 1 else shapely.Polygon(simplex)
        assert set(hits.cell[hits.simplex == k]) == set(np.flatnonzero(grid.covered([shape])))
    assert len(grid.under(corners[:0]).cell) == 0


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[list[tuple[float, float]], float, float]]:
    """Voids (middle, width), pressure and step, one after the other."""
    voids = st.lists(st.tuples(st.floats(-0.5, 4.5), st.floats(0.0, 3.0)), max_size=3)
    return draw(st.lists(st.tuples(voids, st.floats(-1.0, 50.0), st.floats(0.0, 5.0)), max_size=8))


@settings(max_examples=60, deadline=None)
@given(histories(), st.booleans(), st.booleans())
def test_the_record_is_that_of_each_place_by_itself(
    history: list[tuple[list[tuple[float, float]], float, float]], solid: bool, heals: bool
) -> None:
    """Against a loop over places; virgin contact only falls, Z lies in its bounds, text keeps it all."""
    law = HEALING if heals else LAW
    surface, memory = begun(law, (4.0, 3.0) if solid else (4.0,), 0.25)
    places = memory.grid.middles
    virgin, largest, healed = np.ones(len(places), bool), np.zeros(len(places)), np.zeros(len(places))
    shares = [1.0]
    for voids, pressure, dt in history:
        spots = [spot(np.array([x, 1.5] if solid else [x]), width) for x, width in voids]
        at = pressure * (1.0 + places[:, 0])
        trace = np.where(memory.covered, -np.inf, at)
        surface.accept(ContactTrace(trace, np.zeros(len(places)), 0.0), dt)
        for k in np.flatnonzero(~memory.covered & ~virgin):
            largest[k] = max(largest[k], at[k])
            healed[k] -= 0.3 * dt * (max(at[k], 0.0) / 2.0) ** 3 if heals else 0.0
        surface.cover(spots)
        virgin[memory.covered] = False
        largest[memory.covered] = healed[memory.covered] = 0.0
        shares.append(memory.virgin_fraction())
    with np.errstate(over="ignore"):
        remade = np.minimum(1.0, np.maximum(largest, 0.01) ** 1.34 / 324.0 * np.exp(-healed))
    np.testing.assert_allclose(memory.conductance(), np.where(virgin, 1.0, remade), rtol=1e-12)
    assert all(later <= before for before, later in pairwise(shares))
    assert memory.conductance().min() > 0.0 and memory.conductance().max() <= 1.0
    anew, again = begun(law, memory.grid.extents, 0.25)
    anew.restore(json.loads(json.dumps(surface.state())))
    for name in ("virgin", "covered", "largest", "healed"):
        np.testing.assert_array_equal(getattr(again, name), getattr(memory, name))


@pytest.mark.parallel
@pytest.mark.parametrize("kind", ["plane", "axisymmetric", "3d"])
def test_the_contact_of_a_mesh_comes_to_the_grid(kind: str, comm: MPI.Comm) -> None:
    """A linear pressure is met in every cell under contact, and nowhere else; the same on every rank."""
    changes = SOLID if kind == "3d" else {"geometry": {"kind": kind}}
    setup = set_up(small_case(contact_memory={}, **changes))
    mesh = discretise(setup, initial_cell(setup, comm))
    surface = restart.new_surface(setup, mesh)
    memory = remembered(surface)
    mesh.model.contact_pressure.interpolate(lambda x: 1.0 + 2.0 * x[0] + 3.0 * x[1])
    trace = surface.trace(mesh.model)
    assert (np.isfinite(trace.pressure) == ~memory.covered).mean() > 0.99  # chords cut arcs in 3-D
    assert not trace.gap.any()
    touching = np.isfinite(trace.pressure)
    exact = 1.0 + memory.grid.middles[:, :2] @ [2.0, 3.0]
    np.testing.assert_allclose(trace.pressure[touching], exact[touching], rtol=1e-12)
    assert comm.allgather(trace.pressure.tobytes()) == [trace.pressure.tobytes()] * comm.size
    mesh.destroy()


@pytest.mark.parallel
def test_lifted_dofs_come_to_the_grid(comm: MPI.Comm) -> None:
    setup = set_up(small_case(contact_memory={}))
    mesh = discretise(setup, initial_cell(setup, comm))
    surface = restart.new_surface(setup, mesh)
    memory = remembered(surface)
    x = mesh.model.zone.coordinates()[:, 0]
    lifts = (x > 2.0) & (x < 2.5)
    mesh.model.contact.active[lifts] = False
    mesh.model.contact.gap[lifts] = 1e-3 * x[lifts]
    trace = surface.trace(mesh.model)
    assert comm.allgather(trace.gap.tobytes()) == [trace.gap.tobytes()] * comm.size
    lifted = memory.grid.middles[trace.gap > 0.0, 0]
    np.testing.assert_allclose(trace.gap[trace.gap > 0.0], 1e-3 * lifted, atol=3e-4)
    # to half the distance between dofs, which is half an element
    assert lifted.min() == pytest.approx(2.0, abs=0.3) and lifted.max() == pytest.approx(2.5, abs=0.3)
    assert len(lifted) >= 5
    mesh.destroy()


@pytest.mark.parallel
def test_a_new_mesh_reads_the_same_record(comm: MPI.Comm) -> None:
    setup = set_up(small_case(contact_memory={}))
    mesh = discretise(setup, initial_cell(setup, comm))
    surface = restart.new_surface(setup, mesh)
    memory = remembered(surface)
    surface.cover([segment(0.0, 2.0)])
    surface.cover([void.footprint for void in mesh.surfaces.profile().voids])
    before = surface.state()
    new, _, _ = remeshed(setup, mesh, [mesh.surfaces.profile()])
    areas = []
    for model in (mesh.model, new.model):
        model.chemistry.update_contact_area()
        kinetics = model.chemistry.kinetics
        assert kinetics.record is surface
        areas.append(model.chemistry.integrate(kinetics.remembered("+"), Boundary.CONTACT))
    exact = float(np.sum(np.where(memory.covered, 0.0, memory.conductance()) * memory.grid.shares)) * 3.0
    assert areas == pytest.approx([exact, exact], rel=1e-3)
    assert areas[1] == pytest.approx(areas[0], rel=1e-6)
    assert surface.state() == before
    for one in (mesh, new):
        one.destroy()


def test_footprints_with_holes_and_necks_cover_what_lies_under_them() -> None:
    """A ring, and two discs that a neck joins which is narrower than the edge that does not count."""
    grid = SurfaceGrid((4.0, 3.0), 0.1)
    ring = Point(2.0, 1.5).buffer(1.2).difference(Point(2.0, 1.5).buffer(0.5))
    away = np.linalg.norm(grid.middles[:, :2] - [2.0, 1.5], axis=1)
    found = grid.covered([ring])
    assert found[(away > 0.55) & (away < 1.15)].all() and not found[(away < 0.5) | (away > 1.2)].any()
    neck = shapely.box(0.9, 1.5, 3.1, 1.5 + 1.5 * TIE)
    pair = shapely.union_all([Point(1.0, 1.5).buffer(0.5), Point(3.0, 1.5).buffer(0.5), neck])
    assert pair.geom_type == "Polygon" and pair.buffer(-TIE).geom_type == "MultiPolygon"
    found = grid.covered([pair])
    near = np.minimum(*(np.linalg.norm(grid.middles[:, :2] - [x, 1.5], axis=1) for x in (1.0, 3.0)))
    assert found[near < 0.48].all() and not found[near > 0.5].any()
