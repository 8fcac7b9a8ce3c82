"""L2 projection of quantities known at the contact (interior facets) onto its trace space."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import ufl
from dolfinx import fem
from ufl.core.expr import Expr

from meshes.cell import CellMesh
from meshes.tags import Boundary
from solver.constraints import ConstraintSpec, Reduction
from solver.coordinates import contact_weight
from solver.newton import NewtonSolver


class ContactProjection:
    """Projects one UFL contact density onto ``space`` restricted to the contact.

    The integral of the projection equals that of the density, which conservation relies on.

    Args:
        cell: mesh.
        space: scalar Lagrange space on the whole mesh.
        density: UFL expression on interior facets (already restricted).
        options: PETSc options.
    """

    def __init__(
        self, cell: CellMesh, space: fem.FunctionSpace, density: Expr, options: Mapping[str, object]
    ) -> None:
        self.value = fem.Function(space)
        self.dofs = fem.locate_dofs_topological(
            space, cell.domain.topology.dim - 1, cell.boundary(Boundary.CONTACT)
        )
        owned = np.arange(space.dofmap.index_map.size_local, dtype=np.int32)
        spec = ConstraintSpec(fixed=[np.setdiff1d(owned, self.dofs).astype(np.int32)])
        self._reduction = Reduction(space, spec)
        w = contact_weight(cell)
        test = ufl.TestFunction(space)("+")
        residual = w * (self.value("+") - density) * test * cell.dS(Boundary.CONTACT)
        self._newton = NewtonSolver("projection", residual, self.value, self._reduction, options)

    def update(self) -> fem.Function:
        """Project the present density. Collective; raises SolveError."""
        self._newton.solve()
        return self.value

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self._newton.destroy()
        self._reduction.destroy()
