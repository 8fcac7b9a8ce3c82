"""Signals at any moment of a run: it ends as ``interrupted``, soon, and goes on with all that it had."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gmsh
import psutil
import pytest
import tomli_w
from mpi4py import MPI

from meshes.gmsh.session import distribute, mesh_by_size
from solver.algebra.newton import NewtonSolver
from solver.case.loading import parse_case
from solver.core import interrupts
from solver.core.interrupts import Interrupted
from solver.equations.coupled_model import CoupledModel
from solver.output import checkpoint
from solver.output.recorder import Recorder
from solver.output.run_folder import RunFolder
from solver.simulation import run as runs
from solver.simulation.run import run_case
from solver.stepping import step
from tests.conftest import case_data, series
from tests.simulation.test_faults import BOUND, kill_all, one_message, start, status, wait_for
from tests.simulation.test_restart import assert_same

pytestmark = pytest.mark.kind("signal at any moment")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
SOON = 5.0
"""Seconds in which a signal is obeyed where no native call runs."""
TRIALS = 8
"""Signals at random moments."""


def cycle() -> dict[str, Any]:
    """A case of two stages with checkpoints at its outputs only."""
    data = case_data(output={"interval": "0.0002 mAh/cm^2", "checkpoint_steps": 1000})
    strip = {"do": "strip", "current": "0.5 mA/cm^2", "capacity": "0.0003 mAh/cm^2"}
    plate = {"do": "plate", "current": "0.5 mA/cm^2", "capacity": "0.0001 mAh/cm^2"}
    return data | {"operation": {"pressure": "0.5 MPa", "step": [strip, plate]}}


def write(folder: Path) -> Path:
    path = folder / "case.toml"
    path.write_text(tomli_w.dumps(cycle()), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Whoever runs the suite in the background has interrupts ignored."""
    before = [signal.signal(number, signal.SIG_DFL) for number in SIGNALS]
    yield
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


def in_process(out: Path, **how: bool) -> Any:
    return run_case(parse_case(cycle()), RunFolder(out), MPI.COMM_SELF, **how)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody disturbs."""
    out = tmp_path_factory.mktemp("whole") / "out"
    assert in_process(out).status == "finished"
    return out


def signals_in(
    monkeypatch: pytest.MonkeyPatch, place: Any, name: str, call: int, number: signal.Signals
) -> None:
    """Have a signal come in one of the calls of a function, in its middle as far as Python sees."""
    real, calls = getattr(place, name), [0]

    def signalled(*arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] == call:
            signal.raise_signal(number)
        return real(*arguments, **options)

    monkeypatch.setattr(place, name, signalled)


MOMENTS = {
    "solve": (CoupledModel, "solve", 7),
    "Newton": (NewtonSolver, "_evaluate", 60),
    "step": (step, "quality", 4),
    "records": (Recorder, "step", 5),
    "output": (Recorder, "output", 1),
    "checkpoint": (checkpoint, "write", 1),
    "end-of-a-stage": (Recorder, "end_stage", 1),
    "begin-of-a-stage": (Recorder, "begin_stage", 2),
}
GOES_ON = ("Newton", "end-of-a-stage")
"""Where the rest of the run is compared too: a step half done, and a stage that is over."""


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_in_a_run_loses_nothing(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    place, name, call = MOMENTS[moment]
    signals_in(monkeypatch, place, name, call, random.Random(moment).choice(SIGNALS))
    out = tmp_path / "out"
    ended = in_process(out)
    monkeypatch.undo()
    assert ended.status == "interrupted", ended.message
    assert "go on with --resume" in ended.message
    assert status(out) == "interrupted"
    _, header, _ = checkpoint.newest(out)
    assert header["step"] == ended.steps, "steps are lost"
    if moment in GOES_ON:
        assert in_process(out, resume=True).status == "finished"
        assert_same(request.getfixturevalue("whole"), out, 1e-6)


def test_a_signal_in_the_first_solve_has_nothing_to_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    signals_in(monkeypatch, NewtonSolver, "_evaluate", 1, signal.SIGTERM)
    ended = in_process(out)
    assert (ended.status, status(out), ended.steps) == ("interrupted", "interrupted", 0)
    assert "--force if there is no checkpoint yet" in ended.message
    assert not (out / "series.csv").exists()


def test_a_signal_in_the_first_mesh_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    signals_in(monkeypatch, gmsh.model.mesh, "generate", 1, signal.SIGTERM)
    with pytest.raises(Interrupted):
        in_process(out)
    assert not out.exists()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_gmsh_asks_for_sizes_is_no_failure_of_the_mesh(number: signal.Signals) -> None:
    """What a function that C calls raises is lost, and Gmsh goes on with any number."""
    asked = []

    def size(_x: float, _y: float, _z: float) -> float:
        asked.append(number)
        if len(asked) == 3:
            signal.raise_signal(number)
        return 0.5

    def build() -> None:
        gmsh.model.occ.addRectangle(0, 0, 0, 1, 1)
        gmsh.model.occ.synchronize()
        gmsh.model.addPhysicalGroup(2, [1], 1)
        gmsh.model.addPhysicalGroup(1, [1, 2, 3, 4], 1)
        mesh_by_size(2, size)

    with interrupts.deferred():
        cell = distribute(build, MPI.COMM_SELF, "plane")
        with pytest.raises(Interrupted):
            interrupts.check(MPI.COMM_SELF)
    assert cell.domain.topology.index_map(2).size_global > 4
    assert len(asked) > 3


def test_a_signal_before_a_run_goes_on_keeps_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    signals_in(monkeypatch, step, "quality", 3, signal.SIGTERM)
    assert in_process(out).status == "interrupted"
    monkeypatch.undo()
    signals_in(monkeypatch, runs, "start", 1, signal.SIGUSR1)
    with pytest.raises(Interrupted):
        in_process(out, resume=True)
    monkeypatch.undo()
    assert status(out) == "interrupted"
    assert in_process(out, resume=True).status == "finished"


def test_a_signal_where_the_checkpoint_finds_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"

    real = checkpoint._write_state

    def full(*arguments: Any) -> None:
        if interrupts.asked():
            raise OSError(28, "No space left on device")
        real(*arguments)

    signals_in(monkeypatch, step, "quality", 3, signal.SIGTERM)
    monkeypatch.setattr(checkpoint, "_write_state", full)
    ended = in_process(out)
    assert (ended.status, status(out)) == ("interrupted", "interrupted")
    assert "No space left" in ended.message


def ask(process: Any, number: signal.Signals, out: Path, whom: Callable[[Any], Any] = lambda p: p) -> bool:
    """Send a signal; whether a run was interrupted by it. It was too late, or the end came soon."""
    began = time.monotonic()
    whom(process).send_signal(number)
    text, _ = process.communicate(timeout=BOUND)
    assert time.monotonic() - began < SOON + time_of_start(), text
    assert "Traceback" not in text, text
    if process.returncode in (0, -number):  # the second: while Python was ending
        assert status(out) == "finished"
        return False
    assert process.returncode == 1, text
    if "livoid: interrupted" in text:
        one_message(text, "livoid: interrupted")
    else:
        one_message(text, "interrupted:")
        assert status(out) == "interrupted"
    return True


def time_of_start() -> float:
    """Seconds that importing and the last native calls may take on a busy machine."""
    return 2.0 * psutil.getloadavg()[0]


@pytest.mark.slow
def test_signals_at_random_moments_end_a_run_that_goes_on(whole: Path, tmp_path: Path) -> None:
    """From the first line of the command on: imports, set-up, mesh, solves, output."""
    chance, case, out = random.Random(15), write(tmp_path), tmp_path / "out"
    interrupted, longest = 0, 6.0
    for _ in range(TRIALS):
        saved = list((out / "checkpoint").glob("*/header.json"))
        process = start(tmp_path, "run", str(case), "--out", "out", "--resume" if saved else "--force")
        time.sleep(chance.uniform(0.3, longest))
        interrupted += ask(process, chance.choice(SIGNALS), out)
        if out.exists() and status(out) == "finished":
            assert_same(whole, out, 1e-6)
            out.rename(tmp_path / f"finished-{len(list(tmp_path.iterdir()))}")
    assert interrupted >= TRIALS // 4  # some come after the end
    saved = list((out / "checkpoint").glob("*/header.json"))
    process = start(tmp_path, "run", str(case), "--out", "out", "--resume" if saved else "--force")
    text, _ = process.communicate(timeout=BOUND)
    assert process.returncode == 0, text
    assert_same(whole, out, 1e-6)


def one_rank(process: Any) -> psutil.Process:
    ranks = [p for p in psutil.Process(process.pid).children(recursive=True) if "solver" in p.cmdline()]
    assert len(ranks) == 2
    return ranks[1]


@pytest.mark.slow
def test_ranks_agree_on_a_signal_that_one_of_them_gets(whole: Path, tmp_path: Path) -> None:
    case, out = write(tmp_path), tmp_path / "out"
    process = start(tmp_path, "run", str(case), "--out", "out", ranks=2)
    try:
        wait_for(lambda: (out / "series.csv").exists() and len(series(out)) > 3)
        assert ask(process, signal.SIGTERM, out, one_rank)
    finally:
        kill_all(process)
    _, header, _ = checkpoint.newest(out)
    assert header["step"] == json.loads((out / "manifest.json").read_text(encoding="utf-8"))["steps"]
    assert in_process(out, resume=True).status == "finished"
    assert_same(whole, out, 1e-6)
