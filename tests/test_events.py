from __future__ import annotations

import numpy as np
import pytest

from meshes.profile import InterfaceProfile, profile_from_shapes
from meshes.shapes import VoidShape
from meshes.sizing import SizeRule
from solver.events import contact_fraction, full_width, geometric_events

RULE = SizeRule(tip=0.05, growth=0.2, largest=1.0)


def profile(*shapes: VoidShape, width: float = 6.0, axisymmetric: bool = False) -> InterfaceProfile:
    return profile_from_shapes(
        list(shapes),
        width=width,
        metal_height=8.0,
        electrolyte_depth=6.0,
        rule=RULE,
        axisymmetric=axisymmetric,
    )


def kinds(made: InterfaceProfile, delaminated_below: float = 0.02) -> list[str]:
    return [event.kind for event in geometric_events(made, RULE, delaminated_below, 8.0)]


def test_nothing_happens_to_a_healthy_void() -> None:
    assert kinds(profile(VoidShape((3.0,), 2.0, 1.0), VoidShape((0.0,), 2.0, 1.0))) == []


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([VoidShape((3.0,), 0.25, 0.2)], ["collapse"]),
        ([VoidShape((0.0,), 11.9, 1.0)], ["delaminate", "coalesce"]),
        ([VoidShape((2.0,), 2.0, 1.0), VoidShape((4.1,), 2.0, 1.0)], ["coalesce"]),
        ([VoidShape((1.05,), 2.0, 1.0)], ["coalesce"]),
        ([VoidShape((3.0,), 4.0, 7.9)], ["exhausted"]),
    ],
)
def test_events_are_recognised(shapes: list[VoidShape], expected: list[str]) -> None:
    assert sorted(kinds(profile(*shapes))) == sorted(expected)


def test_a_roof_that_touches_splits_the_void() -> None:
    x = np.linspace(1.0, 5.0, 81)
    height = 0.8 * np.sin(np.pi * (x - 1.0) / 4.0) * (1.0 - 0.99 * np.exp(-(((x - 3.0) / 0.5) ** 2)))
    height[[0, -1]] = 0.0
    made = InterfaceProfile(6.0, 8.0, 6.0, (np.column_stack([x, height]),))
    assert kinds(made) == ["split"]
    half = np.column_stack([x[40:], height[40:]])
    half[:, 0] -= 3.0
    assert kinds(InterfaceProfile(3.0, 8.0, 6.0, (half,))) == ["split"]


def test_contact_fraction_and_width_with_mirror_image() -> None:
    made = profile(VoidShape((0.0,), 2.0, 1.0))
    assert contact_fraction(made) == pytest.approx(5.0 / 6.0, rel=5e-3)
    # a polygon of the same area is a little wider than the ellipse, by O(h^2)
    assert full_width(made, 0) == pytest.approx(2.0, rel=5e-3)
    round_one = profile(VoidShape((0.0,), 6.0, 1.0), axisymmetric=True)
    assert contact_fraction(round_one) == pytest.approx(0.75, rel=5e-3)
