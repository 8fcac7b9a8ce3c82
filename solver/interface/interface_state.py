"""The interface between steps, in any dimension: what changes, what is held, what the time loop asks for."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from meshes.sizing import SizeRule
    from meshes.topology import Event
    from solver.equations.contact import Where
    from solver.equations.coupled_model import CoupledModel
    from solver.interface.population import Population
    from solver.setup.parameters import NucleationRule

log = logging.getLogger("livoid")

OVERLAP_ELEMENTS = 0.25
"""Depth below the electrolyte surface, in tip elements, that a roof may reach in the step that lands it."""
LANDING_CUT = 0.5
"""Share of a step that is tried after it went past a change of topology."""
HOLD_LENGTHS = 1.0
"""Recession at the reference current, in event lengths, for which a stretch where no void would last is held
before it is tried again."""


@dataclass
class InterfaceState(ABC):
    """State of the interface between steps; profiles, chains, seeds and holds are those of the dimension.

    Attributes:
        profile: roofs after the last step.
        population: the voids with their identity.
        rule: element sizes.
        together: factor on the thresholds of changes once one is due.
        nucleation: None where voids do not nucleate.
        rng: for the widths of nucleating voids.
        holds: where the contact was about to open and the void would not have lasted.
    """

    profile: Any
    population: Population
    rule: SizeRule
    together: float = 1.0
    nucleation: NucleationRule | None = None
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
    holds: list[Any] = field(default_factory=list)

    def held(self, now: float) -> list[Where]:
        """What is held at ``now`` (L/v0); holds whose time is over are forgotten."""
        self.holds = [hold for hold in self.holds if hold.until > now]
        return [hold.covers for hold in self.holds]

    def changes(
        self,
        model: CoupledModel | None,
        time_step: float,
        patience: float = 1.0,
        growth: Callable[[Any], NDArray[np.float64]] | None = None,
        now: float = 0.0,
    ) -> tuple[Any, list[Event]]:
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
        seeds = self._seeds(model, time_step) if model is not None else []
        state, found = self._due(seeds, patience)
        opened = [event for event in found if event.kind == "open"]
        if not opened or growth is None:
            return state, found
        rates = growth(state.profile)
        closing = [event for event in opened if rates[state.labels.index(event.made[0])] <= 0.0]
        log.debug("%d voids would open, %d of them would close again", len(opened), len(closing))
        if not closing:
            return state, found
        until = now + HOLD_LENGTHS * self.rule.event_length
        return self._due(self._without(closing, state, seeds, until), patience)

    def _due(self, seeds: Sequence[Any], patience: float) -> tuple[Any, list[Event]]:
        state, found = self._resolved(seeds, patience)
        return self._resolved(seeds, self.together) if found and self.together > patience else (state, found)

    @abstractmethod
    def _seeds(self, model: CoupledModel, time_step: float) -> list[Any]:
        """Voids that open or nucleate. Collective."""

    @abstractmethod
    def _resolved(self, seeds: Sequence[Any], patience: float) -> tuple[Any, list[Event]]:
        """The labelled profile after every change that is due, and the changes."""

    @abstractmethod
    def _without(self, closing: Sequence[Event], state: Any, seeds: Sequence[Any], until: float) -> list[Any]:
        """The seeds of voids that last; where those ``closing`` (in ``state``) are is held ``until`` then."""

    @abstractmethod
    def candidates(self, profile: Any) -> Iterator[Any]:
        """Profiles to be meshed in the place of one, in the order in which they are tried."""

    @abstractmethod
    def worn(self, quality: float, smallest: float) -> bool:
        """Whether a mesh of that quality has to be made anew; ``smallest`` is the case's."""

    @abstractmethod
    def spaced(self, chains: Any, moved: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where moved surface nodes (m, gdim) go. Collective.

        Raises:
            StepRejectedError: if a roof crosses something: the step goes past a change of topology.
        """
