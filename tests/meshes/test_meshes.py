from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI

from meshes.cell import CellMesh
from meshes.gmsh import roof_edges
from meshes.gmsh.mesh_profile import first_meshed
from meshes.gmsh.session import MeshingError, distribute
from meshes.profile.polyline import InterfaceProfile
from meshes.profile.triangulated_roof import plan_areas
from meshes.quality import quality
from meshes.sizing import SizeRule
from meshes.tags import Boundary, Region
from solver.equations.coordinates import weight
from solver.equations.surface import SurfaceGeometry
from solver.interface.void_surfaces import void_surfaces
from solver.setup.setup import set_up
from solver.simulation.discretisation import initial_cell, initial_profile
from tests.conftest import small_case

pytestmark = pytest.mark.parallel

COARSE: dict[str, Any] = {"tip_size": "0.3 um", "growth": 0.5, "largest_size": "1.5 um"}


def measure(cell: CellMesh, part: Region | Boundary) -> float:
    one = fem.Constant(cell.domain, 1.0)
    if isinstance(part, Region):
        form = weight(cell) * one * cell.dx(part)
    elif part is Boundary.CONTACT:
        w = weight(cell)
        form = (w("+") if cell.kind == "axisymmetric" else w) * one * cell.dS(part)
    else:
        form = weight(cell) * one * cell.ds(part)
    return float(cell.domain.comm.allreduce(fem.assemble_scalar(fem.form(form))))


def test_plane_cell_has_its_parts(comm: MPI.Comm) -> None:
    cell = initial_cell(set_up(small_case()), comm)
    void = math.pi * 1.1**2 / 4
    assert measure(cell, Region.METAL) == pytest.approx(24.0 - void, rel=1e-6)
    assert measure(cell, Region.ELECTROLYTE) == pytest.approx(18.0, rel=1e-12)
    assert measure(cell, Boundary.TOP) == pytest.approx(3.0)
    assert measure(cell, Boundary.BOTTOM) == pytest.approx(3.0)
    assert measure(cell, Boundary.CONTACT) + measure(cell, Boundary.FLOOR) == pytest.approx(3.0)
    assert measure(cell, Boundary.FLOOR) == pytest.approx(1.1, rel=2e-3)
    assert quality(cell) > 0.3


def test_axisymmetric_cell_is_a_cylinder(comm: MPI.Comm) -> None:
    cell = initial_cell(set_up(small_case(geometry={"kind": "axisymmetric"})), comm)
    assert measure(cell, Region.METAL) == pytest.approx(math.pi * 9 * 8 - 2 * math.pi / 3 * 1.1**3, rel=1e-6)
    assert measure(cell, Boundary.TOP) == pytest.approx(math.pi * 9)


def test_solid_cell_has_its_parts(comm: MPI.Comm) -> None:
    loaded = small_case(
        geometry={"kind": "3d", "depth": "3 um"},
        void=[{"width": "2.2 um", "position": ["0 um", "0 um"]}, {"width": "1 um", "height": "0.3 um",
               "shape": "cap", "position": ["2 um", "2 um"]}],
        numerics=COARSE,
    )  # fmt: skip
    cell = initial_cell(set_up(loaded), comm)
    assert measure(cell, Region.ELECTROLYTE) == pytest.approx(3 * 3 * 6)
    assert measure(cell, Boundary.CONTACT) + measure(cell, Boundary.FLOOR) == pytest.approx(9.0)
    assert measure(cell, Boundary.TOP) == pytest.approx(9.0)
    quarter = 4 / 3 * math.pi * 1.1**3 / 8
    cap = math.pi * 0.3 / 6 * (3 * 0.5**2 + 0.3**2)
    # flat facets lie inside the curved voids: the metal is a little larger
    assert measure(cell, Region.METAL) == pytest.approx(72 - quarter - cap, rel=3e-3)
    assert measure(cell, Boundary.SIDE_Y) == pytest.approx(2 * 24 - math.pi * 1.1**2 / 4, rel=1e-2)


def test_the_profile_of_a_mesh_is_the_one_it_was_made_from(comm: MPI.Comm) -> None:
    loaded = small_case(
        geometry={"width": "9 um"},
        void=[
            {"width": "2 um"},
            {"width": "1 um", "position": "4 um"},
            {"width": "2 um", "position": "9 um"},
        ],
    )
    wanted = initial_profile(set_up(loaded))
    cell = initial_cell(set_up(loaded), comm)
    found = void_surfaces(cell, SurfaceGeometry(cell), wanted.electrolyte_depth).profile()
    assert isinstance(wanted, InterfaceProfile) and isinstance(found, InterfaceProfile)
    assert len(found.roofs) == 3
    for one, other in zip(found.roofs, wanted.roofs, strict=True):
        assert one == pytest.approx(other, abs=1e-12)
    assert found.width == pytest.approx(wanted.width)
    assert found.metal_height == pytest.approx(wanted.metal_height)


def test_a_graded_mesh_saves_cells_away_from_its_voids(comm: MPI.Comm) -> None:
    voids = [{"width": "1 um", "position": f"{2 * k + 1} um"} for k in range(6)]
    numerics = {"tip_size": "0.08 um", "growth": 0.6, "roof_fraction": 0.2, "largest_size": "4 um"}
    counts = {}
    for graded in (False, True):
        loaded = small_case(geometry={"width": "12 um"}, void=voids, numerics=numerics | {"graded": graded})
        cell = initial_cell(set_up(loaded), comm)
        assert quality(cell) > 0.3
        assert measure(cell, Region.METAL) == pytest.approx(96.0 - 6 * math.pi / 8, rel=1e-6)
        corners = cell.corners()
        size = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])) ** 0.5
        middle = corners.mean(axis=1)
        near = np.full(len(middle), np.inf)
        for k in range(6):
            near = np.minimum(near, np.abs(np.hypot(middle[:, 0] - 2 * k - 1, middle[:, 1]) - 0.5))
        # on the roofs 0.1 um, from there on by 0.6 of the distance
        limit = (0.1 + 0.6 * near) * 1.7
        assert np.all((size < limit)[middle[:, 1] > 0.0])
        counts[graded] = comm.allreduce(len(middle))
    assert counts[True] < 0.75 * counts[False]


def test_a_failed_mesh_fails_on_every_rank(comm: MPI.Comm) -> None:
    def broken() -> None:
        raise RuntimeError("crossing roofs")

    with pytest.raises(MeshingError, match="crossing roofs"):
        distribute(broken, comm, "plane")


def test_the_first_profile_that_can_be_meshed_is(comm: MPI.Comm) -> None:
    rule = SizeRule(tip=0.3, growth=0.5, largest=1.5)
    roof = np.array([[1.0, 0.0], [1.2, 0.6], [1.8, 0.6], [2.0, 0.0]])
    good = InterfaceProfile(4.0, 4.0, 4.0, (roof,))
    crossing = InterfaceProfile(4.0, 4.0, 4.0, (roof, roof + np.array([0.5, 0.0])))
    cell, profile = first_meshed([crossing, good], rule, comm)
    assert profile is good
    assert measure(cell, Boundary.FLOOR) == pytest.approx(1.0)
    with pytest.raises(MeshingError):
        first_meshed([crossing], rule, comm)


@pytest.mark.slow
@pytest.mark.parametrize("tip", [0.2, 0.06, 0.025])
def test_a_roof_is_meshed_however_fine(tip: float) -> None:
    """Shallow valleys of the roof leave no flat tetrahedra in the metal above them."""
    loaded = small_case(
        geometry={"kind": "3d", "depth": "3 um", "metal_thickness": "6 um"},
        void=[{"width": "2.2 um", "height": "0.55 um", "position": ["0 um", "0 um"]}],
        numerics={"tip_size": f"{tip} um", "growth": 0.5, "largest_size": f"{7.5 * tip} um"},
    )
    cell = initial_cell(set_up(loaded), MPI.COMM_SELF)
    assert quality(cell) > 0.03


def test_the_edge_of_a_shallow_valley_is_turned_and_that_of_a_ridge_is_not() -> None:
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    valley = np.array([[0, 1, 2], [0, 2, 3]])
    for height, expected in ((0.03, {1, 3}), (-0.03, {0, 2}), (0.9, {0, 2})):
        # corners 1 and 3 rise above the edge from 0 to 2, or lie below it
        points = np.column_stack([square, [1.0, 1.0 + height, 1.0, 1.0 + height]])
        for sense in (1, -1):
            found = roof_edges.turned(points, valley[:, ::sense])
            shared = set(found[0]) & set(found[1])
            assert shared == expected
            assert (plan_areas(points[found]) > 0.0).all()
            assert plan_areas(points[found]).sum() == pytest.approx(1.0)
