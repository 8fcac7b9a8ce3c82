"""Figures, films and pages of run and study folders: what ``postprocess`` makes of records."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from mpi4py import MPI

from solver.cli.arguments import Communicator, RunFolderPath, making, read_case, tell_of_abort
from solver.cli.exits import EXIT_ENVIRONMENT, EXIT_OK, refuse


def plot(run: RunFolderPath, /, *, comm: Communicator) -> int:
    """Make the figures of a run.

    Example: livoid plot runs/first
    """
    from postprocess.plots import FIGURES, plot_run

    def make() -> list[Path]:
        with making(_livoids(run) / "figures", *FIGURES):
            return plot_run(run)

    return _made(comm, make, run)


def report(
    folder: Annotated[Path, Parameter(help="run or study folder")],
    /,
    *,
    out: Path | None = None,
    comm: Communicator,
) -> int:
    """One HTML page of a run or a study, for any browser, offline.

    Example: livoid report runs/first

    Args:
        out: page (default FOLDER/report.html)
    """
    from postprocess import report as page
    from postprocess.plots import FIGURES

    target = out or folder / "report.html"
    pictures = () if (folder / "study.toml").is_file() else FIGURES

    def make() -> list[Path]:
        with making(target.parent, target.name), making(folder / "figures", *pictures):
            return [page.report(folder, target)]

    return _made(comm, make, folder)


def view(run: RunFolderPath, /, *, out: Path | None = None, comm: Communicator) -> int:
    """One page with a slider over the outputs of a run: fields, interface, curves; for any browser, offline.

    Example: livoid view runs/demo-2MPa

    Args:
        out: page (default RUN/view.html)
    """
    try:
        from postprocess import view as page
    except ModuleNotFoundError as error:
        return refuse(comm, f"{error.name} is missing in this environment (PyPI: plotly)", EXIT_ENVIRONMENT)
    target = out or run / "view.html"

    def make() -> list[Path]:
        _livoids(run)
        with making(target.parent, target.name):
            return [page.view(run, target)]

    return _made(comm, make, run)


def film(run: RunFolderPath, /, *, out: Path | None = None, comm: Communicator) -> int:
    """Film of a run's cross-section over capacity, and a strip of stills.

    Example: livoid film runs/first --out film.gif

    Args:
        out: film, .mp4 or .gif (default RUN/figures/film.mp4)
    """
    from postprocess import film as cinema

    target = out or run / "figures" / "film.mp4"

    def make() -> list[Path]:
        _livoids(run)
        with making(target.parent, *cinema.names_of(target)):
            return cinema.film(run, target)

    return _made(comm, make, run)


def compare(
    what: Annotated[Literal["paper", "pressure"], Parameter(help="operando runs, or studies over pressure")],
    run: Annotated[Path, Parameter(help="run (study) folder")],
    /,
    *runs: Annotated[Path, Parameter(help="further ones, Li and Li-Mg in any order")],
    out: Path = Path("compare"),
    comm: Communicator,
) -> int:
    """Runs of the operando cells, or pressure studies, beside the paper.

    Example: livoid compare paper runs/operando-li runs/operando-limg

    Args:
        out: folder (default compare)
    """
    from postprocess.compare import compare_paper
    from postprocess.pressure import compare_pressure

    beside = compare_paper if what == "paper" else compare_pressure

    def make() -> list[Path]:
        with making(out, f"{what}.png", f"{what}.csv", alone=True):
            return beside([run, *runs], out)

    return _made(comm, make, run, *runs)


def microscope(
    run: RunFolderPath,
    /,
    *,
    at: Annotated[
        tuple[str, ...],
        Parameter(help='capacity of a picture, as "0.5 mAh/cm2"; can be repeated (default: the last output)'),
    ] = (),
    pixel: str | None = None,
    resolution: str | None = None,
    noise: str | None = None,
    seed: int | None = None,
    detection: str | None = None,
    detection_height: str | None = None,
    response: str | None = None,
    response_shape: str | None = None,
    normalise: str | None = None,
    window: str | None = None,
    cut: str | None = None,
    view: str | None = None,
    out: Path | None = None,
    comm: Communicator,
) -> int:
    """What a microscope would see of a run: SEM frames, EDS maps and profiles, void statistics.

    Example: livoid microscope runs/first --pixel "50 nm"

    Args:
        pixel: side of a pixel (default 0.1 um)
        resolution: of the picture, full width at half maximum (default 0.1 um)
        noise: standard deviation of the grey, black to white is 1 (default 0)
        seed: of the noise (default 1)
        detection: width from which a void counts (default 0.3 um)
        detection_height: height from which a void counts (default as its width)
        response: of EDS, full width at half maximum (default 4 um)
        response_shape: of EDS: gaussian (default) or exponential
        normalise: depth below the current collector where Mg is 1 (default 20 um)
        window: width of the stretches between which profiles spread (default the response)
        cut: place along y of the plane in 3-D (default 0 um)
        view: width of pictures (default: the cell, mirrored where a void is cut by its side)
        out: folder (default RUN/microscope)
    """
    from postprocess.microscope.command import microscope as take
    from postprocess.microscope.instrument import read_request

    words = {"pixel": pixel, "resolution": resolution, "noise": noise, "seed": seed, "detection": detection,
             "detection_height": detection_height, "response": response, "response_shape": response_shape,
             "normalise": normalise, "window": window, "cut": cut, "view": view, "at": at}  # fmt: skip
    request = read_request(words)
    return _made(comm, lambda: take(_livoids(run) if out is None else run, request, out), run)


def _livoids(run: Path) -> Path:
    """A run folder into which livoid may write.

    Raises:
        RecordsError: if it is none of livoid's.
    """
    from postprocess.records import RecordsError
    from solver.output.run_folder import adopt

    try:
        adopt(run)
    except ValueError as error:
        raise RecordsError(str(error)) from None
    return run


def _made(comm: MPI.Comm, make: Callable[[], Iterable[Path]], *runs: Path) -> int:
    """Make files of runs on rank 0 and print their names; returns the exit code."""
    from postprocess.records import RecordsError

    tell_of_abort(comm, *runs)
    if comm.rank != 0:
        return EXIT_OK
    try:
        for file in make():
            print(file)
    except RecordsError as error:
        return refuse(comm, error)
    return EXIT_OK


def cite(run: Path, /, *, form: Literal["both", "text", "bibtex"] = "both", comm: Communicator) -> int:
    """Print the papers behind the materials and methods of a run, as text and for BibTeX.

    Example: livoid cite runs/a --form bibtex > run.bib

    Args:
        run: run folder, or a case file
        form: text, bibtex or both
    """
    if importlib.util.find_spec("pybtex") is None:
        return refuse(comm, "references need pybtex (pip install pybtex)", EXIT_ENVIRONMENT)
    from postprocess.citations import as_bibtex, as_text, cited

    found = cited(read_case(run / "case.toml" if run.is_dir() else run, {}, comm))
    if comm.rank == 0:
        parts = {"text": as_text, "bibtex": as_bibtex}
        print("\n\n".join(part(found) for name, part in parts.items() if form in (name, "both")))
    return EXIT_OK


COMMANDS = (plot, report, view, film, microscope, compare, cite)
