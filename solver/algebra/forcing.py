"""Inexact Newton steps: under a Krylov solver no step is made better than it is worth.

A step costs a Jacobian with its preconditioner and the iterations that solve its linear system. Far from the
solution the residual that a step leaves is that of the nonlinear problem, whatever the linear one leaves, so
that a loose tolerance does (Eisenstat and Walker, SIAM J. Sci. Comput. 17, 16, 1996); near it the last
Jacobian is as good as a new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.algebra import rounding

if TYPE_CHECKING:
    from petsc4py import PETSc

FIRST, MOST = 1e-3, 1e-2
"""Linear tolerance of a solve's first step, and of any."""
SHARE, POWER = 0.5, 1.6
"""A step that brings the residual down to the share r is followed by one solved to 0.5 r^1.6: Eisenstat and
Walker's choice 2, with the order of the secant method."""
NEAR = 1e-2
"""Share of the last solve's first residual from which a solve goes on with the last Jacobian: passes of the
staggered loop begin at 2e-3 to 5e-3, the next time step far above 1."""
OF_LAST = 0.1
"""What a linear system leaves, over what Newton's method may leave: no more is asked of the last step."""


class Forcing:
    """Linear tolerance and age of the Jacobian of each Newton step.

    Args:
        krylov: solver of the linear systems; its relative tolerance at this moment is the tightest.

    Attributes:
        old_will_do: whether the next step may take the last Jacobian.
    """

    def __init__(self, krylov: PETSc.KSP) -> None:
        self._krylov, self._tightest = krylov, float(krylov.getTolerances()[0])
        self.old_will_do, self._began, self._least = False, 0.0, 0.0

    def begin(self, norm: float) -> None:
        """Plan the first step of a solve, from a residual of ``norm``."""
        self.old_will_do = norm <= NEAR * self._began
        self._began = self._least = norm
        self._solve_to(FIRST)

    def go_on(self, norm: float, goal: float) -> None:
        """Plan the next step.

        A residual above the least so far, as on a cold start, says nothing: the next step is solved to the
        tightest tolerance. A new Jacobian is left out where the last gains as much once more as there is left
        to gain.

        Args:
            norm: of the residual that the last step has left.
            goal: what Newton's method may leave.
        """
        gain, left = norm / self._least, goal / max(norm, goal)
        self._least = min(self._least, norm)
        self.old_will_do = gain <= min(left, rounding.QUADRATIC_GAIN)
        wanted = min(SHARE * gain**POWER, MOST) if gain < 1.0 else 0.0
        self._solve_to(max(wanted, OF_LAST * min(left, rounding.QUADRATIC_GAIN)))

    def _solve_to(self, tolerance: float) -> None:
        self._krylov.setTolerances(rtol=max(self._tightest, tolerance))
