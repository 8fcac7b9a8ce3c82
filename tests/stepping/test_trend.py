"""The voids' closing in the middle of a step, and where in a step a change of topology was."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from meshes.profile.polyline import profile_from_shapes
from meshes.seeds import VoidShape
from meshes.sizing import SizeRule
from solver.interface.interface import Interface
from solver.interface.landing import share_at_change
from solver.interface.population import Population
from solver.stepping.trend import LARGEST_SHARE, closing_trend

RULE = SizeRule(0.02, event_length=0.04)


def model(now: float, *, current: float | None = 1.0, clamp: bool = False, roofs: float = 1.0) -> Any:
    return SimpleNamespace(
        chemistry=SimpleNamespace(prescribed=current),
        clamp=SimpleNamespace(evolves=clamp),
        surface=SimpleNamespace(total_projected=lambda: roofs),
        mechanics=SimpleNamespace(platen_velocity=lambda: now),
    )


def test_steps_are_of_second_order_where_the_rate_is_known_before() -> None:
    """dx/dt = -x with steps that change their size."""

    def end(steps: int) -> float:
        x, before, last = 1.0, 1.0, 0.0
        for dt in np.tile([0.8, 1.2], steps // 2) / steps:
            now = x
            x -= dt * (now + closing_trend(model(now), before, dt, last, 0.0))
            before, last = now, dt
        return abs(x - np.exp(-1.0))

    assert end(20) / end(40) == pytest.approx(4.0, rel=0.3)


@pytest.mark.parametrize(
    ("changed", "last", "gaps"),
    [
        ({"current": None}, 0.1, 0.0),
        ({"clamp": True}, 0.1, 0.0),
        ({"roofs": 0.0}, 0.1, 0.0),
        ({}, 0.0, 0.0),
        ({}, 0.02, 0.0),
        ({}, 0.1, 1e-6),
    ],
)
def test_nothing_is_foreseen_where_the_last_step_says_nothing(
    changed: dict[str, Any], last: float, gaps: float
) -> None:
    assert closing_trend(model(1.0), 0.9, 0.1, 0.1, 0.0) == pytest.approx(0.05)
    assert closing_trend(model(1.0, **changed), 0.9, 0.1, last, gaps) == 0.0


def test_a_jump_is_no_trend() -> None:
    assert closing_trend(model(2.0), -50.0, 0.1, 0.1, 0.0) == pytest.approx(2.0 * LARGEST_SHARE)


def interface(width: float) -> Interface:
    """One void; a void narrower than 0.24 um collapses."""
    size = {"width": 3.0, "metal_height": 4.0, "electrolyte_depth": 4.0}
    profile = profile_from_shapes([VoidShape((0.0,), width, 0.5 * width)], **size, rule=RULE)
    return Interface(profile, Population([1], 2), RULE)


@pytest.mark.parametrize("after", [0.2, 0.12])
def test_a_collapse_is_found_within_the_step(after: float) -> None:
    before = interface(0.3)
    share = share_at_change(before, interface(after).profile, time=1.0, dt=0.1)
    assert share == pytest.approx((0.3 - 0.24) / (0.3 - after), rel=2e-2)


def test_a_step_counts_that_passes_no_change_or_only_just() -> None:
    before = interface(0.3)
    assert share_at_change(before, interface(0.25).profile, time=1.0, dt=0.1) is None
    assert share_at_change(before, interface(0.239).profile, time=1.0, dt=1e-3) is None
