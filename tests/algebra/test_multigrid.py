"""Linear velocities below quadratic ones: linear fields exact, the same energy, rigid motions at no cost."""

from __future__ import annotations

from collections.abc import Iterator

import basix.ufl
import numpy as np
import pytest
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI
from petsc4py import PETSc

from meshes import compat
from solver.algebra.assembly import ReducedMatrix
from solver.algebra.multigrid import LinearLevel
from solver.algebra.options import CREEP_SCHUR
from solver.algebra.petsc_options import forget_options, set_options
from solver.algebra.reduction import ConstraintSpec, Reduction

pytestmark = pytest.mark.parallel
ROUND_OFF = 1e-12
VELOCITY = "fieldsplit_velocity_"
MULTIGRID = {k.removeprefix(VELOCITY): v for k, v in CREEP_SCHUR.items() if k.startswith(VELOCITY)}
OPTIONS = MULTIGRID | {"ksp_type": "cg", "ksp_rtol": 1e-10}
"""The shipped preconditioner of the velocity, in a solver that counts."""
FLAT = 1.2
"""Iterations on the fine mesh over those on the coarse one: the goal of Krylov solvers in 3-D."""


def linear_field(x: np.ndarray) -> np.ndarray:
    """Zero across x = 0, one vertical velocity at z = 1 (rows: components)."""
    return np.array([x[0], 1.0 + 2.0 * x[0] - x[1], 0.3 * x[2]])


class Block:
    """An elastic cube on rollers at x = 0 under a platen, velocity and pressure in one space as in creep."""

    def __init__(self, comm: MPI.Comm, cells: int, grip: bool = False) -> None:
        self.domain = mesh.create_unit_cube(comm, cells, cells, cells)
        name = self.domain.basix_cell()
        velocity = basix.ufl.element("Lagrange", name, 2, shape=(3,))
        pressure = basix.ufl.element("Lagrange", name, 1)
        self.space = fem.functionspace(self.domain, basix.ufl.mixed_element([velocity, pressure]))
        spec = ConstraintSpec()
        spec.fixed.append(self._at(self.space.sub(0).sub(0), 0, 0.0))
        spec.fixed += [self._at(self.space.sub(0).sub(k), 2, 1.0) for k in (0, 1) if grip]
        spec.fixed.append(compat.collapse(self.space.sub(1))[1])
        spec.ties.append(self._at(self.space.sub(0).sub(2), 2, 1.0))
        self.bottom = self._at(self.space.sub(0).sub(2), 2, 0.0)
        self.reduction = Reduction(self.space, spec)
        u, v = ufl.TrialFunctions(self.space)[0], ufl.TestFunctions(self.space)[0]
        form = fem.form(ufl.inner(ufl.sym(ufl.grad(u)), ufl.sym(ufl.grad(v))) * ufl.dx)
        self.matrix = ReducedMatrix(form, self.reduction)
        self.matrix.assemble(form)
        own = self.reduction.start + np.arange(self.reduction.n_reduced)
        self.level = LinearLevel(self.space.sub(0), self.reduction, own)
        self.solver = PETSc.KSP().create(comm)
        self.solver.setOptionsPrefix("block_")
        self.solver.setOperators(self.matrix.matrix)
        set_options(self.solver, OPTIONS)

    def _at(self, space: fem.FunctionSpace, axis: int, value: float) -> np.ndarray:
        facets = mesh.locate_entities_boundary(self.domain, 2, lambda x: np.isclose(x[axis], value))
        return fem.locate_dofs_topological(space, 2, facets)

    def hold_bottom(self) -> np.ndarray:
        numbers = self.reduction.reduced_numbers(self.bottom).astype(PETSc.IntType)
        self.matrix.matrix.zeroRowsColumns(numbers, diag=1.0)
        return numbers

    def reduced(self) -> PETSc.Vec:
        """The linear field in reduced unknowns."""
        function = fem.Function(self.space)
        part, places = compat.collapse(self.space.sub(0))
        own = fem.Function(part)
        own.interpolate(linear_field)
        function.x.array[places] = own.x.array
        vector = self.reduction.create_vector()
        self.reduction.restrict(function, vector)
        return vector

    def coarse(self) -> tuple[PETSc.Mat, PETSc.KSP]:
        solver = self.solver.getPC().getMGCoarseSolve()
        return solver.getOperators()[0], solver

    def destroy(self) -> None:
        forget_options("block_", OPTIONS)
        for item in (self.solver, self.level, self.matrix, self.reduction):
            item.destroy()


@pytest.fixture(params=[False, True], ids=["free top", "gripped top"])
def block(request: pytest.FixtureRequest, comm: MPI.Comm) -> Iterator[Block]:
    made = Block(comm, 4, request.param)
    yield made
    made.destroy()


def test_linear_fields_are_interpolated_exactly(comm: MPI.Comm) -> None:
    """Injection at vertices is the least-squares inverse there: P (P'P)^-1 P' u = u for linear u."""
    block = Block(comm, 3)
    block.level.follow(block.solver, np.empty(0, dtype=np.int64))
    interpolation, exact = block.level.interpolation, block.reduced()
    normal = interpolation.transposeMatMult(interpolation)
    diagonal = normal.getDiagonal()
    idle = diagonal.array_r == 0.0
    diagonal.array = np.where(idle, 1.0, diagonal.array_r)
    normal.setDiagonal(diagonal)
    right, found = interpolation.createVecRight(), interpolation.createVecRight()
    interpolation.multTranspose(exact, right)
    solver = PETSc.KSP().create(comm)
    solver.setOperators(normal)
    solver.setType("cg")
    solver.setTolerances(rtol=1e-14)
    solver.solve(right, found)
    back = exact.duplicate()
    interpolation.mult(found, back)
    back.axpy(-1.0, exact)
    assert back.norm(PETSc.NormType.NORM_INFINITY) < ROUND_OFF
    solver.destroy()
    block.destroy()


def test_the_level_has_the_energy_of_the_quadratic_velocities(block: Block) -> None:
    block.level.follow(block.solver, block.hold_bottom())
    matrix = block.coarse()[0]
    linear = matrix.createVecRight()
    linear.setRandom()
    quadratic = block.level.interpolation.createVecLeft()
    block.level.interpolation.mult(linear, quadratic)
    fine, coarse = quadratic.duplicate(), linear.duplicate()
    block.matrix.matrix.mult(quadratic, fine)
    block.level.interpolation.multTranspose(fine, coarse)
    idle = coarse.array_r == 0.0
    own = matrix.createVecLeft()
    matrix.mult(linear, own)
    difference = np.where(idle, 0.0, own.array_r - coarse.array_r)
    assert np.abs(difference).max(initial=0.0) < ROUND_OFF
    # idle: fixed ones and those held, decoupled from all others
    assert np.all(own.array_r[idle] * linear.array_r[idle] > 0.0)
    held = block.reduction.reduced_numbers(block.bottom)
    n_idle = block.domain.comm.allreduce(int(idle.sum()))
    assert n_idle >= block.domain.comm.allreduce(len(held)) // 4


def test_rigid_motions_cost_no_energy(comm: MPI.Comm) -> None:
    """Where nothing is held, and no platen or roller stands in the way of the motion."""
    block = Block(comm, 4)
    block.level.follow(block.solver, np.empty(0, dtype=np.int64))
    matrix = block.coarse()[0]
    motions = matrix.getNearNullSpace().getVecs()
    assert len(motions) == 6
    energies = np.zeros((6, 6))
    for i, motion in enumerate(motions):
        result = motion.duplicate()
        matrix.mult(motion, result)
        energies[i] = [result.dot(other) for other in motions]
        assert [motion.dot(other) for other in motions] == pytest.approx(np.eye(6)[i], abs=ROUND_OFF)
    # along y, along z (the platen falls with the rest)
    assert np.sum(np.linalg.eigvalsh(energies) < ROUND_OFF) == 2
    block.destroy()


def test_iterations_do_not_grow(comm: MPI.Comm) -> None:
    for grip in (False, True):
        counts = []
        for cells in (4, 8):
            block = Block(comm, cells, grip)
            block.level.follow(block.solver, block.hold_bottom())
            right, found = block.matrix.matrix.createVecs()
            right.setRandom()
            block.solver.solve(right, found)
            assert block.solver.getConvergedReason() > 0
            counts.append(block.solver.getIterationNumber())
            block.destroy()
        assert counts[1] <= FLAT * counts[0], (grip, counts)
