"""How small a residual can be: what rounding of the solution leaves of it, and when no step gains on that."""

from __future__ import annotations

import numpy as np
from petsc4py import PETSc

ROUNDINGS = 10.0
"""Roundings that the sum of a residual's contributions at a node comes to: a few elements of a few points."""

ROUND_OFF_FLOOR = 1e-9
"""Residual norm over the size of the solution below which stagnation counts as convergence: the residual of a
power-law material on a graded mesh cannot be evaluated more accurately than about 1e-11."""
LARGEST_FLOOR = 1e-4
"""Residual norm above which that is measured: one number of the solution may be large (vacancies in frozen
metal: 1e9) where the equations of all others are of order one."""
STAGNATION = 0.5
"""A Newton step that leaves more than this share of the residual stagnates."""

QUADRATIC_FLOOR, QUADRATIC_GAIN = 0.1, 1e-2
"""A residual below this share of the floor that the last step brought down at least this much has converged:
the next step would gain digits that cannot be evaluated."""

KEPT_GAIN = 0.1
"""What each step with a kept factorisation must bring the residual down to. Where one does not, either
round-off is reached or the Jacobian is made anew, which costs little."""
KEPT_FLOOR, KEPT_NORM = 1e-2, 1e-11
"""Share of the floor, and residual norm, below which that counts as round-off."""
KEPT_ENOUGH = 1e-14
"""Residual norm at which no further step is taken."""


def usual_floor(solution: PETSc.Vec) -> float:
    """Round-off floor at a solution by its size: residuals are sums of terms of that size. Collective."""
    size = float(solution.norm(PETSc.NormType.NORM_INFINITY))
    return min(ROUND_OFF_FLOOR * max(1.0, size), LARGEST_FLOOR)


def measured_floor(matrix: PETSc.Mat, solution: PETSc.Vec) -> float:
    """Norm below which the residual of a Newton step is noise. Collective.

    A solution x is known to eps x, and a residual F is summed from contributions that cancel, each about as
    large as what its unknown brings about. So F cannot be told from 0 below the norm of eps abs(J) abs(x),
    taken entry by entry, and no step brings it down.

    Args:
        matrix: J, the last Jacobian.
        solution: x.
    """
    size, scaled = solution.copy(), matrix.copy()
    size.abs()
    scaled.diagonalScale(None, size)
    first, _columns, entries = scaled.getValuesCSR()
    sums = np.concatenate([[0.0], np.cumsum(np.abs(entries))])
    rows = sums[first[1:]] - sums[first[:-1]]
    square = float(solution.comm.tompi4py().allreduce(float(rows @ rows)))
    for item in (size, scaled):
        item.destroy()
    return ROUNDINGS * float(np.finfo(float).eps) * square**0.5
