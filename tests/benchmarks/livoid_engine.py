"""The bench with livoid's terms and solvers: python -m tests.benchmarks.livoid_engine PROBLEM DIM MESH."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping

import gmsh
import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from meshes.cell import CellMesh, distribute
from meshes.tags import Boundary
from solver import current
from solver.constraints import ConstraintSpec, Reduction
from solver.kinematics import SurfaceGeometry
from solver.mechanics import MechanicsProblem
from solver.newton import NewtonSolver
from solver.parameters import CreepParameters, LoadParameters, SurfaceParameters
from solver.recipes import with_overrides
from tests.benchmarks.box import GAP
from tests.benchmarks.numbers import (
    ABSORPTION,
    ANNIHILATION,
    EXPONENT,
    REFERENCE_STRESS,
    REGULARISATION,
    RESISTANCE,
)


def load(mesh: str, dim: int, comm: MPI.Comm) -> CellMesh:
    """The mesh file as a cell that is all metal."""
    return distribute(lambda: gmsh.merge(f"{mesh}.msh"), comm, "plane" if dim == 2 else "3d")


def integral(cell: CellMesh, form: ufl.Form) -> float:
    """Assembled scalar over all ranks."""
    return float(cell.domain.comm.allreduce(fem.assemble_scalar(fem.form(form))))


class Bench:
    """Problems on one mesh; each returns the seconds of its parts."""

    def __init__(self, cell: CellMesh) -> None:
        self.cell = cell
        solid = cell.kind == "3d"
        self.scalar_options = with_overrides("motion-multigrid" if solid else "newton-direct", {})
        self.creep_options = with_overrides("creep-schur" if solid else "newton-symmetric", {})
        self.seconds: dict[str, float] = {"build": 0.0, "solve": 0.0}
        self.answers: dict[str, float] = {}
        self.unknowns = 0
        self.iterations: dict[str, float] = {}

    def constriction(self) -> fem.Function:
        """Potential under a contact with a resistance."""
        start = time.perf_counter()
        phi = fem.Function(fem.functionspace(self.cell.domain, ("Lagrange", 2)))
        test = ufl.TestFunction(phi.function_space)
        one = fem.Constant(self.cell.domain, 1.0)
        through = (phi - 1.0) / RESISTANCE
        residual = current.conduction(potential=phi, test=test, conductivity=one) * ufl.dx
        self._solve(
            "constriction", residual + through * test * self.cell.ds(Boundary.CONTACT), phi, 0.0, start
        )
        self.answers["current"] = integral(self.cell, -through * self.cell.ds(Boundary.CONTACT))
        return phi

    def diffusion(self, injected: ufl.core.expr.Expr) -> fem.Function:
        """Vacancies between the contact, the gap and a far sink."""
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
        """Power-law creep under a pressure, the contact held."""
        cell, start = self.cell, time.perf_counter()
        problem = MechanicsProblem(
            cell,
            CreepParameters(EXPONENT, REFERENCE_STRESS, REGULARISATION),
            SurfaceParameters(),
            LoadParameters(pressure=1.0, top="traction"),
            annihilation,
            fem.Constant(cell.domain, 0.0),
            SurfaceGeometry(cell),
            self.creep_options,
        )
        dim = cell.domain.geometry.dim
        space = problem.space
        held = fem.locate_dofs_topological(
            space.sub(0).sub(dim - 1), dim - 1, cell.boundary(Boundary.CONTACT)
        )
        held = held[held < space.dofmap.index_map.size_local]
        ready = time.perf_counter()
        newton = problem.solve(held, np.zeros(len(held)))
        self._count("creep", start, ready, problem.reduction.n_global)
        solver = problem.newton
        self.iterations |= {
            "newton": newton,
            "krylov": round(solver.linear_iterations / max(solver.linear_solves, 1), 1),
        }
        self.answers["fall"] = problem.platen_velocity()
        self.answers["closure"] = -integral(cell, problem.velocity[dim - 1] * cell.ds(GAP))

    def _solve(self, name: str, residual: ufl.Form, unknown: fem.Function, top: float, start: float) -> None:
        facets = self.cell.boundary(Boundary.TOP)
        dim = self.cell.domain.topology.dim
        dofs = fem.locate_dofs_topological(unknown.function_space, dim - 1, facets)
        unknown.x.array[dofs] = top
        reduction = Reduction(unknown.function_space, ConstraintSpec(fixed=[dofs]))
        solver = NewtonSolver(name, residual, unknown, reduction, self.scalar_options)
        ready = time.perf_counter()
        solver.solve()
        self._count(name, start, ready, reduction.n_global)
        solver.destroy()
        reduction.destroy()

    def _count(self, name: str, start: float, ready: float, unknowns: int) -> None:
        self.seconds["build"] += ready - start
        self.seconds["solve"] += time.perf_counter() - ready
        self.unknowns += unknowns


def run(problem: str, bench: Bench) -> None:
    """Solve a problem by name."""
    zero = fem.Constant(bench.cell.domain, 0.0)
    if problem == "constriction":
        bench.constriction()
    elif problem == "diffusion":
        bench.diffusion(fem.Constant(bench.cell.domain, 1.0))
    elif problem == "creep":
        bench.creep(zero)
    else:
        phi = bench.constriction()
        s = bench.diffusion((1.0 - phi) / RESISTANCE)
        bench.creep(ANNIHILATION * (s - 1.0))


def main() -> None:
    """Solve one problem and print what was found as JSON (rank 0)."""
    problem, dim, mesh = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    comm = MPI.COMM_WORLD
    bench = Bench(load(mesh, dim, comm))
    run(problem, bench)
    memory = comm.allreduce(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024.0
    found: Mapping[str, object] = {
        "unknowns": bench.unknowns,
        "seconds": bench.seconds,
        "memory_mb": memory,
        "answers": bench.answers,
        "iterations": bench.iterations,
    }
    if comm.rank == 0:
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
