"""The bench's cell: a unit box on a contact that ends at ``EDGE``, and its mesh files."""

from __future__ import annotations

from pathlib import Path

import gmsh
import meshio
import numpy as np

from meshes.gmsh.session import gmsh_session, sizes_by_field_alone
from meshes.tags import Boundary, Region

EDGE = 0.3
"""Where the gap under the metal ends and the contact begins: a distance from the axis, in box widths."""
FINE_SHARE = 0.1
"""Element size at the edge over that far from it."""
REACH = 0.5
"""Distance from the edge at which elements have their full size."""
GAP: Boundary = Boundary.VOID


def build(dim: int, size: float) -> None:
    """Build and mesh the box in the current Gmsh model, elements of ``size`` far from the edge."""
    occ = gmsh.model.occ
    if dim == 2:
        body = (2, occ.addRectangle(0, 0, 0, 1, 1))
        cut = [(0, occ.addPoint(EDGE, 0, 0))]
    else:
        body = (3, occ.addBox(0, 0, 0, 1, 1, 1))
        quarter = [(3, occ.addBox(0, 0, 0, 1, 1, 1))]
        cut, _ = occ.intersect([(2, occ.addDisk(0, 0, 0, EDGE, EDGE))], quarter)
    occ.fragment([body], cut)
    occ.synchronize()
    _mark(dim)
    _grade(dim, size)
    gmsh.model.mesh.generate(dim)


def write(dim: int, size: float, folder: Path) -> Path:
    """Write the mesh for every code (Gmsh 2.2, and FreeFem's own); the path without its ending."""
    base = folder / f"box{dim}-{round(1e5 * size)}"
    if not base.with_suffix(".msh").exists():
        with gmsh_session("bench"):
            build(dim, size)
            gmsh.option.setNumber("Mesh.MshFileVersion", 2.2)
            gmsh.write(str(base.with_suffix(".msh")))
        _write_freefem(base, dim)
    return base


def _mark(dim: int) -> None:
    parts: dict[int, list[int]] = {}
    for _, tag in gmsh.model.getEntities(dim - 1):
        bottom, top = np.array(gmsh.model.getBoundingBox(dim - 1, tag)).reshape(2, 3)
        flat = np.flatnonzero(np.abs(top - bottom)[:dim] < 1e-6)
        if len(flat) != 1:
            raise RuntimeError("a side of the box is not flat")
        axis = int(flat[0])
        if axis == dim - 1:
            inside = top[0] < EDGE + 1e-6
            where = Boundary.TOP if top[axis] > 0.5 else (GAP if inside else Boundary.CONTACT)
        else:
            where = (Boundary.SIDE_X, Boundary.SIDE_Y)[axis]
        parts.setdefault(int(where), []).append(tag)
    for number, tags in parts.items():
        gmsh.model.addPhysicalGroup(dim - 1, tags, number, Boundary(number).name.lower())
    gmsh.model.addPhysicalGroup(dim, [t for _, t in gmsh.model.getEntities(dim)], int(Region.METAL), "metal")


def _grade(dim: int, size: float) -> None:
    field = gmsh.model.mesh.field
    height, radius = "xyz"[dim - 1], "Abs(x)" if dim == 2 else "Sqrt(x*x+y*y)"
    distance = f"Sqrt(({radius}-{EDGE})^2+{height}^2)"
    share = f"{FINE_SHARE}+{1 - FINE_SHARE}*Min(1,{distance}/{REACH})"
    number = field.add("MathEval")
    field.setString(number, "F", f"{size}*({share})")
    field.setAsBackgroundMesh(number)
    sizes_by_field_alone()


def _write_freefem(base: Path, dim: int) -> None:
    mesh = meshio.read(base.with_suffix(".msh"))
    cell, side = (("triangle", "line"), ("tetra", "triangle"))[dim - 2]
    tags = mesh.cell_data_dict["gmsh:physical"]
    cells, sides = mesh.cells_dict[cell], mesh.cells_dict[side]
    used, flat = np.unique(cells, return_inverse=True)
    place = np.full(len(mesh.points), -1)
    place[used] = np.arange(len(used))
    points, cells, sides = mesh.points[used][:, :dim], flat.reshape(cells.shape), place[sides]
    corners = _positive(points, cells) + 1
    blocks = [
        np.column_stack([points, np.zeros(len(points))]),
        np.column_stack([corners, tags[cell]]),
        np.column_stack([sides + 1, tags[side]]),
    ]
    formats = [["%.17g"] * dim + ["%d"], "%d", "%d"]
    if dim == 2:
        heads = [" ".join(str(len(b)) for b in blocks), "", ""]
        end, tail = ".ff.msh", ""
    else:
        kinds = ("Vertices", "Tetrahedra", "Triangles")
        heads = [f"{kind}\n{len(b)}" for kind, b in zip(kinds, blocks, strict=True)]
        heads[0] = "MeshVersionFormatted 2\nDimension 3\n" + heads[0]
        end, tail = ".ff.mesh", "End\n"
    with Path(f"{base}{end}").open("wb") as out:
        for head, block, form in zip(heads, blocks, formats, strict=True):
            out.write(f"{head}\n".encode() if head else b"")
            np.savetxt(out, block, fmt=form)
        out.write(tail.encode())


def _positive(points: np.ndarray, cells: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Cells with positive volume."""
    edges = points[cells[:, 1:]] - points[cells[:, :1]]
    turned = cells.copy()
    negative = np.linalg.det(edges) < 0.0
    turned[negative, 0], turned[negative, 1] = cells[negative, 1], cells[negative, 0]
    return turned
