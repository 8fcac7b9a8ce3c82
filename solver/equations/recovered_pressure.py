"""The pressures that the current sees, recovered from the flow: p_c on the contact and p in the metal.

The flow's own pressures are no smooth fields: the contact's is a nodal force. Both are recovered at P1 nodes
after each pass of the staggered loop contact pressure -> current -> recession -> contact pressure, which ends
when their change moves the potential by no more than a tolerance.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.tags import Boundary
from solver.algebra.acceleration import Anderson
from solver.algebra.assembly import assemble
from solver.equations.coordinates import contact_weight

if TYPE_CHECKING:
    from solver.equations.mechanics import MechanicsProblem


TINY = 1e-300
"""Against a division by an area that is 0."""


class RecoveredPressures:
    """Recovery and acceleration of the pressures of one mesh.

    Args:
        mechanics: the flow.
        contact_pressure, pressure: P1 functions that receive p_c and p (P0).
        on_potential: what a unit of p_c and one of p change the potential by (RT/F).
        tolerance: change of the potential that counts as none.

    Attributes:
        scalars: P1 functions.
        force: of the contact at its dofs, which p_c is from; None where only p_c is known.
        change: of the potential by the last pass (RT/F).
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
        self.contact_pressure, self.pressure = contact_pressure, pressure
        self.scalars = contact_pressure.function_space
        self._comm = mechanics.cell.domain.comm
        self._found = fem.Function(self.scalars)
        self._known = False
        q, cell = ufl.TestFunction(self.scalars), mechanics.cell
        self._area_form = fem.form(contact_weight(cell) * q("+") * cell.dS(Boundary.CONTACT))
        self._stress_form = mechanics.stress_form(self.scalars)
        self._accelerator = Anderson(self._comm)
        self.force: NDArray[np.float64] | None = None
        self.change = math.inf
        self._control: tuple[float | None, ...] = ()

    def begin(self, force: NDArray[np.float64], control: tuple[float | None, ...]) -> None:
        """Start a staggered loop. Collective.

        Args:
            force: of the contact in the last one, 0 if there was none.
            control: what the current is set by; once that has changed, what was learnt before is of no use.
        """
        self._accelerator.begin()
        if control != self._control:
            self._accelerator.forget()
        self._control = control
        known = self._comm.allreduce(bool(np.any(force)), op=MPI.LOR)
        self.force = force.copy() if known else None

    def forget(self, *, earlier: bool = False) -> None:
        """What was learnt from all loops, or those before the present one (``earlier``), is of no use."""
        self._accelerator.forget(earlier=earlier)

    def take_as_known(self) -> None:
        """Take the present values (of the last mesh, or a checkpoint) for those of a solution."""
        self._known = True

    def areas(self) -> NDArray[np.float64]:
        """Nodal areas of the contact. Collective."""
        return assemble(self._area_form, self.scalars)

    def update(self, force: NDArray[np.float64]) -> bool:
        """Recover p and p_c; whether they move the potential by no more than the tolerance. Collective.

        The measure is the root mean square over the nodes. A change within the tolerance is not put in: the
        current is a function of p_c, and charge is balanced for the p_c that it was solved with.

        Args:
            force: of the contact, at its dofs on this rank; goes along with the pressures.
        """
        known, start = self._known and self.force is not None, self.force
        found = (
            (self._recovered(), self.contact_pressure, self.areas()),
            (self._interpolated(), self.pressure, np.ones(len(self.pressure.x.array))),
        )
        owned = slice(0, self.scalars.dofmap.index_map.size_local)
        change, weights = 0.0, [np.zeros(len(force))]
        for share, (values, function, weight) in zip(self._on_potential, found, strict=True):
            scales = share * np.sqrt(weight[owned] / self._total(weight[owned]))
            change = max(change, math.sqrt(self._total((scales * (values - function.x.array)[owned]) ** 2)))
            weights.append(scales)
        self._known = True
        # the same number on all ranks, to the last bit: they decide alike
        self.change = float(self._comm.allreduce(change, op=MPI.MAX))
        if known and self.change <= self.tolerance:
            return True
        image = np.concatenate([force, *(values[owned] for values, _, _ in found)])
        if known and start is not None:
            before = np.concatenate([start, *(function.x.array[owned] for _, function, _ in found)])
            image = self._accelerator.next(before, image, np.concatenate(weights))
        self.force, rest = image[: len(force)], image[len(force) :]
        for (_, function, _), values in zip(found, np.split(rest, 2), strict=True):
            function.x.array[owned] = values
            function.x.scatter_forward()
        return False

    def _recovered(self) -> NDArray[np.float64]:
        """p_c of the present flow: force over area."""
        force, area = assemble(self._stress_form, self.scalars), self.areas()
        return np.where(area > 0.0, force / np.where(area > 0.0, area, 1.0), 0.0)

    def _interpolated(self) -> NDArray[np.float64]:
        """p of the present flow."""
        self._found.interpolate(self._mechanics.part("pressure").function)
        return np.asarray(self._found.x.array)

    def _total(self, weights: NDArray[np.float64]) -> float:
        return max(float(self._comm.allreduce(float(weights.sum()))), TINY)
