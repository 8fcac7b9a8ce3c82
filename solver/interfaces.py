"""What the time loop asks of an interface, in two dimensions and in 3-D."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from meshes.topology import Event
from solver.contact import Where
from solver.model import CoupledModel
from solver.population import Population


class AnyInterface(Protocol):
    """:class:`solver.interface.Interface` or :class:`solver.surface_interface.SurfaceInterface`.

    Profiles, chains and holds are those of the dimension.
    """

    profile: Any
    population: Population
    rng: np.random.Generator
    holds: list[Any]

    def held(self, now: float) -> list[Where]:
        """What is held at ``now``."""

    def changes(
        self,
        model: CoupledModel | None,
        time_step: float,
        patience: float = ...,
        growth: Callable[[Any], NDArray[np.float64]] | None = ...,
        now: float = ...,
    ) -> tuple[Any, list[Event]]:
        """What the interface turns into."""

    def candidates(self, profile: Any) -> Iterator[Any]:
        """Profiles to be meshed in the place of one."""

    def worn(self, quality: float, smallest: float) -> bool:
        """Whether the mesh has to be made anew."""

    def spaced(self, chains: Any, moved: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where moved surface nodes go."""
