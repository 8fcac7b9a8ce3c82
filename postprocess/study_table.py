"""The results of all runs of a study in one table: CSV, and netCDF through xarray."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from postprocess.quantities import QUANTITIES, quantities
from postprocess.records import RecordsError, read_run
from solver.case.units import split_quantity
from solver.core.plain_text import TableWriter, from_cell
from solver.study.schema import load_study

if TYPE_CHECKING:
    from solver.study.schema import Study


@dataclass(frozen=True)
class StudyRow:
    """One run of a study.

    Attributes:
        name: of the run.
        values: what varies, as written, by dotted path.
        status: how it ended ("missing" without a result).
        reason: message of its end.
        results: quantities of interest (empty if nothing was recorded).
    """

    name: str
    values: dict[str, str]
    status: str
    reason: str
    results: dict[str, float]


def read_study(folder: Path) -> tuple[Study, list[StudyRow]]:
    """Plan and rows of a study folder.

    Raises:
        RecordsError: if it is not one, or its table of points is damaged.
    """
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise RecordsError(f"{folder} is not a study folder (no manifest.csv)")
    study = load_study(folder / "study.toml")
    try:
        points = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise RecordsError(f"{manifest}: {error}") from None
    return study, [_row(folder, point, list(study.vary)) for point in points.to_dict("records")]


def _row(folder: Path, point: dict[str, str], paths: list[str]) -> StudyRow:
    name, values = point["run"], {path: from_cell(point[path]) for path in paths}
    mark = folder / "done" / f"{name}.json"
    if not mark.is_file():
        return StudyRow(name, values, "missing", f"no result; see logs/{name}.log", {})
    ended = json.loads(mark.read_text(encoding="utf-8"))
    try:
        results = quantities(read_run(folder / "runs" / name))
    except RecordsError as error:
        return StudyRow(name, values, ended["status"], f"{ended['message']} ({error})", {})
    return StudyRow(name, values, ended["status"], ended["message"], results)


def collect(folder: Path) -> list[Path]:
    """Write ``results.csv`` and ``results.nc``; returns both."""
    study, rows = read_study(folder)
    table = folder / "results.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = TableWriter(file)
        writer.writerow(("run", *study.vary, "status", *QUANTITIES, "reason"))
        for row in rows:
            numbers = [f"{row.results.get(name, math.nan):.10g}" for name in QUANTITIES]
            writer.writerow((row.name, *row.values.values(), row.status, *numbers, row.reason))
    data = dataset(study, rows)
    target = folder / "results.nc"
    data.to_netcdf(target, engine="h5netcdf")
    return [table, target]


def dataset(study: Study, rows: list[StudyRow]) -> xr.Dataset:
    """Results as an xarray dataset.

    A grid has one dimension for each path that varies; other studies have the dimension ``run`` with the
    values as coordinates.
    """
    axes = {path: list(dict.fromkeys(row.values[path] for row in rows)) for path in study.vary}
    grid = study.method == "grid" and math.prod(map(len, axes.values())) == len(rows)
    shape = tuple(map(len, axes.values())) if grid else (len(rows),)
    dims = tuple(axes) if grid else ("run",)
    coords: dict[str, Any] = {}
    for path in study.vary:
        values, attributes = _coordinate(axes[path] if grid else [row.values[path] for row in rows])
        coords[path] = ((path,) if grid else ("run",), values, attributes)
    if not grid:
        coords["run"] = [row.name for row in rows]
    variables: dict[str, Any] = {
        name: (
            dims,
            np.array([row.results.get(name, math.nan) for row in rows]).reshape(shape),
            {"units": about.unit, "long_name": about.description},
        )
        for name, about in QUANTITIES.items()
    }
    for name in ("status", "reason", "name"):
        text = np.array([getattr(row, name) for row in rows], dtype=str).reshape(shape)
        variables[f"run_{name}"] = (dims, text)
    return xr.Dataset(variables, coords, {"title": study.title, "method": study.method, "case": study.case})


def _coordinate(texts: list[str]) -> tuple[list[Any], dict[str, str]]:
    """Numbers in the unit of the first value where all are quantities, the texts otherwise."""
    try:
        parsed = [split_quantity(_number(text)) for text in texts]
    except ValueError:
        return texts, {}
    if len({unit for _, unit in parsed}) > 1:
        return texts, {}
    return [number for number, _ in parsed], {"units": parsed[0][1]}


def _number(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text
