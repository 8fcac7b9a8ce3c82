"""The interface between steps: which changes are due, and when a mesh is used up.

The contact opens where it would need more tension than it bears. Complementarity is the law: an opening
bears none, whatever becomes of it. It is a thin gap first (:mod:`solver.interface.gaps`), and a void with a
roof of its own once it is as thick as the mesh resolves.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from meshes import topology
from solver.core import timing
from solver.interface.openings import nucleations, openings
from solver.interface.population import Population

if TYPE_CHECKING:
    from meshes.profile.base import Profile
    from meshes.sizing import SizeRule
    from meshes.topology import Event, Labelled, Seed
    from solver.equations.coupled_model import CoupledModel
    from solver.setup.nucleation import NucleationRule

log = logging.getLogger("livoid")


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
    """

    profile: Profile
    population: Population
    rule: SizeRule
    together: float = 1.0
    nucleation: NucleationRule | None = None
    rng: np.random.Generator = field(default_factory=np.random.default_rng)

    def changes(
        self, model: CoupledModel | None, patience: float = 1.0, *, thin_gaps: bool = False
    ) -> tuple[Labelled[Profile], list[Event]]:
        """What the interface turns into, without making it so. Collective.

        Args:
            model: solved model, for voids that open; None for geometry alone.
            patience: see :func:`meshes.topology.resolve`.
            thin_gaps: whether gaps stay such until the mesh resolves them; else each is a void at once.
        """
        thickness = topology.change_lengths(self.rule.event_length).opening_height if thin_gaps else 0.0
        seeds = self._seeds(model, thickness) if model is not None else []
        return self._due(seeds, patience)

    def due(self, profile: Profile, patience: float) -> bool:
        """Whether a profile with the same voids is due for a change, by thresholds times ``patience``."""
        labels, free = self.population.labels, self.population.next_label
        return bool(topology.resolve(profile, labels, free, self.rule, patience=patience)[1])

    def _seeds(self, model: CoupledModel, thickness: float) -> list[Seed]:
        """Voids that open or nucleate. Collective."""
        seeds = openings(model, self.rule.event_length, thickness)
        if self.nucleation is not None:
            seeds += nucleations(model, self.nucleation, self.profile, self.rng)
        return seeds

    def _due(self, seeds: Sequence[Seed], patience: float) -> tuple[Labelled[Profile], list[Event]]:
        state, found = self._resolved(seeds, patience)
        return self._resolved(seeds, self.together) if found and self.together > patience else (state, found)

    def _resolved(self, seeds: Sequence[Seed], patience: float) -> tuple[Labelled[Profile], list[Event]]:
        labels, free = self.population.labels, self.population.next_label
        return topology.resolve(self.profile, labels, free, self.rule, seeds=seeds, patience=patience)

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
            "anchors": self.profile.anchors(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take :meth:`state` back, which may have gone through JSON."""
        self.population = Population.restored(state["population"])
        self.rng.bit_generator.state = state["rng"]
