"""The memory of a contact in a run: what marks it, and what does not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from meshes.profile.base import segment
from solver.case.loading import parse_case
from solver.output.run_folder import RunFolder
from solver.setup.setup import set_up
from solver.simulation.callbacks import Callback, Callbacks
from solver.simulation.run import run_case, start
from solver.simulation.simulation import Simulation
from tests.conftest import ON_TWO_RANKS, advanced_after_two_rejections, case_data, small_case, table
from tests.made_once import copied, made_once
from tests.simulation.cut_off import cut_at
from tests.simulation.test_restart import MERGING, assert_same, series
from tests.simulation.test_runs import write_case

HEALS = {"healing": {"rate": "1e-3 1/s", "exponent": 2.0}}


class Watch(Callback):
    """Follows the record through the moments of a run, and says what has to hold at each."""

    def __init__(self) -> None:
        self.moved: Any = None
        self.stepping = False
        self.virgin: list[float] = []
        self.active: list[float] = []
        self.contact: list[float] = []
        self.kinds: list[str] = []

    def run_begins(self, simulation: Simulation) -> None:
        memory = simulation.surface.memory
        assert memory is not None
        footprints = [void.footprint for void in simulation.interface.profile.voids]
        assert (memory.covered == memory.grid.covered(footprints)).all()
        assert (memory.virgin == ~memory.covered).all()
        self.moved = simulation.surface.state()

    def state_solved(self, simulation: Simulation) -> None:
        seen = simulation.last
        assert seen is not None
        # solving and rejections have left no mark; one before a change is solved on what the step has left
        assert self.stepping or simulation.surface.state() == self.moved
        assert simulation.model.chemistry.kinetics.record is simulation.surface
        self.virgin.append(seen.virgin_fraction)
        self.active.append(seen.active_fraction)
        self.contact.append(seen.contact_fraction)

    def interface_moved(self, simulation: Simulation, time_step: float) -> None:
        self.stepping = True

    def step_done(self, simulation: Simulation) -> None:
        memory, profile = simulation.surface.memory, simulation.interface.profile
        assert memory is not None
        # to a cell at each triple line: the points of a new mesh are not exactly those of the profile before
        wrong = memory.covered != memory.grid.covered([void.footprint for void in profile.voids])
        assert wrong.sum() <= 2 * len(profile.voids)
        assert not (memory.virgin & memory.covered).any()
        assert (memory.largest[memory.covered | memory.virgin] == 0.0).all()
        self.moved, self.stepping = simulation.surface.state(), False

    def events_happened(self, simulation: Simulation, events: Any) -> None:
        self.kinds += [event.kind for event in events]


def test_the_record_follows_the_accepted_path(tmp_path: Path) -> None:
    """Through a coalescence and new meshes; virgin contact only falls, active contact is less than all."""
    watch = Watch()
    data = case_data(**MERGING, contact_memory={})
    outcome = run_case(parse_case(data), RunFolder(tmp_path / "out"), MPI.COMM_SELF, callbacks=[watch])
    assert outcome.status == "finished", outcome.message
    assert "coalesce" in watch.kinds
    virgin, active, contact = (np.array(values) for values in (watch.virgin, watch.active, watch.contact))
    assert (np.diff(virgin) <= 0.0).all() and virgin[-1] < 0.9 * virgin[0]
    assert (active <= contact * (1.0 + 1e-12)).all()
    # re-made contact carries next to nothing at 0.2 MPa: what is active is virgin
    assert active == pytest.approx(virgin, abs=0.03)
    rows = series(tmp_path / "out")
    assert [float(row["active_fraction"]) for row in rows[: len(active)]] == pytest.approx(active, rel=1e-9)
    for row in rows:
        for name in ("charge_error", "lithium_error", "volume_error"):
            assert float(row[name]) <= 1e-8
    along = [row for row in table(tmp_path / "out" / "interface.csv") if row["part"] == "contact"]
    ohm = np.array([float(row["resistance_ohm_cm2"]) for row in along])
    assert ohm.min() == pytest.approx(1.0) and 1.0 < ohm.max() <= 324.0 * 0.01**-1.34 * (1.0 + 1e-9)


def test_without_memory_all_contact_counts(tmp_path: Path) -> None:
    run_case(small_case(), RunFolder(tmp_path / "out"), MPI.COMM_SELF)
    for row in series(tmp_path / "out"):
        assert row["contact_fraction"] == row["active_fraction"] == row["virgin_fraction"]
    values = {row["resistance_ohm_cm2"] for row in table(tmp_path / "out" / "interface.csv")}
    assert values == {"0", "1"}


def begun(**changes: Any) -> Simulation:
    simulation = start(set_up(small_case(**changes)), MPI.COMM_SELF, Callbacks(MPI.COMM_SELF, []))
    simulation.begin_stage()
    return simulation


def test_a_rejected_step_leaves_no_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mesh that is found inverted after everything has been solved, observed and moved."""
    simulation = begun(contact_memory=HEALS)
    surface = simulation.surface
    assert surface.memory is not None
    assert simulation.advance() is None
    surface.cover([segment(0.0, 2.0)])
    surface.cover([void.footprint for void in simulation.interface.profile.voids])
    before = advanced_after_two_rejections(simulation, monkeypatch)
    assert surface.state()["memory"] != before["memory"]
    simulation.discretisation.destroy()


def test_contact_that_has_lifted_in_a_step_that_counts_has_parted(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = begun(contact_memory={})
    memory = simulation.surface.memory
    assert memory is not None
    observe = type(simulation).observe

    def lifting(self: Simulation) -> None:
        lifts = self.model.zone.coordinates()[:, 0] > 2.5
        self.model.contact.active[lifts] = False
        self.model.contact.gap[lifts] = 1e-3
        observe(self)

    monkeypatch.setattr(type(simulation), "observe", lifting)
    assert simulation.advance() is None
    lifted = memory.grid.middles[:, 0] > 2.7
    assert not memory.virgin[lifted].any() and memory.virgin[~lifted & ~memory.covered].any()
    simulation.discretisation.destroy()


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=ON_TWO_RANKS)])
def test_a_run_that_was_cut_off_goes_on_with_its_record(
    ranks: int,
    tmp_path: Path,
    together: Path,
    livoid: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """On one rank, then on one or two; that heals has all that a record can hold."""

    def make(at: Path) -> None:
        cut_at(at / "whole", {20: at / "cut"}, **MERGING, contact_memory=HEALS)

    run = made_once("heals", make, tmp_path_factory)
    case = write_case(tmp_path, **MERGING, contact_memory=HEALS)
    out = copied(run / "cut", together / "out")
    result = livoid("run", str(case), "--out", "out", "--resume", ranks=ranks)
    assert result.returncode == 0, result.stderr
    assert_same(run / "whole", out, 1e-6)
    for name in ("active_fraction", "virgin_fraction"):
        one, two = ([float(row[name]) for row in series(folder)] for folder in (run / "whole", out))
        assert two == pytest.approx(one, rel=1e-6), name
