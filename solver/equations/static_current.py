"""Current distribution of a fixed geometry without vacancies: verification rows and current focusing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray

from meshes.tags import Boundary, Region
from solver.equations.coordinates import weight
from solver.equations.electrochemistry import ElectrochemistryProblem

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.equations.terms.current import CurrentParameters


@dataclass(frozen=True)
class CurrentResult:
    """Solved current distribution over an electrolyte of thickness ``depth``."""

    chemistry: ElectrochemistryProblem
    depth: float

    def resistance(self) -> float:
        """phi_m over the mean current, less the slab's share (unit conductivity)."""
        c = self.chemistry
        phi_m = c.integrate(c.metal_potential("+"), Boundary.CONTACT) / c.contact_area
        return phi_m - self.depth

    def joule_resistance(self) -> float:
        """Constriction alone: dissipation in the electrolyte over the current squared, less the slab's."""
        c = self.chemistry
        grad = ufl.grad(c.potential)
        form = fem.form(weight(c.cell) * ufl.inner(grad, grad) * c.cell.dx(Region.ELECTROLYTE))
        total = c.contact_current()
        dissipated = c.cell.domain.comm.allreduce(fem.assemble_scalar(form))
        return float(dissipated / total**2 * c.whole_area - self.depth)

    def contact_fraction(self) -> float:
        """Area in contact over the whole area, of the mesh."""
        return float(self.chemistry.contact_area / self.chemistry.whole_area)

    def current_at(self, *positions: float) -> NDArray[np.float64]:
        """Contact current density at lateral positions over the whole area's mean (where i is an unknown)."""
        c = self.chemistry
        part = c.part("contact_current")
        space = part.space
        on = fem.locate_dofs_topological(
            space, c.cell.domain.topology.dim - 1, c.cell.boundary(Boundary.CONTACT)
        )
        on = on[on < space.dofmap.index_map.size_local]
        x = space.tabulate_dof_coordinates()[on, 0]
        values = part.values[on]
        line = self._gathered(np.column_stack([x, values]).astype(np.float64))
        mean = c.contact_current() / c.whole_area
        return np.asarray(np.interp(positions, line[:, 0], line[:, 1]) / mean, dtype=np.float64)

    def contact_values(self) -> NDArray[np.float64]:
        """Rows (coordinates, i over the whole area's mean) at contact nodes. Collective.

        Linear kinetics: i follows from the potentials at the nodes.
        """
        c = self.chemistry
        domain = c.cell.domain
        part = c.part("contact_current" if c.equipotential else "potential")
        space = part.space
        on = fem.locate_dofs_topological(space, domain.topology.dim - 1, c.cell.boundary(Boundary.CONTACT))
        on = on[on < space.dofmap.index_map.size_local]
        where = space.tabulate_dof_coordinates()[on, : domain.geometry.dim]
        total = c.contact_current()
        phi_m = c.integrate(c.metal_potential("+"), Boundary.CONTACT) / c.contact_area
        values = part.values[on]
        if not c.equipotential:
            values = (phi_m - values) / c.parameters.area_resistance
        values = values / (total / c.whole_area)
        return self._gathered(np.column_stack([where, values]).astype(np.float64))

    def _gathered(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        table = np.vstack(self.chemistry.cell.domain.comm.allgather(rows))
        return np.asarray(table[np.argsort(table[:, 0])], dtype=np.float64)

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self.chemistry.destroy()


def solve_current(cell: CellMesh, parameters: CurrentParameters, depth: float) -> CurrentResult:
    """Current distribution of a cell without vacancies. Collective; raises SolveError."""
    chemistry = ElectrochemistryProblem.isolated(cell, parameters)
    chemistry.solve()
    return CurrentResult(chemistry, depth)
