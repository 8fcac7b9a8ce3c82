"""Predictions: neutral and critical void sizes, threshold pressures, current focusing, composition of alloys.

The numbers come from :mod:`solver.predictions`, which writes its tables; the figures from ``postprocess``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from mpi4py import MPI

from solver.cli.arguments import CASES, CaseFile, Changes, Communicator, case_reader, claim, making
from solver.cli.exits import EXIT_FAILED, EXIT_OK, refuse

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.predictions.alloy import Kind, StudyRun
    from solver.predictions.critical import Evolved
    from solver.simulation.ending import RunOutcome

MAP_PRESSURES = (0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 14.0, 25.0, 50.0)
"""MPa; the range of the experiments."""
MAP_CURRENTS = (0.05, 0.2, 0.5, 1.0, 2.0)
"""mA/cm2."""
Part = Literal["instant", "evolution", "map"]
Array = Literal["plane", "axisymmetric", "3d", "disc"]


def neutral(case: CaseFile, /, *, set_: Changes = (), out: Path | None = None, comm: Communicator) -> int:
    """Void growth by vacancies and loss by creep against void size.

    Example: livoid neutral cases/neutral.toml

    Args:
        out: folder (default runs/CASE-neutral)
    """
    from postprocess.neutral import draw_neutral
    from solver.core.parallel import on_root
    from solver.predictions.neutral import check, neutral_lines, neutral_study, write_neutral
    from solver.setup.setup import set_up

    base = case_reader(case, set_, comm)({})
    check(base)
    folder = _claimed(case, out, "neutral", comm)
    rows = neutral_study(set_up(base), comm)

    def write() -> None:
        with making(folder, "neutral.csv", "neutral.png", "neutral.pdf"):
            write_neutral(rows, folder)
            print("\n".join(neutral_lines(rows)))
            draw_neutral(folder)

    on_root(comm, write)
    return EXIT_OK


def critical(
    case: CaseFile,
    /,
    *,
    set_: Changes = (),
    out: Path | None = None,
    part: tuple[Part, ...] = (),
    gap: str | None = None,
    comm: Communicator,
) -> int:
    """Critical void size: at the first instant, by evolution, over pressure.

    Example: livoid critical cases/critical.toml --part evolution

    Args:
        out: folder (default runs/CASE-critical)
        part: only this (default: all); can be repeated
        gap: metal between neighbouring voids, "8 um", kept at every size (default: the cell's width is)
    """
    from postprocess.critical import draw_map, draw_sizes
    from solver.case.given import quantity
    from solver.core.parallel import on_root
    from solver.predictions import critical as sizes
    from solver.predictions import critical_report
    from solver.setup.setup import set_up

    load = case_reader(case, set_, comm)
    base = load({})
    sizes.check(base)
    kept = None if gap is None else quantity("--gap", gap, "um", what="a width")
    folder = _claimed(case, out, "critical", comm)
    wanted = part or ("instant", "evolution", "map")
    if "instant" in wanted or "evolution" in wanted:
        instant = sizes.neutral_sizes(load, comm, kept)
        evolved: Evolved = ([], [])
        if "evolution" in wanted:
            evolved = sizes.evolved_sizes(load, _quiet_run(comm), folder / "runs", comm, kept)

        def write_sizes() -> None:
            with making(folder, "critical.csv", "critical.json", "critical.png", "critical.pdf"):
                lines = critical_report.write_sizes(folder, instant, evolved)
                draw_sizes(folder)
            print("\n".join(lines))

        on_root(comm, write_sizes)
    if "map" in wanted:
        rows = sizes.neutral_map(load, MAP_PRESSURES, MAP_CURRENTS, comm, kept)

        def write_map() -> None:
            smallest, *_, largest = sizes.half_widths(set_up(base))
            with making(folder, "map.csv", "map.png", "map.pdf"):
                critical_report.write_map(folder, rows)
                draw_map(folder, smallest, largest)

        on_root(comm, write_map)
    if comm.rank == 0:
        print(f"results in {folder}")
    return EXIT_OK


def threshold(
    case: CaseFile,
    /,
    *,
    set_: Changes = (),
    out: Path | None = None,
    current: tuple[str, ...] = (),
    temperature: tuple[str, ...] = (),
    metal: tuple[str, ...] = (),
    comm: Communicator,
) -> int:
    """Pressure above which voids shrink, over current, temperature, creep law and void size.

    Example: livoid threshold cases/threshold-li.toml --current "0.3 mA/cm2" --temperature "40 °C"

    Args:
        out: folder (default runs/CASE-threshold)
        current: "0.3 mA/cm2", besides the case's own; can be repeated (default: 0.05 to 2 mA/cm2)
        temperature: "40 °C"; can be repeated (default: 25 and 60 °C)
        metal: of the library; can be repeated (default: the case's own)
    """
    from postprocess.threshold import draw_thresholds
    from solver.case.given import quantity
    from solver.core.parallel import on_root
    from solver.predictions.threshold import (
        CURRENTS,
        TEMPERATURES,
        check,
        threshold_study,
        write_thresholds,
    )

    load = case_reader(case, set_, comm)
    base = load({})
    check(base)
    currents = [quantity("--current", text, "mA/cm2") for text in current] or CURRENTS
    temperatures = [quantity("--temperature", text, "K") for text in temperature] or TEMPERATURES
    for name in metal:  # before minutes are spent on the first
        load({"material.metal": {"name": name}})
    folder = _claimed(case, out, "threshold", comm)
    rows = threshold_study(load, comm, currents, temperatures, metal or ("",))

    def write() -> None:
        with making(folder, "threshold.csv", "threshold.png", "threshold.pdf"):
            table = write_thresholds(rows, folder)
            print(f"{table}\n{draw_thresholds(folder, base.case.title)}")

    on_root(comm, write)
    return EXIT_OK


def focus(
    case: CaseFile,
    /,
    *,
    set_: Changes = (),
    out: Path | None = None,
    kind: tuple[Array, ...] = (),
    contact: tuple[str, ...] = (),
    wagner: tuple[str, ...] = (),
    comm: Communicator,
) -> int:
    """Current focusing against void size, contact fraction and Wagner number, the case's own among them.

    Example: livoid focus cases/demo-2MPa.toml --kind plane --contact 0.3 --contact 0.7 --wagner 5

    Args:
        out: folder (default runs/CASE-focus)
        kind: only this array (default: all three), or disc, an isolated contact on a wide electrolyte
            (disc.csv, lengths over its radius); can be repeated
        contact: fraction of the area in contact, between 0.01 and 0.99 (3d: from 0.215); can be repeated
            (default: 0.1 to 0.9)
        wagner: kappa Z over the cell's half-width, above 1e-4, besides the case's own; can be repeated
            (default: 0.01 to 100)
    """
    from postprocess.focus import draw_focus
    from solver.core.parallel import on_root
    from solver.predictions import focus as focusing
    from solver.setup.setup import set_up

    base = case_reader(case, set_, comm)({})
    if contact and set(kind) == {focusing.DISC}:
        return refuse(comm, "--contact is of arrays; an isolated disc has none")
    asked = focusing.asked(kind, contact, wagner)
    folder = _claimed(case, out, "focus", comm)
    setup = set_up(base)
    own, half_width = focusing.case_wagner(setup)
    if comm.rank == 0:
        left_out = "" if own > focusing.LEAST_WAGNER else "; too low to be resolved, see the limit Wa = 0"
        print(f"this case: Wa = {own:.4g} (cell half-width {half_width:g} um){left_out}")
    asked = asked.with_case(setup)
    rows = focusing.focus_study(asked.arrays, comm, asked.wagner, asked.contact)
    discs = focusing.disc_study(asked.wagner, comm) if asked.disc else []

    def write() -> None:
        if rows:
            with making(folder, "focus.csv", "focus.png", "focus.pdf"):
                table = focusing.write_focus(rows, folder)
                print(f"{table}\n{draw_focus(folder)}")
        if discs:
            with making(folder, "disc.csv"):
                print(focusing.write_disc(discs, folder))

    on_root(comm, write)
    return EXIT_OK


def alloy(
    *kinds: Annotated[str, Parameter(help="strip, plate, utilisation (default: all)")],
    out: Path = Path("alloy"),
    comm: Communicator,
) -> int:
    """Composition of Li-Mg after stripping and plating, beside the paper.

    Example: livoid alloy strip

    Args:
        out: folder (default alloy)
    """
    from postprocess.alloy import report
    from solver.core.parallel import on_root
    from solver.predictions.alloy import KINDS, run_study, study

    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        return refuse(comm, f"no study {', '.join(unknown)}; there are {', '.join(KINDS)}")
    claim(out, comm)
    failed = False

    def write(kind: Kind, done: Sequence[tuple[StudyRun, Path, RunOutcome]]) -> None:
        with making(out, f"{kind}.csv", f"{kind}.png", f"{kind}.pdf"):
            for made in report(kind, [(run.labels, folder) for run, folder, _ in done], out):
                print(made)

    for kind in KINDS:
        if kinds and kind not in kinds:
            continue
        name, entries = study(kind)
        load = case_reader(CASES / f"{name}.toml", (), comm)
        done = run_study(entries, load, _quiet_run(comm), out / kind, comm)
        failed |= any(outcome.status in ("failed", "interrupted") for _, _, outcome in done)
        on_root(comm, partial(write, kind, done))
    return EXIT_FAILED if failed else EXIT_OK


def _claimed(case: Path, out: Path | None, command: str, comm: MPI.Comm) -> Path:
    """The folder of the results, taken before minutes of work are spent on them. Collective.

    Raises:
        RootError: if it holds what livoid has not made.
    """
    folder = out or Path("runs") / f"{case.stem}-{command}"
    claim(folder, comm)
    return folder


def _quiet_run(comm: MPI.Comm) -> Callable[[LoadedCase, Path], RunOutcome]:
    """What runs a case into a folder, replacing what is there, without a report of its progress."""
    from solver.output.run_folder import RunFolder
    from solver.simulation.run import run_case

    return lambda loaded, to: run_case(loaded, RunFolder(to), comm, force=True)


COMMANDS = (neutral, critical, threshold, focus, alloy)
