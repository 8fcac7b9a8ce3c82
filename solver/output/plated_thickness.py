"""Where plated lithium goes: its thickness along the electrolyte surface (two-dimensional cells)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from meshes import compat
from meshes.tags import Boundary

if TYPE_CHECKING:
    from solver.equations.coupled_model import CoupledModel

GRID_POINTS = 400
"""Stretches of the electrolyte surface, each with a thickness of its own."""


class PlatedThickness:
    """Charge plated at each place of the electrolyte surface since the start of a plating step.

    The electrolyte is rigid, so places on it are fixed: the record outlives the mesh.

    Attributes:
        positions: middles of the stretches (um).
        values: thickness plated in each stretch (um), its mean over the surface exact.
    """

    def __init__(self, width: float, *, axisymmetric: bool) -> None:
        edges = np.linspace(0.0, width, GRID_POINTS + 1)
        self.positions = 0.5 * (edges[1:] + edges[:-1])
        power = 2 if axisymmetric else 1
        self._share = np.diff(edges**power) / width**power
        self.values = np.zeros(GRID_POINTS)

    def clear(self) -> None:
        """Start again."""
        self.values[:] = 0.0

    def add(self, model: CoupledModel, time_step: float) -> None:
        """Add one step at the present current. Collective; every rank holds the same record."""
        x, current = contact_values(model)
        if len(x) < 2:
            return
        on_grid = np.interp(self.positions, x, current)
        inside = _inside(self.positions, model)
        added = np.where(inside, -on_grid * time_step, 0.0)
        plated = -model.chemistry.contact_current() / model.chemistry.whole_area * time_step
        counted = float(np.sum(added * self._share))
        self.values += added * (plated / counted if counted != 0.0 else 0.0)

    def mean(self) -> float:
        """Mean thickness over the whole surface (um)."""
        return float(np.sum(self.values * self._share))


def contact_values(model: CoupledModel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(x, current density in i0) at the contact nodes, sorted, on every rank. Collective."""
    dofs, current = model.zone.trace_dofs, model.current.value
    coordinates = current.function_space.tabulate_dof_coordinates()[dofs, 0]
    mine = np.column_stack([coordinates, current.x.array[dofs]])
    everything = np.vstack(model.cell.domain.comm.allgather(mine))
    everything = everything[np.argsort(everything[:, 0], kind="stable")]
    return everything[:, 0], everything[:, 1]


def _inside(points: NDArray[np.float64], model: CoupledModel) -> NDArray[np.bool_]:
    """Which points lie under a facet in contact. Collective."""
    domain = model.cell.domain
    nodes = compat.entity_nodes(domain, 1, model.cell.boundary(Boundary.CONTACT))
    ends = np.sort(domain.geometry.x[nodes, 0], axis=1)
    stretches = np.vstack(domain.comm.allgather(ends.reshape(-1, 2)))
    stretches = stretches[np.argsort(stretches[:, 0])]
    before = np.searchsorted(stretches[:, 0], points, side="right") - 1
    return np.asarray((before >= 0) & (points <= stretches[np.maximum(before, 0), 1]))
