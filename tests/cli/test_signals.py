"""Scripts that pass signals on: the launcher's, and the one for SLURM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mpi4py import MPI

from solver.cli.exits import EXIT_FAILED
from solver.cli.main import _called
from solver.core import interrupts
from tests.conftest import ROOT

pytestmark = pytest.mark.kind("signal at any moment")

BOUND = 60
"""Seconds in which anything here has come to its end."""
INSIDE = """
import os, signal, sys, time

def take(number, _frame):
    print(signal.Signals(number).name, flush=True)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
    signal.signal(number, take)
print(sys.stdin.readline().strip(), os.environ["LIVOID_FORWARDED"], flush=True)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    time.sleep(0.1)
sys.exit(7)
"""


def forwarded(
    ranks: int, seconds: float, inside: str = INSIDE, *, waits: bool = True
) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        ["sh", str(ROOT / "env" / "forward.sh"), str(ranks), sys.executable, "-c", inside, str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in interrupts.ASKING],
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("hello\n")
    process.stdin.close()
    assert not waits or process.stdout.readline() == "hello 1\n"
    return process


@pytest.mark.parametrize("number", interrupts.ASKING)
@pytest.mark.parametrize("ranks", [1, 2])
def test_signals_are_passed_on_once_and_the_exit_code_comes_back(number: signal.Signals, ranks: int) -> None:
    """mpirun, which is what runs on several ranks, passes USR1 on, and nothing else."""
    process = forwarded(ranks, 1.0)
    for _ in range(2):  # batch systems tell a process and its group
        process.send_signal(number)
        time.sleep(0.1)
    assert process.stdout is not None
    first, *more = process.stdout.read().split()
    assert first == (number.name if ranks == 1 else "SIGUSR1")
    assert set(more) <= {"SIGUSR1"}, "an echo, or what is said again, would end the process"
    assert process.wait(BOUND) == 7


def test_a_signal_before_the_command_takes_signals_is_said_again() -> None:
    late = INSIDE.replace("import os", "import time; time.sleep(1.5); import os", 1)
    process = forwarded(1, 2.0, late, waits=False)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    assert "SIGUSR1" in process.stdout.read().split()
    assert process.wait(BOUND) == 7


RANK = """
import signal, time
from mpi4py import MPI
signal.signal(signal.SIGUSR1, lambda *_: print("told", flush=True))
print("ready", flush=True)
MPI.COMM_WORLD.Barrier()
time.sleep(2)  # goes on after the signal
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
"""


def test_mpirun_passes_the_signal_of_the_launcher_on_to_its_ranks() -> None:
    command = ["mpirun", "-n", "2", sys.executable, "-c", RANK]
    process = subprocess.Popen(
        ["sh", str(ROOT / "env" / "forward.sh"), "2", *command], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    # what two ranks write at once may come out in one line
    assert "".join(process.stdout.readline() for _ in range(2)).count("ready") == 2
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read().count("told") >= 2
    assert process.wait(BOUND) == 0


def test_the_second_signal_ends_what_does_not_end() -> None:
    process, began = forwarded(1, 99.0), time.monotonic()
    process.send_signal(signal.SIGTERM)
    time.sleep(2.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(BOUND) == 128 + signal.SIGKILL
    assert time.monotonic() - began < 15.0


FAKE_RUN = """#!/bin/sh
echo "$*" >> calls
status() { mkdir -p out; echo '{"status": "'$1'"}' > out/manifest.json; }
stop() { status interrupted; mkdir -p out/checkpoint/3; echo > out/checkpoint/3/header.json; exit 1; }
[ ! -e finish ] || { status finished; exit 0; }
trap stop USR1 TERM
status running
for i in 1 2 3 4 5 6 7 8 9; do sleep 0.2; done
"""


def batch(folder: Path) -> subprocess.Popen[str]:
    """The batch script with stand-ins for livoid and scontrol."""
    for name, text in (("livoid", FAKE_RUN), ("scontrol", '#!/bin/sh\necho "$*" >> requeued\n')):
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o700)
    script = ROOT / "cases" / "studies" / "slurm" / "run.sbatch"
    variables = {"PATH": f"{folder}:{os.environ['PATH']}", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "77"}
    return subprocess.Popen(
        ["sh", str(script), "case.toml", "out"], cwd=folder, env=os.environ | variables, text=True
    )


def signalled(folder: Path, number: signal.Signals) -> None:
    """A batch job that gets a signal in the middle of its run."""
    job, end = batch(folder), time.monotonic() + BOUND
    while not (folder / "out" / "manifest.json").exists() and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.2)
    job.send_signal(number)
    assert job.wait(BOUND) == 1


def test_a_batch_job_that_is_cancelled_does_not_come_back(tmp_path: Path) -> None:
    signalled(tmp_path, signal.SIGTERM)
    assert not (tmp_path / "requeued").exists()


def test_a_batch_job_puts_itself_back_and_goes_on(tmp_path: Path) -> None:
    signalled(tmp_path, signal.SIGUSR1)
    status = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert status == {"status": "interrupted"}
    assert (tmp_path / "requeued").read_text(encoding="utf-8") == "requeue 77\n"
    (tmp_path / "finish").touch()
    assert batch(tmp_path).wait(BOUND) == 0
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert calls == ["-n 4 run case.toml --out out", "-n 4 run case.toml --out out --resume"]
    assert (tmp_path / "requeued").read_text(encoding="utf-8").count("\n") == 1, "put back after its end"


@pytest.mark.parametrize("made_of_it", [None, RuntimeError("ffmpeg was killed"), OSError("broken pipe")])
def test_a_signal_outside_a_run_is_one_line(
    made_of_it: Exception | None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Also where a library makes another error of it."""

    def drawn() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except interrupts.Interrupted:
            if made_of_it is None:
                raise
        raise made_of_it or AssertionError

    monkeypatch.setattr(interrupts, "_state", interrupts._State())
    before = signal.signal(signal.SIGTERM, interrupts._noticed)
    try:
        assert _called(drawn, MPI.COMM_SELF) == EXIT_FAILED
    finally:
        signal.signal(signal.SIGTERM, before)
    assert capfd.readouterr().err == "livoid: interrupted\n"
