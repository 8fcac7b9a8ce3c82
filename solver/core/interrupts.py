"""Signals that ask livoid to end: caught from a command's first line on, obeyed where nothing is lost by it.

Ctrl-C (INT), scancel and time limits (TERM), SLURM's early warning (USR1) and a terminal that is closed
(HUP) ask for the same. Outside a run the handler raises :class:`Interrupted` at once. In a run, and while
Gmsh calls Python (an exception would be swallowed there), it only notes the request (:func:`deferred`); the
run looks at it where all ranks can agree and the state is whole, or can be put back (:func:`check`).

A second INT or TERM ends the process there and then; one that comes within :data:`ECHO` of the first is the
same one: timeout, mpirun and batch systems tell a process, its group and its parent.

Nothing but the standard library is imported, so that this is there before what takes long to import.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib.machinery import ExtensionFileLoader, SourceFileLoader
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mpi4py import MPI

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)
"""Signals that ask for an end."""
INSISTING = (signal.SIGINT, signal.SIGTERM)
"""Of these a second one ends the process; the others warn, and may be followed by one of these."""
ECHO = 1.0
"""Seconds within which a second signal counts as the first: people and batch systems wait longer."""

FORWARDED = "LIVOID_FORWARDED"
"""Variable that ``env/forward.sh`` sets."""


class Interrupted(KeyboardInterrupt):
    """Somebody asked for an end; no ``except Exception`` takes it for a failure of what was going on."""


class _State:
    """Of this process: what was asked for, and what is done about it."""

    def __init__(self) -> None:
        self.asked: signal.Signals | None = None
        self.insisted: float | None = None
        self.raised = False
        self.deferred = self.stoppable = 0
        self.installed = False
        self.ignored: set[int] = set()


_state = _State()


def install() -> None:
    """Take the signals for a command; what is ignored from the start (nohup, a background job) stays so.

    Under ``env/forward.sh`` all of them are ignored there, and passed on on purpose.
    """
    if FORWARDED not in os.environ:
        _state.ignored = {number for number in ASKING if signal.getsignal(number) is signal.SIG_IGN}
    _state.installed = True
    _watch()
    sys.unraisablehook = _quiet(sys.unraisablehook)
    for loader, name in (
        (ExtensionFileLoader, "create_module"),
        (ExtensionFileLoader, "exec_module"),
        (SourceFileLoader, "exec_module"),
    ):
        setattr(loader, name, _uninterrupted(getattr(loader, name)))
    _take(_state.ignored)


def _uninterrupted(load: Callable[..., Any]) -> Callable[..., Any]:
    """Loading of a module, whole before a signal is obeyed.

    C++ modules abort where Python raises something while they are set up, and what builds classes in another
    language (pydantic, in Rust) panics.
    """

    @functools.wraps(load)
    def loaded(*arguments: Any) -> Any:
        _state.deferred += 1
        try:
            made = load(*arguments)
        finally:
            _state.deferred -= 1
        obey()
        return made

    return loaded


def take_back() -> None:
    """Take the signals of a command again: MPI and PETSc take some for themselves."""
    if _state.installed:
        _take(_state.ignored)


def hand_back(*, alone: bool) -> None:
    """Give the signals to a script as Python has them: Ctrl-C raises KeyboardInterrupt, each time.

    Runs that it starts take them again for as long as they go on (:func:`deferred`).

    Args:
        alone: whether there is one rank only. USR1 is then what ``env/forward.sh`` says again and again after
            an INT, and is not for the script; of several ranks it is the one signal that gets to them.
    """
    _state.installed, _state.asked, _state.insisted, _state.raised = False, None, None, False
    usr1 = signal.SIG_IGN if alone and FORWARDED in os.environ else signal.default_int_handler
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGUSR1: usr1}
    for number in set(ASKING) - _state.ignored:
        signal.signal(number, handlers.get(number, signal.SIG_DFL))


def _take(ignored: set[int]) -> None:
    for number in ASKING:
        signal.signal(number, signal.SIG_IGN if number in ignored else _noticed)
    _restart_calls()


def _noticed(number: int, _frame: object) -> None:
    """The handler; runs between two lines of Python."""
    now = time.monotonic()
    _state.asked = _state.asked or signal.Signals(number)
    if number in INSISTING:
        if _state.insisted is not None and now - _state.insisted >= ECHO:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        _state.insisted = _state.insisted or now
    obey()


def obey() -> None:
    """Raise Interrupted if an end was asked for, once, unless it is deferred. Of this rank alone."""
    if _state.asked is not None and not _state.deferred and not _state.raised:
        _state.raised = True
        raise Interrupted


def lost() -> bool:
    """Whether an :class:`Interrupted` was raised: where nothing shows of it, a library has swallowed it."""
    return _state.raised


def raise_lost() -> None:
    """Raise Interrupted again after a library has made an error of its own of it."""
    if _state.raised:
        raise Interrupted from None


def asked(comm: MPI.Comm | None = None) -> bool:
    """Whether an end was asked for: of this rank, or with ``comm`` of any; collective then."""
    mine = _state.asked is not None
    if comm is None or comm.size == 1:
        return mine
    return comm.allreduce(int(mine)) > 0


def check(comm: MPI.Comm) -> None:
    """Raise Interrupted on all ranks if any was asked to end. Collective."""
    if asked(comm):
        _state.asked = _state.asked or signal.SIGTERM
        _state.raised = True
        raise Interrupted


def done() -> None:
    """Nothing is left to break off: what comes now is noted only, so that the end has no traceback.

    Python puts signals back before its end, and ``env/forward.sh`` may say its own once more.
    """
    _state.deferred += 1
    for number in set(ASKING) - set(INSISTING):
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """What is done within may be broken off: the caller puts things back, or loses nothing. Collective."""
    _state.stoppable += 1
    try:
        yield
    finally:
        _state.stoppable -= 1


def check_if_stoppable(comm: MPI.Comm) -> None:
    """:func:`check` in the middle of what may be broken off, nothing elsewhere. Collective."""
    if _state.stoppable:
        check(comm)


def check_alone_if_stoppable() -> None:
    """The same on one rank, which then has to tell the others."""
    if _state.stoppable and _state.asked is not None:
        _state.raised = True
        raise Interrupted


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Signals are noted, not obeyed; :func:`obey` or :func:`check` follows.

    Where no command has taken the signals (a script that calls livoid) they are taken for this long.
    """
    old = {}
    if not _state.installed and not _state.deferred and threading.current_thread() is threading.main_thread():
        old = {number: signal.getsignal(number) for number in ASKING}
        _take({number for number, handler in old.items() if handler is signal.SIG_IGN})
    _state.deferred += 1
    _restart_calls()
    try:
        yield
    finally:
        _state.deferred -= 1
        _restart_calls()
        for number, handler in old.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if old:
            _state.asked = _state.insisted = None
            _state.raised = False


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Within what may be broken off signals are obeyed at once, although they are deferred around it."""
    held = _state.deferred if _state.stoppable else 0
    _state.deferred -= held
    _restart_calls()
    try:
        obey()
        yield
    finally:
        _state.deferred += held
        _restart_calls()


def _restart_calls() -> None:
    """Let calls of the system go on after a signal that is only noted: libraries that write know of none."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in ASKING:
        if signal.getsignal(number) is _noticed:
            signal.siginterrupt(number, not _state.deferred)


def _watch() -> None:
    """Have a second signal end the process where no Python runs: Gmsh, or a rank that waits for another."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_end_at_the_second, args=(reader,), daemon=True).start()


def _end_at_the_second(reader: int) -> None:
    """After the first signal, and its echoes, signals do what they do to a program that takes none."""
    while os.read(reader, 1)[0] not in INSISTING:
        pass
    time.sleep(ECHO)
    restore = ctypes.pythonapi.PyOS_setsig  # signal.signal is for the main thread, which may not come back
    restore.argtypes, restore.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_void_p
    for number in INSISTING:
        if number not in _state.ignored:
            restore(number, None)


def _quiet(hook: Any) -> Any:
    """The hook for exceptions that nobody can catch (in a callback of C); the request is still noted."""

    def silent(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, Interrupted):
            hook(unraisable)

    return silent
