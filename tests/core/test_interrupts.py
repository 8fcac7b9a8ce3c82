"""Signals in a process of its own: raised at once or noted, once, and the second one ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from solver.core import children, interrupts
from tests.conftest import ROOT, environment

pytestmark = pytest.mark.kind("signal at any moment")

BOUND = 60
"""Seconds in which anything here has come to its end."""
SOON = 5.0
"""Seconds in which a signal is obeyed where no native call runs."""
START = f"""
import os, signal, sys, time
sys.path.insert(0, {str(ROOT)!r})
from solver.core import interrupts

interrupts.install()
"""


def begun(code: str, *, ignored: bool = False, **variables: str) -> subprocess.Popen[str]:
    """A process that has taken the signals and said so."""
    disposition = signal.SIG_IGN if ignored else signal.SIG_DFL
    process = subprocess.Popen(
        [sys.executable, "-c", f"{START}\n{code}"],
        # the tests may have been started by the launcher, which passes signals on
        env={k: v for k, v in environment().items() if k != interrupts.FORWARDED} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: [signal.signal(number, disposition) for number in interrupts.ASKING],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    assert process.stdout is not None
    guard = threading.Timer(BOUND, process.kill)
    guard.start()
    text = process.stdout.read()
    code = process.wait()
    guard.cancel()
    assert "Traceback" not in text
    return code, text


WORKS = """
try:
    try:
        print("ready", flush=True)
        time.sleep(30)
    except Exception:
        print("swallowed")
except interrupts.Interrupted:
    time.sleep(0.3)  # echoes come in here
    print("interrupted")
    sys.exit(1)
"""


@pytest.mark.parametrize("number", interrupts.ASKING)
def test_a_signal_and_its_echo_are_one_interrupt(number: signal.Signals) -> None:
    process, began = begun(WORKS), time.monotonic()
    for _ in range(2):
        process.send_signal(number)
        time.sleep(0.1)
    assert ended(process) == (1, "interrupted\n")
    assert time.monotonic() - began < SOON


HANGS = """
import ctypes
libc, lock = ctypes.CDLL(None), ctypes.create_string_buffer(64)
libc.pthread_mutex_lock(lock)
with interrupts.deferred():
    print("ready", flush=True)
    libc.pthread_mutex_lock(lock)
"""
"""A call that never returns, as of a rank that waits for one that has gone."""
HOLDS_ALL = """
import ctypes
with interrupts.deferred():
    print("ready", flush=True)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        ctypes.PyDLL(None).usleep(500000)
print("came back", interrupts.asked())
"""
"""Calls like PETSc's: no other thread runs Python but between them."""


@pytest.mark.parametrize(
    "code", [WORKS.replace("0.3", "30"), HANGS, HOLDS_ALL], ids=["works", "hangs", "holds"]
)
@pytest.mark.parametrize("number", interrupts.INSISTING)
def test_the_second_signal_ends_the_process(number: signal.Signals, code: str) -> None:
    process = begun(code)
    process.send_signal(number)
    time.sleep(interrupts.ECHO + 1.0)
    again = time.monotonic()
    process.send_signal(number)
    assert ended(process) == (-number, "")
    assert time.monotonic() - again < SOON


def test_a_warning_at_the_very_end_changes_nothing() -> None:
    """While Python ends, which takes some time with all that is loaded."""
    code = """
import subprocess
print("ready", flush=True)
interrupts.done()
said_again = f"while kill -s USR1 {os.getpid()} 2>/dev/null; do :; done"
subprocess.Popen(["sh", "-c", said_again], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
time.sleep(0.2)
sys.exit(1)
"""
    assert ended(begun(code)) == (1, "")


def test_an_early_warning_is_followed_by_a_first_signal() -> None:
    process = begun(HOLDS_ALL.replace("+ 30", "+ 3"))
    process.send_signal(signal.SIGUSR1)
    time.sleep(interrupts.ECHO + 0.5)
    process.send_signal(signal.SIGTERM)
    assert ended(process) == (0, "came back True\n")


def test_what_is_ignored_from_the_start_stays_so_unless_it_is_passed_on() -> None:
    background = begun(WORKS.replace("sleep(30)", "sleep(1)"), ignored=True)
    background.send_signal(signal.SIGINT)
    assert ended(background) == (0, "")
    passed_on = begun(WORKS, ignored=True, **{interrupts.FORWARDED: "1"})
    passed_on.send_signal(signal.SIGINT)
    assert ended(passed_on) == (1, "interrupted\n")


LIBRARIES = """
import contextlib, gmsh, petsc4py.PETSc
from mpi4py import MPI
interrupts.take_back()
gmsh.initialize(interruptible=False)
print("ready", flush=True)
with interrupts.deferred():
    for number in interrupts.ASKING:
        interrupts._state.asked = None
        os.kill(os.getpid(), number)
        time.sleep(0.01)
        print(interrupts._state.asked == number)
gmsh.finalize()
"""


def test_what_libraries_take_is_taken_back() -> None:
    assert ended(begun(LIBRARIES)) == (0, "True\n" * len(interrupts.ASKING))


SWALLOWED = """
print("ready", flush=True)
import ctypes
def callback():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.01)
ctypes.CFUNCTYPE(None)(callback)()
print(interrupts.lost())
"""


def test_an_interrupt_that_c_swallows_is_not_lost_and_says_nothing() -> None:
    assert ended(begun(SWALLOWED)) == (0, "True\n")


LOADS = """
from importlib.machinery import ExtensionFileLoader
real = ExtensionFileLoader.create_module.__wrapped__
def create(*arguments):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.01)
    print("whole")
    return real(*arguments)
ExtensionFileLoader.create_module = interrupts._uninterrupted(create)
print("ready", flush=True)
try:
    import _decimal
    print("loaded in spite of it")
except interrupts.Interrupted:
    print("interrupted")
"""


def test_a_library_is_loaded_whole_before_a_signal_is_obeyed() -> None:
    """C++ modules (dolfinx) abort the process where Python raises something while they are set up."""
    assert ended(begun(LOADS)) == (0, "whole\ninterrupted\n")


IMPORTS = """
sys.path.insert(0, {folder!r})
print("ready", flush=True)
try:
    import outer
    print("loaded in spite of it")
except interrupts.Interrupted:
    print("interrupted")
"""


def test_a_module_is_imported_whole_before_a_signal_is_obeyed(tmp_path: Path) -> None:
    """Also from within another one: pydantic's classes are built in Rust, which panics otherwise."""
    (tmp_path / "inner.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(0.01)\nprint('inner')\n"
    )
    (tmp_path / "outer.py").write_text("import inner\nprint('outer')\n")
    assert ended(begun(IMPORTS.format(folder=str(tmp_path)))) == (0, "inner\nouter\ninterrupted\n")


def test_in_a_script_signals_are_taken_for_a_while_only() -> None:
    before = [signal.getsignal(number) for number in interrupts.ASKING]
    with interrupts.deferred():
        signal.raise_signal(signal.SIGUSR1)
        assert interrupts.asked()
        with pytest.raises(interrupts.Interrupted), interrupts.stoppable():
            interrupts.check_alone_if_stoppable()
    assert not interrupts.asked()
    assert [signal.getsignal(number) for number in interrupts.ASKING] == before


CHILD = """
from solver.core import children
print("ready", flush=True)
try:
    children.run([sys.executable, "-c", {program!r}], ask=signal.SIGINT)
except KeyboardInterrupt:
    print("over")
"""
PARENT_OF_WORK = """
import subprocess, sys, time
work = ["import time", "try: time.sleep(30)", "except KeyboardInterrupt: time.sleep(1); print('saved')"]
process = subprocess.Popen([sys.executable, "-c", chr(10).join(work)])
try:
    process.wait()
except KeyboardInterrupt:
    pass  # ends before what it has started
"""


def test_a_program_and_what_it_started_end_before_the_command_does() -> None:
    process = begun(CHILD.format(program=PARENT_OF_WORK))
    time.sleep(1.0)
    process.send_signal(signal.SIGTERM)
    assert ended(process) == (0, "saved\nover\n")


def test_a_program_that_nobody_disturbs(tmp_path: Path) -> None:
    code = "import os, sys; sys.exit(5 if os.getcwd() == os.environ['HERE'] else 6)"
    assert children.run([sys.executable, "-c", code], cwd=tmp_path, env={"HERE": str(tmp_path)}) == 5
