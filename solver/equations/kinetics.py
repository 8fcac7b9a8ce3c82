"""Constitutive laws of the contact: equilibrium potential, charge transfer, how the current follows the
pressure.

The terms themselves are in :mod:`solver.equations.terms`: current, contact_resistance, contact_memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from ufl.core.expr import Expr

from solver.equations.contact_facets import ContactFacets
from solver.equations.terms import current

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.equations.terms.current import CurrentParameters


SMALLEST_CONDUCTANCE = 1e-9
"""Z_0/Z over a gap, where no current flows: Z stays finite."""


class Record(Protocol):
    """What the electrolyte's surface remembers of the contact; the same on every rank."""

    @property
    def spacing(self) -> float:
        """Length (um) over which it may change."""

    @property
    def has_gaps(self) -> bool:
        """Whether there is a gap anywhere."""

    @property
    def has_memory(self) -> bool:
        """Whether contact may have another Z than Z_0."""

    def conductance_at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Z_0/Z at points (n, gdim - 1) of the surface, 0 over gaps."""

    def closed_at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """1 at points in contact, 0 over gaps."""

    def gap_at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Thickness of the gap (um) at points (n, >= gdim - 1)."""

    @property
    def held(self) -> float:
        """Volume (um3; um2 in the plane) of gaps that the mesh's metal holds since the last step."""

    def virgin_fraction(self) -> float | None:
        """Share of the surface that has never been parted from the metal, None where nobody remembers."""


class ContactKinetics:
    """Expressions on the contact (interior facet traces).

    Args:
        cell: mesh.
        parameters: current distribution.
        contact_pressure: p_n.

    Attributes:
        conductance: Z_0/Z at P1 nodes, Z_0 being the area resistance of the interface.
        record: state of the electrolyte's surface, set from outside; None: the metal has never left it.
        facets: of the contact.
        remembered: the record's share of the conductance.
        parted: share of gaps at P1 nodes, between 0 (contact) and 1.
    """

    def __init__(self, cell: CellMesh, parameters: CurrentParameters, contact_pressure: fem.Function) -> None:
        def constant(value: float) -> fem.Constant:
            return fem.Constant(cell.domain, float(value))

        self.parameters, self._contact_pressure = parameters, contact_pressure
        self._area_resistance = constant(parameters.area_resistance)
        self._alpha = constant(parameters.transfer_coefficient)
        self._pressure_potential = constant(parameters.pressure_potential)
        self.conductance = fem.Function(contact_pressure.function_space)
        self.conductance.x.array[:] = 1.0
        self.record: Record | None = None
        self.facets = ContactFacets(cell, self.conductance.function_space)
        self.remembered = fem.Function(self.conductance.function_space)
        self.remembered.x.array[:] = 1.0
        self.parted = fem.Function(self.conductance.function_space)

    def update(self) -> None:
        """Find the resistance where the mesh is now. Collective."""
        patches, record = self.parameters.patches, self.record
        if record is not None:
            closed: NDArray[np.float64] | float = 1.0
            if record.has_gaps:
                closed = self.facets.nodal_means(record.closed_at, record.spacing)
            self.parted.x.array[:] = 1.0 - closed
            self.remembered.x.array[:] = (
                self.facets.nodal_means(record.conductance_at, record.spacing)
                if record.has_memory
                else closed
            )
        self.conductance.x.array[:] = np.maximum(self.remembered.x.array, SMALLEST_CONDUCTANCE)
        if patches is not None:
            own = self.conductance.x.array.copy()
            self.conductance.interpolate(lambda x: 1.0 / patches.factor(x))
            self.conductance.x.array[:] *= own

    def resistance(self) -> NDArray[np.float64]:
        """Z (RT/(F i0)) at the P1 nodes of this rank; it means something on the contact only."""
        return np.asarray(self.parameters.area_resistance / self.conductance.x.array)

    def equilibrium_potential(self, *, supersaturation: Expr | None, composition: Expr | None) -> Expr:
        """E_eq in RT/F; ``composition`` is -ln a_Li."""
        return current.equilibrium_potential(
            supersaturation=supersaturation,
            composition=composition,
            contact_pressure=self._contact_pressure("+"),
            pressure_potential=self._pressure_potential,
        )

    def current(self, overpotential: Expr) -> Expr:
        """i(eta) at Z > 0."""
        return self._law(overpotential) / self._local_resistance()

    def drive(self, overpotential: Expr) -> Expr:
        """Z_0 i(eta), which Z_0 = 0 leaves regular. There eta = 0, and every law is linear."""
        linear = self.parameters.area_resistance == 0.0
        return self.conductance("+") * (overpotential if linear else self._law(overpotential))

    def _law(self, overpotential: Expr) -> Expr:
        """Z i(eta)."""
        return current.transfer_drive(
            overpotential=overpotential,
            transfer_coefficient=self._alpha,
            kinetics=self.parameters.kinetics,
        )

    def conductivity(self, overpotential: Expr) -> Expr:
        """d i/d eta: the reciprocal of the contact's area resistance to small changes."""
        eta = ufl.variable(overpotential)
        return ufl.diff(self.current(eta), eta)

    def _local_resistance(self) -> Expr:
        """Z."""
        # 1/Z and not Z is the linear function: the current is then integrated exactly
        return self._area_resistance / self.conductance("+")
