"""Current, vacancies and composition, solved together: phi_e, S, the metal potential phi_m and x.

The vacancy share of E_eq is tens of millivolts, more than charge transfer and constriction together,
and S and x drive each other, so the equation sets form one nonlinear system. At Z = 0 the contact
current is a Lagrange multiplier on the contact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from ufl.core.expr import Expr

from meshes import compat
from meshes.tags import Boundary, Region
from solver.algebra.fieldsplit import Split
from solver.algebra.newton import NewtonSolver, SolveError
from solver.algebra.options import full_steps, splits
from solver.algebra.reduction import ConstraintSpec, Reduction
from solver.equations.composition import QUADRATURE_DEGREE, CompositionStep
from solver.equations.coordinates import contact_weight, weight
from solver.equations.metal import MetalState, MetalTransport
from solver.equations.terms import current, vacancies

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.setup.parameters import CompositionParameters, CurrentParameters, VacancyParameters

FIRST_RAMP_STEP, SMALLEST_RAMP_STEP = 0.25, 1.0 / 256.0
"""Shares of a jump of the prescribed current that are taken at once."""

_PHI, _S, _PHI_M = range(3)

Sources = Callable[["ElectrochemistryProblem"], ufl.Form]
"""Extra terms of the residual, given the problem (manufactured solutions)."""


class ElectrochemistryProblem:
    """Model.md 2 and 3 on one mesh.

    Args:
        cell: mesh; phi_e lives on the electrolyte, S and x on the metal.
        parameters: current distribution.
        transport: vacancies, or None when the contact itself removes every lattice plane.
        curvature: curvature of void surfaces, for S_g.
        contact_pressure: p_n on the contact, for E_eq.
        pressure: metal pressure, for the stress drift.
        options: PETSc options of the Newton solver.
        alloy: composition, or None in a pure metal.
        sources: extra terms of the residual.
    """

    def __init__(
        self,
        cell: CellMesh,
        parameters: CurrentParameters,
        transport: VacancyParameters | None,
        curvature: fem.Function,
        contact_pressure: fem.Function,
        pressure: fem.Function,
        options: Mapping[str, object],
        alloy: CompositionParameters | None = None,
        sources: Sources | None = None,
    ) -> None:
        self.cell, self.parameters, self.transport = cell, parameters, transport
        self.equipotential = parameters.area_resistance == 0.0
        self.metal = MetalTransport(cell.domain, transport, alloy, pressure, curvature)
        self.composition = CompositionStep(cell) if alloy is not None else None
        self._spaces()
        self._contact_pressure = contact_pressure
        self._constants(parameters)
        self._areas()
        self._solved: float | None = None
        self.control(parameters.applied, parameters.potential)
        self.reduction = Reduction(self.space, self._constraints())
        residual = self._residual()
        if sources is not None:
            residual += sources(self)
        self.newton = NewtonSolver(
            "electrochemistry",
            residual,
            self.unknown,
            self.reduction,
            options,
            full_steps(options),
            split=self._fields() if splits(options) else None,
        )
        self._set_given_values(alloy)
        self._current_form = self.form(self.current_density(), Boundary.CONTACT)

    def _spaces(self) -> None:
        """Mixed space: phi_e and S quadratic; phi_m, and if there, x and the multiplier linear."""
        name = self.cell.domain.basix_cell()
        quadratic = basix.ufl.element("Lagrange", name, 2)
        linear = basix.ufl.element("Lagrange", name, 1)
        parts = [quadratic, quadratic, linear]
        self.fraction_part = len(parts) if self.composition is not None else None
        parts += [linear] if self.composition is not None else []
        self._multiplier_part = len(parts) if self.equipotential else None
        parts += [linear] if self.equipotential else []
        self.space = fem.functionspace(self.cell.domain, basix.ufl.mixed_element(parts))
        self.unknown = fem.Function(self.space, name="electrochemistry")
        self._foreseen = fem.Function(self.space)
        split = ufl.split(self.unknown)
        self.potential, self.supersaturation, self.metal_potential = split[:3]
        self.state = self._state(self.unknown)
        self._multiplier = None if self._multiplier_part is None else split[self._multiplier_part]

    def _state(self, function: fem.Function) -> MetalState:
        split = ufl.split(function)
        return MetalState(split[_S], None if self.fraction_part is None else split[self.fraction_part])

    def solve(self) -> int:
        """Solve; returns Newton iterations. Raises SolveError.

        A prescribed current that has jumped is approached in steps if Newton fails.
        """
        try:
            iterations = self.newton.solve()
        except SolveError:
            if self.prescribed is None or self._solved in (None, self.prescribed):
                raise
            iterations = self._ramp(self._solved, self.prescribed)
        self._solved = self.prescribed
        return iterations

    def _ramp(self, start: float, target: float) -> int:
        """Newton from one prescribed current to another, in smaller steps where one fails."""
        done, step, iterations = 0.0, FIRST_RAMP_STEP, 0
        while done < 1.0:
            reached = min(done + step, 1.0)
            self._applied.value = start + (target - start) * reached
            try:
                iterations += self.newton.solve()
                done = reached
            except SolveError:
                step *= 0.5
                if step < SMALLEST_RAMP_STEP:
                    self._applied.value = target
                    raise
        return iterations

    def control(self, applied: float | None, potential: float | None = None) -> None:
        """Prescribe the mean current over the whole area (in i0), or else phi_m (in RT/F)."""
        self.prescribed = applied
        self._galvanostatic.value = 0.0 if applied is None else 1.0
        self._applied.value = applied or 0.0
        self._given_potential.value = potential or 0.0
        self.metal.plating.value = 1.0 if (applied or potential or 0.0) < 0.0 else 0.0

    # UFL expressions of the solution, for other modules and the records
    def equilibrium_potential(self) -> Expr:
        """E_eq on the contact (interior facet trace), in RT/F."""
        with_vacancies = self.transport is not None and self.parameters.vacancy_potential
        return current.equilibrium_potential(
            supersaturation=self.supersaturation("+") if with_vacancies else None,
            composition=self.composition_potential(),
            contact_pressure=self._contact_pressure("+"),
            pressure_potential=self._pressure_potential,
        )

    def composition_potential(self) -> Expr | None:
        """Share of composition in E_eq on the contact, None where there is none."""
        if self.composition is None or not self.parameters.composition_potential:
            return None
        return self.metal.composition_potential(self.state.at_contact())

    def overpotential(self) -> Expr:
        """eta = phi_m - phi_e - E_eq on the contact."""
        return self.metal_potential("+") - self.potential("+") - self.equilibrium_potential()

    def current_density(self) -> Expr:
        """Current density on the contact (interior facet trace), stripping positive."""
        if self._multiplier is not None:
            return self._multiplier("+")
        return self._transfer_current(self.overpotential())

    def _transfer_current(self, overpotential: Expr) -> Expr:
        return current.transfer_current(
            overpotential=overpotential,
            area_resistance=self._local_resistance(),
            transfer_coefficient=self._alpha,
            kinetics=self.parameters.kinetics,
        )

    def _local_resistance(self) -> Expr:
        """Z on the contact (interior facet trace)."""
        if self.parameters.patches is None:
            return self._area_resistance
        # 1/f and not f is the linear function: the current is then integrated exactly
        return self._area_resistance / self.patch_conductance("+")

    def compliance(self) -> Expr | None:
        """d a/d p_c on the contact for slow variations along it: the most that a follows the pressure.

        Without vacancies, or plating, a follows the current; else a share l_v/(l_i + l_v) of it does, which
        counts after :meth:`let_yield` only (at rest; while stripping, the loop is mostly weak).
        None where nothing is known: at an equipotential contact, or without pressure in E_eq.
        """
        if self.equipotential or self.parameters.pressure_potential == 0.0:
            return None
        overpotential = ufl.variable(self.overpotential())
        slope = self._pressure_potential * ufl.diff(self._transfer_current(overpotential), overpotential)
        if self.transport is None:
            return slope
        sinks = self.transport
        share = sinks.sink_length / (sinks.interface_length + sinks.sink_length)
        return slope * (self.metal.plating + self._yields * fem.Constant(self.cell.domain, share))

    def let_yield(self, flag: bool) -> None:
        """Whether the share of vacancies counts in :meth:`compliance`."""
        self._yields.value = 1.0 if flag else 0.0

    def bulk_annihilation(self) -> Expr:
        """s in the metal."""
        return self.metal.bulk_annihilation(self.state)

    def contact_annihilation(self) -> Expr:
        """a on the contact (interior facet trace)."""
        return self.metal.contact_annihilation(self.state.at_contact(), self.current_density())

    def void_annihilation(self) -> Expr:
        """a on void surfaces (exterior facets)."""
        return self.metal.void_annihilation(self.state)

    def vacancy_flux(self) -> Expr:
        """j_V in the metal, relative to the lattice; 0 without vacancies."""
        if self.transport is None:
            return ufl.as_vector([0.0] * (self.cell.vertical + 1))
        return self.metal.vacancy_flux(self.state)

    def foreseen_recession(self) -> Expr:
        """a on void surfaces as it was at the last :meth:`foresee`, for capillarity's look-ahead."""
        return self.metal.void_annihilation(self._state(self._foreseen))

    def foresee(self) -> None:
        """Take the present S for the look-ahead.

        Done once per coupled solve: following every pass would close a loop contact pressure ->
        current -> recession -> contact pressure whose gain grows with the time step.
        """
        self._foreseen.x.array[:] = self.unknown.x.array

    def form(self, density: Expr, boundary: Boundary) -> fem.Form:
        """Compiled integral of a density over a boundary part of the whole (revolved) cell."""
        cell = self.cell
        measure = cell.dS(boundary) if boundary is Boundary.CONTACT else cell.ds(boundary)
        w = contact_weight(cell) if boundary is Boundary.CONTACT else weight(cell)
        return fem.form(density * w * measure)

    def integrate(self, density: Expr, boundary: Boundary) -> float:
        """Integral of a density over a boundary part. Collective."""
        return self._sum(self.form(density, boundary))

    def supersaturation_values(self) -> NDArray[np.float64]:
        """Nodal values of S on this rank (1 outside the metal)."""
        return np.asarray(self.unknown.x.array[self._all_s])

    def contact_current(self) -> float:
        """Total current through the contact, in i0 L (L^2). Collective."""
        return self._sum(self._current_form)

    def _sum(self, form: fem.Form) -> float:
        return float(self.cell.domain.comm.allreduce(fem.assemble_scalar(form)))

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self.newton.destroy()
        self.reduction.destroy()

    def _constants(self, p: CurrentParameters) -> None:
        def constant(value: float) -> fem.Constant:
            return fem.Constant(self.cell.domain, float(value))

        self._conductivity = constant(p.conductivity)
        self._area_resistance = constant(p.area_resistance)
        self._alpha = constant(p.transfer_coefficient)
        self._pressure_potential = constant(p.pressure_potential)
        self._whole_over_contact = constant(1.0)
        self._applied, self._given_potential = constant(0.0), constant(0.0)
        self._galvanostatic, self._yields = constant(1.0), constant(0.0)

    def _areas(self) -> None:
        one = fem.Constant(self.cell.domain, 1.0)
        self.whole_area = self.integrate(one, Boundary.BOTTOM)
        self._contact_area_form = self.form(one, Boundary.CONTACT)
        self.patch_conductance = fem.Function(fem.functionspace(self.cell.domain, ("Lagrange", 1)))
        self.update_contact_area()

    def update_contact_area(self) -> None:
        """Measure the contact again after the mesh moved, and find its resistance."""
        patches = self.parameters.patches
        if patches is not None:
            self.patch_conductance.interpolate(lambda x: 1.0 / patches.factor(x[0]))
        self.contact_area = self._sum(self._contact_area_form)
        self._whole_over_contact.value = self.whole_area / self.contact_area

    def _constraints(self) -> ConstraintSpec:
        cell, spec = self.cell, ConstraintSpec()
        tdim = cell.domain.topology.dim
        everything = np.arange(self.space.dofmap.index_map.size_local, dtype=np.int32)

        def locate(part: int, dim: int, entities: NDArray[np.int32]) -> NDArray[np.int32]:
            return fem.locate_dofs_topological(self.space.sub(part), dim, entities)

        def outside(part: int, dim: int, entities: NDArray[np.int32]) -> NDArray[np.int32]:
            of_part = locate(part, tdim, np.arange(self._n_cells(), dtype=np.int32))
            own = np.intersect1d(of_part, everything)
            return np.setdiff1d(own, locate(part, dim, entities)).astype(np.int32)

        self._bottom = locate(_PHI, tdim - 1, cell.boundary(Boundary.BOTTOM))
        self._off_metal = outside(_S, tdim, cell.region(Region.METAL))
        self._all_phi_m = locate(_PHI_M, tdim, np.arange(self._n_cells(), dtype=np.int32))
        self._all_s = locate(_S, tdim, np.arange(self._n_cells(), dtype=np.int32))
        spec.fixed += [outside(_PHI, tdim, cell.region(Region.ELECTROLYTE)), self._bottom, self._off_metal]
        if self.transport is None:
            spec.fixed.append(self._all_s)
        spec.ties.append(self._all_phi_m)
        if self.fraction_part is not None:
            spec.fixed.append(outside(self.fraction_part, tdim, cell.region(Region.METAL)))
        if self._multiplier_part is not None:
            contact = cell.boundary(Boundary.CONTACT)
            spec.fixed.append(outside(self._multiplier_part, tdim - 1, contact))
        return spec

    def _fields(self) -> Split:
        """Parts of the unknown that a preconditioner solves one after the other."""
        names = {_PHI: "potential", _S: "supersaturation", self.fraction_part: "fraction"}
        order = [_PHI, _S, self.fraction_part] if self.transport is not None else [_PHI, self.fraction_part]
        parts = [(names[k], compat.collapse(self.space.sub(k))[1]) for k in order if k is not None]
        return Split((*parts, ("metal_potential", self._all_phi_m)))

    def _n_cells(self) -> int:
        index_map = self.cell.domain.topology.index_map(self.cell.domain.topology.dim)
        return int(index_map.size_local + index_map.num_ghosts)

    def _set_given_values(self, alloy: CompositionParameters | None) -> None:
        self.unknown.x.array[self._all_s] = 1.0
        self.unknown.x.scatter_forward()
        if self.composition is not None and alloy is not None:
            self.composition.start(fem.Constant(self.cell.domain, alloy.fraction))
            self.take_fraction()

    def take_fraction(self) -> None:
        """Put the accepted x of :class:`CompositionStep` into the unknown and settle it. Collective."""
        if self.composition is not None and self.fraction_part is not None:
            self.unknown.sub(self.fraction_part).interpolate(self.composition.fraction)
            self.unknown.x.scatter_forward()
            self.composition.settle()

    def _residual(self) -> ufl.Form:
        cell = self.cell
        tests = ufl.TestFunctions(self.space)
        w = weight(cell)
        i = self.current_density()
        contact = current.entering_current(current=i, test=tests[_PHI]("+"))
        total = i - self._applied * self._whole_over_contact
        held = self.metal_potential("+") - self._given_potential
        control = self._galvanostatic * total + (1.0 - self._galvanostatic) * held
        contact += control * tests[_PHI_M]("+")
        if self._multiplier_part is not None:
            contact += -self.overpotential() * tests[self._multiplier_part]("+")
        bulk = current.conduction(potential=self.potential, test=tests[_PHI], conductivity=self._conductivity)
        residual = w * bulk * cell.dx(Region.ELECTROLYTE)
        if self.transport is not None:
            test = tests[_S]
            contact += vacancies.injection(
                current=i, annihilation=self.contact_annihilation(), test=test("+")
            )
            transport = vacancies.balance(
                flux=self.metal.vacancy_flux(self.state), annihilation=self.bulk_annihilation(), test=test
            )
            exact = {} if self.composition is None else {"quadrature_degree": QUADRATURE_DEGREE}
            residual += w * transport * cell.dx(Region.METAL, **exact)
            roof = vacancies.absorption(annihilation=self.void_annihilation(), test=test)
            residual += w * roof * cell.ds(Boundary.VOID)
        if self.composition is not None and self.fraction_part is not None:
            fraction, test = self.state.fraction, tests[self.fraction_part]
            residual += self.composition.storage(fraction=fraction, test=test)
            residual += self.composition.exchange(
                fraction=fraction,
                test=test,
                interdiffusivity=self.metal.interdiffusivity(self.state),
                drift=self.metal.drift_velocity(self.state),
            )
        return residual + contact_weight(cell) * contact * cell.dS(Boundary.CONTACT)
