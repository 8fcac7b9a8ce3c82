from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshes.profile.polyline import InterfaceProfile, profile_from_shapes
from meshes.profile.polyline_roof import redistribute, roof_measure
from meshes.seeds import (
    PopulationError,
    PopulationRule,
    VoidShape,
    cap_height,
    cap_radius,
    draw_widths,
    line_population,
    patch_population,
)
from meshes.sizing import SizeRule

RULE = SizeRule(tip=0.05, growth=0.2, largest=1.0)


def profile(shapes: list[VoidShape], *, axisymmetric: bool = False):  # type: ignore[no-untyped-def]
    return profile_from_shapes(
        shapes, width=10.0, metal_height=8.0, electrolyte_depth=10.0, rule=RULE, axisymmetric=axisymmetric
    )


@given(st.floats(0.3, 4.0), st.floats(0.2, 1.5))
@settings(deadline=None, max_examples=40)
def test_a_profile_keeps_the_area_of_its_shapes(width: float, aspect: float) -> None:
    for shape in (VoidShape((5.0,), width, aspect * width), VoidShape((5.0,), width, 0.4 * width, "cap")):
        made = profile([shape])
        assert made.voids[0].measure == pytest.approx(shape.section_area(), rel=1e-6)
        assert made.roofs[0][0, 1] == made.roofs[0][-1, 1] == 0.0
        assert len(made.triple_points()) == 2


def test_voids_on_sides_are_halved_and_spheres_have_their_volume() -> None:
    shape = VoidShape((0.0,), 2.0, 1.0)
    assert profile([shape]).voids[0].measure == pytest.approx(math.pi / 4, rel=1e-6)
    assert profile([VoidShape((10.0,), 2.0, 1.0)]).voids[0].measure == pytest.approx(math.pi / 4, rel=1e-6)
    assert profile([shape], axisymmetric=True).voids[0].measure == pytest.approx(2 * math.pi / 3, rel=1e-4)


def test_resampling_keeps_area_and_ends() -> None:
    made = profile([VoidShape((5.0,), 3.0, 1.0), VoidShape((0.0,), 1.0, 0.5)])
    again, offset = made.resampled(SizeRule(tip=0.03, growth=0.15, largest=1.0))
    for k in (0, 1):
        assert roof_measure(again.roofs[k], False) == pytest.approx(made.voids[k].measure, rel=1e-12)
    assert offset < 1e-3
    np.testing.assert_allclose(again.roofs[1][[0, -1], 0], made.roofs[1][[0, -1], 0], atol=1e-3)


@given(st.floats(30.0, 150.0))
def test_caps_meet_the_electrolyte_at_their_contact_angle(degrees: float) -> None:
    height = cap_height(1.0, math.radians(degrees))
    _, half_angle = cap_radius(1.0, height)
    assert math.degrees(math.pi - half_angle) == pytest.approx(degrees)


POPULATION = PopulationRule(
    density=0.17, mean=2.2, deviation=1.3, smallest=0.3, aspect=0.5, spacing=0.5, shape="ellipse", seed=0
)


def draw(seed: int, density: float) -> list[VoidShape]:
    return line_population(160.0, replace(POPULATION, seed=seed, density=density))


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_populations_respect_spacing_and_repeat(seed: int) -> None:
    voids = draw(seed, density=0.1)
    assert voids == draw(seed, density=0.1)
    edges = [0.0]
    for void in voids:
        edges += [void.center[0] - void.half_width, void.center[0] + void.half_width]
    edges.append(160.0)
    gaps = np.diff(edges)[::2]
    assert gaps.min() >= 0.5 - 1e-9
    assert len(voids) == 16


def test_populations_keep_the_requested_statistics() -> None:
    widths = np.array([v.width for seed in range(200) for v in draw(seed, density=0.1)])
    error = 1.3 / math.sqrt(len(widths))
    # redrawing what is below the smallest width moves the mean up by well under 1 %
    assert widths.mean() == pytest.approx(2.2, abs=4 * error + 0.02)
    assert widths.std() == pytest.approx(1.3, rel=0.1)


def test_a_population_that_does_not_fit_says_so() -> None:
    with pytest.raises(PopulationError, match="do not fit"):
        draw(1, density=0.45)


def test_patches_respect_spacing() -> None:
    rule = PopulationRule(
        density=0.05, mean=2.0, deviation=0.5, smallest=0.5, aspect=0.5, spacing=0.4, shape="ellipse", seed=3
    )
    voids = patch_population((40.0, 30.0), rule)
    assert len(voids) == 30
    for i, one in enumerate(voids):
        for other in voids[:i]:
            gap = math.dist(one.center, other.center) - one.half_width - other.half_width
            assert gap >= 0.4


@given(
    st.lists(st.tuples(st.floats(0.1, 0.5), st.floats(0.005, 0.5)), min_size=4, max_size=12),
    st.integers(6, 40),
)
@settings(deadline=None, max_examples=200)
def test_ends_of_a_roof_stay_where_they_are_to_the_last_bit(
    steps: list[tuple[float, float]], count: int
) -> None:
    """Corners of freshly cut roofs make splines swing below 0, and other curves replace them."""
    x = 117.0 + np.concatenate(
        [[0.0], np.cumsum([dx for dx, _ in steps]), [sum(dx for dx, _ in steps) + 0.77]]
    )
    roof = np.column_stack([x, [0.0, *(y for _, y in steps), 0.0]])
    new = redistribute(roof, RULE, roof[[0, -1]], count)
    assert np.array_equal(new[[0, -1]], roof[[0, -1]])
    assert new[1:-1, 1].min() > 0.0
    made = InterfaceProfile(200.0, 8.0, 10.0, (roof,)).resampled(RULE)[0].roofs[0]
    assert made[0, 1] == made[-1, 1] == 0.0


class NoDraws:
    """A generator that must not be asked."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} was drawn")


def test_a_cut_that_leaves_next_to_nothing_of_a_distribution_is_refused_before_any_draw() -> None:
    rule = PopulationRule(0.17, 2.2, 1.3, 1e5, 0.5, 0.8, "ellipse", 1)
    for smallest in (1e5, 40.0):
        with pytest.raises(PopulationError, match=r"a share of .* is wider"):
            draw_widths(NoDraws(), 17000, replace(rule, smallest=smallest))  # type: ignore[arg-type]
    # a share of a few per cent is a cut like any other
    widths = draw_widths(np.random.default_rng(1), 1000, replace(rule, smallest=5.0))
    assert widths.min() >= 5.0


def test_more_voids_than_there_is_room_for_are_refused_at_once() -> None:
    """Discs of more than the whole area; random placing would try 20 000 times for the one that fails."""
    rule = PopulationRule(1.0, 1.0, 0.0, 0.2, 0.5, 0.5, "ellipse", 1)
    with pytest.raises(PopulationError, match="900 voids with spacing"):
        patch_population((30.0, 30.0), rule)
