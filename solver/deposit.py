"""Where plated lithium goes: thickness of the deposit along the interface (two-dimensional cells)."""

from __future__ import annotations

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray

from meshes.tags import Boundary
from solver.model import CoupledModel

GRID_POINTS = 400
"""Stretches of the electrolyte surface in which the deposit is counted."""


class Deposit:
    """Charge plated at each place of the electrolyte surface since the start of a plating step.

    The electrolyte is rigid, so places on it are fixed: the record outlives the mesh.

    Attributes:
        positions: middles of the stretches (um).
        thickness: plated lithium in each stretch (um), its mean over the surface exact.
    """

    def __init__(self, width: float, *, axisymmetric: bool) -> None:
        edges = np.linspace(0.0, width, GRID_POINTS + 1)
        self.positions = 0.5 * (edges[1:] + edges[:-1])
        power = 2 if axisymmetric else 1
        self._share = np.diff(edges**power) / width**power
        self.thickness = np.zeros(GRID_POINTS)

    def clear(self) -> None:
        """Start again."""
        self.thickness[:] = 0.0

    def add(self, model: CoupledModel, time_step: float) -> None:
        """Add one step at the present current. Collective; every rank holds the same record."""
        x, current = contact_values(model)
        if len(x) < 2:
            return
        on_grid = np.interp(self.positions, x, current)
        inside = _inside(self.positions, model, x)
        added = np.where(inside, -on_grid * time_step, 0.0)
        plated = -model.chemistry.contact_current() / model.chemistry.whole_area * time_step
        counted = float(np.sum(added * self._share))
        self.thickness += added * (plated / counted if counted != 0.0 else 0.0)

    def mean(self) -> float:
        """Mean thickness over the whole surface (um)."""
        return float(np.sum(self.thickness * self._share))


def contact_values(model: CoupledModel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(x, current density in i0) at the contact nodes, sorted, on every rank. Collective."""
    dofs, current = model.zone.trace_dofs, model.current.value
    coordinates = current.function_space.tabulate_dof_coordinates()[dofs, 0]
    mine = np.column_stack([coordinates, current.x.array[dofs]])
    everything = np.vstack(model.cell.domain.comm.allgather(mine))
    everything = everything[np.argsort(everything[:, 0], kind="stable")]
    return everything[:, 0], everything[:, 1]


def _inside(points: NDArray[np.float64], model: CoupledModel, x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points lie in contact and not under a void. Collective."""
    floors = fem.locate_dofs_topological(model.surface.scalars, 1, model.cell.boundary(Boundary.FLOOR))
    mine = model.surface.scalars.tabulate_dof_coordinates()[floors, 0]
    floor = np.concatenate(model.cell.domain.comm.allgather(mine))
    nearest_contact = np.abs(points[:, None] - x[None, :]).min(axis=1)
    if len(floor) == 0:
        return np.ones(len(points), dtype=bool)
    return np.asarray(nearest_contact <= np.abs(points[:, None] - floor[None, :]).min(axis=1))
