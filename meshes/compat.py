"""The ground: what differs between dolfinx 0.9, 0.10 and 0.11, and what the C code of forms is compiled with.

Physics modules call these functions and never test versions. Whoever compiles forms has imported this module,
which has them compiled for the processor.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dolfinx
import ffcx.options
import numpy as np
from dolfinx import fem, graph, jit, mesh
from dolfinx.fem import petsc as fem_petsc
from mpi4py import MPI
from numpy.typing import NDArray

if TYPE_CHECKING:
    from petsc4py import PETSc

DOLFINX_VERSION: tuple[int, int] = tuple(int(part) for part in dolfinx.__version__.split(".")[:2])  # type: ignore[assignment]
MINIMUM_VERSION = (0, 9)


Partitioner = Callable[[MPI.Comm, int, list[mesh.CellType], list[NDArray[np.int64]]], Any]
"""Ranks of each cell, given the ranks' number, the cell types and the cells' corners on this rank."""


def gmsh_to_mesh(
    model: Any, comm: MPI.Comm, gdim: int, partitioner: Partitioner
) -> tuple[mesh.Mesh, mesh.MeshTags, mesh.MeshTags]:
    """Distribute the Gmsh model on rank 0. Collective."""
    data = _gmshio().model_to_mesh(model, comm, 0, gdim=gdim, partitioner=partitioner)
    return data[0], data[1], data[2]


def gmsh_markers(model: Any, dim: int) -> NDArray[np.int32]:
    """Physical group of each cell of the Gmsh model, in the order of :func:`gmsh_to_mesh`."""
    topologies = _gmshio().extract_topology_and_markers(model)
    if isinstance(topologies, tuple):  # 0.10: with the names of the groups
        topologies = topologies[0]
    (of_cells,) = [
        data["cell_data"]
        for element, data in topologies.items()
        if model.mesh.getElementProperties(element)[1] == dim
    ]
    return np.asarray(of_cells, dtype=np.int32)


def cell_partitioner(*, ghosts: bool) -> Partitioner:
    """Graph partitioner of cells; with ``ghosts``, each rank also gets the cells across its facets."""
    mode = mesh.GhostMode.shared_facet if ghosts else mesh.GhostMode.none
    if DOLFINX_VERSION >= (0, 10):
        cells_per_facet = 2
        return mesh.create_cell_partitioner(mode, cells_per_facet)  # type: ignore[no-any-return, call-arg]
    return mesh.create_cell_partitioner(mode)  # type: ignore[no-any-return]


def adjacency_list(data: NDArray[np.int32], offsets: NDArray[np.int32]) -> Any:
    """What a partitioner returns."""
    made = graph.adjacencylist(data, offsets)
    return getattr(made, "_cpp_object", made)


def _gmshio() -> Any:
    if DOLFINX_VERSION >= (0, 10):
        from dolfinx.io import gmsh as gmshio
    else:
        from dolfinx.io import gmshio
    return gmshio


def geometry_dofmap(domain: mesh.Mesh) -> NDArray[np.int32]:
    """Cell to geometry node map, shape (cells on this rank with ghosts, nodes per cell)."""
    if DOLFINX_VERSION >= (0, 11):
        return np.asarray(domain.geometry.dofmaps[0])
    return np.asarray(domain.geometry.dofmap)


def entity_nodes(domain: mesh.Mesh, dim: int, entities: NDArray[np.int32]) -> NDArray[np.int32]:
    """Geometry nodes of straight simplex entities, shape (entities, dim + 1).

    dolfinx 0.9 divides by zero (a signal, not an exception) on a rank without entities.
    """
    if len(entities) == 0:
        return np.empty((0, dim + 1), dtype=np.int32)
    return np.asarray(mesh.entities_to_geometry(domain, dim, entities), dtype=np.int32).reshape(-1, dim + 1)


def interpolation_points(space: fem.FunctionSpace) -> NDArray[np.float64]:
    """Reference points for ``fem.Expression``."""
    points = space.element.interpolation_points
    return points() if callable(points) else points


def create_vector(form: fem.Form, space: fem.FunctionSpace) -> PETSc.Vec:
    """PETSc vector with the layout of ``space``, ghosts included."""
    if DOLFINX_VERSION >= (0, 10):
        return fem_petsc.create_vector(space)
    return fem_petsc.create_vector(form)


def interpolation_data(target: fem.FunctionSpace, source: fem.FunctionSpace, padding: float) -> Any:
    """Where the points of ``target`` lie in the mesh of ``source`` (for any space with them). Collective."""
    return fem.create_interpolation_data(target, source, _own_cells(target.mesh), padding=padding)


def interpolate_nonmatching(target: fem.Function, source: fem.Function, data: Any) -> None:
    """Interpolate ``source`` (another mesh) into ``target``; points outside give 0. Collective."""
    target.interpolate_nonmatching(source, _own_cells(target.function_space.mesh), data)
    target.x.scatter_forward()


def _own_cells(domain: mesh.Mesh) -> NDArray[np.int32]:
    return np.arange(domain.topology.index_map(domain.topology.dim).size_local, dtype=np.int32)


def collapse(sub: fem.FunctionSpace) -> tuple[fem.FunctionSpace, NDArray[np.int32]]:
    """A subspace as a space of its own, and its dofs' places in the space it is part of."""
    space, dofs = sub.collapse()
    if len(dofs) and np.ndim(dofs[0]):  # 0.11: one array a cell type
        dofs = np.concatenate(dofs)
    return space, np.asarray(dofs, dtype=np.int32)


_FAST = (
    "-O2",
    "-g0",
    "-march=native",
    "-ftree-vectorize",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-fassociative-math",
    "-freciprocal-math",
)
"""Vectorised sums over quadrature points: 0.6 of the time of dolfinx's own -O2. Infinities and NaN stay what
they are; a failed step is known by them."""


def compile_for_processor() -> None:
    """Have forms compiled for this processor; a user's ``dolfinx_jit_options.json`` goes before.

    That is the one in the home folder: one that lies beside a case would run code (the compiler's plugins).
    """
    features = "".join(line for line in _processor() if line.startswith(("model name", "flags", "Features")))
    # a cache on a shared disk may serve several kinds of processor
    label = f"-DLIVOID_PROCESSOR_{hashlib.sha256(features.encode()).hexdigest()[:12]}"
    options = jit.DOLFINX_DEFAULT_JIT_OPTIONS
    name = "cffi_extra_compile_args"
    options[name] = ([*_FAST, label], options[name][1])
    with contextlib.suppress(FileNotFoundError), contextlib.chdir("/"):  # both are read once
        jit.get_options()
        ffcx.options.get_options()


def _processor() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return [platform.processor()]


compile_for_processor()
