"""Vacancies in the metal (docs/model.md 3): injected by stripping, annihilated at three kinds of sinks.

Equations, dimensionless (velocities in v0 = Omega i0/F, lengths in L = 1 um):

    div j_V = -s                                        in the metal
    j_V = -D_S G + (alloys: S Phi (D_Mg - D_Li) grad x),   G = grad S + S (Omega_V P0/RT) grad p
    s = (D_S/l_v^2)(S/S_eq - 1)                         in the bulk: dislocations
    j_V . n = -(i - a),
    a = [i while plating] + (D_S/l_i)(S/S_eq - 1)       on the contact
    j_V . n = a,  a = (D_S/l_s)(S - S_g)                on void surfaces

S = x_V/x_V_eq: supersaturation; j_V: flux of vacancies relative to the lattice; D_S: diffusivity of S (D_Li
in a pure metal, x_Li D_Li + x_Mg D_Mg in an alloy); s: sites removed per volume and time; a: velocity at
which lattice planes are removed at a surface; l_v, l_i, l_s: sink lengths of bulk, contact and void surface;
S_eq, S_g: equilibrium at a sink under pressure and at a curved surface; p: pressure.

Every site removed takes its volume along: the flow's balance is div v = -s (:mod:`incompressibility`).
The alloy's flux is in :mod:`interdiffusion`. Source: docs/model.md 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ufl
from scipy import constants
from ufl.core.expr import Expr

from meshes.tags import Boundary

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.equations.electrochemistry import ElectrochemistryProblem
    from solver.setup.scales import Scales


@dataclass(frozen=True)
class VacancyParameters:
    """Vacancy transport (docs/model.md 3).

    Attributes:
        diffusivity: D_Li / (L v0), tracer diffusivity of the solvent at S = 1.
        sink_length: l_v / L, bulk sinks (dislocations); inf switches them off.
        interface_length: l_i / L; inf switches the interface sink off.
        surface_length: l_s / L, exchange with void surfaces.
        kelvin: gamma Omega / (RT L).
        stress_drift: Omega_V P0 / RT.
    """

    diffusivity: float
    sink_length: float
    interface_length: float = float("inf")
    surface_length: float = 0.1
    kelvin: float = 0.0
    stress_drift: float = 0.0


def from_case(loaded: LoadedCase, scales: Scales) -> VacancyParameters | None:
    """Parameters of a case; None where the contact itself removes every lattice plane."""
    model, metal, temperature = loaded.case.model, loaded.metal, loaded.case.operation.temperature
    if not model.vacancies:
        return None
    thermal, volume = constants.R * temperature, metal.molar_volume.value
    tension = metal.surface_energy.value if model.capillarity else 0.0
    relaxation = metal.vacancy_relaxation.value if model.stress_drift else 0.0
    return VacancyParameters(
        diffusivity=metal.diffusivity.at(temperature) / (scales.length * scales.velocity),
        sink_length=metal.sink_length.value / scales.length,
        interface_length=metal.interface_sink_length.value / scales.length,
        surface_length=metal.surface_sink_length.value / scales.length,
        kelvin=tension * volume / (thermal * scales.length),
        stress_drift=relaxation * volume * scales.stress / thermal,
    )


class VacancyBalance:
    """Weak form of div j_V = -s with its conditions at the contact and at void surfaces."""

    def __call__(self, problem: ElectrochemistryProblem) -> ufl.Form:
        """-j_V . grad q + s q in the metal, -(i - a) q on the contact, a q on void surfaces."""
        test = problem.test("supersaturation")
        bulk = balance(flux=problem.vacancy_flux(), annihilation=self.annihilation(problem), test=test)
        contact = injection(
            current=problem.current_density(), annihilation=problem.contact_annihilation(), test=test("+")
        )
        roof = absorption(annihilation=problem.void_annihilation(), test=test)
        return problem.in_metal(bulk) + problem.on(Boundary.VOID, roof) + problem.on_contact(contact)

    def annihilation(self, problem: ElectrochemistryProblem) -> Expr:
        """s of dislocations."""
        return problem.metal.bulk_annihilation(problem.state)


def drive(*, supersaturation: Expr, pressure: Expr, stress_drift: Expr) -> Expr:
    """G = grad S + S (Omega_V P0/RT) grad p."""
    return ufl.grad(supersaturation) + supersaturation * stress_drift * ufl.grad(pressure)


def pure_flux(*, drive: Expr, diffusivity: Expr) -> Expr:
    """Vacancy flux j_V = -D G of a pure metal."""
    return -diffusivity * drive


def equilibrium(*, pressure: Expr, reference: Expr, stress_drift: Expr) -> Expr:
    """S in equilibrium with a sink under pressure p, exp(-(Omega_V P0/RT)(p - P)); 1 at the stack pressure.

    It is the S at which the drift of vacancies vanishes. With sinks at S = 1 everywhere, as model.md 3
    has it, a difference of pressure would pump vacancies for ever and compressed metal would expand:
    no solution is stable once mu D Omega_V/(RT l_v^2) > 1, which stiff metal at rest exceeds.

    Sinks act by what drives them, S/S_eq - 1 = exp(mu_V/RT) - 1. With S - S_eq, as large for S near 1, there
    would be the same again where S is large (fast stripping, in the cold): diffusion keeps mu_V even over a
    short wave of pressure, so that S is less where that is higher, a too, by a Omega_V p/RT, and compressed
    metal is stripped less than its neighbours. No solution is stable once 2 mu k a Omega_V/RT > 1.
    """
    return ufl.exp(-stress_drift * (pressure - reference))


def bulk_annihilation(
    *, supersaturation: Expr, equilibrium: Expr, diffusivity: Expr, sink_rate: Expr
) -> Expr:
    """s = (D/l_v^2)(S/S_eq - 1): rate at which dislocations remove sites; ``sink_rate`` = 1/l_v^2."""
    return diffusivity * sink_rate * (supersaturation / equilibrium - 1.0)


def interface_annihilation(
    *,
    supersaturation: Expr,
    equilibrium: Expr,
    current: Expr,
    diffusivity: Expr,
    interface_rate: Expr,
    plating: Expr,
) -> Expr:
    """Lattice planes removed at the contact, a = [i while plating] + (D/l_i)(S/S_eq - 1).

    Plated lithium adds planes. The interface sink works in both directions of the current, so that a stays
    continuous when the cell goes over to rest; with S = 1, as it is while plating, a = i. ``plating`` is 1
    while the cell as a whole plates and 0 else: a switch by the local sign of i would leave the
    recession at rest, where currents of all signs circulate, to the smallest of perturbations.
    """
    return plating * current + diffusivity * interface_rate * (supersaturation / equilibrium - 1.0)


def surface_annihilation(
    *, supersaturation: Expr, curvature: Expr, diffusivity: Expr, surface_rate: Expr, kelvin: Expr
) -> Expr:
    """Planes removed at a void surface, a = (D/l_s)(S - S_g), S_g = exp(gamma curv Omega/RT)."""
    return diffusivity * surface_rate * (supersaturation - ufl.exp(kelvin * curvature))


def balance(*, flux: Expr, annihilation: Expr, test: Expr) -> Expr:
    """Weak form of div j_V = -s (volume density)."""
    return -ufl.inner(flux, ufl.grad(test)) + annihilation * test


def injection(*, current: Expr, annihilation: Expr, test: Expr) -> Expr:
    """Contact condition j_V.n = -(i - a) (surface density)."""
    return -(current - annihilation) * test


def absorption(*, annihilation: Expr, test: Expr) -> Expr:
    """Void-surface condition j_V.n = a (surface density)."""
    return annihilation * test
