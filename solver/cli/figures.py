"""Figures, films and pages of run and study folders: what ``postprocess`` makes of records."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from mpi4py import MPI

from solver.cli.arguments import Communicator, RunFolderPath, making, pairs, read_case, tell_of_abort
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
    """One HTML page of a run or a study, for any browser, offline; that of a run leads to its 'livoid view'.

    Example: livoid report runs/first

    Args:
        out: page (default FOLDER/report.html); the view of a run is beside it (view.html, or PAGE-view.html)
    """
    from postprocess import report as page
    from postprocess.plots import FIGURES

    target = out or folder / "report.html"
    if (folder / "study.toml").is_file():
        return _made(comm, lambda: _pages(target, lambda: [page.report(folder, target)]), folder)
    slider = target.with_name("view.html" if out is None else f"{target.stem}-view.html")

    def make() -> list[Path]:
        shown = _viewable(folder)
        view = slider if shown else None
        made = [] if shown is None else [shown(slider)]
        with making(folder / "figures", *FIGURES):
            return [page.report(folder, target, view), *made]

    return _made(comm, lambda: _pages(target, make, slider), folder)


def _pages(target: Path, make: Callable[[], list[Path]], *others: Path) -> list[Path]:
    """Make pages that lie beside each other."""
    with making(target.parent, target.name, *(page.name for page in others)):
        return make()


def _viewable(run: Path) -> Callable[[Path], Path] | None:
    """Writes the interactive page of a run; None where it has no outputs, or plotly is missing."""
    from postprocess.records import read_run

    if not read_run(run).outputs() or importlib.util.find_spec("plotly") is None:
        return None
    from postprocess import view as page

    return partial(page.view, run)


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
    what: Annotated[
        Literal["paper", "pressure"] | Path,
        Parameter(help="operando runs, or studies over pressure, beside the paper; or a run folder"),
    ],
    /,
    *runs: Annotated[Path, Parameter(help="run (study) folders")],
    data: Annotated[
        tuple[Path, ...],
        Parameter(
            help="measurements (CSV, Parquet, .mpt, .mpr), or a TOML file that describes some; repeatable"
        ),
    ] = (),
    column: Annotated[
        tuple[str, ...], Parameter(help='head of a quantity, as voltage="Ewe/V"; can be repeated')
    ] = (),
    unit: Annotated[
        tuple[str, ...], Parameter(help="unit of a quantity whose head has none, as voltage=mV")
    ] = (),
    area: str | None = None,
    against: Literal["capacity", "time"] | None = None,
    at: str | None = None,
    out: Path = Path("compare"),
    comm: Communicator,
) -> int:
    """Runs over measurements, or over each other; or the cells of the paper beside it.

    Example: livoid compare runs/a runs/b --data exp.csv --column voltage="Ewe/V"

    Args:
        area: of the measured cell, for mA and mAh, as "0.785 cm2"
        against: what the comparison is over (default: capacity where it was measured, else time)
        at: capacity at which an EDS profile was taken, as "0.5 mAh/cm2"
        out: folder (default compare)
    """
    from postprocess.experiment import command

    words = {"area": area, "against": against, "profile_at": at}
    given: dict[str, object] = {key: value for key, value in words.items() if value is not None}
    given |= {key: pairs(key, of) for key, of in (("columns", column), ("units", unit)) if of}
    if isinstance(what, str):
        if data or given:
            return refuse(comm, f"--data and what describes it go with runs, not with '{what}'")
        return _beside_paper(what, runs, out, comm)
    if given and not data:
        return refuse(comm, "--column, --unit, --area, --against and --at describe --data FILE")
    if not what.is_dir() and (close := difflib.get_close_matches(str(what), ("paper", "pressure"), n=1)):
        return refuse(comm, f'{what}: no such folder. Did you mean "{close[0]}"?')

    def make() -> list[Path]:
        with making(out, *command.FILES, alone=True):
            return command.compare([what, *runs], data, given, out)

    return _made(comm, make, what, *runs)


def _beside_paper(what: str, runs: tuple[Path, ...], out: Path, comm: Communicator) -> int:
    """Runs or studies beside the paper."""
    from postprocess.compare import compare_paper
    from postprocess.pressure import compare_pressure

    if not runs:
        return refuse(comm, f"compare {what}: RUN requires an argument")
    beside = compare_paper if what == "paper" else compare_pressure

    def make() -> list[Path]:
        with making(out, f"{what}.png", f"{what}.pdf", f"{what}.csv", alone=True):
            return beside(list(runs), out)

    return _made(comm, make, *runs)


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
    except ImportError as error:  # a package that only this needs
        return refuse(comm, error, EXIT_ENVIRONMENT)
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


def voids_from_image(
    image: Annotated[
        Path, Parameter(help="micrograph of a cross-section, electrolyte below (PNG, TIFF, JPEG)")
    ],
    /,
    *,
    scale: str | None = None,
    threshold: str | None = None,
    smallest: str | None = None,
    interface: str | None = None,
    out: Path = Path("voids"),
    comm: Communicator,
) -> int:
    """Table of the voids in a picture, for [voids] from, and the picture with what was found.

    Example: livoid voids-from-image sem.tif --scale "20 nm" --smallest "0.3 um"

    Args:
        scale: length of a pixel, as "20 nm"
        threshold: grey from 0 (black) to 1 below which metal is a void (default: Otsu's, of the metal)
        smallest: width from which a void counts (default a pixel)
        interface: row of the electrolyte's surface from the top (default: where the grey rises most)
        out: folder (default voids)
    """
    from postprocess.experiment import void_image

    given = {"scale": scale, "threshold": threshold, "smallest": smallest, "interface": interface}

    def make() -> list[Path]:
        with making(out, *void_image.FILES, alone=True):
            return void_image.voids_from_image(image, out, given)

    return _made(comm, make)


def protocol(
    file: Annotated[
        Path,
        Parameter(help="record of a cycler (CSV, Parquet, .mpt, .mpr), or a TOML file that describes one"),
    ],
    /,
    *,
    column: Annotated[
        tuple[str, ...], Parameter(help='head of a quantity, as current="I/mA"; can be repeated')
    ] = (),
    unit: Annotated[
        tuple[str, ...], Parameter(help="unit of a quantity whose head has none, as current=mA")
    ] = (),
    offset: Annotated[
        tuple[str, ...], Parameter(help='what is subtracted from a quantity, as voltage="0.62 V"')
    ] = (),
    opposite: Annotated[
        tuple[str, ...],
        Parameter(help="quantity whose sign is the opposite: current where charging is positive"),
    ] = (),
    area: str | None = None,
    step: str | None = None,
    comm: Communicator,
) -> int:
    """Print the steps of a cycler's file as [[operation.step]] of a case.

    Example: livoid protocol cell7.mpt --area "0.785 cm2" > steps.toml

    Args:
        area: of the cell, for currents in mA, as "0.785 cm2"
        step: head of the column of step numbers (default: one that is known; without any, steps are told by
            current and voltage)
    """
    from postprocess.experiment import protocol as steps

    words = {"columns": column, "units": unit, "offset": offset}
    given: dict[str, object] = {key: pairs(key, of) for key, of in words.items() if of}
    given |= {key: of for key, of in (("area", area), ("opposite", list(opposite))) if of}
    if comm.rank == 0:
        try:
            print(steps.protocol(file, given, step))
        except ImportError as error:  # a package that only this kind of file needs
            return refuse(comm, error, EXIT_ENVIRONMENT)
    return EXIT_OK


COMMANDS = (plot, report, view, film, microscope, compare, cite, voids_from_image, protocol)
