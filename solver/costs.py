"""Where a run's time goes: PETSc log events around meshing, assembly, solves, transfer and output."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from mpi4py import MPI
from petsc4py import PETSc

P = ParamSpec("P")
T = TypeVar("T")

EVENTS = ("mesh", "build", "transfer", "assembly", "solve", "output")
"""``mesh``: Gmsh, distribution; ``build``: forms and matrices of a new mesh; ``transfer``: fields to it;
``assembly``: residuals and Jacobians; ``solve``: linear and nonlinear algebra; ``output``: all files."""
_STARTED = "livoid:started"


def part(name: str) -> PETSc.Log.Event:
    """Log event of one part of the work, to be used as a context manager."""
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

    ``solve`` is counted without the assembly inside it; ``rest`` is the time loop itself.
    """
    total = time.perf_counter() - PETSc.Options().getReal(_STARTED)
    seconds = {name: part(name).getPerfInfo()["time"] for name in EVENTS}
    seconds["solve"] -= seconds["assembly"]
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
