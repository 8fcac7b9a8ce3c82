"""The livoid command: finds what the command line asks for, calls it on every rank, returns an exit code.

Exit codes: 0 done, 1 the run failed, 2 bad input, 3 environment (:mod:`solver.cli.exits`).
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter
from mpi4py import MPI

import solver
from solver.cli import (
    calibrate,
    case,
    doctor,
    figures,
    impedance,
    predictions,
    pressure_needed,
    programs,
    run,
    scripts,
    study,
)
from solver.cli.arguments import Communicator
from solver.cli.exits import EXIT_ENVIRONMENT, EXIT_FAILED, EXIT_INPUT, EXIT_OK, broken_off, lacking, refuse
from solver.cli.help_text import HelpFormatter
from solver.core import interrupts, petsc_start
from solver.core.plain_text import PlainStream

livoid = App(
    name="livoid",
    help="Voids at the interface between a lithium anode and a solid electrolyte.",
    version=f"livoid {solver.__version__}",
    help_formatter=HelpFormatter(),
    help_format="plaintext",
    default_parameter=Parameter(negative=(), show_default=False),
    print_error=False,
    exit_on_error=False,
)
"""All commands, with their arguments and help."""
INTERNAL = (run.job,)
"""Commands that other commands call: they are not listed."""
for function in (
    *run.COMMANDS,
    *case.COMMANDS,
    *predictions.COMMANDS,
    *impedance.COMMANDS,
    *calibrate.COMMANDS,
    *pressure_needed.COMMANDS,
    *study.COMMANDS,
    *figures.COMMANDS,
    *doctor.COMMANDS,
    *programs.COMMANDS,
    *scripts.COMMANDS,
):
    livoid.command(function, show=function not in INTERNAL)


@livoid.command
def completion(shell: Literal["bash", "zsh", "fish"], /, *, comm: Communicator) -> int:
    """Print what makes a shell complete commands and options.

    Example: livoid completion bash > ~/.local/share/bash-completion/completions/livoid

    Args:
        shell: bash, zsh or fish
    """
    if comm.rank == 0:
        print(livoid.generate_completion(shell=shell))
    return EXIT_OK


@livoid.meta.default
def chosen(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    verbose: Annotated[bool, Parameter(help="log every rejected step")] = False,
) -> tuple[Callable[..., int | None], bool]:
    """The command that the words of the command line name, with its arguments, and whether it is verbose."""
    return _bound(*livoid.parse_args(tokens)), verbose


def _bound(function: Callable[..., Any], arguments: Any, left: dict[str, Any]) -> Callable[..., int | None]:
    """A command with its arguments; cyclopts' own (help and version) are printed by rank 0 alone."""
    bound = partial(function, *arguments.args, **arguments.kwargs)
    if "comm" in left:
        return partial(bound, comm=MPI.COMM_WORLD)
    return bound if MPI.COMM_WORLD.rank == 0 else partial(int, EXIT_OK)


def parse(words: Sequence[str]) -> tuple[Callable[..., int | None], bool]:
    """What the words of a command line ask for, ready to be called, and whether to log everything.

    Raises:
        CycloptsError: if they are not understood.
    """
    if words[:1] and words[0] in programs.TAKES_ALL and words[1:] not in (["-h"], ["--help"]):
        return _bound(*livoid.parse_args([words[0], "--", *words[1:]])), False
    # what follows "--" is for Snakemake, even where it looks like an option of ours
    end = words.index("--") if "--" in words else len(words)
    function, arguments, left = livoid.meta.parse_args(words[:end])
    if function is chosen:
        return chosen(*arguments.args, *words[end:], **arguments.kwargs)
    return _bound(function, arguments, left), False


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    comm = MPI.COMM_WORLD
    if argv is None:  # the process is ours
        sys.stdout, sys.stderr = PlainStream(sys.stdout), PlainStream(sys.stderr)  # type: ignore[assignment]
    words = sys.argv[1:] if argv is None else argv
    if words[:1] != ["python"]:  # a script may want a window
        os.environ["MPLBACKEND"] = "Agg"
    try:
        command, verbose = parse(words)
        _log_to_terminal(comm, verbose=verbose)
        if "comm" in getattr(command, "keywords", {}):
            petsc_start.start()
    except CycloptsError as error:
        return refuse(comm, error)
    except KeyboardInterrupt:
        return broken_off(comm)
    logging.raiseExceptions = False  # a full disk stops a run with one message, not with one a log line
    # PETSc's handler would report a page of text about a pipe that its reader (head) has closed
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    return _called(command, comm) if words else _called(command, comm) or EXIT_INPUT


def _called(command: Callable[..., int | None], comm: MPI.Comm) -> int:
    """The exit code of a command, whatever it raises."""
    try:
        code = command()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except KeyboardInterrupt:
        return broken_off(comm)
    except Exception as error:
        if interrupts.asked():  # a compiler or a film that the same signal has ended
            return broken_off(comm)
        if _explains_itself(error):
            return refuse(comm, error)
        if isinstance(error, ImportError) and (reason := lacking(error)) is not None:
            return refuse(comm, reason, EXIT_ENVIRONMENT)
        traceback.print_exc()
        if comm.size > 1:
            comm.Abort(EXIT_FAILED)
        return EXIT_FAILED
    if interrupts.lost() and not code:
        return broken_off(comm)
    return EXIT_OK if code is None else code


def _explains_itself(error: Exception) -> bool:
    """Whether the message of an error is all that a user needs; all ranks have the same one then."""
    from meshes.gmsh.session import MeshingError
    from solver.case.loading import CaseError
    from solver.cli.arguments import ArgumentError
    from solver.core.parallel import RootError

    return isinstance(error, (ArgumentError, CaseError, RootError, MeshingError))


def _log_to_terminal(comm: MPI.Comm, *, verbose: bool) -> None:
    """Warnings go to the terminal (how a run ends is printed by its command), with ``verbose`` everything."""
    logging.basicConfig(format="%(message)s" if verbose else "warning: %(message)s", level=logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(lambda record: verbose or record.levelno == logging.WARNING)
    log = logging.getLogger("livoid")
    log.setLevel(logging.DEBUG if verbose else logging.INFO)
    log.propagate = comm.rank == 0
