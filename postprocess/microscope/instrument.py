"""The instrument: what limits a picture, each number with its source, read from the options of a command.

Zhao et al. (2025) is the paper that runs are compared with; what it does not say is marked as ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError

from solver.case import units
from solver.case.errors import CaseError, describe
from solver.case.schema.section import RandomSeed, Section

UM = 1e6
"""um in 1 m"""
PIXEL = "0.1 um"
"""Ours: the 160 um that Zhao et al. analyse (Fig. 1b-e) over 1600 pixels. The paper gives no pixel."""
RESOLUTION = "0.1 um"
"""Ours: one pixel. Over so wide a view the raster limits, not the beam (nanometres)."""
DETECTION = "0.3 um"
"""Ours: three pixels, the least that is more than noise. The smallest voids of the paper are 1 um wide."""
RESPONSE = "4 um"
"""Middle of the 3 to 5 um over which X-rays come from metal at usual voltages (docs/howto/microscope.md)."""
NORMALISE = "20 um"
"""Zhao et al., Fig. 3: "the Mg intensity at 20 um from the current collector is set to unity"."""
FRAME_INTERVAL = 900.0
"""s; Zhao et al., methods: "images were taken every 15 min"."""

Response = Literal["gaussian", "exponential"]


class Instrument(Section):
    """A microscope; lengths in m.

    Attributes:
        pixel: side of a pixel, and of the scan's steps.
        resolution: full width at half maximum (FWHM) of the beam's response in pictures; 0 is none.
        noise: standard deviation of a pixel's grey, which goes from 0 (black) to 1 (white).
        seed: of the noise.
        detection: width below which a void is not counted.
        detection_height: height below which a void is not counted; default as its width.
        response: FWHM of the volume from which X-rays come, in each direction; 0 is a point.
        response_shape: gaussian, or exponential: exp(-|y|/l)/2l in each direction, l = FWHM/(2 ln 2).
        normalise: depth below the current collector at which the intensity of Mg is 1.
        window: width of the stretches between which a profile is said to spread; default the response.
        cut: place along y of the polished plane of a 3-D cell.
        view: width of the pictures, filled up with mirror images; default the cell, with its mirror image
            where a void is cut by the side x = 0 at the start, or the cell is axisymmetric.
    """

    pixel: units.Length = Field(PIXEL, validate_default=True)
    resolution: units.Position = Field(RESOLUTION, validate_default=True)
    noise: units.Fraction = 0.0
    seed: RandomSeed = 1
    detection: units.Position = Field(DETECTION, validate_default=True)
    detection_height: units.Position | None = None
    response: units.Position = Field(RESPONSE, validate_default=True)
    response_shape: Response = "gaussian"
    normalise: units.Position = Field(NORMALISE, validate_default=True)
    window: units.Length | None = None
    cut: units.Position = Field("0 um", validate_default=True)
    view: units.Length | None = None

    def um(self, name: str) -> float:
        """A length in um, with the default that hangs on another one."""
        instead = {"detection_height": "detection", "window": "response"}
        value = getattr(self, name)
        return UM * float(getattr(self, instead[name]) if value is None else value)

    def stated(self) -> dict[str, Any]:
        """Everything with units, as the records and the pictures say it."""
        return self.model_dump(mode="json") | {
            name: units.format_quantity(self.um(name) / UM, "um", "m")
            for name in ("detection_height", "window")
        }


class Request(Instrument):
    """What the command line asks for.

    Attributes:
        at: capacities (C/m2) of the pictures; none: statistics of all outputs, pictures of the last.
    """

    at: tuple[units.CapacityReached, ...] = ()


def read_request(options: Mapping[str, Any]) -> Request:
    """Options of the command line, by their names with underscores; None is not given.

    Raises:
        CaseError: with every problem found.
    """
    given = {name: value for name, value in options.items() if value not in (None, ())}
    try:
        request = Request.model_validate(given)
    except ValidationError as error:
        raise refusal(f"--{_dashed(describe(Request, detail))}" for detail in error.errors()) from None
    if "seed" in given and request.noise == 0.0:
        raise refusal(["--seed: there is no noise (--noise) to seed"])
    return request


def refusal(problems: Iterator[str] | list[str]) -> CaseError:
    """The error that names all problems of a request."""
    return CaseError("microscope", list(problems))


def _dashed(text: str) -> str:
    """A message with the option as it is typed: ``detection-height = ...``, and ``at`` for ``at[1]``."""
    name, sep, rest = text.partition(" ")
    return name.partition("[")[0].replace("_", "-") + sep + rest
