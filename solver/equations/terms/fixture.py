"""What clamps the cell: a spring in series with a counter electrode that swells (docs/model.md 4).

    dP/dt = -k (w - chi v),  P >= 0,      v = Omega i_app/F,  w = -v_n of the platen

k: stiffness of the clamp per area (P0/L); w: velocity of the platen towards the electrolyte; v: thickness of
lithium stripped per time, from the mean current over the whole area; chi: volume that the counter electrode
gains over that of the lithium. With the compression c of the clamp as the state, P = k max(c, 0) and
dc/dt = -(w - chi v): where c < 0 the clamp has lifted off by -c and presses with nothing. In a step from c
(implicit Euler)

    P = k [c + dt (chi v + v_n)],  or  P = 0

k = 0 is a dead load, k = inf the given velocity chi v. The clamp is that of any cell with a fixed frame; the
numbers are in docs/model.md 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import ufl

from meshes.tags import Boundary

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.equations.mechanics import MechanicsProblem
    from solver.setup.scales import Scales


@dataclass(frozen=True)
class PlatenMotion:
    """Velocity of a platen that something else moves: a constant, chi v, or that of a curve of heights.

    Attributes:
        velocity: towards the electrolyte (v0).
        follows: whether it is chi v.
        by_time: whether ``places`` are times (L/v0), not charge passed (i0 L/v0).
        places, heights: the curve (um); none for a constant.
    """

    velocity: float = 0.0
    follows: bool = False
    by_time: bool = True
    places: tuple[float, ...] = ()
    heights: tuple[float, ...] = ()

    def mean_velocity(self, start: float, advance: float, time_step: float) -> float:
        """Velocity with which a step follows the curve (v0).

        Args:
            start: place on the curve.
            advance: along it in the step.
            time_step: L/v0.
        """
        if advance <= 0.0 or time_step <= 0.0:
            return 0.0
        return (self._height(start) - self._height(start + advance)) / time_step

    def _height(self, place: float) -> float:
        """Linear between the points, and beyond the last one as before it (a run ends there)."""
        x, y = self.places, self.heights
        if place <= x[-1]:
            return float(np.interp(place, x, y))
        return y[-1] + (place - x[-1]) * (y[-1] - y[-2]) / (x[-1] - x[-2])


@dataclass(frozen=True)
class FixtureParameters:
    """What clamps the cell.

    Attributes:
        stiffness: k in P0/L; 0 is a dead load.
        expansion: chi.
        motion: of a platen whose force is not balanced, else None.
    """

    stiffness: float = 0.0
    expansion: float = 0.0
    motion: PlatenMotion | None = None


def from_case(loaded: LoadedCase, scales: Scales) -> FixtureParameters:
    """Parameters of a case."""
    given = loaded.case.fixture
    if given is None:
        return FixtureParameters()
    expansion = 0.0 if given.expansion is None else given.expansion
    if given.stiffness is not None:
        return FixtureParameters(given.stiffness * scales.length / scales.stress, expansion)
    unit = scales.time if given.by_time else scales.current * scales.time
    velocity = 0.0 if given.velocity is None else given.velocity / scales.velocity
    motion = PlatenMotion(
        velocity,
        follows=given.follow is not None,
        by_time=given.by_time,
        places=tuple(place / unit for place, _ in given.path),
        heights=tuple(height / scales.length for _, height in given.path),
    )
    return FixtureParameters(0.0, expansion, motion)


class ClampedTop:
    """Work against the pressure of a clamp, which changes as the top moves in the step."""

    def __call__(self, problem: MechanicsProblem) -> ufl.Form:
        """P n . w on the top, P = load + yield v_n; see :mod:`solver.equations.clamp` for both numbers."""
        normal = ufl.FacetNormal(problem.cell.domain)
        outwards = ufl.inner(problem.field("velocity"), normal)
        pressure = problem.pressure_load + problem.pressure_yield * outwards
        return problem.on(Boundary.TOP, pressure * ufl.inner(problem.test("velocity"), normal))
