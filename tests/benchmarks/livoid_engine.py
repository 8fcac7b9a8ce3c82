"""The bench with livoid's terms and solvers: python -m tests.benchmarks.livoid_engine PROBLEM DIM MESH."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import gmsh
import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from meshes.gmsh.session import distribute
from meshes.tags import Boundary
from solver.algebra.newton import NewtonSolver
from solver.algebra.options import with_overrides
from solver.algebra.reduction import ConstraintSpec, Reduction
from solver.equations.mechanics import MechanicsProblem
from solver.equations.surface import SurfaceGeometry
from solver.equations.terms import current
from solver.equations.terms.capillarity import SurfaceParameters
from solver.equations.terms.creep import CreepParameters
from solver.equations.terms.load import LoadParameters
from solver.verification.flow import integral, on
from tests.benchmarks.box import GAP
from tests.benchmarks.engine import Engine
from tests.benchmarks.numbers import (
    ABSORPTION,
    EXPONENT,
    REFERENCE_STRESS,
    REGULARISATION,
    RESISTANCE,
)

if TYPE_CHECKING:
    from meshes.cell import CellMesh


def load(mesh: str, dim: int, comm: MPI.Comm) -> CellMesh:
    """The mesh file as a cell that is all metal."""
    return distribute(lambda: gmsh.merge(f"{mesh}.msh"), comm, "plane" if dim == 2 else "3d")


class Bench(Engine):
    """With dolfinx and PETSc."""

    def __init__(self, cell: CellMesh) -> None:
        super().__init__()
        self.cell = cell
        solid = cell.kind == "3d"
        self.scalar_options = with_overrides("motion-multigrid" if solid else "newton-direct", {})
        self.creep_options = with_overrides("creep-schur" if solid else "newton-symmetric", {})

    def constant(self, value: float) -> fem.Constant:
        return fem.Constant(self.cell.domain, value)

    def constriction(self) -> fem.Function:
        start = time.perf_counter()
        phi = fem.Function(fem.functionspace(self.cell.domain, ("Lagrange", 2)))
        test = ufl.TestFunction(phi.function_space)
        through = (phi - 1.0) / RESISTANCE
        residual = current.conduction(potential=phi, test=test, conductivity=self.constant(1.0)) * ufl.dx
        self._solve(
            "constriction", residual + through * test * self.cell.ds(Boundary.CONTACT), phi, 0.0, start
        )
        self.answers["current"] = integral(self.cell, -through * self.cell.ds(Boundary.CONTACT))
        return phi

    def diffusion(self, injected: ufl.core.expr.Expr) -> fem.Function:
        start = time.perf_counter()
        s = fem.Function(fem.functionspace(self.cell.domain, ("Lagrange", 2)))
        test = ufl.TestFunction(s.function_space)
        residual = ufl.inner(ufl.grad(s), ufl.grad(test)) * ufl.dx
        residual -= injected * test * self.cell.ds(Boundary.CONTACT)
        residual += ABSORPTION * (s - 1.0) * test * self.cell.ds(GAP)
        self._solve("diffusion", residual, s, 1.0, start)
        self.answers["vacancies"] = integral(self.cell, s * self.cell.ds(Boundary.CONTACT))
        return s

    def creep(self, annihilation: ufl.core.expr.Expr) -> None:
        cell, start = self.cell, time.perf_counter()
        problem = MechanicsProblem(
            cell,
            CreepParameters(EXPONENT, REFERENCE_STRESS, REGULARISATION),
            SurfaceParameters(),
            LoadParameters(pressure=1.0, top="traction"),
            annihilation,
            self.constant(0.0),
            SurfaceGeometry(cell),
            self.creep_options,
        )
        held = on(problem, cell.vertical, Boundary.CONTACT)
        ready = time.perf_counter()
        self.newton += problem.solve(held, np.zeros(len(held)))
        self.count(start, ready, problem.reduction.n_global)
        self.krylov, self.solves = problem.newton.linear_iterations, problem.newton.linear_solves
        self.answers["fall"] = problem.platen_velocity()
        self.answers["closure"] = -integral(cell, problem.velocity[cell.vertical] * cell.ds(GAP))

    def _solve(self, name: str, residual: ufl.Form, unknown: fem.Function, top: float, start: float) -> None:
        facets = self.cell.boundary(Boundary.TOP)
        dim = self.cell.domain.topology.dim
        dofs = fem.locate_dofs_topological(unknown.function_space, dim - 1, facets)
        unknown.x.array[dofs] = top
        reduction = Reduction(unknown.function_space, ConstraintSpec(fixed=[dofs]))
        solver = NewtonSolver(name, residual, unknown, reduction, self.scalar_options)
        ready = time.perf_counter()
        solver.solve()
        self.count(start, ready, reduction.n_global)
        solver.destroy()
        reduction.destroy()


def main() -> None:
    """Solve one problem and print what was found (rank 0)."""
    problem, dim, mesh = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    comm = MPI.COMM_WORLD
    bench = Bench(load(mesh, dim, comm))
    bench.run(problem)
    if comm.rank == 0:
        print(bench.report(), flush=True)


if __name__ == "__main__":
    main()
