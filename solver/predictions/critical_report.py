"""Tables and answers of ``livoid critical``: what was found, with its uncertainties, in words."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.predictions.critical import Crossing, Evolved, Instant, MapRow, SizeTrial

TRIAL_COLUMNS = ("kind", "half_width_um", "mesh", "fate", "detail")
"""Of ``critical.csv``."""


def sentence(crossings: Sequence[Crossing], everywhere: str, what: str) -> list[str]:
    """The answer in words: each crossing with its uncertainties, or what happens at every size."""
    if not crossings:
        return [f"{what}: none, every size {everywhere}"]
    lines = []
    for c in crossings:
        mesh = "not found on the coarse mesh" if math.isnan(c.mesh) else f"mesh {c.mesh:.2g}"
        lines.append(
            f"{what}: half-width {c.half_width:.4g} um (bisection +-{c.bisection:.2g}, {mesh}); "
            f"smaller ones: {c.below}, larger ones: {c.above}"
        )
    return lines


def fates(trials: Sequence[SizeTrial]) -> str:
    """The fates of all sizes of the coarse mesh, for a study without a crossing."""
    return " or ".join(sorted({t.fate for t in trials if t.mesh == "coarse"}))


def extremes(trials: Sequence[SizeTrial]) -> dict[str, float | None]:
    """Smallest seed that was closed and largest one that coalesced (half-widths, um)."""
    closed = [t.half_width for t in trials if t.fate == "closes"]
    met = [t.half_width for t in trials if t.fate == "meets"]
    return {"smallest_closed_um": min(closed, default=None), "largest_coalesced_um": max(met, default=None)}


def write_sizes(folder: Path, instant: Instant, evolved: Evolved) -> list[str]:
    """Write ``critical.csv`` (all trials) and ``critical.json``; returns the answers in words."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "critical.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(TRIAL_COLUMNS)
        writer.writerows(
            (kind, f"{t.half_width:.8g}", t.mesh, t.fate, t.detail)
            for kind, t in all_trials(instant, evolved)
        )
    data = answers(instant, evolved)
    (folder / "critical.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    return list(data["answers"])


def all_trials(instant: Instant, evolved: Evolved) -> list[tuple[str, SizeTrial]]:
    """(kind of search, trial) of all, in the order of ``critical.csv``."""
    kinds = {"instant": instant[1], "evolution": evolved[1]}
    order = {kind: sorted(trials, key=lambda t: (t.mesh, t.half_width)) for kind, trials in kinds.items()}
    return [(kind, trial) for kind, trials in order.items() for trial in trials]


def answers(instant: Instant, evolved: Evolved) -> dict[str, Any]:
    """What was found, as plain data, and ``answers``, the same in words."""
    lines = sentence(instant[0], instant[2], "neutral size at the first instant")
    if evolved[1]:
        lines += sentence(evolved[0], fates(evolved[1]), "critical size by evolution")
        ends = extremes(evolved[1])
        lines += [f"{name}: {'none' if value is None else f'{value:.4g}'}" for name, value in ends.items()]
    return {
        "instant": [asdict(c) for c in instant[0]],
        "evolution": [asdict(c) for c in evolved[0]],
        **extremes(evolved[1]),
        "answers": lines,
    }


def write_map(folder: Path, rows: Sequence[MapRow]) -> None:
    """Write ``map.csv``: neutral half-width over pressure for each current."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "map.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("pressure_MPa", "current_mA_cm2", "neutral_half_width_um", "everywhere"))
        writer.writerows((p, i, f"{a:.6g}", text) for p, i, a, text in rows)
