"""Quantities of interest of one run, such as the capacity at which voids coalesce: a study's columns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from solver.output.columns import Column
from solver.output.rows import SeriesRow

if TYPE_CHECKING:
    from postprocess.records import RunRecords

CONTACT_LOST = 0.9
"""Share of the interface whose loss counts as delamination in the experiment (docs/parameters.md)."""
EVENTS = ("open", "coalesce", "split", "collapse")
BALANCES = ("charge_error", "lithium_error", "volume_error")
"""Columns of ``series.csv`` that say how well a step keeps charge, lithium and volume."""

QUANTITIES: dict[str, Column] = {
    "capacity": Column("mAh/cm^2", "capacity passed"),
    "voltage_first": Column("V", "overpotential at the start"),
    "voltage_last": Column("V", "overpotential at the end"),
    "voltage_largest": Column("V", "largest overpotential"),
    "doubled_at": Column("mAh/cm^2", "capacity at which the overpotential has doubled"),
    "contact_first": Column("", "contact fraction at the start"),
    "contact_last": Column("", "contact fraction at the end"),
    "contact_least": Column("", "smallest contact fraction"),
    "active_last": Column("", "active fraction at the end: contact weighted with Z_0/Z"),
    "active_least": Column("", "smallest active fraction"),
    "virgin_last": Column("", "share of the interface that has never parted, at the end"),
    "lost_at": Column("mAh/cm^2", "capacity at which 90 % of the contact is lost"),
    "pressure_last": Column("MPa", "stack pressure at the end"),
    "lifted_at": Column("mAh/cm^2", "capacity at which the clamp lifts off"),
    "focus_first": Column("", "largest over mean applied current density at the start"),
    "focus_largest": Column("", "largest over mean applied current density"),
    "voids_first": Column("", "voids at the start"),
    "voids_last": Column("", "voids at the end"),
    **{f"{kind}_at": Column("mAh/cm^2", f"capacity of the first event {kind}") for kind in EVENTS},
    **{f"{kind}_count": Column("", f"number of events {kind}") for kind in EVENTS},
    **{name: Column("", f"largest {SeriesRow.label(name)} of a step") for name in BALANCES},
    "steps": Column("", "time steps"),
    "wall_time": Column("s", "wall time"),
}
"""Unit and meaning of every quantity by its name, in the order of the table."""


def quantities(run: RunRecords) -> dict[str, float]:
    """All of :data:`QUANTITIES` of a run; NaN for what did not happen."""
    s = run.series
    passed, voltage, contact = s["capacity_mAh_cm2"], s["voltage_V"], s["contact_fraction"]
    active, virgin = (s.get(name, contact) for name in ("active_fraction", "virgin_fraction"))
    found = {
        "capacity": passed[-1],
        "voltage_first": voltage[0],
        "voltage_last": voltage[-1],
        "voltage_largest": float(np.max(np.abs(voltage))),
        "doubled_at": first_passing(passed, voltage / voltage[0] if voltage[0] else voltage, 2.0),
        "contact_first": contact[0],
        "contact_last": contact[-1],
        "contact_least": float(contact.min()),
        "active_last": active[-1],
        "active_least": float(active.min()),
        "virgin_last": virgin[-1],
        "lost_at": first_passing(passed, 1.0 - contact, CONTACT_LOST),
        "pressure_last": s.get("stack_pressure_MPa", np.array([math.nan]))[-1],
        "lifted_at": first_passing(passed, np.sign(s.get("lift_off_um", np.zeros(len(passed)))), 1.0),
        "focus_first": s["focus_applied"][0],
        "focus_largest": float(s["focus_applied"].max()),
        "voids_first": s["voids"][0],
        "voids_last": s["voids"][-1],
        "steps": float(run.manifest.get("steps", len(passed))),
        "wall_time": float(run.manifest.get("wall_time_s", math.nan)),
    }
    for kind in EVENTS:
        capacities = [float(e["capacity_mAh_cm2"]) for e in run.events if e["kind"] == kind]
        found[f"{kind}_at"] = capacities[0] if capacities else math.nan
        found[f"{kind}_count"] = float(len(capacities))
    for name in BALANCES:
        found[name] = float(s[name].max())
    return {name: float(found[name]) for name in QUANTITIES}


def first_passing(passed: NDArray[np.float64], values: NDArray[np.float64], level: float) -> float:
    """Capacity at which ``values`` first reach ``level`` (linear in between), NaN if never."""
    above = np.flatnonzero(values >= level)
    if len(above) == 0:
        return math.nan
    k = int(above[0])
    if k == 0:
        return float(passed[0])
    share = (level - values[k - 1]) / (values[k] - values[k - 1])
    return float(passed[k - 1] + share * (passed[k] - passed[k - 1]))
