"""Gmsh mesh of a three-dimensional cell: half ellipsoids and spherical caps on the electrolyte."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import gmsh
from mpi4py import MPI

from meshes.cell import distribute
from meshes.gmsh.plane import sizes_by_field_alone
from meshes.seeds import cap_radius
from meshes.tags import Boundary, Region

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from meshes.seeds import VoidShape
    from meshes.sizing import SizeRule

_ON_PLANE = 1e-6


def mesh_solid(
    shapes: list[VoidShape],
    *,
    extents: tuple[float, float],
    metal_height: float,
    electrolyte_depth: float,
    rule: SizeRule,
    comm: MPI.Comm,
    msh_file: str | None = None,
) -> CellMesh:
    """Mesh a 3-D cell, z vertical. Collective; raises :class:`meshes.cell.MeshingError`."""

    def build() -> None:
        build_solid(shapes, extents, metal_height, electrolyte_depth, rule)

    return distribute(build, comm, "3d", msh_file)


def build_solid(
    shapes: list[VoidShape],
    extents: tuple[float, float],
    metal_height: float,
    electrolyte_depth: float,
    rule: SizeRule,
) -> None:
    """Build and mesh the cell in the current Gmsh model (serial)."""
    occ = gmsh.model.occ
    lx, ly = extents
    metal = occ.addBox(0, 0, 0, lx, ly, metal_height)
    electrolyte = occ.addBox(0, 0, -electrolyte_depth, lx, ly, electrolyte_depth)
    tools = [(3, _void_solid(shape)) for shape in shapes]
    if tools:
        cut, _ = occ.cut([(3, metal)], tools)
        metal = cut[0][1]
    # Fragmenting makes the contact one shared surface and prints the void floors on the electrolyte.
    occ.fragment([(3, metal)], [(3, electrolyte)])
    occ.synchronize()
    _tag(lx, ly, metal_height, electrolyte_depth)
    _sizes(rule)
    gmsh.model.mesh.generate(3)


def _void_solid(shape: VoidShape) -> int:
    """Full ellipsoid or sphere whose part above z = 0 is the void."""
    occ = gmsh.model.occ
    x, y = shape.center
    if shape.shape == "cap":
        radius, half_angle = cap_radius(shape.half_width, shape.height)
        return int(occ.addSphere(x, y, -radius * math.cos(half_angle), radius))
    ball = occ.addSphere(x, y, 0.0, 1.0)
    occ.dilate([(3, ball)], x, y, 0.0, shape.half_width, shape.half_width, shape.height)
    return int(ball)


def _tag(lx: float, ly: float, metal_height: float, electrolyte_depth: float) -> None:
    regions: dict[Region, list[int]] = {Region.METAL: [], Region.ELECTROLYTE: []}
    bounding: dict[Region, set[int]] = {}
    for _, tag in gmsh.model.getEntities(3):
        above = gmsh.model.occ.getCenterOfMass(3, tag)[2] > 0.0
        regions[Region.METAL if above else Region.ELECTROLYTE].append(tag)
    for region, tags in regions.items():
        faces = gmsh.model.getBoundary([(3, t) for t in tags], combined=True, oriented=False)
        bounding[region] = {tag for _, tag in faces}
        gmsh.model.addPhysicalGroup(3, tags, int(region), region.name.lower())
    groups: dict[Boundary, list[int]] = {}
    for face in bounding[Region.METAL] | bounding[Region.ELECTROLYTE]:
        boundary = _boundary_of(face, bounding, (lx, ly, metal_height, electrolyte_depth))
        groups.setdefault(boundary, []).append(face)
    for boundary, faces in groups.items():
        gmsh.model.addPhysicalGroup(2, faces, int(boundary), boundary.name.lower())


def _boundary_of(
    face: int, bounding: dict[Region, set[int]], extents: tuple[float, float, float, float]
) -> Boundary:
    lx, ly, metal_height, electrolyte_depth = extents
    x0, y0, z0, x1, y1, z1 = gmsh.model.getBoundingBox(2, face)
    in_metal, in_electrolyte = face in bounding[Region.METAL], face in bounding[Region.ELECTROLYTE]
    tolerance = _ON_PLANE * max(lx, ly, metal_height, electrolyte_depth)

    def flat(low: float, high: float, *planes: float) -> bool:
        return any(abs(low - p) < tolerance and abs(high - p) < tolerance for p in planes)

    if in_metal and in_electrolyte:
        return Boundary.CONTACT
    if in_metal:
        if flat(z0, z1, metal_height):
            return Boundary.TOP
        if flat(x0, x1, 0.0, lx):
            return Boundary.SIDE_X
        if flat(y0, y1, 0.0, ly):
            return Boundary.SIDE_Y
        return Boundary.VOID
    if flat(z0, z1, 0.0):
        return Boundary.FLOOR
    if flat(z0, z1, -electrolyte_depth):
        return Boundary.BOTTOM
    return Boundary.ELECTROLYTE_SIDE


def _sizes(rule: SizeRule) -> None:
    """Grade away from the triple lines: curves between a void's roof and the electrolyte."""
    floors = {face for group in (Boundary.FLOOR, Boundary.VOID) for face in _faces(group)}
    contact = set(_faces(Boundary.CONTACT))
    near = _curves(floors) & _curves(contact)
    field = gmsh.model.mesh.field
    size = field.add("MathEval")
    if near:
        distance = field.add("Distance")
        field.setNumbers(distance, "CurvesList", sorted(near))
        field.setNumber(distance, "Sampling", 200)
        expression = f"Min({rule.largest!r}, {rule.tip!r} + {rule.growth!r} * F{distance})"
    else:
        expression = repr(rule.largest)
    field.setString(size, "F", expression)
    field.setAsBackgroundMesh(size)
    sizes_by_field_alone()


def _faces(boundary: Boundary) -> list[int]:
    groups = {tag for _, tag in gmsh.model.getPhysicalGroups(2)}
    if int(boundary) not in groups:
        return []
    return [int(f) for f in gmsh.model.getEntitiesForPhysicalGroup(2, int(boundary))]


def _curves(faces: set[int]) -> set[int]:
    found = set()
    for face in faces:
        found |= {tag for _, tag in gmsh.model.getBoundary([(2, face)], oriented=False)}
    return found
