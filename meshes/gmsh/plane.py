"""Gmsh mesh of a two-dimensional (plane or axisymmetric) cell from its interface profile."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import gmsh
import numpy as np
from mpi4py import MPI

from meshes.gmsh.session import distribute
from meshes.tags import Boundary, Region

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from meshes.profile.polyline import InterfaceProfile
    from meshes.sizing import SizeRule

_FRONTAL_DELAUNAY = 6


def mesh_plane(
    profile: InterfaceProfile, rule: SizeRule, comm: MPI.Comm, msh_file: str | None = None
) -> CellMesh:
    """Mesh a two-dimensional cell. Collective; raises :class:`meshes.gmsh.session.MeshingError`."""
    return distribute(lambda: build_plane(profile, rule), comm, profile.kind, msh_file)


def build_plane(profile: InterfaceProfile, rule: SizeRule) -> None:
    """Build and mesh the cell in the current Gmsh model (serial: call it on one rank).

    Args:
        profile: the cell; the roofs are meshed with exactly their polyline points.
        rule: element size elsewhere.

    Raises:
        RuntimeError: if Gmsh cannot mesh the geometry (crossing roofs, for example).
    """
    _PlaneBuilder(profile, rule).build()
    gmsh.model.mesh.generate(2)


class _PlaneBuilder:
    """Collects points and lines of one cell; lives for one call of ``build_plane``."""

    def __init__(self, profile: InterfaceProfile, rule: SizeRule) -> None:
        self.profile = profile
        self.rule = rule
        self.lines: dict[Boundary, list[int]] = {b: [] for b in Boundary}
        self.roof_points: list[list[int]] = []

    def build(self) -> None:
        geo = gmsh.model.geo
        p, r = self.profile, self.rule
        bottom = [self._point(x, -p.electrolyte_depth) for x in (0.0, p.width)]
        top = [self._point(x, p.metal_height) for x in (0.0, p.width)]
        chain, metal_path, floor_path = self._interface()
        left_floor, right_floor = chain[0]
        left_metal, right_metal = chain[1]

        el_loop = [
            *floor_path,
            -self._line(Boundary.ELECTROLYTE_SIDE, bottom[1], right_floor),
            -self._line(Boundary.BOTTOM, bottom[0], bottom[1]),
            self._line(Boundary.ELECTROLYTE_SIDE, bottom[0], left_floor),
        ]
        me_loop = [
            *metal_path,
            self._line(Boundary.SIDE_X, right_metal, top[1]),
            self._line(Boundary.TOP, top[1], top[0]),
            self._line(Boundary.SIDE_X, top[0], left_metal),
        ]
        electrolyte = geo.addPlaneSurface([geo.addCurveLoop(el_loop)])
        metal = geo.addPlaneSurface([geo.addCurveLoop(me_loop)])
        geo.synchronize()
        gmsh.model.addPhysicalGroup(2, [metal], int(Region.METAL), "metal")
        gmsh.model.addPhysicalGroup(2, [electrolyte], int(Region.ELECTROLYTE), "electrolyte")
        for boundary, lines in self.lines.items():
            if lines:
                gmsh.model.addPhysicalGroup(1, lines, int(boundary), boundary.name.lower())
        for line in self.lines[Boundary.VOID]:
            gmsh.model.mesh.setTransfiniteCurve(line, 2)
        ends = [
            (tags[k], roof[k]) for tags, roof in zip(self.roof_points, p.roofs, strict=True) for k in (0, -1)
        ]
        triples = [tag for tag, point in ends if point[1] == 0.0]
        _size_field(triples, r, self._roofs_by_size() if r.graded else {})
        gmsh.option.setNumber("Mesh.Algorithm", _FRONTAL_DELAUNAY)

    def _roofs_by_size(self) -> dict[float, list[int]]:
        """Points of the roofs by the size there, rounded down to few values: each costs a field."""
        found: dict[float, list[int]] = {}
        for points, roof in zip(self.roof_points, self.profile.roofs, strict=True):
            level = np.floor(2.0 * np.log2(self.rule.roof_limit(roof) / self.rule.tip))
            found.setdefault(float(self.rule.tip * 2.0 ** (0.5 * level)), []).extend(points)
        return found

    def _point(self, x: float, y: float) -> int:
        return int(gmsh.model.geo.addPoint(float(x), float(y), 0.0))

    def _line(self, boundary: Boundary, start: int, end: int) -> int:
        line = int(gmsh.model.geo.addLine(start, end))
        self.lines[boundary].append(line)
        return line

    def _interface(self) -> tuple[tuple[tuple[int, int], tuple[int, int]], list[int], list[int]]:
        """Lines along y = 0 from left to right.

        Returns:
            ((first, last point of the electrolyte surface), (first, last of the metal's)), the
            metal's path and the electrolyte's path as signed line tags.
        """
        metal_path: list[int] = []
        floor_path: list[int] = []
        here_x = 0.0
        start_f: int | None = None
        start_m: int | None = None
        here_f = here_m = -1
        for roof in self.profile.roofs:
            tags = [self._point(*xy) for xy in roof]
            self.roof_points.append(tags)
            left_triple, right_triple = roof[0, 1] == 0.0, roof[-1, 1] == 0.0
            if left_triple:
                if start_f is None:
                    start_f = start_m = here_f = self._point(here_x, 0.0)
                contact = self._line(Boundary.CONTACT, here_f, tags[0])
                metal_path.append(contact)
                floor_path.append(contact)
                left_floor = tags[0]
            else:
                left_floor = self._point(0.0, 0.0)
                start_f, start_m = left_floor, tags[0]
            right_floor = tags[-1] if right_triple else self._point(self.profile.width, 0.0)
            metal_path += [self._line(Boundary.VOID, i, j) for i, j in pairwise(tags)]
            floor_path.append(self._line(Boundary.FLOOR, left_floor, right_floor))
            here_x, here_f, here_m = float(roof[-1, 0]), right_floor, tags[-1]
        if start_f is None or start_m is None:
            start_f = start_m = here_f = self._point(0.0, 0.0)
        if here_x < self.profile.width:
            end = self._point(self.profile.width, 0.0)
            contact = self._line(Boundary.CONTACT, here_f, end)
            metal_path.append(contact)
            floor_path.append(contact)
            here_f = here_m = end
        return ((start_f, here_f), (start_m, here_m)), metal_path, floor_path


def _size_field(triples: list[int], rule: SizeRule, roofs: Mapping[float, list[int]]) -> None:
    """Set Gmsh's background field to the size rule, from triple points and roof points by the size there."""
    field = gmsh.model.mesh.field
    sizes = []
    if triples:
        sizes += _growing(triples, rule.tip, rule)
    for size, points in roofs.items():
        sizes += _growing(points, size, rule)
    if rule.layer is not None or not sizes:
        height = f"Max(0, Max(y - {rule.layer_depth!r}, -y))"
        layer = rule.largest if rule.layer is None else f"{rule.layer!r} + {rule.growth!r} * {height}"
        sizes.append(field.add("MathEval"))
        field.setString(sizes[-1], "F", f"Min({rule.largest!r}, {layer})")
    smallest = field.add("Min")
    field.setNumbers(smallest, "FieldsList", sizes)
    field.setAsBackgroundMesh(_growing_in_depth(smallest, rule))
    # The roof segments are shorter than the field asks for; their size reaches into the metal.
    gmsh.option.setNumber("Mesh.MeshSizeExtendFromBoundary", 0 if rule.graded else 1)
    gmsh.option.setNumber("Mesh.MeshSizeFromPoints", 0)


def _growing_in_depth(near: int, rule: SizeRule) -> int:
    """Field of the sizes ``near`` the interface, or of those in depth where these are larger."""
    if math.isinf(rule.reach):
        return near
    field = gmsh.model.mesh.field
    deep, both = field.add("MathEval"), field.add("Max")
    field.setString(
        deep, "F", f"Min({rule.deepest!r}, {rule.growth!r} * Max(0, -y - {rule.reach!r}))"
    )  # SizeRule.in_depth
    field.setNumbers(both, "FieldsList", [near, deep])
    return int(both)


def _growing(points: list[int], size: float, rule: SizeRule) -> list[int]:
    """Field of min(largest, size + growth * distance to the points); none where that is the largest size."""
    if size >= rule.largest:
        return []
    field = gmsh.model.mesh.field
    distance, growing = field.add("Distance"), field.add("Threshold")
    field.setNumbers(distance, "PointsList", points)
    far = (rule.largest - size) / rule.growth
    numbers = {"InField": distance, "SizeMin": size, "SizeMax": rule.largest, "DistMin": 0.0, "DistMax": far}
    for name, value in numbers.items():
        field.setNumber(growing, name, value)
    return [growing]
