"""Gmsh sessions: a mesh is made on rank 0 by whatever builds it, and distributed over all ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import gmsh
from mpi4py import MPI

from meshes import compat
from meshes.cell import CellMesh
from meshes.partition import partitioner
from solver.core import interrupts

if TYPE_CHECKING:
    from meshes.cell import CoordinateKind


class MeshingError(RuntimeError):
    """Gmsh failed on rank 0; raised on every rank with the same text."""


@contextmanager
def gmsh_session(name: str) -> Iterator[None]:
    """Open a silent Gmsh session with one model and close it whatever happens."""
    gmsh.initialize(interruptible=False)
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.option.setNumber("General.NumThreads", 1)
        gmsh.model.add(name)
        yield
    finally:
        gmsh.finalize()


def sizes_by_field_alone() -> None:
    """Let nothing but the background field or the size callback set element sizes."""
    for option in ("MeshSizeExtendFromBoundary", "MeshSizeFromPoints", "MeshSizeFromCurvature"):
        gmsh.option.setNumber(f"Mesh.{option}", 0)


def mesh_by_size(dim: int, size: Callable[[float, float, float], float]) -> None:
    """Mesh the current Gmsh model up to ``dim`` with elements of ``size`` at (x, y, z)."""
    gmsh.model.mesh.setSizeCallback(lambda _dim, _tag, x, y, z, _lc: size(x, y, z))
    sizes_by_field_alone()
    gmsh.model.mesh.generate(dim)
    gmsh.model.mesh.removeSizeCallback()


def _made_cells(dim: int) -> None:
    """Raise RuntimeError if a region of the Gmsh model has no cells: Gmsh need not say that it gave up."""
    groups = gmsh.model.getPhysicalGroups(dim)
    entities = [tag for _, group in groups for tag in gmsh.model.getEntitiesForPhysicalGroup(dim, group)]
    for tag in entities:
        if not any(len(cells) for cells in gmsh.model.mesh.getElements(dim, tag)[1]):
            raise RuntimeError("a region was left without cells")


def distribute(
    build: Callable[[], None], comm: MPI.Comm, kind: CoordinateKind, msh_file: str | None = None
) -> CellMesh:
    """Run ``build`` in a Gmsh session on rank 0 and distribute the result. Collective.

    Gmsh calls Python for element sizes; an exception of a signal would be lost there, so they wait.

    Args:
        build: makes and meshes the geometry in the current Gmsh model.
        comm: communicator of the mesh.
        kind: coordinate kind.
        msh_file: where rank 0 also writes the Gmsh file, if given.

    Raises:
        MeshingError: on every rank, if ``build`` failed on rank 0.
        Interrupted: if an end was asked for; on every rank, if ``build`` looks whether it was.
    """
    with interrupts.deferred():
        made = _distributed(build, comm, kind, msh_file)
    interrupts.obey()
    return made


def _distributed(
    build: Callable[[], None], comm: MPI.Comm, kind: CoordinateKind, msh_file: str | None
) -> CellMesh:
    gdim = 3 if kind == "3d" else 2
    failure: str | interrupts.Interrupted | None = None
    if comm.rank == 0:
        with gmsh_session("livoid"):
            try:
                build()
                _made_cells(gdim)
                if msh_file is not None:
                    gmsh.write(msh_file)
            except interrupts.Interrupted as request:
                failure = request
            except Exception as error:
                failure = f"Gmsh could not mesh the cell: {error}"
            failure = comm.bcast(failure, root=0)
            if failure is None:
                shares = partitioner(gmsh.model, gdim, comm)
                domain, cells, facets = compat.gmsh_to_mesh(gmsh.model, comm, gdim, shares)
    else:
        failure = comm.bcast(None, root=0)
        if failure is None:
            shares = partitioner(None, gdim, comm)
            domain, cells, facets = compat.gmsh_to_mesh(None, comm, gdim, shares)
    if isinstance(failure, interrupts.Interrupted):
        raise failure
    if failure is not None:
        raise MeshingError(failure)
    for dim in (domain.topology.dim - 1, domain.topology.dim):
        domain.topology.create_connectivity(dim, domain.topology.dim)
    return CellMesh(domain, cells, facets, kind)
