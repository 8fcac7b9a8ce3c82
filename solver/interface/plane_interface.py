"""The interface of a two-dimensional run: its profile, its voids, and the changes they go through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from meshes import topology
from meshes.profile.polyline import InterfaceProfile
from solver.core import timing
from solver.interface.interface_state import LANDING_CUT, OVERLAP_ELEMENTS, InterfaceState
from solver.interface.nucleation import nucleations, openings
from solver.interface.roofs import spacing_is_off
from solver.stepping.step import StepRejectedError

if TYPE_CHECKING:
    from meshes.sizing import SizeRule
    from meshes.topology import Event, Labelled, Seed
    from solver.equations.coupled_model import CoupledModel
    from solver.interface.roofs import RoofChains

IMPATIENCE = (1.1, 1.25, 1.5, 2.0, 3.0)
"""Factors on the thresholds of changes where steps get too small for anything else: the first that changes
anything, so that only what is nearest to a change makes it."""
FINER_ROOFS = (0.7, 0.5, 0.35)
"""Factors on the size of roof elements that are tried where a profile cannot be meshed."""


@dataclass(frozen=True)
class Hold:
    """A stretch of contact (um) that carries tension until a time (L/v0)."""

    left: float
    right: float
    until: float

    def covers(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points (n, 3) lie in the stretch."""
        return np.asarray((points[:, 0] >= self.left) & (points[:, 0] <= self.right))


@dataclass
class Interface(InterfaceState):
    """The interface of a two-dimensional cell; the metal's lower end is a chain of roofs."""

    profile: InterfaceProfile
    holds: list[Hold] = field(default_factory=list)

    def _seeds(self, model: CoupledModel, time_step: float) -> list[Seed]:
        seeds = openings(model, time_step)
        if self.nucleation is not None:
            seeds += nucleations(model, self.nucleation, self.profile, self.rng)
        return seeds

    def _resolved(self, seeds: Sequence[Seed], patience: float) -> tuple[Labelled, list[Event]]:
        voids = self.population
        return topology.resolve(
            self.profile, voids.labels, voids.next_label, self.rule, seeds=seeds, patience=patience
        )

    def _without(
        self, closing: Sequence[Event], state: Labelled, seeds: Sequence[Seed], until: float
    ) -> list[Seed]:
        kept = []
        extents = [(void.position - 0.5 * void.size, void.position + 0.5 * void.size) for void in closing]
        for seed in seeds:
            middle = 0.5 * (seed.left + seed.right)
            over = [(a, b) for a, b in extents if seed.kind == "open" and a <= middle <= b]
            self.holds += [Hold(min(seed.left, a), max(seed.right, b), until) for a, b in over]
            if not over:
                kept.append(seed)
        return kept

    def candidates(self, profile: InterfaceProfile) -> Iterator[InterfaceProfile]:
        """``profile`` with points by the rule; where it cannot be meshed as it is, then with finer ones.

        Points that would let roofs cross (at necks) are left out.
        """

        def with_elements(factor: float) -> InterfaceProfile:
            rule = self.rule
            sizes = replace(rule, tip=factor * rule.tip, roof_fraction=factor * rule.roof_fraction)
            return profile.resampled(sizes)[0]

        yield from filter(topology.is_simple, [with_elements(1.0)])
        yield profile
        yield from filter(topology.is_simple, map(with_elements, FINER_ROOFS))

    @timing.counted("mesh")
    def worn(self, quality: float, smallest: float) -> bool:
        """Whether the mesh has to be made anew: cells below the smallest quality, roofs out of step."""
        return quality < smallest or spacing_is_off(self.profile, self.rule)

    @timing.counted("mesh")
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


def shelter(rule: SizeRule) -> float:
    """Distance from triple lines within which the contact does not open by itself (um).

    A void cannot open there without meeting the one beside it at once; the roof's surface tension holds the
    metal (docs/method.md).
    """
    return (1.5 * topology.COALESCE_LENGTHS + 0.5 * topology.OPEN_LENGTHS) * rule.event_length
