"""Runs whose process has gone without a word are told of, and go on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from postprocess import study_table
from solver.cli import run, study
from solver.cli.exits import EXIT_FAILED, EXIT_INPUT
from solver.cli.main import main
from solver.core import process
from solver.core.parallel import RootError
from solver.output import aborted
from solver.output.run_folder import MARKER
from solver.study.points import Point
from tests.conftest import case_data, contents, environment, put
from tests.output.test_checkpoint import CASE

pytestmark = pytest.mark.kind("run that ended without a word")

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]
GONE = {"pid": 2**22 + 1, "start": 1}
"""More than Linux gives."""


def manifest(out: Path) -> dict[str, Any]:
    return dict(json.loads((out / "manifest.json").read_text(encoding="utf-8")))


def folder(out: Path, **changes: Any) -> Path:
    """A run folder that says that it is running, in a process that has gone."""
    content = {
        MARKER.key: MARKER.new(),
        "livoid": "0.1.0",
        "host": "here",
        "process": process.identity() | GONE,
        "status": "running",
    }
    put(out, {"manifest.json": json.dumps(content | changes)})
    return out


def test_it_is_told_of_and_written_down(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = folder(tmp_path / "out")
    aborted.tell(out)
    said = [record.getMessage() for record in caplog.records if record.name == "livoid"]
    assert len(said) == 1 and "\n" not in said[0]
    assert f"{out}: aborted: process {GONE['pid']} has gone without a word" in said[0]
    assert "no checkpoint can be used" in said[0]
    found = manifest(out)
    assert found["status"] == "aborted" and found["message"] in said[0]
    assert next(iter(found)) == MARKER.key
    assert aborted.noticed(out) == said[0], "and again"


@pytest.mark.parametrize("status", ["finished", "event", "cutoff", "failed", "interrupted", "starting"])
def test_one_that_ended_by_itself_is_none(status: str, tmp_path: Path) -> None:
    before = contents(folder(tmp_path, status=status))
    assert aborted.noticed(tmp_path) == ""
    assert contents(tmp_path) == before


def test_one_that_lives_is_none(tmp_path: Path) -> None:
    before = contents(folder(tmp_path, process=process.identity()))
    assert aborted.noticed(tmp_path) == ""
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "known", [{"boot": "another", "host": "node17"}, {"pid_namespace": "pid:[1]"}, None, 7]
)
def test_where_it_cannot_be_known_that_is_said(known: Any, tmp_path: Path) -> None:
    other = process.identity() | known if isinstance(known, dict) else known
    before = contents(folder(tmp_path, process=other, host="node17"))
    assert "on node17; whether it still does cannot be known from here" in aborted.noticed(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("text", ["[]", "{}", '{"status": "running"}', "no JSON"])
def test_what_is_no_run_is_left_alone(text: str, tmp_path: Path) -> None:
    put(tmp_path, {"manifest.json": text})
    before = contents(tmp_path)
    assert aborted.noticed(tmp_path) == aborted.noticed(tmp_path / "nowhere") == ""
    assert contents(tmp_path) == before


def test_one_that_somebody_goes_on_with_is_none(tmp_path: Path) -> None:
    """Between reading the manifest and taking the lock; or the lock is held."""
    out = folder(tmp_path)
    take = f"import fcntl; f = open({str(out / '.lock')!r}, 'a'); fcntl.flock(f, 2)"
    code = f"{take}; print(1, flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    assert aborted.noticed(out) == ""
    holder.communicate(b"\n")
    seen = manifest(out)
    folder(out, process=process.identity())
    assert aborted._noted(out, seen) == ""
    assert manifest(out)["status"] == "running"


def test_where_nothing_can_be_written_it_is_said_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = folder(tmp_path)

    def read_only(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(aborted, "write_atomic", read_only)
    assert "aborted: process" in aborted.noticed(out)
    assert manifest(out)["status"] == "running"


COMMANDS = ("run CASE --out OUT", "run CASE --out OUT --resume", "run CASE --out OUT --force", "rerun OUT",
            "job CASE --out OUT --mark MARK", "plot OUT", "report OUT", "film OUT", "microscope OUT",
            "compare paper OUT", "compare pressure OUT")  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_that_reads_a_run_tells_of_it(
    words: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, case = folder(tmp_path / "out"), tmp_path / "case.toml"
    case.write_text(tomli_w.dumps(case_data(**CASE)), encoding="utf-8")

    def stopped(*_: object, **__: object) -> None:
        raise RootError("enough")

    monkeypatch.setattr(run, "_run", stopped)
    places = {"CASE": str(case), "OUT": str(out), "MARK": str(tmp_path / "mark.json")}
    assert main([places.get(word, word) for word in words.split()]) == EXIT_INPUT
    told = [record.getMessage() for record in caplog.records if "aborted: process" in record.getMessage()]
    assert len(told) == 1
    assert manifest(out)["status"] == "aborted"


def test_a_study_tells_of_its_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = folder(tmp_path / "runs" / "run-0001")
    monkeypatch.setattr(study_table, "collect", lambda _: [])
    points = [Point("run-0001", {}), Point("run-0002", {})]
    assert study._collect(tmp_path, points) == EXIT_FAILED
    assert [f"{out}: aborted: " in record.getMessage() for record in caplog.records] == [True]


ENDS = {
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "floating point": "os.kill(os.getpid(), signal.SIGFPE)",
    "abort of a library": "os.abort()",
    "abort of MPI": "MPI.COMM_WORLD.Abort(7)",
    "out of memory": "resource.setrlimit(resource.RLIMIT_AS, (1, 1)); ctypes.string_at(0)",
}
"""How a process goes without a word, as Python code; the last stands for a library that gets no memory."""


@pytest.mark.slow
@pytest.mark.parametrize("how", ENDS)
def test_a_native_end_leaves_a_run_that_goes_on(how: str, tmp_path: Path, livoid: Livoid) -> None:
    (tmp_path / "case.toml").write_text(tomli_w.dumps(case_data(**CASE)), encoding="utf-8")
    lines = ["import ctypes, os, resource, signal, sys", "from pathlib import Path", "from mpi4py import MPI",
             "import petsc4py; petsc4py.init()", "from solver.case.loading import load_case",
             "from solver.output.run_folder import RunFolder", "from solver.simulation.run import run_case",
             "def end(clock, _):", "    if clock.step == 6:", f"        {ENDS[how]}",
             "case = load_case(Path('case.toml'))",
             "run_case(case, RunFolder(Path('out')), MPI.COMM_WORLD, progress=end)"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-P", "-c", "\n".join(lines)],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    out = tmp_path / "out"
    assert done.returncode != 0 and manifest(out)["status"] == "running", done.stderr
    told = livoid("run", "case.toml", "--out", "out")
    assert told.returncode == 2
    line = next(line for line in told.stderr.splitlines() if "out: aborted: " in line)
    assert "go on from step 6 with --resume" in line
    assert manifest(out)["status"] == "aborted"
