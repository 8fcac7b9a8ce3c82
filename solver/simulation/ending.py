"""How a run ends, and what its case allows a step to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from solver.stepping import step

if TYPE_CHECKING:
    from meshes.topology import Event
    from solver.case.loading import LoadedCase
    from solver.setup.parameters import ModelParameters
    from solver.stepping.clock import Clock
    from solver.stepping.observables import Observation

Status = Literal["finished", "event", "cutoff", "failed", "interrupted"]


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: ``message`` is one sentence; ``event`` the topology event, if that was the end."""

    status: Status
    message: str
    event: Event | None
    last: Observation | None
    capacity: float
    time: float
    steps: int = 0


def counts(outcome: RunOutcome, clock: Clock) -> dict[str, float]:
    """What a run took, for its manifest."""
    return {
        "steps": clock.step,
        "rejected_steps": clock.rejected,
        "remeshes": clock.remeshes,
        "capacity_mAh_cm2": outcome.capacity,
        "time_s": outcome.time,
    }


def step_limits(loaded: LoadedCase, parameters: ModelParameters) -> step.StepLimits:
    """Targets of the case for what changes in one step."""
    numerics, alloy = loaded.case.numerics, parameters.composition
    stops = alloy is not None and loaded.case.model.beyond_solubility == "stop"
    return step.StepLimits(
        numerics.courant,
        numerics.composition_change,
        alloy.limit if alloy is not None and stops else None,
    )
