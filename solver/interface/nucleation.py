"""Where the contact opens: stretches that the metal leaves, and voids that nucleate from vacancies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray

from meshes.tags import Boundary
from meshes.topology import Seed

if TYPE_CHECKING:
    from meshes.profile.polyline import InterfaceProfile
    from solver.equations.coupled_model import CoupledModel
    from solver.setup.parameters import NucleationRule


def openings(model: CoupledModel, time_step: float) -> list[Seed]:
    """Stretches of contact that the last solve found lifted. Collective, the same on every rank.

    Args:
        model: solved model.
        time_step: for which the gap has been growing (L/v0).
    """
    zone, state = model.zone, model.contact
    x = zone.coordinates()[:, 0]
    comm = model.cell.domain.comm
    mine = np.column_stack([x, ~state.active, state.gap_rate])
    if comm.allreduce(int((~state.active).sum())) == 0:
        return []
    table: NDArray[np.float64] = np.vstack(comm.allgather(mine))
    table = table[np.argsort(table[:, 0])]
    lifted = np.concatenate([[False], table[:, 1] > 0.0, [False]])
    starts = np.flatnonzero(~lifted[:-1] & lifted[1:])
    ends = np.flatnonzero(lifted[:-1] & ~lifted[1:]) - 1
    seeds = []
    for a, b in zip(starts, ends, strict=True):
        left, right = table[max(a - 1, 0), 0], table[min(b + 1, len(table) - 1), 0]
        gap = float(table[a : b + 1, 2].max()) * time_step
        # the metal lifts somewhere between the last dof that is held and the first that is not
        low, high = 0.5 * (left + table[a, 0]), 0.5 * (right + table[b, 0])
        seeds.append(Seed(float(low), float(high), gap, "open"))
    return seeds


def nucleations(
    model: CoupledModel, rule: NucleationRule, profile: InterfaceProfile, rng: np.random.Generator
) -> list[Seed]:
    """Voids that nucleate now, most supersaturated place first. Collective, the same on every rank."""
    table = _contact_supersaturation(model)
    table = table[table[:, 1] > rule.supersaturation]
    table = table[np.argsort(-table[:, 1], kind="stable")]
    taken = [profile.void_extent(k) for k in range(len(profile.roofs))]
    seeds: list[Seed] = []
    for x, _ in table:
        width = float(np.clip(rng.normal(rule.width, rule.deviation), 0.5 * rule.width, 2.0 * rule.width))
        low, high = float(x) - 0.5 * width, float(x) + 0.5 * width
        inside = low >= rule.spacing and high <= profile.width - rule.spacing
        free = all(high + rule.spacing <= a or low - rule.spacing >= b for a, b in taken)
        if inside and free:
            seeds.append(Seed(low, high, rule.aspect * width, "nucleate"))
            taken.append((low, high))
    return seeds


def _contact_supersaturation(model: CoupledModel) -> NDArray[np.float64]:
    """(x, S) at the owned nodes of the contact, of all ranks, by x. Collective."""
    table = contact_supersaturation(model)[:, [0, -1]]
    return np.asarray(table[np.argsort(table[:, 0])])


def contact_supersaturation(model: CoupledModel) -> NDArray[np.float64]:
    """Rows (lateral position, S) at the nodes of the contact, of all ranks. Collective."""
    space, cell = model.surface.scalars, model.cell
    values = fem.Function(space)
    values.interpolate(model.chemistry.unknown.sub(1))
    dofs = fem.locate_dofs_topological(space, cell.domain.topology.dim - 1, cell.boundary(Boundary.CONTACT))
    dofs = dofs[dofs < space.dofmap.index_map.size_local]
    where = space.tabulate_dof_coordinates()[dofs, : cell.vertical]
    mine = np.column_stack([where, values.x.array[dofs]])
    return np.vstack(cell.domain.comm.allgather(mine))
