"""Progress of a run: a bar on a terminal, one line per step otherwise; rank 0 only."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import TextIO

from tqdm import tqdm

from solver.setup.scales import COULOMB_PER_MAH_CM2
from solver.stepping.clock import Clock
from solver.stepping.observables import Observation

ProgressCallback = Callable[[Clock, Observation], None]


def silent(_clock: Clock, _seen: Observation) -> None:
    """No output."""


def reporter(target: float, *, root: bool, stream: TextIO | None = None) -> ProgressCallback:
    """Callback for :func:`solver.simulation.run.run_case`.

    Args:
        target: areal capacity at which the run ends, C/m2.
        root: whether this rank prints.
        stream: where to (default: standard error).
    """
    out = stream or sys.stderr
    if not root:
        return silent
    if not out.isatty():

        def line(clock: Clock, seen: Observation) -> None:
            print(
                f"step {clock.step:5d}  {clock.capacity / COULOMB_PER_MAH_CM2:.5f} mAh/cm2  "
                f"t {clock.time:.5g} s  {_contact(seen, 2)}  "
                f"{1e3 * seen.shares.total:.3f} mV",
                file=out,
                flush=True,
            )

        return line
    columns = shutil.get_terminal_size(fallback=(100, 24)).columns
    bar = tqdm(total=target / COULOMB_PER_MAH_CM2, file=out, bar_format=_FORMAT, ncols=columns)

    def update(clock: Clock, seen: Observation) -> None:
        bar.n = clock.capacity / COULOMB_PER_MAH_CM2
        bar.set_postfix_str(f"step {clock.step}, {_contact(seen, 1)}, {1e3 * seen.shares.total:.2f} mV")

    return update


_FORMAT = "{l_bar}{bar}| {n:.5f}/{total:.5f} mAh/cm2 [{elapsed}<{remaining}] {postfix}"


def _contact(seen: Observation, digits: int) -> str:
    """Share of the interface in contact, and what of it is active where that is another one."""
    text = f"contact {100 * seen.contact_fraction:.{digits}f} %"
    remembers = seen.active_fraction != seen.contact_fraction
    return f"{text}, active {100 * seen.active_fraction:.{digits}f} %" if remembers else text
