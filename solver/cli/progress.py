"""Progress of a run: a bar on a terminal, one line per step otherwise; rank 0 only."""

from __future__ import annotations

import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TextIO

from tqdm import tqdm

if TYPE_CHECKING:
    from solver.setup.protocol import Stage
    from solver.stepping.clock import Clock
    from solver.stepping.observables import Observation

    ProgressCallback = Callable[[Clock, Observation], None]

REMEMBERED = 8
"""Steps over which the cost of a step, and its growth, are averaged."""
LARGEST_STEP = 1.0 / 40.0
"""Share of the run that a step is taken to grow to at most: outputs by capacity, of which there are 20, cut
it short."""
FORMAT = "{percentage:3.0f}%|{bar}| {postfix}"


def silent(_clock: Clock, _seen: Observation) -> None:
    """No output."""


def reporter(
    stages: Sequence[Stage], *, root: bool, quiet: bool = False, stream: TextIO | None = None
) -> ProgressCallback:
    """Callback for :func:`solver.simulation.run.run_case`.

    Args:
        stages: the protocol.
        root: whether this rank prints.
        quiet: whether nothing is to be printed at all.
        stream: where to (default: standard error).
    """
    out = stream or sys.stderr
    if quiet or not root:
        return silent
    if not out.isatty():

        def line(clock: Clock, seen: Observation) -> None:
            print(
                f"step {clock.step:5d}  {clock.charge_passed:.5f} mAh/cm2  "
                f"t {clock.time:.5g} s  {_contact(seen, 2)}  "
                f"{1e3 * seen.shares.total:.3f} mV",
                file=out,
                flush=True,
            )

        return line
    columns = shutil.get_terminal_size(fallback=(100, 24)).columns
    bar = tqdm(total=100.0, file=out, bar_format=FORMAT, ncols=columns, dynamic_ncols=False)
    left = TimeLeft()

    def update(clock: Clock, seen: Observation) -> None:
        done = share_done(clock, stages)
        bar.n = 100.0 * done
        seconds = left.after(done, time.monotonic())
        bar.set_postfix_str(
            f"{clock.charge_passed:.4g} mAh/cm2, step {clock.step}, {_contact(seen, 1)}, "
            f"{1e3 * seen.shares.total:.2f} mV, {said(seconds)}"
        )

    return update


def share_done(clock: Clock, stages: Sequence[Stage]) -> float:
    """Share of the protocol that is done: of each stage what its nearest limit says, all stages alike."""
    if clock.stage >= len(stages):
        return 1.0
    stage = stages[clock.stage]
    parts = [0.0]
    if stage.capacity is not None:
        parts.append(clock.stage_capacity / stage.capacity)
    if stage.duration is not None:
        parts.append(clock.stage_time / stage.duration)
    return (clock.stage + min(max(parts), 1.0)) / len(stages)


class TimeLeft:
    """How long a run goes on, from what its last steps cost and how they grow.

    A run begins with tiny steps: what they have covered, over the time they took, says hours where it is
    minutes. Steps are
    counted instead: those left if they go on growing as the last ones did, up to LARGEST_STEP or what they
    have been.
    """

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque(maxlen=REMEMBERED + 1)
        self._widest = LARGEST_STEP

    def after(self, done: float, now: float) -> float | None:
        """Seconds left at a share ``done`` of the run and a time ``now`` (s); None while that cannot be
        said."""
        points = self._points
        if points and done <= points[-1][0]:
            return self._seconds(points[-1][0])
        points.append((done, now))
        return self._seconds(done)

    def _seconds(self, done: float) -> float | None:
        points = list(self._points)
        if len(points) < 4:
            return None
        steps = [after[0] - before[0] for before, after in pairwise(points)]
        half = len(steps) // 2
        early, late = sum(steps[:half]) / half, sum(steps[-half:]) / half
        growth = max((late / early) ** (1.0 / (len(steps) - half)), 1.0)
        cost = (points[-1][1] - points[0][1]) / len(steps)
        self._widest = max(self._widest, late)
        return cost * steps_left(1.0 - done, late, growth, self._widest)


def steps_left(left: float, step: float, growth: float, widest: float) -> float:
    """Number of steps that cover ``left``, the next one ``step`` long, each longer by ``growth`` up to
    ``widest``."""
    count = 0.0
    while step < widest and growth > 1.0 and left > step:
        left, step, count = left - step, step * growth, count + 1.0
    return count + max(left, 0.0) / min(step, widest) if step > 0.0 else count


def said(seconds: float | None) -> str:
    """Time left in words: to two digits, as it is an estimate."""
    if seconds is None:
        return "time left unknown"
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2.0 * length:
            return f"about {seconds / length:.0f} {unit} left"
    return f"about {seconds:.0f} s left"


def _contact(seen: Observation, digits: int) -> str:
    """Share of the interface in contact, and what of it is active where that is another one."""
    there, active = (f"{100 * share:.{digits}f} %" for share in (seen.contact_fraction, seen.active_fraction))
    return f"contact {there}" if active == there else f"contact {there}, active {active}"
