"""What the commands of ``livoid`` do, apart from parsing their arguments (:mod:`solver.cli.main`)."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w
from mpi4py import MPI

from meshes.tags import name_table
from solver.case.loading import CaseError, load_case, parse_case, schema_text
from solver.cli import progress
from solver.core import timing
from solver.core.files import write_atomic
from solver.core.parallel import on_root
from solver.output import series
from solver.output.run_folder import RunFolder
from solver.setup import cell_setup, protocol, scales
from solver.simulation.run import run_case

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.simulation.ending import RunOutcome

EXIT_OK, EXIT_FAILED, EXIT_INPUT, EXIT_ENVIRONMENT = 0, 1, 2, 3
ROOT = Path(__file__).resolve().parents[2]
DEMO_CASES = ("demo-0.2MPa", "demo-2MPa")

log = logging.getLogger("livoid")


def load_collective(path: str, changes: Mapping[str, Any], comm: MPI.Comm) -> LoadedCase:
    """Read a case on rank 0 and share it, so that all ranks see the same file or the same problem."""
    loaded: LoadedCase | None = None
    problem: CaseError | None = None
    if comm.rank == 0:
        try:
            loaded = load_case(path, changes)
            cell_setup.check_size(loaded)
        except CaseError as error:
            problem = error
    failure: tuple[str, list[str]] | None = comm.bcast(
        (problem.source, problem.problems) if problem else None, root=0
    )
    if failure is not None:
        raise CaseError(*failure)
    if comm.size == 1 and loaded is not None:
        return loaded
    # All ranks read the same text, so that no value differs between them in its last digit.
    shared = comm.bcast((loaded.resolved(), loaded.source) if loaded else None, root=0)
    return parse_case(*shared)


@dataclass(frozen=True)
class How:
    """Options of ``livoid run``: replace an earlier run, go on with it, report where the time goes."""

    force: bool = False
    resume: bool = False
    profile: bool = False


def run(path: str, out: str | None, changes: Mapping[str, Any], *, how: How, comm: MPI.Comm) -> int:
    """Run one case file. Collective; returns the exit code."""
    loaded = load_collective(path, changes, comm)
    folder = Path(out) if out else Path("runs") / Path(path).stem
    if how.resume:
        done = comm.bcast(on_root(comm, lambda: RunFolder(folder, series.COLUMNS).ended(loaded)), root=0)
        if done is not None:
            if comm.rank == 0:
                print(f"{done}\nresults in {folder}")
            return EXIT_OK
    if how.profile:
        timing.start()
    outcome = _run(loaded, folder, how=how, comm=comm)
    if how.profile:
        rows = timing.table(comm, outcome.steps)
        on_root(comm, lambda: timing.write(rows, folder))
    if comm.rank == 0:
        print(f"{outcome.status}: {outcome.message}\nresults in {folder}")
    return EXIT_FAILED if outcome.status in ("failed", "interrupted") else EXIT_OK


def _run(loaded: LoadedCase, folder: Path, *, how: How, comm: MPI.Comm) -> RunOutcome:
    target = protocol.expected_throughput(loaded.case.operation)
    report = progress.reporter(target, root=comm.rank == 0)
    to = RunFolder(folder, series.COLUMNS)
    return run_case(loaded, to, comm, force=how.force, resume=how.resume, progress=report)


def rerun(run_folder: str, out: str | None, comm: MPI.Comm) -> int:
    """Run a finished run again and compare. Collective; 1 if the two differ by more than they may."""
    from postprocess import rerun as repeat

    first = comm.bcast(on_root(comm, lambda: repeat.original(Path(run_folder))), root=0)
    folder = Path(out) if out else first.folder.with_name(first.folder.name + "-rerun")
    loaded = load_collective(str(first.case), {}, comm)
    outcome = _run(loaded, folder, how=How(), comm=comm)
    if comm.rank != 0:
        return EXIT_OK
    print(f"{outcome.status}: {outcome.message}\nresults in {folder}")
    same_ranks = first.manifest.get("ranks") == comm.size
    changed = repeat.surroundings(first.manifest, comm.size)
    text, same = repeat.report(first.folder, folder, changed, same_ranks=same_ranks)
    print(text)
    return EXIT_OK if same and outcome.status == first.manifest["status"] else EXIT_FAILED


def check(path: str, changes: Mapping[str, Any], comm: MPI.Comm) -> int:
    """Validate a case and print it resolved, with its dimensionless groups (rank 0)."""
    loaded = load_collective(path, changes, comm)
    if comm.rank == 0:
        print(tomli_w.dumps(loaded.resolved()))
        print("# dimensionless groups (largest seeded void)")
        for name, value in scales.dimensionless_groups(loaded).items():
            print(f"#   {name:10s} {value:.4g}")
    return EXIT_OK


def schema(comm: MPI.Comm) -> int:
    """Print the JSON schema of case files (rank 0)."""
    if comm.rank == 0:
        sys.stdout.write(schema_text())
    return EXIT_OK


def mesh(path: str, out: str | None, changes: Mapping[str, Any], comm: MPI.Comm) -> int:
    """Write the initial mesh of a case: ``.msh``, a table of names, and a picture. Collective."""
    from meshes.quality import quality
    from postprocess.mesh_picture import draw_mesh

    loaded = load_collective(path, changes, comm)
    base = Path(out) if out else Path("runs") / f"{Path(path).stem}-mesh"
    base = base.with_suffix("") if base.suffix == ".msh" else base
    on_root(comm, lambda: base.parent.mkdir(parents=True, exist_ok=True))
    msh = base.with_suffix(".msh")
    cell = cell_setup.initial_cell(loaded, comm, str(msh))
    cells = cell.domain.topology.index_map(cell.domain.topology.dim).size_global
    worst = quality(cell)

    def write() -> None:
        names = json.dumps(name_table(), indent=2) + "\n"
        write_atomic(base.with_suffix(".json"), names)
        draw_mesh(msh, base.with_suffix(".png"))
        print(f"{cells} cells, worst quality {worst:.3f}; {msh}, {base}.json, {base}.png")

    on_root(comm, write)
    return EXIT_OK


def plot(folder: str, comm: MPI.Comm) -> int:
    """Make the figures of a run (rank 0)."""
    if comm.rank != 0:
        return EXIT_OK
    from postprocess.plots import plot_run
    from postprocess.records import RecordsError

    try:
        for figure in plot_run(Path(folder)):
            print(figure)
    except RecordsError as error:
        print(f"livoid: {error}", file=sys.stderr)
        return EXIT_INPUT
    return EXIT_OK


def picture(arguments: argparse.Namespace, comm: MPI.Comm) -> int:
    """``film``, ``compare`` and ``report`` (rank 0)."""
    if comm.rank != 0:
        return EXIT_OK
    from postprocess.records import RecordsError

    out = Path(arguments.out) if arguments.out else None
    try:
        if arguments.command == "film":
            from postprocess.film import film

            made = film(Path(arguments.run), out)
        elif arguments.command == "report":
            from postprocess.report import report

            made = [report(Path(arguments.folder), out)]
        else:
            from postprocess.compare import compare_paper
            from postprocess.pressure import compare_pressure

            compare = compare_paper if arguments.what == "paper" else compare_pressure
            made = compare([Path(run) for run in arguments.runs], out or Path("compare"))
    except RecordsError as error:
        print(f"livoid: {error}", file=sys.stderr)
        return EXIT_INPUT
    for file in made:
        print(file)
    return EXIT_OK


def demo(out: str | None, comm: MPI.Comm) -> int:
    """The main job: the Li void at 0.2 and at 2 MPa; ends with a table and a figure. Collective."""
    folder = Path(out or "demo")
    outcomes: dict[str, RunOutcome] = {}
    for name in DEMO_CASES:
        loaded = load_collective(str(ROOT / "cases" / f"{name}.toml"), {}, comm)
        if comm.rank == 0:
            print(f"{name}: {loaded.case.title}", flush=True)
        outcomes[name] = _run(loaded, folder / name, how=How(force=True), comm=comm)
    if comm.rank == 0:
        from postprocess.demo import demo_figure, demo_table

        runs = [folder / name for name in DEMO_CASES]
        print(demo_table(runs))
        print(f"figure: {demo_figure(runs, folder / 'demo.png')}")
        print(f"open in ParaView: {', '.join(str(run / 'fields.pvd') for run in runs)}")
    failed = any(outcome.status in ("failed", "interrupted") for outcome in outcomes.values())
    return EXIT_FAILED if failed else EXIT_OK


def verify(names: list[str], comm: MPI.Comm) -> int:
    """Print exact, computed, error and observed order of the verification rows. Collective."""
    from solver.verification.table import run_rows

    return EXIT_OK if run_rows(names, comm) else EXIT_FAILED


def alloy(kinds: list[str], out: str | None, comm: MPI.Comm) -> int:
    """Studies of the composition of Li-Mg beside the paper: strip, plate, utilisation. Collective."""
    from solver.predictions.alloy import KINDS, run_study, study

    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        if comm.rank == 0:
            print(f"livoid: no study {', '.join(unknown)}; there are {', '.join(KINDS)}", file=sys.stderr)
        return EXIT_INPUT
    failed = False
    for kind in KINDS:
        if kinds and kind not in kinds:
            continue
        name, entries = study(kind)
        path = str(ROOT / "cases" / f"{name}.toml")
        folder = Path(out or "alloy")

        def quiet(loaded: LoadedCase, to: Path) -> RunOutcome:
            return run_case(loaded, RunFolder(to, series.COLUMNS), comm, force=True)

        def load(changes: Mapping[str, Any], path: str = path) -> LoadedCase:
            return load_collective(path, changes, comm)

        done = run_study(entries, load, quiet, folder / kind, comm)
        failed |= any(outcome.status in ("failed", "interrupted") for _, _, outcome in done)
        if comm.rank == 0:
            from postprocess.alloy import report

            for made in report(kind, [(run, to) for run, to, _ in done], folder):
                print(made)
    return EXIT_FAILED if failed else EXIT_OK


def neutral(path: str, out: str | None, changes: Mapping[str, Any], comm: MPI.Comm) -> int:
    """Initial void growth split into vacancy gain and creep loss against void size. Collective."""
    from solver.predictions.neutral import neutral_study, write_neutral

    loaded = load_collective(path, changes, comm)
    rows = neutral_study(loaded, comm)
    folder = Path(out) if out else Path("runs") / f"{Path(path).stem}-neutral"
    on_root(comm, lambda: write_neutral(rows, folder))
    return EXIT_OK
