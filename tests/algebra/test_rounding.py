"""A Newton solve ends where rounding does not let its residual go further down, and not before."""

from __future__ import annotations

import numpy as np
import pytest
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI
from petsc4py import PETSc

from solver.algebra import rounding
from solver.algebra.newton import NewtonSolver, SolveError
from solver.algebra.options import NEWTON_DIRECT
from solver.algebra.reduction import ConstraintSpec, Reduction
from solver.algebra.rounding import ROUND_OFF_FLOOR, ROUNDINGS, measured_floor

STIFF = 1e12
"""Of the reaction: eps times it is far above the tolerance of Newton's method and above its floor."""


def reaction(comm: MPI.Comm, target: float) -> NewtonSolver:
    """u - target, times STIFF, with some diffusion."""
    space = fem.functionspace(mesh.create_unit_square(comm, 6, 6), ("Lagrange", 2))
    u, v = fem.Function(space), ufl.TestFunction(space)
    stiff, level = (fem.Constant(space.mesh, value) for value in (STIFF, target))
    x = ufl.SpatialCoordinate(space.mesh)
    residual = ufl.inner(ufl.grad(u), ufl.grad(v)) * ufl.dx
    residual += stiff * (u - level - x[0] ** 2) * v * ufl.dx
    return NewtonSolver("reaction", residual, u, Reduction(space, ConstraintSpec()), NEWTON_DIRECT)


@pytest.mark.parallel
def test_a_stiff_linear_problem_is_solved_to_rounding(comm: MPI.Comm) -> None:
    solver = reaction(comm, 1.0 / 3.0)
    assert solver.solve() <= 6
    owned = solver.unknown.function_space.dofmap.index_map.size_local
    x = solver.unknown.function_space.tabulate_dof_coordinates()[:owned, 0]
    assert np.allclose(solver.unknown.x.array[:owned], 1.0 / 3.0 + x**2, rtol=1e-9)
    assert solver._last_norm > ROUND_OFF_FLOOR, "the floor alone would do: the test tests nothing"
    solver.destroy()


def test_what_rounding_does_not_explain_fails_with_both_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounding, "measured_floor", lambda *_: 1e-30)
    solver = reaction(MPI.COMM_SELF, 1.0 / 3.0)
    with pytest.raises(SolveError, match=r"reaction: .* residual .*e-\d+ \(from .*; rounding: 1\.0e-30\)"):
        solver.solve()
    solver.destroy()


@pytest.mark.parallel
def test_the_measure_is_that_of_the_entries(comm: MPI.Comm) -> None:
    """eps |J| |x| of a matrix over all ranks, row by row, signs and empty rows included."""
    rows = np.array([[2.0, -3.0, 0.0], [0.0, 0.0, 0.0], [-1.0, 0.0, 5.0]])
    matrix = PETSc.Mat().createAIJ((3, 3), comm=comm)
    matrix.setUp()
    first, last = matrix.getOwnershipRange()
    for i in range(first, last):
        for j in np.flatnonzero(rows[i]):
            matrix.setValue(i, int(j), rows[i, j])
    matrix.assemble()
    x = matrix.createVecRight()
    given = np.array([1.0, -10.0, 0.5])
    x.setValues(range(*x.getOwnershipRange()), given[slice(*x.getOwnershipRange())])
    x.assemble()
    expected = ROUNDINGS * np.finfo(float).eps * np.linalg.norm(np.abs(rows) @ np.abs(given))
    assert measured_floor(matrix, x) == pytest.approx(expected, rel=1e-14)
    assert matrix.norm() == pytest.approx(np.linalg.norm(rows)), "the matrix itself stays"
