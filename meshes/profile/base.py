"""What an interface is, in the plane and in 3-D alike: the protocol that changes, meshes and records go by.

The metal stands on the electrolyte. Where it does not touch it there are voids, and a void is a *footprint*
on the electrolyte (a segment in the plane, a polygon in 3-D) with a *roof* of metal over it (a polyline, a
triangulated surface). All voids of a cell with the cell's own extents are a *profile*. How a roof is cut,
joined or made is the business of its kind (:mod:`meshes.profile.polyline`,
:mod:`meshes.profile.triangulated`); when that happens is said once, in :mod:`meshes.topology`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

if TYPE_CHECKING:
    from meshes.cell import CoordinateKind
    from meshes.sizing import SizeRule


class ProfileError(RuntimeError):
    """An interface is no set of simple roofs any more: something crosses, or goes through the electrolyte."""


class VoidMeasures(NamedTuple):
    """One void for the records (um): centre (the last coordinate is the height), extent along x, size."""

    centre: tuple[float, float, float]
    extent: tuple[float, float]
    width: float
    height: float
    measure: float


@dataclass(frozen=True)
class ChangeLengths:
    """Lengths (um) that changes of topology go by; :func:`meshes.topology.change_lengths` sets them.

    Attributes:
        event: in which all others are measured.
        touch: height below which a roof touches the electrolyte.
        landing: width of the contact that a touching roof makes.
        coalesce: width below which a contact is lost.
        lift: height at which the metal between voids that meet is cut.
        least_lift: least such height where the rims are flat, if the voids are that high.
        rim: length of rim, along the roof, that is cut where it gains the least height.
        opening: smallest width of a void that opens.
        opening_height: smallest height of a void that opens.
    """

    event: float
    touch: float
    landing: float
    coalesce: float
    lift: float
    least_lift: float
    rim: float
    opening: float
    opening_height: float


class Landing(NamedTuple):
    """Where a roof touches the electrolyte: the place, and a remark on it for the log."""

    region: BaseGeometry
    remark: str = ""


class Strip(NamedTuple):
    """A piece of contact that is too narrow to stay.

    Attributes:
        region: the contact.
        voids: numbers of those beside it.
        width: um.
        text: sentence for the log; ``{at}`` is the place.
        keep: whether the one void beside it stays the same one.
    """

    region: BaseGeometry
    voids: tuple[int, ...]
    width: float
    text: str
    keep: bool = False


class Void(Protocol):
    """A footprint and the roof over it."""

    @property
    def footprint(self) -> BaseGeometry:
        """Part of the electrolyte under the void: a segment on y = 0, or a polygon."""

    @property
    def height(self) -> float:
        """Largest height of the roof."""

    @property
    def measure(self) -> float:
        """Area (plane) or volume under the roof, inside the cell."""


class Pinch(NamedTuple):
    """A roof that met itself: the void without the loop, where, and how wide the loop is."""

    void: Void
    region: BaseGeometry
    size: float


class Profile(Protocol):
    """A cell with its voids (um). A profile takes voids of its own kind only."""

    least_quality: ClassVar[float]
    """Smallest quality of a usable mesh over that of the case, which is meant for triangles."""

    @property
    def kind(self) -> CoordinateKind:
        """Coordinates of the cell."""

    @property
    def width(self) -> float:
        """Extent along x."""

    @property
    def metal_height(self) -> float:
        """Height of the top (current collector) over the electrolyte."""

    @property
    def electrolyte_depth(self) -> float:
        """Depth of the electrolyte."""

    @property
    def base(self) -> BaseGeometry:
        """The whole electrolyte surface: a segment or a rectangle."""

    @property
    def voids(self) -> Sequence[Void]:
        """In the plane from left to right."""

    def contact_fraction(self) -> float:
        """Share of the electrolyte surface in contact (by area when axisymmetric)."""

    def width_of(self, void: Any) -> float:
        """Width of a void, with its mirror images where it sits on a side."""

    def widths(self) -> list[float]:
        """Those of all voids."""

    def heights(self) -> list[float]:
        """Largest height of each void."""

    def spans(self) -> list[float]:
        """Share of the cell's width under each void; in 3-D of the side that is covered most.

        A side that a void runs along, as a cylinder does, is none of them.
        """

    def void_rows(self) -> list[VoidMeasures]:
        """Place and size of each void."""

    def anchors(self) -> list[tuple[float, ...]]:
        """A point in each footprint, by which a void is found again."""

    def height_at(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height of the metal's lower end at lateral positions (n, 1 or 2): on the highest roof, else 0."""

    def place(self, region: BaseGeometry) -> tuple[float, str]:
        """Where a region is: x (um), and words for the log."""

    def variants(self, rule: SizeRule) -> Iterator[Profile]:
        """The same interface with other points on its roofs, in the order in which they are to be meshed."""

    def spacing_is_off(self, rule: SizeRule) -> bool:
        """Whether points on roofs or triple lines are far from the spacing that the rule asks for."""

    def with_voids(self, ended: Sequence[int], voids: Sequence[Any]) -> tuple[Profile, list[int]]:
        """As much metal with ``voids`` in the place of those numbered ``ended``.

        Width times height minus voids stays: the metal's height takes up the difference, far less than an
        element.

        Returns:
            The new profile, and for each of its voids the place in the list of those that stay, then the new.
        """

    def lowered(self, fall: float) -> Profile:
        """The same voids under metal that is that much less high."""

    def pinched(self, void: Any) -> Pinch | None:
        """The void without a loop of its roof that met itself; None where the roof does not."""

    def landing(self, void: Any, lengths: ChangeLengths) -> Landing | None:
        """Where a roof touches the electrolyte away from its ends; None where it does not."""

    def cut(self, void: Any, landing: Landing, lengths: ChangeLengths) -> Sequence[Any]:
        """What is left of a void beside the contact that its roof makes."""

    def narrow_contacts(self, lengths: ChangeLengths) -> Iterator[Strip]:
        """Pieces of contact that are too narrow to stay; never the last one of all (delamination)."""

    def joined(self, strip: Strip, lengths: ChangeLengths) -> Void | None:
        """One void of a lost contact and the voids beside it; None where that makes no void."""

    def opened(
        self, region: BaseGeometry, height: float, lengths: ChangeLengths
    ) -> tuple[Void, float] | None:
        """A flat void where the contact lets go, and its width; None where there is no room for one."""


def conserving_height(profile: Profile, area: float, ended: Sequence[int], voids: Sequence[Void]) -> float:
    """Height of the metal that makes up for new ``voids`` in the place of those numbered ``ended``.

    Args:
        profile: as it is.
        area: length or area of its base.
        ended: numbers of voids.
        voids: new ones.
    """
    before = sum(profile.voids[k].measure for k in ended)
    return profile.metal_height + (sum(void.measure for void in voids) - before) / area


def segment(low: float, high: float) -> LineString:
    """Part of the electrolyte of a two-dimensional cell."""
    return LineString([(low, 0.0), (high, 0.0)])


def spot(centre: NDArray[np.float64], width: float) -> BaseGeometry:
    """Part of the electrolyte around a lateral position (1 or 2 coordinates): a segment, or a disc."""
    if len(centre) == 1:
        return segment(float(centre[0]) - 0.5 * width, float(centre[0]) + 0.5 * width)
    return Point(centre).buffer(0.5 * width)


def covers(region: BaseGeometry, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points (n, 3) at the electrolyte lie in a region of it."""
    if isinstance(region, Polygon):
        return np.asarray(shapely.intersects_xy(region, points[:, :2]))
    low, _, high, _ = region.bounds
    return np.asarray((points[:, 0] >= low) & (points[:, 0] <= high))
