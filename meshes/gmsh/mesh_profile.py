"""A mesh of any interface profile: the one place that chooses how a cell is meshed."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from mpi4py import MPI

from meshes.gmsh.plane import mesh_plane
from meshes.gmsh.session import MeshingError as MeshingError
from meshes.gmsh.solid import mesh_solid
from meshes.profile.polyline import InterfaceProfile
from meshes.profile.triangulated import SurfaceProfile

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from meshes.profile.base import Profile
    from meshes.sizing import SizeRule

log = logging.getLogger("livoid")

P = TypeVar("P", bound="Profile")


def mesh_profile(profile: Profile, rule: SizeRule, comm: MPI.Comm, msh_file: str | None = None) -> CellMesh:
    """Mesh the cell of a profile. Collective.

    Args:
        profile: the cell.
        rule: element sizes.
        comm: communicator of the mesh.
        msh_file: where rank 0 also writes the Gmsh file, if given.

    Raises:
        MeshingError: on every rank, if Gmsh cannot mesh it.
        TypeError: for a kind of profile that no mesher knows.
    """
    if isinstance(profile, InterfaceProfile):
        return mesh_plane(profile, rule, comm, msh_file)
    if isinstance(profile, SurfaceProfile):
        return mesh_solid(profile, rule, comm, msh_file)
    raise TypeError(f"no mesh of a {type(profile).__name__}")


def first_meshed(profiles: Iterable[P], rule: SizeRule, comm: MPI.Comm) -> tuple[CellMesh, P]:
    """Mesh the first profile that Gmsh can mesh (narrow necks may defeat it). Collective.

    Args:
        profiles: the same interface with different points on its roofs.
        rule: element size.
        comm: communicator of the mesh.

    Raises:
        MeshingError: on every rank, if none can be meshed: what the last one failed with.
    """
    failure = MeshingError("no profile to mesh")
    for profile in profiles:
        try:
            return mesh_profile(profile, rule, comm), profile
        except MeshingError as error:
            log.warning("%s; trying other points on the roofs", error)
            failure = error
    raise failure
