"""Unilateral contact on the rigid electrolyte by a primal-dual active set (model.md 4).

Per contact dof, with outward normal -e_y: either the metal follows the electrolyte (v_y = -a, pushed
with a force that may be tensile up to the adhesion), or it lifts off (v_y + a > 0, no force). The set
changes only between converged creep solves, so Newton never sees a switch.

Tension that reaches a triple line does not open the contact while the metal wets the electrolyte:
there the Laplace pressure of the curved roof pulls, the new surfaces would cost the work of adhesion,
and the void widens by motion of its triple line (contact angle) instead.

Why an active set and not a penalty or a multiplier with a smoothed switch: a given set makes the problem a
creep problem with prescribed velocities, which Newton's method solves without ever seeing the inequality, and
the forces are the reactions there, free of any parameter. A dof leaves the set where its reaction is more
tensile than the contact bears, and enters it where the metal would move into the electrolyte; for a linear
problem that is the semi-smooth Newton method (Hintermueller, Ito and Kunisch 2002, SIAM J. Optim. 13, 865),
which ends after finitely many sets because each determines the next. Ties at round-off would make the set
flip for ever, hence the slack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import ufl
from dolfinx import fem, la, mesh
from numpy.typing import NDArray
from ufl.core.expr import Expr

from meshes.tags import Boundary
from solver.algebra.newton import SolveError
from solver.algebra.projection import Projection
from solver.core.parallel import largest_magnitude
from solver.equations.capillary_hold import CORNERS, CapillaryHold, TraceFacets
from solver.equations.coordinates import contact_weight
from solver.equations.yielding import springs_of

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.equations.mechanics import MechanicsProblem
    from solver.equations.yielding import Compliance

MAX_SETS = 40
"""Active sets tried before the solve counts as failed."""
RELATIVE_SLACK = 1e-9
"""Forces and gap rates below this share of the largest one do not switch a dof."""
SETS_TO_SETTLE = 12
"""Active sets after which a dof that has come back to the contact stays: what is held depends on the set, and
near the limit two sets may call for each other."""


class ContactZone:
    """The contact's dofs and their neighbourhood, fixed for one mesh.

    Attributes:
        problem: creep problem.
        dofs: owned vertical velocity dofs on the contact, numbers in ``problem.space``.
        trace_dofs: the same dofs' numbers in the scalar trace space.
        facet_dofs: local dofs of the trace space on each facet, corners first.
        triple: which of them lie on a triple line.
        hold: what surface tension holds of a contact under tension.
    """

    def __init__(
        self,
        problem: MechanicsProblem,
        trace: fem.FunctionSpace,
        trace_map: NDArray[np.int32],
        line_force: float = 0.0,
    ) -> None:
        self.problem = problem
        cell = problem.cell
        fdim = cell.domain.topology.dim - 1
        n_owned = trace.dofmap.index_map.size_local
        on_contact = fem.locate_dofs_topological(trace, fdim, cell.boundary(Boundary.CONTACT))
        on_void = fem.locate_dofs_topological(trace, fdim, cell.boundary(Boundary.VOID))
        self.trace_dofs = on_contact[on_contact < n_owned]
        self.dofs = trace_map[self.trace_dofs]
        self._trace_map = trace_map
        self.triple = np.isin(self.trace_dofs, on_void)
        self._flags = la.vector(trace.dofmap.index_map, 1)
        self.facet_dofs = _facet_closures(cell.domain, trace, cell.boundary(Boundary.CONTACT))
        corners = self.facet_dofs[:, :CORNERS] if cell.kind == "3d" else self.facet_dofs[:, :0]
        self._corner = np.isin(self.trace_dofs, corners)
        facets = TraceFacets(cell, trace, self.facet_dofs, self.trace_dofs, self.triple)
        self.hold = CapillaryHold(facets, line_force)

    def reduced_numbers(self) -> NDArray[np.int32]:
        """Reduced numbers of all local dofs of the trace space, ghosts too. Collective."""
        reduction = self.problem.reduction
        return reduction.with_ghosts(reduction.column)[self._trace_map]

    def coordinates(self) -> NDArray[np.float64]:
        """Present coordinates (m, 3) of ``dofs``."""
        return self.hold.facets.coordinates()

    def corners_follow(self, active: NDArray[np.bool_], touching: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Flags at ``dofs``; corners of 3-D facets are active if an edge of contact at them is. Collective.

        The shape function of a quadratic triangle's corner has no integral: a uniform pressure puts no force
        there, and the sign of what force there is says nothing about tension.

        Args:
            active: flags by force and motion.
            touching: dofs that may be active; not those over a gap that has not closed.
        """
        if self.problem.cell.kind != "3d":
            return active
        flags, reached = self.spread(active) > 0.0, np.zeros(len(self._flags.array))
        for k in range(CORNERS):
            edges = [CORNERS + j for j in range(CORNERS) if j != k]  # edge j lies opposite corner j
            in_contact = flags[self.facet_dofs[:, edges]].any(axis=1)
            reached[self.facet_dofs[in_contact, k]] = 1.0
        return np.where(self._corner, touching & (self._merge(reached)[self.trace_dofs] > 0.0), active)

    def spread(self, flags: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Owned flags as an array over all local dofs, ghosts filled in."""
        self._flags.array[:] = 0.0
        self._flags.array[self.trace_dofs] = flags
        self._flags.scatter_forward()
        return self._flags.array.copy()

    def _merge(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add ghost contributions to their owners."""
        self._flags.array[:] = values
        self._flags.scatter_reverse(la.InsertMode.add)
        return self._flags.array.copy()


@dataclass
class ContactState:
    """Contact set at ``ContactZone.dofs``.

    Attributes:
        active: True where the metal follows the electrolyte.
        force: upward force of the electrolyte on the metal (consistent nodal force).
        gap_rate: opening velocity v_y + a, 0 where active.
        gap: thickness of the gap (um) at the end of the step, 0 where active.
        iterations: Newton iterations of the last solve.
        sets: active sets tried in the last solve.
    """

    active: NDArray[np.bool_]
    force: NDArray[np.float64]
    gap_rate: NDArray[np.float64]
    gap: NDArray[np.float64]
    iterations: int = 0
    sets: int = 0


def closed(zone: ContactZone) -> ContactState:
    """All contact dofs active."""
    n = len(zone.dofs)
    return ContactState(np.ones(n, dtype=bool), np.zeros(n), np.zeros(n), np.zeros(n))


def over_gaps(state: ContactState, gap: NDArray[np.float64]) -> ContactState:
    """The start of a step: what has a gap is not in contact."""
    return replace(state, active=state.active & (gap <= 0.0))


def solve_contact(
    zone: ContactZone,
    state: ContactState,
    annihilation: NDArray[np.float64],
    tensile_limit: NDArray[np.float64],
    compliance: Compliance | None = None,
    gap: NDArray[np.float64] | None = None,
    time_step: float = 0.0,
    share: float = 0.0,
) -> ContactState:
    """Find velocity, pressure and contact set. Collective.

    Metal over a gap g moves freely until that has closed: v_y + a >= -g/dt, with contact in case of equality.

    Args:
        zone: contact; its problem's unknown is the start and receives the solution.
        state: contact set to start from.
        annihilation: a at the contact dofs.
        tensile_limit: largest tensile nodal force (adhesion times nodal area).
        compliance: how a follows the contact's forces, None where it does not.
        gap: thickness of the gap (um) at the start of the step, None where there is none.
        time_step: dt (L/v0); over 0 no gap closes.
        share: of the first residual at which a solve may stop, where another pass goes on from the state;
            forces and velocities below this share of the largest one then switch no dof.

    Returns:
        The new contact state.

    Raises:
        SolveError: if the creep solve fails or the set does not settle.
    """
    comm, problem = zone.problem.cell.domain.comm, zone.problem
    gap = np.zeros(len(zone.dofs)) if gap is None else gap
    rest = -annihilation - _closing(gap, time_step)
    active, returned = state.active | zone.triple, np.zeros(len(zone.dofs), dtype=bool)
    iterations, least = 0, max(RELATIVE_SLACK, share)
    for attempt in range(1, MAX_SETS + 1):
        soft = active & compliance.yields if compliance else np.zeros_like(active)
        rigid = active & ~soft
        with springs_of(compliance, soft, rest) as springs:
            iterations += problem.solve(zone.dofs[rigid], rest[rigid], springs, share)
        force = problem.reactions(zone.dofs)
        velocity = problem.unknown.x.array[zone.dofs]
        slack = least * largest_magnitude(comm, force)
        # the residual at a spring is what the spring carries: one test does for both kinds of dofs
        pulled = active & ~zone.triple & (force < -tensile_limit - slack)
        tension = np.where(pulled, -force - tensile_limit, 0.0)
        pulled &= ~zone.hold.held(tension, ~active)
        if attempt > SETS_TO_SETTLE:
            pulled &= ~returned
        closes = ~active & (velocity - rest < -least * largest_magnitude(comm, velocity))
        returned |= closes
        touching = active | closes | (gap == 0.0)
        new = zone.corners_follow((active & ~pulled) | closes, touching) | zone.triple
        if comm.allreduce(int(np.count_nonzero(new != active))) == 0:
            gap_rate = np.where(active, 0.0, velocity + annihilation)
            left = np.where(active, 0.0, np.maximum(gap + time_step * gap_rate, 0.0))
            return ContactState(active, force, gap_rate, left, iterations, attempt)
        active = new
    raise SolveError(f"contact: no settled contact set after {MAX_SETS} tries")


def _closing(gap: NDArray[np.float64], time_step: float) -> NDArray[np.float64]:
    """Velocity (v0) at which a gap closes within the step; of an instant, none."""
    if time_step > 0.0:
        return np.asarray(gap / time_step)
    return np.where(gap > 0.0, np.inf, 0.0).astype(np.float64)


def contact_projection(
    cell: CellMesh, space: fem.FunctionSpace, density: Expr, options: Mapping[str, object]
) -> Projection:
    """Projection of a quantity known at the contact onto its trace space.

    The integral of the projection equals that of the density, which conservation relies on.

    Args:
        cell: mesh.
        space: scalar Lagrange space on the whole mesh.
        density: UFL expression on interior facets (already restricted).
        options: PETSc options.
    """
    facets = cell.boundary(Boundary.CONTACT)
    dofs = fem.locate_dofs_topological(space, cell.domain.topology.dim - 1, facets)

    def residual(value: fem.Function, test: Expr) -> ufl.Form:
        return contact_weight(cell) * (value("+") - density) * test("+") * cell.dS(Boundary.CONTACT)

    return Projection("projection", space, dofs, residual, options)


class LinearProjection:
    """Projection of a quantity known at the contact onto linear functions of it, as values in another space.

    Linear as the contact's pressure is: of what varies within an element the pressure knows nothing, and the
    loop between both would not be one of symmetric parts (:mod:`solver.equations.contact_compliance`).

    Args:
        cell: mesh.
        space: scalar Lagrange space on the whole mesh, for the values.
        linear: P1 functions.
        density: UFL expression on interior facets (already restricted).
        options: PETSc options.
    """

    def __init__(
        self,
        cell: CellMesh,
        space: fem.FunctionSpace,
        linear: fem.FunctionSpace,
        density: Expr,
        options: Mapping[str, object],
    ) -> None:
        self._projection, self.value = contact_projection(cell, linear, density, options), fem.Function(space)

    def update(self) -> fem.Function:
        """Project the present values. Collective; raises SolveError."""
        self.value.interpolate(self._projection.update())
        return self.value

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self._projection.destroy()


def _facet_closures(
    domain: mesh.Mesh, space: fem.FunctionSpace, facets: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Dofs on each facet, shape (facets, dofs per facet)."""
    fdim = domain.topology.dim - 1
    domain.topology.create_connectivity(fdim, fdim + 1)
    domain.topology.create_connectivity(fdim + 1, fdim)
    to_cell = domain.topology.connectivity(fdim, fdim + 1)
    to_facet = domain.topology.connectivity(fdim + 1, fdim)
    layout = space.dofmap.dof_layout
    rows = []
    for facet in facets:
        cell = to_cell.links(facet)[0]
        local = int(np.flatnonzero(to_facet.links(cell) == facet)[0])
        rows.append(space.dofmap.cell_dofs(cell)[layout.entity_closure_dofs(fdim, local)])
    width = len(layout.entity_closure_dofs(fdim, 0))
    return np.array(rows, dtype=np.int32).reshape(-1, width)
