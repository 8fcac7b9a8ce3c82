"""Newton's method (PETSc SNES) on the reduced unknowns, with dofs that are prescribed from solve to solve.

A solve is a sequence of attempts, from cheap to robust: steps with the factorisation that the last solve
left, full steps, and steps with a line search. All of them solve the same equations and one test decides for
all when they are solved (:meth:`NewtonSolver._converged`).

The solver's vector and the function's vector are kept apart on purpose: copying the trial vector
into the vector being solved for breaks the line search without a word.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray
from petsc4py import PETSc

from solver.algebra import rounding
from solver.algebra.assembly import ReducedMatrix, ReducedVector
from solver.algebra.forcing import Forcing
from solver.algebra.petsc_options import forget_options, reason_name, set_options
from solver.core import interrupts, timing

if TYPE_CHECKING:
    from solver.algebra.fieldsplit import SplitMatrix
    from solver.algebra.reduction import Reduction
    from solver.algebra.springs import Springs

RISES = 3
"""Full steps in a row that raise the residual after which they are given up for the line search."""

AMPLE_ROOM = 1000
"""Per cent of room for pivots that are put off, over what the analysis expects, once there was too little."""

_prefix_counter = itertools.count()


@dataclass(frozen=True)
class NewtonLinearisation:
    """Another residual with the same solution, whose tangent full Newton steps take instead of the own one.

    Where the own residual is so nonlinear that full Newton steps overshoot, the same law written in other
    variables may be much less so (:mod:`solver.equations.creep_newton`).

    Attributes:
        residual: UFL form, linear in the test function; may hold functions that :attr:`advance` changes.
        begin: called with the start in the unknown.
        advance: called with the result of a step in the unknown.
        finish: called with the solution in the unknown, whichever attempt has found it.
        fail: called when the full steps have led nowhere.
    """

    residual: ufl.Form
    begin: Callable[[], None]
    advance: Callable[[], None]
    finish: Callable[[], None]
    fail: Callable[[], None]


@dataclass(frozen=True)
class _Attempt:
    """One way to the solution; ``kept`` takes the last factorisation for all its steps."""

    snes: PETSc.SNES
    residual: fem.Form
    jacobian: fem.Form
    linearisation: NewtonLinearisation | None = None
    kept: bool = False


class SolveError(RuntimeError):
    """A solve that did not converge; the message names the solver and PETSc's reason."""


class NewtonSolver:
    """Solve F(u; v) = 0 for all test functions v of the reduced space.

    Attempts, in this order: with the factorisation of the last solve, full steps (with the other
    linearisation, if there is one), and ``options`` as they are. Convergence is always judged by F.

    Args:
        name: appears in error messages and in the PETSc prefix.
        residual: UFL residual form, linear in the test function.
        unknown: the function u (mixed space); receives the solution.
        reduction: constraints.
        options: PETSc options (see :mod:`solver.algebra.options`) of the last attempt.
        first: options of full steps; without them ``options`` are the only attempt.
        linearisation: what the full steps linearise instead of ``residual``.
        split: parts of the unknown, for options that call for a field split; destroyed with the solver.

    Attributes:
        linear_iterations, linear_solves: of the Krylov solver (1 each for a factorisation), over all solves.
    """

    def __init__(
        self,
        name: str,
        residual: ufl.Form,
        unknown: fem.Function,
        reduction: Reduction,
        options: Mapping[str, object],
        first: Mapping[str, object] | None = None,
        linearisation: NewtonLinearisation | None = None,
        split: SplitMatrix | None = None,
    ) -> None:
        self.name, self.unknown, self.reduction = name, unknown, reduction
        self._linearisation = linearisation
        forms = self._compile(residual)
        self._residual_form = forms[0]
        self._assembled = ReducedMatrix(forms[1], reduction)
        self._vector = ReducedVector(self._residual_form, reduction)
        self.linear_iterations, self.linear_solves, self._split = 0, 0, split
        self.prescribed = np.empty(0, dtype=PETSc.IntType)
        self.prescribed_values: NDArray[np.float64] = np.empty(0)
        self._springs: Springs | None = None
        self._factored: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
        self._first_norm, self._last_norm, self._rises, self._noise = np.inf, np.inf, 0, 0.0
        self._share, self._enough = 0.0, np.nan
        self._options, self._first = dict(options), first
        self._pivots_freely = False
        self._forms = (forms, forms if linearisation is None else self._compile(linearisation.residual))
        self._make_solvers()

    def _make_solvers(self) -> None:
        """Vectors and PETSc solvers: once, and anew after an error in the middle of a solve."""
        create = self.reduction.create_vector
        self.solution, self._residual, self._true = create(), create(), create()
        own, linearised = self._forms
        last = _Attempt(self._create(self._options), *own)
        self._attempts = [last]
        if self._first is not None:
            full = _Attempt(self._create(self._first), *linearised, self._linearisation)
            kept = _Attempt(self._create(self._first), *own, kept=True)
            # a kept factorisation is of use only where there is one: not under a Krylov solver
            self._attempts = [kept, full, last] if self._split is None else [full, last]
        self._forcing: Forcing | None = None
        if self._split is not None:
            self._forcing = Forcing(last.snes.getKSP())
            self._split.install(last.snes.getKSP().getPC())
        for attempt in self._attempts[:-1]:
            attempt.snes.setKSP(last.snes.getKSP())
        self._now, self._factored = last, None
        if self._pivots_freely:
            self._pivot_freely()

    def _compile(self, residual: ufl.Form) -> tuple[fem.Form, fem.Form]:
        trial = ufl.TrialFunction(self.unknown.function_space)
        return fem.form(residual), fem.form(ufl.derivative(residual, self.unknown, trial))

    def _create(self, options: Mapping[str, object]) -> PETSc.SNES:
        snes = PETSc.SNES().create(self.reduction.comm)
        snes.setOptionsPrefix(f"livoid_{self.name}_{next(_prefix_counter)}_")
        snes.setFunction(self._evaluate, self._residual)
        snes.setJacobian(self._linearise, self._assembled.matrix)
        set_options(snes, options)
        snes.setConvergenceTest(self._converged)
        return snes

    def solve(
        self,
        prescribed: NDArray[np.int64] | None = None,
        values: NDArray[np.float64] | None = None,
        springs: Springs | None = None,
        share: float = 0.0,
    ) -> int:
        """Solve from the present value of the unknown.

        Args:
            prescribed: global reduced numbers of dofs that are given for this solve.
            values: of these dofs (0 if left out).
            springs: linear forces on further dofs.
            share: of the first residual at which to stop, for a solution that another solve goes on from;
                0 for one that counts.

        Returns:
            Newton iterations, each with a new Jacobian (steps with a kept one are cheap and not counted).

        Raises:
            SolveError: if Newton did not converge; the unknown is put back to where it was.
        """
        numbers = np.asarray([] if prescribed is None else prescribed, dtype=PETSc.IntType)
        given = np.zeros(len(numbers)) if values is None else np.asarray(values, dtype=float)
        self.prescribed, self.prescribed_values = self.reduction.on_owners(numbers, given)
        self._springs, self._share, self._enough = springs, share, np.nan
        before = self.unknown.x.array.copy()
        iterations, reason = 0, 0
        for k in range(len(self._attempts)):
            attempt = self._attempts[k]
            if attempt.kept and not self._factor_fits():
                continue
            reason = self._try(attempt)
            iterations += 0 if attempt.kept else int(attempt.snes.getIterationNumber())
            # A line search that finds no descent among round-off noise has converged all the same.
            if reason <= 0 and not attempt.kept and np.isfinite(self._last_norm):
                # the last norm may be that of a step before the one that led astray
                self.reduction.expand(self.solution, self.unknown)
                self._last_norm = self._true_norm(self.solution)
            if np.isfinite(self._last_norm) and (reason > 0 or (not attempt.kept and self._rounded_off())):
                self.reduction.expand(self.solution, self.unknown)
                if self._linearisation is not None:
                    self._linearisation.finish()
                return iterations
            # what steps with a kept factorisation have gained is the better start for the next attempt
            if not (attempt.kept and self._last_norm < self._first_norm):
                self.unknown.x.array[:] = before
            if attempt.linearisation is not None:
                attempt.linearisation.fail()
        self.unknown.x.array[:] = before
        if reason == PETSc.SNES.ConvergedReason.DIVERGED_LINEAR_SOLVE and self._give_up_symmetry():
            return iterations + self.solve(prescribed, values, springs, share)
        raise SolveError(
            f"{self.name}: Newton stopped after {iterations} iterations, residual {self._last_norm:.3e} "
            f"(from {self._first_norm:.1e}; rounding: {self._noise:.1e}), {reason_name(reason)}"
        )

    def _try(self, attempt: _Attempt) -> int:
        """One attempt from the present unknown; PETSc's reason for its end."""
        self._now = attempt
        self.reduction.restrict(self.unknown, self.solution)
        self.solution.setValues(self.prescribed, self.prescribed_values)
        self.solution.assemble()
        if attempt.linearisation is not None:
            self.reduction.expand(self.solution, self.unknown)
            attempt.linearisation.begin()
        failed = int(PETSc.SNES.ConvergedReason.DIVERGED_LINEAR_SOLVE)
        try:
            with timing.part("solve"):
                attempt.snes.solve(None, self.solution)
            reason = int(attempt.snes.getConvergedReason())
            self.linear_iterations += int(attempt.snes.getLinearSolveIterations())
            self.linear_solves += int(attempt.snes.getIterationNumber())
        except PETSc.Error:  # the package that factorises could not go on; vectors may be locked
            interrupts.raise_lost()
            self._make_solvers()
            reason = failed
        if reason == failed:
            self._last_norm = np.inf
        if reason == failed or (reason <= 0 and self._split is not None):
            self._factored = None
        return reason

    def factorisation(self) -> str:
        """PETSc's name of the factorisation in use."""
        return str(self._attempts[-1].snes.getKSP().getPC().getType())

    def _give_up_symmetry(self) -> bool:
        """Go over to a factorisation with room to pivot freely, for good; whether that is another one."""
        if self.factorisation() != PETSc.PC.Type.CHOLESKY:
            return False
        self._pivots_freely = True
        self._pivot_freely()
        return True

    def _pivot_freely(self) -> None:
        preconditioner = self._attempts[-1].snes.getKSP().getPC()
        package = preconditioner.getFactorSolverType()
        PETSc.Options()[preconditioner.getOptionsPrefix() + "mat_mumps_icntl_14"] = AMPLE_ROOM
        preconditioner.reset()
        preconditioner.setType(PETSc.PC.Type.LU)
        preconditioner.setFactorSolverType(package)
        self._factored = None

    def _factor_fits(self) -> bool:
        """Whether the last factorisation is one for the dofs that are prescribed now. Collective."""
        fits = self._factored is not None and all(
            np.array_equal(*pair) for pair in zip(self._factored, self._marked(), strict=True)
        )
        return bool(self.reduction.comm.allreduce(fits, op=MPI.LAND))

    def _marked(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Prescribed dofs and those with springs."""
        springs = np.empty(0, dtype=np.int64) if self._springs is None else self._springs.numbers
        return self.prescribed, springs

    def reactions(self) -> PETSc.Vec:
        """Reactions at prescribed dofs: the reduced residual at the present unknown (caller destroys)."""
        vector = self.reduction.create_vector()
        self._vector.assemble(self._residual_form, vector)
        return vector

    def destroy(self) -> None:
        """Free all PETSc objects (not the reduction)."""
        for attempt in self._attempts:
            forget_options(attempt.snes.getOptionsPrefix(), self._options)
            attempt.snes.destroy()
        for item in (self._assembled, self._vector, self.solution, self._residual, self._true, self._split):
            if item is not None:
                item.destroy()

    def _converged(
        self, snes: PETSc.SNES, iteration: int, norms: tuple[float, float, float]
    ) -> PETSc.SNES.ConvergedReason:
        """Convergence by the residual of F, whatever the attempt linearises.

        No fixed tolerance fits all: the residual of a power-law metal is a sum of terms that cancel, and how
        far it can be evaluated depends on the size of the solution (:mod:`rounding`). So besides the
        tolerance two observations near that floor count. Either the last step was one of quadratic
        convergence: the next would gain digits that are not there. Or it stagnated: these digits are used up
        (where the matrix is large, more of them than the floor knows, and what they come to is measured).

        A kept factorisation converges linearly, by about the same factor each step. Its steps are cheap, so
        they go on as long as each gains a digit; where one does not, either round-off is reached (done), or
        the factorisation is too old and the next attempt makes a new one (hopeless).

        Full steps may raise the residual on the way although they converge, but several rises in a row mean
        that they do not: then the attempt ends early and the line search takes over.
        """
        interrupts.check_if_stoppable(self.reduction.comm)
        now, reasons = self._now, PETSc.SNES.ConvergedReason
        norm = norms[2] if now.linearisation is None else self._true_norm(snes.getSolution())
        last, self._last_norm = self._last_norm if iteration else np.inf, norm
        self._first_norm = self._first_norm if iteration else norm
        self._enough = self._share * norm if np.isnan(self._enough) else self._enough
        self._rises = self._rises + 1 if iteration and norm > last else 0
        _rtol, atol, _stol, _max_it = snes.getTolerances()
        floor = rounding.usual_floor(self.solution)
        if now.kept:
            slow = iteration > 0 and norm > rounding.KEPT_GAIN * last
            done = norm <= rounding.KEPT_ENOUGH or (
                slow and norm <= min(rounding.KEPT_FLOOR * floor, rounding.KEPT_NORM)
            )
            hopeless = slow and not done
        else:
            fast = (
                norm <= rounding.QUADRATIC_FLOOR * floor and norm <= rounding.QUADRATIC_GAIN * last < np.inf
            )
            done = norm <= atol or fast or (norm > rounding.STAGNATION * last and self._rounded_off())
            hopeless = self._rises >= RISES and now is not self._attempts[-1]
        if (hopeless and norm > self._enough) or not np.isfinite(norm):
            return reasons.DIVERGED_FUNCTION_DOMAIN
        done = done or norm <= self._enough
        if self._forcing is not None and iteration:
            self._forcing.go_on(norm, max(rounding.QUADRATIC_FLOOR * floor, self._enough))
        elif self._forcing is not None:
            self._forcing.begin(norm)
        return reasons.CONVERGED_FNORM_ABS if done else reasons.CONVERGED_ITERATING

    def _rounded_off(self) -> bool:
        """Whether the last residual is one of rounding; measured where the floor says no. Collective."""
        self._noise = rounding.usual_floor(self.solution)
        if self._noise < self._last_norm < np.inf:
            self._noise = rounding.measured_floor(self._assembled.matrix, self.solution)
        return self._last_norm <= self._noise

    def _evaluate(self, _snes: PETSc.SNES, trial: PETSc.Vec, out: PETSc.Vec) -> None:
        self.reduction.expand(trial, self.unknown)
        if self._now.linearisation is not None:
            self._now.linearisation.advance()
        self._assemble_residual(self._now.residual, trial, out)

    def _true_norm(self, trial: PETSc.Vec) -> float:
        """Norm of F itself at the step just evaluated."""
        self._assemble_residual(self._residual_form, trial, self._true)
        return float(self._true.norm())

    def _assemble_residual(self, form: fem.Form, trial: PETSc.Vec, out: PETSc.Vec) -> None:
        self._vector.assemble(form, out)
        start = self.reduction.start
        if self._springs is not None:
            self._springs.add_to(out, trial)
        if len(self.prescribed):
            out.array[self.prescribed - start] = (
                trial.array_r[self.prescribed - start] - self.prescribed_values
            )

    def _linearise(self, _snes: PETSc.SNES, trial: PETSc.Vec, matrix: PETSc.Mat, _from: PETSc.Mat) -> None:
        if self._now.kept or (self._forcing and self._forcing.old_will_do and self._factor_fits()):
            return  # PETSc factorises only what has changed
        self.reduction.expand(trial, self.unknown)
        self._assembled.assemble(self._now.jacobian)
        if self._springs is not None:
            matrix.axpy(1.0, self._springs.stiffness, PETSc.Mat.Structure.SUBSET_NONZERO_PATTERN)
        matrix.zeroRowsColumns(self.prescribed, diag=1.0)
        if self._split is not None:
            self._split.follow(
                matrix, linearised=self._now.linearisation is not None, prescribed=self.prescribed
            )
        prescribed, springs = self._marked()
        self._factored = (prescribed.copy(), springs.copy())
