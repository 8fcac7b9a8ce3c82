"""Start values for Newton by extrapolation in time: on one mesh the fields follow the moving geometry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray

LARGEST_RATIO = 3.0
"""Step over the last one above which nothing is extrapolated."""


class Predictor:
    """Linear extrapolation of quasi-static fields. They do not depend on it but in the effort to find them.

    Args:
        functions: the fields.
    """

    def __init__(self, functions: Sequence[fem.Function]) -> None:
        self._functions = list(functions)
        self.forget()

    def forget(self) -> None:
        """Start anew: the fields are about to jump."""
        self._last: list[NDArray[np.float64]] | None = None
        self._change: list[NDArray[np.float64]] | None = None
        self._step = self._step_before = 0.0

    def start(self) -> None:
        """Put the extrapolation to the present instant into the fields, if there is one."""
        if self._last is None or self._change is None or self._step_before <= 0.0:
            return
        ratio = self._step / self._step_before
        if ratio > LARGEST_RATIO:
            return
        for function, last, change in zip(self._functions, self._last, self._change, strict=True):
            function.x.array[:] = last + ratio * change

    def accept(self, time_step: float) -> None:
        """Remember the solution that the fields hold, from which a step of ``time_step`` was made."""
        now = [f.x.array.copy() for f in self._functions]
        if self._last is not None:
            self._change = [a - b for a, b in zip(now, self._last, strict=True)]
        self._last = now
        self._step_before, self._step = self._step, time_step
