"""Checkpoints: mesh, fields, contact set and everything a run counts, readable by any number of ranks.

A checkpoint is a folder ``checkpoint/<step>``: ``state.bp`` (adios4dolfinx) and ``header.json``. It appears
under that name only when it is complete; the one before it is kept until then.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import adios4dolfinx
import numpy as np
from mpi4py import MPI

from meshes.cell import CellMesh
from solver.core import timing
from solver.core.parallel import RootError, on_root, written

if TYPE_CHECKING:
    from dolfinx import fem

    from meshes.cell import CoordinateKind
    from solver.equations.coupled_model import CoupledModel

FOLDER, STATE, HEADER = "checkpoint", "state.bp", "header.json"
KEPT = 2
"""Complete checkpoints that are kept."""
FORMAT = 3
_ENGINE = "BP4"


class CheckpointError(ValueError):
    """There is no checkpoint that this case can go on from."""


def write(folder: Path, model: CoupledModel, header: dict[str, Any]) -> None:
    """Write a checkpoint of a run between two steps. Collective; raises RootError.

    Args:
        folder: run folder.
        model: between two steps.
        header: plain data; ``step`` names the checkpoint.
    """
    comm = model.cell.domain.comm
    final = folder / FOLDER / f"{header['step']:08d}"
    partial = final.with_suffix(".partial")

    def prepare() -> None:
        shutil.rmtree(partial, ignore_errors=True)
        (folder / FOLDER).mkdir(exist_ok=True)  # the run folder itself must not come back if it has gone
        partial.mkdir()

    def finish() -> None:
        (partial / HEADER).write_text(json.dumps(header | {"format": FORMAT}), encoding="utf-8")
        if final.exists():
            shutil.rmtree(final)
        os.rename(partial, final)
        for old in _complete(folder)[:-KEPT]:
            shutil.rmtree(old)

    with timing.part("output"):
        try:
            on_root(comm, prepare)
            written(comm, f"checkpoint {final.name}", lambda: _write_state(partial / STATE, model))
            on_root(comm, finish)
        except RootError:
            if comm.rank == 0:  # what has found no room takes none
                shutil.rmtree(partial, ignore_errors=True)
            raise


def newest(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The newest complete checkpoint of a run folder and its header (rank 0).

    Raises:
        CheckpointError: if there is none.
    """
    for path in reversed(_complete(folder)):
        header = json.loads((path / HEADER).read_text(encoding="utf-8"))
        if header.get("format") == FORMAT:
            return path, header
    raise CheckpointError(f"{folder} holds no complete checkpoint; start anew with --force")


def remove_all(folder: Path) -> None:
    """Remove the checkpoints of a run folder, complete or not (rank 0)."""
    base = folder / FOLDER
    for path in list(base.iterdir()) if base.is_dir() else []:
        if path.name.removesuffix(".partial").isdigit():
            shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):  # not there, or something else is left in it
        base.rmdir()


def read_cell(path: Path, comm: MPI.Comm, kind: CoordinateKind) -> CellMesh:
    """Mesh of a checkpoint, distributed anew. Collective."""
    state = path / STATE
    domain = adios4dolfinx.read_mesh(state, comm, engine=_ENGINE)
    tdim = domain.topology.dim
    for dim in (tdim - 1, tdim):
        domain.topology.create_entities(dim)
        domain.topology.create_connectivity(dim, tdim)
        domain.topology.create_connectivity(dim, 0)
    cells = adios4dolfinx.read_meshtags(state, domain, "cells", engine=_ENGINE)
    facets = adios4dolfinx.read_meshtags(state, domain, "facets", engine=_ENGINE)
    return CellMesh(domain, cells, facets, kind)


def read_fields(path: Path, model: CoupledModel) -> None:
    """Put the fields and the contact set of a checkpoint into a new model of its mesh. Collective."""
    state = path / STATE
    for field in model.state():
        field.assign(_read(state, field.blank()).x.array)
    model.continue_from_fields()


def _read(state: Path, function: fem.Function) -> fem.Function:
    adios4dolfinx.read_function(state, function, engine=_ENGINE)
    function.x.scatter_forward()
    return function


def _write_state(file: Path, model: CoupledModel) -> None:
    cell = model.cell
    adios4dolfinx.write_mesh(file, cell.domain, engine=_ENGINE)
    for name, tags in (("cells", cell.cells), ("facets", cell.facets)):
        adios4dolfinx.write_meshtags(file, cell.domain, tags, engine=_ENGINE, meshtag_name=name)
    for field in model.state():
        adios4dolfinx.write_function(file, field.copy(), engine=_ENGINE)


def _complete(folder: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    base = folder / FOLDER
    if not base.is_dir():
        return []
    return sorted(p for p in base.iterdir() if p.name.isdigit() and (p / HEADER).is_file())


def plain(value: Any) -> Any:
    """numpy scalars and arrays as plain data, for the header."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value
