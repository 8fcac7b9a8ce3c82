"""The volumes of a 3-D cell between given surfaces: sides and top are meshed, then metal and electrolyte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import gmsh
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from meshes.gmsh.session import mesh_by_size
from meshes.profile.chains import joined
from meshes.profile.footprints import rounded_places
from meshes.tags import Boundary, Region

if TYPE_CHECKING:
    from meshes.profile.triangulated import SurfaceProfile
    from meshes.sizing import SizeRule

_LINE, _TRIANGLE = 1, 2
_CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))
_SIDES = (Boundary.SIDE_Y, Boundary.SIDE_X, Boundary.SIDE_Y, Boundary.SIDE_X)
"""Of the side from each corner to the next."""

GRID = 1e-3
"""Share of a tip element to which points are rounded for Gmsh: far below any element, far above rounding."""


@dataclass(frozen=True)
class Shell:
    """Triangulated surfaces between metal and electrolyte: points (n, 3), triangles (k, 3) of each part.

    ``contact`` belongs to both, ``roof`` to the metal, ``floor`` to the electrolyte.
    """

    points: NDArray[np.float64]
    contact: NDArray[np.int64]
    roof: NDArray[np.int64]
    floor: NDArray[np.int64]


def build_shell(shell: Shell, profile: SurfaceProfile, rule: SizeRule) -> None:
    """Build and mesh the cell in the current Gmsh model (serial).

    Gmsh gets the points rounded (:func:`meshes.profile.footprints.rounded_places`); its nodes are put
    where they belong afterwards.
    """
    grid = GRID * rule.tip
    rounded = replace(shell, points=rounded_places(shell.points, profile.extents, grid))
    height = grid * round(profile.metal_height / grid)
    _ShellBuilder(rounded, replace(profile, metal_height=height)).build()
    mesh_by_size(3, _sizes(rounded, rule))
    _put_back(shell, rounded, profile.metal_height)


def _put_back(shell: Shell, rounded: Shell, height: float) -> None:
    """Nodes of the mesh of a rounded shell go where the shell has them, the top to its height."""
    tags, places, _ = gmsh.model.mesh.getNodes()  # Gmsh has numbered them anew
    nodes = np.unique(np.vstack([shell.contact, shell.roof, shell.floor]))
    _, which = cKDTree(places.reshape(-1, 3)).query(rounded.points[nodes])
    for tag, point in zip(tags[which], shell.points[nodes], strict=True):
        gmsh.model.mesh.setNode(tag, point, [])
    tags, places = gmsh.model.mesh.getNodesForPhysicalGroup(2, int(Boundary.TOP))
    for tag, (x, y, _) in zip(tags, places.reshape(-1, 3), strict=True):
        gmsh.model.mesh.setNode(tag, [x, y, height], [])


def _sizes(shell: Shell, rule: SizeRule) -> Callable[[float, float, float], float]:
    """Sizes that grow from the triple lines (tip) and from the surfaces' own edges."""
    corners = np.vstack([shell.contact, shell.roof, shell.floor])
    ends = shell.points[corners]
    edge = np.mean([np.linalg.norm(ends[:, i] - ends[:, i - 1], axis=1) for i in range(3)], axis=0)
    size = np.full(len(shell.points), rule.largest)
    for k in range(3):
        np.minimum.at(size, corners[:, k], edge)
    tree = cKDTree(shell.points)

    def at(x: float, y: float, z: float) -> float:
        distance, nearest = tree.query((x, y, z))
        return float(max(min(rule.largest, size[nearest] + rule.growth * distance), rule.in_depth(-z)))

    return at


class _ShellBuilder:
    """Entities of one cell; lives for one call of :func:`build_shell`."""

    def __init__(self, shell: Shell, profile: SurfaceProfile) -> None:
        self.shell, self.profile = shell, profile
        self._placed = np.zeros(len(shell.points), dtype=bool)

    def build(self) -> None:
        """All surfaces and volumes with their physical groups."""
        lower = np.vstack([self.shell.contact, self.shell.roof])
        upper = np.vstack([self.shell.contact, self.shell.floor])
        corners = [self._corners(triangles) for triangles in (lower, upper)]
        points = {n: self._point(n) for n in dict.fromkeys([*corners[0], *corners[1]])}
        rims = [
            [self._side_curve(triangles, k, [points[n] for n in ring]) for k in range(4)]
            for triangles, ring in ((lower, corners[0]), (upper, corners[1]))
        ]
        parts = {
            Boundary.CONTACT: self._surface(self.shell.contact),
            Boundary.VOID: self._surface(self.shell.roof),
            Boundary.FLOOR: self._surface(self.shell.floor),
        }
        ends = [[points[n] for n in ring] for ring in corners]
        walls = self._walls(ends[0], rims[0], self.profile.metal_height)
        feet = self._walls(ends[1], rims[1], -self.profile.electrolyte_depth)
        geo = gmsh.model.geo
        touching = [parts[Boundary.CONTACT]]
        above = [t for t in (*touching, parts[Boundary.VOID]) if t]
        below = [t for t in (*touching, parts[Boundary.FLOOR]) if t]
        metal = geo.addVolume([geo.addSurfaceLoop([*above, *walls])])
        electrolyte = geo.addVolume([geo.addSurfaceLoop([*below, *feet])])
        geo.synchronize()
        groups: dict[Boundary, list[int]] = {b: [t] for b, t in parts.items() if t}
        for side, wall in zip(_SIDES, walls, strict=False):
            groups.setdefault(side, []).append(wall)
        groups |= {
            Boundary.TOP: [walls[-1]],
            Boundary.ELECTROLYTE_SIDE: feet[:-1],
            Boundary.BOTTOM: [feet[-1]],
        }
        for boundary, tags in groups.items():
            gmsh.model.addPhysicalGroup(2, tags, int(boundary), boundary.name.lower())
        for region, tag in ((Region.METAL, metal), (Region.ELECTROLYTE, electrolyte)):
            gmsh.model.addPhysicalGroup(3, [tag], int(region), region.name.lower())

    def _corners(self, triangles: NDArray[np.int64]) -> list[int]:
        """Node above or at each corner of the plane."""
        nodes = np.unique(triangles)
        at = self.shell.points[nodes, :2]
        extents = np.array(self.profile.extents)
        return [int(nodes[np.argmin(np.linalg.norm(at - extents * c, axis=1))]) for c in _CORNERS]

    def _point(self, node: int) -> int:
        tag = int(gmsh.model.addDiscreteEntity(0))
        self._place(0, tag, np.array([node]))
        gmsh.model.setCoordinates(tag, *self.shell.points[node])
        return tag

    def _place(self, dim: int, tag: int, nodes: NDArray[np.int64]) -> None:
        """Give the nodes that have no entity yet to this one."""
        new = nodes[~self._placed[nodes]]
        self._placed[new] = True
        gmsh.model.mesh.addNodes(dim, tag, new + 1, self.shell.points[new].ravel())

    def _side_curve(self, triangles: NDArray[np.int64], k: int, ends: list[int]) -> int:
        """The surfaces' edge on the side from corner k to the next, as a discrete curve."""
        axis = 0 if k % 2 == 0 else 1
        side = self.profile.extents[1 - axis] * (1.0 if k in (1, 2) else 0.0)
        edges = boundary_edges(triangles)
        on = np.abs(self.shell.points[edges][:, :, 1 - axis] - side).max(axis=1) < 1e-9
        edges = edges[on]
        paths = joined(edges).paths
        if len(paths) != 1:
            raise ValueError(
                f"on a side of the cell the surfaces' edge falls into {len(paths)} pieces: a void there is "
                "too flat or too small for its elements"
            )
        nodes = paths[0]
        if (self.shell.points[nodes[0], axis] > self.shell.points[nodes[-1], axis]) != (k in (2, 3)):
            nodes = nodes[::-1]
        tag = int(gmsh.model.addDiscreteEntity(1, -1, [ends[k], ends[(k + 1) % 4]]))
        self._place(1, tag, nodes)
        pairs = np.column_stack([nodes[:-1], nodes[1:]])
        gmsh.model.mesh.addElementsByType(tag, _LINE, [], pairs.ravel() + 1)
        return tag

    def _surface(self, triangles: NDArray[np.int64]) -> int:
        """A discrete surface; 0 without triangles."""
        if len(triangles) == 0:
            return 0
        tag = int(gmsh.model.addDiscreteEntity(2))
        self._place(2, tag, np.unique(triangles))
        gmsh.model.mesh.addElementsByType(tag, _TRIANGLE, [], triangles.ravel() + 1)
        return tag

    def _walls(self, ends: list[int], rims: list[int], z: float) -> list[int]:
        """The four sides from the rims to height ``z``, then the face there."""
        geo = gmsh.model.geo
        lx, ly = self.profile.extents
        far = [geo.addPoint(lx * i, ly * j, z) for i, j in _CORNERS]
        uprights = [geo.addLine(a, b) for a, b in zip(ends, far, strict=True)]
        edges = [geo.addLine(far[k], far[(k + 1) % 4]) for k in range(4)]
        walls = []
        for k in range(4):
            loop = geo.addCurveLoop([rims[k], uprights[(k + 1) % 4], -edges[k], -uprights[k]])
            walls.append(int(geo.addPlaneSurface([loop])))
        walls.append(int(geo.addPlaneSurface([geo.addCurveLoop(edges)])))
        return walls


def boundary_edges(triangles: NDArray[np.int64]) -> NDArray[np.int64]:
    """Edges (m, 2) of one triangle only."""
    edges = np.sort(np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    return np.asarray(unique[count == 1])
