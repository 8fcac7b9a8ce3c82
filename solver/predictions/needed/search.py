"""The smallest pressure that suffices, sought by trials that may fail or contradict each other.

A trial says of a pressure that it holds, that it breaks, or nothing (its run failed). What is sought is the
smallest pressure from which on every trial holds. Trials go up or down from a first guess by equal ratios
until one side breaks and the other holds, then halve what lies between (in the logarithm). Halving alone
would never see that the answer is not monotone, so that one pressure well above and one well below the found
one are tried too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

RATIO = 2.0
"""Ratio of pressures by which a search goes on from its first guess."""
CHECK = 4.0
"""Ratio of pressures at which it checks what it found, above and below: narrower windows are not seen."""
MOST_SILENT = 2
"""Trials of one search that may say nothing; with one more the search is given up."""
NUDGE = 1.07
"""Ratio by which a pressure is moved whose trial said nothing."""
SHARES = (0.5, 1.0 / 3.0, 2.0 / 3.0)
"""Where between two pressures (in the logarithm) trials are made, one after the other says nothing."""
DIGITS = 4
"""Significant digits of a pressure that is tried: the same one is asked for again by the same number."""

Kind = Literal["found", "below", "above", "failed"]


@dataclass(frozen=True)
class Bounds:
    """Where a search looks.

    Attributes:
        lowest, highest: MPa.
        resolution: ratio of pressures, above 1, at which it ends.
    """

    lowest: float
    highest: float
    resolution: float


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Attributes:
        kind: "found"; "below" or "above" where every trial holds, or the one at the highest pressure breaks:
            the answer lies beyond the bounds; "failed" where too many trials said nothing.
        low: largest pressure that breaks (MPa), 0 where none does.
        high: smallest pressure above it that holds (MPa), inf where none does. This is the answer: it has
            been tried.
        monotone: whether no smaller pressure holds where a larger one breaks.
        trials: how many were made.
    """

    kind: Kind
    low: float
    high: float
    monotone: bool
    trials: int

    @property
    def pressure(self) -> float:
        """The answer in MPa: 0 below and inf above the bounds, NaN where the search failed."""
        return {"found": self.high, "below": 0.0, "above": math.inf, "failed": math.nan}[self.kind]


@dataclass
class Search:
    """One search: asked for the next pressure, told what came of it.

    Attributes:
        bounds: where to look.
        start: first guess, MPa.
        told: what is known, by pressure (MPa); None where a trial said nothing.
    """

    bounds: Bounds
    start: float
    told: dict[float, bool | None] = field(default_factory=dict)

    def next(self) -> float | None:
        """The pressure (MPa) to be tried next, None at the end of the search."""
        if self._silent() > MOST_SILENT:
            return None
        return next((p for p in self._wanted() if p not in self.told), None)

    def tell(self, pressure: float, holds: bool | None) -> None:
        """What a trial at a pressure (MPa) has said."""
        self.told[pressure] = holds

    def found(self) -> Found:
        """What is known at the end of the search."""
        low, high = self._bracket()
        holding = [p for p, holds in self.told.items() if holds]
        kind: Kind = "found"
        if self._silent() > MOST_SILENT:
            kind = "failed"
        elif low == 0.0:
            kind = "below"
        elif high == math.inf:
            kind = "above"
        return Found(kind, low, high, not any(p < low for p in holding), len(self.told))

    def _silent(self) -> int:
        return sum(holds is None for holds in self.told.values())

    def _bracket(self) -> tuple[float, float]:
        """Largest pressure that breaks (0: none), smallest above it that holds (inf: none)."""
        low = max((p for p, holds in self.told.items() if holds is False), default=0.0)
        return low, min((p for p, holds in self.told.items() if holds and p > low), default=math.inf)

    def _wanted(self) -> Iterator[float]:
        """Pressures worth trying, in order; the first one that is not known is next."""
        low, high = self._bracket()
        bounds = self.bounds
        if low == 0.0 and high == math.inf:
            yield from self._near(self.start)
        elif low == 0.0:
            if high > bounds.lowest:
                yield from self._near(max(high / RATIO, bounds.lowest))
        elif high == math.inf:
            if low < bounds.highest:
                yield from self._near(min(low * RATIO, bounds.highest))
        elif high / low > bounds.resolution:
            yield from (rounded(low * (high / low) ** share) for share in SHARES)
        else:
            yield from self._checks(low, high)

    def _checks(self, low: float, high: float) -> Iterator[float]:
        """A pressure well above, and one well below, where none has been tried."""
        above = rounded(min(high * CHECK, self.bounds.highest))
        below = rounded(max(low / CHECK, self.bounds.lowest))
        if above > high and not any(holds is not None and p >= above for p, holds in self.told.items()):
            yield from self._near(above)
        if below < low and not any(holds is not None and p <= below for p, holds in self.told.items()):
            yield from self._near(below)

    def _near(self, pressure: float) -> Iterator[float]:
        """The pressure, then its neighbours within the bounds."""
        for factor in (1.0, NUDGE, 1.0 / NUDGE):
            yield rounded(min(max(pressure * factor, self.bounds.lowest), self.bounds.highest))


def rounded(pressure: float) -> float:
    """A pressure to the digits with which it is tried."""
    return float(f"{pressure:.{DIGITS}g}")
