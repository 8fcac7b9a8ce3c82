"""The critical void size at a case's pressure and current: at the first instant, and by evolution.

A neutral size is a half-width at which the void neither gains nor loses area at this instant. A void that
ends in collapse or split is closed by creep; one that meets its mirror image over the cell's side coalesces.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from mpi4py import MPI

from solver.case.loading import CaseError, LoadedCase
from solver.predictions.instant import instantaneous_rates, refuse_motion
from solver.setup.setup import set_up

if TYPE_CHECKING:
    from solver.setup.setup import Setup
    from solver.simulation.ending import RunOutcome

SMALLEST_HALF_WIDTH = 0.25
"""um; smaller voids than this are not what the experiments resolve."""
LARGEST_SHARE = 0.9
"""Largest half-width over the width of the (symmetric) cell."""
LADDER = 9
"""Sizes that are tried before any bisection."""
RESOLUTION = 0.08
"""Relative accuracy (in size) at which a bisection ends."""
REFINEMENT = 0.7
"""Element sizes of the second mesh over those of the first."""

Fate = Literal["closes", "meets", "stays", "fails"]
Load = Callable[[Mapping[str, Any]], LoadedCase]


@dataclass(frozen=True)
class Crossing:
    """A size at which the fate changes.

    Attributes:
        half_width: um.
        bisection: half of the bracket that is left, um.
        mesh: change with the finer mesh, um (NaN if it was not found there).
        below, above: what happens on either side.
    """

    half_width: float
    bisection: float
    mesh: float
    below: str
    above: str


@dataclass(frozen=True)
class SizeTrial:
    """One seed that was followed (or one instant), for the table."""

    half_width: float
    mesh: str
    fate: str
    detail: str


Instant = tuple[list[Crossing], list[SizeTrial], str]
"""Neutral sizes: crossings, all rates computed, and what happens everywhere if there is no crossing."""
Evolved = tuple[list[Crossing], list[SizeTrial]]
"""Critical sizes by evolution: crossings, all voids that were followed."""
MapRow = tuple[float, float, float, str]
"""Pressure (MPa), current (mA/cm2), neutral half-width (um) or NaN, what happens everywhere without one."""


def check(loaded: LoadedCase) -> None:
    """Raise CaseError where a case has no critical sizes."""
    if loaded.case.geometry.kind != "plane" or not loaded.case.void:
        needs = "critical sizes need a plane cell with one [[void]]: its aspect is kept"
        raise CaseError(loaded.source, [needs])
    refuse_motion(loaded)


def half_widths(setup: Setup, count: int = LADDER) -> list[float]:
    """Half-widths of the ladder (um): equal ratios up to the largest that fits."""
    largest = LARGEST_SHARE * setup.geometry.width
    return [float(a) for a in np.geomspace(SMALLEST_HALF_WIDTH, largest, count)]


def mesh_changes(setup: Setup, factor: float) -> dict[str, Any]:
    """Changes of the case for element sizes times ``factor`` (1: the sizes that the case itself leads to)."""
    rule, numerics = setup.sizes, setup.loaded.case.numerics
    return {
        "numerics.tip_size": f"{rule.tip * factor:.6g} um",
        "numerics.roof_fraction": numerics.roof_fraction * factor,
        "numerics.growth": numerics.growth * factor,
        "numerics.event_length": f"{max(rule.event_length, rule.tip):.6g} um",
    }


def crossings(
    sizes: Sequence[float], value: Callable[[float], str], resolution: float
) -> list[tuple[float, float, str, str]]:
    """Changes of ``value`` between neighbouring sizes, each bisected (in the logarithm) to ``resolution``.

    Returns:
        (below, above, value below, value above) for each, from small to large.
    """
    found = []
    known = [(a, value(a)) for a in sizes]
    for (low, first), (high, last) in itertools.pairwise(known):
        if first == last:
            continue
        while high / low > 1.0 + resolution:
            middle = math.sqrt(low * high)
            here = value(middle)
            if here == first:
                low = middle
            else:
                high, last = middle, here
        found.append((low, high, first, last))
    return found


def at_fixed_gap(half_width: float, gap: float | None) -> dict[str, Any]:
    """Changes of the case that keep the metal between neighbouring voids ``gap`` (um) wide."""
    return {} if gap is None else {"geometry.width": f"{half_width + 0.5 * gap:.8g} um"}


def neutral_sizes(load: Load, comm: MPI.Comm, gap: float | None = None) -> Instant:
    """Neutral half-widths from the instantaneous rates, with the change on a finer mesh. Collective.

    Args:
        load: the case with changes.
        comm: communicator.
        gap: metal between neighbouring voids, kept at every size (um); None: the cell's width is.

    Returns:
        The crossings, all rates computed, and what happens everywhere if there is no crossing ("grows",
        "shrinks").
    """
    trials: list[SizeTrial] = []
    both: list[list[tuple[float, float, str, str]]] = []
    for mesh, factor in (("coarse", 1.0), ("fine", REFINEMENT)):
        finer = mesh_changes(set_up(load({})), factor)
        fine = set_up(load(finer))

        def sign(
            half_width: float, fine: Setup = fine, finer: dict[str, Any] = finer, mesh: str = mesh
        ) -> str:
            here = fine if gap is None else set_up(load(finer | at_fixed_gap(half_width, gap)))
            gain, loss = instantaneous_rates(here, half_width, comm)
            answer = "grows" if gain > loss else "shrinks"
            trials.append(SizeTrial(half_width, mesh, answer, f"gain {gain:.6g}, loss {loss:.6g}"))
            return answer

        both.append(crossings(half_widths(fine), sign, 0.25 * RESOLUTION))
    return _paired(*both), trials, trials[0].fate if not both[0] else ""


def _paired(
    coarse: Sequence[tuple[float, float, str, str]], fine: Sequence[tuple[float, float, str, str]]
) -> list[Crossing]:
    """Crossings of the fine mesh with their distance from those of the coarse one of the same kind."""
    made = []
    for low, high, below, above in fine:
        middle = math.sqrt(low * high)
        others = [math.sqrt(a * b) for a, b, first, last in coarse if (first, last) == (below, above)]
        change = min((abs(middle - other) for other in others), default=math.nan)
        made.append(Crossing(middle, 0.5 * (high - low), change, below, above))
    return made


def fate(outcome: RunOutcome) -> Fate:
    """What became of a void that was followed until its first event."""
    if outcome.status == "failed":
        return "fails"
    kind = outcome.event.kind if outcome.event is not None else None
    if kind in ("collapse", "split", "touch"):
        return "closes"
    return "meets" if kind in ("coalesce", "delaminate") else "stays"


def evolved_sizes(
    load: Load,
    run: Callable[[LoadedCase, Path], RunOutcome],
    folder: Path,
    comm: MPI.Comm,
    gap: float | None = None,
) -> Evolved:
    """Sizes at which a seed's fate changes, by following seeds to their first event. Collective.

    Args:
        load: the case with changes.
        run: runs a case into a folder.
        folder: for the run folders.
        comm: communicator.
        gap: metal between neighbouring voids, kept at every size (um); None: the cell's width is.
    """
    trials: list[SizeTrial] = []
    both: list[list[tuple[float, float, str, str]]] = []
    for mesh, factor in (("coarse", 1.0), ("fine", REFINEMENT)):
        finer = mesh_changes(set_up(load({})), factor)

        def follow(half_width: float, finer: dict[str, Any] = finer, mesh: str = mesh) -> str:
            seed = _seed(load({}), half_width) | at_fixed_gap(half_width, gap)
            changes = finer | seed | {"model.at_event": "stop", "output.fields": False}
            outcome = run(load(changes), folder / f"{mesh}-{half_width:.4g}um")
            answer = fate(outcome)
            detail = f"{outcome.capacity:.4g} mAh/cm2: {outcome.message}"
            trials.append(SizeTrial(half_width, mesh, answer, detail))
            if comm.rank == 0:
                print(f"{mesh:7s} {half_width:8.4g} um  {answer:7s} {detail}", flush=True)
            return answer

        sizes = half_widths(set_up(load({})))
        if mesh == "fine":  # only around what the coarse mesh found
            sizes = sorted({size for low, high, *_ in both[0] for size in (0.9 * low, 1.1 * high)})
        both.append(crossings(sizes, follow, RESOLUTION) if sizes else [])
    return _paired(*both), trials


def _seed(loaded: LoadedCase, half_width: float) -> dict[str, Any]:
    """The case's first void with another half-width and the same aspect."""
    first = loaded.case.void[0]
    aspect = first.roof_height / (0.5 * first.width)
    size = {"width": f"{2.0 * half_width:.8g} um", "height": f"{aspect * half_width:.8g} um"}
    return {"void": [{"position": "0 um", **size}]}


def neutral_map(
    load: Load,
    pressures: Sequence[float],
    currents: Sequence[float],
    comm: MPI.Comm,
    gap: float | None = None,
) -> list[MapRow]:
    """Neutral half-width over pressure (MPa) and current density (mA/cm2). Collective.

    At each current the pressure is continued upwards: the ladder starts around the last crossing.

    Returns:
        (pressure, current, half-width or NaN, what happens everywhere where there is none).
    """
    rows = []
    for current in currents:
        last: float | None = None
        for pressure in pressures:
            point = {"operation.pressure": f"{pressure} MPa", "operation.current": f"{current} mA/cm^2"}
            setup = set_up(load(point))

            def sign(half_width: float, setup: Setup = setup, point: dict[str, str] = point) -> str:
                here = setup if gap is None else set_up(load(point | at_fixed_gap(half_width, gap)))
                gain, loss = instantaneous_rates(here, half_width, comm)
                return "grows" if gain > loss else "shrinks"

            ladder = half_widths(setup)
            near = [a for a in ladder if last is not None and last / 2.5 < a < last * 1.6]
            found = crossings(near, sign, RESOLUTION) if len(near) > 1 else []
            found = found or crossings(ladder, sign, RESOLUTION)
            stable = [c for c in found if c[2] == "grows"]
            last = math.sqrt(stable[-1][0] * stable[-1][1]) if stable else None
            everywhere = "" if stable else sign(ladder[len(ladder) // 2])
            rows.append((pressure, current, math.nan if last is None else last, everywhere))
            if comm.rank == 0:
                shown = f"{last:.3g} um" if last is not None else f"always {everywhere}"
                print(f"{pressure:8.3g} MPa {current:8.3g} mA/cm2  {shown}", flush=True)
    return rows
