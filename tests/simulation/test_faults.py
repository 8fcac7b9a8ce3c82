"""What goes wrong from outside: kills, full disks, read-only folders, a second run, a clock that goes back.

Each ends in a finished run or one clear message, a documented exit code and nothing lost, in bounded time.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from mpi4py import MPI

from solver.algebra.newton import SolveError
from solver.case.loading import parse_case
from solver.equations.coupled_model import CoupledModel
from solver.output import checkpoint, run_folder
from solver.output.run_folder import RunFolder
from solver.simulation.run import run_case
from solver.stepping import step
from tests.conftest import TIMEOUT, case_data, command, environment
from tests.conftest import series as rows_of
from tests.simulation.test_restart import MERGING, assert_same
from tests.simulation.test_runs import SHORT, write_case
from tests.study.test_study import needs_engine
from tests.study.test_study import write as write_study

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]
RUN_KILLS, STUDY_KILLS = 16, 8
"""Trials; each is a kill and a resumption."""
STARTED = 0.3
"""Share of a run's time after which Python has imported all: before, there is nothing to lose."""
KILLED_BY = 0.65
"""Share of it by which a run is killed: what comes later is reached from checkpoints, by the next kills."""
BOUND = 120
"""Seconds in which anything here has come to its end."""
FULL_KB, ROOMY_KB = 600, 64_000
"""Sizes of the disk that gets full; the short run needs more than a thousand."""


def start(folder: Path, *arguments: str, ranks: int = 1) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*arguments, ranks=ranks),
        cwd=folder,
        env=environment() | {"LIVOID_LAUNCHER": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # whoever runs the suite in the background has interrupts ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def kill_all(process: subprocess.Popen[str]) -> None:
    """Kill -9 of a process and of all that it has started."""
    family: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        family = [parent, *parent.children(recursive=True)]
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    process.communicate()
    psutil.wait_procs(family, timeout=BOUND)


def seconds_of(folder: Path, *arguments: str) -> float:
    """How long a command takes, which must succeed."""
    began = time.monotonic()
    process = start(folder, *arguments)
    text, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, text
    return time.monotonic() - began


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until ``condition`` holds, or for BOUND."""
    end = time.monotonic() + BOUND
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)


def status(out: Path) -> str:
    return str(json.loads((out / "manifest.json").read_text(encoding="utf-8"))["status"])


def one_message(text: str, start: str = "failed:") -> str:
    """The one line that says what happened; no traceback beside it."""
    assert "Traceback" not in text, text
    found = [line for line in text.splitlines() if line.startswith(start)]
    assert len(found) == 1, text
    return found[0]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A run through events, and the seconds that it takes (more where its forms are compiled first)."""
    folder = tmp_path_factory.mktemp("undisturbed")
    run = ("run", str(write_case(folder, **MERGING)), "--out", "out")
    return folder / "out", seconds_of(folder, *run)


@pytest.mark.slow
@pytest.mark.kind("kill -9 of a run", tried=RUN_KILLS)
def test_a_run_killed_at_random_moments_ends_as_if_undisturbed(
    tmp_path: Path, undisturbed: tuple[Path, float]
) -> None:
    whole, seconds = undisturbed
    chance, case, out = random.Random(6), write_case(tmp_path, **MERGING), tmp_path / "out"
    kills = finished = 0
    while kills < RUN_KILLS or finished == 0:
        how = "--force"
        with suppress(checkpoint.CheckpointError):
            checkpoint.newest(out)
            how = "--resume"
        process = start(tmp_path, "run", str(case), "--out", "out", how)
        try:
            wait = chance.uniform(STARTED * seconds, KILLED_BY * seconds) if kills < RUN_KILLS else TIMEOUT
            text, _ = process.communicate(timeout=wait)
        except subprocess.TimeoutExpired:
            kill_all(process)
            kills += 1
            continue
        assert process.returncode == 0, text
        assert status(out) == "finished"
        assert_same(whole, out, 1e-6)
        finished += 1
        shutil.rmtree(out)


@pytest.mark.slow
@pytest.mark.kind("kill -9 of a study", tried=STUDY_KILLS)
@needs_engine
def test_a_study_killed_at_random_moments_ends_as_if_undisturbed(tmp_path: Path) -> None:
    vary = {"operation.pressure": ["0.5 MPa", "1 MPa"]}
    file, chance = write_study(tmp_path, vary), random.Random(7)
    seconds = seconds_of(tmp_path, "study", str(file), "--out", "whole", "--cores", "2")
    for kill in range(STUDY_KILLS + 1):
        process = start(tmp_path, "study", str(file), "--out", "out", "--cores", "2")
        try:
            wait = chance.uniform(0.0, seconds) if kill < STUDY_KILLS else TIMEOUT
            text, _ = process.communicate(timeout=wait)
            assert process.returncode == 0, text
            if kill < STUDY_KILLS:
                shutil.rmtree(tmp_path / "out")
        except subprocess.TimeoutExpired:
            kill_all(process)
    for name in ("run-0001", "run-0002"):
        one, two = (rows_of(tmp_path / folder / "runs" / name) for folder in ("whole", "out"))
        assert [row["step"] for row in one] == [row["step"] for row in two]
        assert float(one[-1]["voltage_V"]) == pytest.approx(float(two[-1]["voltage_V"]), rel=1e-9)
    assert (tmp_path / "out" / "results.csv").is_file()


@pytest.mark.slow
@pytest.mark.kind("kill -9 of one of two ranks")
def test_a_killed_rank_ends_the_run_which_then_resumes(
    tmp_path: Path, livoid: Livoid, undisturbed: tuple[Path, float]
) -> None:
    case, out = write_case(tmp_path, **MERGING), tmp_path / "out"
    process = start(tmp_path, "run", str(case), "--out", "out", ranks=2)
    wait_for(lambda: list((out / "checkpoint").glob("*/header.json")))
    ranks = [p for p in psutil.Process(process.pid).children(recursive=True) if "solver" in p.cmdline()]
    assert len(ranks) == 2
    ranks[1].kill()
    process.communicate(timeout=BOUND)
    assert process.returncode != 0
    assert livoid("run", str(case), "--out", "out", "--resume", ranks=2).returncode == 0
    assert_same(undisturbed[0], out, 1e-6)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A file system of so many KB (again: resized)."""
    folder, libc = tmp_path / "disk", ctypes.CDLL(None, use_errno=True)
    folder.mkdir()
    remount = 32

    def mount(size: int) -> Path:
        flags = remount if os.path.ismount(folder) else 0
        if libc.mount(b"tmpfs", bytes(folder), b"tmpfs", flags, f"size={size}k".encode()) != 0:
            pytest.skip(f"cannot mount a small disk here: {os.strerror(ctypes.get_errno())}")
        return folder

    yield mount
    libc.umount2(bytes(folder), 2)


@pytest.mark.slow
@pytest.mark.kind("disk full")
def test_a_full_disk_stops_a_run_which_goes_on_when_there_is_room(
    tmp_path: Path, livoid: Livoid, small_disk: Callable[[int], Path]
) -> None:
    case = write_case(tmp_path, **SHORT)
    assert livoid("run", str(case), "--out", "whole").returncode == 0
    out = small_disk(FULL_KB) / "out"
    result = livoid("run", str(case), "--out", str(out))
    assert result.returncode == 1, result.stderr
    assert "disk full" in one_message(result.stdout) or "No space left" in result.stdout
    assert "Traceback" not in result.stderr
    before = rows_of(out)
    assert all(None not in row.values() for row in before), "half a row"
    small_disk(ROOMY_KB)
    how = "--resume" if list((out / "checkpoint").glob("*/header.json")) else "--force"
    assert livoid("run", str(case), "--out", str(out), how).returncode == 0
    assert rows_of(out)[-1]["voltage_V"] == rows_of(tmp_path / "whole")[-1]["voltage_V"]


@pytest.mark.slow
@pytest.mark.kind("disk full")
@pytest.mark.parametrize(
    ("size", "what"), [(300_000, "cannot write checkpoint"), (20_000, "cannot write fields"), (3_000, "")]
)
def test_a_file_that_finds_no_room_is_named(size: int, what: str, tmp_path: Path, livoid: Livoid) -> None:
    """The largest file that a process may write stands for the disk."""
    write_case(tmp_path, **SHORT)
    result = subprocess.run(
        command("run", "case.toml", "--out", "out"),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=BOUND,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )
    out = tmp_path / "out"
    if what:
        assert result.returncode == 1
        assert what in one_message(result.stdout)
        assert status(out) == "failed"
        assert not list((out / "checkpoint").glob("*.partial"))
    else:
        assert result.returncode == 2
        assert "case.toml" in one_message(result.stderr, "livoid:")
    assert livoid("run", "case.toml", "--out", "out", "--force").returncode == 0


@pytest.mark.slow
@pytest.mark.kind("folder that cannot be written")
def test_a_folder_that_cannot_be_written(tmp_path: Path, livoid: Livoid) -> None:
    write_case(tmp_path, **SHORT)
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    places = ["file/out", "/proc/livoid"]
    if os.geteuid() != 0:
        (tmp_path / "closed").mkdir(mode=0o500)
        places.append("closed/out")
    for place, ranks in [(places[0], 2), *((place, 1) for place in places)]:
        result = livoid("run", "case.toml", "--out", place, ranks=ranks)
        assert result.returncode == 2
        assert place.split("/")[-2] in one_message(result.stderr, "livoid:")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "no folder"


@pytest.mark.kind("folder that cannot be written")
def test_a_folder_that_vanishes_under_a_run(tmp_path: Path) -> None:
    case, out = write_case(tmp_path, **MERGING), tmp_path / "out"
    process = start(tmp_path, "run", str(case), "--out", "out")
    wait_for((out / "series.csv").exists)
    out.rename(tmp_path / "gone")
    text, _ = process.communicate(timeout=BOUND)
    assert process.returncode == 1
    assert "No such file" in one_message(text)
    assert len(rows_of(tmp_path / "gone")) >= 1


@pytest.mark.slow
@pytest.mark.kind("second run in a folder")
def test_two_runs_do_not_share_a_folder(tmp_path: Path, livoid: Livoid) -> None:
    long = MERGING | {"operation": {"pressure": "0.2 MPa", "capacity": "1 mAh/cm^2"}}
    case, out = write_case(tmp_path, **long), tmp_path / "out"
    first = start(tmp_path, "run", str(case), "--out", "out")
    wait_for((out / "manifest.json").exists)
    try:
        for how in ("--force", "--resume"):
            second = livoid("run", str(case), "--out", "out", how)
            assert second.returncode == 2
            said = one_message(second.stderr, "livoid:")
            assert f"in use by another livoid (process {first.pid}" in said
        assert first.poll() is None, "the first run ended too early to be in the way"
    finally:
        kill_all(first)
    # the lock has gone with its process
    short = write_case(tmp_path, **SHORT)
    assert livoid("run", str(short), "--out", "out", "--force").returncode == 0
    assert status(out) == "finished"


def in_process(folder: Path, **changes: Any) -> Any:
    loaded = parse_case(case_data(**(SHORT | changes)))
    return run_case(loaded, RunFolder(folder), MPI.COMM_SELF)


@pytest.mark.kind("clock that goes back")
def test_a_clock_that_goes_back_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert in_process(tmp_path / "whole").status == "finished"
    now = [2e9]

    def back(*_: object) -> float:
        now[0] -= 3600.0
        return now[0]

    monkeypatch.setattr(time, "time", back)
    monkeypatch.setattr(run_folder, "_now", lambda: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(back())))
    assert in_process(tmp_path / "out").status == "finished"
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["finished"] < manifest["started"], "the clock did not go back"
    assert manifest["wall_time_s"] >= 0.0
    assert rows_of(tmp_path / "out") == rows_of(tmp_path / "whole")


@pytest.mark.kind("solve that diverges, cell that inverts")
@pytest.mark.parametrize("fault", ["solver", "mesh"])
@pytest.mark.parametrize("lasts", [False, True])
def test_a_fault_of_solver_or_mesh(
    fault: str, lasts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps are tried again, smaller; where that does not help, the run ends with a checkpoint."""
    calls = [0]

    def disturbed() -> bool:
        calls[0] += 1
        return calls[0] > 5 and (lasts or calls[0] < 9)

    if fault == "solver":
        solve = CoupledModel.solve

        def fails(self: Any, dt: float) -> Any:
            if dt > 0.0 and disturbed():
                raise SolveError("made to diverge")
            return solve(self, dt)

        monkeypatch.setattr(CoupledModel, "solve", fails)
    else:
        quality = step.quality
        monkeypatch.setattr(step, "quality", lambda cell: -0.1 if disturbed() else quality(cell))
    out = tmp_path / "out"
    found = in_process(out)
    if lasts:
        assert found.status == "failed"
        assert ("made to diverge" if fault == "solver" else "a cell inverts") in found.message
        monkeypatch.undo()
        path, header, _ = checkpoint.newest(out)
        assert path.is_dir()
        assert header["clock"]["rejected"] > 3
        resumed = run_case(parse_case(case_data(**SHORT)), RunFolder(out), MPI.COMM_SELF, resume=True)
        assert resumed.status == "finished"
    else:
        assert found.status == "finished"
        assert int(rows_of(out)[-1]["rejected"]) >= 3


@pytest.mark.kind("interrupt")
def test_an_interrupt_is_one_message(tmp_path: Path) -> None:
    case = write_case(tmp_path, **MERGING)
    process = start(tmp_path, "run", str(case), "--out", "out")
    wait_for((tmp_path / "out" / "series.csv").exists)
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=BOUND)
    assert process.returncode == 1
    one_message(text, "interrupted:")
    assert status(tmp_path / "out") == "interrupted"
