"""Where the runs of a wave are made: points that fill what has not been ruled out.

Points live in the unit cube: along each axis the share of a prior that lies below the value. In it the prior
is uniform, whatever it is in the parameter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import qmc

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    Allowed = Callable[[NDArray[np.float64]], NDArray[np.bool_]]

CANDIDATES = 2**14
"""Points among which those that are allowed are looked for."""


def next_wave(dimensions: int, count: int, seed: int, allowed: Allowed) -> tuple[Points, float]:
    """Points that are allowed, and the share of the cube that is.

    The allowed ones of a Sobol sequence, in its order, fill the room that is left as the sequence fills the
    cube. Where there are fewer than wanted, all of them.

    Args:
        dimensions: of the cube.
        count: of points.
        seed: of the sequence; another one for each wave.
        allowed: tells of points (n, dimensions) which have not been ruled out.
    """
    candidates = sobol(dimensions, CANDIDATES, seed)
    left = candidates[allowed(candidates)]
    return left[:count], len(left) / len(candidates)


def sobol(dimensions: int, count: int, seed: int) -> Points:
    """The first points of a scrambled Sobol sequence (count, dimensions), balanced for powers of two."""
    exponent = int(np.ceil(np.log2(max(count, 1))))
    return qmc.Sobol(dimensions, seed=seed).random_base2(exponent)[:count]
