"""Every problem with every code that is there, one after the other on one core."""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from meshes.tags import Boundary
from solver.core.ownership import ForeignFolderError, Results
from tests.benchmarks import box, numbers, runs

HERE = Path(__file__).resolve().parent
PROBLEMS = ("constriction", "diffusion", "creep", "step")
CODES = ("livoid", "ngsolve", "freefem")
SIZES = {
    "check": ((2, 0.04), (3, 0.25)),
    "plane": ((2, 0.0207), (2, 0.0103)),
    "solid": ((3, 0.0573), (3, 0.038)),
}
"""Dimension and element size: "plane" has 5e4 and 2e5 unknowns of creep, "solid" 3e5 and 1e6."""
SIZES_HELP = "boxes of these sizes beside other codes, or whole runs of shipped cases (livoid alone)"
SAME = 1e-3
"""Relative difference allowed between answers: quadrature of the power law near its singular edge."""
SAMPLING = 0.005
"""Seconds between looks at a code's memory; the shortest runs take some hundredths."""


@dataclass(frozen=True)
class Limits:
    """When a code is given up: seconds and MB."""

    seconds: float
    memory: float


def command(code: str, problem: str, dim: int, mesh: Path) -> list[str]:
    """What runs a problem with a code."""
    if code == "freefem":
        return ["FreeFem++-nw", "-nw", "-v", "0", str(HERE / "freefem" / f"box{dim}.edp"), problem, str(mesh)]
    return [sys.executable, "-m", f"tests.benchmarks.{code}_engine", problem, str(dim), str(mesh)]


def write_freefem_numbers(folder: Path) -> None:
    """Write numbers.idp: the bench's numbers and tags for FreeFem, whose names have no underscores."""
    given = {name: value for name, value in vars(numbers).items() if name.isupper()}
    lines = [f"real {name.replace('_', '')} = {float(value)!r};" for name, value in given.items()]
    lines += [f"int {tag.name.replace('_', '')} = {int(tag)};" for tag in Boundary]
    (folder / "numbers.idp").write_text("\n".join(lines) + "\n", encoding="ascii")


def available() -> list[str]:
    """Codes that are installed here."""
    found = {
        "livoid": True,
        "ngsolve": importlib.util.find_spec("ngsolve") is not None,
        "freefem": shutil.which("FreeFem++-nw") is not None,
    }
    return [code for code in CODES if found[code]]


def measure(code: str, problem: str, dim: int, mesh: Path, limits: Limits) -> dict[str, Any]:
    """Run a problem; what it printed, its peak memory and wall time, or why it was given up."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command(code, problem, dim, mesh),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=HERE / "freefem",
        env={**os.environ, "FF_INCLUDEPATH": str(mesh.parent)},
    )
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or []))
    reader.start()
    peak, given_up = 0.0, ""
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            peak = max(peak, watched.memory_info().rss / 2**20)
        except psutil.NoSuchProcess:
            break
        if time.perf_counter() - start > limits.seconds:
            given_up = f"not done in {limits.seconds:.0f} s"
        elif peak > limits.memory:
            given_up = f"more than {limits.memory / 1024:.0f} GB"
        if given_up:
            process.kill()
            break
        time.sleep(SAMPLING)
    process.wait()
    reader.join()
    found: dict[str, Any] = {"code": code, "problem": problem, "dim": dim, "mesh": mesh.name, "peak_mb": peak}
    found["wall"] = time.perf_counter() - start
    results = [line for line in lines if line.startswith("{")]
    if given_up or process.returncode or not results:
        return found | {
            "failed": given_up or f"ended with {process.returncode}: {''.join(lines[-2:]).strip()}"
        }
    return found | json.loads(results[-1])


def total(row: dict[str, Any]) -> float:
    """Seconds of building and solving; infinite if it failed."""
    return math.inf if "failed" in row else sum(row["seconds"].values())


def paired(
    codes: Sequence[str], problem: str, dim: int, mesh: Path, *, limits: Limits, repeat: int
) -> list[dict[str, Any]]:
    """Every code ``repeat`` times, in turns: of each the median run, with the spread of all."""
    runs: dict[str, list[dict[str, Any]]] = {code: [] for code in codes}
    for _ in range(repeat):
        for code in codes:
            if not any("failed" in row for row in runs[code]):
                runs[code].append(measure(code, problem, dim, mesh, limits))
    medians = []
    for rows in runs.values():
        rows.sort(key=total)
        median = rows[len(rows) // 2]
        if "failed" in rows[-1]:
            median = rows[-1]
        else:
            median["spread"] = (total(rows[-1]) - total(rows[0])) / total(median)
        medians.append(median)
    return medians


def compare(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Complaints about answers that are not those of the first code."""
    complaints = []
    for row in rows[1:]:
        for name, value in row.get("answers", {}).items():
            reference = rows[0].get("answers", {}).get(name, value)
            if abs(value - reference) > SAME * abs(reference):
                complaints.append(f"{row['code']} {row['problem']}: {name} {value:.8g}, not {reference:.8g}")
    return complaints


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown table; ratios are over livoid's of the same problem and mesh."""
    heads = (
        "problem",
        "D",
        "unknowns",
        "code",
        "s",
        "spread",
        "time ratio",
        "MB",
        "memory ratio",
        "unknowns/s",
        "Newton",
    )
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    own = {(row["problem"], row["mesh"]): row for row in rows if row["code"] == "livoid"}
    for row in rows:
        first = f"| {row['problem']} | {row['dim']} | "
        if "failed" in row:
            lines.append(f"{first} | {row['code']} | {row['failed']} | | | {row['peak_mb']:.0f} | | | |")
            continue
        seconds = total(row)
        base = own[row["problem"], row["mesh"]]
        unknowns = base.get("unknowns", row["unknowns"])
        ratios = (
            ("", "")
            if "failed" in base
            else (
                f"{seconds / total(base):.2f}",
                f"{row['peak_mb'] / base['peak_mb']:.2f}",
            )
        )
        cells = [
            f"{unknowns}",
            row["code"],
            f"{seconds:.2f}",
            f"{100 * row['spread']:.0f} %",
            ratios[0],
            f"{row['peak_mb']:.0f}",
            ratios[1],
            f"{unknowns / seconds:.0f}",
            f"{row['iterations'].get('newton') or ''}",
        ]
        lines.append(first + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def bench_runs(arguments: argparse.Namespace, folder: Path) -> int:
    """Whole runs; 1 if one fails with this copy."""
    copies = {"this": runs.SOURCE}
    if arguments.against is not None:
        other = arguments.against.resolve()
        if not (other / "solver" / "__main__.py").is_file():
            print(f"livoid: --against: {other} is no copy of livoid", file=sys.stderr)
            return 2
        copies["other"] = other
    found: dict[str, dict[str, runs.Run]] = {}
    for case in arguments.cases:
        found |= runs.turns(copies, [case], folder, arguments.repeat)
        print(runs.table({case: found[case]}), flush=True)
        (folder / "runs.md").write_text(runs.table(found), encoding="utf-8")
    return 1 if any(item["this"].failed for item in found.values()) else 0


def main() -> int:
    """Run the bench; 1 if answers differ or livoid fails."""
    parser = argparse.ArgumentParser(prog="livoid bench", description=__doc__)
    parser.add_argument(
        "--sizes", nargs="+", choices=(*SIZES, "runs"), default=["check", "plane", "solid"], help=SIZES_HELP
    )
    parser.add_argument(
        "--against", type=Path, help="runs: another copy of livoid (a folder) to compare with"
    )
    parser.add_argument(
        "--cases", nargs="+", choices=tuple(runs.RUNS), default=list(runs.RUNS), help="of runs"
    )
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    parser.add_argument("--codes", nargs="+", choices=CODES, default=None)
    parser.add_argument(
        "--seconds", type=float, default=1800.0, help="when a code is given up (default 1800)"
    )
    parser.add_argument("--memory", type=float, default=16.0, help="the same in GB (default 16)")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each, the median counts (default 1)")
    parser.add_argument("--out", default="bench", help="folder (default bench)")
    arguments = parser.parse_args()
    folder = Path(arguments.out).resolve()
    Results(folder).claim()
    write_freefem_numbers(folder)
    if "runs" in arguments.sizes:
        if arguments.sizes != ["runs"]:
            parser.error("runs: not beside other sizes")
        return bench_runs(arguments, folder)
    if arguments.against is not None:
        parser.error("--against is for --sizes runs")
    codes = arguments.codes or available()
    print(f"codes: {', '.join(codes)}", flush=True)
    limits = Limits(arguments.seconds, 1024.0 * arguments.memory)
    rows: list[dict[str, Any]] = []
    complaints: list[str] = []
    for dim, size in [item for name in arguments.sizes for item in SIZES[name]]:
        mesh = box.write(dim, size, folder)
        for problem in arguments.problems:
            if "livoid" in codes:  # compiles its forms
                measure("livoid", problem, dim, box.write(dim, max(size, 0.25), folder), limits)
            found = paired(codes, problem, dim, mesh, limits=limits, repeat=arguments.repeat)
            rows += found
            complaints += compare(found)
            print(table(found), flush=True)
            (folder / "bench.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
            (folder / "bench.md").write_text(table(rows), encoding="utf-8")
    print("\n".join(complaints) or "answers agree")
    return 1 if complaints or any("failed" in row for row in rows if row["code"] == "livoid") else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ForeignFolderError as error:
        print(f"livoid: {error}", file=sys.stderr)
        sys.exit(2)
