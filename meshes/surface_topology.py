"""Changes of topology of a 3-D interface: voids vanish, split, merge and open (model.md 5).

The same changes at the same thresholds, in multiples of ``rule.event_length``, as in the plane
(:mod:`meshes.topology`), on footprints and heights over the plane. Metal is conserved: its height takes up
what a void gains or loses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Point, Polygon
from shapely.affinity import scale
from shapely.geometry.base import BaseGeometry

from meshes.profile.triangulated import (
    polygons,
    snapped,
    triple_line,
    void_under,
)
from meshes.topology import (
    COALESCE_LENGTHS,
    COLLAPSE_HEIGHT,
    COLLAPSE_LENGTHS,
    LIFT_LENGTHS,
    NEW_CONTACT_LENGTHS,
    OPEN_HEIGHT,
    OPEN_LENGTHS,
    TOUCH_LENGTHS,
    Event,
    made_changes,
)

if TYPE_CHECKING:
    from meshes.profile.triangulated import (
        Heights,
        SurfaceProfile,
        SurfaceVoid,
    )
    from meshes.sizing import SizeRule

ROUND_LENGTHS = 3.0
"""Distance from a lost contact, in event lengths, within which the roofs beside it are raised."""
ROUNDING_LENGTHS = 2.0
"""Width in event lengths of what is taken off a footprint as cusp or neck."""
NECK_LENGTHS = 2.0
"""Width in event lengths by which a lost contact is widened all round, so that no neck is left of it."""
MEASURED = 0.5
"""Spacing, in event lengths, of the points that measure a changed void."""


@dataclass(frozen=True)
class SurfaceSeed:
    """A void to be put into the contact: where, how high at least, and why."""

    region: Polygon
    height: float
    kind: Literal["open", "nucleate"]


@dataclass
class LabelledSurface:
    """A profile whose voids have labels; the working copy of :func:`resolve_surface`."""

    profile: SurfaceProfile
    labels: list[int]
    next_label: int

    def replace(
        self, ended: Sequence[int], voids: Sequence[SurfaceVoid], *, keep: bool = False
    ) -> tuple[int, ...]:
        """Put ``voids`` in the place of those numbered ``ended``; the metal's height takes up the difference.

        Returns:
            Labels of the new voids: new ones, or with ``keep`` that of the one replaced by one.
        """
        old = self.profile.voids
        staying = [k for k in range(len(old)) if k not in ended]
        labels = tuple(range(self.next_label, self.next_label + len(voids)))
        self.next_label += 0 if keep else len(voids)
        kept = (self.labels[ended[0]],) if keep else labels
        self.labels[:] = [self.labels[k] for k in staying] + list(kept)
        self.profile = self.profile.with_voids([*(old[k] for k in staying), *voids])
        return () if keep else labels


def resolve_surface(
    profile: SurfaceProfile,
    labels: Sequence[int],
    next_label: int,
    rule: SizeRule,
    *,
    seeds: Sequence[SurfaceSeed] = (),
    patience: float = 1.0,
) -> tuple[LabelledSurface, list[Event]]:
    """Make every change of topology that the profile asks for, until it asks for none.

    Arguments and results as of :func:`meshes.topology.resolve`; labels in the order of the profile's voids.
    """
    state = LabelledSurface(profile, list(labels), next_label)
    coarse = replace(rule, event_length=rule.event_length * patience)
    changes = made_changes(state, coarse, (_collapse, _touch, _meet, _meet_image, _close_in))
    return state, changes + [event for seed in seeds if (event := _open(state, seed, rule)) is not None]


def _viable(void: SurfaceVoid, profile: SurfaceProfile, rule: SizeRule) -> bool:
    width = replace(profile, voids=(void,)).widths()[0]
    return (
        width >= COLLAPSE_LENGTHS * rule.event_length and void.height >= COLLAPSE_HEIGHT * rule.event_length
    )


def _event(
    kind: Literal["open", "nucleate", "coalesce", "split", "touch", "collapse"],
    at: BaseGeometry,
    size: float,
    text: str,
    ended: tuple[int, ...] = (),
    made: tuple[int, ...] = (),
) -> Event:
    place = at.representative_point()
    detail = text.format(at=f"at ({place.x:.4g}, {place.y:.4g}) um")
    return Event(kind, float(place.x), size, detail, ended, made)


def _collapse(state: LabelledSurface, rule: SizeRule) -> Event | None:
    for k, void in enumerate(state.profile.voids):
        if _viable(void, state.profile, rule):
            continue
        label, width = state.labels[k], state.profile.widths()[k]
        state.replace([k], [])
        text = f"void {{at}} vanishes (width {width:.3g} um, height {void.height:.3g} um)"
        return _event("collapse", void.footprint, width, text, (label,))
    return None


def _touch(state: LabelledSurface, rule: SizeRule) -> Event | None:
    """The first roof that comes down on the electrolyte becomes contact there."""
    for k, void in enumerate(state.profile.voids):
        landing = _landing(void, state.profile, rule)
        if landing is None:
            continue
        label, width, spacing = state.labels[k], state.profile.widths()[k], MEASURED * rule.event_length
        rest = _rounded(void.footprint.difference(landing), state.profile, rule)
        fresh = landing.buffer(ROUND_LENGTHS * rule.event_length)
        parts = [replace(void_under(piece, void.heights, spacing), fresh=fresh) for piece in rest]
        parts = [part for part in parts if _viable(part, state.profile, rule)]
        if len(parts) > 1:
            made = state.replace([k], parts)
            return _event("split", landing, width, "roof touches the electrolyte {at}", (label,), made)
        if len(parts) == 1:
            state.replace([k], parts, keep=True)
            return _event("touch", landing, width, "roof touches the electrolyte {at}; the void stays one")
        state.replace([k], [])
        text = f"void {{at}} comes down as a whole (width {width:.3g} um)"
        return _event("collapse", landing, width, text, (label,))
    return None


def _landing(void: SurfaceVoid, profile: SurfaceProfile, rule: SizeRule) -> BaseGeometry | None:
    """The contact that the roof's lowest dip makes, None where no dip is low enough."""
    roof, limit = void.roof, TOUCH_LENGTHS * rule.event_length
    if roof is None:
        return None
    z = roof.points[:, 2]
    lowest = np.full(len(z), np.inf)
    for a, b in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)):
        np.minimum.at(lowest, roof.triangles[:, a], z[roof.triangles[:, b]])
    away = shapely.distance(triple_line(void.footprint, profile.base), shapely.points(roof.points[:, :2]))
    inside = away > rule.event_length
    dips = np.flatnonzero((z < limit) & (z <= lowest) & inside)
    if len(dips) == 0:
        return None
    half = 0.5 * NEW_CONTACT_LENGTHS * rule.event_length
    low = shapely.union_all(shapely.buffer(shapely.points(roof.points[(z < limit) & inside, :2]), half))
    here = Point(roof.points[dips[np.argmin(z[dips])], :2])
    return shapely.union_all([p for p in polygons(low) if p.contains(here)])


def _meet(state: LabelledSurface, rule: SizeRule) -> Event | None:
    """The first contact between two voids that is too narrow is lost."""
    limit = COALESCE_LENGTHS * rule.event_length
    for a, b in combinations(range(len(state.profile.voids)), 2):
        one, two = (state.profile.voids[k].footprint for k in (a, b))
        gap = one.distance(two)
        if gap >= limit:
            continue
        both = one.union(two)
        lost = [
            p for p in polygons(_closed(both, limit).difference(both)) if _beside(p, one) and _beside(p, two)
        ]
        strip = shapely.union_all(lost).intersection(state.profile.base)
        ended = (state.labels[a], state.labels[b])
        if strip.is_empty or not _joined(state, [a, b], strip, rule):
            continue
        made = (state.labels[-1],)
        return _event("coalesce", strip, gap, "voids meet {at}", ended, made)
    return None


def _meet_image(state: LabelledSurface, rule: SizeRule) -> Event | None:
    """A void that comes too near to a side meets its mirror image."""
    limit, profile = COALESCE_LENGTHS * rule.event_length, state.profile
    for k, void in enumerate(profile.voids):
        for axis, extent in enumerate(profile.extents):
            for side in (0.0, extent):
                low, high = void.footprint.bounds[axis], void.footprint.bounds[axis + 2]
                gap = 2.0 * (low - side if side == 0.0 else side - high)
                if not 0.0 < gap < limit:
                    continue
                both = void.footprint.union(_image(void.footprint, axis, side))
                filled = polygons(_closed(both, limit).difference(both).intersection(profile.base))
                wall = _wall(profile, axis, side)
                lost = [p for p in filled if _beside(p, wall) and _beside(p, void.footprint)]
                strip, label = shapely.union_all(lost), state.labels[k]
                if strip.is_empty or not _joined(state, [k], strip, rule):
                    continue
                made = (state.labels[-1],)
                return _event("coalesce", strip, gap, "void meets its mirror image {at}", (label,), made)
    return None


def _close_in(state: LabelledSurface, rule: SizeRule) -> Event | None:
    """A neck or an island of contact that is too narrow, beside one void or several, is lost."""
    limit, profile = COALESCE_LENGTHS * rule.event_length, state.profile
    contact = polygons(profile.contact())
    for island in contact:
        wide = polygons(_with_images(island, profile).buffer(-0.5 * limit))
        if wide or len(contact) == 1:
            continue
        beside = [k for k, void in enumerate(profile.voids) if _beside(void.footprint, island)]
        labels, single = tuple(state.labels[k] for k in beside), len(beside) == 1
        if not beside or not _joined(state, beside, island, rule, keep=single):
            continue
        text = "an island of contact {at} is lost"
        return _event("coalesce", island, limit, text, *(() if single else (labels, (state.labels[-1],))))
    for k, void in enumerate(profile.voids):
        closed = _closed(void.footprint, limit)
        if sum(len(p.interiors) for p in polygons(closed)) <= len(void.footprint.interiors):
            continue
        strip = closed.difference(void.footprint).intersection(profile.base)
        if _joined(state, [k], strip, rule, keep=True):
            return _event("coalesce", strip, limit, "void meets itself {at}")
    return None


def _rounded(region: BaseGeometry, profile: SurfaceProfile, rule: SizeRule) -> list[Polygon]:
    """Footprints of a region without cusps and necks that no roof could span."""
    radius = 0.5 * ROUNDING_LENGTHS * rule.event_length
    opened = _with_images(region, profile).buffer(-radius).buffer(radius)
    return [snapped(part, profile.extents) for part in polygons(opened.intersection(profile.base))]


def _with_images(region: BaseGeometry, profile: SurfaceProfile) -> BaseGeometry:
    """The region with its mirror images behind all sides and corners."""
    for axis, extent in enumerate(profile.extents):
        region = region.union(_image(region, axis, 0.0)).union(_image(region, axis, extent))
    return region


def _wall(profile: SurfaceProfile, axis: int, side: float) -> BaseGeometry:
    """The side as a line of the plane."""
    lx, ly = profile.extents
    return LineString([(side, 0.0), (side, ly)] if axis == 0 else [(0.0, side), (lx, side)])


def _image(region: BaseGeometry, axis: int, side: float) -> BaseGeometry:
    """The region mirrored at a side."""
    if axis == 0:
        return scale(region, xfact=-1.0, origin=(side, 0.0))
    return scale(region, yfact=-1.0, origin=(0.0, side))


def _closed(region: BaseGeometry, width: float) -> BaseGeometry:
    """The region with every gap narrower than ``width`` filled."""
    return region.buffer(0.5 * width).buffer(-0.5 * width)


def _beside(piece: BaseGeometry, region: BaseGeometry) -> bool:
    return bool(piece.distance(region) < 1e-6)


def _joined(
    state: LabelledSurface, ended: list[int], strip: BaseGeometry, rule: SizeRule, *, keep: bool = False
) -> bool:
    """Make one void of those numbered ``ended`` and the contact ``strip``; whether that is possible."""
    profile, crumb = state.profile, 1e-3 * rule.event_length
    voids = [profile.voids[k] for k in ended]
    strip = strip.buffer(NECK_LENGTHS * rule.event_length)
    whole = shapely.union_all([*(v.footprint for v in voids), strip]).intersection(profile.base)
    others = [v.footprint for k, v in enumerate(profile.voids) if k not in ended]
    parts = _rounded(whole, profile, rule)
    if len(parts) != 1 or any(parts[0].distance(o) < crumb for o in others):
        return False
    if whole.area > (1.0 - 1e-6) * profile.base.area:
        return False
    footprint = parts[0]
    lift = min(LIFT_LENGTHS * rule.event_length, 0.8 * min(v.height for v in voids))
    zone = strip.buffer(ROUND_LENGTHS * rule.event_length)
    heights = _raised(voids, footprint, profile, zone, lift)
    merged = replace(void_under(footprint, heights, MEASURED * rule.event_length), fresh=zone)
    state.replace(ended, [merged], keep=keep)
    return True


def _raised(
    voids: Sequence[SurfaceVoid], footprint: Polygon, profile: SurfaceProfile, zone: BaseGeometry, lift: float
) -> Heights:
    """The roofs of ``voids``, in ``zone`` at least a quarter round of radius ``lift``."""
    line = triple_line(footprint, profile.base)

    def heights(at: NDArray[np.float64]) -> NDArray[np.float64]:
        found = np.zeros(len(at))
        for void in voids:
            inside = shapely.intersects_xy(void.footprint, at)
            if inside.any():
                found[inside] = np.maximum(found[inside], void.heights(at[inside]))
        near = shapely.intersects_xy(zone, at)
        if near.any():
            away = np.minimum(shapely.distance(line, shapely.points(at[near])) / lift, 1.0)
            found[near] = np.maximum(found[near], lift * np.sqrt(1.0 - (1.0 - away) ** 2))
        return found

    return heights


def _open(state: LabelledSurface, seed: SurfaceSeed, rule: SizeRule) -> Event | None:
    """Put a flat dome where the contact lets go; None where there is no room for one."""
    profile, least = state.profile, 0.5 * OPEN_LENGTHS * rule.event_length
    margin = 1.5 * COALESCE_LENGTHS * rule.event_length
    centre = np.array(seed.region.representative_point().coords[0])
    for k, extent in enumerate(profile.extents):
        for side in (0.0, extent):
            if abs(centre[k] - side) < margin + least:
                centre[k] = side
    disc = Point(centre).buffer(least)
    taken = [void.footprint.buffer(margin) for void in profile.voids]
    room = seed.region.union(disc).intersection(profile.base).difference(shapely.union_all(taken))
    parts = [p for p in _rounded(room, profile, rule) if p.intersects(Point(centre))]
    if len(parts) != 1 or parts[0].area < 0.5 * disc.intersection(profile.base).area:
        return None
    footprint = parts[0]
    line, height = triple_line(footprint, profile.base), max(seed.height, OPEN_HEIGHT * rule.event_length)
    if line.is_empty:
        return None
    reach = float(shapely.distance(line, Point(centre)))

    def heights(at: NDArray[np.float64]) -> NDArray[np.float64]:
        away = np.minimum(shapely.distance(line, shapely.points(at)) / reach, 1.0)
        return np.asarray(height * np.sqrt(1.0 - (1.0 - away) ** 2))

    made = state.replace([], [void_under(footprint, heights, MEASURED * rule.event_length)])
    text = "the contact opens {at}" if seed.kind == "open" else "a void nucleates {at}"
    return _event(seed.kind, footprint, 2.0 * reach, text, (), made)
