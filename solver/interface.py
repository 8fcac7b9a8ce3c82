"""The interface of a two-dimensional run: its profile, its voids, and the changes they go through."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from meshes import topology
from meshes.profile import InterfaceProfile
from meshes.sizing import SizeRule
from meshes.topology import Event, Labelled, Seed
from solver.contact import Where
from solver.model import CoupledModel
from solver.nucleation import nucleations, openings
from solver.parameters import NucleationRule
from solver.population import Population
from solver.roofs import RoofChains, spacing_is_off
from solver.stepper import StepRejectedError

OVERLAP_ELEMENTS = 0.25
"""Depth below the electrolyte surface, in tip elements, that a roof may reach in the step that lands it."""
LANDING_CUT = 0.5
"""Share of a step that is tried after it went past a change of topology."""
log = logging.getLogger("livoid")

Growth = Callable[[InterfaceProfile], NDArray[np.float64]]

IMPATIENCE = (1.1, 1.25, 1.5, 2.0, 3.0)
"""Factors on the thresholds of changes where steps get too small for anything else: the first that changes
anything, so that only what is nearest to a change makes it."""
HOLD_LENGTHS = 1.0
"""Recession at the reference current, in event lengths, for which a stretch where no void would last is held
before it is tried again."""
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
class Interface:
    """State of the interface between steps.

    Attributes:
        profile: roofs after the last step.
        population: the voids with their identity.
        rule: element sizes.
        together: factor on the thresholds of changes once one is due.
        nucleation: None where voids do not nucleate.
        rng: for the widths of nucleating voids.
        holds: where the contact was about to open and the void would not have lasted.
    """

    profile: InterfaceProfile
    population: Population
    rule: SizeRule
    together: float = 1.0
    nucleation: NucleationRule | None = None
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
    holds: list[Hold] = field(default_factory=list)

    def held(self, now: float) -> list[Where]:
        """What is held at ``now`` (L/v0); holds whose time is over are forgotten."""
        self.holds = [hold for hold in self.holds if hold.until > now]
        return [hold.covers for hold in self.holds]

    def changes(
        self,
        model: CoupledModel | None,
        time_step: float,
        patience: float = 1.0,
        growth: Growth | None = None,
        now: float = 0.0,
    ) -> tuple[Labelled, list[Event]]:
        """What the interface turns into, without making it so. Collective.

        A void that opens has to grow: where ``growth`` of the interface with it says that it would close,
        the contact stays and the stretch is held for a while.

        Args:
            model: solved model, for voids that open; None for geometry alone.
            time_step: last step (L/v0).
            patience: see :func:`meshes.topology.resolve`.
            growth: growth rate of each void of a profile; None takes every void that opens.
            now: time (L/v0), for what is held.
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

        def due() -> tuple[Labelled, list[Event]]:
            state, found = resolved(patience)
            return resolved(self.together) if found and self.together > patience else (state, found)

        state, found = due()
        opened = [event for event in found if event.kind == "open"]
        if not opened or growth is None:
            return state, found
        rates = growth(state.profile)
        closing = [event for event in opened if rates[state.labels.index(event.made[0])] <= 0.0]
        log.debug("%d voids would open, %d of them would close again", len(opened), len(closing))
        if not closing:
            return state, found
        seeds = self._without(closing, seeds, now)
        return due()

    def _without(self, closing: Sequence[Event], seeds: Sequence[Seed], now: float) -> list[Seed]:
        """The seeds of voids that last; the stretches of those ``closing`` are held from ``now`` on."""
        until, kept = now + HOLD_LENGTHS * self.rule.event_length, []
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

    def worn(self, quality: float, smallest: float) -> bool:
        """Whether the mesh has to be made anew: cells below the smallest quality, roofs out of step."""
        return quality < smallest or spacing_is_off(self.profile, self.rule)

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
