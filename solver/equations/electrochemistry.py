"""Current, vacancies and composition, solved together as one equation set.

Unknowns and where they live::

    phi_e  "potential"          electrolyte, quadratic     potential of the electrolyte
    S      "supersaturation"    metal, quadratic           vacancies over their equilibrium
    phi_m  "metal_potential"    one number                 potential of the metal
    x      "fraction"           metal, linear (alloys)     fraction of the solute
    i      "contact_current"    contact, quadratic         current density (where Z is small or 0)

Equations (docs/model.md 2 and 3), and the term that has each::

    div(kappa grad phi_e) = 0                  in the electrolyte     terms.current.Conduction
    kappa grad phi_e . n = i(phi_m - phi_e - E_eq(S, x, p_n))
                                               on the contact         terms.current.ChargeTransfer
    mean of i = prescribed, or phi_m = given   one equation           terms.current.ChargeTransfer
    div j_V = -s                               in the metal           terms.vacancies.VacancyBalance
    j_V . n = -(i - a), j_V . n = a            contact, void surface  terms.vacancies.VacancyBalance
    d x/dt + div(x u + J) = 0                  in the metal           terms.interdiffusion.SoluteBalance

They form one system because they drive each other: the vacancy share of E_eq is tens of millivolts, more than
charge transfer and constriction together, S speeds up diffusion of x, and x decides how many vacancies move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from ufl.core.expr import Expr

from meshes.tags import Boundary, Region
from solver.algebra.fieldsplit import Split, SplitMatrix
from solver.algebra.newton import NewtonSolver, SolveError
from solver.algebra.options import COLD_RAMP, NEWTON_DIRECT, RAMP, SMALLEST_OF_RAMP, full_steps, splits
from solver.algebra.reduction import ConstraintSpec, Reduction
from solver.equations.composition import QUADRATURE_DEGREE, CompositionStep
from solver.equations.equation_set import EquationSet, summed
from solver.equations.kinetics import ContactKinetics
from solver.equations.metal import MetalState, MetalTransport
from solver.equations.terms import current, interdiffusion, vacancies
from solver.equations.terms.term import RemovesSites

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.equations.terms.current import CurrentParameters
    from solver.equations.terms.interdiffusion import CompositionParameters
    from solver.equations.terms.term import Term
    from solver.equations.terms.vacancies import VacancyParameters

CARRIED = {
    "potential": Region.ELECTROLYTE,
    "supersaturation": Region.METAL,
    "metal_potential": Region.METAL,
}
"""Parts worth carrying to another mesh, and where they live; x is carried by a projection of its own."""


def default_terms(
    transport: VacancyParameters | None, alloy: CompositionParameters | None
) -> list[Term[ElectrochemistryProblem]]:
    """Terms of docs/model.md 2 and 3."""
    terms: list[Term[ElectrochemistryProblem]] = [current.Conduction(), current.ChargeTransfer()]
    if transport is not None:
        terms.append(vacancies.VacancyBalance())
    if alloy is not None:
        terms.append(interdiffusion.SoluteBalance())
    return terms


class ElectrochemistryProblem(EquationSet):
    """The equation set on one mesh.

    Args:
        cell: mesh; phi_e lives on the electrolyte, S and x on the metal.
        parameters: current distribution.
        transport: vacancies, or None when the contact itself removes every lattice plane.
        curvature: curvature of void surfaces, for S_g.
        contact_pressure: p_n on the contact, for E_eq.
        pressure: metal pressure, for the stress drift.
        options: PETSc options of the Newton solver.
        alloy: composition, or None in a pure metal.
        extra_terms: added to those of :func:`default_terms`.

    Attributes:
        terms: whose sum is the residual.
        metal, kinetics: constitutive laws of the metal and of the contact.
        state: S and x in the metal.
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
        extra_terms: Sequence[Term[ElectrochemistryProblem]] = (),
    ) -> None:
        self.parameters, self.transport = parameters, transport
        self.equipotential = parameters.equipotential
        elements = _elements(cell, alloyed=alloy is not None, equipotential=self.equipotential)
        degree = None if alloy is None else QUADRATURE_DEGREE
        super().__init__(cell, "electrochemistry", elements, CARRIED, metal_degree=degree)
        self.kinetics = ContactKinetics(cell, parameters, contact_pressure)
        self.metal = MetalTransport(cell.domain, transport, alloy, pressure, curvature, self.kinetics.parted)
        self.composition = CompositionStep(cell) if alloy is not None else None
        self._frozen = fem.Function(self.space)
        self.potential, self.supersaturation = self.field("potential"), self.field("supersaturation")
        self.metal_potential = self.field("metal_potential")
        self.state = self._state(self.unknown)
        self._constants()
        self._areas()
        self._solved: float | None = None
        self.control(parameters.applied, parameters.potential, whole=parameters.whole)
        self.reduction = Reduction(self.space, self._constraints())
        self.terms = [*default_terms(transport, alloy), *extra_terms]
        self.newton = NewtonSolver(
            "electrochemistry",
            summed([term(self) for term in self.terms]),
            self.unknown,
            self.reduction,
            options,
            full_steps(options),
            split=SplitMatrix(self._split(), self.reduction) if splits(options) else None,
        )
        self._set_given_values(alloy)
        self._current_form = self.form(self.current_density(), Boundary.CONTACT)

    @classmethod
    def isolated(
        cls,
        cell: CellMesh,
        parameters: CurrentParameters,
        transport: VacancyParameters | None = None,
        alloy: CompositionParameters | None = None,
        extra_terms: Sequence[Term[ElectrochemistryProblem]] = (),
    ) -> ElectrochemistryProblem:
        """The equation set without the metal's flow: no pressures, no curvature; factorised."""
        space = fem.functionspace(cell.domain, ("Lagrange", 1))
        curvature, contact_pressure, pressure = (fem.Function(space) for _ in range(3))
        return cls(
            cell,
            parameters,
            transport,
            curvature,
            contact_pressure,
            pressure,
            NEWTON_DIRECT,
            alloy,
            extra_terms,
        )

    def _state(self, function: fem.Function) -> MetalState:
        split = dict(zip(self.names, ufl.split(function), strict=True))
        return MetalState(split["supersaturation"], split.get("fraction"))

    def solve(self, share: float = 0.0) -> int:
        """Solve; returns Newton iterations. Raises SolveError.

        A prescribed current that has jumped is approached in steps if Newton fails. Where a contact's memory
        has changed, S may have been extrapolated below 0, which has no way back: it begins at 1 again.

        Args:
            share: of the first residual at which to stop (:meth:`NewtonSolver.solve`).
        """
        start = self.unknown.x.array.copy()
        try:
            return self._solve(share)
        except SolveError:
            if self.parameters.memory is None or self.transport is None:
                raise
            self.unknown.x.array[:] = start
            self.unknown.x.array[self.part("supersaturation").dofs] = 1.0
            return self._solve(share)

    def _solve(self, share: float) -> int:
        try:
            iterations = self.newton.solve(share=share)
        except SolveError:
            start = 0.0 if self._solved is None else self._solved
            if self.prescribed is None or self.prescribed == start:
                raise
            ramp = COLD_RAMP if self._solved is None else RAMP
            iterations = self._ramp(start, self.prescribed, *ramp)
        self._solved = self.prescribed
        return iterations

    def _ramp(self, start: float, target: float, step: float, growth: float) -> int:
        """Newton from one prescribed current to another, in smaller steps where one fails."""
        done, smallest, iterations = 0.0, SMALLEST_OF_RAMP * step, 0
        while done < 1.0:
            reached = min(done + step, 1.0)
            self._applied.value = start + (target - start) * reached
            try:
                iterations += self.newton.solve()
                done, step = reached, step * growth
            except SolveError:
                step *= 0.5
                if step < smallest:
                    self._applied.value = target
                    raise
        return iterations

    def control(self, applied: float | None, potential: float | None = None, *, whole: bool = False) -> None:
        """Prescribe the mean current over the whole area (in i0), or else phi_m (in RT/F).

        With ``whole`` the potential is over the whole pellet: phi_m and the mean current times the resistance
        of the electrolyte that is not modelled.
        """
        self._beyond.value = self.parameters.beyond if whole else 0.0
        self.prescribed = applied
        self._galvanostatic.value = 0.0 if applied is None else 1.0
        self._applied.value = 0.0 if applied is None else applied
        self._given_potential.value = 0.0 if potential is None else potential
        self.metal.plating.value = 1.0 if min(self._applied.value, self._given_potential.value) < 0.0 else 0.0

    # UFL expressions of the solution, for other modules and the records
    def equilibrium_potential(self) -> Expr:
        """E_eq on the contact (interior facet trace), in RT/F."""
        with_vacancies = self.transport is not None and self.parameters.vacancy_potential
        return self.kinetics.equilibrium_potential(
            supersaturation=self.supersaturation("+") if with_vacancies else None,
            composition=self.composition_potential(),
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
        if self.equipotential:
            return self.field("contact_current")("+")
        return self.kinetics.current(self.overpotential())

    def control_residual(self) -> Expr:
        """What must vanish to set phi_m (density on the contact): the error of the current, or of phi_m."""
        current_error = self.current_density() - self._applied * self._whole_over_contact
        # the mean of i over the contact, times contact over whole area, is the mean over the whole area
        rest = self._beyond * self.current_density() / self._whole_over_contact
        potential_error = self.metal_potential("+") + rest - self._given_potential
        return self._galvanostatic * current_error + (1.0 - self._galvanostatic) * potential_error

    def bulk_annihilation(self) -> Expr:
        """s in the metal: what all terms that remove sites in the bulk remove."""
        sinks = [term.annihilation(self) for term in self.terms if isinstance(term, RemovesSites)]
        return sum(sinks[1:], sinks[0]) if sinks else self.constant(0.0)

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

    def frozen_recession(self) -> Expr:
        """a on void surfaces as it was at the last :meth:`freeze_recession`, for capillarity's look-ahead."""
        return self.metal.void_annihilation(self._state(self._frozen))

    def freeze_recession(self) -> None:
        """Take the present S for the look-ahead.

        Done once per coupled solve: following every pass would close a loop contact pressure ->
        current -> recession -> contact pressure whose gain grows with the time step.
        """
        self._frozen.x.array[:] = self.unknown.x.array

    def form(self, density: Expr, boundary: Boundary) -> fem.Form:
        """Compiled integral of a density over a boundary part of the whole (revolved) cell."""
        on_contact = boundary is Boundary.CONTACT
        return fem.form(self.on_contact(density) if on_contact else self.on(boundary, density))

    def integrate(self, density: Expr, boundary: Boundary) -> float:
        """Integral of a density over a boundary part. Collective."""
        return self._sum(self.form(density, boundary))

    def supersaturation_values(self) -> NDArray[np.float64]:
        """Nodal values of S on this rank (1 outside the metal)."""
        return self.part("supersaturation").values

    def contact_current(self) -> float:
        """Total current through the contact, in i0 L (L^2). Collective."""
        return self._sum(self._current_form)

    def _sum(self, form: fem.Form) -> float:
        return float(self.cell.domain.comm.allreduce(fem.assemble_scalar(form)))

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self.newton.destroy()
        self.reduction.destroy()

    def _constants(self) -> None:
        self._whole_over_contact = self.constant(1.0)
        self._applied, self._given_potential = self.constant(0.0), self.constant(0.0)
        self._galvanostatic, self._beyond = self.constant(1.0), self.constant(0.0)

    def _areas(self) -> None:
        one = fem.Constant(self.cell.domain, 1.0)
        self.whole_area = self.integrate(one, Boundary.BOTTOM)
        self._contact_area_form = self.form(one, Boundary.CONTACT)
        self.update_contact_area()

    def update_contact_area(self) -> None:
        """Measure the contact again after the mesh moved, and find its resistance."""
        self.kinetics.update()
        self.contact_area = self._sum(self._contact_area_form)
        self._whole_over_contact.value = self.whole_area / self.contact_area

    def _constraints(self) -> ConstraintSpec:
        """Each part lives on a region of its own; dofs elsewhere are no unknowns."""
        cell, spec = self.cell, ConstraintSpec()
        tdim = cell.domain.topology.dim
        owned = self.space.dofmap.index_map.size_local

        def locate(name: str, dim: int, entities: NDArray[np.int32]) -> NDArray[np.int32]:
            return fem.locate_dofs_topological(self.subspace(name), dim, entities)

        def outside(name: str, dim: int, entities: NDArray[np.int32]) -> NDArray[np.int32]:
            everywhere = self.part(name).dofs
            own = everywhere[everywhere < owned]
            return np.setdiff1d(own, locate(name, dim, entities)).astype(np.int32)

        metal, electrolyte = cell.region(Region.METAL), cell.region(Region.ELECTROLYTE)
        spec.fixed.append(outside("potential", tdim, electrolyte))
        spec.fixed.append(locate("potential", tdim - 1, cell.boundary(Boundary.BOTTOM)))
        spec.fixed.append(outside("supersaturation", tdim, metal))
        if self.transport is None:
            spec.fixed.append(self.part("supersaturation").dofs)
        spec.ties.append(self.part("metal_potential").dofs)
        if self.composition is not None:
            spec.fixed.append(outside("fraction", tdim, metal))
        if self.equipotential:
            spec.fixed.append(outside("contact_current", tdim - 1, cell.boundary(Boundary.CONTACT)))
        return spec

    def _split(self) -> Split:
        """Parts of the unknown that a preconditioner solves one after the other."""
        order = ["potential"]
        order += ["supersaturation"] if self.transport is not None else []
        order += ["fraction"] if self.composition is not None else []
        return Split(tuple((name, self.part(name).dofs) for name in [*order, "metal_potential"]))

    def _set_given_values(self, alloy: CompositionParameters | None) -> None:
        supersaturation = self.part("supersaturation")
        supersaturation.assign(np.ones(len(supersaturation.dofs)))
        self.unknown.x.scatter_forward()
        if self.composition is not None and alloy is not None:
            self.composition.start(self.constant(alloy.fraction))
            self.take_fraction()

    def take_fraction(self) -> None:
        """Put the accepted x of :class:`CompositionStep` into the unknown and settle it. Collective."""
        if self.composition is not None:
            self.part("fraction").function.interpolate(self.composition.fraction)
            self.unknown.x.scatter_forward()
            self.composition.settle()


def _elements(cell: CellMesh, *, alloyed: bool, equipotential: bool) -> dict[str, Any]:
    """Finite element of each unknown, in the order of the mixed space."""
    name = cell.domain.basix_cell()
    quadratic = basix.ufl.element("Lagrange", name, 2)
    linear = basix.ufl.element("Lagrange", name, 1)
    elements = {"potential": quadratic, "supersaturation": quadratic, "metal_potential": linear}
    elements |= {"fraction": linear} if alloyed else {}
    elements |= {"contact_current": quadratic} if equipotential else {}
    return elements
