"""Changes of topology of an interface profile: voids vanish, split, merge and open (model.md 5).

Pure geometry on polylines. Metal is conserved exactly: what a void gains or loses by a change is taken from
or given to the height of the metal (width times height minus voids stays), a shift of far less than an
element. Thresholds are in multiples of ``rule.event_length``, by default the element size at a triple line,
and leave gaps between them, so that no change calls for its own reversal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
from shapely import LineString

from meshes.profile.polyline import full_width, roof_measure
from meshes.profile.roof_cuts import (
    bridged,
    cut_end,
    flat_roof,
    left_part,
    lowest_dip,
    meeting,
    mirrored,
    rim_height,
)

if TYPE_CHECKING:
    from meshes.profile.polyline import InterfaceProfile
    from meshes.profile.roof_cuts import (
        Points,
    )
    from meshes.sizing import SizeRule

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
"""The last three are no changes of topology (:mod:`solver.simulation.final_events`)."""

COLLAPSE_LENGTHS = 6.0
"""A void narrower than this many event lengths (full width) has collapsed."""
COLLAPSE_HEIGHT = 1.0
"""A void lower than this many event lengths has collapsed."""
TOUCH_LENGTHS = 0.5
"""A roof that dips below this many event lengths away from its ends touches the electrolyte."""
COALESCE_LENGTHS = 4.0
"""A contact narrower than this many event lengths is lost: two voids have met."""
NEW_CONTACT_LENGTHS = 8.0
"""Width of the contact that a touching roof makes: well above COALESCE_LENGTHS."""
LIFT_LENGTHS = 2.5
"""Height at which the metal between two voids that met is cut: well above TOUCH_LENGTHS."""
LIFT_LEAST = 1.0
"""Least such height where the rims are flat, if the voids are that high."""
RIM_LENGTHS = 6.0
"""Length of rim, along the roof, that is cut where it gains the least height."""
OPEN_LENGTHS = 10.0
"""Smallest width of a void that opens: well above COLLAPSE_LENGTHS."""
OPEN_HEIGHT = 2.5
"""Smallest height of a void that opens: well above COLLAPSE_HEIGHT."""
State = TypeVar("State")
"""A labelled profile of either dimension."""
MOST_CHANGES = 10_000
"""Changes made at once; each removes a void, a contact or points, so that this is never reached."""


@dataclass(frozen=True)
class Event:
    """One event: a change of topology, or what ends a run.

    Attributes:
        kind: what happened: ``touch`` is a roof that comes down so near to its end that no second void is
            left, ``pinch`` a roof that meets itself above the electrolyte.
        position: lateral position (um).
        size: width (um) of the void or contact concerned.
        detail: sentence for the log.
        ended: labels of the voids that end.
        made: labels of the voids that begin.
    """

    kind: EventKind
    position: float
    size: float
    detail: str
    ended: tuple[int, ...] = ()
    made: tuple[int, ...] = ()


@dataclass(frozen=True)
class Seed:
    """A void to be put into the contact.

    Attributes:
        left, right: stretch of contact that opens (um).
        height: of the new roof; raised to OPEN_HEIGHT event lengths where less.
        kind: ``open`` or ``nucleate``.
    """

    left: float
    right: float
    height: float
    kind: Literal["open", "nucleate"]


@dataclass
class Labelled:
    """A profile whose voids have labels; the working copy of :func:`resolve`."""

    profile: InterfaceProfile
    labels: list[int]
    next_label: int

    def replace(
        self, first: int, count: int, roofs: Sequence[Points], *, keep: bool = False
    ) -> tuple[int, ...]:
        """Put ``roofs`` in the place of ``count`` voids; the metal's height takes up the difference.

        Returns:
            Labels of the new voids: new ones, or with ``keep`` that of the one void replaced by one.
        """
        old = self.profile
        made = list(old.roofs[:first]) + list(roofs) + list(old.roofs[first + count :])
        before = sum(roof_measure(r, old.axisymmetric) for r in old.roofs[first : first + count])
        after = sum(roof_measure(r, old.axisymmetric) for r in roofs)
        height = old.metal_height + (after - before) / base_measure(old)
        self.profile = replace(old, roofs=tuple(made), metal_height=height)
        if keep:
            return ()
        labels = tuple(range(self.next_label, self.next_label + len(roofs)))
        self.next_label += len(roofs)
        self.labels[first : first + count] = labels
        return labels


def base_measure(profile: InterfaceProfile) -> float:
    """Length (plane) or area (axisymmetric) of the whole cell's base."""
    return float(np.pi * profile.width**2) if profile.axisymmetric else profile.width


def is_simple(profile: InterfaceProfile) -> bool:
    """Whether no roof crosses another one, itself or the electrolyte surface beside it."""
    if not profile.roofs:
        return True
    points = [p for roof in profile.roofs for p in roof]
    ends = [(-1.0, 0.0), (profile.width + 1.0, 0.0)]
    first, last = profile.roofs[0][0], profile.roofs[-1][-1]
    chain = ([ends[0]] if first[1] == 0.0 else []) + points + ([ends[1]] if last[1] == 0.0 else [])
    return bool(LineString(chain).is_simple)


def resolve(
    profile: InterfaceProfile,
    labels: Sequence[int],
    next_label: int,
    rule: SizeRule,
    *,
    seeds: Sequence[Seed] = (),
    patience: float = 1.0,
) -> tuple[Labelled, list[Event]]:
    """Make every change of topology that the profile asks for, until it asks for none.

    Args:
        profile: interface after a step.
        labels: of its voids, from left to right.
        next_label: first free label.
        rule: element sizes.
        seeds: voids to open in the contact.
        patience: factor on the thresholds (above 1: voids that are about to vanish or meet do so).

    Returns:
        The new profile with its labels, and the changes in the order they were made.
    """
    state = Labelled(profile, list(labels), next_label)
    coarse = replace(rule, event_length=rule.event_length * patience)
    changes = made_changes(state, coarse, (_collapse, _pinch, _touch, _coalesce))
    return state, changes + [event for seed in seeds if (event := _open(state, seed, rule)) is not None]


def made_changes(
    state: State, rule: SizeRule, kinds: Sequence[Callable[[State, SizeRule], Event | None]]
) -> list[Event]:
    """Change ``state`` until it asks for no change, each time by the first of ``kinds`` that finds one."""
    changes: list[Event] = []
    while len(changes) < MOST_CHANGES:
        change = next((event for kind in kinds if (event := kind(state, rule)) is not None), None)
        if change is None:
            break
        changes.append(change)
    return changes


def _collapse(state: Labelled, rule: SizeRule) -> Event | None:
    profile = state.profile
    for k, roof in enumerate(profile.roofs):
        width, height = full_width(profile, k), float(roof[:, 1].max())
        if _viable(width, height, rule):
            continue
        centre, label = float(np.mean(profile.void_extent(k))), state.labels[k]
        state.replace(k, 1, [])
        detail = f"void at x = {centre:.4g} um vanishes (width {width:.3g} um, height {height:.3g} um)"
        return Event("collapse", centre, width, detail, (label,))
    return None


def _viable(width: float, height: float, rule: SizeRule) -> bool:
    return width >= COLLAPSE_LENGTHS * rule.event_length and height >= COLLAPSE_HEIGHT * rule.event_length


def _touch(state: Labelled, rule: SizeRule) -> Event | None:
    """The first roof that comes down on the electrolyte becomes contact there."""
    for k, roof in enumerate(state.profile.roofs):
        dip = lowest_dip(roof, TOUCH_LENGTHS * rule.event_length)
        if dip is not None:
            return _land(state, k, dip, rule)
    return None


def _land(state: Labelled, k: int, dip: int, rule: SizeRule) -> Event:
    roof, profile, label = state.profile.roofs[k], state.profile, state.labels[k]
    width, where = full_width(profile, k), float(roof[dip, 0])
    half = 0.5 * NEW_CONTACT_LENGTHS * rule.event_length
    low, margin = TOUCH_LENGTHS * rule.event_length, 0.5 * rule.event_length
    left = left_part(roof, dip, half, low, margin)
    behind = left_part(mirrored(roof), len(roof) - 1 - dip, half, low, margin)
    right = None if behind is None else mirrored(behind)
    parts = [p for p in (left, right) if p is not None and _viable_alone(p, profile, rule)]
    at = f"at x = {where:.4g} um"
    if len(parts) == 2:
        made = state.replace(k, 1, parts)
        return Event("split", where, width, f"roof touches the electrolyte {at}", (label,), made)
    if len(parts) == 1:
        state.replace(k, 1, parts, keep=True)
        detail = f"roof touches the electrolyte beside its end {at}; the void stays one"
        return Event("touch", where, width, detail)
    state.replace(k, 1, [])
    return Event(
        "collapse", where, width, f"void {at} comes down as a whole (width {width:.3g} um)", (label,)
    )


def _viable_alone(roof: Points, profile: InterfaceProfile, rule: SizeRule) -> bool:
    alone = replace(profile, roofs=(roof,))
    return _viable(full_width(alone, 0), float(roof[:, 1].max()), rule)


def _coalesce(state: Labelled, rule: SizeRule) -> Event | None:
    """The first contact that is too narrow is lost; the last one of all never is (delamination)."""
    profile = state.profile
    limit = COALESCE_LENGTHS * rule.event_length
    stretches = contact_stretches(profile)
    for (left, right), (before, after) in stretches:
        mirror = (left == 0.0 and not profile.axisymmetric) or right == profile.width
        width = (right - left) * (2.0 if mirror else 1.0)
        if width >= limit or len(stretches) == 1:
            continue
        centre = 0.5 * (left + right)
        ended = tuple(state.labels[j] for j in (before, after) if j is not None)
        roofs = (
            None if before is None else profile.roofs[before],
            None if after is None else mirrored(profile.roofs[after]),
        )
        lift = _lift([roof for roof in roofs if roof is not None], rule)
        sides = (np.array([[0.0, lift]]), np.array([[-profile.width, lift]]))
        first, last = (s if r is None else cut_end(r, lift) for r, s in zip(roofs, sides, strict=True))
        merged = bridged(first, mirrored(last), rule.event_length)
        made = state.replace(state.labels.index(ended[0]), len(ended), [merged])
        text = "voids meet" if len(ended) == 2 else "void meets its mirror image"
        return Event("coalesce", centre, width, f"{text} at x = {centre:.4g} um", ended, made)
    return None


def _lift(roofs: Sequence[Points], rule: SizeRule) -> float:
    """Height at which voids (right ends given) are joined: the rims are cut, not a flat roof beside them."""
    lowest = min(float(roof[:, 1].max()) for roof in roofs)
    reach, least = RIM_LENGTHS * rule.event_length, LIFT_LEAST * rule.event_length
    longest = max(float(np.ptp(roof[:, 0])) for roof in roofs)
    while (rim := 0.8 * min(rim_height(roof, reach) for roof in roofs)) < least and reach < longest:
        reach *= 2.0
    return min(LIFT_LENGTHS * rule.event_length, rim, 0.8 * lowest)


def contact_stretches(
    profile: InterfaceProfile,
) -> list[tuple[tuple[float, float], tuple[int | None, int | None]]]:
    """Stretches of contact from left to right with the voids before and after them."""
    found: list[tuple[tuple[float, float], tuple[int | None, int | None]]] = []
    here, before = 0.0, None
    for k, roof in enumerate(profile.roofs):
        if roof[0, 1] == 0.0:
            found.append(((here, float(roof[0, 0])), (before, k)))
        here, before = float(roof[-1, 0]), k
    if not profile.roofs or profile.roofs[-1][-1, 1] == 0.0:
        found.append(((here, profile.width), (before, None)))
    return found


def _pinch(state: Labelled, rule: SizeRule) -> Event | None:
    """A roof that meets itself above the electrolyte loses the loop in between.

    A bubble cut off in the metal, and metal that hangs on nothing, are not part of the model.
    """
    for k, roof in enumerate(state.profile.roofs):
        pair = meeting(roof)
        if pair is None:
            continue
        i, j = pair
        where, size = float(roof[i, 0]), float(np.ptp(roof[i : j + 1, 0]))
        rest = np.vstack([roof[: i + 1], roof[j + 1 :]])
        if len(rest) < 4:
            continue
        state.replace(k, 1, [rest], keep=True)
        detail = f"roof meets itself at x = {where:.4g} um; the loop of {size:.3g} um is cut off"
        return Event("pinch", where, size, detail)
    return None


def _open(state: Labelled, seed: Seed, rule: SizeRule) -> Event | None:
    """Put a flat half ellipse where the contact lets go; None where there is no room for one."""
    profile = state.profile
    smallest, margin = OPEN_LENGTHS * rule.event_length, 1.5 * COALESCE_LENGTHS * rule.event_length
    middle = 0.5 * (seed.left + seed.right)
    for (left, right), (before, after) in contact_stretches(profile):
        if not left <= middle <= right:
            continue
        room = (
            left if before is None else left + margin,
            right if after is None else right - margin,
        )
        width = max(seed.right - seed.left, smallest)
        low, high = max(middle - 0.5 * width, room[0]), min(middle + 0.5 * width, room[1])
        cut_left = before is None and low <= margin
        cut_right = after is None and high >= profile.width - margin
        if (cut_left and cut_right) or high - low < (0.5 if cut_left or cut_right else 1.0) * smallest:
            return None
        low, high = 0.0 if cut_left else low, profile.width if cut_right else high
        roof = flat_roof(low, high, max(seed.height, OPEN_HEIGHT * rule.event_length), cut_left, cut_right)
        beside = (profile.roofs[k] for k in (before, after) if k is not None)
        if any(LineString(roof).distance(LineString(r)) < rule.event_length for r in beside):
            return None  # a roof hangs over the contact
        place = sum(1 for r in profile.roofs if r[0, 0] < roof[0, 0])
        made = state.replace(place, 0, [roof])
        centre = 0.5 * (low + high)
        text = "the contact opens" if seed.kind == "open" else "a void nucleates"
        return Event(seed.kind, centre, high - low, f"{text} at x = {centre:.4g} um", (), made)
    return None
