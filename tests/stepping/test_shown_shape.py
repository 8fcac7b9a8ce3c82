"""Outputs at events and changes of shape: what happens between two outputs by capacity is seen."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from solver.case.loading import parse_case
from solver.setup.asked_outputs import Asked
from solver.setup.setup import set_up
from solver.stepping.clock import Clock
from solver.stepping.schedule import Schedule
from tests.conftest import case_data

ASKED = Asked(at_events=True, shape_change=0.25, least_apart=0.1)


def seen(measure: float, contact: float = 0.5) -> Any:
    return SimpleNamespace(void_measure=measure, contact_fraction=contact)


def schedule(asked: Asked = ASKED) -> Schedule:
    setup = set_up(parse_case(case_data(), "test"))
    return Schedule(list(setup.stages), setup.scales, setup.output.interval, asked)


def begun(rule: Schedule, measure: float) -> Clock:
    """A clock after the first output, half an interval on."""
    clock = Clock(1.0)
    assert rule.output_due(clock, seen(measure))
    rule.written(clock, seen(measure))
    clock.stage_capacity = 0.5 * rule.interval
    return clock


def test_a_void_that_closes_between_two_outputs_is_seen_on_its_way() -> None:
    rule = schedule()
    clock = begun(rule, 2.0)
    due = []
    for k in range(101):
        clock.stage_capacity = (0.1 + 0.008 * k) * rule.interval
        state = seen(2.0 * (1.0 - k / 100))
        if rule.output_due(clock, state):
            due.append(round(state.void_measure, 2))
            rule.written(clock, state)
    assert due == [1.5, 1.0, 0.5, 0.0]
    assert clock.next_output == 1  # that by capacity comes all the same


def test_an_event_gets_one_output() -> None:
    rule = schedule()
    clock = begun(rule, 2.0)
    assert not rule.output_due(clock, seen(2.0))
    clock.shown = replace(clock.shown, event=True)
    assert rule.output_due(clock, seen(2.0))
    rule.written(clock, seen(2.0))
    clock.stage_capacity = 0.9 * rule.interval
    assert not rule.output_due(clock, seen(2.0))


def test_contact_that_is_lost_counts_too_and_what_is_not_asked_for_does_not() -> None:
    rule = schedule()
    assert rule.output_due(begun(rule, 2.0), seen(2.0, contact=0.37))
    nothing = schedule(Asked())
    clock = begun(nothing, 2.0)
    clock.shown = replace(clock.shown, event=True)
    assert not nothing.output_due(clock, seen(0.0, contact=0.1))


def test_outputs_keep_their_distance() -> None:
    rule = schedule()
    clock = begun(rule, 2.0)
    clock.stage_capacity = 0.09 * rule.interval
    clock.shown = replace(clock.shown, event=True)
    assert not rule.output_due(clock, seen(0.0))
    clock.stage_capacity = 0.11 * rule.interval
    assert rule.output_due(clock, seen(0.0))


def test_both_ends_of_an_event_are_seen_however_near_they_are() -> None:
    rule = schedule()
    clock = begun(rule, 2.0)
    assert rule.shown_before_change(clock, seen(2.0))
    rule.written(clock, seen(0.1))
    clock.shown = replace(clock.shown, event=True, before_change=True)
    assert rule.output_due(clock, seen(0.0))
    rule.written(clock, seen(0.0))
    # the next event at once: nothing of it is new, unless its voids have changed a lot
    assert not rule.shown_before_change(clock, seen(0.1))
    assert rule.shown_before_change(clock, seen(0.6))
    clock.shown = replace(clock.shown, event=True)
    assert not rule.output_due(clock, seen(0.0))
    nothing = schedule(Asked(shape_change=0.25))
    assert not nothing.shown_before_change(begun(nothing, 2.0), seen(0.0))


def test_the_first_of_many_events_marks_those_that_follow_at_once() -> None:
    rule = schedule()
    clock = begun(rule, 2.0)
    clock.shown = replace(clock.shown, event=True)
    rule.written(clock, seen(1.9))
    assert clock.shown.after_change
    rule.written(clock, seen(1.9))
    assert not clock.shown.after_change
