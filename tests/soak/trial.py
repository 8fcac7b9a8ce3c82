"""One trial of a soak: a case is run for so many seconds in a process of its own, and what it left is judged.

Held: it finishes, an event or a limit ends it, it is refused, it ends with a message, or it obeys an
interrupt when its time is up. Lost: anything else, a number in a table that is none, a balance that is open.
"""

from __future__ import annotations

import contextlib
import csv
import json
import math
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from solver.cli.exits import EXIT_FAILED, EXIT_INPUT, EXIT_OK
from tests.conftest import command, environment
from tests.soak.cases import case_of, kinds_of

OPEN_BALANCE = 1e-7
"""Relative error of a balance that no row of a table may have."""
ROUNDING = 2e-15
"""Relative error of the volume of the metal: ten units in the last place of a sum over all cells."""
LITHIUM = 12.97e-6 / 96485.33212 * 1e7
"""um/s of lithium per mA/cm2."""
STARTS_WITHIN = 300.0
"""Seconds until its first state is recorded: forms that nobody has compiled yet, the mesh."""
STOPS_WITHIN = 5.0
"""Seconds from an interrupt to the end of the process, without those in which other work has the core."""
GIVEN_UP_AFTER = 60.0
"""Seconds from an interrupt after which a process is killed."""
ANNOUNCES = ("failed: ", "interrupted: ", "livoid: ")
"""What the line begins with that says why a run has not come to its end."""
ENDS = ("finished: ", "event: ", "cutoff: ")
"""And the one of a run that has."""
NO_NUMBER_IN = {("voids.csv", "z_um")}
"""Columns where nan is a value: there is no third place in two dimensions."""
INTERRUPTED = "interrupted"


@dataclass
class Trial:
    """What became of the case of a seed."""

    seed: int
    kinds: tuple[str, ...]
    ending: str = ""
    said: str = ""
    steps: int = 0
    seconds: float = 0.0
    stop_seconds: float | None = None
    worst_balance: float = 0.0
    lost: list[str] = field(default_factory=list)

    def line(self) -> str:
        """One line of the report."""
        balance = f"{self.worst_balance:.0e}" if self.steps else "-"
        text = f"{self.seed:6d}  {'LOST' if self.lost else 'held'}  {self.ending:11s} {self.steps:5d} steps"
        return f"{text} {self.seconds:6.1f} s  balance {balance:6s} {'; '.join(self.lost) or self.said}"

    def record(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


def run_trial(seed: int, seconds: float, folder: Path, changes: dict[str, Any] | None = None) -> Trial:
    """Run the case of a seed in ``folder``, at most for ``seconds`` from its first recorded state."""
    data = case_of(seed) | (changes or {})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "case.toml").write_text(tomli_w.dumps(data), encoding="utf-8")
    trial, began = Trial(seed, kinds_of(data)), time.monotonic()
    with (folder / "said.txt").open("w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            command("run", "case.toml", "--out", "out", "--force"),
            cwd=folder, env=environment() | {"LIVOID_LAUNCHER": ""}, stdout=said, stderr=subprocess.STDOUT,
            # whoever starts a soak in the background has interrupts ignored
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        _wait_for_file(folder / "out" / "series.csv", process)
        _wait(process, seconds, trial)
        trial.seconds = time.monotonic() - began
        said.seek(0)
        text = said.read()
    trial.lost += [*wrong_words(process.returncode, text, trial), *wrong_numbers(folder / "out", trial)]
    (folder / "trial.json").write_text(json.dumps(trial.record(), indent=1), encoding="utf-8")
    return trial


def _wait_for_file(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait for the first state of a run, or for its end."""
    end = time.monotonic() + STARTS_WITHIN
    while not path.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)


def _wait(process: subprocess.Popen[bytes], seconds: float, trial: Trial) -> None:
    """Wait for the end of a run; interrupt it when its time is up, kill it if it goes on all the same."""
    try:
        process.wait(seconds)
        return
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    began, before = time.monotonic(), queued(process.pid)
    waited = before
    while process.poll() is None and time.monotonic() - began < GIVEN_UP_AFTER + waited - before:
        waited = max(queued(process.pid), waited)
        time.sleep(0.02)
    if process.returncode is None:
        process.kill()
        process.wait()
    trial.stop_seconds = time.monotonic() - began - (waited - before)
    if trial.stop_seconds > STOPS_WITHIN:
        trial.lost.append(f"{trial.stop_seconds:.1f} s from interrupt to end")


def queued(process: int) -> float:
    """Seconds in which a process could run and other work had the core (0 where no kernel says it)."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{process}/schedstat").read_text(encoding="ascii").split()[1]) * 1e-9
    return 0.0


def wrong_words(code: int, text: str, trial: Trial) -> list[str]:
    """What is wrong with the exit code and with what the run said."""
    if code == -signal.SIGINT and trial.stop_seconds is not None:
        # it came while Python was ending: the run had said its last word
        code = EXIT_OK if any(line.startswith(ENDS) for line in text.splitlines()) else code
    lines = [line for line in text.splitlines() if line.startswith(ANNOUNCES)]
    trial.said = lines[-1] if lines else ""
    trial.ending = {EXIT_OK: "ended", EXIT_FAILED: "message", EXIT_INPUT: "refused"}.get(code, f"exit {code}")
    wrong = []
    if "Traceback" in text:
        wrong.append(f"traceback: {text.splitlines()[-1][:200]}")
    if code not in (EXIT_OK, EXIT_FAILED, EXIT_INPUT):
        wrong.append(f"exit code {code}: {text.splitlines()[-1][:200] if text else 'nothing said'}")
    elif code != EXIT_OK and len(lines) != 1:
        wrong.append(f"{len(lines)} lines say why it ended")
    if trial.stop_seconds is not None and code == EXIT_FAILED:
        if not trial.said.startswith(INTERRUPTED):
            wrong.append(f"interrupted, but says {trial.said!r}")
        trial.ending = INTERRUPTED
    return wrong


def wrong_numbers(out: Path, trial: Trial) -> list[str]:
    """What is wrong with the tables and the manifest of a run folder; nothing if the run has made none."""
    if not (out / "manifest.json").is_file():
        return []
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    if trial.ending == "ended":
        trial.ending = str(manifest["status"])
    elif trial.ending in ("message", INTERRUPTED) and manifest["status"] not in ("failed", INTERRUPTED):
        return [f"the manifest says {manifest['status']!r}"]
    wrong = [f"{table.name}: {what}" for table in sorted(out.glob("*.csv")) for what in no_numbers(table)]
    rows = list(_rows(out / "series.csv"))
    strongest = max((abs(float(row["current_mA_cm2"])) for row in rows), default=0.0)
    for row in rows:
        trial.steps = int(row["step"])
        rounding = _rounding(row, strongest)
        for name in (name for name in row if name and name.endswith("_error")):
            trial.worst_balance = max(trial.worst_balance, float(row[name]) - rounding)
            if not float(row[name]) <= OPEN_BALANCE + rounding:
                wrong.append(f"{name} {row[name]} at step {row['step']}")
    # the first says it: what is open once stays open
    return wrong[:3]


def _rounding(row: dict[str, str], strongest: float) -> float:
    """Relative error of a balance by rounding: that of the whole metal over what the step moves of it."""
    moved = LITHIUM * strongest * float(row["dt_s"])
    return ROUNDING * float(row["platen_um"]) / moved if moved > 0.0 else 0.0


def _rows(table: Path) -> Iterator[dict[str, str]]:
    if table.is_file():
        with table.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)


def no_numbers(table: Path) -> list[str]:
    """What is no number though it looks like one (nan, inf), by column; rows that are not whole."""
    wrong: dict[str, str] = {}
    for line, row in enumerate(_rows(table), 2):
        if None in row or None in row.values():
            wrong.setdefault("row", f"not whole in line {line}")
            continue
        for name, text in row.items():
            if (table.name, name) not in NO_NUMBER_IN and not _is_finite(text):
                wrong.setdefault(name, f"{text} in line {line}")
    return [f"{name} {what}" for name, what in wrong.items()]


def _is_finite(text: str) -> bool:
    """Whether a cell holds a finite number, or words."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return True
