"""Field files are what readers other than VTK's own read too: version 1.0, linear cells, whole."""

from __future__ import annotations

from pathlib import Path

import meshio
import numpy as np
import pytest
import pyvista as pv
from dolfinx import fem, io, mesh
from mpi4py import MPI

from solver.output.vtu import make_readable

CELLS = {
    mesh.CellType.interval: "line",
    mesh.CellType.triangle: "triangle",
    mesh.CellType.tetrahedron: "tetra",
}


def written(folder: Path, kind: mesh.CellType) -> Path:
    """What dolfinx writes of two fields on simplices."""
    comm = MPI.COMM_SELF
    make = {
        mesh.CellType.interval: lambda: mesh.create_unit_interval(comm, 5),
        mesh.CellType.triangle: lambda: mesh.create_unit_square(comm, 3, 4),
        mesh.CellType.tetrahedron: lambda: mesh.create_unit_cube(comm, 2, 2, 3),
    }
    domain = make[kind]()
    nodes = fem.Function(fem.functionspace(domain, ("P", 1)), name="nodes")
    nodes.interpolate(lambda x: 1e-30 + x[0] / 3.0)
    cells = fem.Function(fem.functionspace(domain, ("DG", 0)), name="cells")
    cells.x.array[:] = np.arange(len(cells.x.array)) - 69.0  # the number of a kind of cell, as a value
    with io.VTKFile(comm, folder / "a.pvd", "w") as file:
        file.write_function([nodes, cells], 0.0)
    (made,) = folder.glob("a_p0*.vtu")
    return made


@pytest.mark.parametrize("kind", CELLS)
def test_meshio_and_vtk_read_the_same(kind: mesh.CellType, tmp_path: Path) -> None:
    file = written(tmp_path, kind)
    before = pv.read(file)
    make_readable(file)
    other, after = meshio.read(file), pv.read(file)
    assert list(other.cells_dict) == [CELLS[kind]]
    np.testing.assert_array_equal(other.points, after.points)
    np.testing.assert_array_equal(other.cells[0].data.ravel(), after.cell_connectivity)
    for name, data in (("nodes", other.point_data["nodes"]), ("cells", other.cell_data["cells"][0])):
        np.testing.assert_array_equal(data, after[name])
        np.testing.assert_array_equal(data, before[name])
    np.testing.assert_array_equal(before.points, after.points)
    np.testing.assert_array_equal(before.cell_connectivity, after.cell_connectivity)
    assert before.compute_cell_sizes().volume == pytest.approx(after.compute_cell_sizes().volume)
    assert [entry.name for entry in tmp_path.glob("*.tmp")] == []
    again = file.read_bytes()
    make_readable(file)
    assert file.read_bytes() == again


@pytest.mark.parametrize("left", [0.0, 0.5, 0.999])
def test_a_file_that_is_not_whole_is_removed(left: float, tmp_path: Path) -> None:
    file = written(tmp_path, mesh.CellType.triangle)
    data = file.read_bytes()
    file.write_bytes(data[: int(left * len(data))])
    with pytest.raises(OSError, match=r"a_p0_000000\.vtu is not whole"):
        make_readable(file)
    assert not file.exists()
