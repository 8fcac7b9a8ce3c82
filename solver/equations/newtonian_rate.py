"""The rate e_0 below which the metal is taken for Newtonian: given, or in proportion to that of its own flow.

    e_0 = min(E, max(SMALLEST, 2^floor(log2(r <e>)))),   <e> = int sigma e dV / int sigma dV

E: ``regularisation``; r: ``relative_regularisation`` (0: e_0 = E); sigma, e: effective stress and rate of the
present flow. A fixed e_0 is nothing beside the flow into a void under 2 MPa and most of it under 0.05 MPa.
The mean by stress is that of the metal that flows: one by volume would fall with every layer of metal at
rest, one by dissipation belongs to the elements at a triple line. e_0 is set between solves, never within
one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import ufl
from dolfinx import fem

from solver.core import timing
from solver.equations.coordinates import strain_rate
from solver.equations.terms import creep

if TYPE_CHECKING:
    from solver.equations.mechanics import MechanicsProblem

SMALLEST = 1e-6
"""e_0 (v0/L) is never less: slower flow than a thousand times that changes a void by less than 1e-3 of what
stripping does, and metal at rest would be too stiff to solve."""


class NewtonianRate:
    """e_0 of one mesh.

    Args:
        problem: whose creep law has it; its ``regularisation`` is set here.
    """

    def __init__(self, problem: MechanicsProblem) -> None:
        self._problem = problem
        law = problem.creep_law
        self._relative, self._most = law.relative_regularisation, law.regularisation
        if not self.follows:
            return
        rate = strain_rate(problem.velocity, problem.cell)
        own = creep.effective_rate(rate, ufl.as_ufl(0.0))
        stress = 3.0 * problem.viscosity(rate) * own
        self._forms = [fem.form(problem.in_metal(density)) for density in (stress * own, stress)]

    @property
    def follows(self) -> bool:
        """Whether e_0 follows the flow, or is given."""
        return self._relative > 0.0

    @timing.counted("assembly")
    def follow(self) -> bool:
        """Take e_0 from the present velocity; whether it is less than before. Collective.

        It takes powers of two alone: solved again, the same state has the same e_0. Without flow it stays.
        """
        if not self.follows:
            return False
        comm = self._problem.cell.domain.comm
        flowing, stress = (comm.allreduce(fem.assemble_scalar(form)) for form in self._forms)
        if not flowing > 0.0:
            return False
        wanted = 2.0 ** math.floor(math.log2(self._relative * flowing / stress))
        value, before = self._problem.regularisation, float(self._problem.regularisation.value)
        value.value = min(self._most, max(SMALLEST, wanted))
        return bool(float(value.value) < before)
