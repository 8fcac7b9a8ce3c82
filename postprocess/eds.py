"""What energy-dispersive X-ray spectroscopy (EDS) makes of a concentration profile."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

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
    mode: Literal["nearest", "reflect"] = "nearest",
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
    length = width / spacing
    if shape == "gaussian":
        away = np.abs(_cells(_SIGMAS, length / FWHM_PER_SIGMA))
        weights = np.exp(-0.5 * (away / (length / FWHM_PER_SIGMA)) ** 2)
    else:
        decay = length / FWHM_PER_DECAY
        away = np.abs(_cells(_DECAYS, decay))
        # integrals over the cells: a kink in a narrow response is not missed
        weights = np.where(
            away == 0, 1.0 - math.exp(-0.5 / decay), math.sinh(0.5 / decay) * np.exp(-away / decay)
        )
    # by transforms: a response takes hundreds of cells, of each of millions
    along = [axis % values.ndim == k for k in range(values.ndim)]
    beyond = [(len(away) // 2,) * 2 if here else (0, 0) for here in along]
    wider = np.pad(values, beyond, mode="symmetric" if mode == "reflect" else "edge")
    kernel = (weights / weights.sum()).reshape([-1 if here else 1 for here in along])
    return np.asarray(fftconvolve(wider, kernel, mode="valid", axes=axis))


def _cells(lengths: float, length: float) -> NDArray[np.int_]:
    """Numbers of the cells, from the middle, over which a response is followed."""
    most = math.ceil(lengths * length)
    return np.arange(-most, most + 1)


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
