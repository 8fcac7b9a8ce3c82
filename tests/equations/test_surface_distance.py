"""Distance to the nearest void surface or contact, and what diffusional creep makes of it."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import InterfaceProfile, profile_from_shapes
from meshes.seeds import VoidShape
from meshes.sizing import SizeRule
from solver.equations.surface_distance import ACCURACY, SurfaceDistance, distances, to_facets
from solver.setup.setup import set_up
from solver.simulation.discretisation import discretise, initial_cell
from tests.conftest import small_case


def chain(rng: np.random.Generator, sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """A line of segments of these sizes, bent at random."""
    angle = np.cumsum(rng.normal(0.0, 0.3, len(sizes)))
    steps = sizes[:, None] * np.column_stack([np.cos(angle), np.sin(angle), np.zeros(len(sizes))])
    points = np.vstack([np.zeros(3), np.cumsum(steps, axis=0)])
    return np.stack([points[:-1], points[1:]], axis=1)


@pytest.mark.parametrize("seed", range(4))
def test_distances_to_segments_of_all_sizes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    facets = chain(rng, 10.0 ** rng.uniform(-2.0, 1.0, 300))
    points = facets.reshape(-1, 3)[rng.integers(0, 600, 200)] + rng.normal(0.0, 3.0, (200, 3)) * [1, 1, 0]
    line = shapely.LineString(np.vstack([facets[0, 0], facets[:, 1]])[:, :2])
    exact = np.array([line.distance(shapely.Point(p[:2])) for p in points])
    found = distances(points, facets)
    assert np.all(found >= exact - 1e-12)
    assert np.all(found <= exact / (1.0 - ACCURACY) + 1e-12)
    assert np.mean(found - exact > 1e-9 * exact) < 0.05


@pytest.mark.parametrize("seed", range(3))
def test_distances_to_triangles(seed: int) -> None:
    """Against points of a fine grid on each triangle."""
    rng = np.random.default_rng(seed)
    facets = rng.uniform(0.0, 4.0, (60, 1, 3)) + rng.normal(
        0.0, 10.0 ** rng.uniform(-1, 0.3, (60, 1, 1)), (60, 3, 3)
    )
    points = rng.uniform(-2.0, 6.0, (50, 3))
    u, v = (a.ravel() for a in np.meshgrid(np.linspace(0, 1, 60), np.linspace(0, 1, 60)))
    keep = u + v <= 1.0
    weights = np.stack([1.0 - u - v, u, v])[:, keep]
    cloud = np.einsum("wn,kwi->kni", weights, facets)
    gridded = np.array([np.linalg.norm(cloud - p, axis=2).min(axis=1) for p in points])
    exact = to_facets(points, np.broadcast_to(facets, (50, *facets.shape)))
    spacing = np.linalg.norm(facets - np.roll(facets, 1, axis=1), axis=2).max(axis=1) / 59
    assert np.all(exact <= gridded + 1e-12)
    assert np.all(gridded - exact <= spacing)
    assert distances(points, facets) == pytest.approx(exact.min(axis=1), rel=ACCURACY)


def test_no_surface_is_infinitely_far() -> None:
    assert np.all(np.isinf(distances(np.zeros((2, 3)), np.zeros((0, 2, 3)))))


@pytest.mark.parallel
def test_the_field_is_the_distance_to_roof_and_contact(comm: MPI.Comm) -> None:
    rule = SizeRule(tip=0.1, growth=0.4, largest=0.8)
    shape = VoidShape((1.5,), 1.2, 0.8)
    profile = profile_from_shapes([shape], width=3.0, metal_height=4.0, electrolyte_depth=3.0, rule=rule)
    distance = SurfaceDistance(mesh_plane(profile, rule, comm))
    roof = np.asarray(profile.roofs[0])
    left, right = roof[:, 0].min(), roof[:, 0].max()
    contact = [[(0.0, 0.0), (left, 0.0)], [(right, 0.0), (3.0, 0.0)]]
    surfaces = shapely.MultiLineString([roof, *contact])
    x = distance.value.function_space.tabulate_dof_coordinates()
    above = x[:, 1] > 1e-9
    exact = np.array([surfaces.distance(shapely.Point(p)) for p in x])
    assert np.abs(distance.value.x.array - exact)[above].max(initial=0.0) < 1e-9
    assert comm.allreduce(int(above.sum())) > 100


@pytest.mark.parallel
def test_it_follows_the_mesh(comm: MPI.Comm) -> None:
    cell = mesh_plane(InterfaceProfile(1.0, 2.0, 1.0), SizeRule(0.2, largest=0.2), comm)
    distance = SurfaceDistance(cell)
    cell.domain.geometry.x[:, 1] *= 1.5
    distance.update()
    y = distance.value.function_space.tabulate_dof_coordinates()[:, 1]
    assert np.allclose(distance.value.x.array, np.maximum(y, 0.0), atol=1e-12)


@pytest.mark.parallel
def test_a_solve_measures_where_the_mesh_is(comm: MPI.Comm) -> None:
    """Moved and solved, the model is that of the moved mesh: the same voids close at the same rate."""
    loaded = small_case(material={"creep": {"name": "lithium-nabarro-herring"}})
    setup = set_up(loaded)
    rates = []
    for moved_first in (True, False):
        cell = initial_cell(setup, comm)
        if moved_first:
            cell.domain.geometry.x[:, 1] *= 1.05
        model = discretise(setup, cell).model
        if not moved_first:
            cell.domain.geometry.x[:, 1] *= 1.05
        model.solve(0.0)
        rates.append(model.void_rates())
        model.destroy()
    assert rates[0] == pytest.approx(rates[1], rel=1e-8)
