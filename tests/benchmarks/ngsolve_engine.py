"""The bench with NGSolve: python -m tests.benchmarks.ngsolve_engine PROBLEM DIM MESH.

Plane problems by its sparse Cholesky factorisation (an indefinite LDL' for creep); in 3-D CG with BDDC,
and for creep GMRES with BDDC on the velocity and the diagonal of the pressure mass over the viscosity.
"""

from __future__ import annotations

import sys
import time

import ngsolve as ng
from netgen.read_gmsh import ReadGmsh
from ngsolve.krylovspace import GMResSolver

from tests.benchmarks.engine import Engine
from tests.benchmarks.numbers import (
    ABSORPTION,
    CONTINUATION_STEP,
    EXPONENT,
    KRYLOV_TOLERANCE,
    LINEAR_TOLERANCE,
    QUADRATURE_DEGREE,
    REFERENCE_STRESS,
    REGULARISATION,
    RESISTANCE,
    TOLERANCE,
)

MOST_STEPS, SMALLEST_DAMPING = 60, 1e-3


class Bench(Engine):
    """With NGSolve's symbolic forms."""

    def __init__(self, mesh: str, dim: int) -> None:
        super().__init__()
        self.mesh, self.dim = ng.Mesh(ReadGmsh(f"{mesh}.msh")), dim

    def constant(self, value: float) -> ng.CF:
        return ng.CF(value)

    def _scalar(self, open_to: str, rate: float, injected: ng.CF, top: float) -> ng.GridFunction:
        """grad u . grad v, an exchange with 1 on one part, a source on the contact, u given on the top."""
        start = time.perf_counter()
        space = ng.H1(self.mesh, order=2, dirichlet="top")
        u, v = space.TnT()
        a, f, found = ng.BilinearForm(space, symmetric=True), ng.LinearForm(space), ng.GridFunction(space)
        a += ng.grad(u) * ng.grad(v) * ng.dx + rate * u * v * ng.ds(open_to)
        f += rate * v * ng.ds(open_to) + injected * v * ng.ds("contact")
        found.Set(top, definedon=self.mesh.Boundaries("top"))
        preconditioner = ng.Preconditioner(a, "bddc") if self.dim == 3 else None
        ready = time.perf_counter()
        a.Assemble()
        f.Assemble()
        residual = (f.vec - a.mat * found.vec).Evaluate()
        if preconditioner is None:
            inverse = a.mat.Inverse(space.FreeDofs(), inverse="sparsecholesky")
        else:
            inverse = ng.CGSolver(a.mat, preconditioner.mat, maxiter=500, tol=LINEAR_TOLERANCE)
        found.vec.data += inverse * residual
        self.count(start, ready, sum(space.FreeDofs()))
        return found

    def constriction(self) -> ng.GridFunction:
        phi = self._scalar("contact", 1.0 / RESISTANCE, ng.CF(0.0), 0.0)
        self.answers["current"] = ng.Integrate((1.0 - phi) / RESISTANCE * ng.ds("contact"), self.mesh)
        return phi

    def diffusion(self, injected: ng.CF) -> ng.GridFunction:
        s = self._scalar("void", ABSORPTION, injected, 1.0)
        self.answers["vacancies"] = ng.Integrate(s * ng.ds("contact"), self.mesh)
        return s

    def creep(self, annihilation: ng.CF) -> None:
        """Newton with backtracking, continuation in n."""
        start = time.perf_counter()
        axes = "xyz"[: self.dim]
        held = {f"dirichlet{axis}": "side_" + axis for axis in axes[:-1]}
        held[f"dirichlet{axes[-1]}"] = "contact"
        velocity, pressure = ng.VectorH1(self.mesh, order=2, **held), ng.H1(self.mesh, order=1)
        space = velocity * pressure
        (u, p), (v, q) = space.TnT()
        found = ng.GridFunction(space)
        exponent = ng.Parameter(1.0)
        normal = ng.specialcf.normal(self.dim)

        def viscosity(of: ng.CF) -> ng.CF:
            d = self._deviator(of)
            rate = ng.sqrt(2.0 / 3.0 * ng.InnerProduct(d, d) + REGULARISATION**2)
            return REFERENCE_STRESS / 3.0 * ng.exp((1.0 / exponent - 1.0) * ng.log(rate))

        dx = self._measure()
        viscous = (2.0 * viscosity(u) * ng.InnerProduct(self._deviator(u), self._deviator(v))).Compile() * dx
        whole = ng.BilinearForm(space, symmetric=True)
        whole += viscous - p * ng.div(v) * dx - q * (ng.div(u) + annihilation) * dx
        whole += v * normal * ng.ds("top")
        step = self._factorised(whole, space)
        if self.dim == 3:
            step = self._iterated(whole, space, viscosity(found.components[0]))
        ready = time.perf_counter()
        while True:
            self._newton(whole, found, space, step)
            if exponent.Get() >= EXPONENT:
                break
            exponent.Set(min(exponent.Get() * CONTINUATION_STEP, EXPONENT))
        self.count(start, ready, sum(space.FreeDofs()))
        up = found.components[0][self.dim - 1]
        self.answers["fall"] = -ng.Integrate(up * ng.ds("top"), self.mesh)
        self.answers["closure"] = -ng.Integrate(up * ng.ds("void"), self.mesh)

    def _measure(self) -> ng.dx:
        """Of the metal, with as many quadrature points as livoid takes."""
        shape = ng.TET if self.dim == 3 else ng.TRIG
        return ng.dx(intrules={shape: ng.IntegrationRule(shape, QUADRATURE_DEGREE)})

    def _deviator(self, velocity: ng.CF) -> ng.CF:
        g = ng.Grad(velocity)
        flat = [g[i, j] if max(i, j) < self.dim else ng.CF(0.0) for i in range(3) for j in range(3)]
        full = ng.CF(tuple(flat), dims=(3, 3))
        return ng.Sym(full) - ng.Trace(full) / 3.0 * ng.Id(3)

    def _newton(self, form: ng.BilinearForm, found: ng.GridFunction, space: ng.FESpace, step) -> None:  # type: ignore[no-untyped-def]
        free = ng.Projector(space.FreeDofs(), True)
        residual, trial, change = (found.vec.CreateVector() for _ in range(3))

        def norm(at) -> float:  # type: ignore[no-untyped-def]
            form.Apply(at, residual)
            residual.data = free * residual
            return float(ng.Norm(residual))

        now = norm(found.vec)
        for _ in range(MOST_STEPS):
            if now < TOLERANCE:
                return
            form.AssembleLinearization(found.vec)
            self.newton += 1
            change.data = step(residual)
            damping = 1.0
            while True:
                trial.data = found.vec - damping * change
                ahead = norm(trial)
                if ahead < (1.0 - 1e-4 * damping) * now or damping < SMALLEST_DAMPING:
                    break
                damping *= 0.5
            if damping < SMALLEST_DAMPING and now < 1e3 * TOLERANCE:
                return  # round-off
            found.vec.data, now = trial, ahead
        raise RuntimeError(f"Newton stopped at a residual of {now:.1e}")

    def _factorised(self, form: ng.BilinearForm, space: ng.FESpace):  # type: ignore[no-untyped-def]
        def solve(residual):  # type: ignore[no-untyped-def]
            return (form.mat.Inverse(space.FreeDofs(), inverse="sparsecholesky") * residual).Evaluate()

        return solve

    def _iterated(self, form: ng.BilinearForm, space: ng.FESpace, viscosity: ng.CF):  # type: ignore[no-untyped-def]
        (u, p), (v, q) = space.TnT()
        block = ng.BilinearForm(space, symmetric=True)
        dx = self._measure()
        block += (2.0 * viscosity * ng.InnerProduct(self._deviator(u), self._deviator(v))).Compile() * dx
        block += p * q / viscosity * dx
        preconditioner = ng.Preconditioner(block, "bddc")

        def solve(residual):  # type: ignore[no-untyped-def]
            block.Assemble()
            solver = GMResSolver(
                mat=form.mat, pre=preconditioner.mat, maxiter=300, tol=KRYLOV_TOLERANCE, printrates=False
            )
            solution = solver.Solve(residual)
            self.krylov += len(solver.residuals)
            self.solves += 1
            return solution

        return solve


def main() -> None:
    """Solve one problem and print what was found."""
    ng.SetNumThreads(1)
    bench = Bench(sys.argv[3], int(sys.argv[2]))
    bench.run(sys.argv[1])
    print(bench.report(), flush=True)


if __name__ == "__main__":
    main()
