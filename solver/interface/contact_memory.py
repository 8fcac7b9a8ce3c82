"""What the electrolyte's surface remembers: where metal has never left it, and what has pressed it since.

The record is kept on a fixed grid of the surface, the same on every rank
(:mod:`solver.interface.electrolyte_surface`).

Explicit in time: a step is solved with the record of the steps before it. Contact that has just come back has
seen no pressure and carries next to no current until the step after, whose p_c then counts.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from meshes.surface_grid import SurfaceGrid
    from solver.equations.terms.contact_memory import MemoryLaw


@dataclass
class ContactHistory:
    """The record.

    Attributes:
        grid: of the electrolyte's surface.
        law: Z of contact that has parted and come back.
        virgin: cells that the metal has never left.
        covered: cells that are under a void.
        largest: p_max (P0) since the metal came back, 0 under voids and where it just has.
        healed: ln h, likewise.
    """

    grid: SurfaceGrid
    law: MemoryLaw
    virgin: NDArray[np.bool_] = field(init=False)
    covered: NDArray[np.bool_] = field(init=False)
    largest: NDArray[np.float64] = field(init=False)
    healed: NDArray[np.float64] = field(init=False)
    _read: NDArray[np.float64] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        cells = len(self.grid.middles)
        self.virgin, self.covered = np.ones(cells, dtype=bool), np.zeros(cells, dtype=bool)
        self.largest, self.healed = np.zeros(cells), np.zeros(cells)

    def cover(self, cells: NDArray[np.bool_]) -> None:
        """Voids stand over these cells now: they have parted."""
        self.covered = cells
        self._part(cells)

    def press(self, pressure: NDArray[np.float64], parted: NDArray[np.bool_], time_step: float) -> None:
        """A step counts.

        Args:
            pressure: p_c (P0) of each cell, -inf where there is no contact.
            parted: cells over which the metal has left the electrolyte.
            time_step: its length (L/v0).
        """
        touching = np.isfinite(pressure) & ~parted
        seen = pressure[touching]
        self.largest[touching] = np.maximum(self.largest[touching], seen)
        if self.law.healing is not None:
            self.healed[touching] += self.law.healing.change(seen, time_step)
        # virgin contact has no history yet
        self.largest[self.virgin] = self.healed[self.virgin] = 0.0
        self._part(parted)

    def _part(self, cells: NDArray[np.bool_]) -> None:
        self.virgin[cells] = False
        self.largest[cells] = self.healed[cells] = 0.0
        self._read = None

    def conductance(self) -> NDArray[np.float64]:
        """Z_0/Z of each cell, if it is in contact."""
        return self.law.conductance(self.virgin, self.largest, self.healed)

    def conductance_at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Z_0/Z at points (n, >= lateral) of the contact, linear between the middles of cells.

        Cells under voids count as the nearest contact: beside a triple line, where one has its middle under
        the void, the contact is what it is a little further out.
        """
        if self._read is None:
            self._read = self.conductance()[self.grid.nearest(~self.covered)]
        return self.grid.at(self._read, points)

    def virgin_fraction(self) -> float:
        """Share of the surface that the metal has never left."""
        return float(np.sum(self.grid.shares[self.virgin]))

    def state(self) -> dict[str, Any]:
        """Plain data for the checkpoint."""
        arrays = {name: getattr(self, name) for name in ("virgin", "covered", "largest", "healed")}
        return {name: _text(values) for name, values in arrays.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take :meth:`state` back."""
        self.virgin, self.covered = (_array(state[name], bool) for name in ("virgin", "covered"))
        self.largest, self.healed = (_array(state[name], float) for name in ("largest", "healed"))
        self._read = None


def _text(values: NDArray[Any]) -> str:
    """An array bit by bit as text that JSON takes: a raster has too many cells for decimals."""
    return base64.b64encode(zlib.compress(values.tobytes())).decode("ascii")


def _array(text: str, kind: type) -> NDArray[Any]:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=kind).copy()
