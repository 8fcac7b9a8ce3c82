"""The rows of ``livoid verify`` (docs/verification.md) are the tests."""

from __future__ import annotations

import re

import pytest
from mpi4py import MPI

from solver.verification.check import Check, refined
from solver.verification.rows import all_rows
from solver.verification.table import format_check, run_rows
from tests.conftest import ROOT

SLOW = {"cylinder", "ring-spring", "shrinking-void", "sink-length", "sphere", "strips"}
ONE_RANK = {*SLOW, "memory", "impedance-disc", "impedance-profile"}
"""Rows of refinements or of time that take most of all rows' time, of terms that other rows try on two ranks:
creep (creep-laws, manufactured-creep, wave), the current of strips (disc, small-resistance, bounds),
impedance (impedance-strips, impedance-slope-in-space), springs (fixture), sinks (vacancies). Motion through
steps and the memory are compared on two ranks by whole runs."""


def marks_of(name: str) -> list[pytest.MarkDecorator]:
    on_ranks = [] if name in ONE_RANK else [pytest.mark.parallel]
    return on_ranks + ([pytest.mark.slow] if name in SLOW else [])


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks_of(name)) for name in all_rows()])
def test_row(name: str, comm: MPI.Comm) -> None:
    checks = all_rows()[name].function(comm)
    failing = [format_check("", name, check) for check in checks if not check.passed]
    assert checks
    assert not failing, "\n".join(failing)


def test_the_page_and_the_rows_promise_each_other() -> None:
    page = (ROOT / "docs" / "verification.md").read_text(encoding="utf-8")
    promised = set(re.findall(r"^(?:\*\*)?(\d+(?:/\w+)?)[.:]", page, re.MULTILINE))
    numbers = {row.number for row in all_rows().values()}
    groups = {number.split("/")[0] for number in numbers}
    assert promised <= numbers | groups
    assert groups <= promised
    assert "28" in groups


def test_a_wrong_value_or_order_fails() -> None:
    assert not Check("x", 1.0, 1.02, 0.01).passed
    assert not Check("x", 1.0, float("nan"), 0.01).passed
    first_order = refined(
        "x", 1.0, lambda k: 1.0 + 1e-4 * 0.5**k, levels=3, tolerance=0.01, expected_order=2.0
    )
    second = refined("x", 1.0, lambda k: 1.0 + 1e-4 * 0.25**k, levels=3, tolerance=0.01, expected_order=2.0)
    assert not first_order.passed
    assert second.passed
    assert second.order == pytest.approx(2.0)


def test_an_unknown_row_is_an_error(comm: MPI.Comm, capsys: pytest.CaptureFixture[str]) -> None:
    assert not run_rows(["no-such-row"], comm)
    assert "no verification row" in capsys.readouterr().err
