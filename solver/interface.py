"""The interface of a two-dimensional run: its profile, its voids, and the changes they go through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from meshes import topology
from meshes.profile import InterfaceProfile
from meshes.sizing import SizeRule
from meshes.topology import Event, Labelled, Seed
from solver.model import CoupledModel
from solver.nucleation import nucleations, openings
from solver.parameters import NucleationRule
from solver.population import Population
from solver.roofs import RoofChains
from solver.stepper import StepRejectedError

OVERLAP_ELEMENTS = 0.25
"""Depth below the electrolyte surface, in tip elements, that a roof may reach in the step that lands it."""
LANDING_CUT = 0.5
"""Share of a step that is tried after it went past a change of topology."""
IMPATIENCE = (1.1, 1.25, 1.5, 2.0, 3.0)
"""Factors on the thresholds of changes where steps get too small for anything else: the first that changes
anything, so that only what is nearest to a change makes it."""
FINER_ROOFS = (0.7, 0.5, 0.35)
"""Factors on the size of roof elements that are tried where a profile cannot be meshed."""


@dataclass
class Interface:
    """State of the interface between steps.

    Attributes:
        profile: roofs after the last step.
        population: the voids with their identity.
        rule: element sizes.
        together: factor on the thresholds of changes once one is due.
        nucleation: None where voids do not nucleate.
        rng: for the widths of nucleating voids.
    """

    profile: InterfaceProfile
    population: Population
    rule: SizeRule
    together: float = 1.0
    nucleation: NucleationRule | None = None
    rng: np.random.Generator = field(default_factory=np.random.default_rng)

    def changes(
        self, model: CoupledModel | None, time_step: float, patience: float = 1.0
    ) -> tuple[Labelled, list[Event]]:
        """What the interface turns into, without making it so. Collective.

        Args:
            model: solved model, for voids that open; None for geometry alone.
            time_step: last step (L/v0).
            patience: see :func:`meshes.topology.resolve`.
        """
        seeds: Sequence[Seed] = ()
        if model is not None:
            seeds = openings(model, time_step)
            if self.nucleation is not None:
                seeds = [*seeds, *nucleations(model, self.nucleation, self.profile, self.rng)]
        voids = self.population

        def resolved(factor: float) -> tuple[Labelled, list[Event]]:
            return topology.resolve(
                self.profile, voids.labels, voids.next_label, self.rule, seeds=seeds, patience=factor
            )

        state, found = resolved(patience)
        return resolved(self.together) if found and self.together > patience else (state, found)

    def spaced(self, chains: RoofChains, moved: NDArray[np.float64]) -> NDArray[np.float64]:
        """Moved surface nodes (m, 2), slid along their roofs to the rule's spacing. Collective.

        Raises:
            StepRejectedError: if a roof crosses something: the step goes past a change of topology.
        """
        roofs = chains.roofs(moved)
        lowest = min((float(r[1:-1, 1].min(initial=0.0)) for r in roofs if len(r) > 2), default=0.0)
        if lowest < -OVERLAP_ELEMENTS * self.rule.tip:
            raise StepRejectedError("a roof goes through the electrolyte", LANDING_CUT)
        if not topology.is_simple(InterfaceProfile(chains.width, 0.0, 0.0, tuple(roofs))):
            raise StepRejectedError("void surfaces cross", LANDING_CUT)
        return chains.even(roofs, self.rule)


def resampled(profile: InterfaceProfile, rule: SizeRule) -> Iterator[InterfaceProfile]:
    """The profile with points by ``rule``, then as it is, then with finer ones, where it cannot be meshed.

    Points that would let roofs cross (at necks) are left out.
    """

    def with_elements(factor: float) -> InterfaceProfile:
        sizes = replace(rule, tip=factor * rule.tip, roof_fraction=factor * rule.roof_fraction)
        return profile.resampled(sizes)[0]

    yield from filter(topology.is_simple, [with_elements(1.0)])
    yield profile
    yield from filter(topology.is_simple, map(with_elements, FINER_ROOFS))


def shelter(rule: SizeRule) -> float:
    """Distance from triple lines within which the contact does not open by itself (um).

    A void cannot open there without meeting the one beside it at once; the roof's surface tension holds the
    metal (docs/method.md).
    """
    return (1.5 * topology.COALESCE_LENGTHS + 0.5 * topology.OPEN_LENGTHS) * rule.event_length
