"""Other programs that a command starts: the test suite, the comparison with other codes, Sphinx."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from solver.cli.arguments import ROOT, Communicator
from solver.cli.exits import EXIT_ENVIRONMENT, refuse, refuse_ranks
from solver.core import children

if TYPE_CHECKING:
    from mpi4py import MPI

TAKES_ALL = ("test", "bench", "soak", "python")
"""Commands whose options are all those of the other program."""

TEST_OPTIONS = (
    "passed to pytest; --quick leaves slow tests out, --figures counts what was tried into "
    "docs/reliability.md, --repeat N runs the part on 2 ranks N times beside busy processes"
)
BENCH_OPTIONS = (
    "[--sizes check|plane|solid|runs] [--problems ...] [--codes ...] [--against FOLDER] [--cases ...] "
    "[--repeat N] [--seconds S] [--memory GB] [--out DIR]"
)

DOCS_NEED = ("sphinx", "myst_nb", "furo", "ipykernel", "jupyter_cache", "latex2mathml", "pybtex")
"""Modules that the documentation is built with, besides the solver's own."""

SOAK_OPTIONS = "[--cases N | --nightly | --seed N] [--seconds S] [--jobs N] [--out DIR]"


def test(
    *arguments: Annotated[str, Parameter(help=TEST_OPTIONS)],
    comm: Communicator,
) -> int:
    """Run the test suite, serial and on 2 ranks.

    Example: livoid test --quick
    """
    if comm.size > 1:
        return refuse_ranks(comm, "'test'")
    if not (ROOT / "tests").is_dir():
        return _needs_source("test", comm)
    suite = ["/bin/sh", str(ROOT / "tests" / "run.sh"), *arguments]
    return children.run(suite, ask=signal.SIGINT)  # pytest then says where it was


def bench(
    *arguments: Annotated[str, Parameter(help=BENCH_OPTIONS)],
    comm: Communicator,
) -> int:
    """Time beside FreeFem and NGSolve, on the same meshes; answers are compared too.

    Example: livoid bench
    """
    return _of_the_tests("benchmarks", "bench", arguments, comm)


def soak(
    *arguments: Annotated[str, Parameter(help=SOAK_OPTIONS)],
    comm: Communicator,
) -> int:
    """Run random valid cases for a while and judge what they leave; a night: --nightly.

    Example: livoid soak --seed 3
    """
    return _of_the_tests("soak", "soak", arguments, comm)


def _of_the_tests(room: str, name: str, arguments: tuple[str, ...], comm: MPI.Comm) -> int:
    """Start a program that lies with the tests."""
    if comm.size > 1:
        return refuse_ranks(comm, f"'{name}'")
    if not (ROOT / "tests" / room).is_dir():
        return _needs_source(name, comm)
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    # -P: the current folder may have 'tests' of its own
    start = [sys.executable, "-P", "-m", f"tests.{room}", *arguments]
    return children.run(start, env={**os.environ, "PYTHONPATH": paths})


def _needs_source(name: str, comm: MPI.Comm) -> int:
    """Refuse what does not come with an installation by pip."""
    return refuse(comm, f"'{name}' works in livoid's source tree, not as installed by pip", EXIT_ENVIRONMENT)


def docs(*, out: Path = ROOT / "docs" / "_build" / "html", fast: bool = False, comm: Communicator) -> int:
    """Build the documentation, executing its tutorials where something that they run with has changed.

    That takes about 4 minutes of computing the first time and 1 where nothing has changed.

    Example: livoid docs

    Args:
        out: folder (default docs/_build/html)
        fast: leave the execution out: pages without results, in about a minute
    """
    if comm.size > 1:
        return refuse_ranks(comm, "'docs'")
    if not (ROOT / "docs" / "conf.py").is_file():
        return _needs_source("docs", comm)
    if out.exists() and any(out.iterdir()) and not (out / ".buildinfo").is_file():
        return refuse(comm, f"{out} is not empty and not made by Sphinx; give another --out")
    missing = [name for name in DOCS_NEED if importlib.util.find_spec(name) is None]
    if missing:
        reason = f"the documentation needs {', '.join(missing)} (pip install livoid[docs])"
        return refuse(comm, reason, EXIT_ENVIRONMENT)
    sphinx = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going"]
    mode = {"LIVOID_DOCS_EXECUTION": "off"} if fast else {}
    return children.run([*sphinx, str(ROOT / "docs"), str(out)], env={**os.environ, **mode})


COMMANDS = (bench, docs, soak, test)
