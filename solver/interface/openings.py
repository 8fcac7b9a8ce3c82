"""Where voids begin: gaps in the contact that have become thick, and spots where vacancies nucleate voids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely
from dolfinx import fem
from numpy.typing import NDArray

from meshes.profile.base import covers, segment, spot
from meshes.profile.footprints import polygons
from meshes.tags import Boundary
from meshes.topology import Seed

if TYPE_CHECKING:
    from shapely import LineString, Polygon
    from shapely.geometry.base import BaseGeometry

    from meshes.profile.base import Profile
    from solver.equations.coupled_model import CoupledModel
    from solver.setup.nucleation import NucleationRule


def openings(model: CoupledModel, reach: float, thickness: float) -> list[Seed]:
    """Regions of contact that the last solve found lifted. Collective, the same on every rank.

    Args:
        model: solved model.
        reach: radius (um) that a lifted point of a 3-D contact stands for.
        thickness: regions over which the gap is nowhere that thick (um) are left out.
    """
    zone, state, comm = model.zone, model.contact, model.cell.domain.comm
    if comm.allreduce(int((~state.active).sum())) == 0:
        return []
    points: NDArray[np.float64] = np.vstack(comm.allgather(zone.coordinates()))
    lifted = np.concatenate(comm.allgather(~state.active))
    gaps = np.concatenate(comm.allgather(state.gap))
    if gaps.max(initial=0.0) < thickness:
        return []
    regions: Sequence[BaseGeometry]
    if model.cell.vertical == 1:
        regions = _lifted_stretches(points[:, 0], lifted)
    else:
        regions = _lifted_patches(points[lifted, :2], reach)
    points, gaps = points[lifted], gaps[lifted]
    heights = [float(gaps[covers(region, points)].max()) for region in regions]
    found = zip(regions, heights, strict=True)
    return [Seed(r.convex_hull, height, "open") for r, height in found if height >= thickness]


def _lifted_stretches(x: NDArray[np.float64], lifted: NDArray[np.bool_]) -> list[LineString]:
    """Stretches of a line of contact, from left to right.

    The metal lifts somewhere between the last point that is held and the first that is not.
    """
    order = np.argsort(x)
    x, inside = x[order], np.concatenate([[False], lifted[order], [False]])
    starts = np.flatnonzero(~inside[:-1] & inside[1:])
    ends = np.flatnonzero(inside[:-1] & ~inside[1:]) - 1
    before, after = np.maximum(starts - 1, 0), np.minimum(ends + 1, len(x) - 1)
    edges = zip(0.5 * (x[before] + x[starts]), 0.5 * (x[ends] + x[after]), strict=True)
    return [segment(float(low), float(high)) for low, high in edges]


def _lifted_patches(points: NDArray[np.float64], reach: float) -> list[Polygon]:
    """Patches around lifted points (n, 2) that are near each other."""
    patches = polygons(shapely.union_all(shapely.buffer(shapely.points(points), reach)))
    return sorted(patches, key=lambda patch: patch.bounds)


def nucleations(
    model: CoupledModel, rule: NucleationRule, profile: Profile, rng: np.random.Generator
) -> list[Seed]:
    """Voids that nucleate now, most supersaturated spot first. Collective, the same on every rank."""
    table = contact_supersaturation(model)
    table = table[table[:, -1] > rule.supersaturation]
    table = table[np.lexsort((*table[:, -2::-1].T, -table[:, -1]))]
    taken, seeds = [void.footprint for void in profile.voids], []
    for row in table:
        width = float(np.clip(rng.normal(rule.width, rule.deviation), 0.5 * rule.width, 2.0 * rule.width))
        region = spot(row[:-1], width)
        inside = profile.base.contains(region) and region.distance(profile.base.boundary) >= rule.spacing
        if inside and all(region.distance(other) >= rule.spacing for other in taken):
            seeds.append(Seed(region, rule.aspect * width, "nucleate"))
            taken.append(region)
    return seeds


def contact_supersaturation(model: CoupledModel) -> NDArray[np.float64]:
    """Rows (lateral position, S) at the nodes of the contact, of all ranks. Collective."""
    space, cell = model.surface.scalars, model.cell
    values = fem.Function(space)
    values.interpolate(model.chemistry.part("supersaturation").function)
    dofs = fem.locate_dofs_topological(space, cell.domain.topology.dim - 1, cell.boundary(Boundary.CONTACT))
    dofs = dofs[dofs < space.dofmap.index_map.size_local]
    where = space.tabulate_dof_coordinates()[dofs, : cell.vertical]
    mine = np.column_stack([where, values.x.array[dofs]])
    return np.vstack(cell.domain.comm.allgather(mine))
