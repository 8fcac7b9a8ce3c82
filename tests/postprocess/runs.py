"""Run folders of known geometry, written without a solver: blocks of metal and electrolyte around voids."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyvista as pv
import tomli_w
import vtk
from numpy.typing import NDArray

from meshes.tags import Region
from solver.output.columns import Row
from solver.output.fields import FieldIndex
from solver.output.rows import InterfaceRow, SeriesRow, VoidRow
from solver.output.tables import Table

Floats = NDArray[np.float64]
MARKER = {"livoid_run": {"format": 1, "id": "0123456789abcdef0123456789abcdef"}}


@dataclass(frozen=True)
class Block:
    """A void with vertical walls: extent along x, height, and extent along y in 3-D (um)."""

    left: float
    right: float
    height: float
    back: float = np.inf


@dataclass(frozen=True)
class Output:
    """One output: capacity (mAh/cm2), voids, and the contact loss that the solver says."""

    capacity: float
    voids: Sequence[Block]
    true_loss: float = 0.5
    seconds: float | None = None


@dataclass(frozen=True)
class Cell:
    """A cell of blocks (um); ``solute`` is the solute fraction over (x, height), None in a pure metal."""

    width: float = 20.0
    metal: float = 40.0
    electrolyte: float = 10.0
    kind: str = "plane"
    depth: float = 6.0
    solute: Callable[[Floats, Floats], Floats] | None = None
    metal_name: str = field(default="")

    def mesh(self, voids: Sequence[Block]) -> pv.UnstructuredGrid:
        """Elements with straight sides: the voids' corners are nodes."""
        x = _lines([0.0, self.width, *(e for v in voids for e in (v.left, v.right))], 0.0, self.width)
        height = _lines(
            [-self.electrolyte, 0.0, *(v.height for v in voids), *np.linspace(0.0, self.metal, 41)],
            -self.electrolyte,
            self.metal,
        )
        if self.kind != "3d":
            points = np.array([[a, b, 0.0] for b in height for a in x])
            cells, regions = _quads(x, height, voids)
            grid = pv.UnstructuredGrid({pv.CellType.QUAD: cells}, points)
            heights = points[:, 1]
        else:
            y = _lines([0.0, self.depth, *(v.back for v in voids)], 0.0, self.depth)
            points = np.array([[a, b, c] for c in height for b in y for a in x])
            cells, regions = _bricks(x, y, height, voids)
            grid = pv.UnstructuredGrid({pv.CellType.HEXAHEDRON: cells}, points)
            heights = points[:, 2]
        grid.cell_data["region"] = regions.astype(float)
        if self.solute is not None:
            # as in the files of a run: nodes of the electrolyte alone have none
            values = self.solute(points[:, 0], heights)
            grid.point_data["solute_fraction"] = np.where(heights >= 0.0, values, 0.0)
        return grid


def write_run(folder: Path, cell: Cell, outputs: Sequence[Output]) -> Path:
    """A run folder with fields and the tables that pictures are compared with; returns it."""
    (folder / "fields").mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(MARKER | {"status": "finished"}), encoding="utf-8")
    name = cell.metal_name or ("lithium" if cell.solute is None else "lithium-magnesium")
    case = {"geometry": {"kind": cell.kind}, "material": {"metal": {"name": name}}}
    (folder / "case.toml").write_text(tomli_w.dumps(case), encoding="utf-8")
    tables = {row: Table[Any](folder / f"{name}.csv", row) for row, name in
              ((SeriesRow, "series"), (VoidRow, "voids"), (InterfaceRow, "interface"))}  # fmt: skip
    index = FieldIndex(folder / "fields.pvd")
    for number, output in enumerate(outputs):
        seconds = 7200.0 * output.capacity if output.seconds is None else output.seconds
        file = f"fields/output_{number:05d}000000.pvtu"
        _write(cell.mesh(output.voids), folder / file)
        index.append(seconds, file)
        common = {"output": number, "time_s": seconds, "capacity_mAh_cm2": output.capacity}
        step = {
            "contact_fraction": 1.0 - output.true_loss,
            "voids": len(output.voids),
            "platen_um": cell.metal,
            "voltage_V": 0.01,
            "solute_largest": 0.0 if cell.solute is None else 0.03,
        }
        tables[SeriesRow].append([_row(SeriesRow, common | step)])
        tables[InterfaceRow].append([_row(InterfaceRow, common | {"part": "contact"})])
        tables[VoidRow].append([_row(VoidRow, common | _void(cell, void)) for void in output.voids])
    return folder


def _void(cell: Cell, void: Block) -> dict[str, Any]:
    cut = int(void.left == 0.0) + int(void.right == cell.width)
    wide = (void.right - void.left) * (2.0 if cut == 1 else 1.0)
    return {"left_um": void.left, "right_um": void.right, "width_um": wide, "height_um": void.height}


def _row(kind: type[Row], given: dict[str, Any]) -> Row:
    types, names = kind.types(), kind.columns()
    return kind(**{name: given.get(name, types[name]()) for name in names})


def _lines(values: Sequence[float], low: float, high: float) -> Floats:
    inside = np.array([v for v in values if low <= v <= high])
    return np.unique(np.round(inside, 12))


def _region(x: float, height: float, y: float, voids: Sequence[Block]) -> int:
    """Of the middle of an element, 0 in a void."""
    if height < 0.0:
        return int(Region.ELECTROLYTE)
    hit = any(v.left < x < v.right and height < v.height and y < v.back for v in voids)
    return 0 if hit else int(Region.METAL)


def _quads(x: Floats, height: Floats, voids: Sequence[Block]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    cells, regions, n = [], [], len(x)
    for j, (y0, y1) in enumerate(pairwise(height)):
        for i, (x0, x1) in enumerate(pairwise(x)):
            region = _region(0.5 * (x0 + x1), 0.5 * (y0 + y1), 0.0, voids)
            if region:
                first = j * n + i
                cells.append([first, first + 1, first + n + 1, first + n])
                regions.append(region)
    return np.array(cells), np.array(regions)


def _bricks(
    x: Floats, y: Floats, height: Floats, voids: Sequence[Block]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    cells, regions, nx, layer = [], [], len(x), len(x) * len(y)
    for k, (z0, z1) in enumerate(pairwise(height)):
        for j, (y0, y1) in enumerate(pairwise(y)):
            for i, (x0, x1) in enumerate(pairwise(x)):
                region = _region(0.5 * (x0 + x1), 0.5 * (z0 + z1), 0.5 * (y0 + y1), voids)
                if region:
                    first = k * layer + j * nx + i
                    floor = [first, first + 1, first + nx + 1, first + nx]
                    cells.append([*floor, *(p + layer for p in floor)])
                    regions.append(region)
    return np.array(cells), np.array(regions)


def _write(grid: pv.UnstructuredGrid, path: Path) -> None:
    writer = vtk.vtkXMLPUnstructuredGridWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(grid)
    writer.Write()
