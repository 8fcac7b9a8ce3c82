"""Current distribution and vacancies, solved together: phi_e, S and the metal potential phi_m.

The vacancy share of E_eq is tens of millivolts, more than charge transfer and constriction together,
so the two equation sets form one nonlinear system. At Z = 0 the contact current is a Lagrange
multiplier on the contact.
"""

from __future__ import annotations

from collections.abc import Mapping

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from ufl.core.expr import Expr

from meshes.cell import CellMesh
from meshes.tags import Boundary, Region
from solver import current, vacancies
from solver.constraints import ConstraintSpec, Reduction
from solver.coordinates import weight
from solver.newton import NewtonSolver
from solver.parameters import CurrentParameters, VacancyParameters

_PHI, _S, _PHI_M, _MULTIPLIER = range(4)


class ElectrochemistryProblem:
    """Model.md 2 and 3 (x_Mg = 0) on one mesh.

    Args:
        cell: mesh; phi_e lives on the electrolyte, S on the metal.
        parameters: current distribution.
        transport: vacancies, or None when the contact itself removes every lattice plane.
        curvature: curvature of void surfaces, for S_g.
        contact_pressure: p_n on the contact, for E_eq.
        pressure: metal pressure, for the stress drift.
        options: PETSc options of the Newton solver.
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
    ) -> None:
        self.cell, self.parameters, self.transport = cell, parameters, transport
        self.galvanostatic = parameters.potential is None
        self.equipotential = parameters.area_resistance == 0.0
        domain = cell.domain
        name = domain.basix_cell()
        quadratic = basix.ufl.element("Lagrange", name, 2)
        linear = basix.ufl.element("Lagrange", name, 1)
        parts = [quadratic, quadratic, linear] + ([linear] if self.equipotential else [])
        self.space = fem.functionspace(domain, basix.ufl.mixed_element(parts))
        self.unknown = fem.Function(self.space, name="electrochemistry")
        self._foreseen = fem.Function(self.space)
        self._curvature, self._contact_pressure, self._pressure = curvature, contact_pressure, pressure
        self._constants(parameters, transport)
        split = ufl.split(self.unknown)
        self.potential, self.supersaturation, self.metal_potential = split[:3]
        self._multiplier = split[_MULTIPLIER] if self.equipotential else None
        self._areas()
        self.reduction = Reduction(self.space, self._constraints())
        self.newton = NewtonSolver(
            "electrochemistry", self._residual(), self.unknown, self.reduction, options
        )
        self._set_given_values()
        self._current_form = self.form(self.current_density(), Boundary.CONTACT)

    def solve(self) -> int:
        """Solve; returns Newton iterations. Raises SolveError."""
        if self.galvanostatic and self.parameters.applied is not None:
            self.applied.value = self.parameters.applied
        return self.newton.solve()

    # UFL expressions of the solution, for other modules and the records
    def equilibrium_potential(self) -> Expr:
        """E_eq on the contact (interior facet trace), in RT/F."""
        with_vacancies = self.transport is not None and self.parameters.vacancy_potential
        return current.equilibrium_potential(
            supersaturation=self.supersaturation("+") if with_vacancies else None,
            contact_pressure=self._contact_pressure("+"),
            pressure_potential=self._pressure_potential,
        )

    def overpotential(self) -> Expr:
        """eta = phi_m - phi_e - E_eq on the contact."""
        return self.metal_potential("+") - self.potential("+") - self.equilibrium_potential()

    def current_density(self) -> Expr:
        """Current density on the contact (interior facet trace), stripping positive."""
        if self._multiplier is not None:
            return self._multiplier("+")
        return current.transfer_current(
            overpotential=self.overpotential(),
            area_resistance=self._area_resistance,
            transfer_coefficient=self._alpha,
            kinetics=self.parameters.kinetics,
        )

    def bulk_annihilation(self) -> Expr:
        """s in the metal."""
        if self.transport is None:
            return fem.Constant(self.cell.domain, 0.0)
        return vacancies.bulk_annihilation(
            supersaturation=self.supersaturation, diffusivity=self._diffusivity, sink_rate=self._sink_rate
        )

    def contact_annihilation(self) -> Expr:
        """a on the contact (interior facet trace)."""
        if self.transport is None:
            return self.current_density()
        return vacancies.interface_annihilation(
            supersaturation=self.supersaturation("+"),
            current=self.current_density(),
            diffusivity=self._diffusivity,
            interface_rate=self._interface_rate,
        )

    def void_annihilation(self) -> Expr:
        """a on void surfaces (exterior facets)."""
        return self._void_annihilation(self.supersaturation)

    def foreseen_recession(self) -> Expr:
        """a on void surfaces as it was at the last :meth:`foresee`, for capillarity's look-ahead."""
        return self._void_annihilation(ufl.split(self._foreseen)[_S])

    def foresee(self) -> None:
        """Take the present S for the look-ahead.

        Done once per coupled solve: following every pass would close a loop contact pressure ->
        current -> recession -> contact pressure whose gain grows with the time step.
        """
        self._foreseen.x.array[:] = self.unknown.x.array

    def _void_annihilation(self, supersaturation: Expr) -> Expr:
        if self.transport is None:
            return fem.Constant(self.cell.domain, 0.0)
        return vacancies.surface_annihilation(
            supersaturation=supersaturation,
            curvature=self._curvature,
            diffusivity=self._diffusivity,
            surface_rate=self._surface_rate,
            kelvin=self._kelvin,
        )

    def form(self, density: Expr, boundary: Boundary) -> fem.Form:
        """Compiled integral of a density over a boundary part of the whole (revolved) cell."""
        cell = self.cell
        measure = cell.dS(boundary) if boundary is Boundary.CONTACT else cell.ds(boundary)
        w = weight(cell)
        w = w("+") if boundary is Boundary.CONTACT and cell.kind == "axisymmetric" else w
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

    def _constants(self, p: CurrentParameters, t: VacancyParameters | None) -> None:
        def constant(value: float) -> fem.Constant:
            return fem.Constant(self.cell.domain, float(value))

        self._conductivity = constant(p.conductivity)
        self._area_resistance = constant(p.area_resistance)
        self._alpha = constant(p.transfer_coefficient)
        self._pressure_potential = constant(p.pressure_potential)
        self.applied = constant(p.applied or 0.0)
        self._whole_over_contact = constant(1.0)
        if t is not None:
            self._diffusivity = constant(t.diffusivity)
            self._sink_rate = constant(t.sink_length**-2)
            self._interface_rate = constant(1.0 / t.interface_length)
            self._surface_rate = constant(1.0 / t.surface_length)
            self._kelvin = constant(t.kelvin)
            self._drift = constant(t.stress_drift)

    def _areas(self) -> None:
        one = fem.Constant(self.cell.domain, 1.0)
        self.whole_area = self.integrate(one, Boundary.BOTTOM)
        self._contact_area_form = self.form(one, Boundary.CONTACT)
        self.update_contact_area()

    def update_contact_area(self) -> None:
        """Measure the contact again after the mesh moved."""
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
        if self.galvanostatic:
            spec.ties.append(self._all_phi_m)
        else:
            spec.fixed.append(self._all_phi_m)
        if self.equipotential:
            spec.fixed.append(outside(_MULTIPLIER, tdim - 1, cell.boundary(Boundary.CONTACT)))
        return spec

    def _n_cells(self) -> int:
        index_map = self.cell.domain.topology.index_map(self.cell.domain.topology.dim)
        return int(index_map.size_local + index_map.num_ghosts)

    def _set_given_values(self) -> None:
        self.unknown.x.array[self._all_s] = 1.0
        if self.parameters.potential is not None:
            self.unknown.x.array[self._all_phi_m] = self.parameters.potential
        self.unknown.x.scatter_forward()

    def _residual(self) -> ufl.Form:
        cell = self.cell
        tests = ufl.TestFunctions(self.space)
        w = weight(cell)
        w_contact = w("+") if cell.kind == "axisymmetric" else w
        i = self.current_density()
        contact = current.entering_current(current=i, test=tests[_PHI]("+"))
        if self.galvanostatic:
            contact += (i - self.applied * self._whole_over_contact) * tests[_PHI_M]("+")
        if self._multiplier is not None:
            contact += -self.overpotential() * tests[_MULTIPLIER]("+")
        bulk = current.conduction(potential=self.potential, test=tests[_PHI], conductivity=self._conductivity)
        residual = w * bulk * cell.dx(Region.ELECTROLYTE)
        if self.transport is not None:
            test = tests[_S]
            contact += vacancies.injection(
                current=i, annihilation=self.contact_annihilation(), test=test("+")
            )
            flux = vacancies.flux(
                supersaturation=self.supersaturation,
                pressure=self._pressure,
                diffusivity=self._diffusivity,
                stress_drift=self._drift,
            )
            transport = vacancies.balance(flux=flux, annihilation=self.bulk_annihilation(), test=test)
            residual += w * transport * cell.dx(Region.METAL)
            roof = vacancies.absorption(annihilation=self.void_annihilation(), test=test)
            residual += w * roof * cell.ds(Boundary.VOID)
        return residual + w_contact * contact * cell.dS(Boundary.CONTACT)
