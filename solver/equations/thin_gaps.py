"""Thin gaps of one mesh: their thickness at the contact's dofs over a step, and what volume that is.

What a gap is and where its record is kept: :mod:`solver.interface.gaps`. A solve takes the thickness at the
start of a step from the record and leaves that at its end in the contact's state
(:func:`solver.equations.contact.solve_contact`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from dolfinx import fem
from mpi4py import MPI

from solver.algebra.assembly import assemble

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from solver.equations.contact import ContactState, ContactZone
    from solver.equations.kinetics import Record


class ThinGaps:
    """The gaps.

    Args:
        zone: contact.
        trace: scalar space of its dofs.
        area_form: integral of the test functions of ``trace`` over the contact.

    Attributes:
        before: thickness (um) at ``zone.dofs`` at the start of the step.
    """

    def __init__(self, zone: ContactZone, trace: fem.FunctionSpace, area_form: fem.Form) -> None:
        self._zone, self._area_form = zone, area_form
        self._function = fem.Function(trace, name="gap")
        self._comm = zone.problem.cell.domain.comm
        self.before: NDArray[np.float64] = np.zeros(len(zone.dofs))

    def begin(self, record: Record | None) -> None:
        """A step begins; a triple line touches the electrolyte."""
        self.before = np.zeros(len(self._zone.dofs))
        if record is not None and record.has_gaps:
            self.before = np.where(self._zone.triple, 0.0, record.gap_at(self._zone.coordinates()))

    def at_end(self, state: ContactState) -> fem.Function:
        """Thickness (um) at the end of the solved step, on the contact's trace space. Collective."""
        self._function.x.array[:] = 0.0
        self._function.x.array[self._zone.trace_dofs] = state.gap
        self._function.x.scatter_forward()
        return self._function

    def volume(self, state: ContactState) -> float:
        """Volume (um3; um2 in the plane) of the gaps at the end of the solved step. Collective."""
        if not self._comm.allreduce(bool(np.any(state.gap > 0.0)), op=MPI.LOR):
            return 0.0
        areas = assemble(self._area_form, self._function.function_space)[self._zone.trace_dofs]
        return float(self._comm.allreduce(float(np.sum(areas * state.gap))))

    def change(self, state: ContactState, record: Record | None) -> float:
        """Volume (um3; um2 in the plane) that the metal holds for gaps after the solved step and not before.

        Negative where gaps have closed, or voids have taken them over. Collective.
        """
        return self.volume(state) - (0.0 if record is None else record.held)
