"""Priors: what a file may say, and the values drawn from it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from solver.calibration.priors import Prior, drawn, load_priors
from solver.calibration.schema import load_plan
from solver.case.errors import CaseError
from solver.case.units import parse_quantity
from tests.conftest import ROOT

GOOD = """
[prior."material.creep.prefactor"]
distribution = "log-normal"
median = "2e4 1/s"
factor = 3
source = "three tests"

[prior."void[0].width"]
distribution = "uniform"
from = "1 um"
to = "0.003 mm"
source = "pictures"

[prior."material.creep.exponent"]
distribution = "log-uniform"
from = 4
to = 8
source = "three tests"
"""


def written(folder: Path, text: str) -> Path:
    (folder / "priors.toml").write_text(text, encoding="utf-8")
    return folder / "priors.toml"


def test_draws_have_the_distributions_and_units_of_the_file(tmp_path: Path) -> None:
    values = drawn(load_priors(written(tmp_path, GOOD)), 2000, seed=1)
    rates = np.log([parse_quantity(v["material.creep.prefactor"], "1/s") for v in values])
    assert np.mean(rates) == pytest.approx(math.log(2e4), abs=0.01)
    assert np.std(rates) == pytest.approx(math.log(3.0), rel=0.02)
    widths = [parse_quantity(v["void[0].width"], "um") for v in values]
    assert np.quantile(widths, [0.0, 0.25, 1.0]) == pytest.approx([1.0, 1.5, 3.0], abs=0.005)
    exponents = [float(v["material.creep.exponent"]) for v in values]
    assert np.median(exponents) == pytest.approx(math.sqrt(32.0), rel=0.01)
    assert values[:3] != drawn(load_priors(tmp_path / "priors.toml"), 2000, seed=2)[:3]


def test_every_problem_of_a_file_is_said(tmp_path: Path) -> None:
    text = """
[prior."a.b"]
distribution = "uniform"
from = "1 um"
to = "2 s"
source = "x"
[prior."a.c"]
distribution = "log-uniform"
from = 0
to = 2
source = "x"
[prior."a.d"]
distribution = "normal"
source = "x"
[prior."a.e"]
distribution = "log-normal"
median = "1 um"
[prior."a.f"]
distribution = "uniform"
from = 2
to = 1
factor = 3
source = "x"
"""
    with pytest.raises(CaseError) as caught:
        load_priors(written(tmp_path, text))
    said = "\n".join(caught.value.problems)
    for path in "bcdef":
        assert f"prior.a.{path}" in said, said


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "prior"),
        ('[prior."a["]\ndistribution = "uniform"\nfrom = 1\nto = 2\nsource = "x"', "a\\["),
        ("x = [", "TOML"),
    ],
)
def test_what_is_no_file_of_priors(text: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=word):
        load_priors(written(tmp_path, text))


def test_quantiles_of_the_ends() -> None:
    prior = Prior.model_validate({"distribution": "uniform", "from": "1 um", "to": "2 um", "source": "x"})
    assert (prior.at(0.0), prior.at(0.5), prior.at(1.0)) == ("1.0 um", "1.5 um", "2.0 um")


def test_the_plan_for_the_experiment_is_one_that_can_be_carried_out() -> None:
    """At most four numbers on at most four observables; every cell takes its parameters at their ends."""
    plan = load_plan(ROOT / "cases" / "zhao2025" / "calibration.toml")
    assert len(plan.priors) <= 4 and len(plan.observables) <= 4
    assert [cell.paths for cell in plan.cells] == [
        tuple(plan.priors)[:3],
        tuple(plan.priors)[1:3],
        tuple(plan.priors)[3:],
    ]
    assert {observable.cell for observable in plan.observables} == {0, 1, 2}
    assert all(
        load_priors(ROOT / "cases" / "zhao2025" / "calibration.toml")
    )  # a calibration file is one of priors


def test_the_smaller_calibration_asks_what_the_whole_one_does() -> None:
    """The same priors, measured values and errors; its runs end at the same capacities."""
    whole, small = (
        load_plan(ROOT / "cases" / "zhao2025" / f"{name}.toml")
        for name in ("calibration", "calibration-small")
    )
    assert small.priors == whole.priors
    asked = [
        sorted((replace(o, cell=0) for o in plan.observables), key=lambda o: o.name)
        for plan in (small, whole)
    ]
    assert asked[0] == asked[1]
    assert sorted(cell.paths for cell in small.cells) == sorted(cell.paths for cell in whole.cells)
    # a protocol's end is the sum of its steps
    assert sorted(cell.planned for cell in small.cells) == pytest.approx([2.2, 2.6, 4.0])
    assert sorted(cell.planned for cell in whole.cells) == pytest.approx([2.2, 2.6, 4.0])


def test_the_shipped_posterior_is_one_of_the_smaller_calibration() -> None:
    """Its columns are the parameters, and no sample lies outside their priors."""
    plan = load_plan(ROOT / "cases" / "zhao2025" / "calibration-small.toml")
    table = pd.read_csv(ROOT / "cases" / "zhao2025" / "results" / "posterior.csv")
    assert [head.split(" (")[0] for head in table.columns] == list(plan.priors)
    for prior, (head, values) in zip(plan.priors.values(), table.items(), strict=True):
        assert str(head).endswith(f"({prior.unit})")
        assert prior.number(0.0) <= values.min() < values.max() <= prior.number(1.0)
