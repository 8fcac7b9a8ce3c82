"""Which parameter an observable hangs on: Sobol indices over the emulator, by SALib.

First-order and total indices (Saltelli et al. 2010, doi:10.1016/j.cpc.2009.09.018): shares of the variance
that the prior makes, by a parameter alone, and with all that it does together with others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from SALib.analyze import sobol
from SALib.sample import sobol as sampling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from solver.calibration.emulator import Emulator

    Values = NDArray[np.float64]

SAMPLES = 1024
"""Points before SALib multiplies them with the parameters and two."""


def sobol_indices(emulator: Emulator, names: Sequence[str], seed: int) -> tuple[Values, Values]:
    """(first-order, total) index of each parameter; zeros where the observable does not vary.

    Of a single parameter both are 1.
    """
    if len(names) == 1:
        return np.ones(1), np.ones(1)
    problem = {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}
    points = sampling.sample(problem, SAMPLES, calc_second_order=False, seed=seed)
    values, _ = emulator.predict(points)
    if float(np.std(values)) <= 1e-12 * max(1.0, float(np.max(np.abs(values)))):
        return np.zeros(len(names)), np.zeros(len(names))
    found = sobol.analyze(problem, values, calc_second_order=False, seed=seed)
    return np.asarray(found["S1"]), np.asarray(found["ST"])
