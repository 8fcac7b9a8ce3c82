"""Other programs that a command starts: the test suite, the comparison with other codes, Sphinx."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from solver.cli.arguments import ROOT, Communicator
from solver.cli.exits import EXIT_ENVIRONMENT, refuse, refuse_ranks

TAKES_ALL = ("test", "bench")
"""Commands whose options are all those of the other program."""

BENCH_OPTIONS = (
    "[--sizes check|plane|solid] [--problems ...] [--codes ...] [--repeat N] [--seconds S] [--out DIR]"
)


def test(
    *arguments: Annotated[str, Parameter(help="passed to pytest; --quick leaves slow tests out")],
    comm: Communicator,
) -> int:
    """Run the test suite, serial and on 2 ranks."""
    if comm.size > 1:
        return refuse_ranks(comm, "'test'")
    return subprocess.call(["/bin/sh", str(ROOT / "tests" / "run.sh"), *arguments])


def bench(
    *arguments: Annotated[str, Parameter(help=BENCH_OPTIONS)],
    comm: Communicator,
) -> int:
    """Time beside FreeFem and NGSolve, on the same meshes; answers are compared too."""
    if comm.size > 1:
        return refuse_ranks(comm, "'bench'")
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    # -P: the current folder may have 'tests' of its own
    start = [sys.executable, "-P", "-m", "tests.benchmarks", *arguments]
    return subprocess.call(start, env={**os.environ, "PYTHONPATH": paths})


def docs(*, out: Path = ROOT / "docs" / "_build" / "html", comm: Communicator) -> int:
    """Build the documentation, executing its tutorials.

    Args:
        out: folder (default docs/_build/html)
    """
    if comm.size > 1:
        return refuse_ranks(comm, "'docs'")
    if importlib.util.find_spec("myst_nb") is None:
        reason = "the documentation needs sphinx, myst-nb, furo and ipykernel"
        return refuse(comm, reason, EXIT_ENVIRONMENT)
    sphinx = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going"]
    return subprocess.call([*sphinx, str(ROOT / "docs"), str(out)])


COMMANDS = (bench, docs, test)
