"""What is measured at one instant: voltage and its shares, contact, current focusing; and how well the last
step kept the balances of lithium and volume."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from meshes.tags import Boundary, Region
from solver.algebra.assembly import assemble
from solver.core import timing
from solver.equations.coordinates import contact_weight, weight
from solver.equations.terms import current

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.equations.coupled_model import CoupledModel
    from solver.setup.scales import Scales
    from solver.stepping.step import StepResult


@dataclass(frozen=True)
class Shares:
    """Overpotential (V) and its shares, averaged over the current that flows (at rest: over the contact).

    ``total`` is the sum of the others: pellet ohmic (flat current through the whole pellet),
    constriction, charge transfer, vacancies (RT/F ln S), composition (-RT/F ln a_Li) and contact
    pressure. Plating counts negative.
    """

    total: float
    ohmic: float
    constriction: float
    charge_transfer: float
    vacancy: float
    composition: float
    pressure: float


@dataclass(frozen=True)
class SoluteRecord:
    """State of the composition: total (sites, um2 or um3), smallest and largest x, mean x on the contact,
    and the error indicator of the mesh (:meth:`CompositionStep.indicator`)."""

    total: float
    smallest: float
    largest: float
    at_contact: float
    indicator: float


@dataclass(frozen=True)
class Observation:
    """State at one instant.

    Attributes:
        shares: overpotential and its shares, V.
        current: mean current density over the whole area, A/m2.
        contact_fraction: area in contact over whole area.
        active_fraction: the same weighted with Z_0/Z: what the current sees of it.
        gap_fraction: area of contact over which a thin gap is, over the whole area.
        virgin_fraction: share of the whole area that has never parted; without memory, all contact.
        focus_contact: max |i| over its mean on the contact (0 at rest).
        focus_applied: max |i| over the mean on the whole area (0 at rest).
        platen: height of the top, um.
        void_measure: area (um2) or volume (um3) of all voids.
        gain, loss: growth rate of the voids by vacancies and loss by creep, in um (um2) times v0.
        roof_speed: their difference over the area of all roofs: mean normal speed into the metal, in v0.
        charge_error: |current through the contact - prescribed| / prescribed (at rest: / the run's scale).
        largest_supersaturation: largest S.
        contact_pressure: mean contact pressure, MPa.
        beyond_breakdown: share of the work of creep that is done above the breakdown stress of the creep law.
        solute: composition, None in a pure metal.
        stack_pressure: of the clamp, MPa.
        lift_off: distance by which the clamp has lifted off, um.
        circulation: integral of |i| over the contact over that of the mean current: 1 where no current flows
            back (0 at rest).
    """

    shares: Shares
    current: float
    contact_fraction: float
    focus_contact: float
    focus_applied: float
    platen: float
    void_measure: float
    gain: float
    loss: float
    charge_error: float
    largest_supersaturation: float
    contact_pressure: float
    active_fraction: float
    gap_fraction: float
    virgin_fraction: float
    beyond_breakdown: float = 0.0
    solute: SoluteRecord | None = None
    stack_pressure: float = 0.0
    lift_off: float = 0.0
    circulation: float = 0.0
    roof_speed: float = 0.0


def observation(data: Mapping[str, Any]) -> Observation:
    """An observation from its plain data (``dataclasses.asdict``)."""
    solute = None if data["solute"] is None else SoluteRecord(**data["solute"])
    return Observation(**dict(data) | {"shares": Shares(**data["shares"]), "solute": solute})


@dataclass(frozen=True)
class BalanceErrors:
    """Relative errors of the last step: metal removed against charge, and platen against metal and voids.

    ``exchanged`` is what they are relative to, over the whole metal: rounding is an error of 1e-16 of that.
    """

    lithium: float
    volume: float
    exchanged: float = 1.0


def volume_balance(
    before: tuple[float, float], result: StepResult | None, model: CoupledModel, platen: float, voids: float
) -> tuple[tuple[float, float], BalanceErrors]:
    """Check the step that led to the present geometry.

    Platen height, void measure (a boundary integral) and metal measure (a volume integral) are
    computed independently of each other.

    Args:
        before: platen height and void measure before the step.
        result: the step, None at the start.
        model: coupled model.
        platen, voids: platen height and void measure now.

    Returns:
        (platen, voids) for the next call, and the errors relative to the volume exchanged in the step
        (metal removed, at least by the reference current; platen swept; void change: a collapse moves far
        more than it strips).
    """
    if result is None:
        return (platen, voids), BalanceErrors(0.0, 0.0)
    swept = (before[0] - platen) * model.chemistry.whole_area
    exchanged = max(abs(result.removed), result.exchange) + abs(swept) + abs(voids - before[1])
    lithium = (result.metal_change + result.removed - result.gap_change) / exchanged
    volume = (swept + result.metal_change + (voids - before[1])) / exchanged
    share = exchanged / model.metal_measure()
    return (platen, voids), BalanceErrors(abs(lithium), abs(volume), share)


class Observables:
    """Compiled integrals over one mesh.

    Args:
        model: coupled model.
        scales: for results in SI.
        pellet_depth: thickness of the whole electrolyte, um.
        modelled_depth: depth of electrolyte in the mesh, um.
    """

    def __init__(
        self, model: CoupledModel, scales: Scales, pellet_depth: float, modelled_depth: float
    ) -> None:
        self.model, self.scales = model, scales
        self.pellet_depth, self.modelled_depth = pellet_depth, modelled_depth
        chemistry, cell = model.chemistry, model.cell
        i = chemistry.current_density()
        parts = {
            "charge_transfer": chemistry.overpotential(),
            "pressure": -chemistry.parameters.pressure_potential * model.contact_pressure("+"),
        }
        if chemistry.transport is not None and chemistry.parameters.vacancy_potential:
            parts["vacancy"] = current.vacancy_potential(supersaturation=chemistry.supersaturation("+"))
        composition = chemistry.composition_potential()
        if composition is not None:
            parts["composition"] = composition
        on = Boundary.CONTACT
        self._by_current = {name: chemistry.form(i * part, on) for name, part in parts.items()}
        self._by_area = {name: chemistry.form(part, on) for name, part in parts.items()}
        kinetics = chemistry.kinetics
        self._active = chemistry.form(kinetics.remembered("+"), on)
        self._parted = chemistry.form(kinetics.parted("+"), on)
        self._contact_force = chemistry.form(model.contact_pressure("+"), on)
        self._trace = model.current.value.function_space
        one = contact_weight(cell) * ufl.TestFunction(self._trace)("+") * cell.dS(Boundary.CONTACT)
        self._nodal_area = fem.form(one)
        self._contact_solute = (
            chemistry.form(chemistry.state.at_contact().fraction, on) if model.solute is not None else None
        )
        grad = ufl.grad(chemistry.potential)
        joule = weight(cell) * ufl.inner(grad, grad) * cell.dx(Region.ELECTROLYTE)
        self._joule = fem.form(joule)
        limit = model.parameters.creep.breakdown_stress
        self._work: tuple[fem.Form, fem.Form] | None = None
        if math.isfinite(limit):
            creep = model.mechanics.creep_work
            self._work = (fem.form(creep()), fem.form(creep(beyond=limit)))

    @timing.counted("output")
    def observe(self) -> Observation:
        """Evaluate everything for the present solution. Collective."""
        model, chemistry, scales = self.model, self.model.chemistry, self.scales
        total = chemistry.contact_current()
        mean = total / chemistry.whole_area
        rests = chemistry.prescribed == 0.0
        peak = _max(model.cell, np.abs(model.current.value.x.array[model.zone.trace_dofs]))
        (gain, loss), roof = model.void_rates(), model.surface.total_area()
        wanted = chemistry.prescribed * chemistry.whole_area if chemistry.prescribed is not None else total
        size = abs(wanted) if wanted != 0.0 else chemistry.whole_area
        return Observation(
            shares=self._shares(total, mean, rests=rests),
            current=0.0 if rests else mean * scales.current,
            contact_fraction=chemistry.contact_area / chemistry.whole_area,
            focus_contact=0.0 if rests else peak * chemistry.contact_area / abs(total),
            focus_applied=0.0 if rests else peak / abs(mean),
            platen=model.platen_height(),
            void_measure=model.void_measure(),
            gain=gain,
            loss=loss,
            charge_error=abs(total - wanted) / size,
            largest_supersaturation=_max(model.cell, chemistry.supersaturation_values()),
            contact_pressure=self._sum(self._contact_force) / chemistry.contact_area * scales.stress / 1e6,
            active_fraction=self._sum(self._active) / chemistry.whole_area,
            gap_fraction=self._sum(self._parted) / chemistry.whole_area,
            virgin_fraction=self._virgin_fraction(),
            beyond_breakdown=self._beyond_breakdown(),
            solute=self._solute(),
            stack_pressure=model.clamp.pressure * scales.stress / 1e6,
            lift_off=model.clamp.lift_off,
            circulation=0.0 if rests else self._through_contact() / abs(total),
            roof_speed=(gain - loss) / roof if roof > 0.0 else 0.0,
        )

    def _through_contact(self) -> float:
        """Integral of the nodal values of |i| over the contact."""
        values, own = self.model.current.value.x.array, self.model.zone.trace_dofs
        local = float(np.abs(values[own]) @ assemble(self._nodal_area, self._trace)[own])
        return float(self.model.cell.domain.comm.allreduce(local))

    def _virgin_fraction(self) -> float:
        chemistry = self.model.chemistry
        record = chemistry.kinetics.record
        remembered = None if record is None else record.virgin_fraction()
        return chemistry.contact_area / chemistry.whole_area if remembered is None else remembered

    def _beyond_breakdown(self) -> float:
        if self._work is None:
            return 0.0
        whole = self._sum(self._work[0])
        return self._sum(self._work[1]) / whole if whole > 0.0 else 0.0

    def _shares(self, total: float, mean: float, *, rests: bool) -> Shares:
        p, volts = self.model.chemistry.parameters, self.scales.potential
        forms = self._by_area if rests else self._by_current
        size = self.model.chemistry.contact_area if rests else total
        parts = {"ohmic": 0.0, "constriction": 0.0, "vacancy": 0.0, "composition": 0.0}
        parts |= {name: self._sum(form) / size for name, form in forms.items()}
        if not rests:
            slab = mean * self.modelled_depth / p.conductivity
            parts["ohmic"] = mean * self.pellet_depth / p.conductivity
            parts["constriction"] = p.conductivity * self._sum(self._joule) / total - slab
        parts = {name: volts * value for name, value in parts.items()}
        return Shares(total=sum(parts.values()), **parts)

    def _solute(self) -> SoluteRecord | None:
        solute = self.model.solute
        if solute is None or self._contact_solute is None:
            return None
        step = solute.step
        at_contact = self._sum(self._contact_solute) / self.model.chemistry.contact_area
        return SoluteRecord(step.total(), step.smallest(), step.largest(), at_contact, step.indicator())

    def _sum(self, form: fem.Form) -> float:
        return float(self.model.cell.domain.comm.allreduce(fem.assemble_scalar(form)))


def _max(cell: CellMesh, values: np.ndarray) -> float:  # type: ignore[type-arg]
    local = float(values.max()) if len(values) else -np.inf
    return float(cell.domain.comm.allreduce(local, op=MPI.MAX))
