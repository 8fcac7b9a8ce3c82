"""Field splits: how a Krylov solver takes an equation set apart, and what stands for its Schur complement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from petsc4py import PETSc

from solver.assembly import assemble_into, block_matrix
from solver.constraints import Reduction

Parts = tuple[tuple[str, NDArray[np.int32]], ...]


@dataclass(frozen=True)
class Schur:
    """What stands for the Schur complement of the last part.

    Attributes:
        form: bilinear form on the last part's own (collapsed) space.
        guiding: the same for steps along a guide.
        dofs: local dofs of the split space, one for each of the own space.
    """

    form: ufl.Form
    guiding: ufl.Form
    dofs: NDArray[np.int32]


@dataclass(frozen=True)
class Split:
    """Parts of the unknown.

    Attributes:
        parts: name and local dofs of each part, in the order in which they are solved.
        nested: parts of a part, by its name.
        schur: None where the parts are enough.
    """

    parts: Parts
    nested: Mapping[str, Parts] = field(default_factory=dict)
    schur: Schur | None = None


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
        self._nested = {
            whole: [
                (name, self._index_set(_within(reduction, numbers[whole], _numbers(reduction, dofs))))
                for name, dofs in parts
            ]
            for whole, parts in split.nested.items()
        }
        self._matrix: PETSc.Mat | None = None
        if split.schur is not None:
            self._forms = [fem.form(form) for form in (split.schur.form, split.schur.guiding)]
            own = numbers[split.parts[-1][0]]
            places = _places(reduction, own, split.schur.dofs)
            self._matrix = block_matrix(self._forms[0], places, len(own), reduction.comm)
        self._preconditioner: PETSc.PC | None = None
        self._whole = False

    def install(self, preconditioner: PETSc.PC) -> None:
        """Tell a field split its parts; any other preconditioner needs none."""
        self._preconditioner, self._whole = None, False
        if preconditioner.getType() == PETSc.PC.Type.FIELDSPLIT:
            self._preconditioner = preconditioner
            preconditioner.setFieldSplitIS(*self._sets)
            if self._matrix is not None:
                user = PETSc.PC.FieldSplitSchurPreType.USER
                preconditioner.setFieldSplitSchurPreType(user, self._matrix)
                preconditioner.setFromOptions()  # which may ask for another complement

    def follow(self, jacobian: PETSc.Mat, *, guided: bool) -> None:
        """Follow the Jacobian, just assembled. Collective."""
        if self._preconditioner is None:
            return
        if self._matrix is not None:
            assemble_into(self._matrix, self._forms[1 if guided else 0])
        if not self._whole:
            self._install_nested(self._preconditioner, jacobian)

    def _install_nested(self, preconditioner: PETSc.PC, jacobian: PETSc.Mat) -> None:
        """Parts of parts: their solvers exist once the field split is set up."""
        self._whole = True
        if not self._nested:
            return
        preconditioner.setOperators(jacobian)
        preconditioner.setUp()
        for (name, _), solver in zip(self._sets, preconditioner.getFieldSplitSubKSP(), strict=True):
            inner = solver.getPC()
            if name in self._nested and inner.getType() == PETSc.PC.Type.FIELDSPLIT:
                inner.setFieldSplitIS(*self._nested[name])

    def destroy(self) -> None:
        """Free the PETSc objects."""
        for parts in (self._sets, *self._nested.values()):
            for _, rows in parts:
                rows.destroy()
        if self._matrix is not None:
            self._matrix.destroy()

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
    start = int(reduction.comm.exscan(len(whole)) or 0)
    return start + np.searchsorted(whole, part)
