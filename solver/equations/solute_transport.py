"""The solute's part of a time step of the coupled model: begin before the mesh moves, finish after it.

The equation sets for current, vacancies and composition are solved together at the end of the step, the
velocity is that of its start (:mod:`solver.equations.composition`); then the bounds are enforced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray
from ufl.core.expr import Expr

from solver.core.parallel import largest_magnitude
from solver.equations.limiter import BoundLimiter

if TYPE_CHECKING:
    from solver.equations.electrochemistry import ElectrochemistryProblem
    from solver.equations.surface import SurfaceGeometry

TIP_LENGTHS = 2.0
"""Around triple lines, this many exchange lengths l_s do not steer the time step: there l_s, a numerical
length, decides over x."""


@dataclass(frozen=True)
class CompositionChange:
    """One step of the composition.

    Attributes:
        change: largest change of x at a node over the largest x, away from triple lines.
        error: relative change of the solute's total.
    """

    change: float
    error: float


class SoluteTransport:
    """Steps the composition of one model.

    Args:
        chemistry: its electrochemistry, with composition.
        surface: void surfaces, for their triple lines.
        velocity: lattice velocity v.
        options: PETSc options.

    Attributes:
        step: the composition.
        limit: largest x of the BCC phase.
    """

    def __init__(
        self,
        chemistry: ElectrochemistryProblem,
        surface: SurfaceGeometry,
        velocity: Expr,
        options: Mapping[str, object],
    ) -> None:
        assert chemistry.composition is not None and chemistry.metal.alloy is not None
        self.chemistry, self.step, self._surface = chemistry, chemistry.composition, surface
        self.limit = chemistry.metal.alloy.limit
        self.step.set_flow(velocity - chemistry.vacancy_flux(), chemistry.current_density())
        metal, state = chemistry.metal, chemistry.state
        self._limiter = BoundLimiter(
            self.step, metal.interdiffusivity(state), metal.drift_velocity(state), options
        )
        self._high = fem.Function(self.step.scalars)
        sinks = chemistry.transport
        self._tip = TIP_LENGTHS * sinks.surface_length if sinks is not None else 0.0
        self._coordinates: NDArray[np.float64] = np.zeros(0)

    def _away_from_tips(self) -> NDArray[np.bool_]:
        """Nodes out of reach of the triple lines. Collective."""
        surface = self._surface
        where = self.step.scalars.tabulate_dof_coordinates()[:, : surface.gdim]
        tips = np.vstack(self.step.cell.domain.comm.allgather(surface.positions()[surface.triple]))
        away = np.ones(len(where), dtype=bool)
        for tip in np.unique(tips, axis=0):
            away &= np.sum((where - tip) ** 2, axis=1) > self._tip**2
        return away

    def begin(self) -> None:
        """Remember the solved start of the step. Collective."""
        self._coordinates = self.step.begin()
        self._limiter.begin()
        self._before = self.step.fraction.x.array.copy()
        self._away = self._away_from_tips()
        self._total = self.step.total()

    def finish(self, time_step: float) -> CompositionChange:
        """Solve for x on the moved mesh and settle it. Collective.

        Raises:
            SolveError: if a solve fails; the caller restores the state.
        """
        chemistry, step = self.chemistry, self.step
        step.moved(self._coordinates, time_step)
        chemistry.update_contact_area()
        chemistry.solve()
        self._high.interpolate(chemistry.part("fraction").function)
        bounded = self._limiter.apply(self._high.x.array, self.limit)
        step.fraction.x.array[:] = bounded
        chemistry.take_fraction()
        change = largest_magnitude(step.cell.domain.comm, (bounded - self._before)[self._away])
        change /= max(step.largest(), np.finfo(float).tiny)
        error = abs(step.total() - self._total) / max(abs(self._total), np.finfo(float).tiny)
        return CompositionChange(change, error)

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self._limiter.destroy()
