"""Which outputs of a run figures show: those between which the most happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from postprocess.canvas import caption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postprocess.records import RunRecords

WATCHED = (
    "void_measure_um",
    "contact_fraction",
    "largest_width_um",
    "largest_height_um",
    "voltage_V",
    "voids",
    "stack_pressure_MPa",
)
"""Columns of ``series.csv`` whose changes count, each as a share of its range over the run."""
CAPACITY_SHARE = 0.5
"""Weight of the capacity beside each of them: a run in which nothing happens is shown at even distances."""
SLIGHT = 1e-6
"""Range of a column, relative to its size, below which it does not change."""


def telling(run: RunRecords, times: Sequence[float], most: int) -> list[int]:
    """Numbers (in ``times``) of at most ``most`` moments: the first, the last, and others that divide evenly
    what happens.

    Args:
        run: records.
        times: s, of all that could be shown, in order.
        most: at least 2, unless there is one only.
    """
    count = len(times)
    if count <= most:
        return list(range(count))
    passed = _happened(run)
    order = np.asarray(run.series["time_s"], dtype=float)
    at = np.interp(np.asarray(times, dtype=float), order, passed)
    chosen = [0]
    for level in np.linspace(at[0], at[-1], most)[1:-1]:
        later = most - 2 - len(chosen)  # that need one each before the last
        room = range(chosen[-1] + 1, count - 1 - later)
        chosen.append(min(room, key=lambda k: abs(float(at[k]) - float(level))))
    return [*chosen, count - 1]


def _happened(run: RunRecords) -> NDArray[np.float64]:
    """How much has happened up to each row of ``series.csv``: changes of what is watched, added up."""
    total = np.zeros(len(run.series["time_s"]))
    capacity = np.asarray(run.series["capacity_mAh_cm2"], dtype=float)
    for name, weight in (*((name, 1.0) for name in WATCHED), ("capacity_mAh_cm2", CAPACITY_SHARE)):
        values = np.asarray(run.series.get(name, capacity), dtype=float)
        values = np.where(np.isfinite(values), values, 0.0)
        whole = float(np.ptp(values))
        if whole > SLIGHT * float(np.abs(values).max()):
            total[1:] += weight * np.cumsum(np.abs(np.diff(values))) / whole
    return total


def moment_label(run: RunRecords, seconds: float) -> tuple[float, str]:
    """Capacity (mAh/cm2) at a time, and what has happened to the voids since the step before, in a word or
    two."""
    times = np.asarray(run.series["time_s"], dtype=float)
    capacity = float(np.interp(seconds, times, np.asarray(run.series["capacity_mAh_cm2"], dtype=float)))
    earlier = times[times < seconds]
    since = float(earlier[-1]) if len(earlier) else -np.inf
    kinds = [str(e["kind"]) for e in run.events if since < float(e["time_s"]) <= seconds]
    return capacity, ", ".join(dict.fromkeys(kinds))


def moment_caption(run: RunRecords, seconds: float) -> str:
    """Capacity and time of a moment, and what has happened to the voids just before it."""
    capacity, event = moment_label(run, seconds)
    return caption(capacity, seconds) + (f", after: {event}" if event else "")
