"""Current distribution (docs/model.md 2): conduction in the electrolyte, charge transfer at the contact.

Equations, dimensionless (potentials in RT/F, currents in i0, lengths in L = 1 um):

    div(kappa grad phi_e) = 0                              in the electrolyte, insulated under voids
    kappa grad phi_e . n = i                               on the contact
    i = [exp(alpha eta) - exp(-(1 - alpha) eta)] / Z       Butler-Volmer, or i = eta / Z
    eta = phi_m - phi_e - E_eq
    E_eq = -ln a_Li + ln S - (Omega P0/RT) p_n

phi_e, phi_m: potentials of electrolyte and metal; eta: overpotential; Z: area resistance of the contact (i0
of the kinetics is RT/(F Z)); a_Li: activity of the solvent; S: supersaturation of vacancies; p_n: contact
pressure. The metal is an equipotential; its one potential is set by the mean current over the whole area
(galvanostatic) or given (potentiostatic).

At Z = 0 the contact is an equipotential too, eta = 0, and i(eta) = 0/0. Where Z is small, i is therefore an
unknown of its own with the equation Z i = f(eta), in the quadratic functions of phi_e on the contact. All
equations see i by its moments with these only, so this is the same discrete problem as with i = f(eta)/Z put
in, for every Z > 0, and stays regular at Z = 0: one limit from above.

Source: docs/model.md 2. Newman and Thomas-Alyea, Electrochemical Systems (2004), ch. 8, for the kinetics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import ufl
from scipy import constants
from ufl.core.expr import Expr

from solver.equations.terms import contact_memory, contact_resistance

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.equations.electrochemistry import ElectrochemistryProblem
    from solver.equations.terms.contact_memory import MemoryLaw
    from solver.equations.terms.contact_resistance import ResistanceProfile
    from solver.setup.protocol import Stage
    from solver.setup.scales import Scales

SMALL_RESISTANCE = 1e-4
"""Z i0 F/RT below which the current is an unknown of its own: rounding of the potentials (1e-16 of them)
over Z is then still 1e-12 of the current, the tolerance of the solver."""
_GAP = 1.0 - 1e-9
"""Share of gaps at a place above which there is no contact at all, and no current at any Z."""
_SMALLEST_SUPERSATURATION = 1e-12
"""S below which ln S stops falling: Newton's trials may pass 0."""


@dataclass(frozen=True)
class CurrentParameters:
    """Current distribution (docs/model.md 2).

    Attributes:
        conductivity: kappa RT / (F L i0).
        area_resistance: Z i0 F / RT; 0 is an equipotential.
        kinetics: ``"linear"`` or ``"butler-volmer"``.
        transfer_coefficient: alpha.
        pressure_potential: Omega P0 / RT, the shift of E_eq by contact pressure.
        vacancy_potential: whether ln S enters E_eq.
        composition_potential: whether ln a_Li enters E_eq (alloys).
        applied: prescribed mean current over the whole area (galvanostatic), or None.
        potential: prescribed phi_m - phi_bottom (potentiostatic), or None.
        patches: where Z differs, or None.
        memory: Z of contact that has parted and come back, None where it is that of any other.
        beyond: area resistance of the electrolyte that is not modelled (L/kappa of the rest of the pellet).
        whole: whether ``potential`` is over that as well.
    """

    conductivity: float
    area_resistance: float
    kinetics: Literal["linear", "butler-volmer"] = "linear"
    transfer_coefficient: float = 0.5
    pressure_potential: float = 0.0
    vacancy_potential: bool = True
    composition_potential: bool = True
    applied: float | None = 1.0
    potential: float | None = None
    patches: ResistanceProfile | None = None
    memory: MemoryLaw | None = None
    beyond: float = 0.0
    whole: bool = False

    @property
    def equipotential(self) -> bool:
        """Whether the contact is nearly an equipotential, so that the current is an unknown of its own."""
        return self.area_resistance < SMALL_RESISTANCE


def from_case(loaded: LoadedCase, scales: Scales, first: Stage) -> CurrentParameters:
    """Parameters of a case that begins with the stage ``first``."""
    model, operation, electrolyte = loaded.case.model, loaded.case.operation, loaded.electrolyte
    geometry = loaded.case.geometry
    thermal = constants.R * operation.temperature
    conductivity = electrolyte.conductivity.at(operation.temperature)
    resistance = electrolyte.area_resistance.at(operation.temperature, sign=-1)
    shift = loaded.metal.molar_volume.value * scales.stress / thermal if model.pressure_potential else 0.0
    return CurrentParameters(
        conductivity=conductivity * scales.potential / (scales.length * scales.current),
        area_resistance=resistance * scales.current / scales.potential,
        kinetics=model.kinetics,
        transfer_coefficient=electrolyte.transfer_coefficient.value,
        pressure_potential=shift,
        vacancy_potential=model.vacancy_potential,
        composition_potential=model.composition_potential,
        patches=contact_resistance.from_case(loaded, scales),
        memory=contact_memory.from_case(loaded, scales),
        applied=None if first.current is None else first.current / scales.current,
        potential=None if first.held is None else first.held / scales.potential,
        beyond=(geometry.pellet_thickness - geometry.modelled_depth)
        * scales.current
        / (electrolyte.conductivity.at(operation.temperature) * scales.potential),
        whole=first.voltage is not None,
    )


class Conduction:
    """Weak form of div(kappa grad phi_e) = 0 in the electrolyte."""

    def __call__(self, problem: ElectrochemistryProblem) -> ufl.Form:
        """kappa grad phi_e . grad q."""
        return problem.in_electrolyte(
            conduction(
                potential=problem.field("potential"),
                test=problem.test("potential"),
                conductivity=problem.constant(problem.parameters.conductivity),
            )
        )


class ChargeTransfer:
    """The current that enters the electrolyte at the contact, and what sets the potential of the metal.

    Galvanostatic, the one unknown phi_m has the equation "the current through the contact is the prescribed
    one over the whole area", as an integral over the contact; potentiostatic, phi_m - given = 0. Where i is
    an unknown its equation is f(eta) - Z i = 0, and i = 0 over gaps.
    """

    def __call__(self, problem: ElectrochemistryProblem) -> ufl.Form:
        """-i q_phi + (control) q_m - (f(eta) - Z i) q_i on the contact."""
        density = entering_current(current=problem.current_density(), test=problem.test("potential")("+"))
        density += problem.control_residual() * problem.test("metal_potential")("+")
        if problem.equipotential:
            density += -self._law(problem) * problem.test("contact_current")("+")
        return problem.on_contact(density)

    def _law(self, problem: ElectrochemistryProblem) -> Expr:
        """What must vanish where i is an unknown."""
        kinetics = problem.kinetics
        barred = ufl.conditional(ufl.gt(kinetics.parted("+"), _GAP), 1.0, 0.0)
        resistance = problem.constant(problem.parameters.area_resistance) + barred
        return kinetics.drive(problem.overpotential()) - resistance * problem.current_density()


def equilibrium_potential(
    *,
    supersaturation: Expr | None,
    composition: Expr | None,
    contact_pressure: Expr,
    pressure_potential: Expr,
) -> Expr:
    """E_eq = -ln a_Li + ln S - (Omega P0/RT) p_n.

    ``supersaturation`` None leaves the vacancy share out, ``composition`` None -ln a_Li.
    """
    potential = -pressure_potential * contact_pressure
    if supersaturation is not None:
        potential += vacancy_potential(supersaturation=supersaturation)
    if composition is not None:
        potential += composition
    return potential


def vacancy_potential(*, supersaturation: Expr) -> Expr:
    """Vacancy share ln S of the equilibrium potential."""
    return ufl.ln(ufl.max_value(supersaturation, _SMALLEST_SUPERSATURATION))


def transfer_drive(
    *, overpotential: Expr, transfer_coefficient: Expr, kinetics: Literal["linear", "butler-volmer"]
) -> Expr:
    """f(eta) = Z i, stripping positive; i0 = RT/(F Z) is 1/Z here."""
    if kinetics == "linear":
        return overpotential
    anodic = ufl.exp(transfer_coefficient * overpotential)
    cathodic = ufl.exp(-(1.0 - transfer_coefficient) * overpotential)
    return anodic - cathodic


def conduction(*, potential: Expr, test: Expr, conductivity: Expr) -> Expr:
    """Weak Laplacian of the electrolyte potential (volume density)."""
    return conductivity * ufl.inner(ufl.grad(potential), ufl.grad(test))


def entering_current(*, current: Expr, test: Expr) -> Expr:
    """Current that enters the electrolyte at the contact (surface density)."""
    return -current * test
