"""Topology events of the interface (model.md 5), found on the profile after each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from meshes.profile import InterfaceProfile
from meshes.sizing import SizeRule

EventKind = Literal["open", "coalesce", "split", "collapse", "delaminate", "exhausted", "solubility"]

COALESCE_ELEMENTS = 4.0
"""A contact narrower than this many tip elements is lost: two voids have met."""
COLLAPSE_ELEMENTS = 6.0
"""A void narrower than this many tip elements (full width) has collapsed."""
TOUCH_ELEMENTS = 0.5
"""A roof that dips below this many tip elements away from its ends touches the electrolyte."""
METAL_LEFT = 0.02
"""Metal above the tallest roof, as a share of the first thickness, that counts as used up."""


@dataclass(frozen=True)
class Event:
    """One topology event.

    Attributes:
        kind: what happened.
        position: lateral position (um).
        size: width (um) of the void or contact concerned.
        detail: sentence for the log.
    """

    kind: EventKind
    position: float
    size: float
    detail: str


def geometric_events(
    profile: InterfaceProfile, rule: SizeRule, delaminated_below: float, first_height: float
) -> list[Event]:
    """Events that show in the geometry, most specific first; empty if there are none."""
    found = [*_collapses(profile, rule), *_splits(profile, rule), *_coalescences(profile, rule)]
    contact = contact_fraction(profile)
    if profile.roofs and contact < delaminated_below:
        found.append(
            Event("delaminate", 0.5 * profile.width, profile.width, f"contact fraction {contact:.4f}")
        )
    tallest = max((float(roof[:, 1].max()) for roof in profile.roofs), default=0.0)
    left = profile.metal_height - tallest
    if left < METAL_LEFT * first_height:
        found.append(
            Event("exhausted", 0.5 * profile.width, left, f"{left:.3g} um of metal left above a roof")
        )
    return found


def contact_fraction(profile: InterfaceProfile) -> float:
    """Share of the electrolyte surface in contact (by area when axisymmetric)."""
    power = 2 if profile.axisymmetric else 1
    lost = sum(float(r[-1, 0] ** power - r[0, 0] ** power) for r in profile.roofs)
    return 1.0 - lost / profile.width**power


def full_width(profile: InterfaceProfile, k: int) -> float:
    """Width of void ``k`` with its mirror image where it sits on a side."""
    left, right = profile.void_extent(k)
    roof = profile.roofs[k]
    cut = int(roof[0, 1] > 0.0) + int(roof[-1, 1] > 0.0)
    return (right - left) * (2.0 if cut == 1 else 1.0)


def _collapses(profile: InterfaceProfile, rule: SizeRule) -> list[Event]:
    found = []
    for k, roof in enumerate(profile.roofs):
        width, height = full_width(profile, k), float(roof[:, 1].max())
        if width < COLLAPSE_ELEMENTS * rule.tip or height < rule.tip:
            centre = float(np.mean(profile.void_extent(k)))
            detail = f"void at x = {centre:.4g} um vanishes (width {width:.3g} um, height {height:.3g} um)"
            found.append(Event("collapse", centre, width, detail))
    return found


def _splits(profile: InterfaceProfile, rule: SizeRule) -> list[Event]:
    found = []
    for roof in profile.roofs:
        y = roof[:, 1]
        inner = np.arange(1, len(y) - 1)
        dips = inner[(y[inner] <= y[inner - 1]) & (y[inner] <= y[inner + 1])]
        ends = [k for k in (0, len(y) - 1) if 0.0 < y[k] <= y[1 if k == 0 else -2]]
        for k in [*dips, *ends]:
            if y[k] < TOUCH_ELEMENTS * rule.tip:
                width = float(roof[-1, 0] - roof[0, 0])
                detail = f"roof touches the electrolyte at x = {roof[k, 0]:.4g} um"
                found.append(Event("split", float(roof[k, 0]), width, detail))
                break
    return found


def _coalescences(profile: InterfaceProfile, rule: SizeRule) -> list[Event]:
    found = []
    limit = COALESCE_ELEMENTS * rule.tip
    here, mirrored = 0.0, not profile.axisymmetric
    for roof in profile.roofs:
        if roof[0, 1] == 0.0:
            found += _gap(here, float(roof[0, 0]), limit, mirror=here == 0.0 and mirrored)
        here = float(roof[-1, 0])
    if profile.roofs and profile.roofs[-1][-1, 1] == 0.0:
        found += _gap(here, profile.width, limit, mirror=True)
    return found


def _gap(left: float, right: float, limit: float, *, mirror: bool) -> list[Event]:
    width = (right - left) * (2.0 if mirror else 1.0)
    if width >= limit:
        return []
    other = "its mirror image" if mirror else "its neighbour"
    centre = 0.5 * (left + right)
    return [Event("coalesce", centre, width, f"void meets {other} at x = {centre:.4g} um")]
