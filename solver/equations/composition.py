"""The solute on a moving mesh (docs/model.md 3): what a step carries over, and its conservative weak form.

    d x/dt + div(x u + J) = 0 in the metal, x (u - w) . n + J . n = 0 on its boundary

x: fraction of the solute; u: velocity of the mean of all atoms; J: interdiffusion flux (both in
:mod:`solver.equations.terms.interdiffusion`); w: velocity of the mesh. Integrated over a time step against a
test function q that moves with the mesh:

    int x q dV at the end  -  int x q dV at the start  =  dt int (x (u - w) + J) . grad q dV

One step from t_n to t_n+1 is implicit in x, S and the current, which are solved together on the new
geometry. The velocity u of the mean of all atoms is taken from t_n and integrated over the geometry of
t_n, where it is free of divergence to rounding; the motion of the mesh is integrated over the middle of
the step. Inside the metal a uniform x therefore stays uniform, and because no boundary of the metal lets
solute through, the sum of the equations gives its total exactly.

At a void the nodes move by smoothed means of the velocity: where the metal's surface would run ahead of the
mesh, the solute would be diluted, and as little solute means many vacancies and fast recession, the error
would feed itself. What each node loses in that way is known exactly, as the change of a uniform x = 1, and
is put back; what this adds to the total is taken off evenly over the void surfaces.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray
from ufl.core.expr import Expr

from meshes import compat
from meshes.tags import Boundary, Region
from solver.algebra.assembly import assemble
from solver.equations.coordinates import contact_weight, weight
from solver.equations.terms import interdiffusion

if TYPE_CHECKING:
    from meshes.cell import CellMesh

QUADRATURE_DEGREE = 4
"""The same points as the creep equations use, so that u is free of divergence in the sense of both."""
VERTEX_RULE = {"quadrature_rule": "vertex", "quadrature_degree": 1}
"""Nodal quadrature: integrates f q to f_i V_i, V_i the volume of node i."""


class CompositionStep:
    """What the step in progress knows of its start, and the forms that need it.

    Outside of a step (``time_step`` 0) the weak form says that x is what is carried.

    Attributes:
        fraction: x at P1 nodes, as last accepted.
        time_step: length of the step (L/v0).
    """

    def __init__(self, cell: CellMesh) -> None:
        self.cell = cell
        domain = cell.domain
        gdim = int(domain.geometry.dim)
        self.scalars = fem.functionspace(domain, ("Lagrange", 1))
        self.vectors = fem.functionspace(domain, ("Lagrange", 1, (gdim,)))
        self.fraction = fem.Function(self.scalars, name="solute_fraction")
        self.time_step = fem.Constant(domain, 0.0)
        self.mesh_velocity = fem.Function(self.vectors, name="mesh_velocity")
        points = basix.ufl.quadrature_element(
            domain.basix_cell(), value_shape=(gdim,), degree=QUADRATURE_DEGREE
        )
        self.atom_velocity = fem.Function(fem.functionspace(domain, points), name="atom_velocity")
        self._carried = fem.Function(self.scalars)
        self._mass: NDArray[np.float64] = np.zeros(len(self._carried.x.array))
        q, w = ufl.TestFunction(self.scalars), weight(cell)
        self._volume_form = fem.form(q * self.vertices())
        self._mass_form = fem.form(w * self.fraction * q * self.dx())
        self._total_form = fem.form(w * self.fraction * self.dx())
        self._recovered = fem.Function(self.vectors)
        self._indicator = _error_indicator(self, self._recovered)
        self._geometry_forms(q)
        self._velocity_source: fem.Expression | None = None
        self._removal_form: fem.Form | None = None
        self.volume: NDArray[np.float64] = np.ones(0)

    def _geometry_forms(self, q: Expr) -> None:
        """Forms of what the step does to a uniform x = 1."""
        w, dt, velocity = weight(self.cell), self.time_step, self.mesh_velocity
        one = ufl.as_ufl(1.0)
        self._weight_form = fem.form(w * q * self.dx())
        self._surface_form = fem.form(w * q * self.cell.ds(Boundary.VOID))
        self._flow_form = fem.form(w * ufl.inner(self.atom_velocity, ufl.grad(q)) * self.dx())
        with_mesh = interdiffusion.pulled_back(
            fraction=one, test=q, velocity=velocity, mesh_velocity=velocity, time=0.5 * dt
        )
        self._motion_form = fem.form(self._weight_before(0.5 * dt) * with_mesh * self.dx())
        self._start: tuple[NDArray[np.float64], NDArray[np.float64]] = (np.zeros(0), np.zeros(0))
        self.returned: NDArray[np.float64] = np.zeros(len(self._carried.x.array))

    def dx(self) -> ufl.Measure:
        """Volume measure of the metal at the quadrature points of the velocity."""
        return self.cell.dx(Region.METAL, quadrature_degree=QUADRATURE_DEGREE)

    def vertices(self) -> ufl.Measure:
        """Nodal quadrature on the metal."""
        return self.cell.dx(Region.METAL, **VERTEX_RULE)

    def nodal(self, integrals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Nodal values f_i with f_i V_i = ``integrals`` (0 off the metal)."""
        return np.asarray(np.where(self.volume > 0.0, integrals / np.maximum(self.volume, 1e-300), 0.0))

    def weights(self) -> NDArray[np.float64]:
        """Integral of each node's hat function over the metal (the lumped mass). Collective."""
        return assemble(self._weight_form, self.scalars)

    def storage(self, *, fraction: Expr, test: Expr) -> ufl.Form:
        """Solute at the end of the step minus what is carried over from its start."""
        gained = weight(self.cell) * fraction * test * self.dx()
        return gained - self._carried * test * self.vertices()

    def exchange(self, *, fraction: Expr, test: Expr, interdiffusivity: Expr, drift: Expr) -> ufl.Form:
        """Fluxes of the step relative to the moving mesh, times the step, linear in ``fraction``."""
        cell, dt, w_mesh = self.cell, self.time_step, self.mesh_velocity
        diffusive = interdiffusion.weak_divergence(
            fraction=fraction, test=test, interdiffusivity=interdiffusivity, velocity=drift
        )
        with_atoms = -interdiffusion.pulled_back(
            fraction=fraction, test=test, velocity=self.atom_velocity, mesh_velocity=w_mesh, time=dt
        )
        with_mesh = interdiffusion.pulled_back(
            fraction=fraction, test=test, velocity=w_mesh, mesh_velocity=w_mesh, time=0.5 * dt
        )
        return (
            dt
            * (
                weight(cell) * diffusive
                + self._weight_before(dt) * with_atoms
                + self._weight_before(0.5 * dt) * with_mesh
            )
            * self.dx()
        )

    def _weight_before(self, time: Expr) -> Expr:
        """The weight of every integral, ``time`` before the end of the step."""
        if self.cell.kind != "axisymmetric":
            return weight(self.cell)
        return weight(self.cell) - 2.0 * math.pi * time * self.mesh_velocity[0]

    def start(self, fraction: Expr) -> None:
        """Set x in the metal to an expression (0 elsewhere). Collective.

        All cells take part: a node of the metal may belong to a rank that has none of the metal around it.
        """
        points = compat.interpolation_points(self.scalars)
        self._measure()
        self.fraction.interpolate(fem.Expression(ufl.as_ufl(fraction), points))
        self.fraction.x.array[self.volume <= 0.0] = 0.0
        self.fraction.x.scatter_forward()

    def set_flow(self, atom_velocity: Expr, removal: Expr | None = None) -> None:
        """Give the expressions of u and of the volume removed at the contact, at the start of a step.

        Args:
            atom_velocity: u in the metal.
            removal: s_dot on the contact (interior facet trace), None where there is no current.
        """
        if removal is not None:
            q = ufl.TestFunction(self.scalars)
            self._removal_form = fem.form(
                contact_weight(self.cell) * removal * q("+") * self.cell.dS(Boundary.CONTACT)
            )
        points = compat.interpolation_points(self.atom_velocity.function_space)
        self._velocity_source = fem.Expression(atom_velocity, points)

    def settle(self) -> None:
        """Take ``fraction`` as given on the present geometry. Collective."""
        self.time_step.value = 0.0
        self._measure()
        self._mass = assemble(self._mass_form, self.scalars)
        self._carried.x.array[:] = self.nodal(self._mass)

    def begin(self) -> NDArray[np.float64]:
        """Remember the start of a step, before the mesh moves; returns the node coordinates."""
        assert self._velocity_source is not None
        metal = self.cell.region(Region.METAL)
        self.atom_velocity.interpolate(self._velocity_source, metal)
        rate = -assemble(self._flow_form, self.scalars)
        if self._removal_form is not None:
            rate += assemble(self._removal_form, self.scalars)
        self._start = self.weights(), rate
        return self.cell.domain.geometry.x.copy()

    def moved(self, before: NDArray[np.float64], time_step: float) -> None:
        """Take up a mesh that has moved from ``before`` in ``time_step``. Collective."""
        self.time_step.value = time_step
        gdim = self.cell.domain.geometry.dim
        shift = (self.cell.domain.geometry.x - before)[:, :gdim] / time_step
        values = self.mesh_velocity.x.array.reshape(-1, gdim)
        nodes = compat.geometry_dofmap(self.cell.domain).ravel()
        values[self.vectors.dofmap.list.ravel()] = shift[nodes]
        self._measure()
        self.returned = self._returned()
        self._carried.x.array[:] = self.nodal(self._mass + self.returned)

    def _returned(self) -> NDArray[np.float64]:
        """Solute that the step's geometry takes from each node in error, without sum. Collective."""
        dt, (weights, rate) = float(self.time_step.value), self._start
        moved, now = assemble(self._motion_form, self.scalars), self.weights()
        taken = self.fraction.x.array * (now - weights + dt * (rate + moved))
        surface = assemble(self._surface_form, self.scalars)
        owned = self.scalars.dofmap.index_map.size_local
        sums = np.array([part[:owned].sum() for part in (taken, surface, now)])
        excess, area, volume = self.cell.domain.comm.allreduce(sums)
        spread = surface / area if area > 0.0 else now / volume
        return np.asarray(taken - excess * spread)

    def total(self) -> float:
        """Solute in the metal (sites, um2 or um3). Collective."""
        return float(self.cell.domain.comm.allreduce(fem.assemble_scalar(self._total_form)))

    def indicator(self) -> float:
        """Estimated error of x by the mesh, relative to the largest x: max of h |grad x - G grad x|.

        G grad x is the gradient recovered at the nodes (Zienkiewicz and Zhu 1987). Collective.
        """
        domain = self.cell.domain
        gdim = domain.geometry.dim
        gradient, difference, cells = self._indicator
        volume = np.repeat(self.volume, gdim)
        sums = assemble(gradient, self.vectors)
        self._recovered.x.array[:] = np.where(volume > 0.0, sums / np.maximum(volume, 1e-300), 0.0)
        values = difference.eval(domain, cells)
        worst = domain.comm.allreduce(float(np.max(values, initial=0.0)), op=MPI.MAX)
        return float(worst / max(self.largest(), np.finfo(float).tiny))

    def largest(self) -> float:
        """Largest nodal x. Collective."""
        local = float(self.fraction.x.array.max(initial=0.0))
        return float(self.cell.domain.comm.allreduce(local, op=MPI.MAX))

    def position_of_largest(self) -> float:
        """Lateral position (um) of the largest nodal x. Collective."""
        values = self.fraction.x.array
        where = self.scalars.tabulate_dof_coordinates()[:, 0]
        best = int(values.argmax()) if len(values) else 0
        mine = (float(values[best]), float(where[best])) if len(values) else (-1.0, 0.0)
        return max(self.cell.domain.comm.allgather(mine))[1]

    def smallest(self) -> float:
        """Smallest nodal x in the metal. Collective."""
        local = float(self.fraction.x.array[self.volume > 0.0].min(initial=1.0))
        return float(self.cell.domain.comm.allreduce(local, op=MPI.MIN))

    def _measure(self) -> None:
        self.volume = assemble(self._volume_form, self.scalars)

    def state(self) -> tuple[NDArray[np.float64], ...]:
        """Everything that a rejected step has to restore (a copy)."""
        arrays = (self.fraction, self.mesh_velocity, self._carried)
        return (*(f.x.array.copy() for f in arrays), self._mass.copy(), self.volume.copy())

    def restore(self, state: tuple[NDArray[np.float64], ...]) -> None:
        """Undo to an earlier :meth:`state` (always one between steps)."""
        for function, values in zip(
            (self.fraction, self.mesh_velocity, self._carried), state[:3], strict=True
        ):
            function.x.array[:] = values
        self._mass, self.volume = state[3].copy(), state[4].copy()
        self.time_step.value = 0.0


def _error_indicator(
    step: CompositionStep, recovered: fem.Function
) -> tuple[fem.Form, fem.Expression, NDArray[np.int32]]:
    """Form of the recovered gradient, expression of h |grad x - G grad x|, and the owned metal cells."""
    cell, domain = step.cell, step.cell.domain
    tdim = domain.topology.dim
    test = ufl.TestFunction(step.vectors)
    form = fem.form(ufl.inner(ufl.grad(step.fraction), test) * step.vertices())
    jump = ufl.grad(step.fraction) - recovered
    middle = np.full((1, tdim), 1.0 / (tdim + 1))
    expression = fem.Expression(2.0 * ufl.Circumradius(domain) * ufl.sqrt(ufl.inner(jump, jump)), middle)
    metal = cell.region(Region.METAL)
    return form, expression, metal[metal < domain.topology.index_map(tdim).size_local]
