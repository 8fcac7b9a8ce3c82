"""Newton's method (PETSc SNES) on the reduced unknowns, with dofs that are held at given values.

The solver's vector and the function's vector are kept apart on purpose: copying the trial vector
into the vector being solved for breaks the line search without a word.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from dolfinx.fem import petsc as fem_petsc
from numpy.typing import NDArray
from petsc4py import PETSc

from solver import compat, costs
from solver.constraints import Reduction

ROUND_OFF_FLOOR = 1e-9
"""Residual norm over the size of the solution below which stagnation counts as convergence: the residual of a
power-law material on a graded mesh cannot be evaluated more accurately than about 1e-11."""
STAGNATION = 0.5
"""A Newton step that leaves more than this share of the residual stagnates."""

QUADRATIC_FLOOR, QUADRATIC_GAIN = 0.1, 1e-2
"""A residual below this share of the floor that the last step brought down at least this much has converged:
the next step would gain digits that cannot be evaluated."""

RISES = 3
"""Full steps in a row that raise the residual after which they are given up for the line search."""

_prefix_counter = itertools.count()


@dataclass(frozen=True)
class Springs:
    """Linear forces on dofs: stiffness times (unknown - rest) is added to the residual.

    Attributes:
        numbers: global reduced numbers of owned dofs.
        stiffness, rest: one value each.
    """

    numbers: NDArray[np.int64]
    stiffness: NDArray[np.float64]
    rest: NDArray[np.float64]


class SolveError(RuntimeError):
    """A solve that did not converge; the message names the solver and PETSc's reason."""


def set_options(target: PETSc.SNES | PETSc.KSP, options: Mapping[str, object]) -> None:
    """Put ``options`` into PETSc's database under the solver's own prefix and apply them.

    They stay there until :func:`forget_options`: a factorisation reads its own (MUMPS) when it is made.
    """
    prefix = target.getOptionsPrefix() or ""
    database = PETSc.Options()
    database["options_left"] = "no"  # a solver that was never used leaves its own behind
    for key, value in options.items():
        database[prefix + key] = value
    target.setFromOptions()


def forget_options(prefix: str, options: Mapping[str, object]) -> None:
    """Take a solver's options out of PETSc's database (prefixes are never used twice)."""
    database = PETSc.Options()
    for key in options:
        database.delValue(prefix + key)


class NewtonSolver:
    """Solve F(u; v) = 0 for all test functions v of the reduced space.

    Args:
        name: appears in error messages and in the PETSc prefix.
        residual: UFL residual form, linear in the test function.
        unknown: the function u (mixed space); receives the solution.
        reduction: constraints.
        options: PETSc options (see :mod:`solver.recipes`).
        first: options of a first attempt; ``options`` are then for a second one.
    """

    def __init__(
        self,
        name: str,
        residual: ufl.Form,
        unknown: fem.Function,
        reduction: Reduction,
        options: Mapping[str, object],
        first: Mapping[str, object] | None = None,
    ) -> None:
        space = unknown.function_space
        self.name = name
        self.unknown = unknown
        self.reduction = reduction
        self.residual_form = fem.form(residual)
        self.jacobian_form = fem.form(ufl.derivative(residual, unknown, ufl.TrialFunction(space)))
        self.matrix_full = fem_petsc.create_matrix(self.jacobian_form)
        self.vector_full = compat.create_vector(self.residual_form, space)
        self._last_norm, self._rises, self._may_give_up = np.inf, 0, False
        self._springs: Springs | None = None
        self.held = np.empty(0, dtype=PETSc.IntType)
        self.held_values: NDArray[np.float64] = np.empty(0)
        self._assemble_full_matrix()
        self.matrix = self.matrix_full.ptap(reduction.matrix)
        self.matrix.setOption(PETSc.Mat.Option.KEEP_NONZERO_PATTERN, True)
        self.solution = reduction.create_vector()
        self._residual = reduction.create_vector()
        self._options = dict(options)
        self.snes = self._create(self._options)
        self._attempts = [self.snes]
        if first is not None:
            self._attempts.insert(0, self._create(first))

    def _create(self, options: Mapping[str, object]) -> PETSc.SNES:
        snes = PETSc.SNES().create(self.reduction.comm)
        snes.setOptionsPrefix(f"livoid_{self.name}_{next(_prefix_counter)}_")
        snes.setFunction(self._evaluate, self._residual)
        snes.setJacobian(self._linearise, self.matrix)
        set_options(snes, options)
        snes.setConvergenceTest(self._converged)
        return snes

    def solve(
        self,
        held: NDArray[np.int64] | None = None,
        values: NDArray[np.float64] | None = None,
        springs: Springs | None = None,
    ) -> int:
        """Solve from the present value of the unknown.

        Args:
            held: global reduced numbers of the dofs that are held.
            values: what they are held at (0 if left out).
            springs: linear forces on further dofs.

        Returns:
            Newton iterations.

        Raises:
            SolveError: if Newton did not converge; the unknown is put back to where it was.
        """
        numbers = np.asarray([] if held is None else held, dtype=PETSc.IntType)
        given = np.zeros(len(numbers)) if values is None else np.asarray(values, dtype=float)
        self.held, self.held_values = self._on_owners(numbers, given)
        self._springs = springs
        before = self.unknown.x.array.copy()
        iterations = 0
        for number, snes in enumerate(self._attempts, start=1):
            self._may_give_up = number < len(self._attempts)
            self.reduction.restrict(self.unknown, self.solution)
            self.solution.setValues(self.held, self.held_values)
            self.solution.assemble()
            with costs.part("solve"):
                snes.solve(None, self.solution)
            iterations += int(snes.getIterationNumber())
            norm, reason = snes.getFunctionNorm(), snes.getConvergedReason()
            # A line search that fails on round-off noise has converged.
            if np.isfinite(norm) and (reason > 0 or norm <= self._floor()):
                self.reduction.expand(self.solution, self.unknown)
                return iterations
            self.unknown.x.array[:] = before
        raise SolveError(
            f"{self.name}: Newton stopped after {iterations} iterations, residual {norm:.3e}, "
            f"{_reason_name(reason)}"
        )

    def _on_owners(
        self, numbers: NDArray[np.int64], values: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Held dofs on the ranks that own them: a tied dof's unknown lives on the last rank. Collective."""
        start, end = self.reduction.start, self.reduction.start + self.reduction.n_reduced
        own = (numbers >= start) & (numbers < end)
        away = np.column_stack([numbers[~own], values[~own]])
        arrived = np.vstack(self.reduction.comm.allgather(away))
        arrived = arrived[(arrived[:, 0] >= start) & (arrived[:, 0] < end)]
        numbers = np.concatenate([numbers[own], arrived[:, 0].astype(PETSc.IntType)])
        numbers, first = np.unique(numbers, return_index=True)
        return numbers, np.concatenate([values[own], arrived[:, 1]])[first]

    def reactions(self) -> PETSc.Vec:
        """Reduced residual at the present unknown without held rows: the reactions (caller destroys)."""
        vector = self.reduction.create_vector()
        self._assemble_full_residual()
        self.reduction.matrix.multTranspose(self.vector_full, vector)
        return vector

    def destroy(self) -> None:
        """Free all PETSc objects (not the reduction)."""
        for snes in self._attempts:
            forget_options(snes.getOptionsPrefix(), self._options)
        for item in (
            *self._attempts,
            self.matrix,
            self.matrix_full,
            self.vector_full,
            self.solution,
            self._residual,
        ):
            item.destroy()

    def _converged(
        self, snes: PETSc.SNES, iteration: int, norms: tuple[float, float, float]
    ) -> PETSc.SNES.ConvergedReason:
        norm = norms[2]
        last, self._last_norm = self._last_norm if iteration else np.inf, norm
        self._rises = self._rises + 1 if iteration and norm > last else 0
        reasons = PETSc.SNES.ConvergedReason
        if not np.isfinite(norm) or (self._may_give_up and self._rises >= RISES):
            return reasons.DIVERGED_FUNCTION_DOMAIN
        _rtol, atol, _stol, _max_it = snes.getTolerances()
        floor = self._floor()
        fast = norm <= QUADRATIC_FLOOR * floor and norm <= QUADRATIC_GAIN * last < np.inf
        if norm <= atol or fast or (norm <= floor and norm > STAGNATION * last):
            return reasons.CONVERGED_FNORM_ABS
        return reasons.CONVERGED_ITERATING

    def _floor(self) -> float:
        """Round-off floor at the present solution: residuals are sums of terms of its size."""
        return ROUND_OFF_FLOOR * max(1.0, float(self.solution.norm(PETSc.NormType.NORM_INFINITY)))

    def _evaluate(self, _snes: PETSc.SNES, trial: PETSc.Vec, out: PETSc.Vec) -> None:
        self.reduction.expand(trial, self.unknown)
        self._assemble_full_residual()
        self.reduction.matrix.multTranspose(self.vector_full, out)
        start = self.reduction.start
        if self._springs is not None:
            own = self._springs.numbers - start
            out.array[own] += self._springs.stiffness * (trial.array_r[own] - self._springs.rest)
        if len(self.held):
            out.array[self.held - start] = trial.array_r[self.held - start] - self.held_values

    def _linearise(self, _snes: PETSc.SNES, trial: PETSc.Vec, _a: PETSc.Mat, matrix: PETSc.Mat) -> None:
        self.reduction.expand(trial, self.unknown)
        self._assemble_full_matrix()
        self.matrix_full.ptap(self.reduction.matrix, result=matrix)
        if self._springs is not None:
            diagonal = matrix.getDiagonal()
            diagonal.array[self._springs.numbers - self.reduction.start] += self._springs.stiffness
            matrix.setDiagonal(diagonal)
            diagonal.destroy()
        matrix.zeroRowsColumns(self.held, diag=1.0)

    def _assemble_full_residual(self) -> None:
        with costs.part("assembly"):
            with self.vector_full.localForm() as local:
                local.set(0.0)
            fem_petsc.assemble_vector(self.vector_full, self.residual_form)
            self.vector_full.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)

    def _assemble_full_matrix(self) -> None:
        with costs.part("assembly"):
            self.matrix_full.zeroEntries()
            fem_petsc.assemble_matrix(self.matrix_full, self.jacobian_form)
            self.matrix_full.assemble()


def _reason_name(reason: int) -> str:
    names = {v: k for k, v in vars(PETSc.SNES.ConvergedReason).items() if isinstance(v, int)}
    return str(names.get(reason, reason))
