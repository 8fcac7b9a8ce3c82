"""The pressures that the current sees, recovered from the flow: p_c on the contact and p in the metal.

The flow's own pressures are no smooth fields: the contact's is a nodal force. Both are recovered at P1 nodes
after each pass of the staggered loop contact pressure -> current -> recession -> contact pressure, which ends
when their change moves the potential by no more than a tolerance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray

from meshes.tags import Boundary
from solver.algebra.acceleration import Anderson
from solver.algebra.assembly import assemble
from solver.equations.coordinates import contact_weight

if TYPE_CHECKING:
    from solver.equations.mechanics import MechanicsProblem

STALLED = 0.5
"""Share of a change that is left two passes later above which a staggered loop swings: then the contact is
made compliant, or no longer so where that has been tried."""


class RecoveredPressures:
    """Recovery and acceleration of the pressures of one mesh.

    Args:
        mechanics: the flow.
        contact_pressure, pressure: P1 functions that receive p_c and p (P0).
        on_potential: what a unit of p_c and one of p change the potential by (RT/F).
        tolerance: change of the potential that counts as none.
    """

    def __init__(
        self,
        mechanics: MechanicsProblem,
        contact_pressure: fem.Function,
        pressure: fem.Function,
        on_potential: tuple[float, float],
        tolerance: float,
    ) -> None:
        self._mechanics, self._on_potential, self.tolerance = mechanics, on_potential, tolerance
        self._contact_pressure, self._pressure = contact_pressure, pressure
        self._scalars = contact_pressure.function_space
        self._comm = mechanics.cell.domain.comm
        self._found = fem.Function(self._scalars)
        self._known = False
        q, cell = ufl.TestFunction(self._scalars), mechanics.cell
        self._area_form = fem.form(contact_weight(cell) * q("+") * cell.dS(Boundary.CONTACT))
        self._stress_form = mechanics.stress_form(self._scalars)
        self._accelerator, self._changes = Anderson(self._comm), [0.0]

    def begin(self) -> None:
        """Start a staggered loop."""
        self._accelerator, self._changes = Anderson(self._comm), [0.0]

    @property
    def stalled(self) -> bool:
        """Whether the last two passes have hardly brought the change down."""
        return self._changes[-1] > STALLED * self._changes[-3:][0] > 0.0

    def take_as_known(self) -> None:
        """Take the present values (of the last mesh, or a checkpoint) for those of a solution."""
        self._known = True

    def areas(self) -> NDArray[np.float64]:
        """Nodal areas of the contact. Collective."""
        return assemble(self._area_form, self._scalars)

    def update(self) -> float:
        """Recover p and p_c; returns the (root mean square) change of potential that they cause. Collective.

        A change within the tolerance is not put in: the current is a function of p_c, and charge is
        balanced for the p_c that it was solved with.
        """
        force, area = assemble(self._stress_form, self._scalars), self.areas()
        contact_pressure = np.where(area > 0.0, force / np.where(area > 0.0, area, 1.0), 0.0)
        self._found.interpolate(self._mechanics.part("pressure").function)
        pressure = self._found.x.array
        on_contact = self._mean_change(contact_pressure, self._contact_pressure, area)
        in_metal = self._mean_change(pressure, self._pressure, np.ones(len(pressure)))
        change = max(self._on_potential[0] * on_contact, self._on_potential[1] * in_metal)
        self._changes.append(change)
        if change > self.tolerance or not self._known:
            owned = self._scalars.dofmap.index_map.size_local
            array = self._contact_pressure.x.array
            array[:owned] = self._accelerator.next(array[:owned].copy(), contact_pressure[:owned])
            self._contact_pressure.x.scatter_forward()
            self._pressure.x.array[:] = pressure
        self._known = True
        return change

    def _mean_change(
        self, values: NDArray[np.float64], function: fem.Function, weights: NDArray[np.float64]
    ) -> float:
        """Weighted root mean square of ``values`` minus the nodal values of ``function``. Collective."""
        own = slice(0, self._scalars.dofmap.index_map.size_local)
        squares = float(np.sum(weights[own] * (values[own] - function.x.array[own]) ** 2))
        total = float(np.sum(weights[own]))
        return float(np.sqrt(self._comm.allreduce(squares) / max(self._comm.allreduce(total), 1e-300)))
