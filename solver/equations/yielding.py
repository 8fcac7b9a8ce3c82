"""A contact that yields to forces: the springs in the creep equations by which it does.

With D from :mod:`solver.equations.contact_compliance` the contact recedes by a + D (p - p_ref), p_ref being
the pressure of the last pass. What the current knows of the pressure are its values at the corners of facets,
recovered from the forces f: p = E' f/A, with the hats' area A and E from corners to all dofs of quadratic
elements. So only this part of the motion may yield. It has a spring A/D at each corner; what is left, by how
much the middle of an edge moves more than the mean of its ends, is as good as rigid (:data:`RIGID`): were it
as soft, forces that the current never sees would hold the contact at a recession that is not a, where D is
large at one of another order. The reference are the forces of the last pass themselves, not p: where they are
the same again, v_y = -a holds at each dof.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from petsc4py import PETSc

from solver.algebra.springs import Springs

if TYPE_CHECKING:
    from solver.equations.contact import ContactZone

SMALLEST_SLOPE = 1e-6
"""D (v0/P0) below which the recession counts as given."""
RIGID = 1e-6
"""How much softer than the ends of an edge what is left of its middle is."""
STIFFEST = 1e-5
"""Slope (v0/P0) of the stiffest spring: of a much stiffer one nothing but rounding would be left."""
BEYOND_ENDS = np.array([1.0, -0.5, -0.5])
"""By how much the middle of an edge moves more than the mean of its ends."""
MOST_NEIGHBOURS = 64
"""Springs that may meet at a dof: room in the rows of their matrix."""


@dataclass(frozen=True)
class Compliance:
    """How the contact yields, at ``ContactZone.dofs``.

    Attributes:
        zone: contact.
        slope: D, 0 where the recession is given.
        area: of the hats, at the middle of an edge the mean of its ends.
        force: of the last pass (upwards on the metal).
        edges: dofs of the trace space, shape (edges, 3): an own one in the middle of an edge, and its ends.
    """

    zone: ContactZone
    slope: NDArray[np.float64]
    area: NDArray[np.float64]
    force: NDArray[np.float64]
    edges: NDArray[np.int32]

    @property
    def yields(self) -> NDArray[np.bool_]:
        """Which dofs do so enough for a spring."""
        return np.asarray((self.slope > SMALLEST_SLOPE) & (self.area > 0.0))

    def springs(self, soft: NDArray[np.bool_], rest: NDArray[np.float64]) -> Springs:
        """Springs of ``soft`` dofs, whose velocity is ``rest`` at the forces of the last pass. Collective."""
        zone, reduction = self.zone, self.zone.problem.reduction
        numbers, flags = zone.reduced_numbers(), zone.spread(soft) > 0.0
        stiff = np.zeros(len(numbers))
        stiff[zone.trace_dofs[soft]] = self.area[soft] / self.slope[soft]
        rigid = np.minimum(self.slope, np.maximum(RIGID * self.slope, STIFFEST))
        beyond = np.zeros(len(numbers))
        beyond[zone.trace_dofs[soft]] = self.area[soft] / rigid[soft]
        middles = self.edges[:, 0]
        stiffness, alone = self._empty(), stiff
        alone[middles] = beyond[middles]
        for edge in self.edges[flags[self.edges].all(axis=1)]:
            rows, alone[edge[0]] = numbers[edge], 0.0
            values = beyond[edge[0]] * np.outer(BEYOND_ENDS, BEYOND_ENDS)
            stiffness.setValues(rows, rows, values, PETSc.InsertMode.ADD)
        for dof in zone.trace_dofs[soft]:
            stiffness.setValue(numbers[dof], numbers[dof], alone[dof], PETSc.InsertMode.ADD)
        stiffness.assemble()
        own, load = reduction.reduced_numbers(zone.dofs[soft]), reduction.create_vector()
        at_rest = load.duplicate()
        at_rest.array[own - reduction.start] = rest[soft]
        stiffness.mult(at_rest, load)
        load.array[own - reduction.start] += self.force[soft]
        at_rest.destroy()
        return Springs(own, stiffness, load)

    def _empty(self) -> PETSc.Mat:
        """Matrix in reduced unknowns with room in the contact's rows."""
        reduction = self.zone.problem.reduction
        room = np.zeros(reduction.n_reduced, dtype=PETSc.IntType)
        numbers = reduction.reduced_numbers(self.zone.dofs)
        room[numbers[numbers >= 0] - reduction.start] = MOST_NEIGHBOURS
        sizes = (reduction.n_reduced, reduction.n_global)
        matrix = PETSc.Mat().createAIJ((sizes, sizes), nnz=(room, room), comm=reduction.comm)
        matrix.setOption(PETSc.Mat.Option.NEW_NONZERO_ALLOCATION_ERR, False)
        return matrix


@contextmanager
def springs_of(
    compliance: Compliance | None, soft: NDArray[np.bool_], rest: NDArray[np.float64]
) -> Iterator[Springs | None]:
    """The springs of a solve, freed after it; None where the contact does not yield. Collective."""
    if compliance is None:
        yield None
        return
    springs = compliance.springs(soft, rest)
    try:
        yield springs
    finally:
        springs.destroy()


def edges_of(zone: ContactZone) -> NDArray[np.int32]:
    """:attr:`Compliance.edges` of a contact, each once."""
    corners = zone.problem.cell.vertical + 1
    facets, found = zone.facet_dofs, []
    for k in range(facets.shape[1] - corners):
        # the middle of an edge of a triangle is numbered as the corner opposite it
        ends = [j for j in range(corners) if corners == 2 or j != k]
        found.append(np.asarray(facets[:, [corners + k, *ends]], dtype=np.int32))
    edges: NDArray[np.int32] = np.concatenate(found)
    edges = edges[np.isin(edges[:, 0], zone.trace_dofs)]
    return np.asarray(edges[np.unique(edges[:, 0], return_index=True)[1]])
