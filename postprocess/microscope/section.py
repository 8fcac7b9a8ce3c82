"""The polished section of a field output on a raster of pixels: what is there, and its solute."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Literal

import numpy as np
import pyvista as pv
from numpy.typing import NDArray

from meshes.tags import Region
from postprocess.records import RecordsError

CellKind = Literal["plane", "axisymmetric", "3d"]
INSIDE = 1e-6
"""Share of the cell's extent by which a plane on its side is moved inwards: the nodes there have rounding."""


class Material(IntEnum):
    """What a pixel shows."""

    VOID = 0
    METAL = 1
    ELECTROLYTE = 2
    COLLECTOR = 3


@dataclass(frozen=True)
class Specimen:
    """A field output, ready to be cut.

    Attributes:
        mesh: with the cell data ``region``, and the point data ``solute_fraction`` in alloys.
        kind: of the cell.
        width: of the cell (um).
        top: height of the current collector over the electrolyte (um).
        depth: extent along y of a 3-D cell (um), 0 in others.
    """

    mesh: pv.UnstructuredGrid
    kind: CellKind
    width: float
    top: float
    depth: float

    @property
    def is_alloy(self) -> bool:
        """Whether there is a solute."""
        return "solute_fraction" in self.mesh.point_data

    def spacing(self, pixel: float) -> float:
        """Side of the pixels: as near to ``pixel`` as makes a whole number of them over the cell's width."""
        return self.width / max(round(self.width / pixel), 1)


@dataclass(frozen=True)
class Raster:
    """Pixels over the width of a cell, rows from below, each square.

    Attributes:
        pixel: side (um).
        y: height of each row's middle over the electrolyte (um).
        material: (rows, columns) of :class:`Material`.
        solute: solute fraction, 0 but in the metal; zeros in a pure metal.
    """

    pixel: float
    y: NDArray[np.float64]
    material: NDArray[np.int8]
    solute: NDArray[np.float64]

    @property
    def width(self) -> float:
        """Of the cell (um)."""
        return self.pixel * self.material.shape[1]

    def columns(self, left: float, right: float) -> NDArray[np.int64]:
        """Columns that fill a view (um), with mirror images at both sides of the cell."""
        first, last = round(left / self.pixel), round(right / self.pixel)
        count = self.material.shape[1]
        place = np.mod(np.arange(first, last), 2 * count)
        return np.where(place < count, place, 2 * count - 1 - place)


def read_specimen(file: Path, kind: CellKind) -> Specimen:
    """Read a field output.

    Raises:
        RecordsError: if it is missing or no field output.
    """
    if not file.is_file():
        raise RecordsError(f"{file} is missing")
    mesh = pv.read(str(file))
    if not isinstance(mesh, pv.UnstructuredGrid) or mesh.n_cells == 0 or "region" not in mesh.cell_data:
        raise RecordsError(f"{file} is no field output")
    _, width, _, depth, _, height = mesh.bounds
    top, extent = (height, depth) if kind == "3d" else (depth, 0.0)
    return Specimen(mesh, kind, float(width), float(top), float(extent))


def cut(specimen: Specimen, pixel: float, low: float, high: float, place: float = 0.0) -> Raster:
    """The section between two heights (um) on a raster.

    The electrolyte goes on below the cell, and above the metal is the current collector.

    Args:
        specimen: what is cut; an axisymmetric one along a half-plane through its axis.
        pixel: side of the pixels (um), see :meth:`Specimen.spacing`.
        low, high: heights over the electrolyte; rows begin at multiples of ``pixel``.
        place: of the plane along y in 3-D (um).
    """
    count, first, last = round(specimen.width / pixel), round(low / pixel), round(high / pixel)
    heights = (np.arange(first, last) + 0.5) * pixel
    start, rows = 0.5 * pixel, len(heights)
    if specimen.kind == "3d":
        room = INSIDE * specimen.depth
        at = min(max(place, room), specimen.depth - room)
        grid = pv.ImageData(
            dimensions=(count, 1, rows), spacing=(pixel, 1.0, pixel), origin=(start, at, float(heights[0]))
        )
    else:
        grid = pv.ImageData(
            dimensions=(count, rows, 1), spacing=(pixel, pixel, 1.0), origin=(start, float(heights[0]), 0.0)
        )
    needed = specimen.mesh.copy(deep=False)
    needed.clear_point_data()
    if specimen.is_alloy:
        needed.point_data["solute_fraction"] = specimen.mesh.point_data["solute_fraction"]
    probed = grid.sample(needed)

    def values(name: str) -> NDArray[np.float64]:
        return np.asarray(probed.point_data[name], dtype=float).reshape(rows, count)

    # one probe per pixel: its region and its solute are of the same element, on either side of the interface
    metal = (values("vtkValidPointMask") > 0.0) & (values("region").round() == Region.METAL)
    material = np.where(metal, Material.METAL, Material.VOID).astype(np.int8)
    material[heights < 0.0] = Material.ELECTROLYTE
    material[heights > specimen.top] = Material.COLLECTOR
    fraction = values("solute_fraction") if specimen.is_alloy else np.zeros(material.shape)
    return Raster(pixel, heights, material, np.where(material == Material.METAL, fraction, 0.0))
