"""Bounds on the solute fraction by flux correction, without clipping (Zalesak 1979, J. Comput. Phys. 31, 335;
elementwise after Loehner et al. 1987, Int. J. Numer. Meth. Fluids 7, 1093).

Clipping a fraction below 0 would make solute. Flux correction moves it between the nodes of a cell instead:

    x = x_low + sum over cells of share(cell) * (flux_high - flux_low)(cell, node) / mass(node)

The Galerkin step is second order in space but may leave [0, x_limit] at a front that the mesh does not
resolve. Then a low-order step (lumped mass, and in each cell just enough graph diffusion to make the matrix
an M-matrix: non-negative at any time step) is solved as well, and of the difference between the two, cell by
cell and summing to zero in each cell, as much is added back as the bounds admit. The total stays what it was.

Where the Galerkin step is within the bounds at all nodes, as on any mesh that resolves its fronts, nothing is
done: the correction limits gains and losses one by one and could take something off it for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem, la
from mpi4py import MPI
from numpy.typing import NDArray
from ufl.core.expr import Expr

from meshes.tags import Region
from solver.algebra.assembly import assemble
from solver.algebra.newton import NewtonSolver, SolveError
from solver.algebra.reduction import ConstraintSpec, Reduction
from solver.equations.composition import VERTEX_RULE
from solver.equations.coordinates import weight

if TYPE_CHECKING:
    from solver.equations.composition import CompositionStep

DIFFUSION_SAFETY = 1.5
"""The graph diffusion is sized by values at a cell's corners and middle; they vary a little between."""
ROUNDING = 1e-12
"""A fraction this far below 0 is 0 to rounding."""


class BoundLimiter:
    """Corrects one Galerkin step; built once per mesh.

    Args:
        step: the step, whose weak form it uses.
        interdiffusivity, drift: coefficients at the Galerkin solution.
        options: PETSc options of the low-order solve.
    """

    def __init__(
        self, step: CompositionStep, interdiffusivity: Expr, drift: Expr, options: Mapping[str, object]
    ) -> None:
        self.step, self.cell = step, step.cell
        domain, scalars = step.cell.domain, step.scalars
        self.low = fem.Function(scalars)
        self.high = fem.Function(scalars)
        self._lumped = fem.Function(scalars)
        self._carried = fem.Function(scalars)
        self._broken = fem.functionspace(domain, ("DG", 1))
        self._diffusion = fem.Function(fem.functionspace(domain, ("DG", 0)))
        owned = domain.topology.index_map(domain.topology.dim).size_local
        metal = step.cell.region(Region.METAL)
        self._cells = metal[metal < owned]
        self._coefficients(interdiffusivity, drift)
        self._forms(interdiffusivity, drift)
        self._solver(options, interdiffusivity, drift)
        self._start = np.zeros((len(self._cells), domain.topology.dim + 1))
        self._start_mass = np.zeros(0)

    def begin(self) -> None:
        """Remember the start of the step, before the mesh moves. Collective."""
        self.high.x.array[:] = self.step.fraction.x.array
        self._start = self._lumping_contributions()
        self._start_mass = self.step.weights() * self.step.fraction.x.array

    def apply(self, high: NDArray[np.float64], upper: float) -> NDArray[np.float64]:
        """Nodal x within [0, upper] with the total of ``high``. Collective; raises SolveError.

        Args:
            high: nodal values of the Galerkin step (with ghosts).
            upper: upper bound; where the low-order step is above it, that is the bound.
        """
        metal = self.step.volume > 0.0
        if not self._any(high[metal] < -ROUNDING) and not self._any(high[metal] > upper):
            return high
        self.high.x.array[:] = high
        weights = self.step.weights()
        self._lumped.x.array[:] = self.step.nodal(weights)
        self._carried.x.array[:] = self.step.nodal(self._start_mass + self.step.returned)
        self._size_diffusion()
        self.low.x.array[:] = high
        self._newton.solve()
        if self._any(self.low.x.array < -ROUNDING):
            raise SolveError("limiter: the low-order step is not monotone")
        # what the two steps differ by, cell by cell: the mass lumping (now and at the start) and the fluxes
        flux = self._lumping_contributions() - self._start + self._cellwise(self._flux_form)
        return self._limited(flux, weights, upper)

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self._newton.destroy()
        self._reduction.destroy()

    def _any(self, flags: NDArray[np.bool_]) -> bool:
        return bool(self.cell.domain.comm.allreduce(int(flags.any()), op=MPI.MAX))

    def _coefficients(self, interdiffusivity: Expr, drift: Expr) -> None:
        """Largest diffusivity and speed of a cell, sampled at its corners and middle."""
        step, gdim = self.step, int(self.cell.domain.geometry.dim)
        corners = np.vstack([np.zeros(gdim), np.eye(gdim), np.full(gdim, 1.0 / (gdim + 1))])
        slow = drift - step.mesh_velocity
        sampled = ufl.as_vector([interdiffusivity, ufl.sqrt(ufl.inner(slow, slow)), weight(self.cell)])
        self._sampled = fem.Expression(sampled, corners)

    def _graph(self, fraction: Expr, test: Expr) -> ufl.Form:
        """dt d (sum x_i q_i / (d + 1) - mean x mean q), per cell."""
        centre = {"quadrature_rule": "default", "quadrature_degree": 1}
        density = self.step.time_step * self._diffusion * fraction * test
        metal = Region.METAL
        return density * self.cell.dx(metal, **VERTEX_RULE) - density * self.cell.dx(metal, **centre)

    def _forms(self, interdiffusivity: Expr, drift: Expr) -> None:
        step, test = self.step, ufl.TestFunction(self._broken)

        def exchange(x: Expr) -> ufl.Form:
            return step.exchange(fraction=x, test=test, interdiffusivity=interdiffusivity, drift=drift)

        w = weight(self.cell)
        self._flux_form = fem.form(exchange(self.low) - exchange(self.high) + self._graph(self.low, test))
        self._mass_form = fem.form(w * self.high * test * step.dx())
        self._weight_form = fem.form(w * test * step.dx())

    def _solver(self, options: Mapping[str, object], interdiffusivity: Expr, drift: Expr) -> None:
        step, test, low = self.step, ufl.TestFunction(self.step.scalars), self.low
        storage = (self._lumped * low - self._carried) * test * step.vertices()
        exchange = step.exchange(fraction=low, test=test, interdiffusivity=interdiffusivity, drift=drift)
        inside = fem.locate_dofs_topological(
            step.scalars, self.cell.domain.topology.dim, self.cell.region(Region.METAL)
        )
        owned = np.arange(step.scalars.dofmap.index_map.size_local, dtype=np.int32)
        spec = ConstraintSpec(fixed=[np.setdiff1d(owned, inside).astype(np.int32)])
        self._reduction = Reduction(step.scalars, spec)
        residual = storage + exchange + self._graph(low, test)
        self._newton = NewtonSolver("limiter", residual, low, self._reduction, options)

    def _size_diffusion(self) -> None:
        """Graph diffusion that makes every off-diagonal entry of the low-order matrix non-positive.

        An M-matrix has a non-negative inverse: x_low >= 0 follows from the non-negative content at the start.
        Off-diagonal entries are positive where an angle is obtuse (diffusion) and, as Galerkin's method takes
        central differences, by transport. The graph diffusion d of a cell adds -d V/count^2 to each of its
        off-diagonal entries (V: its volume, count: its nodes), which has to outweigh the largest of them.
        """
        corners = self.cell.corners()[self._cells]
        count = corners.shape[1]
        edges = corners[:, 1:] - corners[:, :1]
        inner = np.linalg.inv(edges).transpose(0, 2, 1)
        slopes = np.concatenate([-inner.sum(axis=1, keepdims=True), inner], axis=1)
        products = slopes @ slopes.transpose(0, 2, 1)
        products[:, np.arange(count), np.arange(count)] = 0.0
        obtuse = np.maximum(products, 0.0).max(axis=(1, 2))
        steepest = np.linalg.norm(slopes, axis=2).max(axis=1)
        values = self._sampled.eval(self.cell.domain, self._cells).reshape(len(self._cells), -1, 3)
        diffusivity, speed, largest = (np.abs(values[:, :, k]).max(axis=1) for k in range(3))
        speed += self._atom_speed()
        entry = largest * (diffusivity * obtuse + speed * steepest / count)
        self._diffusion.x.array[self._cells] = DIFFUSION_SAFETY * count**2 * entry
        self._diffusion.x.scatter_forward()

    def _atom_speed(self) -> NDArray[np.float64]:
        """Largest speed of the mean of all atoms in each cell."""
        function = self.step.atom_velocity
        gdim = int(self.cell.domain.geometry.dim)
        values = function.x.array.reshape(-1, gdim)[function.function_space.dofmap.list[self._cells]]
        return np.asarray(np.linalg.norm(values, axis=2).max(axis=1, initial=0.0))

    def _cellwise(self, form: fem.Form) -> NDArray[np.float64]:
        """Contribution of each owned metal cell to each of its nodes."""
        return assemble(form, self._broken)[self._broken.dofmap.list[self._cells]]

    def _lumping_contributions(self) -> NDArray[np.float64]:
        """Lumped minus consistent mass times ``high``, per cell and node."""
        nodal = self.high.x.array[self.step.scalars.dofmap.list[self._cells]]
        return self._cellwise(self._weight_form) * nodal - self._cellwise(self._mass_form)

    def _limited(
        self, flux: NDArray[np.float64], weights: NDArray[np.float64], upper: float
    ) -> NDArray[np.float64]:
        """Zalesak's correction with the bounds themselves as admissible range. Collective.

        Each node tells how much of all fluxes into it (out of it) it could take; a cell then applies the
        smallest share over its nodes to all of its flux, so that what it adds still sums to zero.
        """
        nodes, low = self.step.scalars.dofmap.list[self._cells], self.low.x.array
        comm = self.cell.domain.comm
        bound = max(upper, float(comm.allreduce(float(low.max(initial=0.0)), op=MPI.MAX)))
        gain = self._sum(nodes, np.maximum(flux, 0.0))
        loss = self._sum(nodes, np.minimum(flux, 0.0))
        tiny = np.finfo(float).tiny
        rise = np.minimum(1.0, np.maximum(weights * (bound - low), 0.0) / np.maximum(gain, tiny))
        fall = np.minimum(1.0, np.maximum(weights * low, 0.0) / np.maximum(-loss, tiny))
        share = np.where(flux > 0.0, rise[nodes], fall[nodes]).min(axis=1, keepdims=True, initial=1.0)
        added = self._sum(nodes, share * flux)
        return np.asarray(low + np.where(weights > 0.0, added / np.maximum(weights, tiny), 0.0))

    def _sum(self, nodes: NDArray[np.int32], values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum cellwise values at nodes over all ranks. Collective."""
        vector = la.vector(self.step.scalars.dofmap.index_map, 1)
        np.add.at(vector.array, nodes.ravel(), values.ravel())
        vector.scatter_reverse(la.InsertMode.add)
        vector.scatter_forward()
        return np.asarray(vector.array).copy()
