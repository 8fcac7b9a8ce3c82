"""When and how voids nucleate, as the case says; lengths in um."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.setup.scales import LENGTH_SCALE

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase


@dataclass(frozen=True)
class NucleationRule:
    """When and how voids nucleate; lengths in um.

    Attributes:
        supersaturation: S on the contact above which a void nucleates.
        width, deviation: mean and standard deviation (normal, cut at half and twice the mean) of its width.
        aspect: height over width.
        spacing: smallest contact between a new void and any other.
    """

    supersaturation: float
    width: float
    deviation: float
    aspect: float
    spacing: float


def nucleation_rule(loaded: LoadedCase) -> NucleationRule | None:
    """When and how voids nucleate (um), None where they do not."""
    given = loaded.case.model.nucleation
    if given is None:
        return None
    return NucleationRule(
        given.supersaturation,
        given.width / LENGTH_SCALE,
        given.width_deviation / LENGTH_SCALE,
        given.aspect,
        given.spacing / LENGTH_SCALE,
    )
