"""Reduced unknowns: dofs that are left out, given, or tied to one common value.

The full vector of a function space is ``u = T r + g``: ``r`` holds the reduced unknowns, ``T`` is a
0/1 matrix and ``g`` the given values. Tied dofs (a rigid platen, the potential of the metal) share
one column of ``T``. Residual and matrix are reduced by ``T' R`` and ``T' A T`` (PETSc PtAP), which keeps
symmetry, works on any number of ranks and needs no extra "real" function space.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from dolfinx import fem, la
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc

from solver.core.parallel import counted_before

_FREE, _LEFT_OUT = -1, -2


@dataclass
class ConstraintSpec:
    """What is to be constrained in a function space; dofs are local, unrolled, ghosts welcome.

    Attributes:
        fixed: dofs that are not unknowns (their values stay as found in the function).
        ties: groups of dofs with one common value each.
    """

    fixed: list[NDArray[np.int32]] = field(default_factory=list)
    ties: list[NDArray[np.int32]] = field(default_factory=list)


class Reduction:
    """The map between a function space's dofs and the reduced unknowns.

    Args:
        space: function space with block size 1 (mixed spaces).
        spec: constraints; a dof both fixed and tied is fixed.

    Attributes:
        column: reduced number of each owned dof, -2 where it is fixed.
        n_reduced, start: number of unknowns on this rank and the first of them.
        n_global: number of unknowns on all ranks.
        tie_start: first number of a tie; ties are the last ones.
    """

    def __init__(self, space: fem.FunctionSpace, spec: ConstraintSpec) -> None:
        index_map = space.dofmap.index_map
        self.comm = space.mesh.comm
        self.n_owned = index_map.size_local * space.dofmap.index_map_bs
        state = np.full(self.n_owned, _FREE, dtype=np.int64)
        for k, dofs in enumerate(spec.ties):
            state[dofs[dofs < self.n_owned]] = k
        for dofs in spec.fixed:
            state[dofs[dofs < self.n_owned]] = _LEFT_OUT
        self._number(state, len(spec.ties))
        self._index_map, self._block_size = index_map, space.dofmap.index_map_bs
        self.matrix = self._build_matrix(index_map.size_global * space.dofmap.index_map_bs)

    def _number(self, state: NDArray[np.int64], n_ties: int) -> None:
        """Give reduced numbers: own free dofs first, on the last rank one per tie behind them."""
        free = np.flatnonzero(state == _FREE)
        last = self.comm.rank == self.comm.size - 1
        self.n_reduced = len(free) + (n_ties if last else 0)
        self.start = counted_before(self.comm, self.n_reduced)
        total = self.comm.allreduce(self.n_reduced)
        self.tie_start = total - n_ties
        self.column = np.full(self.n_owned, _LEFT_OUT, dtype=np.int64)
        self.column[free] = self.start + np.arange(len(free))
        tied = state >= 0
        self.column[tied] = self.tie_start + state[tied]
        self.n_global = total

    def _build_matrix(self, n_full: int) -> PETSc.Mat:
        kept = self.column >= 0
        indptr = np.concatenate([[0], np.cumsum(kept)]).astype(PETSc.IntType)
        matrix = PETSc.Mat().createAIJ(
            ((self.n_owned, n_full), (self.n_reduced, self.n_global)),
            csr=(indptr, self.column[kept].astype(PETSc.IntType), np.ones(int(kept.sum()))),
            comm=self.comm,
        )
        matrix.assemble()
        return matrix

    def reduced_numbers(self, dofs: NDArray[np.int32]) -> NDArray[np.int64]:
        """Global reduced numbers of the owned ones among ``dofs``; -2 where a dof is fixed."""
        return self.column[dofs[dofs < self.n_owned]]

    def on_owners(
        self, numbers: NDArray[np.int64], values: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Reduced numbers, each once, and their values on the ranks that own them. Collective.

        A tied dof's unknown lives on the last rank, wherever the dof is.
        """
        start, end = self.start, self.start + self.n_reduced
        own = (numbers >= start) & (numbers < end)
        away = ~own & (numbers >= 0)
        if self.comm.allreduce(bool(away.any()), op=MPI.LOR):
            arrived = np.vstack(self.comm.allgather(np.column_stack([numbers[away], values[away]])))
            arrived = arrived[(arrived[:, 0] >= start) & (arrived[:, 0] < end)]
            numbers = np.concatenate([numbers[own], arrived[:, 0].astype(PETSc.IntType)])
            values = np.concatenate([values[own], arrived[:, 1]])
        else:
            numbers, values = numbers[own], values[own]
        numbers, first = np.unique(numbers, return_index=True)
        return numbers, values[first]

    def given(self) -> NDArray[np.int64]:
        """Owned dofs that are fixed."""
        return np.flatnonzero(self.column == _LEFT_OUT)

    def with_ghosts(self, numbers: NDArray[np.int64]) -> NDArray[np.int32]:
        """One number per owned dof (:attr:`column`, say), and the owners' for ghosts behind. Collective."""
        local = la.vector(self._index_map, self._block_size, dtype=np.int64)
        local.array[: self.n_owned] = numbers
        local.scatter_forward()
        return local.array.astype(PETSc.IntType)

    def expand(self, reduced: PETSc.Vec, target: fem.Function) -> None:
        """Write the full vector of ``reduced`` into ``target``; fixed dofs keep their values."""
        with self._as_vec(target) as full:
            values = full.array
            values[self.column >= 0] = 0.0
            full.array = values
            self.matrix.multAdd(reduced, full, full)
        target.x.scatter_forward()

    def restrict(self, source: fem.Function, reduced: PETSc.Vec) -> None:
        """Read the reduced unknowns off ``source``; a tie takes the mean over its dofs."""
        counts = reduced.duplicate()
        ones = self.matrix.createVecLeft()
        ones.set(1.0)
        self.matrix.multTranspose(ones, counts)
        with self._as_vec(source) as full:
            self.matrix.multTranspose(full, reduced)
        counts.array = np.maximum(counts.array_r, 1.0)
        reduced.pointwiseDivide(reduced, counts)
        ones.destroy()
        counts.destroy()

    def create_vector(self) -> PETSc.Vec:
        """New reduced vector."""
        return self.matrix.createVecRight()

    def destroy(self) -> None:
        """Free the PETSc matrix (petsc4py does not collect it in parallel)."""
        self.matrix.destroy()

    def _as_vec(self, function: fem.Function) -> _OwnedVec:
        return _OwnedVec(function, self.n_owned, self.comm)


class _OwnedVec:
    """A PETSc view, without ghosts, of a function's owned dofs, destroyed on leaving."""

    def __init__(self, function: fem.Function, n_owned: int, comm: object) -> None:
        self._array = function.x.array[:n_owned]
        self._comm = comm

    def __enter__(self) -> PETSc.Vec:
        self._vec = PETSc.Vec().createWithArray(self._array, comm=self._comm)
        return self._vec

    def __exit__(self, *_: object) -> None:
        self._vec.destroy()
