"""The results of all runs of a study in one table: CSV, netCDF through xarray, Parquet."""

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
from postprocess.study_columns import columns, header
from postprocess.study_parquet import write_parquet
from solver.core.plain_text import TableWriter, from_cell
from solver.study.schema import load_study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postprocess.study_columns import Varied
    from solver.study.schema import Study

_WORDS = ("run", "status", "reason", "run_status", "run_reason", "run_name")
"""Columns of words, in the flat tables and in the dataset."""


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
    """Write ``results.csv``, ``results.nc`` and ``results.parquet``; returns what was written.

    The flat tables have one row for each run, numbers as numbers, and the units in the names of the columns
    (``pressure_MPa``), as ``series.csv`` has. The netCDF file is for xarray: what varies is dimensions.
    """
    study, rows = read_study(folder)
    varied = varied_columns(study, rows)
    table = folder / "results.csv"
    frame = results_frame(varied, rows)
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = TableWriter(file)
        writer.writerow(frame.columns)
        for row in frame.itertuples(index=False):
            writer.writerow([f"{value:.10g}" if isinstance(value, float) else value for value in row])
    target = folder / "results.nc"
    dataset(study, rows).to_netcdf(target, engine="h5netcdf")
    return [table, target, *write_parquet(frame, folder / "results.parquet")]


def varied_columns(study: Study, rows: Sequence[StudyRow]) -> list[Varied]:
    """What varies in a study, a column each."""
    taken = {*QUANTITIES, *(header(name, about.unit) for name, about in QUANTITIES.items())}
    return columns([row.values for row in rows], list(study.vary), frozenset({*taken, *_WORDS}))


def results_frame(varied: Sequence[Varied], rows: Sequence[StudyRow]) -> pd.DataFrame:
    """All runs as a table; ``attrs["columns"]`` has unit and meaning of each column.

    For what varies the meaning is its path in the case file.
    """
    data: dict[str, Any] = {"run": [row.name for row in rows]}
    about = {"run": {"unit": "", "meaning": "name of the run"}}
    for each in varied:
        data[each.header] = list(each.values)
        about[each.header] = {"unit": each.unit, "meaning": each.path}
    data["status"] = [row.status for row in rows]
    about["status"] = {"unit": "", "meaning": "how the run ended"}
    for name, quantity in QUANTITIES.items():
        column = header(name, quantity.unit)
        data[column] = [row.results.get(name, math.nan) for row in rows]
        about[column] = {"unit": quantity.unit, "meaning": quantity.description}
    data["reason"] = [row.reason for row in rows]
    about["reason"] = {"unit": "", "meaning": "message of the run's end"}
    frame = pd.DataFrame(data)
    frame.attrs["columns"] = about
    return frame


def dataset(study: Study, rows: list[StudyRow]) -> xr.Dataset:
    """Results as an xarray dataset.

    A grid has one dimension for each path that varies, by its short name (``pressure``; its attribute
    ``path`` says which path it is); other studies have the dimension ``run`` with the values as coordinates.
    """
    varied = varied_columns(study, rows)
    axes = {
        each.name: list(dict.fromkeys(row.values[each.path] for row in rows)) for each in varied
    }  # told apart as written: 1 MPa and 1000 kPa are two points of a grid
    grid = study.method == "grid" and math.prod(map(len, axes.values())) == len(rows)
    shape = tuple(map(len, axes.values())) if grid else (len(rows),)
    dims = tuple(axes) if grid else ("run",)
    coords: dict[str, Any] = {}
    for each in varied:
        values = list(each.values)
        if grid:
            first = {row.values[each.path]: value for row, value in zip(rows, values, strict=True)}
            values = list(first.values())
        attributes = {"path": each.path, "long_name": each.path} | ({"units": each.unit} if each.unit else {})
        coords[each.name] = ((each.name,) if grid else ("run",), values, attributes)
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
