"""A quantity that is given over time by straight lines between points: ramps, and currents from a table."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate, pairwise

_SAME_TIME = 1e-9
"""Share of the whole within which a point has been reached."""


@dataclass(frozen=True)
class Curve:
    """Straight lines between points; constant before the first and after the last one.

    Attributes:
        times: in order, from 0 (s).
        values: at these times.
    """

    times: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        areas = (0.5 * (u + v) * (b - a) for (a, u), (b, v) in pairwise(self.points()))
        object.__setattr__(self, "_integrals", (0.0, *accumulate(areas)))

    @classmethod
    def through(cls, points: list[tuple[float, float]]) -> Curve:
        """The curve with points also where it passes 0, so that no piece has both signs."""
        found = points[:1]
        for (a, u), (b, v) in pairwise(points):
            if u * v < 0.0 and a < (zero := a + (b - a) * u / (u - v)) < b:
                found.append((zero, 0.0))
            found.append((b, v))
        return cls(tuple(t for t, _ in found), tuple(v for _, v in found))

    @property
    def largest(self) -> float:
        """Largest magnitude."""
        return max(map(abs, self.values))

    @property
    def total(self) -> float:
        """Integral of the magnitude."""
        return sum(0.5 * abs(u + v) * (b - a) for (a, u), (b, v) in pairwise(self.points()))

    def points(self) -> list[tuple[float, float]]:
        """Times and values."""
        return list(zip(self.times, self.values, strict=True))

    def at(self, time: float) -> float:
        """The value at a time."""
        k = bisect_right(self.times, time) - 1
        if k < 0 or k >= len(self.times) - 1:
            return self.values[0] if k < 0 else self.values[-1]
        return self.values[k] + self._slope(k) * (time - self.times[k])

    def mean(self, start: float, end: float) -> float:
        """The mean value between two times, exact."""
        return (self._integral(end) - self._integral(start)) / (end - start)

    def to_corner(self, time: float) -> float:
        """Time to the next point; inf after the last one. The point just reached is none."""
        past = time + _SAME_TIME * self.times[-1]
        k = bisect_right(self.times, past)
        return self.times[k] - time if k < len(self.times) else math.inf

    def to_change(self, time: float, change: float) -> float:
        """Time in which the value changes by so much at the present slope; inf where it does not."""
        k = bisect_right(self.times, time + _SAME_TIME * self.times[-1]) - 1
        if k >= len(self.times) - 1 or self._slope(k) == 0.0:
            return math.inf
        return change / abs(self._slope(k))

    def to_integral(self, time: float, amount: float) -> float:
        """Time in which the integral of the magnitude grows by an amount, within the present piece.

        inf where the piece ends before.
        """
        k = bisect_right(self.times, time + _SAME_TIME * self.times[-1]) - 1
        here = abs(self.at(time))
        if k >= len(self.times) - 1:
            return amount / here if here > 0.0 else math.inf
        slope = math.copysign(self._slope(k), self._slope(k) * (self.values[k] + self.values[k + 1]))
        # |v| = here + slope t, and its integral: the smaller root, in the form without cancellation
        root = here * here + 2.0 * slope * amount
        if root < 0.0 or here + math.sqrt(root) <= 0.0:
            return math.inf
        return 2.0 * amount / (here + math.sqrt(root))

    def _slope(self, k: int) -> float:
        return (self.values[k + 1] - self.values[k]) / (self.times[k + 1] - self.times[k])

    def _integral(self, time: float) -> float:
        """Integral from the first time on."""
        integrals: tuple[float, ...] = self._integrals  # type: ignore[attr-defined]
        k = min(max(bisect_right(self.times, time) - 1, 0), len(self.times) - 1)
        return integrals[k] + 0.5 * (self.values[k] + self.at(time)) * (time - self.times[k])
