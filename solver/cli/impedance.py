"""Impedance of a run or of a case (``livoid eis``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from solver.cli.arguments import ArgumentError, Changes, Communicator, case_reader, claim, making
from solver.cli.exits import EXIT_FAILED, EXIT_OK, refuse

NEAR = 0.2
"""Relative distance from what ``--at`` asks for beyond which the nearest checkpoint is not what is meant."""
OWN_SECTION = "impedance."
"""The keys that may be changed for a run that is there already."""


def eis(
    target: Annotated[Path, Parameter(help="run folder, or case file (its first instant)")],
    /,
    *,
    at: str | None = None,
    set_: Changes = (),
    lowest: str = "1 mHz",
    highest: str = "1 MHz",
    per_decade: int = 6,
    out: Path | None = None,
    comm: Communicator,
) -> int:
    """Impedance of the interface as it is: charge transfer, constriction, vacancies, composition.

    Example: livoid eis runs/a --at "0.5 mAh/cm2" --set impedance.double_layer="10 uF/cm2"

    Args:
        at: capacity ("0.5 mAh/cm2") or time ("600 s"): the nearest checkpoint (default: the newest)
        lowest: frequency
        highest: frequency
        per_decade: frequencies per decade
        out: folder (default runs/NAME-eis)
    """
    from postprocess.impedance import draw_impedance
    from solver.algebra.newton import SolveError
    from solver.core.parallel import on_root
    from solver.predictions import impedance
    from solver.setup.setup import set_up

    points = impedance.frequencies(*_range(lowest, highest), _density(per_decade))
    is_run = target.is_dir()
    if is_run:
        wrong = [text for text in set_ if not text.startswith(OWN_SECTION)]
        if wrong:
            raise ArgumentError(f"--set {wrong[0]}: of a run only [impedance] can be changed")
    elif at is not None:
        raise ArgumentError("--at needs a run folder; of a case it is the first instant")
    loaded = case_reader(target / "case.toml" if is_run else target, set_, comm)({})
    saved, where = None, "the first instant"
    if is_run:
        path, header = on_root(comm, lambda: _checkpoint(target, at)) or (None, None)
        path, header = comm.bcast((path, header), root=0)
        saved, where = (path, header), impedance.place(header)
    folder = out or Path("runs") / f"{target.resolve().name if is_run else target.stem}-eis"
    claim(folder, comm)
    try:
        found = impedance.spectrum(set_up(loaded), comm, points, saved)
    except (SolveError, impedance.HarmonicError) as error:
        return refuse(comm, error, EXIT_FAILED)

    def write() -> None:
        with making(folder, "impedance.csv", "arcs.csv", "impedance.png", "impedance.pdf"):
            tables = impedance.write_spectrum(found, folder)
            picture = draw_impedance(folder, f"{loaded.case.title}; {where}")
        print("\n".join([f"impedance at {where}", *impedance.shown(found), *map(str, (*tables, picture))]))

    on_root(comm, write)
    return EXIT_OK


def _range(lowest: str, highest: str) -> tuple[float, float]:
    """Frequencies in Hz. Raises ArgumentError."""
    low, high = (_quantity(f"--{name}", text) for name, text in (("lowest", lowest), ("highest", highest)))
    if not 0.0 < low < high < float("inf"):
        raise ArgumentError(
            f"--lowest {lowest} --highest {highest}: two frequencies above 0, the lower first"
        )
    return low, high


def _quantity(option: str, text: str, unit: str = "Hz") -> float:
    from solver.case.units import parse_quantity

    try:
        return parse_quantity(text, unit)
    except ValueError as error:
        raise ArgumentError(f"{option} {text}: {error}") from None


def _density(per_decade: int) -> int:
    if not 1 <= per_decade <= 100:
        raise ArgumentError(f"--per-decade {per_decade}: from 1 to 100")
    return per_decade


def _checkpoint(run: Path, at: str | None) -> tuple[Path, dict[str, Any]]:
    """The checkpoint meant by ``--at`` (rank 0). Raises ArgumentError."""
    from solver.output import checkpoint
    from solver.output.run_folder import MARKER
    from solver.predictions.impedance import place

    manifest = MARKER.read(run)
    found = checkpoint.usable(run, manifest[MARKER.key]["id"])
    if not found:
        raise ArgumentError(f"{run} holds no complete checkpoint")
    if at is None:
        return found[-1]
    counter, wanted = _asked(at)
    path, header = min(found, key=lambda entry: abs(entry[1]["clock"][counter] - wanted))
    if abs(header["clock"][counter] - wanted) > NEAR * max(abs(wanted), 1e-30):
        kept = "\n  ".join(place(header) for _, header in found)
        raise ArgumentError(
            f"--at {at}: no checkpoint near it (output.checkpoints_kept: how many stay); there are\n  {kept}"
        )
    return path, header


def _asked(at: str) -> tuple[str, float]:
    """Counter of the clock and its value: charge (C/m2) or time (s)."""
    try:
        return "capacity", _quantity("--at", at, "C/m**2")
    except ArgumentError:
        return "time", _quantity("--at", at, "s")


COMMANDS = (eis,)
