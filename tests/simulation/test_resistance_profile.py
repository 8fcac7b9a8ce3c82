"""A resistance that varies along the interface, over new meshes, changes of topology and a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI
from numpy.typing import NDArray

from solver.case.loading import parse_case
from solver.output.run_folder import RunFolder
from solver.simulation.callbacks import Callback
from solver.simulation.run import run_case
from solver.simulation.simulation import Simulation
from tests.conftest import case_data, series, table
from tests.simulation.test_restart import assert_same

PROFILE = {
    "geometry": {"width": "6 um", "metal_thickness": "4 um", "electrolyte_depth": "3 um"},
    "void": [{"position": "1.4 um", "width": "2 um"}, {"position": "3.75 um", "width": "2.2 um"}],
    "operation": {"pressure": "0.2 MPa", "capacity": "0.0002 mAh/cm^2"},
    "numerics": {"tip_size": "0.12 um", "growth": 0.5, "roof_fraction": 0.25, "layer_size": "0.5 um"},
    "output": {"interval": "0.00005 mAh/cm^2", "checkpoint_steps": 1},
    "heterogeneity": {"expression": "1 + 0.9*cos(2*pi*x/(4*um))"},
}
"""Two voids that meet at once."""


class Watch(Callback):
    """Compares the resistance of every solved state with its expression, and fails in a step if told to."""

    name = "watch"

    def __init__(self, fails_at: int = -1) -> None:
        self.fails_at, self.meshes, self.kinds = fails_at, 0, set[str]()

    def state_solved(self, simulation: Simulation) -> None:
        kinetics = simulation.model.chemistry.kinetics
        x = kinetics.conductance.function_space.tabulate_dof_coordinates()[:, 0]
        share = kinetics.resistance() / simulation.setup.parameters.current.area_resistance
        exact = 1.0 + 0.9 * np.cos(0.5 * np.pi * x)
        np.testing.assert_allclose(share, exact, rtol=1e-12)

    def mesh_changed(self, simulation: Simulation) -> None:
        self.meshes += 1

    def events_happened(self, simulation: Simulation, events: Any) -> None:
        self.kinds |= {event.kind for event in events}

    def step_done(self, simulation: Simulation) -> None:
        if simulation.clock.step == self.fails_at:
            raise ValueError("enough")


def run(folder: Path, comm: MPI.Comm, watch: Watch, *, resume: bool = False) -> str:
    data = parse_case(case_data(**PROFILE))
    return run_case(data, RunFolder(folder), comm, callbacks=[watch], resume=resume).status


def check(whole: Path, cut: Path, comm: MPI.Comm) -> None:
    """One run, and another one that stops after the meeting, and goes on."""
    watch = Watch()
    assert run(whole, comm, watch) == "finished"
    assert watch.meshes > 0 and watch.kinds == {"coalesce"}
    assert run(cut, comm, Watch(fails_at=4)) == "failed"
    assert run(cut, comm, Watch(), resume=True) == "finished"
    comm.Barrier()
    assert len(series(whole)) > 6
    assert_same(whole, cut, 1e-6)
    one, two = (along(folder) for folder in (whole, cut))
    np.testing.assert_allclose(two, one, atol=1e-6)
    np.testing.assert_allclose(one[:, 1], 1.0 + 0.9 * np.cos(0.5 * np.pi * one[:, 0]), rtol=1e-5)


def along(folder: Path) -> NDArray[np.float64]:
    """Rows of x (um) and Z (ohm cm2, of 1 without the profile) along the contact."""
    rows = [row for row in table(folder / "interface.csv") if row["part"] == "contact"]
    return np.array([[float(row[name]) for name in ("x_um", "resistance_ohm_cm2")] for row in rows])


def test_a_profile_stays_in_its_place(tmp_path: Path) -> None:
    check(tmp_path / "whole", tmp_path / "cut", MPI.COMM_SELF)


@pytest.mark.parallel
def test_a_profile_stays_in_its_place_on_ranks(tmp_path: Path, comm: MPI.Comm) -> None:
    if comm.size > 1:
        folder = Path(comm.bcast(str(tmp_path), root=0))
        check(folder / "whole", folder / "cut", comm)
