"""Constitutive laws of the contact: equilibrium potential, charge transfer, how the current follows the
pressure.

The terms themselves are in :mod:`solver.equations.terms`: current, contact_resistance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ufl
from dolfinx import fem, mesh
from ufl.core.expr import Expr

from solver.equations.terms import current

if TYPE_CHECKING:
    from solver.equations.terms.current import CurrentParameters


class ContactKinetics:
    """Expressions on the contact (interior facet traces).

    Args:
        domain: mesh.
        parameters: current distribution.
        contact_pressure: p_n.

    Attributes:
        patch_conductance: 1/f at P1 nodes, Z f being the area resistance.
    """

    def __init__(
        self, domain: mesh.Mesh, parameters: CurrentParameters, contact_pressure: fem.Function
    ) -> None:
        def constant(value: float) -> fem.Constant:
            return fem.Constant(domain, float(value))

        self.parameters, self._contact_pressure = parameters, contact_pressure
        self._area_resistance = constant(parameters.area_resistance)
        self._alpha = constant(parameters.transfer_coefficient)
        self._pressure_potential = constant(parameters.pressure_potential)
        self.patch_conductance = fem.Function(fem.functionspace(domain, ("Lagrange", 1)))

    def update(self) -> None:
        """Find the resistance where the mesh is now."""
        patches = self.parameters.patches
        if patches is not None:
            self.patch_conductance.interpolate(lambda x: 1.0 / patches.factor(x[0]))

    def equilibrium_potential(self, *, supersaturation: Expr | None, composition: Expr | None) -> Expr:
        """E_eq in RT/F; ``composition`` is -ln a_Li."""
        return current.equilibrium_potential(
            supersaturation=supersaturation,
            composition=composition,
            contact_pressure=self._contact_pressure("+"),
            pressure_potential=self._pressure_potential,
        )

    def current(self, overpotential: Expr) -> Expr:
        """i(eta)."""
        return current.transfer_current(
            overpotential=overpotential,
            area_resistance=self._local_resistance(),
            transfer_coefficient=self._alpha,
            kinetics=self.parameters.kinetics,
        )

    def change_with_pressure(self, overpotential: Expr) -> Expr:
        """d i/d p_c at fixed potentials: pressure lowers E_eq, which raises eta."""
        eta = ufl.variable(overpotential)
        return self._pressure_potential * ufl.diff(self.current(eta), eta)

    def _local_resistance(self) -> Expr:
        """Z."""
        if self.parameters.patches is None:
            return self._area_resistance
        # 1/f and not f is the linear function: the current is then integrated exactly
        return self._area_resistance / self.patch_conductance("+")
