"""Whether livoid runs here, alone and on two ranks; tells a busy machine from an MPI that does not work."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECK_SECONDS = 120.0
"""Longest time of one self-check on an idle machine, first compilation of the forms included."""
MEET_SECONDS = 30.0
"""Longest time in which two ranks start and add a number on an idle machine; usually 1 to 2 s."""
MOST_PATIENCE = 5.0
"""A busy machine gets at most so many times as long."""
END_SECONDS = 10.0
"""What mpirun may take to end its ranks."""
SHOWN = 800
"""Characters shown of the output of what failed."""
MEET = "from mpi4py import MPI; print('ranks:', MPI.COMM_WORLD.allreduce(1), flush=True)"


@dataclass
class Findings:
    """What is wrong, and what could not be found out."""

    problems: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Machine:
    """The work that waits for the cores (load average of the last minute, before ours) and their number."""

    load: float
    cores: int

    @property
    def busy(self) -> bool:
        """Whether others want all cores."""
        return self.load >= self.cores

    @property
    def patience(self) -> float:
        """How many times as long as on an idle machine something may take."""
        return min(MOST_PATIENCE, 1.0 + self.load / self.cores)

    def __str__(self) -> str:
        return f"a load of {self.load:.1f} on {self.cores} cores"


@dataclass(frozen=True)
class Try:
    """How a program ended: its exit code (None: not in time), the end of its output, its time in s."""

    code: int | None
    output: str
    seconds: float


def self_checks() -> Findings:
    """Start livoid's self-check alone, then two ranks that only meet, then the self-check on them."""
    found = Findings()
    machine = Machine(os.getloadavg()[0], len(os.sched_getaffinity(0)))
    python = [sys.executable, "-P"]
    check = [*python, "-m", "solver", "doctor", "--check"]
    alone = _try("self-check on 1 rank", check, CHECK_SECONDS * machine.patience)
    _judge(found, machine, alone, "the self-check", "reinstall the environment (remove the cache folder)")
    mpirun = shutil.which("mpirun")
    if mpirun is None:
        return found  # a problem that is reported by itself
    met = _try("2 ranks meet", _on_two(*python, "-c", MEET), MEET_SECONDS * machine.patience)
    mend = f"MPI does not work ({mpirun} starts the ranks): check its installation"
    if not _judge(found, machine, met, "a meeting of 2 ranks", mend):
        return found
    if re.findall(r"ranks: (\d+)", met.output) != ["2", "2"]:
        found.problems.append(
            f"{mpirun} belongs to another MPI than mpi4py's, as ranks that it starts are alone: "
            f"put the right mpirun first in PATH\n{met.output}"
        )
        return found
    both = _try("self-check on 2 ranks", _on_two(*check), CHECK_SECONDS * machine.patience)
    mend = "MPI works, so reinstall PETSc and dolfinx for it"
    _judge(found, machine, both, "the self-check on 2 ranks", mend)
    return found


def _judge(found: Findings, machine: Machine, tried: Try, what: str, mend: str) -> bool:
    """Whether it has worked; if not, what that means goes to the findings."""
    late = f"{what} was not done in {tried.seconds:.0f} s"
    if tried.code is None and machine.busy:
        found.unknown.append(f"{late} on a machine with {machine}: try again when it is idle")
    elif tried.code is None:
        found.problems.append(f"{late} on a machine with {machine}: {mend}\n{tried.output}")
    elif tried.code != 0:
        found.problems.append(f"{what} failed: {mend}\n{tried.output}")
    return tried.code == 0


def _on_two(*command: str) -> list[str]:
    return ["mpirun", "-n", "2", *command]


def _try(title: str, command: Sequence[str], limit: float) -> Try:
    """Run a program for at most ``limit`` s and print how it went."""
    started = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    code: int | None = None
    try:
        output, _ = process.communicate(timeout=limit)
        code = process.returncode
    except subprocess.TimeoutExpired:
        # mpirun is asked, as it then ends its ranks
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
        process.kill()
        output = ""
    seconds = time.monotonic() - started
    told = {0: "passed", None: "NOT DONE"}.get(code, "FAILED")
    print(f"{title:21s} {told} in {seconds:.1f} s", flush=True)
    return Try(code, output[-SHOWN:], seconds)
