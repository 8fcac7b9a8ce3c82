"""Values at the nodes along the interface (contact, gap, pressure, current, S, x) and up the sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray

from meshes.tags import Boundary
from solver.output.customary_units import (
    AMPERE_M2_PER_MA_CM2,
    OHM_M2_PER_OHM_CM2,
    PASCAL_PER_MEGAPASCAL,
    UM_PER_M,
)
from solver.output.rows import InterfaceRow, ProfileRow

if TYPE_CHECKING:
    from solver.equations.coupled_model import CoupledModel
    from solver.setup.scales import Scales

_ROOF, _CONTACT = 0, 1


class InterfaceRecorder:
    """Collects the values along the interface of one mesh."""

    def __init__(self, model: CoupledModel, scales: Scales) -> None:
        self.model, self.scales = model, scales
        cell, space = model.cell, model.surface.scalars
        fdim = cell.domain.topology.dim - 1
        n_owned = space.dofmap.index_map.size_local

        def owned(boundary: Boundary) -> NDArray[np.int32]:
            dofs = fem.locate_dofs_topological(space, fdim, cell.boundary(boundary))
            return dofs[dofs < n_owned]

        self._dofs = {_CONTACT: owned(Boundary.CONTACT), _ROOF: owned(Boundary.VOID)}
        self._p1 = {
            name: fem.Function(space) for name in ("active", "gap", "current", "S", "solute", "speed")
        }
        self._side = owned(Boundary.SIDE_X)

    def rows(self, output: int, seconds: float, capacity: float) -> list[InterfaceRow] | None:
        """Rows of ``interface.csv`` sorted along the interface on rank 0, None elsewhere. Collective."""
        model = self.model
        self._p1["active"].interpolate(model.contact_set())
        self._p1["gap"].interpolate(model.gaps.at_end(model.contact))
        self._p1["current"].interpolate(model.current.value)
        self._p1["S"].interpolate(model.chemistry.part("supersaturation").function)
        if model.solute is not None:
            self._p1["solute"].interpolate(model.solute.step.fraction)
        self._p1["speed"].x.array[model.surface.nodes] = model.roof_speed() * self.scales.velocity * UM_PER_M
        resistance = model.chemistry.kinetics.resistance()
        resistance *= self.scales.resistance / OHM_M2_PER_OHM_CM2
        coordinates = self._coordinates()
        parts = []
        for part, dofs in self._dofs.items():
            on_contact = float(part == _CONTACT)
            x = coordinates[dofs]
            values = [
                np.full(len(dofs), float(part)),
                *x.T,
                on_contact * self._p1["active"].x.array[dofs],
                on_contact * self._p1["gap"].x.array[dofs] + (1.0 - on_contact) * x[:, -1],
                on_contact
                * model.contact_pressure.x.array[dofs]
                * self.scales.stress
                / PASCAL_PER_MEGAPASCAL,
                on_contact * self._p1["current"].x.array[dofs] * self.scales.current / AMPERE_M2_PER_MA_CM2,
                on_contact * resistance[dofs],
                self._p1["S"].x.array[dofs],
                self._p1["solute"].x.array[dofs],
                (1.0 - on_contact) * self._p1["speed"].x.array[dofs],
            ]
            parts.append(np.column_stack(values))
        gathered = model.cell.domain.comm.gather(np.vstack(parts), root=0)
        if gathered is None:
            return None
        table = np.vstack(gathered)
        table = table[np.lexsort((-table[:, 2], table[:, 1], table[:, 0]))]
        return [
            InterfaceRow(
                output=output,
                time_s=seconds,
                capacity_mAh_cm2=capacity,
                part="contact" if part == _CONTACT else "roof",
                x_um=x,
                y_um=y,
                contact=round(active),
                gap_um=gap,
                pressure_MPa=pressure,
                current_mA_cm2=current,
                resistance_ohm_cm2=ohm,
                supersaturation=supersaturation,
                solute_fraction=solute,
                roof_speed_um_s=speed,
            )
            for part, x, y, *_, active, gap, pressure, current, ohm, supersaturation, solute, speed in table
        ]

    def profile(self, output: int, seconds: float, capacity: float) -> list[ProfileRow] | None:
        """Rows of ``profile.csv``: S and x over the height along the sides, after :meth:`rows`. Collective.

        Rank 0 gets the rows, the others None.
        """
        x, cell = self._coordinates()[self._side], self.model.cell
        fields = [self._p1[name].x.array[self._side] for name in ("S", "solute")]
        mine = np.column_stack([x[:, 0], x[:, -1], *fields])
        gathered = cell.domain.comm.gather(mine, root=0)
        if gathered is None:
            return None
        table = np.vstack(gathered)
        right = table[:, 0] > 0.5 * table[:, 0].max(initial=0.0)
        order = np.lexsort((table[:, 1], right))
        return [
            ProfileRow(
                output=output,
                time_s=seconds,
                capacity_mAh_cm2=capacity,
                side="right" if right[k] else "left",
                y_um=table[k, 1],
                supersaturation=table[k, 2],
                solute_fraction=table[k, 3],
            )
            for k in order
        ]

    def _coordinates(self) -> NDArray[np.float64]:
        return self.model.surface.scalars.tabulate_dof_coordinates()[:, : self.model.surface.gdim]
