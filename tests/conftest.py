"""Shared fixtures; under mpirun only rank 0 prints."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from mpi4py import MPI

from solver.case.loading import LoadedCase, parse_case
from solver.stepping import step
from tests import in_process
from tests.distribution import pytest_collection_modifyitems, pytest_xdist_auto_num_workers  # noqa: F401
from tests.figures import pytest_runtest_logreport, pytest_runtest_setup  # noqa: F401

if MPI.COMM_WORLD.rank > 0:
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 600
ON_TWO_RANKS = (
    pytest.mark.parallel,
    pytest.mark.two_ranks,
    pytest.mark.skipif(MPI.COMM_WORLD.size != 2, reason="mpirun -n 2 python3 -m pytest"),
)
"""Marks of whole runs on two ranks: in the parallel part alone, whose ranks are there already."""


def on_two_ranks(test: Callable[..., None]) -> Callable[..., None]:
    """Give a test these marks."""
    for mark in ON_TWO_RANKS:
        test = mark(test)
    return test


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Under mpirun a failure on one rank leaves the others waiting: show it and end all ranks."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and MPI.COMM_WORLD.size > 1:
        print(
            f"rank {MPI.COMM_WORLD.rank}: {item.nodeid}\n{report.longreprtext}", file=sys.stderr, flush=True
        )
        MPI.COMM_WORLD.Abort(1)


def case_data(**changes: Any) -> dict[str, Any]:
    """A small plane case as plain data; ``changes`` replace sections or update them (dicts)."""
    data: dict[str, Any] = {
        "geometry": {
            "width": "3 um",
            "metal_thickness": "8 um",
            "electrolyte_depth": "6 um",
        },
        "void": [{"width": "2.2 um"}],
        "operation": {"pressure": "0.5 MPa", "current": "0.5 mA/cm^2", "capacity": "0.001 mAh/cm^2"},
        "numerics": {"tip_size": "0.08 um", "roof_fraction": 0.12},
    }
    for section, value in changes.items():
        if isinstance(value, dict) and isinstance(data.get(section), dict):
            data[section] = data[section] | value
        else:
            data[section] = value
    return data


def small_case(**changes: Any) -> LoadedCase:
    """A small plane case."""
    return parse_case(case_data(**changes))


def table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file as it is written, all values as text."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def series(folder: Path) -> list[dict[str, str]]:
    """Rows of ``series.csv`` of a run folder."""
    return table(folder / "series.csv")


@pytest.fixture
def comm() -> MPI.Comm:
    return MPI.COMM_WORLD


def advanced_after_two_rejections(simulation: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Take a step whose mesh is found inverted twice, after all has been solved, observed and moved.

    Asserts that the electrolyte's surface is untouched until the step counts; returns its state before.
    """
    surface, real, seen = simulation.surface, step.quality, []

    def inverted(cell: Any) -> float:
        seen.append(surface.state())
        return 0.0 if len(seen) <= 2 else real(cell)

    monkeypatch.setattr(step, "quality", inverted)
    before, rejected = surface.state(), simulation.clock.rejected
    assert simulation.advance() is None
    assert simulation.clock.rejected == rejected + 2
    assert seen == [before] * 3
    return before


def command(*arguments: str, ranks: int = 1) -> list[str]:
    """What runs livoid on ``ranks`` ranks."""
    start = [sys.executable, "-P", "-m", "solver", *arguments]
    return start if ranks == 1 else ["mpirun", "-n", str(ranks), *start]


def environment() -> dict[str, str]:
    """Variables with which it finds this source from any folder."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "python")])}


@pytest.fixture
def together(tmp_path: Path, comm: MPI.Comm) -> Path:
    """An empty folder, the same one on all ranks."""
    return Path(comm.bcast(str(tmp_path)))


@pytest.fixture
def livoid(together: Path, comm: MPI.Comm) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the livoid command in an empty folder: in this process, or in one of its own.

    It has its own with ``process=True``, on several ``ranks``, and for ``--profile``, which adds up; in the
    parallel part it is called on the ranks that are there, and rank 0 has what it says.
    """

    def run(*arguments: str, ranks: int = 1, process: bool = False) -> subprocess.CompletedProcess[str]:
        if comm.size > 1:
            assert ranks == comm.size and not process, "no other ranks can be started here"
            done = in_process.call(*arguments, folder=together)
            comm.Barrier()
            return done
        if ranks > 1 or process or "--profile" in arguments:
            return run_process(*arguments, folder=together, ranks=ranks)
        return in_process.call(*arguments, folder=together)

    return run


def run_process(*arguments: str, folder: Path, ranks: int = 1) -> subprocess.CompletedProcess[str]:
    """Run ``python -m solver`` in a folder, on ``ranks`` ranks."""
    return subprocess.run(
        command(*arguments, ranks=ranks),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Everything below a folder: name, time of the last change, content (of a link: where it leads)."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            data = os.fsencode(path.readlink())
        else:
            data = path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (path.lstat().st_mtime_ns, data)
    return found


def put(folder: Path, files: Mapping[str, str]) -> None:
    """Write text files, by path below a folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
