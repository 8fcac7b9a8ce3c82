"""How far a study is: one line for each run that has ended, with how many are done and the time that is
left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from solver.setup.cost import duration
from solver.study import marks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from solver.study.points import Point


class Tally:
    """Says of runs of a study that they have ended, as soon as their marks are there.

    Args:
        folder: of the study.
        points: those to be run.
        quiet: say nothing.
    """

    def __init__(self, folder: Path, points: Sequence[Point], *, quiet: bool = False) -> None:
        self._folder, self._points, self._quiet = folder, list(points), quiet
        self._running, self._begun = list(points), time.monotonic()

    def look(self) -> None:
        """Print a line for each run that has ended since the last look."""
        if self._quiet or not self._running:
            return
        running = marks.waiting(self._folder, self._running)
        names = {point.name for point in running}
        ended = [point for point in self._running if point.name not in names]
        self._running = running
        failed = set(marks.failed(self._folder, ended))
        for point in ended:
            how = "failed" if point.name in failed else "done"
            values = ", ".join(f"{path} = {value}" for path, value in point.values.items())
            print(f"{point.name} {how} ({values}); {self._standing()}", flush=True)

    def _standing(self) -> str:
        total = len(self._points)
        done = total - len(self._running)
        left = (time.monotonic() - self._begun) * len(self._running) / max(done, 1)
        tail = f", about {duration(left)} left" if self._running else ""
        return f"{done} of {total}{tail}"
