"""The picture of a section in a scanning electron microscope (SEM), and the voids that are seen in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from postprocess.eds import FWHM_PER_SIGMA
from postprocess.microscope.section import Material

if TYPE_CHECKING:
    from postprocess.microscope.instrument import Instrument
    from postprocess.microscope.section import Raster

GREY = {Material.VOID: 0.04, Material.METAL: 0.42, Material.ELECTROLYTE: 0.70, Material.COLLECTOR: 0.92}
"""Ours, for the eye: brighter with the mean atomic number (Li 3, Li6PS5Cl 10, Cu 29), and a hole is dark."""
WALL = 0.25
"""Ours: grey of a hole at its walls, from black (0) to metal (1): from there some electrons get out."""
SHADOW = 0.5
"""Ours: um from the walls over which it falls by e into the shadow."""


@dataclass(frozen=True)
class Seen:
    """Voids of a picture above the detection limit.

    Attributes:
        widths, heights: um; a void on a side of the cell with its mirror image.
        contact_loss: share of the interface under them.
    """

    widths: NDArray[np.float64]
    heights: NDArray[np.float64]
    contact_loss: float


def picture(section: Raster, instrument: Instrument, number: int) -> NDArray[np.float64]:
    """Grey levels from 0 to 1, rows from below.

    Args:
        section: what is looked at.
        instrument: its resolution and noise count.
        number: of the picture: another one has other noise from the same seed.
    """
    grey = np.choose(section.material, [GREY[kind] for kind in Material])
    hole = section.material == Material.VOID
    # with its mirror images, so that a side of the cell is no wall
    beside = np.pad(hole, ((0, 0), (hole.shape[1], hole.shape[1])), mode="symmetric")
    depth = ndimage.distance_transform_edt(beside)[:, hole.shape[1] : 2 * hole.shape[1]] * section.pixel
    light = (GREY[Material.METAL] - GREY[Material.VOID]) * WALL * np.exp(-depth / SHADOW)
    grey = grey + np.where(hole, light, 0.0)
    sigma = instrument.um("resolution") / FWHM_PER_SIGMA / section.pixel
    if sigma > 0.0:
        grey = ndimage.gaussian_filter(grey, sigma, mode=("nearest", "reflect"))
    if instrument.noise > 0.0:
        random = np.random.default_rng([instrument.seed, number])
        grey = grey + instrument.noise * random.standard_normal(grey.shape)
    return np.clip(grey, 0.0, 1.0)


def seen_voids(grey: NDArray[np.float64], section: Raster, instrument: Instrument) -> Seen:
    """What is counted in a picture: dark patches that stand on the electrolyte, above the detection limit.

    A patch is what is darker than midway between metal and the walls of a hole, after a median over 3 x 3
    pixels where there is noise; its width is its widest extent, its height that over the electrolyte.
    """
    pixel, above = section.pixel, grey[section.y > 0.0]
    if instrument.noise > 0.0:
        above = ndimage.median_filter(above, size=3, mode="reflect")
    walls = GREY[Material.VOID] + WALL * (GREY[Material.METAL] - GREY[Material.VOID])
    patches, _ = ndimage.label(above < 0.5 * (walls + GREY[Material.METAL]))
    # the bright electrolyte hides the lowest part of a hole
    foot = 1 + round(instrument.um("resolution") / pixel)
    count = above.shape[1]
    under = np.zeros(count, dtype=bool)
    widths, heights = [], []
    for number, (rows, columns) in enumerate(ndimage.find_objects(patches), start=1):
        sides = int(columns.start == 0) + int(columns.stop == count)
        width = pixel * (columns.stop - columns.start) * (2 if sides == 1 else 1)
        height = pixel * rows.stop
        if rows.start > foot or not _counts(width, height, pixel, instrument):
            continue
        widths.append(width)
        heights.append(height)
        under |= np.any(patches[: foot + 1] == number, axis=0)
    return Seen(np.array(widths, dtype=float), np.array(heights, dtype=float), float(under.mean()))


def _counts(width: float, height: float, pixel: float, instrument: Instrument) -> bool:
    """Whether a void is above the detection limit; sizes are multiples of a pixel, and rounded as such."""
    slack = 1e-6 * pixel
    return width + slack >= instrument.um("detection") and height + slack >= instrument.um("detection_height")
