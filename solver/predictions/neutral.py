"""The neutral size: initial growth of a void split into vacancy gain and creep loss, against its size.

Small voids gain more than they lose and grow; from the neutral size on creep takes more than vacancies bring.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mpi4py import MPI

from solver.equations.terms.friction import FrictionParameters
from solver.predictions.instant import instantaneous_rates, refuse_motion

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.setup.parameters import ModelParameters
    from solver.setup.setup import Setup

HALF_WIDTHS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0)
"""Half-widths in um."""
LARGEST_SHARE = 0.95
"""Largest half-width over the width of the cell, not reached."""


@dataclass(frozen=True)
class NeutralRow:
    """One void size: gain and loss of void area in um times Omega i/F, for half a void.

    ``variant`` is "full" (the case as it is) or "uniform" (uniform current density, equal to the
    applied one, on the contact, stick contact: the setting of the independent estimate).
    """

    variant: str
    half_width: float
    gain: float
    loss: float


def check(loaded: LoadedCase) -> None:
    """Raise CaseError where a case has no neutral sizes."""
    refuse_motion(loaded)


def neutral_study(
    setup: Setup, comm: MPI.Comm, half_widths: Sequence[float] = HALF_WIDTHS
) -> list[NeutralRow]:
    """Instantaneous rates of a void of the case's aspect at x = 0, for each size that fits. Collective."""
    rows = []
    for variant in ("full", "uniform"):
        for half_width in half_widths:
            if half_width >= LARGEST_SHARE * setup.geometry.width:
                continue
            parameters = _variant(setup, variant, half_width)
            gain, loss = instantaneous_rates(setup, half_width, comm, parameters)
            rows.append(NeutralRow(variant, half_width, gain, loss))
    return rows


def _variant(setup: Setup, variant: str, half_width: float) -> ModelParameters:
    base, width = setup.parameters, setup.geometry.width
    if variant == "full":
        return base
    return replace(
        base,
        current=replace(base.current, vacancy_potential=False, applied=(width - half_width) / width),
        load=replace(base.load, friction=FrictionParameters("stick")),
    )


def crossing(rows: Sequence[NeutralRow]) -> float | None:
    """Half-width at which loss overtakes gain (log interpolation), None if it never does."""
    size = np.log([row.half_width for row in rows])
    balance = np.array([row.gain - row.loss for row in rows])
    for k in range(len(rows) - 1):
        if balance[k] > 0.0 >= balance[k + 1]:
            share = balance[k] / (balance[k] - balance[k + 1])
            return float(np.exp(size[k] + share * (size[k + 1] - size[k])))
    return None


def neutral_lines(rows: Sequence[NeutralRow]) -> list[str]:
    """The rates of each size, and the neutral size of each variant, in words."""
    lines = []
    for variant in dict.fromkeys(row.variant for row in rows):
        chosen = [row for row in rows if row.variant == variant]
        lines += [
            f"{variant:8s} {r.half_width:6.2f} um  gain {r.gain:7.3f}  loss {r.loss:7.3f}" for r in chosen
        ]
        where = crossing(chosen)
        found = "none in this range" if where is None else f"{where:.2f} um"
        lines.append(f"{variant:8s} neutral half-width: {found}")
    return lines


def write_neutral(rows: Sequence[NeutralRow], folder: Path) -> Path:
    """Write ``neutral.csv`` into a folder (rank 0); returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "neutral.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("variant", "half_width_um", "gain", "loss"))
        writer.writerows((r.variant, r.half_width, f"{r.gain:.6g}", f"{r.loss:.6g}") for r in rows)
    return table
