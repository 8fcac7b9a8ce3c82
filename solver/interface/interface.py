"""The interface between steps: which changes are due, where contact carries tension, when a mesh is used up.

The contact opens where it would need more tension than it bears, but a void that opens must be able to grow.
Where it would close again the contact stays, and carries tension there for a while: a *tension region*.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Polygon

from meshes import topology
from meshes.profile.base import covers
from solver.core import timing
from solver.interface.openings import nucleations, openings
from solver.interface.population import Population

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from meshes.profile.base import Profile
    from meshes.sizing import SizeRule
    from meshes.topology import Event, Labelled, Seed
    from solver.equations.contact import Where
    from solver.equations.coupled_model import CoupledModel
    from solver.setup.nucleation import NucleationRule

log = logging.getLogger("livoid")

Growth = Callable[[Any], NDArray[np.float64]]
"""Growth rate of each void of a profile."""

TENSION_LENGTHS = 1.0
"""Recession at the reference current, in event lengths, for which contact where no void would last carries
tension before it is tried again."""
IMPATIENCE = (1.1, 1.25, 1.5, 2.0, 3.0)
"""Factors on the thresholds of changes where steps get too small for anything else: the first that changes
anything, so that only what is nearest to a change makes it."""


@dataclass(frozen=True)
class TensionRegion:
    """A region of the contact (a segment or a polygon, um) that carries tension until a time (L/v0)."""

    region: BaseGeometry
    until: float

    def covers(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points (n, 3) lie in the region."""
        return covers(self.region, points)

    def state(self) -> dict[str, Any]:
        """Plain data for the checkpoint."""
        return {"corners": shapely.get_coordinates(self.region).tolist(), "until": self.until}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> TensionRegion:
        """The region of :meth:`state`, which may have gone through JSON."""
        shape = LineString if len(state["corners"]) == 2 else Polygon
        return cls(shape(state["corners"]), float(state["until"]))


@dataclass
class Interface:
    """State of the interface between steps, in the plane and in 3-D.

    Attributes:
        profile: roofs after the last step.
        population: the voids with their identity.
        rule: element sizes.
        together: factor on the thresholds of changes once one is due.
        nucleation: None where voids do not nucleate.
        rng: for the widths of nucleating voids.
        tension: where the contact was about to open and the void would not have lasted.
    """

    profile: Profile
    population: Population
    rule: SizeRule
    together: float = 1.0
    nucleation: NucleationRule | None = None
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
    tension: list[TensionRegion] = field(default_factory=list)

    def tension_at(self, now: float) -> list[Where]:
        """Where the contact carries tension at ``now`` (L/v0); regions whose time is over are forgotten."""
        self.tension = [region for region in self.tension if region.until > now]
        return [region.covers for region in self.tension]

    def changes(
        self,
        model: CoupledModel | None,
        time_step: float,
        patience: float = 1.0,
        growth: Growth | None = None,
        now: float = 0.0,
    ) -> tuple[Labelled[Profile], list[Event]]:
        """What the interface turns into, without making it so. Collective.

        A void that opens has to grow: where ``growth`` of the interface with it says that it would close,
        the contact stays and carries tension for a while.

        Args:
            model: solved model, for voids that open; None for geometry alone.
            time_step: last step (L/v0).
            patience: see :func:`meshes.topology.resolve`.
            growth: growth rate of each void of a profile; None takes every void that opens.
            now: time (L/v0), from which tension is carried.
        """
        seeds = self._seeds(model, time_step) if model is not None else []
        state, found = self._due(seeds, patience)
        opened = [event for event in found if event.kind == "open"]
        if not opened or growth is None:
            return state, found
        rates = growth(state.profile)
        numbers = [state.labels.index(event.made[0]) for event in opened]
        closing = [state.profile.voids[k].footprint for k in numbers if rates[k] <= 0.0]
        log.debug("%d voids would open, %d of them would close again", len(opened), len(closing))
        if not closing:
            return state, found
        until = now + TENSION_LENGTHS * self.rule.event_length
        return self._due(self._lasting(seeds, closing, until), patience)

    def _seeds(self, model: CoupledModel, time_step: float) -> list[Seed]:
        """Voids that open or nucleate. Collective."""
        seeds = openings(model, time_step, self.rule.event_length)
        if self.nucleation is not None:
            seeds += nucleations(model, self.nucleation, self.profile, self.rng)
        return seeds

    def _due(self, seeds: Sequence[Seed], patience: float) -> tuple[Labelled[Profile], list[Event]]:
        state, found = self._resolved(seeds, patience)
        return self._resolved(seeds, self.together) if found and self.together > patience else (state, found)

    def _resolved(self, seeds: Sequence[Seed], patience: float) -> tuple[Labelled[Profile], list[Event]]:
        labels, free = self.population.labels, self.population.next_label
        return topology.resolve(self.profile, labels, free, self.rule, seeds=seeds, patience=patience)

    def _lasting(self, seeds: Sequence[Seed], closing: Sequence[BaseGeometry], until: float) -> list[Seed]:
        """The seeds whose voids do not close again; contact of the others carries tension ``until`` then."""
        kept = []
        for seed in seeds:
            middle = seed.region.centroid
            over = [f for f in closing if seed.kind == "open" and f.intersects(middle)]
            for footprint in over:
                whole = shapely.union_all([footprint, seed.region]).convex_hull
                self.tension.append(TensionRegion(whole, until))
            if not over:
                kept.append(seed)
        return kept

    @timing.counted("mesh")
    def needs_remeshing(self, quality: float, smallest: float) -> bool:
        """Whether a mesh of that quality has to be made anew: poor cells, or roofs out of step.

        Args:
            quality: smallest of all cells.
            smallest: the case's, which is meant for triangles.
        """
        return quality < self.profile.least_quality * smallest or self.profile.spacing_is_off(self.rule)

    def state(self) -> dict[str, Any]:
        """Plain data for the checkpoint; the profile itself is read from the mesh again."""
        return {
            "population": self.population.state(),
            "rng": self.rng.bit_generator.state,
            "tension": [region.state() for region in self.tension],
            "anchors": self.profile.anchors(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take :meth:`state` back, which may have gone through JSON."""
        self.population = Population.restored(state["population"])
        self.rng.bit_generator.state = state["rng"]
        self.tension = [TensionRegion.restored(region) for region in state["tension"]]
