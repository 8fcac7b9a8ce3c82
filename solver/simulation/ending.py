"""How a run ends: its outcome, and the events that end it besides changes of topology (model.md 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from meshes.topology import Event
from solver.algebra.newton import SolveError
from solver.setup.step_control import LIMIT_REACHED

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshes.profile.base import Profile
    from solver.equations.coupled_model import CoupledModel
    from solver.equations.solute_transport import SoluteTransport
    from solver.stepping.clock import Clock
    from solver.stepping.observables import Observation

Status = Literal["finished", "event", "cutoff", "failed", "interrupted"]

METAL_LEFT = 0.02
"""Metal above the tallest roof, as a share of the first thickness, that counts as used up."""


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


class RunEndedError(Exception):
    """Leaves the loop of a run between two steps, from wherever its end is found; good or bad."""

    def __init__(self, status: Status, message: str, event: Event | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.event = status, message, event


def counts(outcome: RunOutcome, clock: Clock) -> dict[str, float]:
    """What a run took, for its manifest."""
    return {
        "steps": clock.step,
        "rejected_steps": clock.rejected,
        "remeshes": clock.remeshes,
        "capacity_mAh_cm2": outcome.capacity,
        "time_s": outcome.time,
    }


def final_events(profile: Profile, delaminated_below: float, first_height: float) -> list[Event]:
    """Events after which a run cannot go on; empty if there are none.

    Args:
        profile: present interface.
        delaminated_below: contact fraction at which the metal counts as delaminated.
        first_height: of the metal at the start (um).
    """
    found = []
    contact, middle, heights = profile.contact_fraction(), 0.5 * profile.width, profile.heights()
    if heights and contact < delaminated_below:
        detail = f"contact fraction {contact:.4f}"
        found.append(Event("delaminate", middle, profile.width, detail))
    tallest = max(heights, default=0.0)
    left = profile.metal_height - tallest
    if left < METAL_LEFT * first_height:
        detail = f"{left:.3g} um of metal left above a roof"
        found.append(Event("exhausted", middle, left, detail))
    return found


def parting_event(model: CoupledModel) -> Event | None:
    """The event that nothing holds the metal: all of its contact parts in the solved step. Collective.

    Under a dead load that cannot be; a clamp lifts off, and a given motion may lift the platen.
    """
    cell, zone = model.cell, model.zone
    held = cell.domain.comm.allreduce(int(model.contact.active.sum()))
    if held > 0:
        return None
    x = np.vstack(cell.domain.comm.allgather(zone.coordinates()))[:, 0]
    middle, width = 0.5 * float(x.min() + x.max()), float(x.max() - x.min())
    detail = "nothing presses on the metal or holds it any more: the whole contact parts"
    return Event("delaminate", middle, width, detail)


def solubility_event(solute: SoluteTransport | None) -> Event | None:
    """The event that x reaches the limit of the BCC phase, None if it does not. Collective."""
    if solute is None:
        return None
    largest = solute.step.largest()
    if largest < solute.limit - LIMIT_REACHED:
        return None
    where = solute.step.position_of_largest()
    detail = f"solute fraction {largest:.4g} at {where:.4g} um reaches its limit {solute.limit:g}"
    return Event("solubility", where, 0.0, detail)


def seen_ahead(model: CoupledModel, observe: Callable[[], Observation], dt: float) -> Observation | None:
    """What the present geometry solves to, with everything put back. Collective.

    Args:
        model: coupled model, after a step.
        observe: measures a solved state.
        dt: step that capillarity and a clamp look ahead.

    Returns:
        None if it cannot be solved, or the whole contact parts.
    """
    landed = model.snapshot()
    try:
        model.solve(dt)
        return None if parting_event(model) is not None else observe()
    except SolveError:
        return None
    finally:
        model.restore(landed)
