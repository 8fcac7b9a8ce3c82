"""Changes of topology are one thing in the plane and in 3-D: the same statements on both kinds of roof.

In 3-D of round voids, and of those that run through the cell like a plane one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import Delaunay
from shapely import Point, Polygon, box

from meshes.profile.base import covers, spot
from meshes.profile.footprints import rectangle, snapped
from meshes.profile.polyline import InterfaceProfile
from meshes.profile.triangulated import SurfaceProfile
from meshes.profile.triangulated_roof import Roof, void_of
from meshes.sizing import SizeRule
from meshes.topology import (
    COALESCE_LENGTHS,
    COLLAPSE_HEIGHT,
    COLLAPSE_LENGTHS,
    NEW_CONTACT_LENGTHS,
    OPEN_HEIGHT,
    OPEN_LENGTHS,
    Seed,
    resolve,
)

if TYPE_CHECKING:
    from meshes.profile.base import Profile
    from meshes.topology import Event, Labelled

SIDE, RULE = 6.0, SizeRule(0.1, 0.5, 1.5)
MIDDLE = 0.5 * SIDE
LENGTH = 3.0
"""Of the cell in which cylinders run along y."""
EVENT = RULE.event_length

Shape = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Factor on the height of a round roof at lateral distances (n, 1 or 2) from its middle."""


def whole(away: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ones(len(away))


def dipped(depth: float, where: float = 0.0, width: float = 0.4) -> Shape:
    """A trough across the roof at x = ``where``, in 3-D lowest in the middle of its length."""

    def shape(away: NDArray[np.float64]) -> NDArray[np.float64]:
        rise = 0.02 * np.sum(away[:, 1:] ** 2, axis=1)
        return np.asarray(1.0 - (depth - rise) * np.exp(-(((away[:, 0] - where) / width) ** 2)))

    return shape


@dataclass(frozen=True)
class Dome:
    """A round roof around x, in 3-D in the middle of the other direction."""

    x: float
    radius: float
    height: float
    shape: Shape = whole


def plane(*domes: Dome) -> InterfaceProfile:
    roofs = []
    for dome in domes:
        share = np.cos(np.linspace(np.pi, 0.0, 161))
        x = dome.x + dome.radius * share
        y = dome.height * np.sqrt(np.maximum(1.0 - share**2, 0.0)) * dome.shape((x - dome.x)[:, None])
        y[[0, -1]] = 0.0
        roofs.append(np.column_stack([x, y]))
    return InterfaceProfile(SIDE, SIDE, SIDE, tuple(roofs))


def solid(*domes: Dome) -> SurfaceProfile:
    voids = []
    for dome in domes:
        centre = np.array([dome.x, MIDDLE])
        footprint = snapped(Point(centre).buffer(dome.radius, quad_segs=32), (SIDE, SIDE))
        grid = np.stack(np.meshgrid(*2 * (np.linspace(-1.0, 1.0, 41),)), axis=-1).reshape(-1, 2)
        inside = grid[np.linalg.norm(grid, axis=1) < 0.97] * dome.radius + centre
        rim = np.array(footprint.exterior.coords)[:-1]
        at = np.vstack([inside, rim])
        share = np.minimum(np.linalg.norm(at - centre, axis=1) / dome.radius, 1.0)
        z = dome.height * np.sqrt(1.0 - share**2) * dome.shape(at - centre)
        z[len(inside) :] = 0.0
        roof = Roof(np.column_stack([at, z]), Delaunay(at).simplices.astype(np.int64))
        voids.append(void_of(footprint, roof))
    return SurfaceProfile((SIDE, SIDE), SIDE, SIDE, tuple(voids))


def cylinder(*domes: Dome) -> SurfaceProfile:
    voids = []
    for dome in domes:
        footprint = box(dome.x - dome.radius, 0.0, dome.x + dome.radius, LENGTH)
        share, y = np.cos(np.linspace(np.pi, 0.0, 81)), np.linspace(0.0, LENGTH, 31)
        share, y = (part.ravel() for part in np.meshgrid(share, y))
        away = np.column_stack([dome.radius * share, y - 0.5 * LENGTH])
        z = dome.height * np.sqrt(np.maximum(1.0 - share**2, 0.0)) * dome.shape(away)
        z[np.abs(share) == 1.0] = 0.0
        at = np.column_stack([dome.x + dome.radius * share, y])
        roof = Roof(np.column_stack([at, z]), Delaunay(at).simplices.astype(np.int64))
        voids.append(void_of(footprint, roof))
    return SurfaceProfile((SIDE, LENGTH), SIDE, SIDE, tuple(voids))


both = pytest.mark.parametrize("cell", [plane, solid, cylinder])
Cell = Callable[..., Any]


def metal(profile: Profile) -> float:
    extent = profile.base.area or profile.base.length
    return float(extent * profile.metal_height - sum(void.measure for void in profile.voids))


def changed(profile: Any, *seeds: Seed) -> tuple[Labelled[Any], list[Event]]:
    """Resolve with labels 1, 2, ...; whatever changes, metal and labels are accounted for."""
    count = len(profile.voids)
    state, changes = resolve(profile, range(1, count + 1), count + 1, RULE, seeds=seeds)
    assert metal(state.profile) == pytest.approx(metal(profile), rel=1e-14)
    born = [label for change in changes for label in change.made]
    ended = {label for change in changes for label in change.ended}
    assert born == list(range(count + 1, state.next_label))
    assert set(state.labels) == {*range(1, count + 1), *born} - ended
    assert len(state.labels) == len(state.profile.voids)
    return state, changes


def centre(x: float, cell: Cell) -> NDArray[np.float64]:
    return np.array([x] if cell is plane else [x, MIDDLE if cell is solid else 0.5 * LENGTH])


@both
def test_nothing_changes_where_no_threshold_is_passed(cell: Cell) -> None:
    width = 1.05 * COLLAPSE_LENGTHS * EVENT
    gap = 1.05 * COALESCE_LENGTHS * EVENT
    profile = cell(
        Dome(1.0, 0.5 * width, 1.1 * COLLAPSE_HEIGHT * EVENT),
        Dome(1.0 + 0.5 * width + gap + 1.0, 1.0, 0.6, dipped(0.8)),
    )
    state, changes = changed(profile)
    assert changes == []
    assert state.profile is profile
    assert state.labels == [1, 2]


@both
@pytest.mark.parametrize(
    ("radius", "height"),
    [(0.48 * COLLAPSE_LENGTHS * EVENT, 0.3), (1.0, 0.9 * COLLAPSE_HEIGHT * EVENT)],
)
def test_a_small_or_low_dome_collapses(cell: Cell, radius: float, height: float) -> None:
    profile = cell(Dome(1.5, 1.0, 0.5), Dome(4.5, radius, height))
    state, changes = changed(profile)
    assert [(c.kind, c.ended, c.made) for c in changes] == [("collapse", (2,), ())]
    assert changes[0].position == pytest.approx(4.5, abs=0.05)
    assert "vanishes" in changes[0].detail
    assert state.profile.metal_height < profile.metal_height
    assert state.profile.voids[0].measure == profile.voids[0].measure


@both
def test_a_dip_touches_and_splits(cell: Cell) -> None:
    profile = cell(Dome(MIDDLE, 1.4, 0.6, dipped(0.99)))
    state, changes = changed(profile)
    assert [(c.kind, c.ended, c.made) for c in changes] == [("split", (1,), (2, 3))]
    one, two = (void.footprint for void in state.profile.voids)
    assert one.distance(two) >= 0.99 * NEW_CONTACT_LENGTHS * EVENT
    assert state.profile.contact_fraction() > profile.contact_fraction()
    assert sum(void.measure for void in state.profile.voids) < profile.voids[0].measure


@both
def test_a_dip_beside_the_rim_leaves_one_void(cell: Cell) -> None:
    state, changes = changed(cell(Dome(MIDDLE, 1.6, 0.8, dipped(0.995, -1.2, 0.3))))
    assert [(c.kind, c.ended, c.made) for c in changes] == [("touch", (), ())]
    assert state.labels == [1]
    assert "the void stays one" in changes[0].detail


@both
def test_two_voids_meet(cell: Cell) -> None:
    gap = 0.8 * COALESCE_LENGTHS * EVENT
    profile = cell(Dome(2.0, 0.9, 0.55), Dome(2.0 + 1.8 + gap, 0.9, 0.5))
    state, changes = changed(profile)
    assert [(c.kind, c.ended, c.made) for c in changes] == [("coalesce", (1, 2), (3,))]
    assert changes[0].size == pytest.approx(gap)
    assert changes[0].detail.startswith("voids meet at ")
    (merged,) = state.profile.voids
    assert merged.height == pytest.approx(0.55, rel=0.02)
    assert merged.footprint.bounds[0] == pytest.approx(1.1, abs=2e-3)
    assert merged.footprint.bounds[2] == pytest.approx(2.9 + gap + 1.8, abs=2e-3)


@both
def test_a_void_meets_its_mirror_image(cell: Cell) -> None:
    state, changes = changed(cell(Dome(0.9 + 0.4 * COALESCE_LENGTHS * EVENT, 0.9, 0.5)))
    assert [(c.kind, c.ended, c.made) for c in changes] == [("coalesce", (1,), (2,))]
    assert "mirror image" in changes[0].detail
    assert state.profile.voids[0].footprint.bounds[0] == 0.0


@both
def test_the_contact_opens_where_there_is_room(cell: Cell) -> None:
    profile = cell(Dome(1.5, 1.0, 0.5))
    free, beside = (Seed(spot(centre(x, cell), 0.2), 0.01, "open") for x in (4.5, 2.6))
    state, changes = changed(profile, free, beside)
    assert [(c.kind, c.ended, c.made) for c in changes] == [("open", (), (2,))]
    assert changes[0].size == pytest.approx(OPEN_LENGTHS * EVENT, rel=0.02)
    opened = state.profile.voids[1]
    assert opened.height == pytest.approx(OPEN_HEIGHT * EVENT, rel=0.02)
    assert covers(opened.footprint, np.array([[*centre(4.5, cell), 0.0, 0.0][:3]])).all()
    # what opened calls for no change
    assert resolve(state.profile, state.labels, state.next_label, RULE)[1] == []


@both
def test_what_a_profile_says_of_itself(cell: Cell) -> None:
    profile = cell(Dome(1.5, 1.0, 0.5), Dome(4.5, 0.8, 0.4))
    assert profile.widths() == pytest.approx([2.0, 1.6], rel=2e-3)
    assert profile.heights() == pytest.approx([0.5, 0.4], rel=1e-3)
    assert profile.spans() == pytest.approx([2.0 / SIDE, 1.6 / SIDE], rel=1e-3)
    assert [anchor[0] for anchor in profile.anchors()] == pytest.approx([1.5, 4.5], abs=0.1)
    rows = profile.void_rows()
    assert [row.centre[0] for row in rows] == pytest.approx([1.5, 4.5], abs=1e-3)
    assert [row.measure for row in rows] == [void.measure for void in profile.voids]
    at = np.array([centre(x, cell) for x in (1.5, 3.0, 4.5)])
    assert profile.height_at(at) == pytest.approx([0.5, 0.0, 0.4], rel=1e-2)
    assert next(profile.variants(RULE)).contact_fraction() == pytest.approx(
        profile.contact_fraction(), rel=5e-3
    )


def test_a_cap_that_hangs_over_keeps_its_volume_and_its_bulge(comm: Any) -> None:
    """The contact angle inside the metal is 60 degrees: the sphere is wider than its footprint."""
    from meshes.gmsh.mesh_profile import mesh_profile
    from meshes.profile.triangulated import profile_from_seeds
    from meshes.quality import quality
    from meshes.seeds import VoidShape, cap_height, cap_radius
    from solver.equations.surface import SurfaceGeometry
    from solver.interface.void_surfaces import void_surfaces

    height = cap_height(1.0, np.radians(60.0))
    shape = VoidShape((0.0, 0.0), 2.0, height, "cap")
    profile = profile_from_seeds([shape], extents=(3.0, 3.0), metal_height=4.0, electrolyte_depth=3.0)
    cell = mesh_profile(profile, SizeRule(0.15, 0.4, 1.0), comm)
    assert quality(cell) > 0.1
    surface = SurfaceGeometry(cell)
    found = void_surfaces(cell, surface, 3.0).profile()
    assert found.voids[0].measure == pytest.approx(0.25 * shape.volume(), rel=1e-12)
    reach = comm.allreduce(float(np.linalg.norm(surface.positions()[:, :2], axis=1).max(initial=0.0)), op=max)
    assert reach == pytest.approx(cap_radius(1.0, height)[0], rel=0.02)
    with pytest.raises(ValueError, match="crosses a side"):
        profile_from_seeds(
            [VoidShape((0.5, 1.5), 2.0, 0.5)], extents=(3.0, 3.0), metal_height=4.0, electrolyte_depth=3.0
        )


def test_seeds_of_a_solid_cell_have_their_exact_volume() -> None:
    from meshes.profile.triangulated import profile_from_seeds
    from meshes.seeds import VoidShape

    shapes = [
        VoidShape((0.0, 0.0), 2.2, 0.55),
        VoidShape((3.0, 6.0), 1.6, 0.4, "cap"),
        VoidShape((4.0, 2.5), 1.0, 0.5),
    ]
    profile = profile_from_seeds(shapes, extents=(6.0, 6.0), metal_height=8.0, electrolyte_depth=6.0)
    exact = [2.0 / 3.0 * np.pi * 1.1**2 * 0.55 / 4.0, np.pi * 0.4 / 6.0 * (3.0 * 0.8**2 + 0.4**2) / 2.0]
    assert [void.measure for void in profile.voids] == pytest.approx([*exact, np.pi / 12.0], rel=1e-12)
    areas = [np.pi * 1.1**2 / 4.0, np.pi * 0.8**2 / 2.0, np.pi * 0.25]
    assert [void.footprint.area for void in profile.voids] == pytest.approx(areas, rel=1e-9)
    assert profile.widths() == pytest.approx([2.2, 1.6, 1.0], rel=1e-9)
    for shape, void in zip(shapes, profile.voids, strict=True):
        assert isinstance(void.footprint, Polygon)
        assert rectangle((6.0, 6.0)).covers(void.footprint)
        assert void.heights(np.array([shape.center])) == pytest.approx(shape.height)
