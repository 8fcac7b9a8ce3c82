"""Where the contact of a 3-D cell opens: patches that the metal leaves, and voids that nucleate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import Point

from meshes.profile.triangulated import polygons
from meshes.surface_topology import SurfaceSeed
from solver.interface.nucleation import contact_supersaturation

if TYPE_CHECKING:
    from meshes.profile.triangulated import SurfaceProfile
    from solver.equations.coupled_model import CoupledModel
    from solver.setup.parameters import NucleationRule


def surface_openings(model: CoupledModel, time_step: float, reach: float) -> list[SurfaceSeed]:
    """Patches of contact that the last solve found lifted. Collective, the same on every rank.

    Args:
        model: solved model.
        time_step: for which the gap has been growing (L/v0).
        reach: radius (um) that a lifted point stands for.
    """
    zone, state, comm = model.zone, model.contact, model.cell.domain.comm
    lifted = ~state.active
    mine = np.column_stack([zone.coordinates()[lifted][:, :2], state.gap_rate[lifted]])
    table = np.vstack(comm.allgather(mine))
    if len(table) == 0:
        return []
    points = shapely.points(table[:, :2])
    patches = polygons(shapely.union_all(shapely.buffer(points, reach)))
    seeds = []
    for patch in sorted(patches, key=lambda p: p.bounds):
        gaps = table[shapely.intersects(patch, points), 2]
        seeds.append(SurfaceSeed(patch.convex_hull, float(gaps.max()) * time_step, "open"))
    return seeds


def surface_nucleations(
    model: CoupledModel, rule: NucleationRule, profile: SurfaceProfile, rng: np.random.Generator
) -> list[SurfaceSeed]:
    """Voids that nucleate now, most supersaturated place first. Collective, the same on every rank."""
    table = contact_supersaturation(model)
    table = table[table[:, -1] > rule.supersaturation]
    table = table[np.lexsort((table[:, 1], table[:, 0], -table[:, -1]))]
    taken = [void.footprint for void in profile.voids]
    seeds: list[SurfaceSeed] = []
    for x, y, _ in table:
        width = float(np.clip(rng.normal(rule.width, rule.deviation), 0.5 * rule.width, 2.0 * rule.width))
        disc = Point(x, y).buffer(0.5 * width)
        inside = profile.base.contains(disc.buffer(rule.spacing))
        if inside and all(disc.distance(other) >= rule.spacing for other in taken):
            seeds.append(SurfaceSeed(disc, rule.aspect * width, "nucleate"))
            taken.append(disc)
    return seeds
