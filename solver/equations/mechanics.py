"""Creep of the metal with surface tension, friction and a load: velocity and pressure.

Unknowns, on the metal (Taylor-Hood elements):

    v  "velocity"   quadratic   velocity of the lattice (v0)
    p  "pressure"   linear      pressure (P0), compression > 0

Equations (docs/model.md 4) and the term that has each:

    -div sigma = 0,  sigma = 2 mu(D(v)) dev D(v) - p I   in the metal       terms.creep.ViscousStress
    div v = -s                                           in the metal       terms.incompressibility
    sigma n = -P n, or a platen under the force P area   on the top         terms.load, terms.fixture
    sigma n = -gamma curv n, contact angle theta         on void surfaces   terms.capillarity
    tau = tau_0 v_t/|v_t| (Tresca)                       on the contact     terms.friction

s, the lattice sites removed per volume and time, comes from the electrochemistry: vacancies that end at
dislocations take their volume along. On the contact the metal follows the electrolyte (v_y = -a) or lifts
off; which dof does what is decided in :mod:`solver.equations.contact`, and prescribed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from ufl.core.expr import Expr

from meshes import compat
from meshes.tags import Boundary, Region
from solver.algebra.fieldsplit import Schur, Split, SplitMatrix
from solver.algebra.newton import NewtonLinearisation, NewtonSolver, SolveError
from solver.algebra.options import full_steps, splits
from solver.algebra.reduction import ConstraintSpec, Reduction
from solver.equations.coordinates import strain_rate, weight
from solver.equations.creep_newton import (
    StressIteration,
    limited_stress,
    linearised_stress,
    rate_vector,
    tangent,
)
from solver.equations.equation_set import EquationSet, summed
from solver.equations.newtonian_rate import NewtonianRate
from solver.equations.surface_distance import SurfaceDistance
from solver.equations.terms import capillarity, creep, friction, incompressibility, load

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.algebra.springs import Springs
    from solver.equations.surface import SurfaceGeometry
    from solver.equations.terms.capillarity import SurfaceParameters
    from solver.equations.terms.creep import CreepParameters
    from solver.equations.terms.load import LoadParameters
    from solver.equations.terms.term import Term

CONTINUATION_STEP = 1.6
"""Largest factor by which n grows from one Newton solve to the next (cold start)."""
SMALLEST_CONTINUATION_STEP = 1.02
"""Factor in n below which a cold start gives up."""
FIRST_FLOW = 1e-3
"""Share of the first residual that a cold start under a Krylov solver leaves of the flow that says what its
rate is."""
QUADRATURE_DEGREE = 4
"""Of all integrals: the power law of a quadratic velocity's gradient, which no degree integrates exactly."""
REGIONS = {"velocity": Region.METAL, "pressure": Region.METAL}


def default_terms(
    surface: SurfaceParameters,
    given: LoadParameters,
    annihilation: Expr,
    recession: Expr,
    geometry: SurfaceGeometry,
) -> list[Term[MechanicsProblem]]:
    """Terms of docs/model.md 4 besides the viscous stress."""
    terms: list[Term[MechanicsProblem]] = [
        incompressibility.VolumeBalance(annihilation),
        *load.top_terms(given),
    ]
    if surface.tension > 0.0:
        terms.append(capillarity.SurfaceTension(surface, geometry, recession))
    if given.friction.law == "tresca":
        terms.append(friction.TrescaFriction())
    return terms


class MechanicsProblem(EquationSet):
    """The equation set on one mesh.

    Args:
        cell: mesh; the velocity lives on the metal, dofs elsewhere are left out.
        creep_law: dimensionless creep parameters.
        surface: capillarity.
        load: stack pressure, top and friction.
        annihilation: UFL expression of s in div v = -s.
        recession: UFL expression of a on void surfaces, which capillarity looks ahead with.
        geometry: curvature and triple lines of the void surfaces.
        options: PETSc options of the Newton solver.
        extra_terms: added to those of :func:`default_terms`.

    Attributes:
        law: the creep law on this mesh.
        regularisation: its e_0 (v0/L).
        viscous: its stress, which Newton's method linearises in its own way.
        terms: all others; the residual is the sum of both.
        pressure_load, pressure_yield: P on the top is their sum, the second times v_n (P0, P0/v0).
        platen_given: velocity of the platen, downwards positive (v0), where the load does not say what it is.
    """

    def __init__(
        self,
        cell: CellMesh,
        creep_law: CreepParameters,
        surface: SurfaceParameters,
        load: LoadParameters,
        annihilation: Expr,
        recession: Expr,
        geometry: SurfaceGeometry,
        options: Mapping[str, object],
        extra_terms: Sequence[Term[MechanicsProblem]] = (),
    ) -> None:
        self.load, self.creep_law = load, creep_law
        name, gdim = cell.domain.basix_cell(), int(cell.domain.geometry.dim)
        elements = {
            "velocity": basix.ufl.element("Lagrange", name, 2, shape=(gdim,)),
            "pressure": basix.ufl.element("Lagrange", name, 1),
        }
        degree = QUADRATURE_DEGREE
        super().__init__(cell, "mechanics", elements, REGIONS, metal_degree=degree, surface_degree=degree)
        self._distance = None if creep_law.grains is None else SurfaceDistance(cell)
        self.law = creep.CreepLaw(
            creep_law, self.constant, None if self._distance is None else self._distance.value
        )
        self.regularisation = self.constant(creep_law.regularisation)
        self.time_step = self.constant(0.0)
        self.pressure_load, self.pressure_yield = self.constant(load.pressure), self.constant(0.0)
        self.velocity, self.pressure = self.field("velocity"), self.field("pressure")
        self.reduction = Reduction(self.space, self._constraints())
        self._newtonian = NewtonianRate(self)
        self.viscous = creep.ViscousStress()
        self.terms = [*default_terms(surface, load, annihilation, recession, geometry), *extra_terms]
        shared = summed([term(self) for term in self.terms])
        self._iteration = StressIteration(cell, QUADRATURE_DEGREE)
        linearisation = NewtonLinearisation(
            self._linearised_viscous_terms() + shared,
            begin=self._iteration.begin,
            advance=self._iteration.advance,
            finish=self._iteration.finish,
            fail=self._iteration.forget,
        )
        self.newton = NewtonSolver(
            "creep",
            self.viscous(self) + shared,
            self.unknown,
            self.reduction,
            options,
            full_steps(options),
            linearisation,
            SplitMatrix(self._split(), self.reduction) if splits(options) else None,
        )
        self._warm = self._proven = False
        self._iterates = splits(options)
        self.platen_given: float | None = None
        top, w = cell.ds(Boundary.TOP), weight(cell)
        self._fall_form = fem.form(-self.velocity[cell.vertical] * w * top)
        self._top_form = fem.form(self.constant(1.0) * w * top)

    def solve(
        self,
        prescribed: NDArray[np.int32],
        values: NDArray[np.float64],
        springs: Springs | None = None,
        share: float = 0.0,
    ) -> int:
        """Solve with the vertical velocity prescribed at contact dofs; cold starts climb in n.

        Args:
            prescribed: owned local dofs of ``space``.
            values: velocities there.
            springs: of contact dofs that are not prescribed.
            share: of the first residual at which a warm solve may stop (:meth:`NewtonSolver.solve`).

        Returns:
            Newton iterations in total.

        Raises:
            SolveError: if Newton fails warm and cold.
        """
        numbers, values = self._with_platen(self.reduction.reduced_numbers(prescribed), values)
        if self._warm:
            try:
                iterations = self.newton.solve(numbers, values, springs, share)
                self._proven = True
                return iterations
            except SolveError:
                # A start that has worked on this mesh is good: the step is too long, not the start bad.
                # With springs the pressure they belong to may have jumped.
                if self._proven and springs is None:
                    raise
                self._warm = False
        self.unknown.x.array[:] = 0.0
        self._iteration.forget()
        self.regularisation.value = self.creep_law.regularisation
        # where e_0 follows the flow, this first flow is but the start of one with another e_0; under
        # factorisations, where a start costs little, it is solved to its end all the same
        rough = self._newtonian.follows and self._iterates
        try:
            iterations = self.newton.solve(numbers, values, springs, FIRST_FLOW if rough else 0.0)
        except SolveError:
            iterations = self._climb(numbers, values, springs)
        self._warm = self._proven = True
        while self._newtonian.follow() or rough:
            rough = False
            iterations += self.newton.solve(numbers, values, springs)
        return iterations

    def _with_platen(
        self, numbers: NDArray[np.int64], values: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Reduced numbers and values of what is prescribed, with the platen's velocity if it is."""
        if self.platen_given is None or self._owned_tie() is None:
            return numbers, values
        return np.append(numbers, self.reduction.tie_start), np.append(values, -self.platen_given)

    def _owned_tie(self) -> int | None:
        """Place of the platen's velocity among this rank's unknowns, None if it is another's."""
        place = self.reduction.tie_start - self.reduction.start
        return place if 0 <= place < self.reduction.n_reduced else None

    def _climb(self, numbers: NDArray[np.int64], values: NDArray[np.float64], springs: Springs | None) -> int:
        """Newton from n = 1 to the law's exponent, in smaller factors where one fails."""
        target, factor, reached = self.creep_law.exponent, CONTINUATION_STEP, 1.0
        self.law.take_exponent(reached)
        iterations = self.newton.solve(numbers, values, springs)
        while reached < target:
            wanted = min(reached * factor, target)
            self.law.take_exponent(wanted)
            try:
                iterations += self.newton.solve(numbers, values, springs)
                reached = wanted
            except SolveError:
                factor = factor**0.5
                if factor < SMALLEST_CONTINUATION_STEP:
                    self.law.take_exponent(target)
                    raise
        return iterations

    def follow_mesh(self) -> None:
        """The mesh has moved: surfaces are at other distances, and the flow has a rate. Collective."""
        if self._warm:
            self._newtonian.follow()
        if self._distance is not None:
            self._distance.update()

    def mark_warm(self) -> None:
        """Declare the present unknown (interpolated from the last mesh) a good start for Newton."""
        self._warm = True
        self.law.take_exponent(self.creep_law.exponent)

    def doubt_start(self) -> None:
        """The load is about to jump: a failure of the warm start then leads to a cold one."""
        self._proven = False

    @property
    def stress(self) -> fem.Function:
        """Stress at quadrature points, from which the next solve starts: see ``creep_newton``."""
        return self._iteration.stress

    def reactions(self, dofs: NDArray[np.int32]) -> NDArray[np.float64]:
        """Force of the electrolyte on the metal at owned vertical contact dofs (upwards positive)."""
        vector = self.newton.reactions()
        numbers = self.reduction.reduced_numbers(dofs)
        forces = np.asarray(vector.array_r[numbers - self.reduction.start]).copy()
        vector.destroy()
        return forces

    def vertical_space(self) -> tuple[fem.FunctionSpace, NDArray[np.int32]]:
        """Scalar space of the vertical velocity and its dofs' numbers in ``space``."""
        return compat.collapse(self.subspace("velocity").sub(self.cell.vertical))

    def stress_form(self, scalars: fem.FunctionSpace) -> fem.Form:
        """Form of the contact force at P1 nodes: work of the stress on vertical hat functions.

        Divided by the nodal contact area this is p_c = -n.sigma.n (consistent recovery).
        """
        hat = ufl.TestFunction(scalars)
        test = ufl.as_vector([0.0] * self.cell.vertical + [hat])
        rate, test_rate = strain_rate(self.velocity, self.cell), strain_rate(test, self.cell)
        viscous = creep.viscous_work(rate=rate, test_rate=test_rate, viscosity=self.viscosity(rate))
        pressure = incompressibility.pressure_work(pressure=self.pressure, test_rate=test_rate)
        return fem.form(self.in_metal(viscous + pressure))

    def platen_velocity(self) -> float:
        """Mean vertical velocity of the top, downwards positive, in v0."""
        comm = self.cell.domain.comm
        moved = comm.allreduce(fem.assemble_scalar(self._fall_form))
        area = comm.allreduce(fem.assemble_scalar(self._top_form))
        return float(moved / area)

    def platen_pressure(self) -> float:
        """Mean pressure (P0) that holds a platen whose velocity is given: its reaction. Collective."""
        vector, place = self.newton.reactions(), self._owned_tie()
        own = 0.0 if place is None else float(vector.array_r[place])
        vector.destroy()
        comm = self.cell.domain.comm
        return float(-comm.allreduce(own) / comm.allreduce(fem.assemble_scalar(self._top_form)))

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self.newton.destroy()
        self.reduction.destroy()

    def _n_owned(self) -> int:
        return int(self.space.dofmap.index_map.size_local)

    def _on(self, component: int, facets: NDArray[np.int32]) -> NDArray[np.int32]:
        sub = self.subspace("velocity").sub(component)
        return fem.locate_dofs_topological(sub, self.cell.domain.topology.dim - 1, facets)

    def _constraints(self) -> ConstraintSpec:
        spec = ConstraintSpec()
        cell, vertical = self.cell, self.cell.vertical
        tdim = cell.domain.topology.dim
        metal = cell.region(Region.METAL)
        everything = np.arange(self._n_owned(), dtype=np.int32)
        velocity = self.subspace("velocity")
        in_metal = [
            fem.locate_dofs_topological(sub, tdim, metal)
            for sub in [*(velocity.sub(k) for k in range(vertical + 1)), self.subspace("pressure")]
        ]
        spec.fixed.append(np.setdiff1d(everything, np.concatenate(in_metal)).astype(np.int32))
        spec.fixed.append(self._on(0, cell.boundary(Boundary.SIDE_X)))
        if cell.kind == "3d":
            spec.fixed.append(self._on(1, cell.boundary(Boundary.SIDE_Y)))
        if self.load.top != "traction":
            spec.ties.append(self._on(vertical, cell.boundary(Boundary.TOP)))
        for lateral in range(vertical):
            if self.load.friction.law == "stick":
                spec.fixed.append(self._on(lateral, cell.boundary(Boundary.CONTACT)))
            if self.load.grip:
                spec.fixed.append(self._on(lateral, cell.boundary(Boundary.TOP)))
        return spec

    def creep_work(self, *, beyond: float | None = None) -> ufl.Form:
        """Rate of work of creep (P0 v0 L^(d-1)), in all metal or at effective stresses ``beyond`` (P0)."""
        tensor = strain_rate(self.velocity, self.cell)
        rate = creep.effective_rate(tensor, ufl.as_ufl(0.0))
        stress = 3.0 * self.viscosity(tensor) * rate
        work = stress * rate
        if beyond is not None:
            work = ufl.conditional(ufl.gt(stress, self.constant(beyond)), work, 0.0)
        return self.in_metal(work)

    def _linearised_viscous_terms(self) -> ufl.Form:
        """The viscous stress with the law linearised at the stress of the iteration."""
        cell, law = self.cell, self.creep_law
        rate, test = strain_rate(self.velocity, cell), self.test("velocity")
        floor = self.constant(law.viscosity_floor)
        rates = rate_vector(rate, self.regularisation, cell)
        stress = linearised_stress(rate=rates, tangent=tangent(self._iteration.stress, self.law))
        own = 3.0 * (self.viscosity(rate) - floor) * rates
        self._iteration.compile(own, limited_stress(stress, own, self._iteration.stress))
        test_rates = rate_vector(strain_rate(test, cell), ufl.as_ufl(0.0), cell)
        in_parallel = creep.viscous_work(rate=rate, test_rate=strain_rate(test, cell), viscosity=floor)
        return self.in_metal(ufl.inner(stress, test_rates) + in_parallel)

    def _split(self) -> Split:
        """Velocity and, with its mass over the viscosity for Schur complement, pressure."""
        pressure = self.part("pressure")
        scalars = pressure.space
        mass = -ufl.TrialFunction(scalars) * ufl.TestFunction(scalars)
        floor = self.constant(self.creep_law.viscosity_floor)
        along = 1.0 / (3.0 * tangent(self._iteration.stress, self.law).fluidity) + floor
        own = self.viscosity(strain_rate(self.velocity, self.cell))
        schur = Schur(self.in_metal(mass / own), self.in_metal(mass / along), pressure.dofs)
        parts = tuple((name, self.part(name).dofs) for name in self.names)
        return Split(parts, schur, self.subspace("velocity"))

    def viscosity(self, rate: Expr) -> Expr:
        """mu at a strain rate (3 x 3), by the creep law with the present exponent."""
        return self.law.viscosity(creep.effective_rate(rate, self.regularisation))
