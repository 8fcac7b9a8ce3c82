"""Whole runs of shipped cases, by this code and another copy: ``livoid bench --sizes runs --against FOLDER``.

Each run is a process of its own on one core, the copies in turns: what else the machine does meets both.
Seconds are those of the processor for the whole command, start-up included: what a study pays per point.
"""

from __future__ import annotations

import csv
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
"""This copy of livoid."""
SHORT = 'operation.capacity="0.1 mAh/cm^2"'
RUNS: dict[str, tuple[str, ...]] = {
    "demo-2MPa": (),
    "demo-0.2MPa": (),
    "die-li": (SHORT,),
    "operando-li": (SHORT,),
    "operando-limg": (SHORT,),
    "void-3d": ('operation.capacity="0.01 mAh/cm^2"',),
}
"""Cases and what is set in them; both copies read this copy's case files."""
EFFORTS = {"steps": None, "creep": "newton_creep", "currents": "newton_electrochemistry", "meshes": None}
"""What a row says of the work done, and the column of series.csv that is summed for it."""
_LAST = ("remeshes", "capacity_mAh_cm2", "voltage_V", "contact_fraction")


@dataclass(frozen=True)
class Run:
    """One run: what it cost and where it ended.

    Attributes:
        case: name of the case.
        seconds: of the processor, user and system.
        wall: seconds on the clock.
        efforts: steps, Newton iterations (creep, current), meshes.
        end: capacity (mAh/cm2), voltage (V) and contact fraction at the end.
        failed: why it has no end, or nothing.
    """

    case: str
    seconds: float
    wall: float
    efforts: Mapping[str, int]
    end: Mapping[str, float]
    failed: str = ""


def run(copy: Path, case: str, folder: Path) -> Run:
    """Run a case with a copy of livoid into a new folder of that name."""
    settings = [part for text in RUNS[case] for part in ("--set", text)]
    command = [sys.executable, "-P", "-m", "solver", "run", str(SOURCE / "cases" / f"{case}.toml")]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    result = subprocess.run(
        [*command, "--out", str(folder), "--force", *settings],
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        cwd=folder.parent,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    wall = time.perf_counter() - start
    if result.returncode:
        last = result.stderr.strip().splitlines()[-1:] or ["no message"]
        return Run(case, used, wall, {}, {}, last[0])
    efforts, end = read(folder / "series.csv")
    return Run(case, used, wall, efforts, end)


def read(series: Path) -> tuple[dict[str, int], dict[str, float]]:
    """Efforts and end of a run from its series."""
    with series.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    sums = {
        name: sum(int(row[column]) for row in rows) for name, column in EFFORTS.items() if column is not None
    }
    last = {name: float(rows[-1][name]) for name in _LAST}
    return {"steps": len(rows) - 1, **sums, "meshes": int(last.pop("remeshes"))}, last


def turns(
    copies: Mapping[str, Path], cases: Sequence[str], folder: Path, repeat: int
) -> dict[str, dict[str, Run]]:
    """Every case with every copy, in turns; of each the run of median seconds, and a first one not counted.

    The first compiles forms.
    """
    found: dict[str, dict[str, Run]] = {}
    for case in cases:
        of: dict[str, list[Run]] = {name: [] for name in copies}
        for turn in range(repeat + 1):
            for name, copy in copies.items():
                result = run(copy, case, folder / f"{name}-{case}")
                if turn or result.failed:
                    of[name].append(result)
        found[case] = {
            name: sorted(runs, key=lambda item: item.seconds)[len(runs) // 2] for name, runs in of.items()
        }
    return found


def table(found: Mapping[str, Mapping[str, Run]]) -> str:
    """Markdown table, a line per case and copy; ratios are the other copy's seconds over this one's."""
    heads = ("case", "copy", "CPU s", "wall s", "ratio", *EFFORTS, "mAh/cm2", "V", "contact")
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for case, runs in found.items():
        own = runs["this"]
        for name, item in runs.items():
            if item.failed:
                lines.append(f"| {case} | {name} | {item.failed} |" + " |" * (len(heads) - 3))
                continue
            ratio = "" if own.failed else f"{item.seconds / own.seconds:.2f}"
            cells = [case, name, f"{item.seconds:.1f}", f"{item.wall:.1f}", ratio]
            cells += [str(item.efforts[effort]) for effort in EFFORTS]
            cells += [f"{value:.5g}" for value in item.end.values()]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
