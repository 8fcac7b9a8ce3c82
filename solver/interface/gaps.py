"""Gaps between metal and electrolyte that are too thin for a roof of their own (docs/model.md 4).

Where the contact parts, a gap g opens between the electrolyte and the metal's lower side, which the mesh
still has at y = 0:

    dg/dt = v . e_y + a,   g >= 0

v: velocity of the metal; a: lattice planes removed there. A gap carries no force and no current, and its
metal surface takes up vacancies as that of a void does. Where it has closed there is contact again. One that
has become as thick as the mesh resolves turns into a void with a roof (:mod:`solver.interface.openings`).

The record is kept on a fixed grid of the electrolyte's surface, the same on every rank, and follows accepted
steps only. The metal of the mesh holds the volume of the gaps besides the metal, which a step accounts for
(:func:`solver.stepping.step.advance`). That volume is kept as a number of its own: a mesh reads the thickness
at its own points, which are others after each motion, and a void may run over a gap. What that changes goes
to the void surfaces, and the metal keeps its amount.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from meshes.surface_grid import SurfaceGrid

THINNEST = 1e-9
"""um; what is thinner has closed: far below an atom, above rounding."""


@dataclass
class Gaps:
    """The record.

    Attributes:
        grid: of the electrolyte's surface.
        surface: its area (um2; a length in um in the plane).
        thickness: of the gap in each cell (um), 0 in contact and under voids.
        held: volume of the gaps (um3; um2 in the plane) that the mesh's metal holds since the last step.
    """

    grid: SurfaceGrid
    surface: float
    thickness: NDArray[np.float64] = field(init=False)
    held: float = 0.0

    def __post_init__(self) -> None:
        self.thickness = np.zeros(len(self.grid.middles))

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Thickness (um) at points (n, >= lateral): of the cell that each lies in."""
        return self.thickness[self.grid.cell_of(points)]

    def closed_at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """1 at points in contact, 0 over gaps."""
        return np.where(self.at(points) > 0.0, 0.0, 1.0)

    def measure(self, cells: NDArray[np.bool_] | slice = slice(None)) -> float:
        """Volume of the gaps (um3; um2 in the plane) in all cells or some."""
        return float(np.sum((self.grid.shares * self.thickness)[cells])) * self.surface

    def fraction(self) -> float:
        """Share of the surface under gaps."""
        return float(np.sum(self.grid.shares[self.thickness > 0.0]))

    def become(self, thickness: NDArray[np.float64], volume: float) -> None:
        """A step has been accepted that leaves gaps of this thickness in the cells, that volume in all."""
        self.thickness = np.where(thickness > THINNEST, thickness, 0.0)
        self.held = volume

    def cover(self, cells: NDArray[np.bool_]) -> None:
        """Voids stand over these cells: what they take over the next step finds missing."""
        self.thickness[cells] = 0.0

    def state(self) -> dict[str, Any]:
        """Plain data for the checkpoint: the cells with gaps."""
        cells = np.flatnonzero(self.thickness)
        return {"cells": cells.tolist(), "thickness": self.thickness[cells].tolist(), "held": self.held}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take :meth:`state` back, which may have gone through JSON."""
        self.thickness = np.zeros(len(self.grid.middles))
        self.thickness[np.array(state["cells"], dtype=np.int64)] = state["thickness"]
        self.held = float(state["held"])
