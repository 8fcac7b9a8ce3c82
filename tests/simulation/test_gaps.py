"""Thin gaps in a run: what is kept of them, and when they end it or become voids."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from meshes.topology import change_lengths
from solver.case.loading import parse_case
from solver.interface.electrolyte_surface import ContactTrace
from solver.output.run_folder import RunFolder
from solver.setup.setup import set_up
from solver.simulation.callbacks import Callback, Callbacks
from solver.simulation.run import run_case, start
from solver.simulation.simulation import Simulation
from tests.conftest import (
    advanced_after_two_rejections,
    case_data,
    on_two_ranks,
    series,
    small_case,
    table,
)
from tests.made_once import copied, made_once
from tests.simulation.cut_off import cut_at, cut_on_all_ranks, go_on
from tests.simulation.test_restart import assert_same

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]

PARTING: dict[str, Any] = {
    "geometry": {"width": "4 um", "metal_thickness": "4 um", "electrolyte_depth": "3 um"},
    "void": [{"width": "1 um"}],
    "operation": {"pressure": "0.05 MPa", "capacity": "0.00012 mAh/cm^2"},
    "heterogeneity": {"patch": [{"position": "4 um", "width": "3 um", "factor": 100.0}], "edge": "0.1 um"},
    "model": {"vacancies": False, "pressure_potential": False},
    "numerics": {"tip_size": "0.12 um", "growth": 0.4, "roof_fraction": 0.3, "courant": 0.6},
    "output": {"interval": "0.00006 mAh/cm^2", "checkpoint_steps": 1},
}
"""Metal that is much too stiff at this pressure to follow what is stripped between the void and a stretch of
hundred times the resistance."""
CUT_AT = 6
"""Step."""
LOW, HIGH = 1.8, 3.2
"""um; where a test puts a gap."""


class Books(Callback):
    """Metal, gaps and charge after each step; what has to hold of the record at each moment."""

    def __init__(self) -> None:
        self.left: Any = None
        self.metal: list[float] = []
        self.removed = [0.0]
        self.held: list[float] = []
        self.measured: list[float] = []

    def kept(self) -> dict[str, list[float]]:
        """What the metal was, what had been removed, and the gaps as they are kept and measured."""
        return {
            "metal": self.metal,
            "removed": self.removed,
            "held": self.held,
            "measured": self.measured,
        }

    def run_begins(self, simulation: Simulation) -> None:
        self.left = simulation.surface.state()
        self.note(simulation)

    def note(self, simulation: Simulation) -> None:
        self.metal.append(simulation.model.metal_measure())
        self.held.append(simulation.surface.held)
        self.measured.append(simulation.surface.gaps.measure())

    def state_solved(self, simulation: Simulation) -> None:
        # solving and rejections have left no mark
        assert simulation.surface.state() == self.left

    def step_done(self, simulation: Simulation) -> None:
        result, gaps = simulation.result, simulation.surface.gaps
        assert result is not None
        self.left = simulation.surface.state()
        self.removed.append(result.removed)
        self.note(simulation)
        footprints = [void.footprint for void in simulation.interface.profile.voids]
        assert not gaps.thickness[gaps.grid.covered(footprints)].any()
        assert (gaps.thickness >= 0.0).all()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The uninterrupted run; beside it its books, and what a kill on the way leaves."""

    def make(folder: Path) -> None:
        books = Books()
        cut_at(folder / "out", {CUT_AT: folder / "cut"}, books, **PARTING)
        (folder / "books.json").write_text(json.dumps(books.kept()), encoding="utf-8")

    return made_once("parting", make, tmp_path_factory) / "out"


def test_metal_is_what_is_left_of_it_and_the_gaps(whole: Path) -> None:
    """Over all steps: no metal is made where gaps open, close, move with the mesh or are run over."""
    out, books = whole, json.loads(whole.with_name("books.json").read_text(encoding="utf-8"))
    metal, held, measured = (np.array(books[name]) for name in ("metal", "held", "measured"))
    removed = np.cumsum(books["removed"])
    assert held[0] == 0.0 and held[-1] > 0.05 * removed[-1]  # they are a good part of what was stripped
    np.testing.assert_allclose(metal - held, metal[0] - removed, atol=1e-8 * removed[-1])
    # the grid keeps what the mesh had, to the size of its cells
    np.testing.assert_allclose(measured, held, atol=0.15 * held.max())
    rows = series(out)
    assert max(float(row["gap_fraction"]) for row in rows) > 0.2
    for row in rows:
        for name in ("charge_error", "lithium_error", "volume_error"):
            assert float(row[name]) <= 1e-8
        assert row is rows[0] or float(row["active_fraction"]) < float(row["contact_fraction"])
    along = [row for row in table(out / "interface.csv") if row["part"] == "contact"]
    thickest = max(float(row["gap_um"]) for row in along)
    assert 1e-4 < thickest < 0.1
    assert all(float(row["gap_um"]) == 0.0 for row in along if row["contact"] == "1")


def begun(**changes: Any) -> Simulation:
    data = case_data(**PARTING)
    data |= {k: data.get(k, {}) | v if isinstance(v, dict) else v for k, v in changes.items()}
    simulation = start(set_up(parse_case(data)), MPI.COMM_SELF, Callbacks(MPI.COMM_SELF, []))
    simulation.begin_stage()
    return simulation


def test_a_rejected_step_leaves_no_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mesh that is found inverted after everything has been solved, observed and moved."""
    simulation = begun()
    surface = simulation.surface
    for _ in range(2):
        assert simulation.advance() is None
    assert surface.gaps.fraction() > 0.1
    before = advanced_after_two_rejections(simulation, monkeypatch)
    assert surface.state() != before
    simulation.discretisation.destroy()


def test_a_record_goes_through_the_header_of_a_checkpoint() -> None:
    from solver.simulation import restart

    simulation = begun()
    for _ in range(2):
        assert simulation.advance() is None
    surface = simulation.surface
    before, thickness = surface.state(), surface.gaps.thickness.copy()
    header = json.loads(json.dumps(restart.header(simulation)))
    assert surface.held > 0.0 and thickness.any()
    surface.accept(ContactTrace(np.zeros(len(thickness)), np.zeros(len(thickness)), 0.0), 1.0)
    restart.restore(simulation, header)
    assert surface.state() == before
    np.testing.assert_array_equal(surface.gaps.thickness, thickness)
    simulation.discretisation.destroy()


def with_gap(simulation: Simulation, thickness: float) -> None:
    """Give the record a gap, and the metal of the mesh its volume."""
    surface = simulation.surface
    x = surface.gaps.grid.middles[:, 0]
    gap = np.where((x > LOW) & (x < HIGH), thickness, 0.0)
    surface.accept(ContactTrace(np.where(gap > 0.0, -np.inf, 1.0), gap, thickness * (HIGH - LOW)), 1.0)


@pytest.mark.parametrize("thick", [False, True])
def test_a_gap_becomes_a_void_once_it_is_thick(thick: bool) -> None:
    """Its volume is the void's then: metal, gaps and charge still balance."""
    simulation = begun()
    thickness = change_lengths(simulation.setup.sizes.event_length).opening_height * (1.05 if thick else 0.9)
    with_gap(simulation, thickness)
    surface = simulation.surface
    metal, held = simulation.model.metal_measure(), surface.held
    assert simulation.advance() is None and simulation.result is not None
    removed = simulation.result.removed
    assert len(simulation.interface.profile.voids) == 1
    assert surface.held == pytest.approx(held, rel=0.02)
    height, before = simulation.interface.profile.metal_height, surface.held - held
    simulation.change_interface()
    voids = simulation.interface.profile.voids
    assert len(voids) == (2 if thick else 1)
    assert simulation.model.metal_measure() - surface.held == pytest.approx(metal - held - removed, abs=1e-10)
    if not thick:
        assert surface.gaps.measure() == pytest.approx(held, rel=0.02)
        simulation.discretisation.destroy()
        return
    new = max(voids, key=lambda void: float(void.footprint.bounds[0]))
    low, _, high, _ = new.footprint.bounds
    # at least as wide as voids open
    assert low < LOW + 0.1 and high > HIGH - 0.1
    assert not surface.gap_at(np.linspace(low + 0.1, high - 0.1, 20)[:, None]).any()
    # its share of the metal is gone with it: what is left are a few cells at the ends
    assert surface.held == pytest.approx(surface.gaps.measure(), abs=0.1 * held)
    assert surface.held < 0.1 * held
    # the platen is higher by what the void, a half ellipse, has more than the gap had
    area = np.pi / 4.0 * (high - low) * new.height
    assert new.measure == pytest.approx(area, rel=0.1)
    raised = simulation.interface.profile.metal_height - height
    taken = metal - removed + before - simulation.model.metal_measure()
    assert 4.0 * raised == pytest.approx(new.measure - taken, abs=1e-3)
    rejected = simulation.clock.rejected
    assert simulation.advance() is None
    assert simulation.clock.rejected == rejected
    assert simulation.errors.lithium < 1e-8 and simulation.errors.volume < 1e-8
    removed += simulation.result.removed
    assert simulation.model.metal_measure() - surface.held == pytest.approx(metal - held - removed, abs=1e-10)
    simulation.discretisation.destroy()


@pytest.mark.parametrize("kind", ["plane", "axisymmetric"])
@pytest.mark.parametrize("thickness", [0.0, 1e-3, 1e-2])
def test_metal_without_voids_keeps_its_amount_too(thickness: float, kind: str) -> None:
    """A mesh reads another volume of gaps than the record has, and nodes interpolate a current that varies
    along the contact at a held overpotential; the platen takes what no void can."""
    held = {"pressure": "4.5 MPa", "mode": "potentiostatic", "overpotential": "10 mV", "current": None}
    simulation = begun(
        void=[],
        geometry={"kind": kind},
        heterogeneity={"patch": [{"position": "2 um", "width": "1 um", "factor": 0.1}]},
        fixture={"stiffness": "1 MPa/um", "counter": "rigid"},
        operation={"pressure": "1 MPa"} if thickness > 0.0 else held,
        model={"pressure_potential": True},
    )
    if thickness > 0.0:
        with_gap(simulation, thickness)
    surface, clamp = simulation.surface, simulation.model.clamp
    metal, platen = simulation.model.metal_measure() - surface.held, simulation.interface.profile.metal_height
    compression = clamp.state()["compression"]
    for _ in range(3):
        assert simulation.advance() is None and simulation.result is not None
        simulation.observe()
        assert simulation.errors.lithium < 1e-8 and simulation.errors.volume < 1e-8
        metal -= simulation.result.removed
        assert simulation.model.metal_measure() - surface.held == pytest.approx(metal, abs=1e-10)
    fallen = platen - simulation.interface.profile.metal_height
    # the counter electrode is rigid: what the platen falls the clamp opens
    assert compression - clamp.state()["compression"] == pytest.approx(fallen, rel=1e-9)
    simulation.discretisation.destroy()


def test_a_run_that_stops_at_events_stops_where_the_contact_lets_go(tmp_path: Path) -> None:
    data = case_data(**PARTING)
    data["model"] = data["model"] | {"at_event": "stop"}
    outcome = run_case(parse_case(data), RunFolder(tmp_path / "out"), MPI.COMM_SELF)
    assert outcome.status == "event" and outcome.event is not None, outcome.message
    assert outcome.event.kind == "open"
    assert outcome.steps == 1
    assert [row["kind"] for row in table(tmp_path / "out" / "events.csv")] == ["open"]
    # metal that follows never lets go
    data["operation"] = data["operation"] | {"pressure": "5 MPa", "capacity": "0.00002 mAh/cm^2"}
    del data["heterogeneity"]
    outcome = run_case(parse_case(data), RunFolder(tmp_path / "held"), MPI.COMM_SELF)
    assert outcome.status == "finished", outcome.message
    assert {row["gap_fraction"] for row in series(tmp_path / "held")} == {"0"}


def test_contact_that_is_held_everywhere_never_parts(tmp_path: Path) -> None:
    """The same metal, current and pressure with adhesion = "inf": tension in place of gaps and voids."""
    data = case_data(**PARTING)
    data["model"] = data["model"] | {"adhesion": "inf"}
    data["operation"] = data["operation"] | {"capacity": "0.00002 mAh/cm^2"}
    outcome = run_case(parse_case(data), RunFolder(tmp_path / "out"), MPI.COMM_SELF)
    assert outcome.status == "finished", outcome.message
    assert table(tmp_path / "out" / "events.csv") == []
    rows = series(tmp_path / "out")
    assert {row["gap_fraction"] for row in rows} == {"0"}
    assert all(row["active_fraction"] == row["contact_fraction"] for row in rows)
    along = [row for row in table(tmp_path / "out" / "interface.csv") if row["part"] == "contact"]
    assert {(row["contact"], row["gap_um"]) for row in along} == {("1", "0")}
    # what would have parted bears tension, many times the pressure
    assert min(float(row["pressure_MPa"]) for row in along) < -10.0 * 0.05


def test_without_parting_nothing_is_recorded() -> None:
    simulation = start(set_up(small_case()), MPI.COMM_SELF, Callbacks(MPI.COMM_SELF, []))
    simulation.begin_stage()
    assert simulation.advance() is None
    assert simulation.surface.state()["gaps"] == {"cells": [], "thickness": [], "held": 0.0}
    assert simulation.surface.state()["memory"] is None
    simulation.discretisation.destroy()


def assert_same_gaps(one: Path, two: Path) -> None:
    assert_same(one, two, 1e-6)
    for name in ("gap_fraction", "active_fraction"):
        a, b = (np.array([float(row[name]) for row in series(folder)]) for folder in (one, two))
        np.testing.assert_allclose(b, a, atol=1e-6, err_msg=name)


@pytest.mark.slow
@on_two_ranks
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_a_run_that_was_cut_off_goes_on_with_its_gaps(
    together: Path, whole: Path, before: int, after: int
) -> None:
    """On one rank or two, before and after: the gaps of every step are those of the undisturbed run."""
    out = together / "out"
    if before == 1:
        copied(whole.with_name("cut"), out)
    else:
        cut_on_all_ranks(out, CUT_AT, **PARTING)
    go_on(out, after, **PARTING)
    assert_same_gaps(whole, out)
