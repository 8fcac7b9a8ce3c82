"""What of a run is compared with a measurement: each quantity over capacity, time, or height."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from postprocess.eds import blurred

if TYPE_CHECKING:
    from postprocess.records import RunRecords

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
OVER = {"capacity": "capacity_mAh_cm2", "time": "time_s"}
SERIES = {
    "current": "current_mA_cm2",
    "voltage": "voltage_V",
    "pressure": "stack_pressure_MPa",
    "contact": "contact_fraction",
    "active": "active_fraction",
    "voids": "voids",
    "largest_width": "largest_width_um",
    "largest_height": "largest_height_um",
}
"""Column of ``series.csv`` of each quantity that has one."""
MEANS = {"mean_width": "width_um", "mean_height": "height_um"}
"""Column of ``voids.csv`` of each quantity that is a mean over the voids of an output."""


def curve(run: RunRecords, name: str, against: str) -> Curve | None:
    """(x, y) of a quantity of a run in the units of a measurement; None where its records have none."""
    if name in MEANS:
        return _means(run, MEANS[name], OVER[against])
    column, of = ("contact", _loss) if name == "contact_loss" else (name, np.asarray)
    values = run.series.get(SERIES.get(column, ""))
    if values is None or OVER[against] not in run.series:
        return None
    return _single(run.series[OVER[against]].astype(float), of(values.astype(float)))


def solute_profile(run: RunRecords, at: float, response: float) -> tuple[float, Curve] | None:
    """Capacity of the output nearest to ``at``, and the solute fraction over height there.

    The mean of the two sides of the cell, as EDS sees it (of a whole cross-section: ``livoid microscope``).

    Args:
        run: with records of its sides.
        at: mAh/cm2.
        response: full width at half maximum of what EDS sees (um).
    """
    table = run.profile
    if not table or not run.is_alloy():
        return None
    capacities = np.unique(table["capacity_mAh_cm2"].astype(float))
    nearest = float(capacities[np.argmin(np.abs(capacities - at))])
    output = int(table["output"][table["capacity_mAh_cm2"] == nearest][-1])
    sides = [_sorted(*run.heights(output, side, "solute_fraction")) for side in ("left", "right")]
    seen = [blurred(y, x, response) for y, x in sides if len(y)]
    if not seen:
        return None
    grid = seen[0][0]
    return nearest, (grid, np.mean([np.interp(grid, y, x) for y, x in seen], axis=0))


def _loss(contact: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 - contact


def _means(run: RunRecords, column: str, over: str) -> Curve | None:
    """Mean over the voids of each output that has any."""
    if not run.voids:
        return None
    outputs, first = np.unique(run.voids["output"], return_index=True)
    sizes = [float(run.voids[column][run.voids["output"] == k].astype(float).mean()) for k in outputs]
    return _single(run.voids[over][first].astype(float), np.array(sizes))


def _single(x: NDArray[np.float64], y: NDArray[np.float64]) -> Curve:
    """The last value at each x: a rest passes no charge."""
    last = np.append(np.diff(x) > 0.0, True)
    return x[last], y[last]


def _sorted(x: NDArray[np.float64], y: NDArray[np.float64]) -> Curve:
    order = np.argsort(x)
    return x[order], y[order]
