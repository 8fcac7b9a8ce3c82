"""Assembly of forms into the reduced unknowns."""

from __future__ import annotations

from dolfinx import fem
from dolfinx.fem import petsc as fem_petsc
from petsc4py import PETSc

from solver import compat, costs
from solver.constraints import Reduction


class ReducedMatrix:
    """T' A T of bilinear forms A on one space.

    Entries go straight to their reduced place, found by the numbering of local dofs; where dofs come in
    blocks (vector spaces), dolfinx assembles by block and the product is formed.

    Args:
        form: gives the nonzero pattern; others to be assembled must not need more.
        reduction: constraints.
        sparse: leave zeros out of the pattern, for forms that couple components less than their space does.
    """

    def __init__(self, form: fem.Form, reduction: Reduction, *, sparse: bool = False) -> None:
        self._reduction = reduction
        self._full: PETSc.Mat | None = None
        if form.function_spaces[0].dofmap.index_map_bs > 1:
            self._full = fem_petsc.create_matrix(form)
            _add(self._full, form)
            self.matrix = self._full.ptap(reduction.matrix)
        else:
            sizes = (reduction.n_reduced, reduction.n_global)
            self.matrix = PETSc.Mat().createAIJ((sizes, sizes), comm=reduction.comm)
            numbers = reduction.local_map()
            self.matrix.setLGMap(numbers, numbers)
            numbers.destroy()
            self.matrix.setUp()  # the first assembly finds the pattern
            self.matrix.setOption(PETSc.Mat.Option.IGNORE_ZERO_ENTRIES, sparse)
            _add(self.matrix, form)
        self.matrix.setOption(PETSc.Mat.Option.KEEP_NONZERO_PATTERN, True)
        if sparse:  # what was zero on one geometry need not be on the next
            self.matrix.setOption(PETSc.Mat.Option.NEW_NONZERO_ALLOCATION_ERR, False)

    def assemble(self, form: fem.Form) -> None:
        """Assemble ``form`` into :attr:`matrix`. Collective."""
        with costs.part("assembly"):
            if self._full is None:
                _add(self.matrix, form)
            else:
                _add(self._full, form)
                self._full.ptap(self._reduction.matrix, result=self.matrix)

    def destroy(self) -> None:
        """Free the PETSc objects (not the reduction)."""
        self.matrix.destroy()
        if self._full is not None:
            self._full.destroy()


class ReducedVector:
    """T' R of linear forms R on one space.

    Args:
        form: any of the forms.
        reduction: constraints.
    """

    def __init__(self, form: fem.Form, reduction: Reduction) -> None:
        self._reduction = reduction
        self._full = compat.create_vector(form, form.function_spaces[0])

    def assemble(self, form: fem.Form, out: PETSc.Vec) -> None:
        """Assemble ``form`` into the reduced vector ``out``. Collective."""
        with costs.part("assembly"):
            with self._full.localForm() as local:
                local.set(0.0)
            fem_petsc.assemble_vector(self._full, form)
            self._full.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
            self._reduction.matrix.multTranspose(self._full, out)

    def destroy(self) -> None:
        """Free the PETSc vector."""
        self._full.destroy()


def _add(matrix: PETSc.Mat, form: fem.Form) -> None:
    matrix.zeroEntries()
    fem_petsc.assemble_matrix(matrix, form)
    matrix.assemble()
