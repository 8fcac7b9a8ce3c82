"""The livoid command called in the process of the tests: as ``python -m solver``, without its start.

A start costs two seconds, of which most tests learn nothing: what a run reads, writes, says and returns
is the same (``test_the_same_run_twice_is_the_same`` compares). Tests whose point is the process (signals,
kills, limits of the system, what lies in the start folder, several ranks) start one.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from solver.cli.main import main


def call(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What the command says and returns, started in ``folder``."""
    said: dict[str, str] = {}
    with (
        contextlib.chdir(folder),
        _captured("stdout", said),
        _captured("stderr", said),
        _log_of_its_own(),
        _everything_put_back(),
    ):
        sys.argv = ["livoid", *words]
        code = main()
    if words[:1] == ("run",):
        gc.collect()  # meshes and solvers refer to each other: hundreds of runs in one process would pile up
    return subprocess.CompletedProcess(list(words), code, said["stdout"], said["stderr"])


@contextlib.contextmanager
def _captured(name: str, said: dict[str, str]) -> Iterator[None]:
    """Take what Python and the libraries below it write to a stream."""
    number, before = {"stdout": 1, "stderr": 2}[name], getattr(sys, name)
    before.flush()
    kept = os.dup(number)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), number)
        stream = open(number, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        try:
            yield
        finally:
            getattr(sys, name).flush()
            stream.flush()
            setattr(sys, name, before)
            os.dup2(kept, number)
            os.close(kept)
            file.seek(0)
            said[name] = file.read().decode("utf-8", errors="replace")


@contextlib.contextmanager
def _log_of_its_own() -> Iterator[None]:
    """Logging as in a fresh process; pytest's own handlers come back afterwards."""
    loggers: Mapping[str | None, logging.Logger] = {n: logging.getLogger(n) for n in (None, "livoid")}
    before = {n: (list(log.handlers), log.level, log.propagate) for n, log in loggers.items()}
    raises = logging.raiseExceptions
    for log in loggers.values():
        log.handlers[:] = []
    try:
        yield
    finally:
        logging.raiseExceptions = raises
        for name, log in loggers.items():
            log.handlers[:], log.level, log.propagate = before[name]


@contextlib.contextmanager
def _everything_put_back() -> Iterator[None]:
    """Signals, variables and the command line as they were."""
    words = sys.argv
    signals = {number: signal.getsignal(number) for number in signal.valid_signals()}
    variables = dict(os.environ)
    try:
        yield
    finally:
        sys.argv = words
        for number, handler in signals.items():
            if signal.getsignal(number) is not handler and handler is not None:
                signal.signal(number, handler)
        if os.environ != variables:
            os.environ.clear()
            os.environ.update(variables)
