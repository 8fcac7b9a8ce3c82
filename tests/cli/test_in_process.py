"""A command called by the tests in their own process says what it says and leaves nothing behind."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from solver.cli.exits import EXIT_INPUT
from tests import in_process


def state() -> tuple[object, ...]:
    log, root = logging.getLogger("livoid"), logging.getLogger()
    logs = (list(root.handlers), list(log.handlers), log.level, log.propagate, logging.raiseExceptions)
    return (
        os.getcwd(),
        dict(os.environ),
        sys.argv,
        sys.stdout,
        sys.stderr,
        signal.getsignal(signal.SIGINT),
        *logs,
    )


def rude() -> int:
    """Changes whatever a process has, and speaks in every way."""
    words = sys.argv[1:]
    os.environ["RUDE"] = "1"
    Path("here").write_text("", encoding="utf-8")
    logging.basicConfig(format="log: %(message)s")
    logging.getLogger("livoid").setLevel(logging.DEBUG)
    logging.getLogger("livoid").propagate = False
    logging.getLogger("livoid").addHandler(logging.NullHandler())
    logging.raiseExceptions = False
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("said", *words)
    os.write(1, b"said below\n")
    logging.getLogger("root").warning("warned")
    os.chdir("/")
    if words[0] == "break":
        raise RuntimeError("broken")
    return 7


@pytest.mark.parametrize("breaks", [False, True])
def test_nothing_is_left_behind(breaks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_process, "main", rude)
    before = state()
    if breaks:
        with pytest.raises(RuntimeError, match="broken"):
            in_process.call("break", folder=tmp_path)
    else:
        result = in_process.call("speak", folder=tmp_path)
        assert (result.returncode, result.stdout) == (7, "said speak\nsaid below\n")
        assert result.stderr == "log: warned\n"
    assert state() == before
    assert (tmp_path / "here").is_file()


def test_a_mistake_is_said_as_by_a_process(tmp_path: Path, livoid: Any) -> None:
    here, there = (livoid("run", "nowhere.toml", process=process) for process in (False, True))
    assert here.returncode == there.returncode == EXIT_INPUT
    assert (here.stdout, here.stderr) == (there.stdout, there.stderr)
