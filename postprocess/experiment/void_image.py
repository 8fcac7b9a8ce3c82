"""Voids of a micrograph: found by scikit-image, drawn over it, written as a table of voids.

The electrolyte is below, the metal above it; voids are the dark patches of the metal that
stand on the electrolyte.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postprocess.canvas import COLOURS, plt, save
from solver.case.errors import CaseError
from solver.case.units import parse_quantity
from solver.core.plain_text import TableWriter

FILES = ("voids.csv", "found.png")
MAX_PIXELS = 100_000_000
"""Of a picture that is read: as many as PIL reads without a warning."""
FOOT = 2
"""Pixels above the interface that a void may begin at: the electrolyte's edge is as soft as the picture."""


@dataclass(frozen=True)
class Found:
    """Voids of a picture; lengths in pixels.

    Attributes:
        interface: row of the electrolyte's surface, from the top.
        threshold: grey below which metal is a void.
        left, right, height: of each void.
        mask: where voids are.
    """

    interface: int
    threshold: float
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    height: NDArray[np.int64]
    mask: NDArray[np.bool_]


def voids_from_image(image: Path, out: Path, given: dict[str, str | None]) -> list[Path]:
    """Table of the voids of a picture, and the picture with what was found.

    Args:
        image: PNG, TIFF, JPEG.
        out: folder of :data:`FILES`.
        given: words of the command line: scale (length of a pixel), smallest (width of a void), threshold
            (grey from 0 to 1), interface (row of the electrolyte's surface, from the top); None for what
            is found out.

    Raises:
        CaseError: with everything that is wrong.
    """
    problems: list[str] = []
    numbers = {
        name: _number(name, given.get(name), problems)
        for name in ("scale", "smallest", "threshold", "interface")
    }
    grey = _grey(image, problems)
    if grey is not None and numbers["interface"] is not None and not 0 < numbers["interface"] < len(grey):
        problems.append(f"--interface {given['interface']}: the picture has rows 1 to {len(grey) - 1}")
    scale = numbers["scale"]
    smallest = 0.0 if numbers["smallest"] is None else numbers["smallest"]
    if problems or grey is None or scale is None:
        raise CaseError(str(image), problems)
    found = find_voids(grey, numbers["threshold"], numbers["interface"], smallest / scale)
    if not len(found.left):
        raise CaseError(
            str(image),
            [f"no void of {smallest:g} um or more stands on row {found.interface}; look at --threshold"],
        )
    _write(found, scale, grey.shape[1], out / FILES[0])
    _draw(grey, found, scale, out / FILES[1])
    print(f"{len(found.left)} voids; interface at row {found.interface}, threshold {found.threshold:.3g}")
    return [out / name for name in FILES]


def find_voids(
    grey: NDArray[np.float64], threshold: float | None, interface: float | None, smallest: float
) -> Found:
    """Voids of a picture.

    Args:
        grey: from 0 to 1, rows from the top.
        threshold: below which metal is a void; None for Otsu's of what is above the interface.
        interface: row of the electrolyte's surface; None for the row at which the median grey rises most.
        smallest: width of a void (pixels).
    """
    from skimage.filters import threshold_otsu
    from skimage.measure import label, regionprops

    if interface is None:
        interface = 1 + int(np.argmax(np.diff(np.median(grey, axis=1))))
    row = round(interface)
    above = grey[:row]
    limit = float(threshold_otsu(above)) if threshold is None else threshold
    patches = label(above < limit, connectivity=1)
    kept = [
        part
        for part in regionprops(patches)
        if part.bbox[2] >= row - FOOT and part.bbox[3] - part.bbox[1] >= max(smallest, 1.0)
    ]
    kept.sort(key=lambda part: part.bbox[1])
    boxes = np.array([part.bbox for part in kept], dtype=np.int64).reshape(-1, 4)
    mask = np.zeros(grey.shape, bool)
    mask[:row] = np.isin(patches, [part.label for part in kept])
    return Found(row, limit, boxes[:, 1], boxes[:, 3], row - boxes[:, 0], mask)


def _number(name: str, text: str | None, problems: list[str]) -> float | None:
    """A length in um, or a plain number."""
    if text is None:
        if name == "scale":
            problems.append('--scale: missing; the length of a pixel, as --scale "20 nm"')
        return None
    try:
        value = parse_quantity(text, "um") if name in ("scale", "smallest") else float(text)
        if not np.isfinite(value) or value <= 0.0:
            raise ValueError("has to be above 0")
        if name == "threshold" and value >= 1.0:
            raise ValueError("a grey is between 0 (black) and 1 (white)")
    except ValueError as error:
        problems.append(f"--{name} {text}: {error}")
        return None
    return value


def _grey(image: Path, problems: list[str]) -> NDArray[np.float64] | None:
    try:
        from skimage import io
        from skimage.util import img_as_float
    except ImportError:
        raise ImportError("pictures are read by scikit-image (pip install scikit-image)") from None
    if not image.is_file():
        problems.append("no such file")
        return None
    try:
        pixels: Any = io.imread(str(image))
        if pixels.ndim == 3:
            pixels = img_as_float(pixels[..., :3]).mean(axis=-1) if pixels.shape[-1] > 2 else pixels[..., 0]
        grey = np.asarray(img_as_float(pixels), dtype=float)
    except Exception as error:  # what a damaged picture raises depends on its format
        problems.append(f"no picture that can be read: {error}".splitlines()[0])
        return None
    if grey.ndim != 2 or min(grey.shape) < 3 or grey.size > MAX_PIXELS:
        problems.append(
            f"a picture of {' x '.join(map(str, grey.shape))} pixels: expected one plane of 3 x 3 or more"
        )
        return None
    return grey


def _write(found: Found, scale: float, count: int, target: Path) -> None:
    """Table for ``[voids] from``; a void that a side of the picture cuts gets its mirror image."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = TableWriter(file)
        writer.writerow(["position_um", "width_um", "height_um"])
        for left, right, height in zip(found.left, found.right, found.height, strict=True):
            middle, width = 0.5 * (left + right), right - left
            if left == 0 and right < count:
                middle, width = 0.0, 2 * width
            elif right == count and left > 0:
                middle, width = float(count), 2 * width
            writer.writerow([f"{scale * value:.6g}" for value in (middle, width, height)])


def _draw(grey: NDArray[np.float64], found: Found, scale: float, target: Path) -> None:
    """What was found over the picture."""
    extent = (0.0, scale * grey.shape[1], 0.0, scale * grey.shape[0])
    figure, axis = plt.subplots(figsize=(8.0, max(2.0, 8.0 * grey.shape[0] / grey.shape[1])))
    axis.imshow(grey, cmap="gray", extent=extent, vmin=0.0, vmax=1.0)
    axis.contour(np.flipud(found.mask), [0.5], colors=[COLOURS[1]], extent=extent, linewidths=0.8)
    axis.axhline(scale * (grey.shape[0] - found.interface), color=COLOURS[5], lw=0.8)
    axis.set_xlabel("x (um)")
    axis.set_ylabel("um")
    save(figure, target)
