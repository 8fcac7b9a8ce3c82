"""Other programs that a command starts and waits for: an end that is asked for is passed on to them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

STRAGGLERS = 10.0
"""Seconds that what a program has started is waited for after its own end, which may outlive it."""
WATCH = 1.0
"""Seconds between two calls of what watches a program."""
LOOK = 0.1
"""Seconds between two looks."""


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    ask: signal.Signals = signal.SIGTERM,
    log: Path | None = None,
    watch: Callable[[], object] | None = None,
) -> int:
    """Run a program and all that it starts in a group of their own; returns the exit code.

    Args:
        command: program and arguments.
        cwd: folder that it starts in.
        env: its variables.
        pass_fds: file descriptors that it keeps.
        ask: signal that asks it for an end, if this process is asked for one.
        log: file for all that it prints (default: where this process prints).
        watch: called about once a second as long as it runs, and once after its end.

    Raises:
        KeyboardInterrupt: if an end was asked for, after that of the program.
    """
    with nullcontext() if log is None else log.open("ab") as said:
        process = subprocess.Popen(
            command, cwd=cwd, env=env, pass_fds=pass_fds, start_new_session=True, stdout=said,
            stderr=None if said is None else subprocess.STDOUT,
        )  # fmt: skip
    try:
        return process.wait() if watch is None else _watched(process, watch)
    except KeyboardInterrupt:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, _heard(ask))
        process.wait()
        end = time.monotonic() + STRAGGLERS
        while time.monotonic() < end and _lives(process.pid):
            time.sleep(LOOK)
        raise


def _watched(process: subprocess.Popen[bytes], watch: Callable[[], object]) -> int:
    """Wait for a program, looking at what it does."""
    while True:
        try:
            code = process.wait(WATCH)
        except subprocess.TimeoutExpired:
            watch()
        else:
            watch()
            return code


def _heard(ask: signal.Signals) -> signal.Signals:
    """``ask``, or TERM where that is ignored, and so by the program: under nohup, in the background."""
    return signal.SIGTERM if signal.getsignal(ask) is signal.SIG_IGN else ask


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
