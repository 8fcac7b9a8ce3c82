"""Figures for docs/reliability.md from the suite: of each kind of fault how many were tried, held and lost.

A test says what it is a trial of by ``@pytest.mark.kind("kill at any moment")``, or for a whole file by
``pytestmark``; one that makes several trials says how many: ``kind("...", tried=22)``. Where the variable
``LIVOID_FIGURES`` names a file, a run of the suite appends a line for each such test, and
``python3 -m tests.figures FILE`` writes their sums into the table. ``livoid test --figures`` does both.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from mpi4py import MPI

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: written by livoid test --figures -->", "<!-- end of figures -->"
VARIABLE = "LIVOID_FIGURES"


def note(kind: str, *, tried: int, lost: int) -> None:
    """Append a line to the file that the environment names, if it names one."""
    name = os.environ.get(VARIABLE)
    if name:
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, "tried": tried, "lost": lost}) + "\n")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What a test is a trial of goes with its report, from whichever process it runs in."""
    for mark in item.iter_markers("kind"):
        item.user_properties.append(("kind", [mark.args[0], mark.kwargs.get("tried", 1)]))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the trials of a test: all it makes if it passes, else the one that was lost."""
    if "PYTEST_XDIST_WORKER" in os.environ or MPI.COMM_WORLD.rank > 0:
        return  # the process that shows the report notes it
    if report.skipped or (report.when != "call" and report.passed):
        return
    for name, value in report.user_properties:
        if name == "kind":
            note(str(value[0]), tried=1 if report.failed else int(value[1]), lost=int(report.failed))


def table(notes: Iterator[dict[str, object]]) -> str:
    """The sums as a table."""
    tried: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for entry in notes:
        kind = str(entry["kind"])
        tried[kind] += int(str(entry["tried"]))
        lost[kind] += int(str(entry["lost"]))
    rows = [
        f"| {kind} | {tried[kind]} | {tried[kind] - lost[kind]} | {lost[kind]} |" for kind in sorted(tried)
    ]
    return "\n".join(["| kind of fault | tried | held | lost |", "|---|---|---|---|", *rows])


def replaced(page: str, figures: str) -> str:
    """The text of the page with these figures in place of its own.

    Raises:
        ValueError: if the page has no place for them.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no place for the figures: it is between {BEGIN} and {END}")
    return f"{before}{begin}\n\n{figures}\n\n{end}{after}"


def main(source: Path) -> None:
    """Write the sums of a file of notes into the page."""
    lines = source.read_text(encoding="utf-8").splitlines()
    figures = table(json.loads(line) for line in lines)
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), figures), encoding="utf-8")
    print(figures)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
