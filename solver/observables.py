"""Quantities that a run reports at one instant: voltage and its shares, contact, current focusing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from meshes.cell import CellMesh
from meshes.tags import Boundary, Region
from solver import current
from solver.coordinates import weight
from solver.model import CoupledModel
from solver.scales import Scales


@dataclass(frozen=True)
class Shares:
    """Overpotential (V) and its shares, each averaged over the current that flows.

    ``total`` is the sum of the others: pellet ohmic (flat current through the whole pellet),
    constriction, charge transfer, vacancies (RT/F ln S) and contact pressure.
    """

    total: float
    ohmic: float
    constriction: float
    charge_transfer: float
    vacancy: float
    pressure: float


@dataclass(frozen=True)
class Observation:
    """State at one instant.

    Attributes:
        shares: overpotential and its shares, V.
        current: mean current density over the whole area, A/m2.
        contact_fraction: area in contact over whole area.
        focus_contact: max(i) over its mean on the contact.
        focus_applied: max(i) over the mean on the whole area.
        platen: height of the top, um.
        void_measure: area (um2) or volume (um3) of all voids.
        gain, loss: growth rate of the voids by vacancies and loss by creep, in um (um2) times v0.
        charge_error: |current through the contact - prescribed| / prescribed.
        largest_supersaturation: largest S.
        contact_pressure: mean contact pressure, MPa.
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


class Observables:
    """Compiled integrals of one mesh epoch.

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
        on = Boundary.CONTACT
        self._transfer = chemistry.form(i * chemistry.overpotential(), on)
        with_vacancies = chemistry.transport is not None and chemistry.parameters.vacancy_potential
        self._vacancy = (
            chemistry.form(i * current.vacancy_potential(supersaturation=chemistry.supersaturation("+")), on)
            if with_vacancies
            else None
        )
        self._pressure = chemistry.form(i * model.contact_pressure("+"), on)
        self._contact_force = chemistry.form(model.contact_pressure("+"), on)
        grad = ufl.grad(chemistry.potential)
        joule = weight(cell) * ufl.inner(grad, grad) * cell.dx(Region.ELECTROLYTE)
        self._joule = fem.form(joule)

    def observe(self) -> Observation:
        """Evaluate everything for the present solution. Collective."""
        model, chemistry, scales = self.model, self.model.chemistry, self.scales
        total = chemistry.contact_current()
        mean = total / chemistry.whole_area
        local_mean = total / chemistry.contact_area
        peak = _max(model.cell, model.current.value.x.array[model.zone.trace_dofs])
        gain, loss = model.void_rates()
        prescribed = chemistry.parameters.applied
        wanted = prescribed * chemistry.whole_area if prescribed is not None else total
        return Observation(
            shares=self._shares(total, mean),
            current=mean * scales.current,
            contact_fraction=chemistry.contact_area / chemistry.whole_area,
            focus_contact=peak / local_mean,
            focus_applied=peak / mean,
            platen=model.platen_height(),
            void_measure=model.void_measure(),
            gain=gain,
            loss=loss,
            charge_error=abs(total - wanted) / abs(wanted),
            largest_supersaturation=_max(model.cell, chemistry.supersaturation_values()),
            contact_pressure=self._sum(self._contact_force) / chemistry.contact_area * scales.stress / 1e6,
        )

    def _shares(self, total: float, mean: float) -> Shares:
        p, volts = self.model.chemistry.parameters, self.scales.potential
        slab = mean * self.modelled_depth / p.conductivity
        conduction = p.conductivity * self._sum(self._joule) / total
        parts = {
            "ohmic": mean * self.pellet_depth / p.conductivity,
            "constriction": conduction - slab,
            "charge_transfer": self._sum(self._transfer) / total,
            "vacancy": self._sum(self._vacancy) / total if self._vacancy is not None else 0.0,
            "pressure": -p.pressure_potential * self._sum(self._pressure) / total,
        }
        parts = {name: volts * value for name, value in parts.items()}
        return Shares(total=sum(parts.values()), **parts)

    def _sum(self, form: fem.Form) -> float:
        return float(self.model.cell.domain.comm.allreduce(fem.assemble_scalar(form)))


def _max(cell: CellMesh, values: np.ndarray) -> float:  # type: ignore[type-arg]
    local = float(values.max()) if len(values) else -np.inf
    return float(cell.domain.comm.allreduce(local, op=MPI.MAX))
