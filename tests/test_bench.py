"""The bench's driver: answers are compared, codes that fail do not stop the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import __main__ as driver
from tests.benchmarks import box, runs

Row = dict[str, Any]


def row(code: str, seconds: float, current: float) -> Row:
    return {
        "code": code,
        "problem": "constriction",
        "dim": 2,
        "mesh": "box2-4000",
        "peak_mb": 100.0,
        "spread": 0.0,
        "unknowns": 1000,
        "seconds": {"solve": seconds},
        "answers": {"current": current},
        "iterations": {"newton": 0},
    }


def test_a_wrong_answer_is_a_complaint() -> None:
    rows = [row("livoid", 1.0, 2.0), row("ngsolve", 2.0, 2.0001), row("freefem", 3.0, 2.1)]
    (complaint,) = driver.compare(rows)
    assert complaint.startswith("freefem constriction: current 2.1, not 2")
    lines = driver.table(rows).splitlines()
    assert "| 2.00 |" in lines[3]
    failed = {"code": "freefem", "problem": "constriction", "dim": 2, "mesh": "box2-4000", "peak_mb": 9.0}
    assert "not done in 5 s" in driver.table([rows[0], failed | {"failed": "not done in 5 s"}])


def test_the_median_of_paired_runs_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    times = {"livoid": iter([3.0, 1.0, 2.0]), "ngsolve": iter([5.0, 5.0, 8.0])}

    def measured(code: str, *_: object) -> Row:
        order.append(code)
        return row(code, next(times[code]), 2.0)

    monkeypatch.setattr(driver, "measure", measured)
    limits = driver.Limits(10.0, 100.0)
    first, second = driver.paired(tuple(times), "constriction", 2, Path("m"), limits=limits, repeat=3)
    assert order == ["livoid", "ngsolve"] * 3
    assert (driver.total(first), driver.total(second)) == (2.0, 5.0)
    assert first["spread"] == pytest.approx(1.0)


def test_runs_take_turns_and_the_first_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    seconds = {"new": iter([9.0, 2.0, 1.0, 3.0]), "old": iter([9.0, 6.0, 4.0, 5.0])}

    def measured(copy: Path, case: str, _folder: Path) -> runs.Run:
        order.append(copy.name)
        efforts = dict.fromkeys(runs.EFFORTS, 7)
        return runs.Run(case, next(seconds[copy.name]), 0.0, efforts, {"capacity": 0.1, "V": 0.01, "c": 0.5})

    monkeypatch.setattr(runs, "run", measured)
    copies = {"this": Path("new"), "other": Path("old")}
    found = runs.turns(copies, ["die-li"], tmp_path, repeat=3)
    assert order == ["new", "old"] * 4
    this, other = (found["die-li"][name].seconds for name in ("this", "other"))
    assert (this, other) == (2.0, 5.0)
    assert "| die-li | other | 5.0 | 0.0 | 2.50 | 7 | 7 | 7 | 7 | 0.1 | 0.01 | 0.5 |" in runs.table(found)


def test_a_run_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No copy of livoid: a message in the table, and no seconds to compare with."""
    monkeypatch.setitem(runs.RUNS, "die-li", ("numerics.nonsense=1",))
    item = runs.run(runs.SOURCE, "die-li", tmp_path / "run")
    assert "nonsense" in item.failed
    assert item.failed in runs.table({"die-li": {"this": item}})


@pytest.mark.slow
def test_a_short_run_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(runs.RUNS, "demo-2MPa", ('operation.capacity="2e-5 mAh/cm^2"',))
    item = runs.run(runs.SOURCE, "demo-2MPa", tmp_path / "run")
    assert item.failed == ""
    assert item.efforts["steps"] > 1
    assert item.seconds > 0.0
    assert item.end["capacity_mAh_cm2"] == pytest.approx(2e-5)


@pytest.mark.slow
def test_the_bench_runs_and_keeps_its_records(tmp_path: Path, livoid: Callable[..., Any]) -> None:
    arguments = ["--sizes", "check", "--problems", "constriction", "--codes", "livoid", "--out", "out"]
    result = livoid("bench", *arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    rows = json.loads((tmp_path / "out" / "bench.json").read_text(encoding="utf-8"))
    assert [entry["dim"] for entry in rows] == [2, 3]
    # the resistances of box and contact add up to at least 1/(1 + R) with everything in contact
    assert 0.0 < rows[0]["answers"]["current"] < 1.0 / 1.1
    assert "answers agree" in result.stdout
    text = (tmp_path / "out" / "numbers.idp").read_text(encoding="utf-8")
    assert "real EXPONENT = 6.6;" in text
    assert f"int CONTACT = {int(box.Boundary.CONTACT)};" in text


def test_a_code_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    mesh = box.write(2, 0.2, tmp_path)
    found = driver.measure("livoid", "creep", 2, mesh, driver.Limits(0.2, 1e6))
    assert found["failed"] == "not done in 0 s"
