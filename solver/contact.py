"""Unilateral contact on the rigid electrolyte by a primal-dual active set (model.md 4).

Per contact dof, with outward normal -e_y: either the metal follows the electrolyte (v_y = -a, pushed
with a force that may be tensile up to the adhesion), or it lifts off (v_y + a > 0, no force). The set
changes only between converged creep solves, so Newton never sees a switch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solver.mechanics import MechanicsProblem
from solver.newton import SolveError

MAX_SETS = 40
"""Active sets tried before the solve counts as failed."""
RELATIVE_SLACK = 1e-9
"""Forces and gap rates below this share of the largest one do not switch a dof."""


@dataclass
class ContactState:
    """Contact set at the owned dofs ``MechanicsProblem.vertical_contact_dofs``.

    Attributes:
        active: True where the metal is held on the electrolyte.
        force: upward force of the electrolyte on the metal (consistent nodal force).
        gap_rate: opening velocity v_y + a, 0 where active.
        iterations: Newton iterations of the last solve.
        sets: active sets tried in the last solve.
    """

    active: NDArray[np.bool_]
    force: NDArray[np.float64]
    gap_rate: NDArray[np.float64]
    iterations: int = 0
    sets: int = 0


def closed(problem: MechanicsProblem) -> ContactState:
    """All contact dofs active."""
    n = len(problem.vertical_contact_dofs)
    return ContactState(np.ones(n, dtype=bool), np.zeros(n), np.zeros(n))


def solve_contact(
    problem: MechanicsProblem,
    state: ContactState,
    annihilation: NDArray[np.float64],
    tensile_limit: NDArray[np.float64],
) -> ContactState:
    """Find velocity, pressure and contact set. Collective.

    Triple lines stay on the electrolyte: the metal wets it there, and the vertical part of the
    capillary force is carried by the electrolyte.

    Args:
        problem: creep problem; its unknown is the start and receives the solution.
        state: contact set to start from.
        annihilation: a at the contact dofs.
        tensile_limit: largest tensile nodal force (adhesion times nodal area).

    Returns:
        The new contact state.

    Raises:
        SolveError: if the creep solve fails or the set does not settle.
    """
    comm = problem.cell.domain.comm
    dofs = problem.vertical_contact_dofs
    always = np.isin(dofs, problem.triple_dofs)
    active = state.active | always
    iterations = 0
    for attempt in range(1, MAX_SETS + 1):
        iterations += problem.solve(dofs[active], -annihilation[active])
        force = problem.vertical_reactions()
        gap_rate = np.where(active, 0.0, problem.unknown.x.array[dofs] + annihilation)
        force_slack = RELATIVE_SLACK * _largest(comm, force)
        rate_slack = RELATIVE_SLACK * _largest(comm, problem.unknown.x.array[dofs])
        holds = active & (force >= -tensile_limit - force_slack)
        closes = ~active & (gap_rate < -rate_slack)
        new = holds | closes | always
        changed = comm.allreduce(int(np.count_nonzero(new != active)))
        if changed == 0:
            return ContactState(active, force, gap_rate, iterations, attempt)
        active = new
    raise SolveError(f"contact: no settled contact set after {MAX_SETS} tries")


def _largest(comm, values: NDArray[np.float64]) -> float:  # type: ignore[no-untyped-def]
    local = float(np.abs(values).max()) if len(values) else 0.0
    from mpi4py import MPI

    return float(comm.allreduce(local, op=MPI.MAX))
