"""Void seeds that run through a 3-D cell: their volume, their section, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from meshes.profile.triangulated import profile_from_seeds
from meshes.seeds import VoidShape
from solver.case.errors import CaseError
from solver.case.loading import parse_case
from solver.equations.coupled_model import CoupledModel
from solver.setup.setup import set_up
from solver.simulation.discretisation import initial_cell
from tests.conftest import small_case

CELL = {
    "kind": "3d",
    "width": "3 um",
    "depth": "1 um",
    "metal_thickness": "4 um",
    "electrolyte_depth": "4 um",
}
SIZES = {"tip_size": "0.15 um", "growth": 0.4, "largest_size": "1 um"}


@pytest.mark.parametrize(
    ("shape", "share"),
    [
        (VoidShape((1.5,), 1.2, 0.5, along=1), 1.0),
        (VoidShape((0.0,), 1.2, 0.5, along=1), 0.5),
        (VoidShape((1.0,), 1.2, 0.5, along=0), 0.5),
        (VoidShape((1.5,), 1.0, 0.8, "cap", along=1), 1.0),
    ],
)
def test_a_cylinder_has_the_section_of_the_plane_void(shape: VoidShape, share: float) -> None:
    extents = (3.0, 1.0)
    (void,) = profile_from_seeds([shape], extents=extents, metal_height=4.0, electrolyte_depth=4.0).voids
    across, length = (0, extents[1]) if shape.along == 1 else (1, extents[0])
    assert void.measure == pytest.approx(share * shape.section_area() * length, rel=1e-12)
    assert void.footprint.area == pytest.approx(share * shape.width * length, rel=1e-12)
    points = np.full((1, 2), 0.3)
    points[0, across] = shape.center[0] + (-0.2 if share == 1.0 or shape.along == 0 else 0.2)
    assert void.heights(points) == pytest.approx(shape.heights(np.array([0.2])), rel=1e-12)
    assert (void.wrapped is not None) is shape.overhangs
    if void.wrapped is not None:
        rim = np.array([[shape.center[0] + 0.5 * shape.width, 0.3]])
        np.testing.assert_allclose(void.wrapped(rim), [[*rim[0], 0.0]], atol=1e-12)


def test_a_seed_that_crosses_a_side_is_refused() -> None:
    crossing = VoidShape((0.3,), 1.2, 0.5, along=1)
    with pytest.raises(ValueError, match="crosses a side"):
        profile_from_seeds([crossing], extents=(3.0, 1.0), metal_height=4.0, electrolyte_depth=4.0)


@pytest.mark.parametrize(
    ("voids", "message"),
    [
        (
            [{"position": ["1 um", "0.5 um"], "width": "1 um", "along": "y"}],
            "needs 1 coordinate(s) in a void along y",
        ),
        ([{"position": "0.3 um", "width": "1 um", "along": "y"}], "crosses a side of the cell"),
        ([{"position": "2 um", "width": "0.5 um", "along": "x"}], "outside the cell"),
        ([{"width": "1 um", "along": "z"}], "void.0.along"),
        (
            [{"position": "1.5 um", "width": "1 um", "along": "y"}, {"width": "0.2 um", "along": "x"}],
            "void[1] overlaps void[0]",
        ),
        (
            [
                {"position": "1.5 um", "width": "1 um", "along": "y"},
                {"position": ["2.2 um", "0.5 um"], "width": "0.8 um"},
            ],
            "void[1] overlaps void[0]",
        ),
    ],
)
def test_cylinders_that_cannot_be(voids: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(CaseError) as caught:
        small_case(geometry=CELL, void=voids, numerics=SIZES)
    assert message in str(caught.value).replace("void[0].along", "void.0.along")


def test_a_cylinder_belongs_to_a_3d_cell() -> None:
    with pytest.raises(CaseError, match=r"void\[0\]\.along: a cylinder through the cell needs a 3d cell"):
        small_case(void=[{"width": "1 um", "along": "y"}])


@pytest.mark.parallel
@pytest.mark.parametrize(("along", "sides"), [("y", ("3 um", "1 um")), ("x", ("1 um", "3 um"))])
def test_a_case_with_a_cylinder_answers_like_the_plane(
    along: str, sides: tuple[str, str], comm: MPI.Comm
) -> None:
    """Growth by vacancies and the volume; by both axes. Creep follows on finer meshes (test_surfaces.py)."""
    void = {"position": "0 um", "width": "1.4 um", "height": "0.5 um"}
    solid = small_case(
        geometry=CELL | dict(zip(("width", "depth"), sides, strict=True)),
        void=[void | {"along": along}],
        numerics=SIZES,
    )
    assert parse_case(solid.resolved()).case.void == solid.case.void
    flat = {"kind": "plane", "width": "3 um", "metal_thickness": "4 um", "electrolyte_depth": "4 um"}
    gains, measures = [], []
    for loaded in (solid, small_case(geometry=flat, void=[void], numerics=SIZES)):
        setup = set_up(loaded)
        model = CoupledModel(initial_cell(setup, comm), setup.parameters, setup.solver_options)
        model.solve(0.0)
        gains.append(model.void_rates()[0])
        measures.append(model.void_measure())
        model.destroy()
    assert measures[0] == pytest.approx(measures[1], rel=1e-6)
    assert gains[0] == pytest.approx(gains[1], rel=2e-2)
