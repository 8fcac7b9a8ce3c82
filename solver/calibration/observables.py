"""Observables: what an experiment has measured, and the same of a run, as one number each.

A capacity at which something happens that a run did not reach by its planned end counts as that end: the run
says "later than that", which is far from the measured value (runs that end too early for it are refused).
What a run cannot say because it failed, or met a cut-off before, is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from postprocess.alloy import Done
from postprocess.quantities import first_passing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from postprocess.records import RunRecords

Kind = Literal[
    "capacity-at-contact-loss",
    "capacity-at-active-loss",
    "capacity-at-voltage-factor",
    "capacity-at-first-event",
    "mean-contact",
    "voltage-at-capacity",
    "contact-at-capacity",
    "active-at-capacity",
    "largest-width-at-capacity",
    "mean-width-at-capacity",
    "solute-at-contact-at-capacity",
    "pressure-at-capacity",
    "solute-in-plated-layer",
]
MICRO_OF_M = 1e6
POINTS = 400
"""At which the profile of a plated layer is looked at."""
_AT_THE_END = 1e-6
"""Share of the planned capacity by which the last step may miss it."""


@dataclass(frozen=True)
class About:
    """What a kind of observable is.

    Attributes:
        unit: of its number.
        needs: argument that it takes: "share", "factor", "event", "capacity" or nothing.
        meaning: for the documentation.
        later: whether a value that a run did not reach is its planned end.
    """

    unit: str
    needs: str
    meaning: str
    later: bool = False


KINDS: Mapping[str, About] = {
    "capacity-at-contact-loss": About(
        "mA*hour/cm^2",
        "share",
        "capacity at which this share of the interface is without contact",
        later=True,
    ),
    "capacity-at-active-loss": About("mA*hour/cm^2", "share", "the same of the active contact", later=True),
    "capacity-at-voltage-factor": About(
        "mA*hour/cm^2",
        "factor",
        "capacity at which the overpotential is so many times its first",
        later=True,
    ),
    "capacity-at-first-event": About(
        "mA*hour/cm^2", "event", "capacity of the first event of this kind", later=True
    ),
    "mean-contact": About("", "", "contact fraction, mean over capacity"),
    "voltage-at-capacity": About("V", "capacity", "overpotential"),
    "contact-at-capacity": About("", "capacity", "contact fraction"),
    "active-at-capacity": About("", "capacity", "active fraction"),
    "largest-width-at-capacity": About("m", "capacity", "width of the widest void"),
    "mean-width-at-capacity": About("m", "capacity", "mean width of the voids, at the output nearest to it"),
    "solute-at-contact-at-capacity": About("", "capacity", "solute fraction at the contact, mean"),
    "pressure-at-capacity": About("Pa", "capacity", "stack pressure"),
    "solute-in-plated-layer": About(
        "", "", "mean solute fraction of the layer plated last, over that of the metal 20 um below the top"
    ),
}
EVENTS = ("split", "coalesce", "collapse", "touch", "open")


def statistic(run: RunRecords, kind: str, argument: float | str | None, planned: float) -> float:
    """The number of an observable in a run, in the unit of its kind (SI but for capacities in mAh/cm2).

    Args:
        run: its records.
        kind: one of KINDS.
        argument: share, factor, event or capacity (mAh/cm2).
        planned: capacity (mAh/cm2) at which the run was to end.

    Returns:
        NaN where the run ended before a capacity, or before its planned end without what was looked for.
    """
    found = _VALUES[kind](run, argument)
    if math.isnan(found) and KINDS[kind].later:
        passed = float(run.series["capacity_mAh_cm2"][-1])
        return planned if passed >= planned * (1.0 - _AT_THE_END) else math.nan
    return found


def _given(argument: float | str | None) -> float:
    """The number that a kind takes."""
    assert argument is not None, "refused when the file is read"
    return float(argument)


def _loss(column: str) -> Callable[[RunRecords, float | str | None], float]:
    def value(run: RunRecords, share: float | str | None) -> float:
        lost = 1.0 - run.series[column].astype(float)
        return first_passing(run.series["capacity_mAh_cm2"], lost, _given(share))

    return value


def _at(column: str, factor: float = 1.0) -> Callable[[RunRecords, float | str | None], float]:
    def value(run: RunRecords, capacity: float | str | None) -> float:
        passed = run.series["capacity_mAh_cm2"].astype(float)
        return factor * interpolated(passed, run.series[column].astype(float), _given(capacity))

    return value


def interpolated(passed: NDArray[np.float64], values: NDArray[np.float64], capacity: float) -> float:
    """Value at a capacity between two steps; NaN beyond the last one."""
    if capacity > passed[-1] * (1.0 + 1e-9):
        return math.nan
    return float(np.interp(capacity, passed, values))


def _voltage_factor(run: RunRecords, factor: float | str | None) -> float:
    voltage = np.abs(run.series["voltage_V"].astype(float))
    return first_passing(run.series["capacity_mAh_cm2"], voltage / voltage[0], _given(factor))


def _first_event(run: RunRecords, kind: float | str | None) -> float:
    return min((float(e["capacity_mAh_cm2"]) for e in run.events if e["kind"] == kind), default=math.nan)


def _mean_contact(run: RunRecords, _nothing: float | str | None) -> float:
    passed, contact = run.series["capacity_mAh_cm2"], run.series["contact_fraction"]
    if len(passed) < 2:
        return float(contact[0])
    return float(np.trapezoid(contact, passed) / (passed[-1] - passed[0]))


def _mean_width(run: RunRecords, capacity: float | str | None) -> float:
    table = run.voids
    if not table or _given(capacity) > run.series["capacity_mAh_cm2"][-1] * (1.0 + 1e-9):
        return math.nan
    time = float(np.interp(_given(capacity), run.series["capacity_mAh_cm2"], run.series["time_s"]))
    nearest = table["time_s"][np.argmin(np.abs(table["time_s"].astype(float) - time))]
    return float(np.mean(table["width_um"][table["time_s"] == nearest].astype(float))) / MICRO_OF_M


def _plated_solute(run: RunRecords, _nothing: float | str | None) -> float:
    if not run.is_alloy() or not run.outputs():
        return math.nan
    done = Done({}, run)
    (height, fraction), layer = done.profile(), done.layer()
    inside = np.linspace(height[0], height[0] + layer, POINTS)
    return float(np.mean(np.interp(inside, height, fraction)))


_VALUES: Mapping[str, Callable[[RunRecords, float | str | None], float]] = {
    "capacity-at-contact-loss": _loss("contact_fraction"),
    "capacity-at-active-loss": _loss("active_fraction"),
    "capacity-at-voltage-factor": _voltage_factor,
    "capacity-at-first-event": _first_event,
    "mean-contact": _mean_contact,
    "voltage-at-capacity": _at("voltage_V"),
    "contact-at-capacity": _at("contact_fraction"),
    "active-at-capacity": _at("active_fraction"),
    "largest-width-at-capacity": _at("largest_width_um", 1.0 / MICRO_OF_M),
    "mean-width-at-capacity": _mean_width,
    "solute-at-contact-at-capacity": _at("solute_contact"),
    "pressure-at-capacity": _at("stack_pressure_MPa", 1e6),
    "solute-in-plated-layer": _plated_solute,
}
