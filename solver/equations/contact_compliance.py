"""How the contact's recession follows the contact pressure: what makes the loop between both a contraction.

Current and flow are solved in turn (:meth:`solver.equations.coupled_model.CoupledModel.solve`)::

    contact pressure p -> E_eq -> current i -> recession a -> flow v_y = -a -> contact pressure

On a flat contact (half spaces, no friction) each wave exp(i k x) of small changes is by itself. With the
resistance R = 1/(kappa k) of the electrolyte below it, its current is i = b p/(Z + R); metal of viscosity mu
that has to follow a = i answers with p = -2 mu k a. One pass takes p to -g p, g = 2 mu k b/(Z + R): up to
2 mu k b/Z, or 2 mu b kappa k^2 at Z = 0. Where the metal is stiff or the element small, that is far above 1,
and no acceleration of a loop that multiplies its errors by thousands is safe.

So the flow is solved with a contact that yields: it recedes by a + D (p_new - p), by springs in the creep
equations (:mod:`solver.equations.yielding`). Then p becomes

    (2 mu k D - g)/(1 + 2 mu k D) p,   in [0, 1) for every k, mu and b if D >= b/(Z + R).

The same holds without a flat contact, and for any creep law: with the current's response C to the pressure
and the flow's M (p = -M a), both symmetric and positive, one pass is (M^-1 + D)^-1 (D - C), whose eigenvalues
are real and in [0, 1) if D >= C. The smallest D that is known to be so takes the least R of a wave that the
mesh has, of half-length h: R >= h/(pi kappa). Anderson's method (GMRES, where the loop is linear) then takes
passes of order sqrt(c), with c = max (1 + 2 mu k D)/(1 + g) <= (Z + R_longest)/(Z + R_shortest),
which is at most L/h, whatever the pressure and the metal.

Vacancies follow the pressure too: sinks hold S/S_eq, S_eq = exp(-d (p - P)), and E_eq takes ln S, which adds
d to b. While stripping and at rest the contact recedes by a = (D_S/l_i)(S/S_eq - 1), which its own equation
holds back: vacancies of a wave also end within l_v above the contact, and to raise a takes l_i/(D_S S) of
potential over current. And what goes into the metal, q = i - a, is less under pressure (it diffuses by S_eq;
p decays as exp(-k y) above the contact): that adds q d/2. In all

    b = Omega P0/RT + d,   D = b/(Z + h/(pi kappa))                                  while plating
                           D = b/((Z + h/(pi kappa)) c + l_i/(D_S S)) + q d/(2 c)    else, c = 1 + l_i/l_v
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from meshes.tags import Boundary
from solver.algebra.assembly import assemble
from solver.equations.coordinates import contact_weight
from solver.equations.yielding import Compliance, edges_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from ufl.core.expr import Expr

    from solver.equations.contact import ContactZone
    from solver.equations.electrochemistry import ElectrochemistryProblem
    from solver.equations.recovered_pressure import RecoveredPressures


class ContactCompliance:
    """D of the module's text at the contact's dofs.

    Args:
        chemistry: whose current follows the pressure.
        zone: contact.
        trace: space of the vertical velocity.
        pressures: as the current knows them, with the forces they are from.
    """

    def __init__(
        self,
        chemistry: ElectrochemistryProblem,
        zone: ContactZone,
        trace: fem.FunctionSpace,
        pressures: RecoveredPressures,
    ) -> None:
        cell, scalars = chemistry.cell, pressures.scalars
        self._zone, self._pressures, self._edges = zone, pressures, edges_of(zone)
        self._on_corners, self._on_trace = fem.Function(scalars), fem.Function(trace)
        weighted, on = contact_weight(cell), cell.dS(Boundary.CONTACT)
        self._force_form = fem.form(
            weighted * pressures.contact_pressure("+") * ufl.TestFunction(trace)("+") * on
        )
        slope, hat = compliance(chemistry), ufl.TestFunction(scalars)("+")
        self._form = None if slope is None else fem.form(weighted * slope * hat * on)

    def now(self) -> Compliance | None:
        """How the recession yields to a change of pressure; None where it nowhere does. Collective."""
        if self._form is None:
            return None
        scalars = self._pressures.scalars
        area, integral = self._pressures.areas(), assemble(self._form, scalars)
        if not scalars.mesh.comm.allreduce(bool(np.any(integral > 0.0)), op=MPI.LOR):
            return None
        slope = np.where(area > 0.0, integral / np.where(area > 0.0, area, 1.0), 0.0)
        force = self._pressures.force
        if force is None:
            force = assemble(self._force_form, self._on_trace.function_space)[self._zone.trace_dofs]
        return Compliance(self._zone, self._at_dofs(slope), self._at_dofs(area), force, self._edges)

    def _at_dofs(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values at corners, interpolated."""
        self._on_corners.x.array[:] = values
        self._on_trace.interpolate(self._on_corners)
        return self._on_trace.x.array[self._zone.trace_dofs].copy()


def compliance(chemistry: ElectrochemistryProblem) -> Expr | None:
    """D on the contact (interior facet trace), None where the pressure moves no potential."""
    sinks, shift = chemistry.transport, chemistry.parameters.pressure_potential
    vacancies_count = sinks is not None and chemistry.parameters.vacancy_potential
    if sinks is not None and vacancies_count:
        shift += sinks.stress_drift
    if shift == 0.0:
        return None
    across, follows = _finest_resistance(chemistry), chemistry.constant(shift)
    if not chemistry.equipotential:
        across += 1.0 / chemistry.kinetics.conductivity(chemistry.overpotential())
    if sinks is None:
        return follows / across
    at_contact = 1.0 / sinks.interface_length
    in_all = chemistry.constant(at_contact + 1.0 / sinks.sink_length)
    held_back = across * in_all
    if vacancies_count:
        state = chemistry.state.at_contact()
        held_back += 1.0 / (chemistry.metal.diffusivity(state) * state.supersaturation)
    plating = chemistry.metal.plating
    injected = ufl.max_value(chemistry.current_density() - chemistry.contact_annihilation(), 0.0)
    by_drift = chemistry.constant(0.5 * sinks.stress_drift) * injected / in_all
    by_sinks = chemistry.constant(at_contact) * (follows / held_back + by_drift)
    return plating * follows / across + (1.0 - plating) * by_sinks


def _finest_resistance(chemistry: ElectrochemistryProblem) -> Expr:
    """h/(pi kappa), the resistance of the electrolyte to the shortest wave of current on the mesh."""
    cell = chemistry.cell
    size = ufl.FacetArea(cell.domain) ** (1.0 / cell.vertical)
    return size / chemistry.constant(math.pi * chemistry.parameters.conductivity)
