"""Soak: random valid cases, each run for a while; says of each what became of it (``livoid soak``).

One case again: ``livoid soak --seed N --seconds S``; its files are in the folder that is named at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from solver.cli.exits import EXIT_FAILED, EXIT_OK
from tests import figures
from tests.soak.trial import Trial, run_trial

USUAL, NIGHTLY = 30, 300
"""Cases of a soak, and of one by night."""


def read(arguments: Sequence[str]) -> argparse.Namespace:
    """The options."""
    reader = argparse.ArgumentParser(
        "livoid soak", description="Run random valid cases and judge what they leave."
    )
    reader.add_argument("--cases", type=int, help=f"how many (default {USUAL})")
    reader.add_argument("--nightly", action="store_true", help=f"{NIGHTLY} cases that no soak has had")
    reader.add_argument("--first", type=int, default=0, help="seed of the first (default 0)")
    reader.add_argument("--seed", type=int, action="append", help="this one only; may be given again")
    reader.add_argument("--seconds", type=float, default=120.0, help="longest time of each (default 120)")
    reader.add_argument("--jobs", type=int, default=1, help="cases at a time (default 1)")
    reader.add_argument("--out", type=Path, default=Path("soak"), help="folder (default soak)")
    return reader.parse_args(arguments)


def seeds_of(options: argparse.Namespace) -> list[int]:
    """The seeds that are asked for; those of a night begin at the minute it begins in."""
    if options.seed:
        return list(options.seed)
    first = int(time.time()) // 60 if options.nightly and not options.first else options.first
    return [*range(first, first + (options.cases or (NIGHTLY if options.nightly else USUAL)))]


def summary(trials: Sequence[Trial]) -> str:
    """How runs ended, and of each kind of case how many were tried, held and lost."""
    endings = Counter(trial.ending for trial in trials)
    lines = ["", "endings: " + ", ".join(f"{count} {name}" for name, count in endings.most_common())]
    tried = Counter(kind for trial in trials for kind in trial.kinds)
    lost = Counter(kind for trial in trials for kind in trial.kinds if trial.lost)
    lines += ["", f"{'kind':20s} tried  held  lost"]
    lines += [
        f"{kind:20s} {tried[kind]:5d} {tried[kind] - lost[kind]:5d} {lost[kind]:5d}" for kind in sorted(tried)
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Run the soak; exit code 1 if a case was lost."""
    options = read(arguments)
    out = options.out.resolve()
    trials = []
    with ThreadPoolExecutor(options.jobs) as pool:
        work = [(seed, options.seconds, out / f"seed-{seed}") for seed in seeds_of(options)]
        for trial in pool.map(lambda task: run_trial(*task), work):
            print(trial.line(), flush=True)
            trials.append(trial)
            figures.note("random valid case", tried=1, lost=int(bool(trial.lost)))
    print(summary(trials))
    out.mkdir(parents=True, exist_ok=True)
    (out / "soak.json").write_text(
        json.dumps([trial.record() for trial in trials], indent=1), encoding="utf-8"
    )
    for trial in trials:
        if trial.lost:
            again = f"livoid soak --seed {trial.seed} --seconds {options.seconds:g}"
            print(f"lost: {again}  ({out / f'seed-{trial.seed}'})")
    return EXIT_FAILED if any(trial.lost for trial in trials) else EXIT_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
