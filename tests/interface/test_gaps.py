"""Gaps too thin for a roof: their record, and what a solve makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import ufl
from dolfinx import fem
from hypothesis import given, settings
from hypothesis import strategies as st
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.gmsh.mesh_profile import mesh_profile
from meshes.gmsh.plane import mesh_plane
from meshes.profile.base import segment, spot
from meshes.profile.polyline import InterfaceProfile
from meshes.profile.triangulated import profile_from_seeds
from meshes.sizing import SizeRule
from meshes.surface_grid import SurfaceGrid
from meshes.tags import Boundary
from solver.algebra.assembly import assemble
from solver.equations.coupled_model import CoupledModel
from solver.interface.electrolyte_surface import ContactTrace, ElectrolyteSurface
from solver.interface.gaps import THINNEST, Gaps
from solver.interface.openings import openings
from solver.verification.cells import UNIFORM, parameters

WIDTH, LOW, HIGH = 4.0, 1.0, 2.0
"""Of the cell, and where the gap lies in it (um)."""
RULE = SizeRule(tip=0.1, growth=0.3, largest=0.5, layer=0.1)
CONDUCTIVITY = 3.0
Kinetics = Literal["linear", "butler-volmer"]


def line(extents: tuple[float, ...] = (WIDTH,), *, axisymmetric: bool = False) -> Gaps:
    area = float(np.prod(extents)) if not axisymmetric else np.pi * extents[0] ** 2
    return Gaps(SurfaceGrid(extents, 0.1, axisymmetric=axisymmetric), area)


def stepped(gaps: Gaps, thickness: float) -> NDArray[np.float64]:
    """That thick between LOW and HIGH."""
    x = gaps.grid.middles[:, 0]
    return np.where((x > LOW) & (x < HIGH), thickness, 0.0)


def test_a_surface_begins_without_gaps() -> None:
    gaps = line()
    assert gaps.measure() == gaps.fraction() == gaps.held == 0.0
    assert gaps.closed_at(gaps.grid.middles) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("extents", "axisymmetric", "area"),
    [((WIDTH,), False, 1.0), ((WIDTH,), True, np.pi * (HIGH**2 - LOW**2)), ((WIDTH, 3.0), False, 3.0)],
)
def test_volume_and_share_of_a_gap(extents: tuple[float, ...], axisymmetric: bool, area: float) -> None:
    gaps = line(extents, axisymmetric=axisymmetric)
    gaps.become(stepped(gaps, 0.02), 0.02)
    assert gaps.measure() == pytest.approx(0.02 * area)
    assert gaps.fraction() == pytest.approx(area / gaps.surface)
    inside = (gaps.grid.middles[:, 0] > LOW) & (gaps.grid.middles[:, 0] < HIGH)
    assert (gaps.closed_at(gaps.grid.middles) == ~inside).all()
    assert gaps.at(np.array([[1.01, 1.0], [0.99, 1.0]])) == pytest.approx([0.02, 0.0])


def test_what_is_thinner_than_an_atom_by_far_has_closed() -> None:
    gaps = line()
    gaps.become(stepped(gaps, 0.99 * THINNEST), 0.0)
    assert gaps.fraction() == 0.0
    gaps.become(stepped(gaps, 1.01 * THINNEST), 0.0)
    assert gaps.fraction() == pytest.approx((HIGH - LOW) / WIDTH)


def test_what_a_void_covers_is_still_held_until_the_next_step() -> None:
    gaps = line()
    gaps.become(stepped(gaps, 0.02), 0.02)
    for high, covered in ((1.3, 0.006), (1.5, 0.01), (1.5, 0.01)):
        gaps.cover(gaps.grid.covered([segment(0.0, high)]))
        assert gaps.held == 0.02
        assert gaps.measure() == pytest.approx(0.02 - covered)
    # a void that goes away leaves contact
    assert gaps.closed_at(np.array([[1.2]])) == pytest.approx(1.0)
    gaps.become(stepped(gaps, 0.0), 0.0)
    assert gaps.held == gaps.measure() == 0.0


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[float, float, float, list[tuple[float, float]]]]:
    """Place, width and thickness of a gap; voids (middle, width) that stand there after the step."""
    voids = st.lists(st.tuples(st.floats(-0.5, 4.5), st.floats(0.0, 3.0)), max_size=3)
    return draw(
        st.lists(st.tuples(st.floats(0.0, 4.0), st.floats(0.0, 4.0), st.floats(0.0, 0.1), voids), max_size=8)
    )


@settings(max_examples=60, deadline=None)
@given(histories(), st.booleans())
def test_the_books_are_kept(
    history: list[tuple[float, float, float, list[tuple[float, float]]]], solid: bool
) -> None:
    """What is held and what voids have taken over of it are what the last step has left, never negative."""
    gaps = line((4.0, 3.0) if solid else (4.0,))
    for where, width, thickness, voids in history:
        left = np.where(np.abs(gaps.grid.middles[:, 0] - where) < 0.5 * width, thickness, 0.0)
        volumes = np.where(left > THINNEST, left, 0.0) * gaps.grid.shares * gaps.surface
        gaps.become(left, float(volumes.sum()))
        covered = gaps.grid.covered([spot(np.array([x, 1.5] if solid else [x]), w) for x, w in voids])
        gaps.cover(covered)
        taken = gaps.held - gaps.measure()
        assert gaps.measure() >= 0.0 and gaps.held >= 0.0
        assert taken == pytest.approx(float(volumes[covered].sum()), rel=1e-12, abs=1e-15)
        assert not gaps.thickness[covered].any()
        assert 0.0 <= gaps.fraction() <= 1.0 + 1e-12
    again = line(gaps.grid.extents)
    again.become(stepped(again, 0.3), 0.3)  # what was there before does not stay
    again.restore(json.loads(json.dumps(gaps.state())))
    np.testing.assert_array_equal(again.thickness, gaps.thickness)
    assert again.held == gaps.held


def cell(
    comm: MPI.Comm, *, reference_stress: float = 1.0, solid: bool = False, **current: object
) -> tuple[CoupledModel, ElectrolyteSurface]:
    """A flat contact, with a record of its gaps."""
    given = parameters(vacancies=None, reference_stress=reference_stress)
    given = replace(given, current=replace(given.current, **current))  # type: ignore[arg-type]
    extents: tuple[float, ...] = (WIDTH,)
    if solid:
        extents = WIDTH, 2.0
        rule = SizeRule(tip=0.5, growth=0.5, largest=0.5)
        flat = profile_from_seeds([], extents=extents, metal_height=2.0, electrolyte_depth=2.0)
        mesh = mesh_profile(flat, rule, comm)
    else:
        mesh = mesh_plane(InterfaceProfile(WIDTH, 2.0, 2.0), RULE, comm)
    model = CoupledModel(mesh, given)
    area = model.chemistry.whole_area
    surface = ElectrolyteSurface.begun(None, extents, 0.02, area, axisymmetric=False)
    model.chemistry.kinetics.record = surface
    return model, surface


def with_gap(surface: ElectrolyteSurface, thickness: float) -> None:
    """Give the record a gap between LOW and HIGH."""
    gap = stepped(surface.gaps, thickness)
    volume = float(np.sum(gap * surface.gaps.grid.shares)) * surface.gaps.surface
    surface.accept(ContactTrace(np.where(gap > 0.0, -np.inf, 1.0), gap, volume), 1.0)


def over(x: NDArray[np.float64], inward: float = 0.0) -> NDArray[np.bool_]:
    """Points (n, 3) over the gap, at least that far (um) from its ends."""
    return np.asarray((x[:, 0] > LOW + inward) & (x[:, 0] < HIGH - inward))


@pytest.mark.parallel
@pytest.mark.parametrize(
    ("kinetics", "resistance"),
    [("linear", 1.0), ("linear", UNIFORM), ("butler-volmer", 1.0), ("linear", 0.0)],
)
def test_no_current_flows_over_a_gap_and_none_is_lost(
    comm: MPI.Comm, kinetics: Kinetics, resistance: float
) -> None:
    model, surface = cell(comm, kinetics=kinetics, area_resistance=resistance, conductivity=CONDUCTIVITY)
    scalars, chemistry = model.surface.scalars, model.chemistry
    test = ufl.TestFunction(scalars)("+")
    forms = [fem.form(f * test * model.cell.dS(Boundary.CONTACT)) for f in (chemistry.current_density(), 1.0)]
    x = scalars.tabulate_dof_coordinates()[: scalars.dofmap.index_map.size_local]
    for thickness in (0.0, 0.01):
        with_gap(surface, thickness)
        model.solve(1e-3)
        assert chemistry.contact_current() == pytest.approx(WIDTH, rel=1e-9)
        current, area = (assemble(form, scalars)[: len(x)] for form in forms)
        on = area > 0.0
        density = np.abs(current[on] / area[on])
        gap, beside = density[over(x[on], 2.0 * RULE.tip)], density[~over(x[on], -RULE.tip)]
        assert comm.allreduce(len(gap)) >= 5
        if thickness > 0.0:
            assert gap.max(initial=0.0) < 1e-8
        else:
            assert gap.min(initial=1.0) > 0.9
        assert beside.min(initial=1.0) > 0.1
    model.destroy()


@pytest.mark.parallel
@pytest.mark.parametrize(("kinetics", "resistance"), [("linear", UNIFORM), ("linear", 0.0)])
def test_the_edge_of_a_gap_is_that_of_the_record(
    comm: MPI.Comm, kinetics: Kinetics, resistance: float
) -> None:
    """However the elements lie: what touches carries the current, which is uniform where Z says so."""
    model, surface = cell(comm, kinetics=kinetics, area_resistance=resistance, conductivity=CONDUCTIVITY)
    with_gap(surface, 0.01)
    model.solve(1e-3)
    closed = 1.0 - model.chemistry.integrate(model.chemistry.kinetics.parted("+"), Boundary.CONTACT) / WIDTH
    assert closed == pytest.approx(1.0 - (HIGH - LOW) / WIDTH, rel=1e-3)
    if resistance > 0.0:
        density = model.current.value.x.array[model.zone.trace_dofs]
        most = comm.allreduce(float(density.max(initial=0.0)), op=MPI.MAX)
        assert most == pytest.approx(1.0 / closed, rel=0.02)
    model.destroy()


@pytest.mark.parallel
@pytest.mark.parametrize("solid", [False, True])
@pytest.mark.parametrize("compliant", [False, True])
def test_a_pressed_gap_closes_exactly_within_a_step(comm: MPI.Comm, solid: bool, compliant: bool) -> None:
    """Soft metal comes down on the electrolyte and no further; the step after, there is contact."""
    # over a compliant contact the pressure sets the recession (no vacancies, no prescribed current)
    law = {"pressure_potential": 0.1, "applied": 0.0} if compliant else {}
    model, surface = cell(comm, reference_stress=1e-3, solid=solid, area_resistance=10.0, **law)
    thickness, dt = 1e-4, 0.1
    with_gap(surface, thickness)
    model.solve(dt)
    contact, zone = model.contact, model.zone
    x = zone.coordinates()
    there = surface.gap_at(x) > 0.0
    assert comm.allreduce(int(there.sum())) > 4
    assert contact.active.all() and not contact.gap.any()
    velocity = model.mechanics.unknown.x.array[zone.dofs]
    annihilation = model.annihilation.value.x.array[zone.trace_dofs]
    if not compliant:
        np.testing.assert_allclose((velocity + annihilation)[there], -thickness / dt, rtol=1e-9)
        np.testing.assert_allclose((velocity + annihilation)[~there], 0.0, atol=1e-12)
    else:
        np.testing.assert_allclose((velocity + annihilation)[there], -thickness / dt, rtol=1e-3)
    change = model.gaps.change(contact, surface)
    assert change == pytest.approx(-thickness * surface.gaps.surface * (HIGH - LOW) / WIDTH, rel=0.1)
    trace = surface.trace(model)
    assert not trace.gap.any()
    surface.accept(trace, dt)
    assert surface.gaps.fraction() == 0.0
    model.solve(dt)
    assert model.contact.active.all()
    velocity = model.mechanics.unknown.x.array[zone.dofs]
    np.testing.assert_allclose(
        velocity, -model.annihilation.value.x.array[zone.trace_dofs], atol=1e-6 if compliant else 1e-9
    )
    model.destroy()


@pytest.mark.parallel
@pytest.mark.parametrize("solid", [False, True])
@pytest.mark.parametrize("dt", [0.0, 1e-3])
def test_a_gap_that_is_not_pressed_shut_stays(comm: MPI.Comm, solid: bool, dt: float) -> None:
    """Stiff metal: the gap bears nothing and changes by what the metal moves; none closes in an instant."""
    model, surface = cell(comm, reference_stress=1.0, solid=solid, applied=0.0)
    thickness = 0.05
    with_gap(surface, thickness)
    model.solve(dt)
    contact, zone = model.contact, model.zone
    there = surface.gap_at(zone.coordinates()) > 0.0
    assert (contact.active == ~there).all()
    scale = comm.allreduce(float(np.abs(contact.force).max(initial=0.0)), op=MPI.MAX)
    assert np.abs(contact.force[there]).max(initial=0.0) < 1e-8 * scale
    total = comm.allreduce(float(contact.force.sum()))
    assert total == pytest.approx(surface.gaps.surface, rel=1e-6)  # the pressure, 1, rests on the rest
    velocity = model.mechanics.unknown.x.array[zone.dofs]
    moved = velocity + model.annihilation.value.x.array[zone.trace_dofs]
    np.testing.assert_allclose(contact.gap[there], thickness + dt * moved[there], rtol=1e-12)
    assert np.isfinite(velocity).all() and not contact.gap[~there].any()
    # nothing is stripped over the gap, and the metal beside it recedes
    assert (moved[there] < 0.0).all()
    model.destroy()


@pytest.mark.parallel
def test_a_solve_takes_the_gaps_from_the_record_and_leaves_it_alone(comm: MPI.Comm) -> None:
    model, surface = cell(comm)
    with_gap(surface, 0.01)
    before = surface.state()
    first = []
    for _ in range(2):
        model.solve(1e-3)
        first.append(model.contact.gap.copy())
        assert surface.state() == before
    np.testing.assert_allclose(first[1], first[0], rtol=1e-6)
    model.destroy()


@pytest.mark.parallel
def test_what_voids_have_taken_over_is_taken_out_of_the_gaps(comm: MPI.Comm) -> None:
    model, surface = cell(comm)
    with_gap(surface, 0.01)
    model.solve(1e-3)
    assert surface.trace(model).volume == model.gaps.volume(model.contact) > 0.0
    change = model.gaps.change(model.contact, surface)
    surface.gaps.held += 0.004
    assert model.gaps.change(model.contact, surface) == pytest.approx(change - 0.004, abs=1e-15)
    assert change != 0.0
    surface.cover([segment(0.5, 2.5)])
    model.solve(1e-3)
    here = surface.gap_at(model.zone.coordinates())
    assert not here.any()
    lifted = model.gaps.volume(model.contact)
    assert model.gaps.change(model.contact, surface) == pytest.approx(lifted - 0.01 - 0.004)
    assert lifted < 0.001
    model.destroy()


@pytest.mark.parallel
def test_only_a_thick_gap_calls_for_a_void(comm: MPI.Comm) -> None:
    model, surface = cell(comm, applied=0.0)
    with_gap(surface, 0.05)
    model.solve(1e-4)
    assert openings(model, 0.1, 0.06) == []
    for thickness in (0.0, 0.04):
        (seed,) = openings(model, 0.1, thickness)
        low, _, high, _ = seed.region.bounds
        assert (low, high) == pytest.approx((LOW, HIGH), abs=0.5 * RULE.tip)
        assert seed.height == pytest.approx(0.05, rel=0.02)
    with_gap(surface, 0.0)
    model.solve(1e-4)
    assert openings(model, 0.1, 0.0) == []
    model.destroy()
