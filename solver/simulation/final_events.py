"""Events of a run besides changes of topology (model.md 5): what ends it for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshes.topology import Event

if TYPE_CHECKING:
    from meshes.gmsh.mesh_profile import Profile

METAL_LEFT = 0.02
"""Metal above the tallest roof, as a share of the first thickness, that counts as used up."""


def final_events(profile: Profile, delaminated_below: float, first_height: float) -> list[Event]:
    """Events after which a run cannot go on; empty if there are none."""
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
