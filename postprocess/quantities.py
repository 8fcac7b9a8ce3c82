"""Quantities of interest of one run: the columns of a study's table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from postprocess.records import RunRecords

CONTACT_LOST = 0.9
"""Share of the interface whose loss counts as delamination in the experiment (docs/parameters.md)."""
EVENTS = ("open", "coalesce", "split", "collapse")


@dataclass(frozen=True)
class Quantity:
    """Unit and meaning of a column."""

    unit: str
    meaning: str


QUANTITIES: dict[str, Quantity] = {
    "capacity": Quantity("mAh/cm^2", "capacity passed"),
    "voltage_first": Quantity("V", "overpotential at the start"),
    "voltage_last": Quantity("V", "overpotential at the end"),
    "voltage_largest": Quantity("V", "largest overpotential"),
    "doubled_at": Quantity("mAh/cm^2", "capacity at which the overpotential has doubled"),
    "contact_first": Quantity("", "contact fraction at the start"),
    "contact_last": Quantity("", "contact fraction at the end"),
    "contact_least": Quantity("", "smallest contact fraction"),
    "lost_at": Quantity("mAh/cm^2", "capacity at which 90 % of the contact is lost"),
    "focus_first": Quantity("", "largest over mean applied current density at the start"),
    "focus_largest": Quantity("", "largest over mean applied current density"),
    "voids_first": Quantity("", "voids at the start"),
    "voids_last": Quantity("", "voids at the end"),
    **{f"{kind}_at": Quantity("mAh/cm^2", f"capacity of the first event {kind}") for kind in EVENTS},
    **{f"{kind}_count": Quantity("", f"number of events {kind}") for kind in EVENTS},
    "charge_error": Quantity("", "largest charge error of a step"),
    "lithium_error": Quantity("", "largest lithium error of a step"),
    "volume_error": Quantity("", "largest volume error of a step"),
    "steps": Quantity("", "time steps"),
    "wall_time": Quantity("s", "wall time"),
}


def quantities(run: RunRecords) -> dict[str, float]:
    """All of :data:`QUANTITIES` of a run; NaN for what did not happen."""
    s = {name: values.astype(float) for name, values in run.series.items() if name != "kind"}
    passed, voltage, contact = s["capacity_mAh_cm2"], s["voltage_V"], s["contact_fraction"]
    found = {
        "capacity": passed[-1],
        "voltage_first": voltage[0],
        "voltage_last": voltage[-1],
        "voltage_largest": float(np.max(np.abs(voltage))),
        "doubled_at": first_passing(passed, voltage / voltage[0] if voltage[0] else voltage, 2.0),
        "contact_first": contact[0],
        "contact_last": contact[-1],
        "contact_least": float(contact.min()),
        "lost_at": first_passing(passed, 1.0 - contact, CONTACT_LOST),
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
    for name in ("charge_error", "lithium_error", "volume_error"):
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
