"""The distributed mesh of a cell, with its tags and its kind of coordinates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import ufl
from dolfinx import mesh
from numpy.typing import NDArray

from meshes import compat

if TYPE_CHECKING:
    from meshes.tags import Boundary, Region

CoordinateKind = Literal["plane", "axisymmetric", "3d"]
"""Coordinates of a cell; in an axisymmetric one x is a radius."""


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
