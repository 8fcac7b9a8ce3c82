"""Area resistance that varies along the interface (docs/model.md 2): Z(x) = Z f(x), f = 1 off patches.

    ln f(x) = sum over patches of ln(factor) ramp((width/2 - |x - centre|)/edge)

Interfaces of sulphide electrolytes are patchy; a patch of higher Z passes less current. The ramp from 0 to 1
over the length ``edge`` keeps the current continuous, so that the mesh can resolve it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.setup.scales import Scales


@dataclass(frozen=True)
class Patches:
    """Stretches of another resistance; lengths in um.

    Attributes:
        centres, widths, factors: one value each.
        edge: width over which f goes from 1 to the factor, half of it inside the patch.
    """

    centres: tuple[float, ...]
    widths: tuple[float, ...]
    factors: tuple[float, ...]
    edge: float

    def factor(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """f at lateral positions ``x``; where patches overlap, ln f adds up."""
        logarithm = np.zeros_like(x)
        for centre, width, factor in zip(self.centres, self.widths, self.factors, strict=True):
            depth = 0.5 * width - np.abs(x - centre)
            logarithm += np.log(factor) * np.clip(0.5 + depth / self.edge, 0.0, 1.0)
        return np.asarray(np.exp(logarithm))


def from_case(loaded: LoadedCase, scales: Scales) -> Patches | None:
    """Patches of a case, None where Z is uniform."""
    given = loaded.case.heterogeneity
    if given is None:
        return None
    edge = given.edge / scales.length
    if given.patch:
        return Patches(
            tuple(patch.position / scales.length for patch in given.patch),
            tuple(patch.width / scales.length for patch in given.patch),
            tuple(patch.factor for patch in given.patch),
            edge,
        )
    assert given.density is not None and given.mean_width is not None and given.factor is not None
    return random_patches(
        loaded.case.geometry.width / scales.length,
        density=given.density * scales.length,
        mean=given.mean_width / scales.length,
        deviation=given.width_deviation / scales.length,
        factor=given.factor,
        edge=edge,
        seed=given.seed,
    )


def random_patches(
    extent: float, *, density: float, mean: float, deviation: float, factor: float, edge: float, seed: int
) -> Patches:
    """Patches at uniform places with normal widths (cut at half and twice the mean), one factor.

    Args:
        extent: length of the interface (um).
        density: patches per um; their number is the rounded expectation.
        mean, deviation: of the widths (um).
        factor: Z there over Z elsewhere.
        edge: see :class:`Patches`.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    count = round(extent * density)
    centres = rng.uniform(0.0, extent, size=count)
    widths = np.clip(rng.normal(mean, deviation, size=count), 0.5 * mean, 2.0 * mean)
    return Patches(tuple(map(float, centres)), tuple(map(float, widths)), (factor,) * count, edge)
