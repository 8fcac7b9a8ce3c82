"""What is said of progress: the time left, a bar, nothing."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest

from solver.case.loading import parse_case
from solver.cli.progress import TimeLeft, reporter, said, share_done, steps_left
from solver.setup import protocol
from solver.stepping.clock import Clock
from tests.conftest import case_data


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def stages() -> list[protocol.Stage]:
    return protocol.stages(parse_case(case_data(), "test").case.operation)


def state() -> Any:
    return SimpleNamespace(contact_fraction=0.5, active_fraction=0.5, shares=SimpleNamespace(total=0.01))


def test_the_time_left_is_minutes_while_the_steps_are_still_tiny() -> None:
    """Steps that begin at 1e-6 of the run and grow by 1.5, a second each: some 70 s, not days."""
    left, done, step = TimeLeft(), 0.0, 1e-6
    found = []
    for now in range(30):
        done += step
        step = min(1.5 * step, 1 / 40)
        found.append(left.after(done, float(now)))
    assert found[0] is None
    truth = 29 + (1.0 - done) * 40  # s, the whole run
    for now, seconds in enumerate(found):
        if seconds is not None:
            assert truth / 2 < now + seconds < 2 * truth


@pytest.mark.parametrize(("active", "said"), [(0.5 + 1e-16, False), (0.5 - 1e-9, False), (0.4, True)])
def test_what_is_active_is_said_where_it_reads_otherwise(active: float, said: bool) -> None:
    """Two integrals of the same contact differ by rounding."""
    seen, out = state(), io.StringIO()
    seen.active_fraction = active
    reporter(stages(), root=True, stream=out)(Clock(1.0), seen)
    assert "contact 50.00 %" in out.getvalue() and ("active" in out.getvalue()) == said


def test_steps_left_add_up() -> None:
    assert steps_left(1.0, 0.1, 1.0, 0.1) == pytest.approx(10.0)
    assert steps_left(0.7, 0.1, 2.0, 0.4) == pytest.approx(3.0)


def test_rests_and_holds_make_progress_too() -> None:
    rest = SimpleNamespace(capacity=None, duration=10.0)
    strip = SimpleNamespace(capacity=4.0, duration=None)
    clock = Clock(1.0, stage=1, stage_time=5.0)
    given: Any = [strip, rest]
    assert share_done(clock, given) == pytest.approx(0.75)
    assert share_done(Clock(1.0, stage_capacity=2.0), given) == pytest.approx(0.25)
    assert share_done(Clock(1.0, stage=2), given) == 1.0


def test_a_terminal_gets_one_bar_and_quiet_nothing() -> None:
    out = Terminal()
    report = reporter(stages(), root=True, stream=out)
    report(Clock(1.0, step=3), state())
    assert "step 3" in out.getvalue() and "\n" not in out.getvalue()
    still = Terminal()
    reporter(stages(), root=True, quiet=True, stream=still)(Clock(1.0), state())
    assert still.getvalue() == ""


def test_times_are_said_in_their_unit() -> None:
    assert said(None) == "time left unknown"
    assert said(59.6) == "about 60 s left"
    assert said(300.0) == "about 5 min left"
    assert said(83 * 3600.0) == "about 83 h left"
