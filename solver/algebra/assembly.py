"""Assembly of forms: into plain arrays, and into the reduced unknowns of a constrained problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from dolfinx import fem
from dolfinx.fem import petsc as fem_petsc
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc

from meshes import compat
from solver.core import timing

if TYPE_CHECKING:
    from solver.algebra.reduction import Reduction


class ReducedMatrix:
    """T' A T of bilinear forms A on one space.

    Entries go straight to their reduced place, found by the numbering of local dofs; where dofs come in
    blocks (vector spaces), dolfinx assembles by block and the product is formed.

    Args:
        form: gives the nonzero pattern; others to be assembled must not need more.
        reduction: constraints.
    """

    def __init__(self, form: fem.Form, reduction: Reduction) -> None:
        self._reduction = reduction
        self._full: PETSc.Mat | None = None
        if form.function_spaces[0].dofmap.index_map_bs > 1:
            self._full = fem_petsc.create_matrix(form)
            _add(self._full, form)
            self.matrix = self._full.ptap(reduction.matrix)
            self.matrix.setOption(PETSc.Mat.Option.KEEP_NONZERO_PATTERN, True)
        else:
            numbers = reduction.with_ghosts(reduction.column)
            self.matrix = block_matrix(form, numbers, reduction.n_reduced, reduction.comm)

    def assemble(self, form: fem.Form) -> None:
        """Assemble ``form`` into :attr:`matrix`. Collective."""
        with timing.part("assembly"):
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
        with timing.part("assembly"):
            with self._full.localForm() as local:
                local.set(0.0)
            fem_petsc.assemble_vector(self._full, form)
            self._full.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
            self._reduction.matrix.multTranspose(self._full, out)

    def destroy(self) -> None:
        """Free the PETSc vector."""
        self._full.destroy()


@timing.counted("assembly")
def assemble(form: fem.Form, space: fem.FunctionSpace) -> NDArray[np.float64]:
    """Assemble a linear form into a local array with ghosts. Collective."""
    vector = fem_petsc.assemble_vector(form)
    vector.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
    vector.ghostUpdate(addv=PETSc.InsertMode.INSERT, mode=PETSc.ScatterMode.FORWARD)
    with vector.localForm() as local:
        values = np.asarray(local.array_r).copy()
    vector.destroy()
    return values


def block_matrix(form: fem.Form, numbers: NDArray[np.int32], n_owned: int, comm: MPI.Comm) -> PETSc.Mat:
    """Matrix of ``form`` in other numbers than the dofs', assembled once to find its pattern. Collective.

    Args:
        form: bilinear form on one space of block size 1.
        numbers: row and column of each local dof, ghosts included; negative where it has none.
        n_owned: rows on this rank.
        comm: of the form.
    """
    sizes = (n_owned, PETSc.DETERMINE)
    matrix = PETSc.Mat().createAIJ((sizes, sizes), comm=comm)
    places = PETSc.LGMap().create(numbers, comm=comm)
    matrix.setLGMap(places, places)
    places.destroy()
    matrix.setUp()
    _add(matrix, form)
    matrix.setOption(PETSc.Mat.Option.KEEP_NONZERO_PATTERN, True)
    return matrix


def assemble_into(matrix: PETSc.Mat, form: fem.Form) -> None:
    """Assemble ``form`` into a matrix of its pattern. Collective."""
    with timing.part("assembly"):
        _add(matrix, form)


def _add(matrix: PETSc.Mat, form: fem.Form) -> None:
    matrix.zeroEntries()
    fem_petsc.assemble_matrix(matrix, form)
    matrix.assemble()
