"""Inexact Newton steps: how well systems are solved, and when a Jacobian is kept."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from solver.algebra import forcing
from solver.algebra.forcing import Forcing

TIGHTEST = 1e-4


def plans(norms: list[float], goal: float = 1e-10, before: float = 0.0) -> list[tuple[float, bool]]:
    """Tolerance and whether the last Jacobian is kept, for the step from each residual.

    ``before``: where the last solve began.
    """
    said: list[float] = []
    krylov = SimpleNamespace(
        getTolerances=lambda: (TIGHTEST, 0.0, 0.0, 0), setTolerances=lambda rtol: said.append(rtol)
    )
    plan = Forcing(krylov)  # type: ignore[arg-type]
    plan.begin(before)
    said.clear()
    plan.begin(norms[0])
    kept = [plan.old_will_do]
    for norm in norms[1:]:
        plan.go_on(norm, goal)
        kept.append(plan.old_will_do)
    return list(zip(said, kept, strict=True))


def test_systems_are_solved_as_well_as_the_last_step_gained() -> None:
    tolerances = [tolerance for tolerance, _ in plans([1.0, 0.5, 0.02, 4e-4, 1e-7])]
    assert tolerances[:2] == [forcing.FIRST, forcing.MOST]
    assert tolerances[2] == pytest.approx(0.5 * 0.04**1.6)
    assert tolerances[3] == pytest.approx(0.5 * 0.02**1.6)
    assert tolerances[4] == TIGHTEST


def test_a_residual_above_the_least_is_no_measure() -> None:
    # a cold start: up by 100 and down again is no gain of 1e-2
    assert [tolerance for tolerance, _ in plans([1.0, 100.0, 1.5])][1:] == [TIGHTEST, TIGHTEST]
    assert not any(kept for _, kept in plans([1.0, 100.0, 1.5], goal=1e-2))


def test_the_last_step_is_not_solved_beyond_the_goal() -> None:
    (_, _), (tolerance, _) = plans([1e-4, 1e-7], goal=5e-10)
    assert tolerance == pytest.approx(forcing.OF_LAST * 5e-3)


def test_a_jacobian_is_kept_for_a_last_step_and_for_nearly_the_same_problem() -> None:
    assert [kept for _, kept in plans([1e-4, 1e-7, 1e-10], goal=1e-9)] == [False, True, True]
    assert [kept for _, kept in plans([1e-4, 1e-6], goal=1e-9)] == [False, False]
    assert plans([1e-4], before=1e-1)[0][1]
    assert not plans([1e-1], before=1e-4)[0][1]
