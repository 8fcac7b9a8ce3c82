"""The interface of a 3-D run: its profile, its voids, and the changes they go through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from meshes.profile.triangulated import triple_line
from meshes.surface_topology import resolve_surface
from solver.core import timing
from solver.interface.interface_state import LANDING_CUT, OVERLAP_ELEMENTS, InterfaceState
from solver.interface.roofs import ProfileError
from solver.interface.surface_openings import surface_nucleations, surface_openings
from solver.stepping.step import StepRejectedError

if TYPE_CHECKING:
    from meshes.profile.triangulated import SurfaceProfile
    from meshes.surface_topology import LabelledSurface, SurfaceSeed
    from meshes.topology import Event
    from solver.equations.coupled_model import CoupledModel
    from solver.interface.roof_surfaces import RoofSurfaces

WORN_SHARE = 0.3
"""Smallest quality of a 3-D mesh over the case's, for triangles: fresh tetrahedra have 0.15 to 0.25."""
TRIPLE_STRETCH = 1.6
"""Mean element along a triple line over the rule's, or the rule's over it, at which it is meshed anew."""


@dataclass(frozen=True)
class Patch:
    """A region of the contact (corners in um) that carries tension until a time (L/v0)."""

    corners: tuple[tuple[float, float], ...]
    until: float

    def covers(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points (n, 3) lie in the region."""
        return np.asarray(shapely.intersects_xy(Polygon(self.corners), points[:, :2]))


@dataclass
class SurfaceInterface(InterfaceState):
    """The interface of a 3-D cell; voids are footprints with a height over them."""

    profile: SurfaceProfile
    holds: list[Patch] = field(default_factory=list)

    def _seeds(self, model: CoupledModel, time_step: float) -> list[SurfaceSeed]:
        seeds = surface_openings(model, time_step, self.rule.event_length)
        if self.nucleation is not None:
            seeds += surface_nucleations(model, self.nucleation, self.profile, self.rng)
        return seeds

    def _resolved(self, seeds: Sequence[SurfaceSeed], patience: float) -> tuple[LabelledSurface, list[Event]]:
        voids = self.population
        return resolve_surface(
            self.profile, voids.labels, voids.next_label, self.rule, seeds=seeds, patience=patience
        )

    def _without(
        self, closing: Sequence[Event], state: LabelledSurface, seeds: Sequence[SurfaceSeed], until: float
    ) -> list[SurfaceSeed]:
        kept = []
        places = [state.labels.index(event.made[0]) for event in closing]
        footprints = [state.profile.voids[k].footprint for k in places]
        for seed in seeds:
            over = [f for f in footprints if seed.kind == "open" and f.intersects(seed.region)]
            for footprint in over:
                hull = footprint.union(seed.region).convex_hull
                self.holds.append(Patch(tuple((float(x), float(y)) for x, y in hull.exterior.coords), until))
            if not over:
                kept.append(seed)
        return kept

    def candidates(self, profile: SurfaceProfile) -> Iterator[SurfaceProfile]:
        """What can be meshed in the place of ``profile``: :mod:`meshes.gmsh.solid` has its own tries."""
        yield profile

    @timing.counted("mesh")
    def worn(self, quality: float, smallest: float) -> bool:
        """Whether the mesh has to be made anew: poor cells, or triple lines that have grown or shrunk."""
        if quality < WORN_SHARE * smallest:
            return True
        for void in self.profile.voids:
            line = triple_line(void.footprint, self.profile.base)
            count = max(1, shapely.get_num_coordinates(line) - 1)
            stretch = line.length / count / self.rule.tip
            if not 1.0 / TRIPLE_STRETCH < stretch < TRIPLE_STRETCH:
                return True
        return False

    @timing.counted("mesh")
    def spaced(self, surfaces: RoofSurfaces, moved: NDArray[np.float64]) -> NDArray[np.float64]:
        """Moved surface nodes (m, 3), as they are: they are not slid along their roofs. Collective.

        Raises:
            StepRejectedError: if a roof crosses something: the step goes past a change of topology.
        """
        lowest = float(surfaces.positions(moved)[:, 2].min(initial=0.0))
        if lowest < -OVERLAP_ELEMENTS * self.rule.tip:
            raise StepRejectedError("a roof goes through the electrolyte", LANDING_CUT)
        try:
            voids = surfaces.voids(moved)
        except ProfileError as error:
            raise StepRejectedError(str(error), LANDING_CUT) from None
        if any(a.footprint.intersects(b.footprint) for a, b in combinations(voids, 2)):
            raise StepRejectedError("void surfaces cross", LANDING_CUT)
        return moved
