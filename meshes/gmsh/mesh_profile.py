"""A new mesh from an interface profile, whatever the cell's dimension."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mpi4py import MPI

from meshes.cell import MeshingError, mesh_plane
from meshes.gmsh.solid import mesh_surface
from meshes.profile.polyline import InterfaceProfile
from meshes.profile.triangulated import SurfaceProfile

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from meshes.sizing import SizeRule

log = logging.getLogger("livoid")

Profile = InterfaceProfile | SurfaceProfile


def mesh_profile(profile: Profile, rule: SizeRule, comm: MPI.Comm) -> CellMesh:
    """Mesh the cell of a profile. Collective; raises MeshingError."""
    if isinstance(profile, SurfaceProfile):
        return mesh_surface(profile, rule, comm)
    return mesh_plane(profile, rule, comm)


def first_meshed(profiles: Iterable[Profile], rule: SizeRule, comm: MPI.Comm) -> tuple[CellMesh, Profile]:
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
