"""L2 projections onto a part of a space."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from ufl.core.expr import Expr

from solver.algebra.newton import NewtonSolver
from solver.algebra.reduction import ConstraintSpec, Reduction


class Projection:
    """Projection onto the functions of ``space`` that are 0 at all but the given dofs.

    Args:
        name: of the solver, for its errors.
        space: scalar Lagrange space.
        dofs: local dofs that the projection has.
        residual: the weak form (function, test function) that the projection makes 0.
        options: PETSc options.
    """

    def __init__(
        self,
        name: str,
        space: fem.FunctionSpace,
        dofs: NDArray[np.int32],
        residual: Callable[[fem.Function, Expr], ufl.Form],
        options: Mapping[str, object],
    ) -> None:
        self.value, self.dofs = fem.Function(space), dofs
        owned = np.arange(space.dofmap.index_map.size_local, dtype=np.int32)
        spec = ConstraintSpec(fixed=[np.setdiff1d(owned, dofs).astype(np.int32)])
        self._reduction = Reduction(space, spec)
        form = residual(self.value, ufl.TestFunction(space))
        self._newton = NewtonSolver(name, form, self.value, self._reduction, options)

    def update(self) -> fem.Function:
        """Project the present values. Collective; raises SolveError."""
        self._newton.solve()
        return self.value

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self._newton.destroy()
        self._reduction.destroy()
