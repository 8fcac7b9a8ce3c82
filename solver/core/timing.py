"""Where a run's time goes: PETSc log events around meshing, assembly, solves, transfer and output."""

from __future__ import annotations

import contextlib
import functools
import json
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from mpi4py import MPI
from petsc4py import PETSc

P = ParamSpec("P")
T = TypeVar("T")

EVENTS = ("mesh", "build", "transfer", "assembly", "solve", "output")
"""``mesh``: Gmsh, distribution, where its moving nodes go and how good its cells are; ``build``: forms and
matrices of a new mesh; ``transfer``: fields to it; ``assembly``: residuals, Jacobians, integrals; ``solve``:
linear and nonlinear algebra; ``output``: all files. Each is counted without the others inside it."""
_STARTED = "livoid:started"


_running: ContextVar[str | None] = ContextVar("part", default=None)


@contextlib.contextmanager
def part(name: str) -> Iterator[None]:
    """Count what is done inside as one part of the work, and not as the part around it."""
    around = _running.get()
    before = _running.set(name)
    if around is not None:
        _event(around).end()
    _event(name).begin()
    try:
        yield
    finally:
        _event(name).end()
        if around is not None:
            _event(around).begin()
        _running.reset(before)


def _event(name: str) -> PETSc.Log.Event:
    return PETSc.Log.Event(f"livoid:{name}")


def counted(name: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorator: every call counts as one part of the work."""

    def decorate(work: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(work)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            with part(name):
                return work(*args, **kwargs)

        return call

    return decorate


def start() -> None:
    """Switch PETSc's log on and start the clock."""
    PETSc.Log.begin()
    PETSc.Options()[_STARTED] = time.perf_counter()


def table(comm: MPI.Comm, steps: int) -> list[dict[str, Any]]:
    """Seconds of each part, their share and their cost per step: the slowest rank. Collective.

    ``rest`` is the time loop itself.
    """
    total = time.perf_counter() - PETSc.Options().getReal(_STARTED)
    seconds = {name: _event(name).getPerfInfo()["time"] for name in EVENTS}
    seconds["rest"] = total - sum(seconds.values())
    seconds["total"] = total
    rows = []
    for name, mine in seconds.items():
        worst = comm.allreduce(mine, op=MPI.MAX)
        per_step = worst / max(steps, 1)
        rows.append({"part": name, "seconds": worst, "share": worst / total, "seconds_per_step": per_step})
    return rows


def write(rows: list[dict[str, Any]], folder: Path) -> None:
    """Print the table and write it to ``profile.json`` (rank 0)."""
    (folder / "profile.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(f"{'part':10s} {'s':>9s} {'share':>7s} {'s/step':>9s}")
    for row in rows:
        print(
            f"{row['part']:10s} {row['seconds']:9.2f} {100 * row['share']:6.1f}% "
            f"{row['seconds_per_step']:9.4f}"
        )
