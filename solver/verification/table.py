"""Prints the verification table."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mpi4py import MPI

from solver.verification.rows import all_rows

if TYPE_CHECKING:
    from solver.verification.check import Check

HEADER = (
    f"{'row':>3} {'name':22s} {'quantity':44s} {'exact':>13s} {'computed':>13s} {'error':>9s} {'order':>6s}"
)


def run_rows(names: list[str], comm: MPI.Comm) -> bool:
    """Compute and print rows (all if no name is given); True if every check passed. Collective."""
    rows = all_rows()
    root = comm.rank == 0
    if names == ["list"]:
        if root:
            for entry in rows.values():
                print(f"{entry.number:>3} {entry.name:22s} {entry.title}")
        return True
    unknown = [name for name in names if name not in rows]
    if unknown:
        if root:
            print(
                f"livoid: no verification row {', '.join(unknown)}; see 'livoid verify list'", file=sys.stderr
            )
        return False
    passed = True
    if root:
        print(HEADER, flush=True)
    for name in names or rows:
        for check in rows[name].function(comm):
            passed &= check.passed
            if root:
                print(format_check(rows[name].number, name, check), flush=True)
    if root:
        print("all within tolerance" if passed else "NOT all within tolerance")
    return passed


def format_check(number: str, name: str, check: Check) -> str:
    """One line of the table."""
    order = f"{check.order:6.2f}" if check.order is not None else "     -"
    verdict = "" if check.passed else f"  FAILS (tolerance {check.tolerance:g}, order {check.expected_order})"
    return (
        f"{number:>3} {name:22s} {check.quantity:44s} {check.exact:13.6g} {check.computed:13.6g} "
        f"{check.error:9.2e} {order}{verdict}"
    )
