"""Small domains with named straight or curved sides, for problems with exact solutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import gmsh
import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.gmsh.session import distribute
from meshes.tags import Boundary, Region

if TYPE_CHECKING:
    from meshes.cell import CellMesh, CoordinateKind


@dataclass(frozen=True)
class Side:
    """A polyline (m, 2) whose points become mesh nodes, and its boundary part."""

    points: NDArray[np.float64]
    boundary: Boundary


def polygon(
    sides: Sequence[Side], sizes: Sequence[float], comm: MPI.Comm, kind: CoordinateKind = "plane"
) -> CellMesh:
    """Mesh the metal inside a closed loop of sides. Collective.

    Args:
        sides: each ends where the next begins, counter-clockwise.
        sizes: element size at the first point of each side; it varies linearly along straight sides.
        comm: communicator.
        kind: plane or axisymmetric.
    """

    def build() -> None:
        geo = gmsh.model.geo
        corners = [geo.addPoint(*side.points[0], 0.0, size) for side, size in zip(sides, sizes, strict=True)]
        groups: dict[Boundary, list[int]] = {}
        loop = []
        for k, side in enumerate(sides):
            following = corners[(k + 1) % len(sides)]
            curved = len(side.points) > 2
            inner = [geo.addPoint(*p, 0.0) for p in side.points[1:-1]]
            chain = [corners[k], *inner, following]
            for start, end in pairwise(chain):
                line = geo.addLine(start, end)
                if curved:
                    geo.mesh.setTransfiniteCurve(line, 2)
                loop.append(line)
                groups.setdefault(side.boundary, []).append(line)
        surface = geo.addPlaneSurface([geo.addCurveLoop(loop)])
        geo.synchronize()
        gmsh.model.addPhysicalGroup(2, [surface], int(Region.METAL))
        for boundary, lines in groups.items():
            gmsh.model.addPhysicalGroup(1, lines, int(boundary))
        gmsh.model.mesh.generate(2)

    return distribute(build, comm, kind)


def straight(start: tuple[float, float], end: tuple[float, float], boundary: Boundary) -> Side:
    """A straight side."""
    return Side(np.array([start, end], dtype=float), boundary)


def arc(radius: float, first: float, last: float, segments: int, boundary: Boundary) -> Side:
    """A circular side about the origin from angle ``first`` to ``last`` (radians)."""
    angle = np.linspace(first, last, segments + 1)
    points = radius * np.column_stack([np.cos(angle), np.sin(angle)])
    points[np.abs(points) < 1e-14 * radius] = 0.0
    return Side(points, boundary)


def quarter_annulus(
    inner: float,
    outer: float,
    segments: int,
    comm: MPI.Comm,
    kind: CoordinateKind = "plane",
    bottom: Boundary = Boundary.CONTACT,
) -> CellMesh:
    """Quarter of a ring: a void on a slip electrolyte (contact on y = 0), x = 0 a symmetry side.

    Args:
        inner: void radius.
        outer: outer radius, loaded by the pressure.
        segments: elements on each arc; the radial size is graded in proportion to the radius.
        comm: communicator.
        kind: plane (cylinder) or axisymmetric (sphere).
        bottom: boundary part of y = 0, where a contact counts as a surface for what depends on distances.
    """
    quarter = 0.5 * np.pi
    sides = [
        straight((inner, 0.0), (outer, 0.0), bottom),
        arc(outer, 0.0, quarter, segments, Boundary.TOP),
        straight((0.0, outer), (0.0, inner), Boundary.SIDE_X),
        arc(inner, quarter, 0.0, segments, Boundary.VOID),
    ]
    step = quarter / segments
    return polygon(sides, [inner * step, outer * step, outer * step, inner * step], comm, kind)


def block(
    width: float,
    height: float,
    bottom: Sequence[tuple[float, Boundary]],
    sizes: Sequence[float],
    top_size: float,
    comm: MPI.Comm,
) -> CellMesh:
    """Rectangle of metal on y = 0 with symmetry sides and a top.

    Args:
        width, height: extents.
        bottom: (right end, boundary) of each stretch of y = 0, from left to right.
        sizes: element size at 0 and at each right end.
        top_size: element size at the top.
        comm: communicator.
    """
    sides, left = [], 0.0
    for right, boundary in bottom:
        sides.append(straight((left, 0.0), (right, 0.0), boundary))
        left = right
    sides += [
        straight((width, 0.0), (width, height), Boundary.SIDE_X),
        straight((width, height), (0.0, height), Boundary.TOP),
        straight((0.0, height), (0.0, 0.0), Boundary.SIDE_X),
    ]
    return polygon(sides, [*sizes, top_size, top_size], comm)
