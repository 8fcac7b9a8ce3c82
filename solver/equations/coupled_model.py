"""The coupled model on one mesh: current and vacancies, creep with contact, and the interface's speed.

One object per mesh, from one remeshing to the next. All fields but the composition are quasi-static: they
follow from the geometry, so a step needs them only as a good start for Newton. The composition is stepped
by :mod:`solver.equations.solute_transport`.

A time step (:func:`solver.stepping.step.advance`) is: solve all equation sets on the present geometry, the
contact's pressure and the current in turn until they agree; move the void surfaces with w_n = v_n - a and the
mesh with them; in an alloy, solve for the composition at the end of the step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray
from ufl.core.expr import Expr

from meshes.tags import Boundary, Region
from solver.algebra.assembly import assemble
from solver.algebra.extrapolation import Predictor
from solver.algebra.newton import SolveError
from solver.algebra.options import model_solver_options
from solver.case.schema.numerics import COUPLING_TOLERANCE
from solver.equations import contact
from solver.equations.clamp import clamp_of
from solver.equations.contact_compliance import ContactCompliance
from solver.equations.coordinates import contact_weight, weight
from solver.equations.electrochemistry import ElectrochemistryProblem
from solver.equations.equation_set import whole
from solver.equations.mechanics import MechanicsProblem
from solver.equations.motion import ImplicitRecession, MeshMotion
from solver.equations.recovered_pressure import RecoveredPressures
from solver.equations.solute_transport import SoluteTransport
from solver.equations.surface import SurfaceGeometry
from solver.equations.terms.surface_diffusion import recession_mobility
from solver.equations.thin_gaps import ThinGaps

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.algebra.options import ModelSolverOptions
    from solver.equations.equation_set import NamedField
    from solver.setup.parameters import ModelParameters

MAX_COUPLING = 40
"""Passes before a coupled solve counts as failed, which undoes the step and tries a shorter one. Few are
needed, for a reason (:mod:`solver.equations.contact_compliance`): more do not help."""
INSTANT_COUPLING = 200
"""The same without a step that could be shorter. Sinks in the bulk (short l_v in stiff metal) answer to the
pressure of the flow that they cause, by a gain g of viscosity times sink rate: passes go as sqrt(1 + g)."""
EXPECTED_PASSES = 10
"""Passes after which what earlier solves on the mesh have taught the loop is in doubt."""

FIRST_PASS = 1e-7
"""Share of the first residuals that the first pass of a step leaves: the second, after the current has
answered to the flow's pressure, starts at 1e-3 (measured), and only the last one counts. A larger share is
seen in what a run that goes on from a checkpoint differs by (1e-4: 3e-6 in pressures, 1e-9 in voltages)."""

_IN_CONTACT = 0.5
"""Value of the contact set's function above which a dof is in contact (1; off contact 0)."""


@dataclass(frozen=True)
class ModelSnapshot:
    """Everything that a step changes in a model: what :meth:`CoupledModel.restore` puts back."""

    coordinates: NDArray[np.float64]
    values: tuple[NDArray[np.float64], ...]
    contact: contact.ContactState
    clamp: dict[str, float]
    composition: tuple[NDArray[np.float64], ...] | None


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
    """Equation sets of docs/model.md 2 to 5 on one mesh.

    Args:
        cell: mesh.
        parameters: dimensionless parameters.
        solver_options: PETSc options of all solvers; None for factorisations.
        coupling_tolerance: change of the potential (RT/F) that ends the staggered loop.

    Attributes:
        chemistry, mechanics: the equation sets.
        solute: the composition's part of a time step, None in a pure metal.
        surface, motion, recession: geometry and motion of the void surfaces.
        zone, contact: contact dofs, and which of them are in contact.
        clamp: what presses on the platen.
        gaps: thin ones in the contact.
        contact_pressure, pressure: p_c on the contact and p in the metal at P1 nodes, for the current.
        annihilation, current: projections of a (linear) and i onto the contact.
        predictor: start values for Newton.
    """

    def __init__(
        self,
        cell: CellMesh,
        parameters: ModelParameters,
        solver_options: ModelSolverOptions | None = None,
        coupling_tolerance: float = COUPLING_TOLERANCE,
    ) -> None:
        self.cell, self.parameters = cell, parameters
        solvers = solver_options or model_solver_options(iterative=False)
        self.surface = SurfaceGeometry(cell)
        self.contact_pressure = fem.Function(self.surface.scalars, name="contact_pressure")
        self.pressure = fem.Function(self.surface.scalars, name="pressure")
        self._equation_sets(solvers, coupling_tolerance)
        self._contact_parts(solvers.surface)
        # not the pressures, which freeze_recession() of the first pass depends on; nor the chemistry of an
        # alloy, which has been solved on the moved mesh already; nor the flow: a stress that is too large by
        # extrapolation takes more iterations to come down than a prediction saves
        self.predictor = Predictor([] if parameters.composition else [self.chemistry.unknown])
        self.clamp = clamp_of(self)
        self.load(parameters.load.pressure)
        self.motion = MeshMotion(cell, self.surface, solvers.motion)
        self.solute = (
            SoluteTransport(self.chemistry, self.surface, self.mechanics.velocity, solvers.electrochemistry)
            if parameters.composition
            else None
        )
        normal_velocity = ufl.inner(self.mechanics.velocity, ufl.FacetNormal(cell.domain))
        self.recession = ImplicitRecession(
            self.surface,
            normal_velocity - self.chemistry.void_annihilation(),
            recession_mobility(parameters.vacancies),
            solvers.surface,
            parameters.surface_diffusion,
        )
        self._measure_forms(normal_velocity)

    def _equation_sets(self, solvers: ModelSolverOptions, coupling_tolerance: float) -> None:
        """Electrochemistry and mechanics, which see each other through s, a and the pressures."""
        cell, parameters = self.cell, self.parameters
        self.chemistry = ElectrochemistryProblem(
            cell,
            parameters.current,
            parameters.vacancies,
            self.surface.curvature,
            self.contact_pressure,
            self.pressure,
            solvers.electrochemistry,
            parameters.composition,
            parameters.extra_terms.electrochemistry,
        )
        self.mechanics = MechanicsProblem(
            cell,
            parameters.creep,
            parameters.surface,
            parameters.load,
            self.chemistry.bulk_annihilation(),
            self.chemistry.frozen_recession(),
            self.surface,
            solvers.creep,
            parameters.extra_terms.mechanics,
        )
        drift = parameters.vacancies.stress_drift if parameters.vacancies else 0.0
        self._pressures = RecoveredPressures(
            self.mechanics,
            self.contact_pressure,
            self.pressure,
            (parameters.current.pressure_potential, drift),
            coupling_tolerance,
        )

    def _contact_parts(self, options: Mapping[str, object]) -> None:
        """The contact's dofs, what is known at them, and how they yield."""
        cell, chemistry = self.cell, self.chemistry
        trace, trace_map = self.mechanics.vertical_space()
        scalars, planes = self.surface.scalars, chemistry.contact_annihilation()
        self.annihilation = contact.LinearProjection(cell, trace, scalars, planes, options)
        self.current = contact.contact_projection(cell, trace, chemistry.current_density(), options)
        self.zone = contact.ContactZone(self.mechanics, trace, trace_map, self.parameters.surface.line_force)
        self.contact = contact.closed(self.zone)
        self._contact_set = fem.Function(trace, name="contact")
        weighted, on = contact_weight(cell), cell.dS(Boundary.CONTACT)
        self._trace_area_form = fem.form(weighted * ufl.TestFunction(trace)("+") * on)
        self.gaps = ThinGaps(self.zone, trace, self._trace_area_form)
        self._compliance = ContactCompliance(chemistry, self.zone, trace, self._pressures)

    def _measure_forms(self, normal_velocity: Expr) -> None:
        """Integrals that say how much metal and void there is."""
        cell, w = self.cell, weight(self.cell)
        one, normal = fem.Constant(cell.domain, 1.0), ufl.FacetNormal(cell.domain)
        self._metal_form = fem.form(one * w * cell.dx(Region.METAL))
        top, height = cell.ds(Boundary.TOP), ufl.SpatialCoordinate(cell.domain)[cell.vertical]
        self._height_form = fem.form(height * w * top)
        self._top_form = fem.form(one * w * top)
        roof = cell.ds(Boundary.VOID)
        self._void_form = fem.form(-height * normal[cell.vertical] * w * roof)
        self._gain_form = fem.form(self.chemistry.void_annihilation() * w * roof)
        self._loss_form = fem.form(normal_velocity * w * roof)
        self._roof_form = self.surface.rate_form(self.chemistry.void_annihilation() - normal_velocity)

    def load(self, pressure: float) -> None:
        """Set the stack pressure (P0): a dead load, or what a clamp is compressed to."""
        self.predictor.forget()
        self.clamp.load(pressure)

    def continue_from_fields(self) -> None:
        """Take what was read into :meth:`state` for a solution: the start of the next solve."""
        self.contact.active[:] = self._contact_set.x.array[self.zone.trace_dofs] > _IN_CONTACT
        self._pressures.take_as_known()
        self.mechanics.mark_warm()
        if self.solute is not None:
            self.solute.step.settle()

    def start_with_pressures(self) -> None:
        """Take the present pressures (of the last mesh) for those that the next solve starts with."""
        self._pressures.take_as_known()

    def state(self) -> list[NamedField]:
        """Fields from which, with the mesh, everything else follows: what a checkpoint holds. Collective.

        After reading them, :meth:`continue_from_fields` takes them up.
        """
        fields = [*self.chemistry.parts(), *self.mechanics.parts()]
        plain = [self.contact_pressure, self.pressure, self.recession.speed, self.contact_set()]
        plain += [self.solute.step.fraction] if self.solute is not None else []
        return fields + [whole(function.name, function) for function in plain]

    def carried(self) -> list[NamedField]:
        """Quasi-static fields that are a good start on another mesh. Collective."""
        parts = [*self.chemistry.parts(), *self.mechanics.parts()]
        pressures = [whole(f.name, f) for f in (self.contact_pressure, self.pressure)]
        return [part for part in parts if part.region is not None] + pressures

    @contextmanager
    def given_values_kept(self) -> Iterator[None]:
        """Inside, anything may be written into the unknowns: dofs that are given have their values after."""
        with self.chemistry.given_values_kept(), self.mechanics.given_values_kept():
            yield

    def contact_set(self) -> fem.Function:
        """1 where the metal is in contact, on the contact's trace space. Collective."""
        self._contact_set.x.array[:] = 0.0
        self._contact_set.x.array[self.zone.trace_dofs] = self.contact.active
        self._contact_set.x.scatter_forward()
        return self._contact_set

    def snapshot(self) -> ModelSnapshot:
        """A copy of everything that a step changes."""
        return ModelSnapshot(
            self.cell.domain.geometry.x.copy(),
            tuple(function.x.array.copy() for function in self._changing()),
            self.contact,
            self.clamp.state(),
            self.solute.step.state() if self.solute is not None else None,
        )

    def restore(self, snapshot: ModelSnapshot) -> None:
        """Undo everything since a snapshot. Collective."""
        self.cell.domain.geometry.x[:] = snapshot.coordinates
        for function, values in zip(self._changing(), snapshot.values, strict=True):
            function.x.array[:] = values
        self.contact = snapshot.contact
        self.clamp.restore(snapshot.clamp)
        if self.solute is not None and snapshot.composition is not None:
            self.solute.step.restore(snapshot.composition)
        self.surface.update()

    def _changing(self) -> list[fem.Function]:
        """Functions that a solve writes; also those that only are starts of the next one (the stress)."""
        return [
            self.chemistry.unknown,
            self.mechanics.unknown,
            self.mechanics.stress,
            self.contact_pressure,
            self.pressure,
            self.annihilation.value,
            self.current.value,
            self.surface.curvature,
            self.recession.speed,
        ]

    def solve(self, time_step: float) -> SolveReport:
        """Solve all equation sets for the present geometry. Collective.

        Args:
            time_step: step over which capillary terms and a clamp look ahead (0: instantaneous rates).

        Raises:
            SolveError: if a solver or the staggered loop fails.
        """
        self.surface.update()
        self.chemistry.update_contact_area()
        self.mechanics.follow_mesh()
        self.mechanics.time_step.value = time_step
        tensile_limit = self._tensile_limit()
        control = (self.chemistry.prescribed, float(self.chemistry.metal.plating.value))
        self._pressures.begin(self.contact.force, control)
        self.clamp.begin(time_step)
        self.gaps.begin(self.chemistry.kinetics.record)
        self.contact = contact.over_gaps(self.contact, self.gaps.before)
        newton_e = newton_c = sets = 0
        most = MAX_COUPLING if time_step > 0.0 else INSTANT_COUPLING
        for k in range(1, most + 1):
            share = FIRST_PASS if k == 1 and time_step > 0.0 else 0.0
            newton_e += self.chemistry.solve(share)
            if k == 1:
                self.chemistry.freeze_recession()
            if k == EXPECTED_PASSES:
                self._pressures.forget(earlier=True)
            annihilation = self.annihilation.update().x.array[self.zone.trace_dofs]
            flow = partial(
                contact.solve_contact,
                self.zone,
                annihilation=annihilation,
                tensile_limit=tensile_limit,
                compliance=self._compliance.now(),
                gap=self.gaps.before,
                time_step=time_step,
                share=share,
            )
            self.contact = self.clamp.solve(flow, self.contact)
            newton_c += self.contact.iterations
            sets = max(sets, self.contact.sets)
            if self._pressures.update(self.contact.force) and (k > 1 or time_step == 0.0):
                self.current.update()
                return SolveReport(newton_e, newton_c, sets, k)
        self._pressures.forget()
        raise SolveError(
            f"coupling of contact pressure and current: no convergence in {most} passes; the last one moved "
            f"the potential by {self._pressures.change:.1e} RT/F (numerics.coupling_tolerance: "
            f"{self._pressures.tolerance:.0e})"
        )

    def _tensile_limit(self) -> NDArray[np.float64]:
        """Adhesion times nodal area at the contact dofs of the present geometry. Collective."""
        own, adhesion = self.zone.trace_dofs, self.parameters.load.adhesion
        if adhesion == 0.0 or np.isinf(adhesion):
            return np.full(len(own), adhesion)
        return adhesion * assemble(self._trace_area_form, self.annihilation.value.function_space)[own]

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

    def void_rates(self) -> tuple[float, float]:
        """Growth rate of the voids, split: (gain by vacancies, loss by flow of the metal). Collective."""
        return self._sum(self._gain_form), self._sum(self._loss_form)

    def roof_speed(self) -> NDArray[np.float64]:
        """Normal speed (v0) of the roofs at ``surface.nodes``, positive where a void grows. Collective.

        Mean around a node: times the nodes' areas it adds up to gain less loss of :meth:`void_rates`.
        """
        swept = assemble(self._roof_form, self.surface.scalars)[self.surface.nodes]
        return np.asarray(swept / self.surface.area)

    def _sum(self, form: fem.Form) -> float:
        return float(self.cell.domain.comm.allreduce(fem.assemble_scalar(form)))

    def destroy(self) -> None:
        """Free all PETSc objects of this mesh."""
        parts = (self.chemistry, self.mechanics, self.motion, self.annihilation, self.current)
        for part in (*parts, self.recession):
            part.destroy()
        if self.solute is not None:
            self.solute.destroy()
