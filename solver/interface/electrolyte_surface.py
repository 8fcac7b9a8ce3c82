"""The electrolyte's surface: where the metal touches it, where thin gaps are, and what it remembers of both.

The electrolyte is rigid, so what belongs to its surface is kept on a fixed grid, the same on every rank. It
follows the accepted path of a run only: a step is entered once it counts, with the contact as it was solved
and the voids as they then are. So rejected steps leave no mark, and meshes come and go without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from meshes.surface_grid import SurfaceGrid
from meshes.tags import Boundary
from solver.interface.contact_memory import ContactHistory
from solver.interface.gaps import Gaps

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from solver.equations.coupled_model import CoupledModel
    from solver.equations.terms.contact_memory import MemoryLaw


class ContactTrace(NamedTuple):
    """The contact of a solved state on the grid.

    Attributes:
        pressure: p_c (P0), -inf where there is no contact; everywhere where nobody remembers it.
        gap: thickness of gaps (um), 0 elsewhere.
        volume: of all gaps on the mesh (um3; um2 in the plane).
    """

    pressure: NDArray[np.float64]
    gap: NDArray[np.float64]
    volume: float


@dataclass
class ElectrolyteSurface:
    """State of the surface.

    Attributes:
        gaps: where the metal has parted without a void of the mesh.
        memory: of parted contact, None where the contact has none.
    """

    gaps: Gaps
    memory: ContactHistory | None

    @classmethod
    def begun(
        cls,
        law: MemoryLaw | None,
        extents: Sequence[float],
        spacing: float,
        area: float,
        *,
        axisymmetric: bool,
    ) -> ElectrolyteSurface:
        """A surface (um) that the metal touches everywhere and has nowhere left; see :class:`SurfaceGrid`."""
        grid = SurfaceGrid(extents, spacing, axisymmetric=axisymmetric)
        return cls(Gaps(grid, area), None if law is None else ContactHistory(grid, law))

    @property
    def spacing(self) -> float:
        """Side of a cell (um)."""
        return float(self.gaps.grid.steps.min())

    @property
    def has_gaps(self) -> bool:
        """Whether there is a gap anywhere."""
        return bool(np.any(self.gaps.thickness > 0.0))

    @property
    def has_memory(self) -> bool:
        """Whether contact may have another Z than Z_0."""
        return self.memory is not None

    def take_law(self, law: MemoryLaw | None) -> None:
        """Go on with the numbers of another temperature."""
        if self.memory is not None and law is not None:
            self.memory.law = law

    def cover(self, footprints: Iterable[BaseGeometry]) -> None:
        """The voids stand there now."""
        if not (self.has_gaps or self.has_memory):
            return
        cells = self.gaps.grid.covered(footprints)
        self.gaps.cover(cells)
        if self.memory is not None:
            self.memory.cover(cells)

    def held_under(self, footprints: Iterable[BaseGeometry]) -> float:
        """How much of :attr:`held` voids take over that stand there (um3; um2 in the plane)."""
        gaps = self.gaps
        return min(gaps.measure(gaps.grid.covered(footprints)), gaps.held)

    def release(self, volume: float) -> None:
        """The mesh's metal holds that much less for gaps."""
        self.gaps.held -= volume

    def accept(self, trace: ContactTrace, time_step: float) -> None:
        """A step of ``time_step`` (L/v0) with that contact counts."""
        self.gaps.become(trace.gap, trace.volume)
        if self.memory is not None:
            self.memory.press(trace.pressure, self.gaps.thickness > 0.0, time_step)

    def gap_at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Thickness of the gap (um) at points (n, >= lateral)."""
        return self.gaps.at(points)

    def closed_at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """1 at points in contact, 0 over gaps."""
        return self.gaps.closed_at(points)

    def conductance_at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Z_0/Z at points (n, >= lateral) of the contact, 0 over gaps."""
        closed = self.gaps.closed_at(points)
        return closed if self.memory is None else closed * self.memory.conductance_at(points)

    @property
    def held(self) -> float:
        """Volume of gaps that the mesh's metal holds since the last step (um3; um2 in the plane)."""
        return self.gaps.held

    def virgin_fraction(self) -> float | None:
        """Share of the surface that the metal has never left, None without memory."""
        return None if self.memory is None else self.memory.virgin_fraction()

    def trace(self, model: CoupledModel) -> ContactTrace:
        """The contact of a solved model. Collective; every rank gets the same."""
        grid, comm = self.gaps.grid, model.cell.domain.comm
        facets = model.chemistry.kinetics.facets
        found = np.full((2, len(grid.middles)), -np.inf)
        parted = comm.allreduce(bool(np.any(model.contact.gap > 0.0)), op=MPI.LOR)
        if parted or self.has_memory:
            hits = grid.under(facets.corners())
            if self.has_memory:
                nodal = model.contact_pressure.x.array[facets.dofs[hits.simplex]]
                np.maximum.at(found[0], hits.cell, np.einsum("mc,mc->m", hits.barycentric, nodal))
            if parted:
                np.maximum.at(found[1], hits.cell, _nearest_gap(model, grid.middles[hits.cell]))
            comm.Allreduce(MPI.IN_PLACE, found, op=MPI.MAX)
        return ContactTrace(found[0], np.maximum(found[1], 0.0), model.gaps.volume(model.contact))

    def state(self) -> dict[str, Any]:
        """Plain data for the checkpoint."""
        memory = None if self.memory is None else self.memory.state()
        return {"gaps": self.gaps.state(), "memory": memory}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take :meth:`state` back, which may have gone through JSON."""
        self.gaps.restore(state["gaps"])
        if self.memory is not None:
            self.memory.restore(state["memory"])


def _nearest_gap(model: CoupledModel, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gap (um) of the contact's nearest dof at points (m, 3) over this rank's contact. Collective."""
    gap, cell = model.gaps.at_end(model.contact), model.cell
    space = gap.function_space
    fdim = cell.domain.topology.dim - 1
    dofs = fem.locate_dofs_topological(space, fdim, cell.boundary(Boundary.CONTACT))
    if len(dofs) == 0 or len(points) == 0:
        return np.zeros(len(points))
    nearest = cKDTree(space.tabulate_dof_coordinates()[dofs]).query(points)[1]
    return np.asarray(gap.x.array[dofs[nearest]])
