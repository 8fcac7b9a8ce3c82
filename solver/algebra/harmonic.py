"""Linear systems (A + i omega B) u = b with real A, B and b, for many omega; PETSc here has real numbers.

Written as twice as many real unknowns, u = a + i c::

    [ A        -omega B ] [a]   [b]
    [ omega B   A       ] [c] = [0]
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from petsc4py import PETSc

from solver.algebra.petsc_options import forget_options, set_options

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS: Mapping[str, object] = {
    "ksp_type": "preonly",
    "pc_type": "lu",
    "pc_factor_mat_solver_type": "mumps",
    "mat_mumps_icntl_14": 200,
}
"""One factorisation for each omega; the dense row of a tied unknown is left to MUMPS' own ordering."""

_count = itertools.count()


class HarmonicError(RuntimeError):
    """A system that could not be factorised."""


class HarmonicSolver:
    """Solves for one omega after the other. Collective.

    Args:
        stiffness: A, square.
        storage: B, of the same layout.
    """

    def __init__(self, stiffness: PETSc.Mat, storage: PETSc.Mat) -> None:
        negative = storage.copy()
        negative.scale(-1.0)
        self._own = stiffness.getLocalSize()[0]
        self._stiffness = self._merged([[stiffness, None], [None, stiffness]])
        self._storage = self._merged([[None, negative], [storage, None]])
        negative.destroy()
        self._matrix = self._stiffness.copy()
        self._matrix.axpy(1.0, self._storage, PETSc.Mat.Structure.DIFFERENT_NONZERO_PATTERN)
        self._ksp = PETSc.KSP().create(stiffness.comm)
        self._ksp.setOptionsPrefix(f"livoid_harmonic_{next(_count)}_")
        set_options(self._ksp, OPTIONS)
        self._ksp.setOperators(self._matrix)
        self._right, self._found = self._matrix.createVecs()

    @staticmethod
    def _merged(blocks: list[list[PETSc.Mat | None]]) -> PETSc.Mat:
        nest = PETSc.Mat().createNest(blocks)
        merged = nest.convert(PETSc.Mat.Type.AIJ, PETSc.Mat())
        nest.destroy()
        return merged

    def solve(self, omega: float, source: PETSc.Vec) -> tuple[PETSc.Vec, PETSc.Vec]:
        """Real and imaginary part of u (the caller destroys them).

        Raises:
            HarmonicError: if the factorisation fails, or leaves what is no number.
        """
        subset = PETSc.Mat.Structure.SUBSET_NONZERO_PATTERN
        self._matrix.zeroEntries()
        self._matrix.axpy(1.0, self._stiffness, subset)
        self._matrix.axpy(omega, self._storage, subset)
        self._ksp.setOperators(self._matrix)
        self._right.array = np.concatenate([source.array_r, np.zeros(self._own)])
        self._ksp.solve(self._right, self._found)
        if self._ksp.getConvergedReason() <= 0 or not np.isfinite(self._found.norm()):
            raise HarmonicError(f"no solution at {omega:g} per unit of time (PETSc: MUMPS)")
        parts = source.duplicate(), source.duplicate()
        for part, values in zip(parts, np.split(self._found.array_r, [self._own]), strict=True):
            part.array = values
        return parts

    def destroy(self) -> None:
        """Free the PETSc objects (not A and B)."""
        forget_options(self._ksp.getOptionsPrefix(), OPTIONS)
        for item in (self._ksp, self._matrix, self._stiffness, self._storage, self._right, self._found):
            item.destroy()
