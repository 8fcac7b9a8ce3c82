"""How forms are compiled: through a cache that no killed compile poisons, with all ranks of one mind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from dolfinx import jit

from solver.core import interrupts, jit_cache

if TYPE_CHECKING:
    from mpi4py import MPI


def _compiled(local: Callable[..., Any], comm: MPI.Comm, *arguments: Any, **options: Any) -> Any:
    """Compile on rank 0, then read the cache on the others; errors and interrupts are those of all ranks.

    dolfinx's own leaves the other ranks waiting where rank 0 is interrupted. Collective.
    """
    interrupts.check_if_stoppable(comm)
    result: Any = None
    failure: BaseException | None = None
    if comm.rank == 0:
        try:
            with interrupts.at_once():
                result = local(*arguments, **options)
        except interrupts.Interrupted as request:
            failure = request
        except Exception as error:
            # Ctrl-C reaches the compiler too
            failure = interrupts.Interrupted() if interrupts.asked() else error
    if comm.size > 1:
        said = comm.bcast(failure and f"{type(failure).__name__}: {failure}", root=0)
        broken_off = said is not None and said.startswith(interrupts.Interrupted.__name__)
        if comm.rank > 0 and said is not None:
            failure = interrupts.Interrupted() if broken_off else RuntimeError(f"on rank 0: {said}")
    if failure is not None:
        raise failure
    return result if comm.rank == 0 else local(*arguments, **options)


def guard() -> None:
    """Put both between dolfinx and ffcx, once."""
    jit_cache.guard()
    local = getattr(jit.ffcx_jit, "__wrapped__", None)  # without dolfinx's agreement of ranks
    if local is not None:
        jit.ffcx_jit = partial(_compiled, local)
