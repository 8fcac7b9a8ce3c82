"""Random populations of void seeds that respect a smallest spacing, reproducible from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from meshes.seeds import VoidShape

if TYPE_CHECKING:
    from meshes.seeds import ShapeName

_ATTEMPTS = 20000


class PopulationError(ValueError):
    """The population does not fit into the cell."""


@dataclass(frozen=True)
class PopulationRule:
    """Statistics of a population; lengths in one unit, ``density`` in its inverse.

    Attributes:
        density: mean number of voids per length of interface.
        mean, deviation: mean and standard deviation of the width.
        smallest: smallest width.
        aspect: height over width.
        spacing: smallest contact between two voids, and between a void and a side.
        shape: shape of the seeds.
        seed: of the random numbers.
    """

    density: float
    mean: float
    deviation: float
    smallest: float
    aspect: float
    spacing: float
    shape: ShapeName
    seed: int

    def void(self, center: tuple[float, ...], width: float) -> VoidShape:
        """Seed of a width at a place."""
        return VoidShape(center, width, self.aspect * width, self.shape)


def draw_widths(rng: np.random.Generator, count: int, rule: PopulationRule) -> NDArray[np.float64]:
    """Widths from a log-normal distribution with the given mean and standard deviation.

    A log-normal keeps both moments with positive widths, which a normal one with a deviation of more
    than half the mean does not. Widths below the smallest are drawn again.
    """
    if rule.deviation == 0.0:
        return np.full(count, rule.mean)
    variance = np.log1p((rule.deviation / rule.mean) ** 2)
    location, scale = np.log(rule.mean) - 0.5 * variance, np.sqrt(variance)
    widths = rng.lognormal(location, scale, size=count)
    for _ in range(_ATTEMPTS):
        small = widths < rule.smallest
        if not small.any():
            return widths
        widths[small] = rng.lognormal(location, scale, size=int(small.sum()))
    raise PopulationError("smallest_width is too large for this distribution of widths")


def line_population(extent: float, rule: PopulationRule) -> list[VoidShape]:
    """Voids along a line of length ``extent``.

    The number is the rounded expectation. The free length is divided by uniform order statistics, the
    distribution of random sequential positions without overlap, so nothing is rejected and dense
    populations are drawn as easily as sparse ones.

    Raises:
        PopulationError: if the voids and their spacing are longer than the line.
    """
    rng = np.random.default_rng(rule.seed)
    count = round(extent * rule.density)
    widths = draw_widths(rng, count, rule)
    free = extent - widths.sum() - (count + 1) * rule.spacing
    if free < 0.0:
        raise PopulationError(
            f"{count} voids of total width {widths.sum():.4g} with spacing {rule.spacing:.4g} "
            f"do not fit into {extent:.4g}"
        )
    cuts = np.sort(rng.uniform(0.0, free, size=count))
    before = np.concatenate([[0.0], np.cumsum(widths)[:-1]])
    left = cuts + rule.spacing * np.arange(1, count + 1) + before
    return [rule.void((float(x + 0.5 * w),), float(w)) for x, w in zip(left, widths, strict=True)]


def patch_population(extents: tuple[float, float], rule: PopulationRule) -> list[VoidShape]:
    """Voids on a rectangle by random sequential addition, largest first.

    ``density`` is a number per length: a straight line over the surface meets that many voids, so the
    number per area is density / mean width (stereology: N_L = N_A times mean width).

    Raises:
        PopulationError: if a void finds no place in many attempts.
    """
    rng = np.random.default_rng(rule.seed)
    count = round(extents[0] * extents[1] * rule.density / rule.mean)
    widths = np.sort(draw_widths(rng, count, rule))[::-1]
    placed: list[VoidShape] = []
    for width in widths:
        margin = 0.5 * width + rule.spacing
        if margin >= 0.5 * min(extents):
            raise PopulationError(f"a void of width {width:.4g} does not fit into the cell")
        for _ in range(_ATTEMPTS):
            centre = np.array([rng.uniform(margin, e - margin) for e in extents])
            gaps = [np.linalg.norm(centre - v.center) - 0.5 * (width + v.width) for v in placed]
            if not gaps or min(gaps) >= rule.spacing:
                placed.append(rule.void((float(centre[0]), float(centre[1])), float(width)))
                break
        else:
            raise PopulationError(f"no place for void {len(placed) + 1} of {count}")
    return placed
