"""What kill -9 leaves of a run in its middle, without a process to start and to kill.

A run writes its records at once, state by state: its folder at such a moment is what a kill would leave.
Real kills, at any moment, are those of ``test_faults.py``.
"""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from mpi4py import MPI

from solver.case.loading import parse_case
from solver.output.run_folder import RunFolder
from solver.simulation.callbacks import Callback
from solver.simulation.run import run_case
from tests.conftest import case_data

if TYPE_CHECKING:
    from solver.simulation.simulation import Simulation


class CutOff(Callback):
    """Copies the folder of a run once so many steps are recorded; the run goes on, or ends there.

    Args:
        out: folder of the run.
        step: number of the step.
        folder: where the copy goes.
        comm: of the run.
        ends: whether the run is then interrupted.
    """

    def __init__(
        self, out: Path, step: int, folder: Path, comm: MPI.Comm = MPI.COMM_SELF, *, ends: bool = False
    ) -> None:
        self.out, self.step, self.folder, self.comm, self.ends = out, step, folder, comm, ends
        self._done = False

    def state_solved(self, simulation: Simulation) -> None:
        if simulation.clock.step != self.step or self._done:
            return
        self._done = True
        self.comm.Barrier()  # all ranks have written
        if self.comm.rank == 0:
            shutil.copytree(self.out, self.folder)
            if self.ends:
                signal.raise_signal(signal.SIGTERM)  # it is enough that one rank gets it


def cut_at(out: Path, cuts: dict[int, Path], *callbacks: Callback, **case: object) -> None:
    """Run a small case on one rank, to its end, and leave copies of its folder at some of its steps."""
    copies = [CutOff(out, step, folder) for step, folder in cuts.items()]
    data = case_data(**case)
    outcome = run_case(parse_case(data), RunFolder(out), MPI.COMM_SELF, callbacks=[*callbacks, *copies])
    assert outcome.status == "finished", outcome.message
    assert all(folder.is_dir() for folder in cuts.values()), "the run has ended too early"


def cut_on_all_ranks(out: Path, step: int, **case: object) -> None:
    """Leave what a kill at a step leaves of a run on the ranks that are there. Collective."""
    comm, begun = MPI.COMM_WORLD, out.with_name(f"{out.name}-begun")
    cut = CutOff(begun, step, out, comm, ends=True)
    outcome = run_case(parse_case(case_data(**case)), RunFolder(begun), comm, callbacks=[cut])
    assert outcome.status == "interrupted", outcome.message


def go_on(out: Path, ranks: int, **case: object) -> None:
    """Go on with a run to its end, on all ranks or on one of them alone. Collective."""
    comm = MPI.COMM_WORLD
    if ranks == comm.size or comm.rank == 0:
        on = comm if ranks == comm.size else MPI.COMM_SELF
        outcome = run_case(parse_case(case_data(**case)), RunFolder(out), on, resume=True)
        assert outcome.status == "finished", outcome.message
    comm.Barrier()
