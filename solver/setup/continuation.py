"""What of a case may change where a run goes on: what has not been computed yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from solver.core import trees
from solver.setup.protocol import reference, stages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from solver.case.loading import LoadedCase
    from solver.setup.protocol import Stage

AHEAD = ("operation.capacity", "operation.cutoff_voltage", "operation.cycles", "operation.step")
"""Keys of the protocol; of these, what is over must stay as it is."""
ANYWAY = ("title", "output", "numerics.max_steps")
"""Keys, or tables, that no result follows from."""


def may_change(path: str) -> bool:
    """Whether a run may go on with another value at a dotted path, as far as the path tells."""
    return any(path == key or path.startswith((f"{key}.", f"{key}[", f"{key} ")) for key in (*AHEAD, *ANYWAY))


def other_case(stored: Mapping[str, Any], wanted: Mapping[str, Any], *, extend: bool) -> list[str]:
    """Sentences about differences that a run cannot go on with."""
    changed = [path for path, _, _ in trees.changes(stored, wanted)]
    sentences = trees.differences(stored, wanted)
    return [text for path, text in zip(changed, sentences, strict=True) if not extend or not may_change(path)]


def computed_already(stored: Mapping[str, Any], loaded: LoadedCase, clock: Mapping[str, Any]) -> list[str]:
    """What a changed protocol would alter of what a run has computed up to a checkpoint.

    Args:
        stored: resolved case of the run so far.
        loaded: that it is to go on with.
        clock: of the checkpoint.
    """
    try:
        before = loaded.beside(stored).case.operation
    except ValueError as error:
        return [f"the run's own case cannot be read: {error}"]
    now, done = loaded.case.operation, int(clock["stage"])
    old, new = stages(before), stages(now)
    problems = []
    if reference(before) != reference(now):
        problems.append("the largest current (or overpotential) of the protocol, which scales the equations")
    if len(new) <= done or old[:done] != new[:done]:
        problems.append(f"the first {done} steps of the protocol, which are over")
    elif done < len(old):
        if _without_ends(old[done]) != _without_ends(new[done]):
            problems.append(f"{old[done].describe()}, which has begun; only its ends may change")
        problems += _passed(new[done], clock)
    return problems


def _passed(stage: Stage, clock: Mapping[str, Any]) -> list[str]:
    capacity, duration = stage.capacity, stage.duration
    return [
        f"{stage.describe()}, which would be over at less {name} than it has"
        for name, end in (("capacity", capacity), ("time", duration))
        if end is not None and end < clock["stage_capacity" if name == "capacity" else "stage_time"]
    ]


def _without_ends(stage: Stage) -> Stage:
    ends = (
        "cutoff_voltage cutoff_contact_loss cutoff_active_loss cutoff_current "
        "cutoff_pressure_above cutoff_pressure_below"
    )
    nothing: dict[str, Any] = dict.fromkeys(ends.split())
    duration = stage.duration if stage.kind == "rest" else None  # outputs of a rest are parts of it
    return replace(stage, **nothing, capacity=None, duration=duration)
