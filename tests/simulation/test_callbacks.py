"""Callbacks: what a user adds to a run, when it is called, and what becomes of one that fails."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mpi4py import MPI

from solver.case.loading import parse_case
from solver.output import checkpoint
from solver.output.along_interface import InterfaceRecorder
from solver.output.fields import FieldWriter
from solver.output.run_folder import RunFolder
from solver.setup.setup import set_up
from solver.simulation.callbacks import Callback, Callbacks, EverySteps, Scheduled, at_outputs
from solver.simulation.ending import RunOutcome
from solver.simulation.run import run_case, start
from solver.simulation.simulation import Simulation
from solver.stepping.observables import Observables
from tests.conftest import ROOT, case_data, environment, small_case
from tests.conftest import series as rows_of
from tests.simulation.test_runs import SHORT

REMESHING = {
    "numerics": {"smallest_quality": 0.9, "tip_size": "0.12 um"},
    "operation": {"capacity": "0.00004 mAh/cm^2"},
    "output": {"interval": "0.00002 mAh/cm^2"},
}
"""No mesh is good enough."""
BOUND = 120
"""Seconds in which two ranks have come to their end."""


def run(folder: Path, *callbacks: Callback | Callable[[Simulation], object], **options: Any) -> RunOutcome:
    changes = options.pop("changes", {})
    loaded = parse_case(case_data(**(SHORT | changes)))
    to = RunFolder(folder)
    return run_case(loaded, to, MPI.COMM_SELF, callbacks=callbacks, **options)


def test_a_function_sees_every_recorded_state(tmp_path: Path) -> None:
    voltages: list[float] = []
    every_third: list[int] = []
    outputs: list[int] = []

    def voltage(simulation: Simulation) -> None:
        assert simulation.last is not None
        voltages.append(simulation.last.shares.total)

    outcome = run(
        tmp_path / "out",
        voltage,
        Scheduled(lambda simulation: every_third.append(simulation.clock.step), EverySteps(3)),
        Scheduled(lambda simulation: outputs.append(simulation.clock.step), at_outputs),
    )
    assert outcome.status == "finished"
    rows = rows_of(tmp_path / "out")
    assert voltages == pytest.approx([float(row["voltage_V"]) for row in rows], rel=1e-11)
    steps = [int(row["step"]) for row in rows]
    assert every_third == [step for step in steps if step % 3 == 0]
    assert len(outputs) == 3
    assert outputs[0] == 0 and outputs[-1] == steps[-1]


class Diary(Callback):
    """Writes down the moments, and keeps a count over a restart."""

    name = "diary"

    def __init__(self, *, fails_at: int = -1) -> None:
        self.moments: list[str] = []
        self.states, self.fails_at = 0, fails_at

    def run_begins(self, simulation: Simulation) -> None:
        self.moments.append("run_begins")

    def stage_begins(self, simulation: Simulation) -> None:
        assert simulation.last is None
        self.moments.append(f"stage_begins {simulation.stage.kind}")

    def state_solved(self, simulation: Simulation) -> None:
        self.states += 1
        self.moments.append("state_solved")

    def interface_moved(self, simulation: Simulation, time_step: float) -> None:
        assert time_step > 0.0
        self.moments.append("interface_moved")

    def mesh_changed(self, simulation: Simulation) -> None:
        self.moments.append("mesh_changed")

    def step_done(self, simulation: Simulation) -> None:
        self.moments.append("step_done")
        if simulation.clock.step == self.fails_at:
            raise KeyError("no such thing")

    def stage_ends(self, simulation: Simulation, why: str) -> None:
        self.moments.append(f"stage_ends {why}")

    def run_ends(self, simulation: Simulation, outcome: RunOutcome) -> None:
        self.moments.append(f"run_ends {outcome.status}")

    def state(self) -> int:
        return self.states

    def restore(self, state: int) -> None:
        self.states = state


def test_moments_come_in_their_order(tmp_path: Path) -> None:
    diary = Diary()
    outcome = run(tmp_path / "out", diary, changes=REMESHING)
    step = ["state_solved", "interface_moved", "mesh_changed", "step_done"]
    steps = outcome.steps * step
    assert outcome.steps > 2
    assert diary.moments == [
        "run_begins",
        "stage_begins strip",
        *steps,
        "state_solved",
        "stage_ends capacity",
        "run_ends finished",
    ]


def test_a_callback_that_fails_ends_the_run_which_can_go_on(tmp_path: Path) -> None:
    whole = Diary()
    assert run(tmp_path / "whole", whole).status == "finished"
    out, faulty = tmp_path / "out", Diary(fails_at=4)
    every = {"output": {"interval": "0.0002 mAh/cm^2", "checkpoint_steps": 1}}
    outcome = run(out, faulty, changes=every)
    assert outcome.status == "failed"
    assert (
        "stopped at step 4: callback Diary at step_done failed: KeyError: 'no such thing'" in outcome.message
    )
    assert Path(__file__).name in outcome.message
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["status"] == "failed" and manifest["message"] == outcome.message
    # the checkpoint is the one before
    assert checkpoint.newest(out)[1]["step"] == 3
    again = Diary()
    assert run(out, again, changes=every, resume=True).status == "finished"
    assert again.states == whole.states
    assert again.moments[:2] == ["run_begins", "state_solved"]
    # one that knows nothing of the earlier ones does not mind
    assert rows_of(out)[-1]["voltage_V"] == rows_of(tmp_path / "whole")[-1]["voltage_V"]


TWO_RANKS = """
import json, sys
from pathlib import Path
from mpi4py import MPI
from solver.case.loading import parse_case
from solver.output.run_folder import RunFolder
from solver.simulation.run import run_case

comm = MPI.COMM_WORLD

def fails_on_one(simulation):
    if comm.rank == 1 and simulation.clock.step == 2:
        raise OSError("the disk of rank 1")

loaded = parse_case(json.loads(Path("case.json").read_text()))
outcome = run_case(loaded, RunFolder(Path("out")), comm, callbacks=[fails_on_one])
print(f"{outcome.status}: {outcome.message}")
"""


def test_a_callback_that_fails_on_one_rank_leaves_none_waiting(tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text(json.dumps(case_data(**SHORT)), encoding="utf-8")
    (tmp_path / "script.py").write_text(TWO_RANKS, encoding="utf-8")
    result = subprocess.run(
        ["mpirun", "-n", "2", sys.executable, "script.py"],
        cwd=tmp_path,
        env=environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=BOUND,
    )
    assert result.returncode == 0, result.stderr
    expected = "callback fails_on_one at state_solved failed on rank 1: OSError: the disk of rank 1"
    assert result.stdout.count(expected) == 2
    assert len(rows_of(tmp_path / "out")) == 3


def test_a_moment_that_a_run_does_not_have_is_named() -> None:
    with pytest.raises(ValueError, match="no moment 'now and then'; there are run_begins"):
        Scheduled(print, moment="now and then")


def test_two_callbacks_do_not_share_a_name(comm: MPI.Comm) -> None:
    with pytest.raises(ValueError, match="the same name: diary"):
        Callbacks(comm, [], [Diary(), Diary()])


def test_what_observes_is_made_once_for_a_mesh_that_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of it twice."""
    made: Counter[str] = Counter()
    for kind in (Observables, InterfaceRecorder, FieldWriter):
        begin = kind.__init__

        def counted(self: Any, *arguments: Any, _begin: Any = begin, **others: Any) -> None:
            made[type(self).__name__] += 1
            _begin(self, *arguments, **others)

        monkeypatch.setattr(kind, "__init__", counted)

    setup = set_up(small_case())
    simulation = start(setup, MPI.COMM_SELF, Callbacks(MPI.COMM_SELF, []))
    simulation.begin_stage()
    simulation.observe()
    made.clear()
    simulation.observe()
    assert not made
    simulation.discretisation.destroy()

    assert run(tmp_path / "out", changes=REMESHING).status == "finished"
    meshes = 1 + int(rows_of(tmp_path / "out")[-1]["remeshes"])
    assert meshes > 2
    outputs = 3
    assert made == {"Observables": meshes, "InterfaceRecorder": outputs, "FieldWriter": outputs}
