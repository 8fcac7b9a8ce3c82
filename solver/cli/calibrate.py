"""``livoid calibrate``: parameters from measurements, by runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from solver.cli.arguments import Communicator, claim
from solver.cli.exits import EXIT_FAILED, EXIT_OK, refuse, refuse_ranks

if TYPE_CHECKING:
    from mpi4py import MPI

    from solver.calibration.schema import Plan


def calibrate(
    file: Annotated[Path, Parameter(help="calibration file (TOML)")],
    /,
    *,
    out: Path | None = None,
    cores: int = 1,
    dry_run: bool = False,
    quiet: bool = False,
    comm: Communicator,
) -> int:
    """Find what measurements say of parameters: waves of runs, emulators, a posterior.

    Example: livoid calibrate cell-calibration.toml --cores 2

    A command that was broken off goes on. calibration.html shows all; posterior.csv has the samples.

    Args:
        out: folder (default runs/FILE-calibration)
        cores: local cores (default 1)
        dry_run: say what it would cost; nothing is written
        quiet: print no progress, only the answers
    """
    from solver.calibration.schema import load_plan

    if comm.size > 1:
        return refuse_ranks(comm, "calibrate")
    plan = load_plan(file)
    folder = out or Path("runs") / f"{file.stem}-calibration"
    if not quiet or dry_run:
        print(_cost(plan), flush=True)
    return EXIT_OK if dry_run else _calibrated(plan, folder, comm, cores=cores, quiet=quiet)


def _cost(plan: Plan) -> str:
    """What all runs will cost, at most."""
    from solver.calibration.runs import runs
    from solver.setup.cost import cost_of, duration

    counts = runs(plan)
    times = [cost_of(cell.loaded).seconds for cell in plan.cells]
    least, most = (sum(n * time[k] for n, time in zip(counts, times, strict=True)) for k in (0, 1))
    return f"at most {sum(counts)} runs, {duration(least)} to {duration(most)} on one core"


def _calibrated(plan: Plan, folder: Path, comm: MPI.Comm, *, cores: int, quiet: bool) -> int:
    from solver.calibration.carry_out import PAGE, BrokenOffError, NothingKnownError, carry_out
    from solver.cli.engine import REFUSED, engine

    claim(folder, comm)
    try:
        result, said = carry_out(plan, folder, engine(cores, quiet=quiet))
    except REFUSED as error:
        return refuse(comm, error)
    except (BrokenOffError, NothingKnownError) as error:
        return refuse(comm, error, EXIT_FAILED)
    except KeyboardInterrupt:
        return refuse(comm, f"interrupted; the same command goes on in {folder}", EXIT_FAILED)
    if not quiet:
        print(folder / PAGE)
    print("\n".join(said))
    return EXIT_OK if result.posterior is not None else EXIT_FAILED


COMMANDS = (calibrate,)
