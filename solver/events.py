"""Events of a run (model.md 5): changes of topology, and what ends it for good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from meshes.profile import InterfaceProfile, contact_fraction
from meshes.topology import Change, Seed

EventKind = Literal[
    "open",
    "nucleate",
    "coalesce",
    "split",
    "touch",
    "pinch",
    "collapse",
    "delaminate",
    "exhausted",
    "solubility",
]

METAL_LEFT = 0.02
"""Metal above the tallest roof, as a share of the first thickness, that counts as used up."""


@dataclass(frozen=True)
class Event:
    """One event.

    Attributes:
        kind: what happened.
        position: lateral position (um).
        size: width (um) of the void or contact concerned.
        detail: sentence for the log.
        ended: labels of the voids that ended.
        made: labels of the voids that began.
    """

    kind: EventKind
    position: float
    size: float
    detail: str
    ended: tuple[int, ...] = ()
    made: tuple[int, ...] = ()


def of_change(change: Change) -> Event:
    """The event of a change of topology."""
    return Event(change.kind, change.position, change.size, change.detail, change.ended, change.made)


def opening(seed: Seed) -> Event:
    """The event of a contact that lets go, where no void is put there."""
    middle = 0.5 * (seed.left + seed.right)
    return Event("open", middle, seed.right - seed.left, f"the contact opens at x = {middle:.4g} um")


def final_events(profile: InterfaceProfile, delaminated_below: float, first_height: float) -> list[Event]:
    """Events after which a run cannot go on; empty if there are none."""
    found = []
    contact = contact_fraction(profile)
    if profile.roofs and contact < delaminated_below:
        detail = f"contact fraction {contact:.4f}"
        found.append(Event("delaminate", 0.5 * profile.width, profile.width, detail))
    tallest = max((float(roof[:, 1].max()) for roof in profile.roofs), default=0.0)
    left = profile.metal_height - tallest
    if left < METAL_LEFT * first_height:
        detail = f"{left:.3g} um of metal left above a roof"
        found.append(Event("exhausted", 0.5 * profile.width, left, detail))
    return found
