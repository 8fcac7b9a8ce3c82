"""Changes of topology of an interface: voids vanish, split, merge and open (model.md 5).

Pure geometry, stated once for the plane and for 3-D: when a change is due and what becomes of the voids'
identity is said here, how a roof is cut or joined is asked of the profile (:mod:`meshes.profile.base`). Metal
is conserved exactly: what a void gains or loses by a change is taken from or given to the height of the metal
(width times height minus voids stays), a shift of far less than an element. Thresholds are in multiples of
``rule.event_length``, a physical length that the mesh resolves, and leave gaps between them, so that no
change calls for its own reversal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

from meshes.profile.base import ChangeLengths, Profile

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

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
"""The last three are no changes of topology (:mod:`solver.simulation.ending`)."""

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
P = TypeVar("P", bound=Profile)
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
        region: part of the electrolyte that opens: a segment in the plane, a polygon in 3-D.
        height: of the new roof (um); raised to OPEN_HEIGHT event lengths where less.
        kind: ``open`` or ``nucleate``.
    """

    region: BaseGeometry
    height: float
    kind: Literal["open", "nucleate"]


@dataclass
class Labelled(Generic[P]):
    """A profile whose voids have labels; the working copy of :func:`resolve`."""

    profile: P
    labels: list[int]
    next_label: int

    def replace(self, ended: Sequence[int], voids: Sequence[Any], *, keep: bool = False) -> tuple[int, ...]:
        """Put ``voids`` in the place of those numbered ``ended``; the metal's height takes up the difference.

        Returns:
            Labels of the new voids: new ones, or none with ``keep``, where the one new void is the old one.
        """
        made = tuple(range(self.next_label, self.next_label + (0 if keep else len(voids))))
        staying = [label for k, label in enumerate(self.labels) if k not in ended]
        labels = staying + ([self.labels[ended[0]]] if keep else list(made))
        profile, order = self.profile.with_voids(ended, voids)
        self.profile = cast("P", profile)
        self.labels[:] = [labels[k] for k in order]
        self.next_label += len(made)
        return made

    def event(
        self,
        kind: EventKind,
        region: BaseGeometry,
        size: float,
        text: str,
        ended: tuple[int, ...] = (),
        made: tuple[int, ...] = (),
    ) -> Event:
        """An event at a region of the electrolyte; ``{at}`` in the text is the place."""
        position, at = self.profile.place(region)
        return Event(kind, position, size, text.format(at=at), ended, made)


def change_lengths(event_length: float) -> ChangeLengths:
    """The thresholds above in um."""
    return ChangeLengths(
        event=event_length,
        touch=TOUCH_LENGTHS * event_length,
        landing=NEW_CONTACT_LENGTHS * event_length,
        coalesce=COALESCE_LENGTHS * event_length,
        lift=LIFT_LENGTHS * event_length,
        least_lift=LIFT_LEAST * event_length,
        rim=RIM_LENGTHS * event_length,
        opening=OPEN_LENGTHS * event_length,
        opening_height=OPEN_HEIGHT * event_length,
    )


def resolve(
    profile: P,
    labels: Sequence[int],
    next_label: int,
    rule: SizeRule,
    *,
    seeds: Sequence[Seed] = (),
    patience: float = 1.0,
) -> tuple[Labelled[P], list[Event]]:
    """Make every change of topology that the profile asks for, until it asks for none.

    Args:
        profile: interface after a step.
        labels: of its voids, in their order.
        next_label: first free label.
        rule: element sizes.
        seeds: voids to open in the contact.
        patience: factor on the thresholds (above 1: voids that are about to vanish or meet do so).

    Returns:
        The new profile with its labels, and the changes in the order they were made.
    """
    state = Labelled(profile, list(labels), next_label)
    changes: list[Event] = []
    due = change_lengths(rule.event_length * patience)
    while len(changes) < MOST_CHANGES:
        found = (change(state, due) for change in (_collapse, _pinch, _touch, _meet))
        event = next((event for event in found if event is not None), None)
        if event is None:
            break
        changes.append(event)
    lengths = change_lengths(rule.event_length)
    opened = (_open(state, seed, lengths) for seed in seeds)
    return state, changes + [event for event in opened if event is not None]


def _collapse(state: Labelled[P], lengths: ChangeLengths) -> Event | None:
    """The first void that is too narrow or too low vanishes."""
    for k, void in enumerate(state.profile.voids):
        width, height = state.profile.width_of(void), void.height
        if _viable(width, height, lengths):
            continue
        label = state.labels[k]
        state.replace([k], [])
        text = f"void {{at}} vanishes (width {width:.3g} um, height {height:.3g} um)"
        return state.event("collapse", void.footprint, width, text, (label,))
    return None


def _viable(width: float, height: float, lengths: ChangeLengths) -> bool:
    return width >= COLLAPSE_LENGTHS * lengths.event and height >= COLLAPSE_HEIGHT * lengths.event


def _pinch(state: Labelled[P], _lengths: ChangeLengths) -> Event | None:
    """The first roof that meets itself loses the loop in between."""
    for k, void in enumerate(state.profile.voids):
        pinch = state.profile.pinched(void)
        if pinch is None:
            continue
        state.replace([k], [pinch.void], keep=True)
        text = f"roof meets itself {{at}}; the loop of {pinch.size:.3g} um is cut off"
        return state.event("pinch", pinch.region, pinch.size, text)
    return None


def _touch(state: Labelled[P], lengths: ChangeLengths) -> Event | None:
    """The first roof that comes down on the electrolyte becomes contact there."""
    profile = state.profile
    for k, void in enumerate(profile.voids):
        landing = profile.landing(void, lengths)
        if landing is None:
            continue
        label, width, place = state.labels[k], profile.width_of(void), landing.region
        parts = profile.cut(void, landing, lengths)
        parts = [part for part in parts if _viable(profile.width_of(part), part.height, lengths)]
        if len(parts) > 1:
            made = state.replace([k], parts)
            return state.event("split", place, width, "roof touches the electrolyte {at}", (label,), made)
        if len(parts) == 1:
            state.replace([k], parts, keep=True)
            text = f"roof touches the electrolyte {landing.remark}{{at}}; the void stays one"
            return state.event("touch", place, width, text)
        state.replace([k], [])
        text = f"void {{at}} comes down as a whole (width {width:.3g} um)"
        return state.event("collapse", place, width, text, (label,))
    return None


def _meet(state: Labelled[P], lengths: ChangeLengths) -> Event | None:
    """The first contact that is too narrow is lost: what is beside it becomes one void."""
    profile = state.profile
    for strip in profile.narrow_contacts(lengths):
        merged = profile.joined(strip, lengths)
        if merged is None:
            continue
        ended = () if strip.keep else tuple(state.labels[k] for k in strip.voids)
        made = state.replace(strip.voids, [merged], keep=strip.keep)
        return state.event("coalesce", strip.region, strip.width, strip.text, ended, made)
    return None


def _open(state: Labelled[P], seed: Seed, lengths: ChangeLengths) -> Event | None:
    """Put a flat void where the contact lets go, if there is room for one."""
    opened = state.profile.opened(seed.region, seed.height, lengths)
    if opened is None:
        return None
    void, width = opened
    made = state.replace([], [void])
    text = "the contact opens {at}" if seed.kind == "open" else "a void nucleates {at}"
    return state.event(seed.kind, void.footprint, width, text, (), made)
