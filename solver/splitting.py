"""Field splits: how a Krylov solver takes an equation set apart, and what its preconditioner is made from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from petsc4py import PETSc
from ufl.core.expr import Expr

from solver.assembly import ReducedMatrix
from solver.constraints import Reduction


@dataclass(frozen=True)
class Split:
    """Parts of the unknown.

    Attributes:
        parts: name and local dofs of each part, in the order in which they are solved.
        form: bilinear form that the preconditioner is made from, None for the Jacobian itself.
        guiding: the same for steps along a guide; ``form`` where None.
        lone: local dofs of which the preconditioner has the diagonal only: the row of a tied dof couples
            everything it is tied to, which multigrid would have to carry to all its levels.
    """

    parts: tuple[tuple[str, NDArray[np.int32]], ...]
    form: ufl.Form | None = None
    guiding: ufl.Form | None = None
    lone: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))


class SplitMatrix:
    """The preconditioner's matrix and its parts in reduced unknowns.

    Args:
        split: parts and forms.
        reduction: constraints.

    Attributes:
        matrix: None where it is the Jacobian itself.
    """

    def __init__(self, split: Split, reduction: Reduction) -> None:
        self._reduction = reduction
        self._sets = [
            (name, PETSc.IS().createGeneral(_numbers(reduction, dofs), comm=reduction.comm))
            for name, dofs in split.parts
        ]
        self._lone = _numbers(reduction, split.lone)
        forms = [f for f in (split.form, split.guiding) if f is not None]
        self._forms = [fem.form(form) for form in forms]
        self._assembled = ReducedMatrix(self._forms[0], reduction, sparse=True) if forms else None
        self.matrix = self._assembled.matrix if self._assembled is not None else None

    def install(self, preconditioner: PETSc.PC) -> None:
        """Tell a field split its parts; any other preconditioner needs none."""
        if preconditioner.getType() == PETSc.PC.Type.FIELDSPLIT:
            preconditioner.setFieldSplitIS(*self._sets)

    def assemble(self, jacobian: PETSc.Mat, held: NDArray[np.int64], *, guided: bool) -> None:
        """Follow the Jacobian, with the diagonal alone at ``held`` and lone dofs. Collective."""
        if self._assembled is None or self.matrix is None:
            return
        self._assembled.assemble(self._forms[-1 if guided else 0])
        diagonal = jacobian.getDiagonal()
        single = np.concatenate([np.asarray(held, dtype=PETSc.IntType), self._lone])
        self.matrix.zeroRowsColumns(single, diag=1.0)
        own = self.matrix.getDiagonal()
        rows = single - self._reduction.start
        own.array[rows] = diagonal.array_r[rows]
        self.matrix.setDiagonal(own)
        own.destroy()
        diagonal.destroy()

    def destroy(self) -> None:
        """Free the PETSc objects."""
        for _, rows in self._sets:
            rows.destroy()
        if self._assembled is not None:
            self._assembled.destroy()


def component(vector: Expr, k: int) -> Expr:
    """``vector`` with component ``k`` alone."""
    size = vector.ufl_shape[0]
    return ufl.as_vector([vector[j] if j == k else 0.0 * vector[j] for j in range(size)])


def _numbers(reduction: Reduction, dofs: NDArray[np.int32]) -> NDArray[np.int32]:
    """Reduced numbers of local dofs, on the ranks that own them. Collective."""
    numbers = reduction.reduced_numbers(dofs)
    numbers = numbers[numbers >= 0]
    return reduction.on_owners(numbers, np.zeros(len(numbers)))[0].astype(PETSc.IntType)
