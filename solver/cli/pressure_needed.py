"""``livoid pressure-needed``: the designer's question, answered by many short runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from solver.cli.arguments import CaseFile, Changes, Communicator, case_reader, claim, making
from solver.cli.exits import EXIT_FAILED, EXIT_OK, refuse, refuse_ranks

if TYPE_CHECKING:
    from mpi4py import MPI

    from solver.predictions.needed.plan import Drawn, Plan

FILES = (
    "pressure-needed.csv",
    "trials.csv",
    "pressure-needed.json",
    "pressure-needed.png",
    "pressure-needed.pdf",
)


@Parameter(name="*")
@dataclass(frozen=True)
class Kept:
    """What the cell has to keep."""

    active_contact: Annotated[
        str | None, Parameter(help="smallest active contact over the whole area, between 0 and 1")
    ] = None
    overpotential: Annotated[
        str | None,
        Parameter(
            help='largest overpotential, pellet included, "30 mV" (default: the case\'s cutoff_voltage)'
        ),
    ] = None
    capacity: Annotated[
        str | None, Parameter(help='to which they are kept, "1 mAh/cm^2" (default: the case\'s own)')
    ] = None
    after: Annotated[
        str | None,
        Parameter(
            help="capacity from which on they are kept, for voids that pressure closes first (default 0)"
        ),
    ] = None


@Parameter(name="*")
@dataclass(frozen=True)
class Spread:
    """What the answer is distributed over."""

    priors: Annotated[Path | None, Parameter(help="file of priors of parameters (TOML)")] = None
    posterior: Annotated[
        Path | None, Parameter(help="samples of parameters (CSV, dotted paths and units in its headers)")
    ] = None
    samples: Annotated[
        int | None, Parameter(help="draws of parameters and random voids (default 8 where something varies)")
    ] = None
    seed: Annotated[int, Parameter(help="of the draws (default 0)")] = 0


@Parameter(name="*")
@dataclass(frozen=True)
class Sought:
    """Where the pressure is sought."""

    lowest: Annotated[str, Parameter(help='smallest pressure (default "0.1 MPa")')] = "0.1 MPa"
    highest: Annotated[str, Parameter(help='largest one (default "50 MPa")')] = "50 MPa"
    resolution: Annotated[float, Parameter(help="ratio of pressures to which it is found (default 1.1)")] = (
        1.1
    )
    start: Annotated[str | None, Parameter(help="tried first (default: a static estimate)")] = None


def pressure_needed(
    case: CaseFile,
    /,
    *,
    set_: Changes = (),
    out: Path | None = None,
    kept: Kept = Kept(),
    current: tuple[str, ...] = (),
    temperature: tuple[str, ...] = (),
    stiffness: tuple[str, ...] = (),
    spread: Spread = Spread(),
    sought: Sought = Sought(),
    cores: int = 1,
    dry_run: bool = False,
    quiet: bool = False,
    comm: Communicator,
) -> int:
    """Smallest stack pressure that keeps contact and overpotential within limits.

    Example: livoid pressure-needed cases/demo-2MPa.toml --active-contact 0.3 --capacity "0.1 mAh/cm^2"

    Found by runs that end as soon as a limit is broken; a command that was broken off goes on. With [fixture]
    the pressure is the preload. The last line is the answer: "1.6 MPa (1.2 to 2.3, 90 %)".

    Args:
        out: folder (default runs/CASE-pressure-needed)
        current: "0.5 mA/cm2"; can be repeated (default: the case's own)
        temperature: "60 °C"; can be repeated (default: the case's own)
        stiffness: of [fixture], "0.1 MPa/um"; can be repeated (default: the case's own)
        cores: local cores (default 1)
        dry_run: say what it would cost; nothing is written
        quiet: print no progress, only the answer
    """
    from solver.predictions.needed.plan import Limits, Over, Range, plan

    if comm.size > 1:
        return refuse_ranks(comm, "pressure-needed")
    loaded = case_reader(case, set_, comm)({})
    limits = Limits(kept.active_contact, kept.overpotential, kept.capacity, kept.after)
    over = Over(current, temperature, stiffness)
    bounds = Range(sought.lowest, sought.highest, sought.resolution, sought.start)
    made = plan(loaded, limits, over, _drawn(spread), bounds)
    folder = out or Path("runs") / f"{case.stem}-pressure-needed"
    return _answered(made, folder, comm, cores=cores, dry_run=dry_run, quiet=quiet)


def _drawn(spread: Spread) -> Drawn:
    """The spread, with the priors read. Raises CaseError."""
    from solver.calibration.priors import drawn, load_priors
    from solver.predictions.needed.plan import Drawn

    priors = None
    if spread.priors is not None:
        read = load_priors(spread.priors)
        priors = (list(read), partial(drawn, read))
    return Drawn(priors, spread.posterior, spread.samples, spread.seed)


def _answered(plan: Plan, folder: Path, comm: MPI.Comm, *, cores: int, dry_run: bool, quiet: bool) -> int:
    """Say what it will cost, carry the searches out, write and print the answers."""
    from postprocess.pressure_needed import draw_pressure_needed
    from solver.cli.engine import REFUSED, engine
    from solver.predictions.needed import ask, report
    from solver.predictions.needed.first_guess import static_guess

    loaded, question = plan.loaded, plan.question
    trials = ask.trials_of(plan, folder)
    earlier = trials.recall()
    if not quiet or dry_run:
        print(f"{question.words()}\n{ask.cost(plan, earlier)}", flush=True)
    if dry_run:
        return EXIT_OK
    claim(folder, comm)
    try:
        asked = ask.searches(plan, static_guess)
        left = ask.carry_out(asked, trials, question, engine(cores, quiet=quiet))
    except REFUSED as error:
        return refuse(comm, error)
    except KeyboardInterrupt:
        return refuse(comm, f"interrupted; the same command goes on in {folder}", EXIT_FAILED)
    if left:
        return refuse(comm, f"{left} runs have no result: see {trials.study}/logs", EXIT_FAILED)
    with making(folder, *FILES):
        said = report.write(folder, asked, trials, question, plan.bounds)
        draw_pressure_needed(folder, loaded.case.title)
    if not quiet:
        print(f"results in {folder}")
    print("\n".join(said))
    return EXIT_FAILED if all("no answer" in line for line in said) else EXIT_OK


COMMANDS = (pressure_needed,)
