"""What energy-dispersive X-ray spectroscopy (EDS) makes of a concentration profile."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
GRID = 0.02
"""um"""


def blurred(
    y: NDArray[np.float64], x: NDArray[np.float64], width: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Profile as a probe with a Gaussian response sees it; there is no solute in the electrolyte (y < 0).

    Args:
        y: heights above the electrolyte, sorted (um).
        x: solute fraction there.
        width: full width at half maximum of the response (um); 0 for none.

    Returns:
        Heights on an even grid from 0 up, and the blurred fraction.
    """
    margin = 4.0 * width
    grid = np.arange(-margin, float(y[-1]) + margin + GRID, GRID)
    values = np.interp(grid, y, x, left=0.0)
    if width > 0.0:
        values = gaussian_filter1d(values, width / FWHM_PER_SIGMA / GRID, mode="nearest", truncate=6.0)
    inside = (grid >= 0.0) & (grid <= float(y[-1]))
    return np.asarray(grid[inside]), np.asarray(values[inside])


def layer_mean(y: NDArray[np.float64], x: NDArray[np.float64], thickness: float) -> float:
    """Mean of x from the electrolyte up to ``thickness`` (um)."""
    fine = np.linspace(0.0, thickness, 4001)
    return float(np.trapezoid(np.interp(fine, y, x), fine) / thickness)
