"""Field splits: how a Krylov solver takes an equation set apart, and what stands for its Schur complement.

Fields of one equation set (velocity and pressure; potential, supersaturation and fraction) differ too much in
kind for one preconditioner. PETSc's PCFIELDSPLIT solves for one after the other. For an incompressible flow
the pressure's own block is zero; its Schur complement -B A^-1 B' is spectrally like the pressure's mass
matrix over the viscosity, which is assembled here in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from petsc4py import PETSc

from solver.algebra.assembly import assemble_into, block_matrix
from solver.algebra.multigrid import LinearLevel
from solver.core.parallel import counted_before

if TYPE_CHECKING:
    from solver.algebra.reduction import Reduction

Parts = tuple[tuple[str, NDArray[np.int32]], ...]


@dataclass(frozen=True)
class Schur:
    """What stands for the Schur complement of the last part.

    Attributes:
        form: bilinear form on the last part's own (collapsed) space.
        linearised: the same for steps with the other linearisation.
        dofs: local dofs of the split space, one for each of the own space.
    """

    form: ufl.Form
    linearised: ufl.Form
    dofs: NDArray[np.int32]


@dataclass(frozen=True)
class Split:
    """Parts of the unknown.

    Attributes:
        parts: name and local dofs of each part, in the order in which they are solved.
        schur: None where the parts are enough.
        quadratic: view of the first part's space if it gets a level of linear elements.
    """

    parts: Parts
    schur: Schur | None = None
    quadratic: fem.FunctionSpace | None = None


class SplitMatrix:
    """The parts in reduced unknowns and the matrix in place of the Schur complement.

    Args:
        split: parts and forms.
        reduction: constraints.
    """

    def __init__(self, split: Split, reduction: Reduction) -> None:
        self._comm = reduction.comm
        numbers = {name: _numbers(reduction, dofs) for name, dofs in split.parts}
        self._sets = [(name, self._index_set(rows)) for name, rows in numbers.items()]
        self._matrix: PETSc.Mat | None = None
        if split.schur is not None:
            self._forms = [fem.form(form) for form in (split.schur.form, split.schur.linearised)]
            own = numbers[split.parts[-1][0]]
            places = _places(reduction, own, split.schur.dofs)
            self._matrix = block_matrix(self._forms[0], places, len(own), reduction.comm)
        self._level: LinearLevel | None = None
        if split.quadratic is not None:
            self._level = LinearLevel(split.quadratic, reduction, numbers[split.parts[0][0]])
        self._preconditioner: PETSc.PC | None = None

    def install(self, preconditioner: PETSc.PC) -> None:
        """Tell a field split its parts; any other preconditioner needs none."""
        self._preconditioner = None
        if preconditioner.getType() == PETSc.PC.Type.FIELDSPLIT:
            self._preconditioner = preconditioner
            preconditioner.setFieldSplitIS(*self._sets)
            if self._matrix is not None:
                user = PETSc.PC.FieldSplitSchurPreType.USER
                preconditioner.setFieldSplitSchurPreType(user, self._matrix)
                preconditioner.setFromOptions()  # which may ask for another complement
        if self._level is not None:
            self._level.forget()

    def follow(self, jacobian: PETSc.Mat, *, linearised: bool, prescribed: NDArray[np.integer]) -> None:
        """Follow the Jacobian, just assembled. Collective.

        Args:
            jacobian: in reduced unknowns.
            linearised: whether it is that of the other linearisation
                (:class:`solver.algebra.newton.NewtonLinearisation`).
            prescribed: reduced numbers on this rank of unknowns whose rows are those of the identity.
        """
        if self._preconditioner is None:
            return
        if self._matrix is not None:
            assemble_into(self._matrix, self._forms[1 if linearised else 0])
        if self._level is not None:
            self._preconditioner.setOperators(jacobian)
            self._preconditioner.setUp()  # cuts the parts' blocks out
            self._level.follow(self._preconditioner.getFieldSplitSubKSP()[0], prescribed)

    def destroy(self) -> None:
        """Free the PETSc objects."""
        for _, rows in self._sets:
            rows.destroy()
        for item in (self._matrix, self._level):
            if item is not None:
                item.destroy()

    def _index_set(self, numbers: NDArray[np.integer]) -> PETSc.IS:
        return PETSc.IS().createGeneral(numbers.astype(PETSc.IntType), comm=self._comm)


def _numbers(reduction: Reduction, dofs: NDArray[np.int32]) -> NDArray[np.int32]:
    """Reduced numbers of local dofs, ascending, on the ranks that own them. Collective."""
    numbers = reduction.reduced_numbers(dofs)
    numbers = numbers[numbers >= 0]
    return reduction.on_owners(numbers, np.zeros(len(numbers)))[0].astype(PETSc.IntType)


def _places(reduction: Reduction, own: NDArray[np.int32], dofs: NDArray[np.int32]) -> NDArray[np.int32]:
    """Rows of local dofs, ghosts too, in the matrix of the part with the reduced numbers ``own``. Collective.

    Negative where a dof is fixed.
    """
    rows = np.full(reduction.n_owned, -1, dtype=np.int64)
    mine = np.isin(reduction.column, own)
    rows[mine] = _within(reduction, own, reduction.column[mine])
    return reduction.with_ghosts(rows)[dofs]


def _within(reduction: Reduction, whole: NDArray[np.int32], part: NDArray[np.integer]) -> NDArray[np.integer]:
    """``part`` of ``whole`` in the numbers of the matrix that holds ``whole`` alone. Collective."""
    return counted_before(reduction.comm, len(whole)) + np.searchsorted(whole, part)
