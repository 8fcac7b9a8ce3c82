"""Other programs that a command starts and waits for: an end that is asked for is passed on to them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

STRAGGLERS = 10.0
"""Seconds that what a program has started is waited for after its own end, which may outlive it."""
LOOK = 0.1
"""Seconds between two looks."""


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    ask: signal.Signals = signal.SIGTERM,
) -> int:
    """Run a program and all that it starts in a group of their own; returns the exit code.

    Args:
        command: program and arguments.
        cwd: folder that it starts in.
        env: its variables.
        pass_fds: file descriptors that it keeps.
        ask: signal that asks it for an end, if this process is asked for one.

    Raises:
        KeyboardInterrupt: if an end was asked for, after that of the program.
    """
    process = subprocess.Popen(command, cwd=cwd, env=env, pass_fds=pass_fds, start_new_session=True)
    try:
        return process.wait()
    except KeyboardInterrupt:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, ask)
        process.wait()
        end = time.monotonic() + STRAGGLERS
        while time.monotonic() < end and _lives(process.pid):
            time.sleep(LOOK)
        raise


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
