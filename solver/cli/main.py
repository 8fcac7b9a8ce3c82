"""Command line of livoid. Exit codes: 0 done, 1 the run failed, 2 bad input, 3 environment."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import signal
import subprocess
import sys
import tomllib
import traceback
from typing import TYPE_CHECKING, Any

from mpi4py import MPI

import solver
from meshes.cell import MeshingError
from solver.case.loading import CaseError
from solver.cli import commands
from solver.core.parallel import RootError

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def parser() -> argparse.ArgumentParser:
    """Argument parser of all commands."""
    top = argparse.ArgumentParser(
        prog="livoid", description="Voids at the interface between a lithium anode and a solid electrolyte."
    )
    top.add_argument("--version", action="version", version=f"livoid {solver.__version__}")
    top.add_argument("--verbose", action="store_true", help="log every rejected step")
    sub = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_case_commands, _prediction_commands, _study_commands, _record_commands, _other_commands):
        add(sub)
    return top


def _with_case(sub: Commands, name: str, text: str) -> argparse.ArgumentParser:
    command = sub.add_parser(name, help=text, description=text)
    command.add_argument("case", help="case file (TOML)")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help='change a value, for example --set operation.pressure="2 MPa"',
    )
    return command


def _case_commands(sub: Commands) -> None:
    """What is done with one case file."""
    run = _with_case(sub, "run", "run a case")
    run.add_argument("--out", help="run folder (default runs/<case>)")
    run.add_argument("--force", action="store_true", help="replace an earlier run in that folder")
    run.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in that folder")
    run.add_argument("--profile", action="store_true", help="report where the time goes (profile.json)")
    again = sub.add_parser("rerun", help="repeat a run from its folder and compare (same ranks: to 1e-8)")
    again.add_argument("run", help="run folder")
    again.add_argument("--out", help="folder (default RUN-rerun)")
    _with_case(sub, "check", "validate a case and print it resolved, with its dimensionless groups")
    sub.add_parser("schema", help="print the JSON schema of case files")
    _with_case(sub, "mesh", "write the mesh of a case and a picture of it").add_argument("--out")


def _prediction_commands(sub: Commands) -> None:
    """Critical sizes, threshold pressures, current focusing."""
    neutral = _with_case(sub, "neutral", "void growth by vacancies and loss by creep against void size")
    neutral.add_argument("--out")
    text = "critical void size: at the first instant, by evolution, over pressure"
    critical = _with_case(sub, "critical", text)
    critical.add_argument("--out", help="folder (default runs/<case>-critical)")
    parts = ["instant", "evolution", "map"]
    critical.add_argument("--part", action="append", choices=parts, help="only this (default: all)")
    text = "pressure above which voids shrink, over current, temperature, creep law and void size"
    threshold = _with_case(sub, "threshold", text)
    threshold.add_argument("--out", help="folder (default runs/<case>-threshold)")
    text = "current focusing against void size, contact fraction and Wagner number"
    focus = _with_case(sub, "focus", text)
    focus.add_argument("--out", help="folder (default runs/<case>-focus)")
    kinds = ["plane", "axisymmetric", "3d"]
    focus.add_argument("--kind", action="append", choices=kinds, help="only this array (default: all)")


def _study_commands(sub: Commands) -> None:
    """Parameter studies and the runs they consist of."""
    study = sub.add_parser("study", help="run a parameter study through Snakemake, collect its results")
    study.add_argument("file", help="study file (TOML)")
    study.add_argument("--out", help="study folder (default studies/<file>)")
    study.add_argument("--cores", type=int, default=1, help="local cores (default 1)")
    study.add_argument("--profile", help="Snakemake profile, for example cases/studies/slurm")
    study.add_argument("--dry-run", action="store_true", help="show what would run")
    study.add_argument("--retry-failed", action="store_true", help="run failed runs again")
    again = "run again what another version of livoid or of its libraries has made"
    study.add_argument("--redo-outdated", action="store_true", help=again)
    study.add_argument("snakemake", nargs="*", help="further arguments for Snakemake, after --")
    job = sub.add_parser("job", help="one run of a study (called by its Snakefile)")
    job.add_argument("case", help="case file (TOML)")
    job.add_argument("--out", required=True, help="run folder")
    job.add_argument("--mark", required=True, help="file that says how the run ended")


def _record_commands(sub: Commands) -> None:
    """What is made of run and study folders."""
    plot = sub.add_parser("plot", help="make the figures of a run")
    plot.add_argument("run", help="run folder")
    report = sub.add_parser("report", help="one HTML page of a run or a study, for any browser, offline")
    report.add_argument("folder", help="run or study folder")
    report.add_argument("--out", help="page (default FOLDER/report.html)")
    film = sub.add_parser("film", help="film of a run's cross-section over capacity, and a strip of stills")
    film.add_argument("run", help="run folder")
    film.add_argument("--out", help="film, .mp4 or .gif (default RUN/figures/film.mp4)")
    text = "runs of the operando cells, or pressure studies, beside the paper"
    compare = sub.add_parser("compare", help=text)
    compare.add_argument(
        "what", choices=["paper", "pressure"], help="operando runs, or studies over pressure"
    )
    text = "run (study) folders, Li and Li-Mg in any order"
    compare.add_argument("runs", nargs="+", metavar="RUN", help=text)
    compare.add_argument("--out", help="folder (default compare)")


def _other_commands(sub: Commands) -> None:
    """Commands that bring their own cases."""
    alloy = sub.add_parser("alloy", help="composition of Li-Mg after stripping and plating, beside the paper")
    alloy.add_argument("kinds", nargs="*", metavar="strip|plate|utilisation", help="studies (default: all)")
    alloy.add_argument("--out", help="folder (default alloy)")
    verify = sub.add_parser("verify", help="compare with exact solutions")
    verify.add_argument("names", nargs="*", help="rows (default: all); 'list' names them")
    demo = sub.add_parser("demo", help="the main job: one Li void at 0.2 and at 2 MPa")
    demo.add_argument("--out", help="folder (default demo)")
    doctor = sub.add_parser("doctor", help="versions and a ten-second self-check, serial and on 2 ranks")
    doctor.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    text = "time beside FreeFem and NGSolve, on the same meshes; answers are compared too"
    bench = sub.add_parser("bench", help=text, description=text)
    shown = (
        "[--sizes check|plane|solid] [--problems ...] [--codes ...] [--repeat N] [--seconds S] [--out DIR]"
    )
    bench.add_argument("arguments", nargs=argparse.REMAINDER, help=shown)
    docs = sub.add_parser("docs", help="build the documentation, executing its tutorials (docs/_build/html)")
    docs.add_argument("--out", default="", help="folder (default docs/_build/html)")
    test = sub.add_parser("test", help="run the test suite, serial and on 2 ranks")
    test.add_argument("arguments", nargs=argparse.REMAINDER, help="passed to pytest")


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    comm = MPI.COMM_WORLD
    arguments = _parse(argv, comm)
    if isinstance(arguments, int):
        return arguments
    _log_to_terminal(comm, verbose=arguments.verbose)
    logging.raiseExceptions = False  # a full disk stops a run with one message, not with one a log line
    # PETSc's handler would report a page of text about a pipe that its reader (head) has closed
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        code = dispatch(arguments, comm)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (CaseError, RootError, MeshingError) as error:
        if comm.rank == 0:
            print(f"livoid: {error}", file=sys.stderr)
        return commands.EXIT_INPUT
    except Exception:
        traceback.print_exc()
        if comm.size > 1:
            comm.Abort(commands.EXIT_FAILED)
        return commands.EXIT_FAILED


def _log_to_terminal(comm: MPI.Comm, *, verbose: bool) -> None:
    """Warnings go to the terminal (how a run ends is printed by its command), with ``verbose`` everything."""
    logging.basicConfig(format="%(message)s" if verbose else "warning: %(message)s", level=logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(lambda record: verbose or record.levelno == logging.WARNING)
    log = logging.getLogger("livoid")
    log.setLevel(logging.DEBUG if verbose else logging.INFO)
    log.propagate = comm.rank == 0


def _parse(argv: list[str] | None, comm: MPI.Comm) -> argparse.Namespace | int:
    """Parsed arguments, or the exit code; only rank 0 prints usage and errors."""
    given = sys.argv[1:] if argv is None else argv
    if given[:1] in (["test"], ["bench"]) and given[1:] not in (["-h"], ["--help"]):
        # argparse would take the first option of the other program for its own
        return argparse.Namespace(command=given[0], arguments=given[1:], verbose=False)
    try:
        if comm.rank != 0:
            sys.stderr = open("/dev/null", "w")  # noqa: SIM115
        arguments = parser().parse_args(argv)
        if "set" in arguments:
            arguments.changes = dict(_change(text) for text in arguments.set)
    except SystemExit as stop:
        return int(stop.code or 0)
    except ValueError as error:
        print(f"livoid: {error}", file=sys.stderr)
        return commands.EXIT_INPUT
    finally:
        sys.stderr = sys.__stderr__
    return arguments


def _change(text: str) -> tuple[str, Any]:
    """``path=value``; the value is TOML, or text when it is not."""
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise ValueError(f"--set {text}: expected PATH=VALUE")
    try:
        return path, tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        return path, value


def dispatch(arguments: argparse.Namespace, comm: MPI.Comm) -> int:
    """Call the command. Collective."""
    name = arguments.command
    if name == "run":
        return commands.run(
            arguments.case,
            arguments.out,
            arguments.changes,
            how=commands.How(arguments.force, arguments.resume, arguments.profile),
            comm=comm,
        )
    if name == "rerun":
        return commands.rerun(arguments.run, arguments.out, comm)
    if name == "check":
        return commands.check(arguments.case, arguments.changes, comm)
    if name == "schema":
        return commands.schema(comm)
    if name == "mesh":
        return commands.mesh(arguments.case, arguments.out, arguments.changes, comm)
    if name == "neutral":
        return commands.neutral(arguments.case, arguments.out, arguments.changes, comm)
    if name == "plot":
        return commands.plot(arguments.run, comm)
    if name in ("film", "compare", "report"):
        return commands.picture(arguments, comm)
    if name == "focus":
        from solver.cli import predictions

        return predictions.focus(arguments.case, arguments.out, arguments.changes, arguments.kind or [], comm)
    if name == "threshold":
        from solver.cli import predictions

        return predictions.threshold(arguments.case, arguments.out, arguments.changes, comm)
    if name == "critical":
        from solver.cli import predictions

        return predictions.critical(
            arguments.case, arguments.out, arguments.changes, arguments.part or [], comm
        )
    if name in ("study", "job"):
        return _study(arguments, comm)
    if name == "alloy":
        return commands.alloy(arguments.kinds, arguments.out, comm)
    if name == "verify":
        return commands.verify(arguments.names, comm)
    if name == "demo":
        return commands.demo(arguments.out, comm)
    if name == "doctor":
        from solver.cli.doctor import doctor

        return doctor(comm, check=arguments.check)
    return _other_program(arguments, comm)


def _study(arguments: argparse.Namespace, comm: MPI.Comm) -> int:
    from solver.cli import study as study

    if arguments.command == "job":
        return study.job(arguments.case, arguments.out, arguments.mark, comm)
    if comm.size > 1:
        if comm.rank == 0:
            print("livoid: a study starts its own ranks ([study] ranks); leave -n out", file=sys.stderr)
        return commands.EXIT_INPUT
    how = study.Engine(
        cores=arguments.cores,
        profile=arguments.profile,
        extra=arguments.snakemake,
        dry=arguments.dry_run,
        retry_failed=arguments.retry_failed,
        redo_outdated=arguments.redo_outdated,
    )
    return study.study(arguments.file, arguments.out, how)


def _other_program(arguments: argparse.Namespace, comm: MPI.Comm) -> int:
    """The suite and then its parallel part on 2 ranks, the bench, or Sphinx: all start what they need."""
    name, root = arguments.command, commands.ROOT
    if comm.size > 1:
        if comm.rank == 0:
            print(f"livoid: '{name}' starts its own ranks; leave -n out", file=sys.stderr)
        return commands.EXIT_INPUT
    if name == "test":
        return subprocess.call(["/bin/sh", str(root / "tests" / "run.sh"), *arguments.arguments])
    if name == "bench":
        paths = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
        # -P: the current folder may have 'tests' of its own
        start = [sys.executable, "-P", "-m", "tests.benchmarks", *arguments.arguments]
        return subprocess.call(start, env={**os.environ, "PYTHONPATH": paths})
    if importlib.util.find_spec("myst_nb") is None:
        print("livoid: the documentation needs sphinx, myst-nb, furo and ipykernel", file=sys.stderr)
        return commands.EXIT_ENVIRONMENT
    pages, out = root / "docs", arguments.out or str(root / "docs" / "_build" / "html")
    sphinx = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going"]
    return subprocess.call([*sphinx, str(pages), out])
