"""Figures, films and pages of run and study folders: what ``postprocess`` makes of records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from mpi4py import MPI

from solver.cli.arguments import Communicator, RunFolderPath
from solver.cli.exits import EXIT_OK, refuse


def plot(run: RunFolderPath, /, *, comm: Communicator) -> int:
    """Make the figures of a run."""
    from postprocess.plots import plot_run

    return _made(comm, lambda: plot_run(run))


def report(
    folder: Annotated[Path, Parameter(help="run or study folder")],
    /,
    *,
    out: Path | None = None,
    comm: Communicator,
) -> int:
    """One HTML page of a run or a study, for any browser, offline.

    Args:
        out: page (default FOLDER/report.html)
    """
    from postprocess import report as page

    return _made(comm, lambda: [page.report(folder, out)])


def film(run: RunFolderPath, /, *, out: Path | None = None, comm: Communicator) -> int:
    """Film of a run's cross-section over capacity, and a strip of stills.

    Args:
        out: film, .mp4 or .gif (default RUN/figures/film.mp4)
    """
    from postprocess import film as cinema

    return _made(comm, lambda: cinema.film(run, out))


def compare(
    what: Annotated[Literal["paper", "pressure"], Parameter(help="operando runs, or studies over pressure")],
    run: Annotated[Path, Parameter(help="run (study) folder")],
    /,
    *runs: Annotated[Path, Parameter(help="further ones, Li and Li-Mg in any order")],
    out: Path = Path("compare"),
    comm: Communicator,
) -> int:
    """Runs of the operando cells, or pressure studies, beside the paper.

    Args:
        out: folder (default compare)
    """
    from postprocess.compare import compare_paper
    from postprocess.pressure import compare_pressure

    beside = compare_paper if what == "paper" else compare_pressure
    return _made(comm, lambda: beside([run, *runs], out))


def _made(comm: MPI.Comm, make: Callable[[], Iterable[Path]]) -> int:
    """Make files on rank 0 and print their names; returns the exit code."""
    from postprocess.records import RecordsError

    if comm.rank != 0:
        return EXIT_OK
    try:
        for file in make():
            print(file)
    except RecordsError as error:
        return refuse(comm, error)
    return EXIT_OK


COMMANDS = (plot, report, film, compare)
