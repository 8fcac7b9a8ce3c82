"""A level of linear elements below quadratic ones: two-level multigrid on the velocity.

Errors that vary from node to node are smoothed on the quadratic velocities. Smooth errors are well described
by the linear velocities of the same vertices, an eighth as many unknowns in 3-D, and solved there by smoothed
aggregation (PETSc's GAMG). Aggregation needs the motions that cost no energy, the rigid ones, to build its
own coarser levels from (near-nullspace). Multigrid on one component after the other would be simpler, but
misses how the tangent of a power law couples the components.

What makes this more than a call of PETSc's multigrid is that the unknowns are reduced ones: some dofs are
fixed, some tied (a rigid platen is one unknown for a whole face), and others prescribed from solve to solve
(the contact). GAMG wants the same number of components at each vertex. So the level has a full block of
components ("slots") at each vertex, and a slot without an unknown is idle: nothing is interpolated from it,
and its diagonal is set so that it neither is singular nor disturbs its neighbours.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import basix
import numpy as np
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc

from meshes import compat
from solver.core.parallel import counted_before

if TYPE_CHECKING:
    from solver.algebra.reduction import Reduction

SAME_MOTION = 1e-10
"""Share of the largest below which a rigid motion adds nothing to the others."""


class LinearLevel:
    """Linear velocities: a block of components ("slots") for each vertex, idle where there is no unknown.

    A tie (a rigid platen) is a component of one of its vertices.

    Args:
        space: view of the velocity (vector Lagrange elements of degree 2) in the space of the problem.
        reduction: constraints of that space.
        numbers: reduced numbers of the velocity on this rank, ascending.
    """

    def __init__(self, space: fem.FunctionSpace, reduction: Reduction, numbers: NDArray[np.int32]) -> None:
        self._reduction, self._numbers = reduction, numbers
        components = [space.sub(k).dofmap.list for k in range(space.num_sub_spaces)]
        vertices, self._positions = _vertices(space, components, reduction)
        self._edges = basix.topology(space.mesh.basix_cell())[1]
        self._size = vertices.shape[1]
        self._start = counted_before(reduction.comm, vertices.size)
        own = self._start + np.arange(vertices.size)
        slots, ties = self._slots(vertices)
        columns = reduction.column[vertices.ravel()]
        free = _free(reduction, columns)
        self._moves = free | np.isin(own, ties)
        self._unknowns = np.where(free, columns, -1)
        entries = [
            np.column_stack([self._unknowns[free], own[free], np.ones(free.sum())]),
            self._of_ties(ties),
            # zeros, stored all the same: the product P' A P then has a place for the diagonal of idle slots
            self._of_idle(own),
            self._of_edges(components, slots),
        ]
        self._whole = self._assemble(np.concatenate(entries))
        self.interpolation = self._whole.duplicate(copy=True)
        self._matrix: PETSc.Mat | None = None
        self._installed = False

    def forget(self) -> None:
        """The solver that the level was installed in is gone."""
        self._installed = False

    def follow(self, solver: PETSc.KSP, prescribed: NDArray[np.integer]) -> None:
        """Follow the matrix of the velocity's solver, if that is a multigrid. Collective.

        Args:
            solver: of the velocity, with its matrix set.
            prescribed: reduced numbers on this rank of unknowns whose rows are those of the identity.
        """
        preconditioner = solver.getPC()
        if preconditioner.getType() != PETSc.PC.Type.MG:
            return
        moves = self._moves & ~np.isin(self._unknowns, prescribed)
        self._leave_out(prescribed, moves)
        # P' A P by hand and not by PETSc: the diagonal of idle slots has to be filled in before it is used
        fine = solver.getOperators()[0]
        if self._matrix is None:
            self._matrix = fine.ptap(self.interpolation)
            self._matrix.setBlockSize(self._size)
            self._matrix.setNearNullSpace(self._rigid_motions(self._matrix))
        else:
            fine.ptap(self.interpolation, result=self._matrix)
        self._fill_idle(self._matrix, moves)
        if not self._installed:
            # only now: the preconditioner has no levels to be configured before it knows how many
            self._installed = True
            preconditioner.setMGLevels(2)
            preconditioner.setMGInterpolation(1, self.interpolation)
            preconditioner.setFromOptions()
        preconditioner.getMGCoarseSolve().setOperators(self._matrix)

    def destroy(self) -> None:
        """Free the PETSc objects."""
        for matrix in (self._whole, self.interpolation, self._matrix):
            if matrix is not None:
                matrix.destroy()

    def _slots(self, vertices: NDArray[np.int32]) -> tuple[NDArray[np.int64], list[int]]:
        """Number here of each owned dof (negative where it has none), and of each tie. Collective."""
        reduction = self._reduction
        slots = np.full(reduction.n_owned, -1, dtype=np.int64)
        slots[vertices.ravel()] = self._start + np.arange(vertices.size)
        slots[reduction.column < 0] = -1
        ties = []
        for tie in range(reduction.tie_start, reduction.n_global):
            tied = reduction.column == tie
            mine = slots[tied & (slots >= 0)]
            first = int(mine.min()) if len(mine) else np.iinfo(np.int64).max
            ties.append(int(reduction.comm.allreduce(first, op=MPI.MIN)))
            slots[tied] = ties[-1]
        return slots, ties

    def _of_ties(self, ties: list[int]) -> NDArray[np.float64]:
        """Entries (row in reduced numbers, column, value) of ties, where they are owned."""
        numbers = self._reduction.tie_start + np.arange(len(ties))
        entries = np.column_stack([numbers, np.asarray(ties), np.ones(len(ties))])
        return entries[np.isin(numbers, self._numbers)]

    def _of_idle(self, own: NDArray[np.int64]) -> NDArray[np.float64]:
        """Entries of nothing that give idle slots their place on the diagonal."""
        rows = self._unknowns.reshape(-1, self._size).max(axis=1, initial=-1)
        rows = np.where(rows < 0, self._numbers[:1].max(initial=-1), rows).repeat(self._size)
        idle = ~self._moves
        return np.column_stack([rows[idle], own[idle], np.zeros(idle.sum())])

    def _of_edges(self, components: list[NDArray[np.int32]], slots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Half of the value at either end for dofs in the middle of an edge. Collective."""
        reduction, column = self._reduction, self._reduction.column
        corners = components[0].shape[1] - len(self._edges)
        everywhere = reduction.with_ghosts(slots)
        pairs = []
        for dofs in components:
            for edge, ends in enumerate(self._edges):
                here = dofs[dofs[:, corners + edge] < reduction.n_owned]
                rows = column[here[:, corners + edge]]
                here, rows = here[_free(reduction, rows)], rows[_free(reduction, rows)]
                pairs += [np.column_stack([rows, everywhere[here[:, end]]]) for end in ends]
        pairs = np.unique(np.concatenate(pairs), axis=0)
        pairs = pairs[pairs[:, 1] >= 0]
        return np.column_stack([pairs, np.full(len(pairs), 0.5)])

    def _assemble(self, entries: NDArray[np.float64]) -> PETSc.Mat:
        """Matrix of entries with rows in reduced numbers. Collective."""
        rows = np.searchsorted(self._numbers, entries[:, 0])
        entries = entries[np.lexsort((entries[:, 1], rows))]
        ends = np.cumsum(np.bincount(rows, minlength=len(self._numbers)))
        return PETSc.Mat().createAIJ(
            ((len(self._numbers), PETSc.DETERMINE), (len(self._moves), PETSc.DETERMINE)),
            csr=(
                np.append(0, ends).astype(PETSc.IntType),
                entries[:, 1].astype(PETSc.IntType),
                entries[:, 2].copy(),
            ),
            comm=self._reduction.comm,
        )

    def _leave_out(self, prescribed: NDArray[np.integer], moves: NDArray[np.bool_]) -> None:
        """The interpolation without rows and columns of what is prescribed.

        Their corrections would be nonzero where the matrix has the rows of the identity. Scaling by 0 keeps
        the pattern, so that the coarse matrix is computed in place for each contact set.
        """
        self._whole.copy(self.interpolation, PETSc.Mat.Structure.SAME_NONZERO_PATTERN)
        rows, columns = self.interpolation.createVecLeft(), self.interpolation.createVecRight()
        rows.array = (~np.isin(self._numbers, prescribed)).astype(float)
        columns.array = moves.astype(float)
        self.interpolation.diagonalScale(rows, columns)
        rows.destroy()
        columns.destroy()

    def _fill_idle(self, matrix: PETSc.Mat, moves: NDArray[np.bool_]) -> None:
        """Idle slots get the largest of their vertex on the diagonal: of a size with the others for GAMG's
        strength of connection, and no eigenvalue of its own for the smoother to be scaled by."""
        diagonal = matrix.getDiagonal()
        values = diagonal.array_r
        largest = values.reshape(-1, self._size).max(axis=1, initial=0.0).repeat(self._size)
        diagonal.array = np.where(moves, values, np.where(largest > 0.0, largest, 1.0))
        matrix.setDiagonal(diagonal)
        diagonal.destroy()

    def _rigid_motions(self, matrix: PETSc.Mat) -> PETSc.NullSpace:
        """Translations and rotations, orthonormal, nothing at idle slots. Collective."""
        size, comm = self._size, self._reduction.comm
        x = self._positions - comm.allreduce(self._positions.sum(axis=0)) / comm.allreduce(
            len(self._positions)
        )
        motions = [np.tile(row, (len(x), 1)) for row in np.eye(size)]
        for i, j in itertools.combinations(range(size), 2):
            turn = np.zeros((len(x), size))
            turn[:, i], turn[:, j] = -x[:, j], x[:, i]
            motions.append(turn)
        basis = np.column_stack([motion.ravel() for motion in motions]) * self._moves[:, None]
        # orthonormal by the eigenvectors of the Gram matrix: a motion that the constraints leave nothing of
        # drops out
        shares, directions = np.linalg.eigh(comm.allreduce(basis.T @ basis))
        kept = shares > SAME_MOTION * shares[-1]
        basis = basis @ (directions[:, kept] / np.sqrt(shares[kept]))
        vectors = []
        for column in basis.T:
            vectors.append(matrix.createVecLeft())
            vectors[-1].array = column
        return PETSc.NullSpace().create(vectors=vectors, comm=comm)


def _free(reduction: Reduction, columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which reduced numbers are those of free dofs: neither fixed nor tied."""
    return (columns >= 0) & (columns < reduction.tie_start)


def _vertices(
    space: fem.FunctionSpace, components: list[NDArray[np.int32]], reduction: Reduction
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Owned vertices with a free dof, and one for each tie: dofs (n, components) and positions."""
    corners = space.mesh.topology.dim + 1
    at = [dofs[:, :corners].ravel() for dofs in components]
    first = np.unique(at[0], return_index=True)[1]
    vertices = np.column_stack([dofs[first] for dofs in at])
    geometry = compat.geometry_dofmap(space.mesh)[:, :corners].ravel()[first]
    positions = space.mesh.geometry.x[geometry]
    own = vertices[:, 0] < reduction.n_owned
    vertices, positions = vertices[own], positions[own]
    columns = reduction.column[vertices]
    kept: NDArray[np.bool_] = np.any(_free(reduction, columns), axis=1)
    for tie in range(reduction.tie_start, reduction.n_global):
        tied = np.flatnonzero((columns == tie).any(axis=1))
        if len(tied) and not kept[tied].any():
            kept[tied[0]] = True
    return vertices[kept], positions[kept]
