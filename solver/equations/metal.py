"""Constitutive laws of the metal as functions of its state: vacancy flux, sinks, interdiffusion, activity.

One object for pure metals and alloys, with and without vacancies; the terms themselves are in
:mod:`solver.equations.terms`: vacancies, interdiffusion, thermodynamics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ufl
from dolfinx import fem, mesh
from ufl.core.expr import Expr

from solver.equations.terms import interdiffusion, thermodynamics, vacancies

if TYPE_CHECKING:
    from solver.equations.terms.interdiffusion import CompositionParameters
    from solver.equations.terms.vacancies import VacancyParameters

_SMALLEST_SOLVENT = 1e-9
"""Solvent fraction below which ln a_Li stops falling: Newton's trials may pass x = 1."""


@dataclass(frozen=True)
class MetalState:
    """Local state of the metal: S, and the solute fraction x (None in a pure metal)."""

    supersaturation: Expr
    fraction: Expr | None = None

    def at_contact(self) -> MetalState:
        """Traces on interior facets."""
        fraction = self.fraction("+") if self.fraction is not None else None
        return MetalState(self.supersaturation("+"), fraction)


class MetalTransport:
    """Constitutive expressions of model.md 3.

    Args:
        domain: mesh.
        sinks: vacancies, or None when the contact itself removes every lattice plane (S = 1).
        alloy: composition, or None.
        pressure: metal pressure.
        curvature: curvature of void surfaces.
        parted: share of gaps at the contact, where its metal takes up vacancies as a void's surface does.

    Attributes:
        plating: 1 while the cell plates, else 0.
        reference_pressure: pressure at which sinks are in equilibrium with S = 1: the stack's.
    """

    def __init__(
        self,
        domain: mesh.Mesh,
        sinks: VacancyParameters | None,
        alloy: CompositionParameters | None,
        pressure: Expr,
        curvature: Expr,
        parted: Expr,
    ) -> None:
        def constant(value: float) -> fem.Constant:
            return fem.Constant(domain, float(value))

        self.sinks, self.alloy = sinks, alloy
        self._pressure, self._curvature, self._zero = pressure, curvature, constant(0.0)
        self._parted = parted
        if alloy is not None:
            self._solvent, self._solute = constant(alloy.solvent), constant(alloy.solute)
            self._coefficients = [constant(value) for value in alloy.redlich_kister]
        elif sinks is not None:
            self._solvent = constant(sinks.diffusivity)
        self.plating, self.reference_pressure = constant(0.0), constant(1.0)
        self._drift = constant(sinks.stress_drift if sinks is not None else 0.0)
        if sinks is not None:
            self._sink_rate = constant(sinks.sink_length**-2)
            self._interface_rate = constant(1.0 / sinks.interface_length)
            self._surface_rate = constant(1.0 / sinks.surface_length)
            self._kelvin = constant(sinks.kelvin)

    def diffusivity(self, state: MetalState) -> Expr:
        """D_S."""
        if state.fraction is None:
            return self._solvent
        return interdiffusion.sink_diffusivity(
            fraction=state.fraction, solvent=self._solvent, solute=self._solute
        )

    def vacancy_flux(self, state: MetalState) -> Expr:
        """j_V relative to the lattice."""
        if state.fraction is None:
            return vacancies.pure_flux(drive=self._drive(state), diffusivity=self._solvent)
        return interdiffusion.vacancy_flux(
            fraction=state.fraction,
            supersaturation=state.supersaturation,
            drive=self._drive(state),
            solvent=self._solvent,
            solute=self._solute,
            thermodynamic_factor=self._factor(state),
        )

    def bulk_annihilation(self, state: MetalState) -> Expr:
        """s in the metal."""
        if self.sinks is None:
            return self._zero
        return vacancies.bulk_annihilation(
            supersaturation=state.supersaturation,
            equilibrium=self._equilibrium(self._pressure),
            diffusivity=self.diffusivity(state),
            sink_rate=self._sink_rate,
        )

    def contact_annihilation(self, state: MetalState, current: Expr) -> Expr:
        """a on the contact; ``state`` and ``current`` are traces there."""
        if self.sinks is None:
            return current
        return vacancies.interface_annihilation(
            supersaturation=state.supersaturation,
            equilibrium=self._equilibrium(self._pressure("+")),
            current=current,
            diffusivity=self.diffusivity(state),
            interface_rate=self._interface_rate
            + self._parted("+") * (self._surface_rate - self._interface_rate),
            plating=self.plating,
        )

    def void_annihilation(self, state: MetalState) -> Expr:
        """a on void surfaces (exterior facets)."""
        if self.sinks is None:
            return self._zero
        return vacancies.surface_annihilation(
            supersaturation=state.supersaturation,
            curvature=self._curvature,
            diffusivity=self.diffusivity(state),
            surface_rate=self._surface_rate,
            kelvin=self._kelvin,
        )

    def interdiffusivity(self, state: MetalState) -> Expr:
        """(x_Mg D_Li + x_Li D_Mg) Phi S."""
        return interdiffusion.interdiffusivity(
            fraction=state.fraction,
            supersaturation=state.supersaturation,
            solvent=self._solvent,
            solute=self._solute,
            thermodynamic_factor=self._factor(state),
        )

    def drift_velocity(self, state: MetalState) -> Expr:
        """Velocity at which gradients of vacancies and pressure carry the solute."""
        return interdiffusion.drift_velocity(
            fraction=state.fraction, drive=self._drive(state), solvent=self._solvent, solute=self._solute
        )

    def composition_potential(self, state: MetalState) -> Expr:
        """-ln a_Li, the composition share of E_eq in RT/F."""
        x = ufl.as_ufl(state.fraction)
        solvent = ufl.max_value(1.0 - x, _SMALLEST_SOLVENT)
        return -ufl.ln(solvent) - thermodynamics.excess_of_solvent(x, self._coefficients)

    def _equilibrium(self, pressure: Expr) -> Expr:
        """S in equilibrium with sinks."""
        return vacancies.equilibrium(
            pressure=pressure, reference=self.reference_pressure, stress_drift=self._drift
        )

    def _drive(self, state: MetalState) -> Expr:
        return vacancies.drive(
            supersaturation=state.supersaturation, pressure=self._pressure, stress_drift=self._drift
        )

    def _factor(self, state: MetalState) -> Expr:
        return ufl.as_ufl(thermodynamics.thermodynamic_factor(state.fraction, self._coefficients))
