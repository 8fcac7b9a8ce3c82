"""Events of a run besides changes of topology (model.md 5): what ends it for good."""

from __future__ import annotations

from meshes.profile import InterfaceProfile, contact_fraction
from meshes.topology import Event, Seed

METAL_LEFT = 0.02
"""Metal above the tallest roof, as a share of the first thickness, that counts as used up."""


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
