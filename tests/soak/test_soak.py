"""Random cases that are valid, and trials that notice what is lost; a few of them for seconds.

The soak itself: ``livoid soak`` (30 cases of two minutes), ``livoid soak --nightly`` (300).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from solver.case.loading import parse_case
from solver.case.schema.case import Case
from solver.cli.exits import EXIT_FAILED, EXIT_INPUT, EXIT_OK
from tests.conftest import ROOT
from tests.soak import __main__ as soak
from tests.soak import trial as judge
from tests.soak.cases import CREEP, case_of, kinds_of
from tests.soak.trial import Trial, run_trial

SEEDS = range(300)
SHORT_SEEDS = (6, 7, 23, 42)
"""Voids stripped, plated and rested, contact with a memory, a clamp; plane, 3-D (stripped), on an axis."""
SHORT_SECONDS = 3.0
ALL_KINDS = {
    "plane", "axisymmetric", "3d", "lithium", "lithium-magnesium", "strip", "plate", "rest", "hold",
    "pressure steps", "clamp", "driven platen", "contact memory", "patch", "nucleation", "no voids",
    "several voids", "strength",
}  # fmt: skip


def test_every_seed_is_a_valid_case_and_always_the_same() -> None:
    tried: Counter[str] = Counter()
    for seed in SEEDS:
        data = case_of(seed)
        assert data == case_of(seed) != case_of(seed + 1)
        assert isinstance(parse_case(data).case, Case)
        tried.update(kinds_of(data))
    assert set(tried) == ALL_KINDS
    assert min(tried.values()) >= 10


def test_each_law_of_the_library_is_drawn() -> None:
    shipped = {path.stem for path in (ROOT / "solver" / "case" / "library" / "creep").glob("*.toml")}
    # sodium on LPSCl is no cell that anybody has
    assert {law for laws in CREEP.values() for law in laws} == shipped - {"sodium"}


@pytest.mark.slow
@pytest.mark.kind("random valid case")
@pytest.mark.parametrize("seed", SHORT_SEEDS)
def test_a_random_case_holds(seed: int, tmp_path: Path) -> None:
    trial = run_trial(seed, SHORT_SECONDS, tmp_path)
    assert not trial.lost, (trial.line(), (tmp_path / "said.txt").read_text(encoding="utf-8"))
    assert trial.ending in ("finished", "event", "cutoff", "interrupted")


def folder_with(folder: Path, *, status: str = "finished", **cells: str) -> Path:
    """A run folder with two rows of a table."""
    row = {"step": "1", "voltage_V": "0.1", "lithium_error": "1e-9", "kind": "strip", "dt_s": "1"}
    row |= {"current_mA_cm2": "0.5", "platen_um": "8"} | cells
    lines = [",".join(row), ",".join(row.values()), ",".join(row.values())]
    (folder / "series.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps({"status": status}), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("cells", "lost"),
    [
        ({}, []),
        ({"voltage_V": "nan"}, ["series.csv: voltage_V nan in line 2"]),
        ({"voltage_V": "-Infinity"}, ["series.csv: voltage_V -Infinity in line 2"]),
        ({"voltage_V": "1e999"}, ["series.csv: voltage_V 1e999 in line 2"]),
        ({"kind": "strip,1"}, ["series.csv: row not whole in line 2"]),
        ({"lithium_error": "2e-7"}, ["lithium_error 2e-7 at step 1"] * 2),
        # rounding of 8 um of metal over what 0.5 mA/cm2 strips of it in a microsecond
        ({"lithium_error": "2e-5", "dt_s": "1e-6"}, []),
        ({"lithium_error": "3e-5", "dt_s": "1e-6"}, ["lithium_error 3e-5 at step 1"] * 2),
        ({"solute_error": "1"}, ["solute_error 1 at step 1"] * 2),
    ],
)
def test_a_number_that_is_none_and_an_open_balance_are_lost(
    cells: dict[str, str], lost: list[str], tmp_path: Path
) -> None:
    trial = Trial(1, (), ending="ended")
    assert judge.wrong_numbers(folder_with(tmp_path, **cells), trial) == lost
    assert trial.ending == "finished"
    assert trial.steps == 1


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this kernel does not say it")
def test_seconds_in_which_other_work_has_the_core_are_not_a_runs() -> None:
    busy = "while True: pass"
    core = min(os.sched_getaffinity(0))
    pair = [
        subprocess.Popen([sys.executable, "-c", busy], preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        for _ in range(2)
    ]
    try:
        began = [judge.queued(process.pid) for process in pair]
        time.sleep(1.0)
        waited = [judge.queued(process.pid) - b for process, b in zip(pair, began, strict=True)]
    finally:
        for process in pair:
            process.kill()
            process.wait()
    # two on a core: each waits for the other half of the time, longer beside more
    assert sum(waited) > 0.5
    assert judge.queued(pair[0].pid) == 0.0


def test_an_end_that_the_manifest_does_not_know_is_lost(tmp_path: Path) -> None:
    for ending in ("message", "interrupted"):
        trial = Trial(1, (), ending=ending)
        assert judge.wrong_numbers(folder_with(tmp_path), trial) == ["the manifest says 'finished'"]


@pytest.mark.parametrize(
    ("code", "text", "stopped", "ending", "lost"),
    [
        (EXIT_OK, "finished: capacity", None, "ended", 0),
        (EXIT_OK, "finished: just before the interrupt", 0.1, "ended", 0),
        (EXIT_FAILED, "step 1\nfailed: no convergence\nresults in out", None, "message", 0),
        (EXIT_INPUT, "livoid: case.toml: 1 problem", None, "refused", 0),
        (EXIT_FAILED, "interrupted: at step 3", 0.1, "interrupted", 0),
        (EXIT_FAILED, "failed: Newton stopped", 0.1, "interrupted", 1),
        (EXIT_FAILED, "step 1", None, "message", 1),
        (EXIT_FAILED, "failed: a\nfailed: b", None, "message", 1),
        (EXIT_FAILED, "Traceback (most recent call last):\nfailed: x", None, "message", 1),
        (-11, "", None, "exit -11", 1),
        (-2, "finished: just before the interrupt", 0.1, "ended", 0),
        (-2, "step 1", 0.1, "exit -2", 1),
        (-2, "finished: capacity", None, "exit -2", 1),
        (3, "livoid: no environment", None, "exit 3", 1),
    ],
)
def test_words_and_exit_codes_are_judged(
    code: int, text: str, stopped: float | None, ending: str, lost: int
) -> None:
    trial = Trial(1, (), stop_seconds=stopped)
    assert len(judge.wrong_words(code, text, trial)) == lost
    assert trial.ending == ending


def test_seeds_are_chosen_by_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    assert soak.seeds_of(soak.read([])) == list(range(soak.USUAL))
    assert soak.seeds_of(soak.read(["--first", "7", "--cases", "2"])) == [7, 8]
    assert soak.seeds_of(soak.read(["--seed", "5", "--seed", "9"])) == [5, 9]
    monkeypatch.setattr(soak, "time", SimpleNamespace(time=lambda: 6000.0))
    assert soak.seeds_of(soak.read(["--nightly"])) == list(range(100, 100 + soak.NIGHTLY))


def test_what_is_lost_is_named_with_how_to_repeat_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lose_one(seed: int, seconds: float, folder: Path) -> Trial:
        return Trial(seed, kinds_of(case_of(seed)), "finished", steps=3, lost=["nan"] if seed == 4 else [])

    monkeypatch.setattr(soak, "run_trial", lose_one)
    monkeypatch.delenv("LIVOID_FIGURES", raising=False)  # these are no trials
    assert (
        soak.main(["--first", "3", "--cases", "2", "--seconds", "9", "--out", str(tmp_path)]) == EXIT_FAILED
    )
    said = capsys.readouterr().out
    assert "lost: livoid soak --seed 4 --seconds 9" in said
    assert "seed 3" not in said
    assert [entry["seed"] for entry in json.loads((tmp_path / "soak.json").read_text())] == [3, 4]
    assert soak.main(["--seed", "3", "--out", str(tmp_path)]) == EXIT_OK
