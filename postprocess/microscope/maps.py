"""Element maps of a section by energy-dispersive X-ray spectroscopy (EDS), and their lateral means.

The intensity of an element is its amount times the response, summed over all that is there. Voids have no Mg,
nor has the electrolyte: its intensity falls with the porosity beside the interface. Its unit is the intensity
at a depth below the current collector; S (electrolyte) and Cu (collector) have maximum 1, all as in Fig. 3 of
Zhao et al. (2025). Absorption and fluorescence are left out, and behind the plane all is as on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from postprocess.eds import respond
from postprocess.microscope.rows import ProfileRow
from postprocess.microscope.section import Material, cut

if TYPE_CHECKING:
    from postprocess.microscope.instrument import Instrument
    from postprocess.microscope.section import Raster, Specimen

STEPS = 32
"""Fewest pixels of a map over the width of the response."""
FINEST = 0.02
"""um; smallest pixel for the sake of the layers of solute at walls, which meshes resolve to 0.05 um or so."""
PIXELS = 2e6
"""Most pixels of a map for their sake."""
MARGIN = 4.0
"""Height of electrolyte and collector in a map, over the width of the response."""
ROOM = 2.0
"""um of them at least."""


@dataclass(frozen=True)
class Element:
    """Intensity of an element: map (rows from below), lateral mean and its spread (nan with one window)."""

    image: NDArray[np.float64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]


@dataclass(frozen=True)
class Maps:
    """What EDS gives of a section.

    Attributes:
        section: what was looked at.
        s, cu: elements of the electrolyte and the collector.
        mg: None in a pure metal.
        bulk: solute fraction where the intensity of Mg is 1; 0 in a pure metal.
    """

    section: Raster
    s: Element
    cu: Element
    mg: Element | None
    bulk: float

    def largest_mg(self) -> float | None:
        """Largest lateral mean of Mg."""
        return float(self.mg.mean.max()) if self.mg is not None else None

    def largest_solute(self) -> float | None:
        """Largest lateral mean of the solute fraction in metal, over that in the bulk."""
        return float(np.nanmax(self._solute()) / self.bulk) if self.mg is not None else None

    def rows(self) -> list[ProfileRow]:
        """Lateral means from below."""
        void = (self.section.material == Material.VOID).mean(axis=1)
        solute = self._solute()
        return [
            ProfileRow(
                y_um=float(y),
                mg=_number(self.mg.mean[k]) if self.mg is not None else None,
                mg_spread=_number(self.mg.spread[k]) if self.mg is not None else None,
                s=float(self.s.mean[k]),
                s_spread=_number(self.s.spread[k]),
                cu=float(self.cu.mean[k]),
                void_share=float(void[k]),
                solute_fraction=_number(solute[k]) if self.mg is not None else None,
            )
            for k, y in enumerate(self.section.y)
        ]

    def _solute(self) -> NDArray[np.float64]:
        """Mean over the metal of each row, nan where there is none."""
        metal = (self.section.material == Material.METAL).sum(axis=1)
        mean = self.section.solute.sum(axis=1) / np.maximum(metal, 1)
        return np.where(metal > 0, mean, np.nan)


def element_maps(specimen: Specimen, instrument: Instrument) -> Maps:
    """EDS of the whole height of a cell, on pixels of its own."""
    response = instrument.um("response")
    margin = max(MARGIN * response, ROOM)
    coarse = response / STEPS if response > 0.0 else instrument.um("pixel")
    wanted = max(math.sqrt(specimen.width * (specimen.top + 2.0 * margin) / PIXELS), FINEST)
    # a whole part of the coarse one: it is as fine as it may be, and no finer where that is too much
    pixel = specimen.spacing(coarse / max(math.floor(coarse / wanted), 1))
    section = cut(specimen, pixel, -margin, specimen.top + margin, instrument.um("cut"))

    def element(amount: NDArray[np.float64]) -> Element:
        shape = instrument.response_shape
        image = respond(amount, pixel, response, shape=shape, axis=0)
        image = respond(image, pixel, response, shape=shape, axis=1, mode="reflect")
        return Element(image, image.mean(axis=1), _spread(image, instrument.um("window") / pixel))

    s = element((section.material == Material.ELECTROLYTE).astype(float))
    cu = element((section.material == Material.COLLECTOR).astype(float))
    s, cu = (_over(part, float(part.mean.max())) for part in (s, cu))
    if not specimen.is_alloy:
        return Maps(section, s, cu, None, 0.0)
    mg = element(section.solute)
    level = specimen.top - instrument.um("normalise")
    return Maps(
        section,
        s,
        cu,
        _over(mg, float(np.interp(level, section.y, mg.mean))),
        float(np.interp(level, section.y, section.solute.mean(axis=1))),
    )


def _spread(image: NDArray[np.float64], window: float) -> NDArray[np.float64]:
    """Standard deviation between the means of windows of that many columns; nan with one window."""
    count = int(image.shape[1] / window)
    if count < 2:
        return np.full(len(image), np.nan)
    means = [part.mean(axis=1) for part in np.array_split(image, count, axis=1)]
    return np.asarray(np.std(means, axis=0, ddof=1))


def _over(element: Element, unit: float) -> Element:
    parts = (element.image, element.mean, element.spread)
    return Element(*(np.asarray(part / unit, dtype=np.float64) for part in parts))


def _number(value: float) -> float | None:
    """None for what there is not."""
    return None if np.isnan(value) else float(value)
