"""A protocol of many steps: what a step of it costs is the same at its beginning and at its end.

Counted, not timed: bytes written, objects alive, steps of the protocol converted. After its first solves the
flat cell is taken as solved, since the physics of a step knows nothing of their number.
"""

from __future__ import annotations

import gc
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from mpi4py import MPI

from postprocess.records import read_run
from solver.case.loading import CaseError, parse_case
from solver.cli.case import MOST_ENTRIES
from solver.equations.coupled_model import CoupledModel
from solver.output import checkpoint, tables
from solver.output.run_folder import RunFolder
from solver.setup import protocol
from solver.setup.setup import LEAST_STEPS, at_temperature, set_up
from solver.simulation.callbacks import Callback
from solver.simulation.run import run_case
from solver.simulation.simulation import Simulation
from tests.conftest import table
from tests.stepping.test_varying import flat

STEPS = 40
"""Run here; 10 000 were run once (docs/performance.md)."""
MANY = 2_000
"""Steps of cases that are only read."""
REAL_SOLVES = 6
"""Of each model: what the rest is taken as."""
FIRST, LAST = 10, STEPS - 2
"""Stripping steps that are compared: the first one once everything is there that is made once."""
RESUMED = STEPS // 2 + FIRST
"""The same after the resumption."""
STRIP = {"do": "strip", "current": "0.5 mA/cm^2", "duration": "1 ms"}


def long(count: int, **changes: Any) -> dict[str, Any]:
    """Stripping and plating in turns."""
    return flat(*[STRIP | changes, STRIP | {"do": "plate"} | changes] * (count // 2))


class Costs(Callback):
    """What each step of the protocol leaves behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.header: dict[int, int] = {}
        self.alive: dict[int, int] = {}

    def stage_begins(self, simulation: Simulation) -> None:
        stage = simulation.clock.stage
        if stage in (FIRST, RESUMED, LAST):
            gc.collect()
            self.alive[stage] = len(gc.get_objects())
            newest = max((self.folder / checkpoint.FOLDER).glob("*/header.json"))
            self.header[stage] = newest.stat().st_size


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Costs, dict[int, int]]:
    """A run that stops in the middle and is gone on with; bytes written by step of the protocol."""
    folder = tmp_path_factory.mktemp("long") / "out"
    costs, written, now = Costs(folder), defaultdict[int, int](int), [0]
    real, put, solved = CoupledModel.solve, tables._write, defaultdict[int, list[Any]](list)

    def solve(self: CoupledModel, *arguments: Any) -> Any:
        done = solved[id(self)]
        if len(done) < REAL_SOLVES:
            done.append(real(self, *arguments))
        return done[-1]

    def count(file: Any, data: bytes) -> None:
        written[now[0]] += len(data)
        put(file, data)

    class Where(Callback):
        def stage_begins(self, simulation: Simulation) -> None:
            now[0] = simulation.clock.stage

    data = long(STEPS)
    data["output"] = {"fields": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CoupledModel, "solve", solve)
        patch.setattr(tables, "_write", count)
        half = data | {"numerics": data["numerics"] | {"max_steps": STEPS // 2}}
        outcome = run_case(parse_case(half), RunFolder(folder), MPI.COMM_SELF, callbacks=[Where(), costs])
        assert outcome.status == "failed" and f"no end after {STEPS // 2} steps" in outcome.message
        outcome = run_case(
            parse_case(data), RunFolder(folder), MPI.COMM_SELF, resume=True, extend=True,
            callbacks=[Where(), costs],
        )  # fmt: skip
    assert outcome.status == "finished", outcome.message
    return folder, costs, written


def test_every_step_is_gone_through(run: tuple[Path, Costs, dict[int, int]]) -> None:
    """Before and after the resumption, with two outputs of each in the index."""
    folder, _, _ = run
    rows = table(folder / "stages.csv")
    assert [row["kind"] for row in rows] == ["strip", "plate"] * (STEPS // 2)
    assert [int(row["stage"]) for row in rows] == list(range(1, STEPS + 1))
    assert {row["end"] for row in rows} == {"duration"}
    found = read_run(folder)
    assert len(found.fields) == 2 * STEPS
    assert all(file.is_file() for _, file in found.fields)
    assert [time for time, _ in found.fields] == sorted(time for time, _ in found.fields)


def test_a_step_writes_as_much_at_the_end_as_at_the_beginning(
    run: tuple[Path, Costs, dict[int, int]],
) -> None:
    _, costs, written = run
    assert written[LAST] == pytest.approx(written[FIRST], rel=0.05)  # numbers get a digit more
    assert costs.header[LAST] == pytest.approx(costs.header[FIRST], rel=0.05)


def test_nothing_piles_up_in_memory(run: tuple[Path, Costs, dict[int, int]]) -> None:
    _, costs, _ = run
    assert costs.alive[LAST] - costs.alive[RESUMED] < LAST - RESUMED  # not one object a step


def test_another_temperature_converts_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    setup, real, converted = set_up(parse_case(long(MANY))), protocol._stage, list[int]()

    def stage(*arguments: Any) -> Any:
        converted.append(1)
        return real(*arguments)

    monkeypatch.setattr(protocol, "_stage", stage)
    at_temperature(setup, 320.0)
    assert len(converted) <= 1
    assert setup.steps.most > max(LEAST_STEPS, 10 * MANY)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Cases of many steps: one whose durations are idle, one with a wrong unit."""
    found = {}
    for name, changes in {"idle": {"capacity": "1 mAh/cm^2"}, "wrong": {"current": "0.5 mAh/cm^2"}}.items():
        found[name] = tmp_path / f"{name}.toml"
        found[name].write_text(tomli_w.dumps(long(MANY, **changes)), encoding="utf-8")
    return found


def test_check_fits_on_a_screen(files: dict[str, Path], livoid: Any) -> None:
    """The case, what is idle in all of its steps, its sum; the whole of it where that is asked for."""
    result = livoid("check", str(files["idle"]))
    assert result.returncode == 0, result.stderr
    assert result.stdout.count('do = "') == MOST_ENTRIES
    assert f"# operation.step: the first {MOST_ENTRIES} of {MANY}; --full prints all" in result.stdout
    assert f"{MANY} steps ({MANY // 2} strip, {MANY // 2} plate)" in result.stdout
    assert f"at most 2 s, at most {MANY * 0.5e-3 / 3600:.4g} mAh/cm2 in both directions" in result.stdout
    assert result.stdout.count("\n") < 400
    said = [line for line in result.stderr.splitlines() if "capacity" in line]
    assert len(said) == 1 and said[0].endswith(f"(and in {MANY - 1} more)")


def test_check_prints_all_steps_where_that_is_asked_for(tmp_path: Path, livoid: Any) -> None:
    case = tmp_path / "case.toml"
    case.write_text(tomli_w.dumps(long(2 * MOST_ENTRIES)), encoding="utf-8")
    result = livoid("check", str(case), "--full")
    assert result.stdout.count('do = "') == 2 * MOST_ENTRIES
    assert "--full prints" not in result.stdout


def test_what_is_wrong_with_all_steps_is_said_once() -> None:
    with pytest.raises(CaseError) as caught:
        parse_case(long(MANY, current="0.5 mAh/cm^2"))
    assert len(caught.value.problems) == MANY
    lines = str(caught.value).splitlines()
    assert len(lines) == 2 and lines[1].endswith(f"(and in {MANY - 1} more)")


def test_a_run_of_many_steps_can_be_read_again(tmp_path: Path) -> None:
    """Its case is a file like any other: what is different in it is said by step, and shortly."""
    from solver.case.loading import load_case
    from solver.setup.continuation import other_case

    loaded = parse_case(long(MANY))
    file = tmp_path / "case.toml"
    file.write_text(tomli_w.dumps(loaded.resolved()), encoding="utf-8")
    assert load_case(file).case == loaded.case
    other = long(MANY + 2)
    other["operation"]["step"][7] = STRIP | {"do": "plate", "duration": "2 ms"}
    found = other_case(loaded.resolved(), parse_case(other).resolved(), extend=False)
    assert found == [
        "operation.step[7].duration = '0.001 s' there, '0.002 s' now",
        f"operation.step (entries) = {MANY} there, {MANY + 2} now",
    ]
    assert other_case(loaded.resolved(), parse_case(other).resolved(), extend=True) == []
    assert len(json.dumps(found)) < 200
