"""The bench's driver: answers are compared, codes that fail do not stop the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import __main__ as driver
from tests.benchmarks import box

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
