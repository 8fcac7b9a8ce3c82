"""Whether the process of a manifest still lives."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from typing import Any

import pytest

from solver.core import process


@pytest.fixture
def gone() -> dict[str, Any]:
    """Identity of a process that has ended."""
    code = "import json; from solver.core.process import identity; print(json.dumps(identity()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def test_this_one_lives() -> None:
    assert process.identity()["pid"] == os.getpid()
    assert process.fate(process.identity()) == "lives"


def test_one_that_has_ended_is_gone(gone: dict[str, Any]) -> None:
    assert process.fate(gone) == "gone"


def test_another_one_of_the_same_number_is_not_it() -> None:
    me = process.identity()
    assert process.fate(me | {"start": me["start"] - 1}) == "gone"


def test_one_that_nobody_has_asked_how_it_ended_is_gone() -> None:
    """A zombie still has its number."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    known = process.identity() | {"pid": child.pid, "start": process._started(child.pid)}
    assert process.fate(known) == "lives"
    assert child.stdin is not None
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process.fate(known) == "gone"
    child.wait()


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ({"boot": "another", "host": "elsewhere"}, "unknown"),
        ({"boot": "another"}, "gone"),
        ({"pid_namespace": "pid:[1]"}, "unknown"),
        ({"boot": ""}, "unknown"),
        ({"pid": None}, "unknown"),
        ({"pid": "1; rm"}, "unknown"),
    ],
    ids=["another machine", "booted since", "another container", "no /proc", "no number", "no number at all"],
)
def test_where_it_cannot_be_seen_nothing_is_said(other: dict[str, Any], found: str) -> None:
    assert process.fate(process.identity() | other) == found
    assert process.fate({}) == "unknown"


def test_without_proc_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    me = process.identity()
    assert me["host"] == platform.node()
    monkeypatch.setattr(process, "_boot", str)
    assert process.fate(me) == "unknown"


def test_names_of_processes_may_hold_anything() -> None:
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "open('/proc/self/comm', 'w').write(') R 1 (x'); print(1, flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    mine, its = process._started(os.getpid()), process._started(child.pid)
    child.communicate(b"\n")
    assert mine is not None and its is not None and its > mine
