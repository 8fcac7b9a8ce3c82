"""The coupled model on one mesh: current and vacancies, creep with contact, and the interface's speed.

One object per mesh epoch (between two remeshings). All fields but the composition are quasi-static: they
follow from the geometry, so a step needs them only as a good start for Newton. The composition is stepped
by :mod:`solver.equations.composition_update`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.tags import Boundary, Region
from solver.algebra.acceleration import Anderson
from solver.algebra.extrapolation import Predictor
from solver.algebra.newton import SolveError
from solver.algebra.options import COUPLING_TOLERANCE, model_recipes
from solver.algebra.projection import contact_projection
from solver.equations import contact
from solver.equations.composition_update import Mixing
from solver.equations.coordinates import contact_weight, weight
from solver.equations.electrochemistry import ElectrochemistryProblem
from solver.equations.mechanics import MechanicsProblem
from solver.equations.motion import ImplicitRecession, MeshMotion, SurfaceGeometry, assemble

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.algebra.options import ModelRecipes
    from solver.setup.parameters import ModelParameters

HARD_PASSES = 8
"""Staggered iterations after which the contact yields to the pressure even while stripping: at low rates the
metal is so stiff that the loop swings."""
MAX_COUPLING = 40
"""Staggered iterations before the coupled solve counts as failed: each gains about 3 digits with
vacancies; without them the current sets the recession and many are needed."""


@dataclass(frozen=True)
class SolveReport:
    """Effort of one coupled solve."""

    newton_electrochemistry: int
    newton_creep: int
    contact_sets: int
    coupling: int

    @property
    def effort(self) -> int:
        """Newton iterations per staggered iteration, the measure that steers the time step."""
        return (self.newton_creep + self.newton_electrochemistry) // self.coupling


class CoupledModel:
    """Equation sets of model.md 2 to 5 on one mesh.

    Args:
        cell: mesh.
        parameters: dimensionless parameters.
        recipes: solvers; None for factorisations.
        coupling_tolerance: change of the potential (RT/F) that ends the staggered loop.
    """

    def __init__(
        self,
        cell: CellMesh,
        parameters: ModelParameters,
        recipes: ModelRecipes | None = None,
        coupling_tolerance: float = COUPLING_TOLERANCE,
    ) -> None:
        self.cell, self.parameters, self.coupling_tolerance = cell, parameters, coupling_tolerance
        solvers = recipes or model_recipes(iterative=False)
        self.surface = SurfaceGeometry(cell)
        self.contact_pressure = fem.Function(self.surface.scalars, name="contact_pressure")
        self.pressure = fem.Function(self.surface.scalars, name="pressure")
        self._new_pressure = fem.Function(self.surface.scalars)
        self._solved = False
        self.chemistry = ElectrochemistryProblem(
            cell,
            parameters.current,
            parameters.vacancies,
            self.surface.curvature,
            self.contact_pressure,
            self.pressure,
            solvers.electrochemistry,
            parameters.composition,
        )
        self.mechanics = MechanicsProblem(
            cell,
            parameters.creep,
            parameters.surface,
            parameters.load,
            self.chemistry.bulk_annihilation(),
            self.chemistry.foreseen_recession(),
            self.surface,
            solvers.creep,
        )
        # not the pressures, which foresee() of the first pass depends on; nor the chemistry of an alloy,
        # which has been solved on the moved mesh already
        stress, fields = self.mechanics.stress, self.chemistry.unknown
        self.predictor = Predictor([stress] if parameters.composition else [stress, fields])
        self.load(parameters.load.pressure)
        self.motion = MeshMotion(cell, self.surface, solvers.motion)
        self.mixing = (
            Mixing(self.chemistry, self.surface, self.mechanics.velocity, solvers.electrochemistry)
            if parameters.composition
            else None
        )
        trace, trace_map = self.mechanics.vertical_space()
        linear = solvers.surface
        self.annihilation = contact_projection(cell, trace, self.chemistry.contact_annihilation(), linear)
        self.current = contact_projection(cell, trace, self.chemistry.current_density(), linear)
        self.zone = contact.ContactZone(
            self.mechanics, trace, trace_map, wetting=parameters.surface.tension > 0.0
        )
        self.contact = contact.closed(self.zone)
        self._compile(linear)

    def _compile(self, newton: Mapping[str, object]) -> None:
        cell, w = self.cell, weight(self.cell)
        normal = ufl.FacetNormal(cell.domain)
        normal_velocity = ufl.inner(self.mechanics.velocity, normal)
        t = self.parameters.vacancies
        # the mobility only steadies the step: the solvent's share of it will do
        self.recession = ImplicitRecession(
            self.surface,
            normal_velocity - self.chemistry.void_annihilation(),
            t.diffusivity * t.kelvin / t.surface_length if t is not None else 0.0,
            newton,
            self.parameters.surface.diffusion,
        )
        one = fem.Constant(cell.domain, 1.0)
        self._metal_form = fem.form(one * w * cell.dx(Region.METAL))
        top, height = cell.ds(Boundary.TOP), ufl.SpatialCoordinate(cell.domain)[cell.vertical]
        self._height_form = fem.form(height * w * top)
        self._top_form = fem.form(one * w * top)
        roof = cell.ds(Boundary.VOID)
        self._void_form = fem.form(-height * normal[cell.vertical] * w * roof)
        self._gain_form = fem.form(self.chemistry.void_annihilation() * w * roof)
        self._loss_form = fem.form(normal_velocity * w * roof)
        q = ufl.TestFunction(self.surface.scalars)
        w_s = contact_weight(cell)
        self._nodal_contact_form = fem.form(w_s * q("+") * cell.dS(Boundary.CONTACT))
        trace = self.annihilation.value.function_space
        q2 = ufl.TestFunction(trace)
        self._trace_area_form = fem.form(w_s * q2("+") * cell.dS(Boundary.CONTACT))
        compliance = self.chemistry.compliance()
        self._slope, self._on_trace = fem.Function(self.surface.scalars), fem.Function(trace)
        self._compliance_form = (
            None if compliance is None else fem.form(w_s * compliance * q("+") * cell.dS(Boundary.CONTACT))
        )
        self._stress_form = self.mechanics.stress_form(self.surface.scalars)

    def load(self, pressure: float) -> None:
        """Set the stack pressure (P0)."""
        self.predictor.forget()
        self.mechanics.pressure_load.value = pressure
        self.chemistry.metal.reference_pressure.value = pressure

    def continue_from_fields(self) -> None:
        """Take the present fields (of a checkpoint) for a solution: the start of the next solve."""
        self._solved = True
        self.mechanics.mark_warm()
        if self.mixing is not None:
            self.mixing.step.settle()

    def start_with_pressures(self) -> None:
        """Take the present pressures (of the last mesh) for those that the next solve starts with."""
        self._solved = True

    def solve(self, time_step: float) -> SolveReport:
        """Solve all equation sets for the present geometry. Collective.

        Args:
            time_step: step over which the capillary terms look ahead (0: instantaneous rates).

        Raises:
            SolveError: if a solver or the staggered loop fails.
        """
        self.surface.update()
        self.chemistry.update_contact_area()
        self.mechanics.time_step.value = time_step
        tensile_limit = self._tensile_limit()
        accelerator = Anderson(self.cell.domain.comm)
        newton_e = newton_c = sets = 0
        self.chemistry.let_yield(self.chemistry.prescribed == 0.0)
        for k in range(1, MAX_COUPLING + 1):
            newton_e += self.chemistry.solve()
            if k == 1:
                self.chemistry.foresee()
            if k == HARD_PASSES:
                self.chemistry.let_yield(True)
            annihilation = self.annihilation.update().x.array[self.zone.trace_dofs]
            compliance = self._compliance_now()
            self.contact = contact.solve_contact(
                self.zone, self.contact, annihilation, tensile_limit, compliance
            )
            newton_c += self.contact.iterations
            sets = max(sets, self.contact.sets)
            if self._update_pressures(accelerator) <= self.coupling_tolerance:
                self.current.update()
                return SolveReport(newton_e, newton_c, sets, k)
        raise SolveError(f"coupling of contact pressure and current: no convergence in {MAX_COUPLING} passes")

    def _compliance_now(self) -> contact.Compliance | None:
        """How the recession follows the contact pressure; None where it nowhere does. Collective."""
        if self._compliance_form is None:
            return None
        scalars, own = self.surface.scalars, self.zone.trace_dofs
        area = assemble(self._nodal_contact_form, scalars)
        integral = assemble(self._compliance_form, scalars)
        if not self.cell.domain.comm.allreduce(bool(np.any(integral > 0.0)), op=MPI.LOR):
            return None
        self._slope.x.array[:] = np.where(area > 0.0, integral / np.where(area > 0.0, area, 1.0), 0.0)
        self._on_trace.interpolate(self._slope)
        slope = self._on_trace.x.array[own].copy()
        self._on_trace.interpolate(self.contact_pressure)
        pressure = self._on_trace.x.array[own].copy()
        areas = assemble(self._trace_area_form, self._on_trace.function_space)[own]
        return contact.Compliance(slope, pressure, areas)

    def _tensile_limit(self) -> NDArray[np.float64]:
        """Adhesion times nodal area at the contact dofs of the present geometry. Collective."""
        own, adhesion = self.zone.trace_dofs, self.parameters.load.adhesion
        if adhesion == 0.0:
            return np.zeros(len(own))
        return adhesion * assemble(self._trace_area_form, self.annihilation.value.function_space)[own]

    def _update_pressures(self, accelerator: Anderson) -> float:
        """Recover p and p_c; returns the (root mean square) change of potential that they cause.

        A change within the tolerance is not put in: the current is a function of p_c, and charge is
        balanced for the p_c that it was solved with.
        """
        force = assemble(self._stress_form, self.surface.scalars)
        area = assemble(self._nodal_contact_form, self.surface.scalars)
        contact_pressure = np.where(area > 0.0, force / np.where(area > 0.0, area, 1.0), 0.0)
        self._new_pressure.interpolate(self.mechanics.unknown.sub(1))
        pressure = self._new_pressure.x.array
        drift = self.parameters.vacancies.stress_drift if self.parameters.vacancies else 0.0
        on_contact = self._mean_change(contact_pressure, self.contact_pressure, area)
        in_metal = self._mean_change(pressure, self.pressure, np.ones(len(pressure)))
        change = max(self.parameters.current.pressure_potential * on_contact, drift * in_metal)
        if change > self.coupling_tolerance or not self._solved:
            owned = self.surface.scalars.dofmap.index_map.size_local
            array = self.contact_pressure.x.array
            array[:owned] = accelerator.next(array[:owned].copy(), contact_pressure[:owned])
            self.contact_pressure.x.scatter_forward()
            self.pressure.x.array[:] = pressure
        self._solved = True
        return change

    def _mean_change(
        self, values: NDArray[np.float64], function: fem.Function, weights: NDArray[np.float64]
    ) -> float:
        """Weighted root mean square of ``values`` minus the nodal values of ``function``. Collective."""
        own = slice(0, self.surface.scalars.dofmap.index_map.size_local)
        squares = float(np.sum(weights[own] * (values[own] - function.x.array[own]) ** 2))
        total = float(np.sum(weights[own]))
        comm = self.cell.domain.comm
        return float(np.sqrt(comm.allreduce(squares) / max(comm.allreduce(total), 1e-300)))

    def nodal_speed(self, time_step: float) -> NDArray[np.float64]:
        """Speed of the void surfaces' nodes along ``surface.direction`` (into the void positive)."""
        return self.recession.nodal_speed(time_step)

    def relative_speed(self, speed: NDArray[np.float64]) -> float:
        """Largest nodal speed over the local spacing of surface nodes (1/time). Collective."""
        spacing = self.surface.spacing()
        local = float(np.max(np.abs(speed) / spacing)) if len(speed) else 0.0
        return float(self.cell.domain.comm.allreduce(local, op=MPI.MAX))

    def metal_measure(self) -> float:
        """Area (plane) or volume of the metal. Collective."""
        return self._sum(self._metal_form)

    def platen_height(self) -> float:
        """Mean height of the top above the electrolyte (um). Collective."""
        return self._sum(self._height_form) / self._sum(self._top_form)

    def void_measure(self) -> float:
        """Area (plane) or volume under the void roofs, by a boundary integral. Collective."""
        return self._sum(self._void_form)

    def nodal_void_growth(self) -> NDArray[np.float64]:
        """Growth rate of the voids, distributed to ``surface.nodes``. Collective."""
        q, normal = ufl.TestFunction(self.surface.scalars), ufl.FacetNormal(self.cell.domain)
        growth = self.chemistry.void_annihilation() - ufl.inner(self.mechanics.velocity, normal)
        form = fem.form(growth * q * weight(self.cell) * self.cell.ds(Boundary.VOID))
        return assemble(form, self.surface.scalars)[self.surface.nodes]

    def void_rates(self) -> tuple[float, float]:
        """Growth rate of the voids, split: (gain by vacancies, loss by flow of the metal). Collective."""
        return self._sum(self._gain_form), self._sum(self._loss_form)

    def _sum(self, form: fem.Form) -> float:
        return float(self.cell.domain.comm.allreduce(fem.assemble_scalar(form)))

    def destroy(self) -> None:
        """Free all PETSc objects of this epoch."""
        parts = (self.chemistry, self.mechanics, self.motion, self.annihilation, self.current)
        for part in (*parts, self.recession):
            part.destroy()
        if self.mixing is not None:
            self.mixing.destroy()
