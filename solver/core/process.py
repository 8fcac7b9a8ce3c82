"""Which process this is, written down so that another one can tell later whether it still lives."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

_START = 21
"""Place of the start time (ticks since boot) in ``/proc/PID/stat``, counted from 0; see proc(5)."""

Fate = Literal["lives", "gone", "unknown"]


def identity() -> dict[str, Any]:
    """This process: number and start time, its machine, when that was booted, and where the number counts.

    A number is given again to others, so the start goes with it; a container has numbers of its own.
    """
    return {
        "pid": os.getpid(),
        "start": _started(os.getpid()),
        "host": platform.node(),
        "boot": _boot(),
        "pid_namespace": _namespace(),
    }


def fate(process: Mapping[str, Any]) -> Fate:
    """What has become of a process by its :func:`identity`; unknown where that cannot be seen from here."""
    pid, boot = process.get("pid"), process.get("boot")
    if not isinstance(pid, int) or not boot or not _boot():
        return "unknown"
    if boot != _boot():
        # booted anew since; the process of another machine may well live
        return "gone" if process.get("host") == platform.node() else "unknown"
    if process.get("pid_namespace") != _namespace():
        return "unknown"
    return "lives" if _started(pid) == process.get("start") else "gone"


def _started(pid: int) -> int | None:
    """When a process began, None if there is none (also where it has ended and nobody has asked how)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        # the name, in brackets, may hold anything
        before, _, after = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")
        fields = [*before.split(" ", 1), *after.split()]
        if fields[2] not in ("Z", "X"):
            return int(fields[_START])
    return None


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _namespace() -> str:
    with contextlib.suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""
