"""What Zhao et al. (2025) count in pictures, of a run: as it is, and as the microscope sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from postprocess.microscope import frames as film
from postprocess.microscope.instrument import FRAME_INTERVAL, Instrument
from postprocess.microscope.maps import element_maps

if TYPE_CHECKING:
    from postprocess.microscope.rows import FrameRow
    from postprocess.records import RunRecords

Metal = Literal["Li", "Li-Mg"]
Side = Literal["widths", "heights"]
DROP = 0.2
"""Relative drop of the largest width (height) between outputs that counts as a split (collapse)."""
SECONDS_PER_MINUTE = 60.0
CONTACT_LOST = 0.9
"""Share of the contact beyond which the paper's overpotential soars."""


@dataclass(frozen=True)
class Voids:
    """Statistics of the voids at each output of a run.

    Attributes:
        capacity: mAh/cm2, one per output.
        widths, heights: um, the voids of each output.
    """

    capacity: NDArray[np.float64]
    widths: list[NDArray[np.float64]]
    heights: list[NDArray[np.float64]]

    def largest(self, of: Side) -> NDArray[np.float64]:
        """Largest width or height at each output, 0 where there is no void."""
        return np.array([float(values.max(initial=0.0)) for values in getattr(self, of)])


@dataclass(frozen=True)
class Counted:
    """A value for each of some capacities (mAh/cm2).

    Attributes:
        capacity: of contact loss (a share) and number of voids.
        loss, count: there.
        size_capacity: of the largest width and height (um).
        width, height: there.
        mg: largest lateral mean of Mg over the bulk at the end, None where it is not known.
    """

    capacity: NDArray[np.float64]
    loss: NDArray[np.float64]
    count: NDArray[np.float64]
    size_capacity: NDArray[np.float64]
    width: NDArray[np.float64]
    height: NDArray[np.float64]
    mg: float | None

    def observables(self, metal: Metal) -> dict[str, list[float] | None]:
        """Values by the names of the paper's observables: capacities in mAh/cm2, widths in um.

        Empty where it does not happen, None where it is not known.
        """
        if metal == "Li":
            return {
                # half of the seeds have merged: the paper gives one capacity for the population
                "coalescence": first_above(self.capacity, -self.count, -0.5 * self.count[0]),
                "contact loss 90 %": first_above(self.capacity, self.loss, CONTACT_LOST),
                "one gap": first_above(self.capacity, -self.count, -1.0),
            }
        return {
            "largest width (um)": [float(self.width.max(initial=0.0))],
            "width drops": drops(self.size_capacity, self.width),
            "height drops": drops(self.size_capacity, self.height),
            "largest Mg over bulk": None if self.mg is None else [self.mg],
        }


def void_statistics(run: RunRecords) -> Voids:
    """Widths and heights of all voids at every output."""
    outputs = run.outputs()
    numbers = run.interface["output"].astype(int)
    capacity = np.array([run.interface["capacity_mAh_cm2"][numbers == k][0] for k in outputs], dtype=float)
    sizes = [film.sizes(run, k) for k in outputs]
    return Voids(capacity, [widths for widths, _ in sizes], [heights for _, heights in sizes])


def drops(capacity: NDArray[np.float64], values: NDArray[np.float64]) -> list[float]:
    """Capacities at which ``values`` has fallen by more than DROP since the last output."""
    fallen = (values[1:] < (1.0 - DROP) * values[:-1]) & (values[:-1] > 0.0)
    return [float(c) for c in capacity[1:][fallen]]


def first_above(capacity: NDArray[np.float64], values: NDArray[np.float64], limit: float) -> list[float]:
    """Capacity at which ``values`` first reaches ``limit``; empty if it never does."""
    where = np.flatnonzero(values >= limit)
    return [float(capacity[where[0]])] if len(where) else []


def counted(run: RunRecords) -> tuple[Counted, Counted | None]:
    """As it is, from the records of every step and output; and as seen, where there are fields to look at.

    The microscope takes frames as far apart as the paper's.
    """
    rows: list[FrameRow] = []
    instrument = Instrument()
    if run.fields:
        for look in film.looks(run, film.spaced(film.all_frames(run), FRAME_INTERVAL), instrument):
            rows.append(look.row)
        if look.specimen.is_alloy and look.specimen.top > instrument.um("normalise"):
            rows[-1] = film.with_mg(look.row, element_maps(look.specimen, instrument))
    series, voids = run.series, void_statistics(run)
    true = Counted(
        series["capacity_mAh_cm2"].astype(float),
        1.0 - series["contact_fraction"].astype(float),
        series["voids"].astype(float),
        voids.capacity,
        voids.largest("widths"),
        voids.largest("heights"),
        rows[-1].mg if rows else None,
    )
    return true, _seen(rows) if rows else None


def _seen(rows: Sequence[FrameRow]) -> Counted:
    def of(name: str) -> NDArray[np.float64]:
        return np.array([getattr(row, name) for row in rows], dtype=float)

    capacity = of("capacity_mAh_cm2")
    loss, count = of("contact_loss_seen"), of("voids_seen")
    width, height = of("largest_width_seen_um"), of("largest_height_seen_um")
    return Counted(capacity, loss, count, capacity, width, height, rows[-1].mg_seen)


def stated() -> str:
    """What limits the pictures."""
    tool = Instrument()
    return (
        f"as seen: a frame every {FRAME_INTERVAL / SECONDS_PER_MINUTE:g} min and the last, pixels of "
        f"{tool.um('pixel'):g} um, voids from {tool.um('detection'):g} um; EDS of {tool.um('response'):g} um"
    )
