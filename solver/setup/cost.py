"""What a run will cost, before it is started: cells, unknowns, and a range of its time.

Measured on one rank (docs/performance.md): seconds of a step per cell, and steps per stage, of the cases
that come with livoid. The range is as wide as these cases differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.setup.setup import set_up
from solver.setup.sizes import expected_cells

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.setup.setup import Setup

STEPS = (40.0, 300.0)
"""Steps of a stage."""
SECONDS = {2: (5e-5, 3e-4), 3: (3e-4, 4e-3)}
"""Wall time of a step per cell, by dimension."""
UNKNOWNS = {2: 9.6, 3: 9.8}
"""Unknowns of creep, current and vacancies per cell: quadratic velocities, linear pressures, potentials and
vacancies."""


@dataclass(frozen=True)
class Cost:
    """About what a run needs.

    Attributes:
        cells: of the first mesh.
        unknowns: of all equations together.
        seconds: (least, most) on one rank.
    """

    cells: float
    unknowns: float
    seconds: tuple[float, float]

    def sentence(self) -> str:
        """In words, to one digit or two, as it is an estimate."""
        least, most = (duration(value) for value in self.seconds)
        return f"about {self.cells:.2g} cells, {self.unknowns:.2g} unknowns; {least} to {most} on one rank"


def expected_cost(setup: Setup) -> Cost:
    """The cost of a case, from its sizes and its protocol."""
    dim = 3 if setup.geometry.kind == "3d" else 2
    cells = expected_cells(setup.loaded, list(setup.seeds), setup.sizes)
    least, most = (
        len(setup.stages) * steps * seconds * cells
        for steps, seconds in zip(STEPS, SECONDS[dim], strict=True)
    )
    return Cost(cells, UNKNOWNS[dim] * cells, (least, most))


def cost_of(loaded: LoadedCase) -> Cost:
    """The cost of a case that has not been set up; raises CaseError if it cannot be."""
    return expected_cost(set_up(loaded))


def duration(seconds: float) -> str:
    """A time in the unit in which people say it."""
    for unit, length in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2.0 * length:
            return f"{_two_digits(seconds / length)} {unit}"
    return f"{_two_digits(max(seconds, 1.0))} s"


def _two_digits(value: float) -> str:
    """A number to two digits, without an exponent (110, not 1.1e+02)."""
    return f"{float(f'{value:.2g}'):.6g}"
