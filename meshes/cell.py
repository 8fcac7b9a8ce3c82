"""The distributed mesh of a cell, with its tags and its kind of coordinates."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import gmsh
import numpy as np
import ufl
from dolfinx import mesh
from mpi4py import MPI
from numpy.typing import NDArray

from meshes import compat
from meshes.gmsh.plane import build_plane, gmsh_session
from meshes.partition import partitioner

if TYPE_CHECKING:
    from meshes.profile.polyline import InterfaceProfile
    from meshes.sizing import SizeRule
    from meshes.tags import Boundary, Region

log = logging.getLogger("livoid")

CoordinateKind = Literal["plane", "axisymmetric", "3d"]


class MeshingError(RuntimeError):
    """Gmsh failed on rank 0; raised on every rank with the same text."""


@dataclass
class CellMesh:
    """Metal and electrolyte as one conforming mesh; lengths in micrometres.

    Attributes:
        domain: dolfinx mesh; the vertical axis is the last coordinate, y = 0 the electrolyte surface.
        cells: region tags (:class:`meshes.tags.Region`).
        facets: boundary tags (:class:`meshes.tags.Boundary`).
        kind: coordinates: plane, axisymmetric (x is a radius) or 3-D.
    """

    domain: mesh.Mesh
    cells: mesh.MeshTags
    facets: mesh.MeshTags
    kind: CoordinateKind

    orientation: NDArray[np.float64] = field(init=False)
    """Sign of each local cell's volume as made; a cell is inverted once it changes."""

    def __post_init__(self) -> None:
        corners = self.corners()
        self.orientation = np.sign(np.linalg.det(corners[:, 1:] - corners[:, :1]))

    def corners(self) -> NDArray[np.float64]:
        """Present corner coordinates, shape (local cells with ghosts, corners, gdim)."""
        geometry = self.domain.geometry
        return np.asarray(geometry.x[compat.geometry_dofmap(self.domain)][:, :, : geometry.dim])

    @property
    def vertical(self) -> int:
        """Index of the vertical coordinate."""
        return int(self.domain.geometry.dim) - 1

    def region(self, region: Region) -> NDArray[np.int32]:
        """Local cells of a region, ghosts included."""
        return self.cells.find(int(region))

    def boundary(self, boundary: Boundary) -> NDArray[np.int32]:
        """Local facets of a boundary part, ghosts included."""
        return self.facets.find(int(boundary))

    def dx(self, region: Region, **metadata: object) -> ufl.Measure:
        """Volume measure of a region."""
        measure = ufl.Measure("dx", domain=self.domain, subdomain_data=self.cells, metadata=metadata)
        return measure(int(region))

    def ds(self, boundary: Boundary, **metadata: object) -> ufl.Measure:
        """Measure of an exterior boundary part."""
        measure = ufl.Measure("ds", domain=self.domain, subdomain_data=self.facets, metadata=metadata)
        return measure(int(boundary))

    def dS(self, boundary: Boundary, **metadata: object) -> ufl.Measure:
        """Measure of an interior boundary part (the contact)."""
        measure = ufl.Measure("dS", domain=self.domain, subdomain_data=self.facets, metadata=metadata)
        return measure(int(boundary))


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

    Args:
        build: makes and meshes the geometry in the current Gmsh model.
        comm: communicator of the mesh.
        kind: coordinate kind.
        msh_file: where rank 0 also writes the Gmsh file, if given.

    Raises:
        MeshingError: on every rank, if ``build`` failed on rank 0.
    """
    gdim = 3 if kind == "3d" else 2
    failure: str | None = None
    if comm.rank == 0:
        with gmsh_session("livoid"):
            try:
                build()
                _made_cells(gdim)
                if msh_file is not None:
                    gmsh.write(msh_file)
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
    if failure is not None:
        raise MeshingError(failure)
    for dim in (domain.topology.dim - 1, domain.topology.dim):
        domain.topology.create_connectivity(dim, domain.topology.dim)
    return CellMesh(domain, cells, facets, kind)


def mesh_plane(
    profile: InterfaceProfile, rule: SizeRule, comm: MPI.Comm, msh_file: str | None = None
) -> CellMesh:
    """Mesh a two-dimensional cell. Collective; see :func:`distribute` for errors."""
    kind: CoordinateKind = "axisymmetric" if profile.axisymmetric else "plane"
    return distribute(lambda: build_plane(profile, rule), comm, kind, msh_file)
