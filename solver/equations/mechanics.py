"""Creep of the metal with capillarity and unilateral contact: velocity, pressure, contact pressure."""

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
from solver.algebra.fieldsplit import Schur, Split
from solver.algebra.newton import Guide, NewtonSolver, SolveError
from solver.algebra.options import full_steps, splits
from solver.algebra.reduction import ConstraintSpec, Reduction
from solver.equations.coordinates import contact_weight, strain_rate, weight
from solver.equations.creep_newton import (
    StressIteration,
    Tangent,
    limited_stress,
    linearised_stress,
    rate_vector,
)
from solver.equations.terms import capillarity, creep

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.algebra.newton import Springs
    from solver.equations.motion import SurfaceGeometry
    from solver.setup.parameters import CreepParameters, LoadParameters, SurfaceParameters

CONTINUATION_STEP = 1.6
"""Largest factor by which n grows from one Newton solve to the next (cold start)."""
SMALLEST_CONTINUATION_STEP = 1.02
"""Factor in n below which a cold start gives up."""
QUADRATURE_DEGREE = 4
STICKING_SLIP = 1e-2
"""Slip rate (v0) at which Tresca friction has reached 71 % of its limit."""


class MechanicsProblem:
    """Taylor-Hood discretisation of model.md 4 on one mesh.

    Args:
        cell: mesh; the velocity lives on the metal, dofs elsewhere are left out.
        creep_law: dimensionless creep parameters.
        surface: capillarity.
        load: stack pressure, top and friction.
        annihilation: UFL expression of s in div v = -s.
        recession: UFL expression of a on void surfaces, which capillarity looks ahead with.
        geometry: curvature and triple lines of the void surfaces.
        options: PETSc options of the Newton solver.
        sources: extra terms of the residual, given the problem (manufactured solutions).
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
        sources: Callable[[MechanicsProblem], ufl.Form] | None = None,
    ) -> None:
        self._geometry, self._recession = geometry, recession
        self.cell, self.load, self.creep_law = cell, load, creep_law
        domain = cell.domain
        name = domain.basix_cell()
        velocity = basix.ufl.element("Lagrange", name, 2, shape=(domain.geometry.dim,))
        pressure = basix.ufl.element("Lagrange", name, 1)
        self.space = fem.functionspace(domain, basix.ufl.mixed_element([velocity, pressure]))
        self.unknown = fem.Function(self.space, name="velocity_pressure")
        self.exponent = fem.Constant(domain, float(creep_law.exponent))
        self.time_step = fem.Constant(domain, 0.0)
        self.pressure_load = fem.Constant(domain, float(load.pressure))
        self.velocity, self.pressure = ufl.split(self.unknown)
        self.reduction = Reduction(self.space, self._constraints())
        shared = self._shared_terms(surface, annihilation)
        if sources is not None:
            shared += sources(self)
        residual = self._viscous_terms() + shared
        self._iteration = StressIteration(cell, QUADRATURE_DEGREE)
        guide = Guide(
            self._guiding_terms() + shared,
            begin=self._iteration.begin,
            advance=self._iteration.advance,
            finish=self._iteration.finish,
            fail=self._iteration.forget,
        )
        self.newton = NewtonSolver(
            "creep",
            residual,
            self.unknown,
            self.reduction,
            options,
            full_steps(options),
            guide,
            self._split() if splits(options) else None,
        )
        self._warm = self._proven = False
        top, w = cell.ds(Boundary.TOP), weight(cell)
        self._fall_form = fem.form(-self.velocity[cell.vertical] * w * top)
        self._top_form = fem.form(fem.Constant(domain, 1.0) * w * top)

    def solve(
        self, held: NDArray[np.int32], values: NDArray[np.float64], springs: Springs | None = None
    ) -> int:
        """Solve with the vertical velocity held at contact dofs; cold starts climb in n.

        Args:
            held: owned local dofs of ``space``.
            values: velocities there.
            springs: of contact dofs that are not held.

        Returns:
            Newton iterations in total.

        Raises:
            SolveError: if Newton fails warm and cold.
        """
        numbers = self.reduction.reduced_numbers(held)
        if self._warm:
            try:
                iterations = self.newton.solve(numbers, values, springs)
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
        try:
            iterations = self.newton.solve(numbers, values, springs)
        except SolveError:
            iterations = self._climb(numbers, values, springs)
        self._warm = self._proven = True
        return iterations

    def _climb(self, numbers: NDArray[np.int64], values: NDArray[np.float64], springs: Springs | None) -> int:
        """Newton from n = 1 to the law's exponent, in smaller factors where one fails."""
        target, factor = self.creep_law.exponent, CONTINUATION_STEP
        self.exponent.value = reached = 1.0
        iterations = self.newton.solve(numbers, values, springs)
        while reached < target:
            self.exponent.value = min(reached * factor, target)
            try:
                iterations += self.newton.solve(numbers, values, springs)
                reached = float(self.exponent.value)
            except SolveError:
                factor = factor**0.5
                if factor < SMALLEST_CONTINUATION_STEP:
                    self.exponent.value = target
                    raise
        return iterations

    def mark_warm(self) -> None:
        """Declare the present unknown (interpolated from the last mesh) a good start for Newton."""
        self._warm = True
        self.exponent.value = self.creep_law.exponent

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
        return compat.collapse(self.space.sub(0).sub(self.cell.vertical))

    def stress_form(self, scalars: fem.FunctionSpace) -> fem.Form:
        """Form of the contact force at P1 nodes: work of the stress on vertical hat functions.

        Divided by the nodal contact area this is p_c = -n.sigma.n (consistent recovery).
        """
        hat = ufl.TestFunction(scalars)
        test = ufl.as_vector([0.0] * self.cell.vertical + [hat])
        rate, test_rate = strain_rate(self.velocity, self.cell), strain_rate(test, self.cell)
        work = creep.viscous_work(
            rate=rate, test_rate=test_rate, viscosity=self._viscosity(rate)
        ) + creep.pressure_work(pressure=self.pressure, test_rate=test_rate)
        measure = self.cell.dx(Region.METAL, quadrature_degree=QUADRATURE_DEGREE)
        return fem.form(weight(self.cell) * work * measure)

    def platen_velocity(self) -> float:
        """Mean vertical velocity of the top, downwards positive, in v0."""
        comm = self.cell.domain.comm
        moved = comm.allreduce(fem.assemble_scalar(self._fall_form))
        area = comm.allreduce(fem.assemble_scalar(self._top_form))
        return float(moved / area)

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self.newton.destroy()
        self.reduction.destroy()

    def _n_owned(self) -> int:
        return int(self.space.dofmap.index_map.size_local)

    def _on(self, component: int, facets: NDArray[np.int32]) -> NDArray[np.int32]:
        sub = self.space.sub(0).sub(component)
        return fem.locate_dofs_topological(sub, self.cell.domain.topology.dim - 1, facets)

    def _constraints(self) -> ConstraintSpec:
        spec = ConstraintSpec()
        cell, vertical = self.cell, self.cell.vertical
        tdim = cell.domain.topology.dim
        metal = cell.region(Region.METAL)
        everything = np.arange(self._n_owned(), dtype=np.int32)
        in_metal = [
            fem.locate_dofs_topological(sub, tdim, metal)
            for sub in [*(self.space.sub(0).sub(k) for k in range(vertical + 1)), self.space.sub(1)]
        ]
        spec.fixed.append(np.setdiff1d(everything, np.concatenate(in_metal)).astype(np.int32))
        spec.fixed.append(self._on(0, cell.boundary(Boundary.SIDE_X)))
        if cell.kind == "3d":
            spec.fixed.append(self._on(1, cell.boundary(Boundary.SIDE_Y)))
        if self.load.top == "platen":
            spec.ties.append(self._on(vertical, cell.boundary(Boundary.TOP)))
        for lateral in range(vertical):
            if self.load.friction == "stick":
                spec.fixed.append(self._on(lateral, cell.boundary(Boundary.CONTACT)))
            if self.load.grip:
                spec.fixed.append(self._on(lateral, cell.boundary(Boundary.TOP)))
        return spec

    def _viscous_terms(self) -> ufl.Form:
        """Work of the deviatoric stress by the creep law."""
        rate = strain_rate(self.velocity, self.cell)
        test_rate = strain_rate(ufl.TestFunctions(self.space)[0], self.cell)
        return self._in_metal(
            creep.viscous_work(rate=rate, test_rate=test_rate, viscosity=self._viscosity(rate))
        )

    def creep_work(self, *, beyond: float | None = None) -> ufl.Form:
        """Rate of work of creep (P0 v0 L^(d-1)), in all metal or at effective stresses ``beyond`` (P0)."""
        tensor = strain_rate(self.velocity, self.cell)
        rate = creep.effective_rate(tensor, ufl.as_ufl(0.0))
        stress = 3.0 * self._viscosity(tensor) * rate
        work = stress * rate
        if beyond is not None:
            work = ufl.conditional(ufl.gt(stress, self._constant(beyond)), work, 0.0)
        return self._in_metal(work)

    def _guiding_terms(self) -> ufl.Form:
        """The same with the law linearised at the stress of the iteration."""
        cell, law = self.cell, self.creep_law
        rate, test = strain_rate(self.velocity, cell), ufl.TestFunctions(self.space)[0]
        floor, start = self._constant(law.viscosity_floor), self._constant(law.regularisation)
        rates = rate_vector(rate, start, cell)
        stress = linearised_stress(rate=rates, tangent=self._tangent())
        own = 3.0 * (self._viscosity(rate) - floor) * rates
        self._iteration.compile(own, limited_stress(stress, own, self._iteration.stress))
        test_rates = rate_vector(strain_rate(test, cell), ufl.as_ufl(0.0), cell)
        in_parallel = creep.viscous_work(rate=rate, test_rate=strain_rate(test, cell), viscosity=floor)
        return self._in_metal(ufl.inner(stress, test_rates) + in_parallel)

    def _tangent(self) -> Tangent:
        """The law's tangent at the stress of the iteration."""
        law = self.creep_law
        return Tangent(
            stress=self._iteration.stress,
            exponent=self.exponent,
            reference_stress=self._constant(law.reference_stress),
            diffusional_rate=self._constant(law.diffusional_rate),
        )

    def _split(self) -> Split:
        """Velocity and, with its mass over the viscosity for Schur complement, pressure."""
        scalars, pressure = compat.collapse(self.space.sub(1))
        mass = -ufl.TrialFunction(scalars) * ufl.TestFunction(scalars)
        floor = self._constant(self.creep_law.viscosity_floor)
        along = 1.0 / (3.0 * self._tangent().fluidity()) + floor
        own = self._viscosity(strain_rate(self.velocity, self.cell))
        schur = Schur(self._in_metal(mass / own), self._in_metal(mass / along), pressure)
        velocity = compat.collapse(self.space.sub(0))[1]
        return Split((("velocity", velocity), ("pressure", pressure)), schur, self.space.sub(0))

    def _in_metal(self, density: Expr) -> ufl.Form:
        measure = self.cell.dx(Region.METAL, quadrature_degree=QUADRATURE_DEGREE)
        return weight(self.cell) * density * measure

    def _constant(self, value: float) -> fem.Constant:
        return fem.Constant(self.cell.domain, float(value))

    def _shared_terms(self, surface: SurfaceParameters, annihilation: Expr) -> ufl.Form:
        """Everything but the deviatoric stress: pressure, volume, loads, capillarity, friction."""
        cell = self.cell
        test_v, test_p = ufl.TestFunctions(self.space)
        w = weight(cell)
        rate, test_rate = strain_rate(self.velocity, cell), strain_rate(test_v, cell)
        residual = self._in_metal(
            creep.pressure_work(pressure=self.pressure, test_rate=test_rate)
            + creep.volume_balance(rate=rate, annihilation=annihilation, test=test_p)
        )
        load = creep.top_load(pressure=self.pressure_load, test=test_v, normal=ufl.FacetNormal(cell.domain))
        residual += w * load * cell.ds(Boundary.TOP)
        if surface.tension > 0.0:
            tension = self._constant(surface.tension)
            cosine = self._constant(float(np.cos(surface.contact_angle)))
            roof = capillarity.surface_tension(
                velocity=self.velocity,
                recession=self._recession,
                test=test_v,
                tension=tension,
                time_step=self.time_step,
                curvature=self._geometry.curvature,
                triple=self._geometry.triple_hat,
                cell=cell,
            )
            floor = capillarity.wetting(test=test_v, tension=tension, cosine=cosine, cell=cell)
            residual += w * roof * cell.ds(Boundary.VOID, quadrature_degree=QUADRATURE_DEGREE)
            residual += w * floor * cell.ds(Boundary.FLOOR, quadrature_degree=QUADRATURE_DEGREE)
        if self.load.friction == "tresca":
            residual += self._friction(test_v)
        return residual

    def _friction(self, test: Expr) -> ufl.Form:
        cell, domain = self.cell, self.cell.domain
        friction = creep.tresca_friction(
            slip=ufl.as_vector([self.velocity("+")[k] for k in range(cell.vertical)]),
            test=ufl.as_vector([test("+")[k] for k in range(cell.vertical)]),
            limit=fem.Constant(domain, float(self.load.friction_limit)),
            regularisation=fem.Constant(domain, STICKING_SLIP),
        )
        return (
            contact_weight(cell) * friction * cell.dS(Boundary.CONTACT, quadrature_degree=QUADRATURE_DEGREE)
        )

    def _viscosity(self, rate: Expr) -> Expr:
        law = self.creep_law
        e_e = creep.effective_rate(rate, self._constant(law.regularisation))
        stress, floor = self._constant(law.reference_stress), self._constant(law.viscosity_floor)
        if law.diffusional_rate > 0.0:
            return creep.parallel_viscosity(
                effective_rate=e_e,
                exponent=self.exponent,
                reference_stress=stress,
                viscosity_floor=floor,
                diffusional_rate=self._constant(law.diffusional_rate),
            )
        return creep.viscosity(
            effective_rate=e_e, exponent=self.exponent, reference_stress=stress, viscosity_floor=floor
        )
