"""What energy-dispersive X-ray spectroscopy (EDS) makes of a concentration profile."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d, gaussian_filter1d

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
FWHM_PER_DECAY = 2.0 * math.log(2.0)
"""Full width at half maximum of exp(-|y|/l) over l."""
GRID = 0.02
"""um"""
_SIGMAS, _DECAYS = 6.0, 16.0
"""Where responses are cut off, in their own lengths: 1e-7 of them is beyond."""


def respond(
    values: NDArray[np.float64],
    spacing: float,
    width: float,
    *,
    shape: Literal["gaussian", "exponential"] = "gaussian",
    axis: int = -1,
    mode: str = "nearest",
) -> NDArray[np.float64]:
    """Values on an even grid as a probe sees them along one axis.

    Args:
        values: in the middle of cells.
        spacing: of the cells.
        width: full width at half maximum of the response; 0 for none.
        shape: of the response.
        axis: along which it acts.
        mode: what is beyond the ends, as in scipy.ndimage: "nearest" or "reflect" (mirror images).
    """
    if width == 0.0:
        return values
    if shape == "gaussian":
        sigma = width / FWHM_PER_SIGMA / spacing
        return np.asarray(gaussian_filter1d(values, sigma, axis=axis, mode=mode, truncate=_SIGMAS))
    decay = width / FWHM_PER_DECAY / spacing
    away = np.abs(np.arange(-math.ceil(_DECAYS * decay), math.ceil(_DECAYS * decay) + 1))
    # integrals over the cells: a kink in a narrow response is not missed
    weights = np.where(
        away == 0, 1.0 - math.exp(-0.5 / decay), math.sinh(0.5 / decay) * np.exp(-away / decay)
    )
    return np.asarray(convolve1d(values, weights / weights.sum(), axis=axis, mode=mode))


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
    values = respond(np.interp(grid, y, x, left=0.0), GRID, width)
    inside = (grid >= 0.0) & (grid <= float(y[-1]))
    return np.asarray(grid[inside]), np.asarray(values[inside])


def layer_mean(y: NDArray[np.float64], x: NDArray[np.float64], thickness: float) -> float:
    """Mean of x from the electrolyte up to ``thickness`` (um)."""
    fine = np.linspace(0.0, thickness, 4001)
    return float(np.trapezoid(np.interp(fine, y, x), fine) / thickness)
