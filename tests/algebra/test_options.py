"""Optional physics: surface diffusion, Tresca friction, patchy resistance, nucleation."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import ufl
from dolfinx import fem
from mpi4py import MPI

from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import InterfaceProfile
from meshes.sizing import SizeRule
from meshes.tags import Boundary
from meshes.topology import OPEN_HEIGHT
from solver.algebra.options import SOLVER_OPTIONS
from solver.equations.coupled_model import CoupledModel
from solver.equations.motion import ImplicitRecession
from solver.equations.surface import SurfaceGeometry
from solver.equations.terms.contact_resistance import Patches, random_patches
from solver.setup.parameters import model_parameters
from solver.setup.scales import case_scales
from tests.conftest import series, small_case, table
from tests.simulation.test_runs import write_case

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]

AMPLITUDE, DIFFUSION = 1e-3, 0.7


def wavy(count: int, comm: MPI.Comm) -> SurfaceGeometry:
    """A metal whose whole lower side is a free surface y = 1 + A cos(pi x)."""
    x = np.linspace(0.0, 1.0, count + 1)
    roof = np.column_stack([x, 1.0 + AMPLITUDE * np.cos(np.pi * x)])
    profile = InterfaceProfile(1.0, 2.0, 1.0, (roof,))
    return SurfaceGeometry(mesh_plane(profile, SizeRule(tip=1.0 / count, largest=0.2), comm))


@pytest.mark.parallel
@pytest.mark.parametrize("step", [0.0, 0.02])
def test_surface_diffusion_flattens_a_wave_as_mullins_has_it(step: float, comm: MPI.Comm) -> None:
    """w = -B k^4 A cos(kx) / (1 + dt B k^4), exact for backward Euler to first order in A k; order 2."""
    errors = []
    for count in (20, 40, 80):
        surface = wavy(count, comm)
        zero = fem.Constant(surface.cell.domain, 0.0)
        problem = ImplicitRecession(surface, zero, 0.0, SOLVER_OPTIONS["newton-direct"], DIFFUSION)
        speed = problem.nodal_speed(step)
        x = surface.positions()[:, 0]
        # the metal is above: its outward normal is -y, a crest of the roof moves down the metal grows
        rate = DIFFUSION * np.pi**4 / (1.0 + step * DIFFUSION * np.pi**4)
        wanted = AMPLITUDE * rate * np.cos(np.pi * x) * -np.sign(surface.direction[:, 1])
        worst = float(np.abs(speed - wanted).max(initial=0.0)) / (AMPLITUDE * rate)
        errors.append(comm.allreduce(worst, op=MPI.MAX))
        owned = surface.nodes < surface.scalars.dofmap.index_map.size_local
        swept = comm.allreduce(float((speed * surface.projected)[owned].sum()))
        assert abs(swept) <= 1e-10 * AMPLITUDE * rate  # atoms move along the surface only
        problem.destroy()
    assert errors[-1] < 5e-3
    order = np.log2(errors[-2] / errors[-1])
    assert order > 1.7


def slip_speeds(comm: MPI.Comm, **model: object) -> float:
    """Largest lateral speed on the contact of a void under pressure."""
    loaded = small_case(model=model, operation={"pressure": "5 MPa"})
    from solver.setup.setup import set_up
    from solver.simulation.discretisation import initial_cell

    built = CoupledModel(initial_cell(set_up(loaded), comm), model_parameters(loaded, case_scales(loaded)))
    built.solve(0.0)
    cell, problem = built.cell, built.mechanics
    fdim = cell.domain.topology.dim - 1
    dofs = fem.locate_dofs_topological(
        problem.subspace("velocity").sub(0), fdim, cell.boundary(Boundary.CONTACT)
    )
    local = float(np.abs(problem.unknown.x.array[dofs]).max(initial=0.0))
    built.destroy()
    return comm.allreduce(local, op=MPI.MAX)


def test_tresca_friction_lies_between_slip_and_stick(comm: MPI.Comm) -> None:
    free = slip_speeds(comm, friction="slip")
    none = slip_speeds(comm, friction="tresca", friction_limit="1e-9 MPa")
    some = slip_speeds(comm, friction="tresca", friction_limit="0.3 MPa")
    much = slip_speeds(comm, friction="tresca", friction_limit="100 MPa")
    assert none == pytest.approx(free, rel=1e-5)
    assert much < some < free
    assert much < 2e-2 * free


def test_patches_and_their_edges() -> None:
    patches = Patches((2.0, 5.0), (1.0, 2.0), (0.1, 10.0), edge=0.2)
    x = np.array([0.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.11])
    np.testing.assert_allclose(patches.factor(x[None, :]), [1, 0.1**0.5, 0.1, 1, 10**0.5, 10, 1], rtol=1e-12)
    arguments = {"density": 0.3, "mean": 1.0, "deviation": 0.3, "factor": 0.2, "edge": 0.1}
    one, two, other = (random_patches(40.0, seed=s, **arguments) for s in (1, 1, 2))
    assert one == two != other
    assert len(one.centres) == 12
    assert all(0.5 <= width <= 2.0 for width in one.widths)


@pytest.mark.parallel
def test_current_follows_the_resistance_where_the_electrolyte_conducts_well(comm: MPI.Comm) -> None:
    """With kappa -> inf and linear kinetics i(x) Z(x) is the same everywhere, and the mean is prescribed."""
    loaded = small_case(
        void=[],
        heterogeneity={"patch": [{"position": "1.5 um", "width": "1 um", "factor": 0.25}], "edge": "0.2 um"},
        model={"vacancies": False, "pressure_potential": False, "kinetics": "linear"},
        material={"electrolyte": {"name": "LPSCl", "conductivity": "1000 S/m"}},
    )
    from solver.setup.setup import set_up
    from solver.simulation.discretisation import initial_cell

    model = CoupledModel(initial_cell(set_up(loaded), comm), model_parameters(loaded, case_scales(loaded)))
    model.solve(0.0)
    domain, chemistry = model.cell.domain, model.chemistry
    one = fem.Constant(domain, 1.0)
    area = chemistry.integrate(one, Boundary.CONTACT)
    drop = chemistry.current_density() / chemistry.kinetics.conductance("+")
    mean = chemistry.integrate(drop, Boundary.CONTACT) / area
    error = chemistry.integrate(ufl.sqrt((drop / mean - 1.0) ** 2), Boundary.CONTACT) / area
    assert error < 1e-3
    largest = comm.allreduce(float(chemistry.kinetics.conductance.x.array.max()), op=MPI.MAX)
    assert largest == pytest.approx(4.0, rel=1e-9)
    assert chemistry.contact_current() == pytest.approx(chemistry.whole_area, rel=1e-9)
    model.destroy()


def receding_patch(tmp_path: Path, *, vacancies: bool, capacity: str) -> Path:
    """Ten times the conductance on 2 um of the contact (half of what the mirror image has), no surface
    tension to draw voids shut."""
    return write_case(
        tmp_path,
        geometry={"width": "6 um", "metal_thickness": "6 um", "electrolyte_depth": "4 um"},
        void=[{"position": "0 um", "width": "1 um"}],
        heterogeneity={"patch": [{"position": "6 um", "width": "4 um", "factor": 0.1}], "edge": "0.4 um"},
        model={"vacancies": vacancies, "capillarity": False},
        operation={"pressure": "0.05 MPa", "current": "2 mA/cm^2", "capacity": capacity},
        numerics={"tip_size": "0.15 um", "largest_size": "0.8 um", "growth": 0.4},
    )


@pytest.mark.slow
@pytest.mark.parametrize(("vacancies", "capacity"), [(True, "2e-5 mAh/cm^2"), (False, "2e-6 mAh/cm^2")])
def test_a_patch_that_recedes_faster_parts(
    tmp_path: Path, livoid: Livoid, vacancies: bool, capacity: str
) -> None:
    """A gap opens over it, thinner than any void of the mesh: what has parted is no longer stripped."""
    case = receding_patch(tmp_path, vacancies=vacancies, capacity=capacity)
    result = livoid("run", str(case), "--out", "out")
    assert result.returncode == 0, result.stderr
    assert not [row for row in table(tmp_path / "out" / "events.csv") if row["kind"] == "open"]
    gaps = [
        float(row["gap_um"])
        for row in table(tmp_path / "out" / "interface.csv")
        if row["part"] == "contact" and abs(float(row["x_um"]) - 6.0) < 2.0
    ]
    assert 0.0 < max(gaps) < OPEN_HEIGHT * 0.1
    rows = series(tmp_path / "out")
    assert max(float(row["gap_fraction"]) for row in rows) > 0.1
    for row in rows:
        assert float(row["lithium_error"]) <= 1e-8


@pytest.mark.slow
def test_voids_nucleate_where_vacancies_pile_up(tmp_path: Path, livoid: Livoid) -> None:
    """S is uniform without voids: the spacing alone limits how many nucleate at once."""
    case = write_case(
        tmp_path,
        geometry={"width": "10 um", "metal_thickness": "6 um", "electrolyte_depth": "4 um"},
        void=[],
        model={
            "nucleation": {
                "supersaturation": 1.05,
                "width": "1 um",
                "spacing": "1.5 um",
                "width_deviation": "0.1 um",
            }
        },
        operation={"pressure": "0.2 MPa", "capacity": "0.00008 mAh/cm^2"},
        numerics={"tip_size": "0.12 um", "largest_size": "0.6 um", "growth": 0.4},
    )
    result = livoid("run", str(case), "--out", "out")
    assert result.returncode == 0, result.stderr
    born = [row for row in table(tmp_path / "out" / "events.csv") if row["kind"] == "nucleate"]
    assert 2 <= len(born) <= 4
    places = sorted(float(row["position_um"]) for row in born)
    widths = [float(row["size_um"]) for row in born]
    assert all(b - a >= 1.5 + 0.5 for a, b in pairwise(places))
    assert all(0.5 <= width <= 2.0 for width in widths)
    assert int(series(tmp_path / "out")[-1]["voids"]) >= 1
