"""The parts of a run's time are counted once each."""

from __future__ import annotations

import time

from mpi4py import MPI

from solver.core import timing


def test_parts_count_each_second_once() -> None:
    timing.start()
    before = {row["part"]: row["seconds"] for row in timing.table(MPI.COMM_SELF, 1)}
    with timing.part("mesh"):
        time.sleep(0.02)
        with timing.part("solve"):
            time.sleep(0.1)
        time.sleep(0.02)
    after = {row["part"]: row["seconds"] for row in timing.table(MPI.COMM_SELF, 1)}
    took = {name: after[name] - before[name] for name in after}
    assert took["solve"] >= 0.1
    assert took["mesh"] >= 0.04
    assert took["mesh"] + took["solve"] <= took["total"]
