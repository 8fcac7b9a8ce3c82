"""Checkpoints: mesh, fields, contact set and everything a run counts, readable by any number of ranks.

A checkpoint is a folder ``checkpoint/<step>``: ``state.bp`` (adios4dolfinx) and ``header.json``, which has
size and digest of every file, and its own digest. It appears under that name only when it is complete and on
the disk; the one before it is kept. It is verified before any library opens it, or not used.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import adios4dolfinx
import numpy as np
from mpi4py import MPI

from meshes.cell import CellMesh
from solver.core import digests, timing
from solver.core.digests import DamagedError
from solver.core.parallel import RootError, on_root, written

if TYPE_CHECKING:
    from dolfinx import fem

    from meshes.cell import CoordinateKind
    from solver.equations.coupled_model import CoupledModel

FOLDER, STATE, HEADER = "checkpoint", "state.bp", "header.json"
KEPT = 2
"""Complete checkpoints that are kept where a case says nothing else."""
FORMAT = 6
PARTIAL, REPLACED, UNUSABLE = ".partial", ".replaced", ".unusable"
"""Endings of names: being written, making way for one of the same step, set aside as it could not be used."""
_ENGINE = "BP4"


class CheckpointError(ValueError):
    """There is no checkpoint that this case can go on from."""


def write(folder: Path, model: CoupledModel, header: dict[str, Any], kept: int = KEPT) -> None:
    """Write a checkpoint of a run between two steps. Collective; raises RootError.

    Args:
        folder: run folder.
        model: between two steps.
        header: plain data; ``step`` names the checkpoint.
        kept: complete checkpoints that are left afterwards, at least.
    """
    comm = model.cell.domain.comm
    final = folder / FOLDER / f"{header['step']:08d}"
    partial = final.with_suffix(PARTIAL)

    def prepare() -> None:
        shutil.rmtree(partial, ignore_errors=True)
        (folder / FOLDER).mkdir(exist_ok=True)  # the run folder itself must not come back if it has gone
        partial.mkdir()

    def finish() -> None:
        close(partial, header)
        replace(partial, final, kept)

    with timing.part("output"):
        try:
            on_root(comm, prepare)
            written(comm, f"checkpoint {final.name}", lambda: _write_state(partial / STATE, model))
            comm.barrier()  # every rank has closed its files
            on_root(comm, finish)
        except RootError:
            if comm.rank == 0:  # what has found no room takes none
                shutil.rmtree(partial, ignore_errors=True)
            raise


def close(partial: Path, header: Mapping[str, Any]) -> None:
    """Complete a checkpoint: the header with what its files are, once they are on the disk (rank 0)."""
    noted = digests.of_files(partial)
    digests.write(partial / HEADER, {**header, "format": FORMAT, "files": noted})
    digests.read(partial / HEADER)


def replace(partial: Path, final: Path, kept: int = KEPT) -> None:
    """Give a complete checkpoint its name; only then do older ones go (rank 0)."""
    before = final.with_suffix(REPLACED)
    if final.exists():
        _remove(before)
        os.rename(final, before)
    os.rename(partial, final)
    _remove(before)
    for old in _complete(final.parent)[:-kept]:
        _remove(old)


def verified(path: Path) -> dict[str, Any]:
    """Header of a checkpoint all of whose files are as they were written (rank 0).

    Raises:
        DamagedError: if they are not, with what is wrong.
    """
    header = digests.read(path / HEADER)
    if header.get("format") != FORMAT:
        raise DamagedError(f"it has format {header.get('format')}, this version of livoid reads {FORMAT}")
    digests.compare(path, header["files"])
    return header


def newest(
    folder: Path, fits: Callable[[Mapping[str, Any]], None] = lambda _: None
) -> tuple[Path, dict[str, Any], list[str]]:
    """The newest checkpoint of a run folder that can be used, its header, and why newer ones cannot (rank 0).

    Args:
        folder: run folder.
        fits: raises DamagedError if the rest of the folder does not go with a header.

    Raises:
        CheckpointError: if there is none.
    """
    refused = []
    for path in reversed(_complete(folder / FOLDER)):
        try:
            header = verified(path)
            fits(header)
        except (DamagedError, OSError) as error:
            refused.append(f"checkpoint {path.name} is not used: {error}")
        else:
            return path, header, refused
    why = "".join(f"\n  {line}" for line in refused)
    raise CheckpointError(f"{folder} holds no complete checkpoint; start anew with --force{why}")


def usable(folder: Path, run: str) -> list[tuple[Path, dict[str, Any]]]:
    """All checkpoints of a run that are whole, oldest first, with their headers (rank 0).

    Args:
        folder: run folder.
        run: its id: a checkpoint of another run is none of this one's.
    """
    found = []
    for path in _complete(folder / FOLDER):
        with contextlib.suppress(DamagedError, OSError, KeyError):
            header = verified(path)
            if header["callbacks"]["recorder"]["files"]["run"] == run:
                found.append((path, header))
    return found


def set_aside(used: Path) -> None:
    """Take checkpoints that are newer than the one that a run goes on from out of its way (rank 0)."""
    every = _complete(used.parent)
    for path in every[every.index(used) + 1 :]:
        count, aside = 1, path.with_suffix(UNUSABLE)
        while aside.exists():
            count, aside = count + 1, path.with_suffix(f"{UNUSABLE}{count + 1}")
        os.rename(path, aside)


def remove_all(folder: Path) -> None:
    """Remove the checkpoints of a run folder, complete or not (rank 0)."""
    base = folder / FOLDER
    for path in list(base.iterdir()) if base.is_dir() else []:
        if path.stem.isdigit() and path.suffix.rstrip("0123456789") in ("", PARTIAL, REPLACED, UNUSABLE):
            _remove(path)
    with contextlib.suppress(OSError):  # not there, or something else is left in it
        base.rmdir()


def _remove(path: Path) -> None:
    """Remove what livoid writes into a checkpoint, and the folder if nothing else is in it."""
    shutil.rmtree(path / STATE, ignore_errors=True)
    with contextlib.suppress(OSError):
        (path / HEADER).unlink(missing_ok=True)
        path.rmdir()


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


def _complete(base: Path) -> list[Path]:
    """Complete checkpoints, oldest first; one that was to be replaced comes before that of its step."""
    if not base.is_dir():
        return []
    found = [path for path in base.iterdir() if path.stem.isdigit() and path.suffix in ("", REPLACED)]
    return sorted((p for p in found if (p / HEADER).is_file()), key=lambda p: (p.stem, p.suffix == ""))


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
