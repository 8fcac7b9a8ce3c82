"""Programs that a command starts: what they hear when it is asked for an end."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest

from solver.core import children

LONG = 60.0
"""Seconds that the program would take."""


@pytest.mark.parametrize("handler", [signal.default_int_handler, signal.SIG_IGN])
def test_a_program_ends_also_where_its_signal_is_ignored(tmp_path: Path, handler: signal.Handlers) -> None:
    """nohup, and a job in the background of a script, have INT ignored, and so has what they start."""
    before = signal.signal(signal.SIGINT, handler)

    def asked() -> None:
        raise KeyboardInterrupt

    program = [sys.executable, "-c", f"import time; print('started'); time.sleep({LONG})"]
    start = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            children.run(program, cwd=tmp_path, ask=signal.SIGINT, log=tmp_path / "log", watch=asked)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - start < 0.5 * LONG
