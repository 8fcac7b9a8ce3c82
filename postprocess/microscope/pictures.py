"""Files of what the microscope sees: SEM frames with scale bar, element maps, profiles."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from postprocess.canvas import plt, save

if TYPE_CHECKING:
    from postprocess.microscope.frames import Look, View
    from postprocess.microscope.instrument import Instrument
    from postprocess.microscope.maps import Element, Maps
    from postprocess.microscope.section import Raster

WIDE = 1200
"""Least width of a picture (image pixels): small views are enlarged by a whole number."""
STRIP = 96
"""Height of the strip under a picture (image pixels)."""
DPI = 100
BAR_SHARE = 0.2
"""Length of a scale bar over the view, before it is rounded."""
MOST_NAMES = 6
"""Cells in a picture of which each mirror image is named."""
NEAR = 1e-9
"""Relative rounding of a length."""
BRIGHTEST = 1.5
"""Least intensity that is white in a map."""
ELEMENTS = {"Mg": "#ff8c1a", "S": "#ffe14d"}
"""Colours of elements, on black."""


def draw_sem(target: Path, look: Look, view: View, instrument: Instrument, name: str) -> Path:
    """A frame with its strip: one pixel of the microscope is a square of whole image pixels."""
    section = look.section
    image = look.grey[:, section.columns(view.left, view.right)]
    zoom = math.ceil(WIDE / image.shape[1])
    rows, columns = (zoom * size for size in image.shape)
    figure = Figure(figsize=(columns / DPI, (rows + STRIP) / DPI), dpi=DPI, facecolor="black")
    share = STRIP / (rows + STRIP)
    axes = figure.add_axes((0.0, share, 1.0, 1.0 - share))
    extent = (view.left, view.left + section.pixel * image.shape[1], 0.0, 1.0)
    look_as = {"cmap": "gray", "vmin": 0.0, "vmax": 1.0, "interpolation": "nearest", "aspect": "auto"}
    axes.imshow(image, origin="lower", extent=extent, **look_as)
    axes.set_axis_off()
    _mark_mirrors(axes, view, section.width, named=True)
    strip = figure.add_axes((0.0, 0.0, 1.0, share))
    strip.set_axis_off()
    strip.set_xlim(0.0, section.pixel * image.shape[1])
    strip.set_ylim(0.0, 1.0)
    _strip(strip, look, instrument, name)
    figure.savefig(
        target, dpi=DPI, facecolor="black", metadata={"Description": _settings(section, instrument)}
    )
    return target


def _strip(axes: Axes, look: Look, instrument: Instrument, name: str) -> None:
    """Scale bar, settings and what is counted, under a picture."""
    right = axes.get_xlim()[1]
    bar = nice(BAR_SHARE * right)
    start = 0.98 * right - bar
    axes.plot([start, start + bar], [0.62, 0.62], color="white", lw=4, solid_capstyle="butt")
    style: dict[str, Any] = {"color": "white", "fontsize": 11, "va": "center", "parse_math": False}
    axes.text(start + 0.5 * bar, 0.28, f"{bar:g} um", ha="center", **style)
    row = look.row
    counted = (
        f"contact loss {100 * row.contact_loss_seen:.3g} % seen, {100 * row.contact_loss:.3g} % true; "
        f"voids: {row.voids_seen} seen, {row.voids} true"
    )
    title = f"synthetic SEM   {name}   {row.capacity_mAh_cm2:.4g} mAh/cm2"
    for height, text in ((0.78, title), (0.5, _settings(look.section, instrument)), (0.22, counted)):
        axes.text(0.01 * right, height, text, ha="left", **style)


def _settings(section: Raster, instrument: Instrument) -> str:
    noise = f"noise {instrument.noise:g} (seed {instrument.seed})" if instrument.noise else "no noise"
    limits = " x ".join(f"{instrument.um(side):.3g}" for side in ("detection", "detection_height"))
    return (
        f"pixel {section.pixel:.3g} um, resolution {instrument.um('resolution'):.3g} um, {noise}, "
        f"voids from {limits} um (width x height)"
    )


def _mark_mirrors(axes: Axes, view: View, width: float, *, named: bool) -> None:
    """Borders, and where there is room names, of what is a mirror image of the cell."""
    low, high = math.floor(view.left / width + NEAR), math.ceil(view.right / width - NEAR)
    style = {"color": "white", "fontsize": 9, "va": "top", "transform": axes.get_xaxis_transform()}
    for k in range(low, high):
        if k > low:
            axes.axvline(k * width, color="white", lw=0.8, ls=(0, (4, 4)), alpha=0.6)
        if k != 0 and named and high - low <= MOST_NAMES:
            middle = 0.5 * (max(k * width, view.left) + min((k + 1) * width, view.right))
            axes.text(middle, 0.97, "mirror image", ha="center", **style)
    if named and high - low > MOST_NAMES:
        place = f"the cell is between x = 0 and {width:.4g} um, the rest are its mirror images"
        axes.text(0.5 * (view.left + view.right), 0.97, place, ha="center", **style)
    axes.set_xlim(view.left, view.right)


def nice(length: float) -> float:
    """The largest of 1, 2, 5, 10, ... that is not longer."""
    power = 10.0 ** math.floor(math.log10(length))
    return power * max(step for step in (1.0, 2.0, 5.0) if step * power <= length * (1.0 + 1e-9))


def draw_maps(target: Path, maps: Maps, view: View, title: str, instrument: Instrument) -> Path:
    """Maps of Mg, where there is some, and of S."""
    section = maps.section
    shown = {"Mg": maps.mg, "S": maps.s}
    columns = section.columns(view.left, view.right)
    low, high = (float(section.y[k]) + 0.5 * sign * section.pixel for k, sign in ((0, -1.0), (-1, 1.0)))
    extent = (view.left, view.left + section.pixel * len(columns), low, high)
    drawn = [(name, element) for name, element in shown.items() if element is not None]
    tall = (high - low) / (extent[1] - extent[0])
    # beside each other where the cell is higher than wide
    rows = len(drawn) if tall < 1.0 else 1
    size = (9.0, rows * 8.0 * tall + 1.0) if tall < 1.0 else (len(drawn) * (6.0 / tall + 2.0), 6.8)
    figure, panels = plt.subplots(
        rows, len(drawn) // rows, figsize=size, layout="constrained", squeeze=False, sharey=True
    )
    for axes, (name, element) in zip(panels.ravel(), drawn, strict=True):
        _map(figure, axes, element, columns, extent, name)
        _mark_mirrors(axes, view, section.width, named=False)
        axes.set_xlabel("x (um)")
    panels[0, 0].set_ylabel("y (um)")
    mirrored = view.left < -NEAR or view.right > section.width * (1.0 + NEAR)
    figure.suptitle(
        f"{title}; {_response(instrument)}" + ("; the cell is right of x = 0, the rest mirrored" * mirrored),
        fontsize=9,
        parse_math=False,
    )
    return save(figure, target)


def _map(
    figure: Figure,
    axes: Axes,
    element: Element,
    columns: NDArray[np.int64],
    extent: tuple[float, float, float, float],
    name: str,
) -> None:
    """Black where there is nothing, the element's colour at 1, white where there is most of Mg."""
    image = element.image[:, columns]
    most = max(float(image.max()), BRIGHTEST) if name == "Mg" else 1.0
    scale = [(0.0, "black"), (1.0 / most, ELEMENTS[name])] + [(1.0, "white")] * (most > 1.0)
    colours = LinearSegmentedColormap.from_list(name, scale)
    drawn = axes.imshow(
        image, cmap=colours, vmin=0.0, vmax=most, origin="lower", extent=extent, interpolation="nearest"
    )
    axes.set_title("Mg over bulk" if name == "Mg" else f"{name} over its largest mean", fontsize=9)
    figure.colorbar(drawn, ax=axes, fraction=0.03, pad=0.01)


def draw_profile(target: Path, maps: Maps, title: str, instrument: Instrument) -> Path:
    """Lateral means with their spread between windows, and beside Mg what is there."""
    y = maps.section.y
    figure, axes = plt.subplots(figsize=(8.0, 4.4), layout="constrained")
    shown = {"Mg": (maps.mg, "C1"), "S": (maps.s, "C8"), "Cu": (maps.cu, "C5")}
    for name, (element, colour) in shown.items():
        if element is None:
            continue
        axes.plot(y, element.mean, color=colour, label=f"{name}, seen")
        if not np.all(np.isnan(element.spread)):
            axes.fill_between(
                y,
                element.mean - element.spread,
                element.mean + element.spread,
                color=colour,
                alpha=0.25,
                lw=0,
            )
    if maps.mg is not None:
        true = maps.section.solute.mean(axis=1) / maps.bulk
        axes.plot(y, true, color="k", lw=0.8, ls="--", label="Mg, as it is (voids count as 0)")
        top = float(y[maps.section.material[:, 0] != 3][-1])
        depth = instrument.um("normalise")
        axes.axvline(
            top - depth, color="0.6", lw=0.8, ls=":", label=f"Mg is 1: {depth:g} um below the collector"
        )
    axes.axvline(0.0, color="0.4", lw=0.8)
    axes.set_xlabel("Distance from the electrolyte (um)")
    axes.set_ylabel("Intensity (Mg over bulk; S, Cu over largest)")
    axes.set_ylim(bottom=0.0)
    axes.legend(fontsize=8, frameon=False)
    spread = f"bands: standard deviation between windows of {instrument.um('window'):g} um"
    one = np.all(np.isnan(maps.s.spread))
    narrow = "the cell holds one window: no spread"
    axes.set_title(
        f"{title}; {_response(instrument)}\n{narrow if one else spread}", fontsize=9, parse_math=False
    )
    return save(figure, target)


def _response(instrument: Instrument) -> str:
    return f"EDS response {instrument.um('response'):g} um FWHM, {instrument.response_shape}"
