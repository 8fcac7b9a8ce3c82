"""Cross-sections of field outputs: triangles of both regions with the fields on them, of runs of any
dimension."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyvista as pv
from matplotlib.tri import Triangulation
from numpy.typing import NDArray

from postprocess.canvas import axis_label, plt, stretch
from postprocess.records import RecordsError
from solver.output.shown_fields import SHOWN_FIELDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

    Window = tuple[float, float, float, float]

METAL, ELECTROLYTE = 1, 2
PLANES = 9
"""Planes of a three-dimensional cell of which the one that cuts most of the voids is shown."""
EVEN = 0.01
"""Relative range of a field below which it counts as even: the colours then span this share to either side
of it."""
MAPS = {METAL: "viridis", ELECTROLYTE: "inferno"}


@dataclass(frozen=True)
class Part:
    """One region in a section: points (n, 2) in um, triangles (m, 3), a field at the points (n)."""

    points: NDArray[np.float64]
    triangles: NDArray[np.int64]
    values: NDArray[np.float64]


def read_section(file: Path, place: float | None = None) -> pv.UnstructuredGrid:
    """The fields of an output; of a three-dimensional one those in the plane y = ``place`` (um), with
    heights as y.

    Raises:
        RecordsError: if the file is missing.
    """
    if not file.is_file():
        raise RecordsError(f"{file} is missing")
    mesh = pv.read(str(file))
    if place is None:
        return mesh
    cut = mesh.slice(normal="y", origin=(0.0, place, 0.0))
    cut.points = np.asarray(cut.points)[:, [0, 2, 1]] * np.array([1.0, 1.0, 0.0])
    return cut.triangulate()


def plane_of(file: Path) -> float | None:
    """Place along y (um) of the section of a run that shows most of the voids; None in two dimensions."""
    mesh = pv.read(str(file))
    depth = np.ptp(np.asarray(mesh.points)[:, 2]) * (np.ptp(np.asarray(mesh.points)[:, 1]) > 0.0)
    if not depth:
        return None
    low, high = mesh.bounds[2], mesh.bounds[3]
    places = low + (high - low) * (np.arange(PLANES) + 0.5) / PLANES
    metal = mesh.extract_cells(np.flatnonzero(np.asarray(mesh.cell_data["region"]).round() == METAL))
    return float(min(places, key=lambda y: metal.slice(normal="y", origin=(0.0, y, 0.0)).area))


def part(section: pv.DataSet, region: int, name: str) -> Part:
    """A region and a field on it; of vectors their length, of values per element their mean around a
    point."""
    chosen = section.extract_cells(np.flatnonzero(np.asarray(section.cell_data["region"]).round() == region))
    if SHOWN_FIELDS[name].at == "cell":
        chosen = chosen.cell_data_to_point_data()
    values = np.asarray(chosen.point_data[name], dtype=float)
    values = np.linalg.norm(values, axis=1) if values.ndim == 2 else values
    triangles = np.asarray(chosen.triangulate().cells_dict[pv.CellType.TRIANGLE], dtype=np.int64)
    return Part(np.asarray(chosen.points, dtype=float)[:, :2], triangles, values)


def limits(parts: list[Part], window: Window) -> tuple[float, float]:
    """1st to 99th percentile of what is inside the window, at least a range that a colour bar can show."""
    inside = [
        p.values[
            (p.points[:, 0] <= window[1]) & (p.points[:, 1] >= window[2]) & (p.points[:, 1] <= window[3])
        ]
        for p in parts
    ]
    low, high = np.percentile(np.concatenate(inside), [1.0, 99.0])
    size = max(abs(float(low)), abs(float(high)))
    if high - low > EVEN * size:
        return float(low), float(high)
    middle, half = 0.5 * float(low + high), EVEN * size if size > 0.0 else 1.0
    return middle - half, middle + half


def draw_part(
    axes: Axes, shown: Part, region: int, ends: tuple[float, float], *, mirrored: bool
) -> ScalarMappable:
    """Draw a region, and its mirror image at x = 0 where asked for; returns what a colour bar is made of."""
    drawn = None
    for sign in (1.0, -1.0) if mirrored else (1.0,):
        mesh = Triangulation(sign * shown.points[:, 0], shown.points[:, 1], shown.triangles)
        drawn = axes.tripcolor(
            mesh,
            shown.values,
            shading="gouraud",
            cmap=MAPS[region],
            vmin=ends[0],
            vmax=ends[1],
            rasterized=True,
        )
    assert drawn is not None
    return drawn


def draw_sections(
    panels: list[Axes], sections: list[pv.DataSet], window: Window, metal_field: str, *, mirrored: bool
) -> None:
    """Draw sections side by side: a field of the metal, current density in the electrolyte, each with one
    colour bar.

    Args:
        panels: axes, one for each section.
        sections: of :func:`read_section`.
        window: (left, right, bottom, top) in um.
        metal_field: name of a field.
        mirrored: whether the mirror image at x = 0 is drawn too; it is labelled then.
    """
    for region, name in ((METAL, metal_field), (ELECTROLYTE, "current_density")):
        parts = [part(section, region, name) for section in sections]
        ends = limits(parts, window)
        drawn = [
            draw_part(axes, p, region, ends, mirrored=mirrored) for axes, p in zip(panels, parts, strict=True)
        ]
        bar = plt.colorbar(drawn[0], ax=panels, fraction=0.04, pad=0.02, shrink=0.85)
        bar.set_label(axis_label(SHOWN_FIELDS[name]))
    times = stretch(window[1] - window[0])
    for axes in panels:
        axes.set_aspect(times)
        axes.set_xlim(window[0], window[1])
        axes.set_ylim(window[2], window[3])
        axes.set_xlabel("x (um)")
        axes.axhline(0.0, color="w", lw=0.5)
        if mirrored:
            label_mirror(axes)
    for axes in panels if times > 1.0 else panels[:1]:
        axes.set_ylabel("Height (um)" if times == 1.0 else f"Height (um),\ntimes {times:g}")


def label_mirror(axes: Axes) -> None:
    """Mark x = 0, and say that what is left of it is the mirror image of the cell."""
    axes.axvline(0.0, color="w", lw=0.8, ls="--")
    style = {"transform": axes.get_xaxis_transform(), "va": "top", "fontsize": 7, "color": "w"}
    left, right = axes.get_xlim()
    axes.text(0.5 * left, 0.98, "mirror image", ha="center", **style)
    axes.text(0.5 * right, 0.98, "computed", ha="center", **style)
