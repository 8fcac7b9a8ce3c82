"""A record of current and voltage over time in pieces: rests, constant currents, held voltages, ramps.

Steps of the cycler are taken where it wrote their numbers; within them, and without them, each piece goes as
far as one of the kinds fits. What none of them fits is "other".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

CURRENT = 0.02
"""Deviation of a current from a constant, or a straight line, over its largest in the piece."""
REST = 1e-3
"""Share of the largest current of the file below which there is none: a cycler's own offset."""
VOLTAGE = 1e-3
"""Deviation of a voltage that is held (V): what cyclers of 5 V resolve and regulate."""
ALIKE = 0.98
"""Share of the longest piece that a simpler kind has to fit to be taken."""
SHORT = 2
"""Points of a piece that is a transient where the step around it has many more."""
FEWEST = 4
"""Points of a ramp: two are always on a line."""
SWEEP = 3
"""Holds one after the other in a step: it sweeps the voltage."""
MANY = 10
"""Times as many."""

Floats = NDArray[np.float64]
Kind = Literal["rest", "current", "voltage", "ramp", "other"]


@dataclass(frozen=True)
class Record:
    """What a cycler has written, a point an entry.

    Attributes:
        time: s, not falling.
        current: mA/cm2, stripping positive.
        voltage: V; None where the file has none.
        step: number that changes where the cycler's step does; constant where nothing is known.
        held: whether the cycler itself says that it held the voltage; None where it says nothing.
    """

    time: Floats
    current: Floats
    voltage: Floats | None
    step: Floats
    held: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Segment:
    """Points ``first`` to ``last`` (not included) of one kind.

    Attributes:
        kind: what fits.
        first, last: points.
        start: s; the end of the piece before, or the first point.
        end: s; the last point.
    """

    kind: Kind
    first: int
    last: int
    start: float
    end: float


def segments(record: Record) -> list[Segment]:
    """All pieces of a record, in order; those that take no time are left out."""
    found: list[Segment] = []
    none = REST * float(np.max(np.abs(record.current)))
    signs = np.where(np.abs(record.current) <= none, 0.0, np.sign(record.current))
    groups = [record.step, *([] if record.held is None else [record.held.astype(float)])]
    cuts = np.any([np.diff(each) != 0.0 for each in groups], axis=0)
    bounds = [0, *(np.flatnonzero(cuts) + 1), len(record.time)]
    for first, last in pairwise(map(int, bounds)):
        found += _joined(record, list(_pieces(record, signs, none, first, last)), last - first)
    timed: list[Segment] = []
    now = float(record.time[0])
    for piece in found:
        end = float(record.time[piece.last - 1])
        if end > now:
            timed.append(replace(piece, start=now, end=end))
            now = end
    return timed


def _pieces(record: Record, signs: Floats, none: float, first: int, last: int) -> Iterator[Segment]:
    """The longest piece from each point on, to the end of a step."""
    held = None if record.held is None else bool(record.held[first])
    # a hold goes on where its current has died away
    turns = np.flatnonzero(np.diff(signs[first:last])) + first + 1 if not held else np.array([], int)
    while first < last:
        place = int(np.searchsorted(turns, first, side="right"))
        end = int(turns[place]) if place < len(turns) else last
        fits = _fits(record, none, at_rest=signs[first] == 0.0, held=held)
        reach = {kind: _reach(fit, first, end) for kind, fit in fits.items()}
        longest = max(reach.values())
        enough = first + ALIKE * (longest - first)
        kind = next(kind for kind, until in reach.items() if until >= enough)
        last_here = reach[kind]
        if last_here == first + 1 < end or (kind == "ramp" and last_here - first < FEWEST):
            kind, last_here = "other", first + 1
        yield Segment(kind, first, last_here, 0.0, 0.0)
        first = last_here


def _fits(
    record: Record, none: float, *, at_rest: bool, held: bool | None
) -> dict[Kind, Callable[[int, int], bool]]:
    """Whether points fit a kind, the simpler kinds first."""

    def constant(first: int, last: int) -> bool:
        here = record.current[first:last]
        return float(np.ptp(here)) <= 2.0 * CURRENT * float(np.max(np.abs(here)))

    def straight(first: int, last: int) -> bool:
        time, here = record.time[first:last], record.current[first:last]
        if time[-1] <= time[0]:
            return len(here) <= SHORT
        line = here[0] + (here[-1] - here[0]) * (time - time[0]) / (time[-1] - time[0])
        return float(np.max(np.abs(here - line))) <= max(CURRENT * float(np.max(np.abs(here))), none)

    def steady(first: int, last: int) -> bool:
        here = record.voltage[first:last]  # type: ignore[index]
        third = max(len(here) // 3, 1)
        drift = abs(float(np.mean(here[:third]) - np.mean(here[-third:])))
        return float(np.ptp(here)) <= 2.0 * VOLTAGE and drift <= 0.5 * VOLTAGE

    if held and record.voltage is not None:
        return {"voltage": steady}
    if at_rest:
        return {"rest": lambda first, last: True}
    hold: dict[Kind, Callable[[int, int], bool]] = {}
    if held is None and record.voltage is not None and bool(np.isfinite(record.voltage).all()):
        hold = {"voltage": steady}
    return {"current": constant, **hold, "ramp": straight}


def _reach(fit: Callable[[int, int], bool], first: int, end: int) -> int:
    """The point up to which a kind fits: by doubling, then halving."""
    good, step = first + 1, 1
    while good < end:
        tried = min(good + step, end)
        if fit(first, tried):
            good, step = tried, 2 * step
        elif step == 1:
            break
        else:
            step = max(step // 4, 1)
    return good


def _joined(record: Record, pieces: list[Segment], points: int) -> list[Segment]:
    """Pieces of a step without its transients; what no kind fits, and a sweep of voltage, is one piece."""
    found: list[Segment] = []
    for piece in pieces:
        short = points > MANY * SHORT and piece.last - piece.first <= SHORT
        kind = "other" if short else piece.kind
        if found and kind == found[-1].kind == "other":
            found[-1] = replace(found[-1], last=piece.last)
        else:
            found.append(replace(piece, kind=kind))
    long = [p for p in found if p.kind != "other" or p.last - p.first > SHORT] or found
    kept: list[Segment] = []
    for kind, run in groupby(long, key=lambda piece: piece.kind):
        here = list(run)
        if kind == "voltage" and len(here) > 1 and record.voltage is not None:
            whole = replace(here[0], last=here[-1].last)
            moves = float(np.ptp(record.voltage[whole.first : whole.last])) > 4.0 * VOLTAGE
            # one hold whose current has passed through zero, or a sweep
            here = [whole] if not moves else here if len(here) < SWEEP else [replace(whole, kind="other")]
        kept += here
    return kept
