"""The designer's question: the search on models in closed form, the distribution, options, one whole run."""

from __future__ import annotations

import csv
import json
import math
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.algebra.newton import SolveError
from solver.case.loading import CaseError, LoadedCase
from solver.cli.exits import EXIT_INPUT, EXIT_OK
from solver.cli.main import main
from solver.predictions.needed import ask, first_guess, report
from solver.predictions.needed.answers import ENOUGH, answer, sentence, weighted_quantile
from solver.predictions.needed.plan import Drawn, Limits, Over, Plan, Range, plan
from solver.predictions.needed.question import Question, Setting, base_data, changed, verdict
from solver.predictions.needed.samples import Sample, chosen, read_posterior
from solver.predictions.needed.search import MOST_SILENT, Bounds, Found, Search
from tests.conftest import ROOT, case_data, small_case

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]
BOUNDS = Bounds(0.1, 50.0, 1.1)
DEMO = str(ROOT / "cases" / "demo-2MPa.toml")


def sought(holds: Callable[[float], bool | None], start: float = 2.0, bounds: Bounds = BOUNDS) -> Search:
    """A search that has come to its end on a model."""
    search = Search(bounds, start)
    while (pressure := search.next()) is not None:
        assert bounds.lowest <= pressure <= bounds.highest
        search.tell(pressure, holds(pressure))
        assert len(search.told) < 60
    return search


@given(st.floats(0.11, 49.0), st.floats(0.1, 50.0), st.floats(1.01, 3.0))
@settings(deadline=None, max_examples=200)
def test_a_step_is_found_to_the_resolution_wherever_the_search_begins(
    truth: float, start: float, resolution: float
) -> None:
    bounds = Bounds(0.1, 50.0, resolution)
    found = sought(lambda p: p >= truth, start, bounds).found()
    assert found.kind == "found" and found.monotone
    assert found.low < truth <= found.high
    assert found.high / found.low <= resolution * 1.001  # pressures have four digits
    fewest, most = ask.trials_expected(bounds)
    assert min(fewest, 3) <= found.trials <= most


def test_what_holds_everywhere_or_nowhere_is_said() -> None:
    always, never = sought(lambda _: True).found(), sought(lambda _: False).found()
    assert (always.kind, always.pressure) == ("below", 0.0)
    assert (never.kind, never.pressure) == ("above", math.inf)
    assert always.monotone and never.monotone
    assert 0.1 in sought(lambda _: True).told and 50.0 in sought(lambda _: False).told


def test_a_second_window_far_above_is_seen() -> None:
    """Holds from 1 to 3 MPa and again from 7 MPa on: the answer is 7, and that it is not monotone is said."""
    found = sought(lambda p: 1.0 <= p <= 3.0 or p >= 7.0, start=0.9).found()
    assert not found.monotone
    assert found.low < 7.0 <= found.high < 7.8


def test_a_window_that_no_larger_pressure_closes_is_seen() -> None:
    found = sought(lambda p: 1.0 <= p <= 3.0, start=1.5).found()
    assert (found.kind, found.monotone) == ("above", False)


def test_a_smaller_pressure_that_holds_is_seen() -> None:
    """The check below the answer: 0.45 MPa holds, 1.9 breaks, 2 and more hold."""
    found = sought(lambda p: p >= 2.0 or 0.3 <= p <= 0.6, start=2.0).found()
    assert not found.monotone and found.low < 2.0 <= found.high


def test_noise_moves_the_answer_within_its_own_width() -> None:
    generator = np.random.default_rng(3)
    answers = []
    for _ in range(200):
        found = sought(lambda p: p >= 2.0 * math.exp(generator.normal(0.0, 0.05))).found()
        answers.append(found.pressure)
    assert np.median(answers) == pytest.approx(2.0, rel=0.1)
    assert np.quantile(answers, [0.05, 0.95]) == pytest.approx([2.0, 2.0], rel=0.2)


def test_silent_trials_are_gone_round_and_too_many_end_the_search() -> None:
    found = sought(lambda p: None if 1.99 < p < 2.01 else p >= 5.0).found()
    assert found.kind == "found" and found.low < 5.0 <= found.high
    gap = sought(lambda p: None if 4.0 < p < 6.0 else p >= 5.0)
    assert gap.found().kind == "failed" and math.isnan(gap.found().pressure)
    assert sum(holds is None for holds in gap.told.values()) == MOST_SILENT + 1


def of(*pressures: float, monotone: bool = True) -> list[Found]:
    """Finds at these pressures: 0 below, inf above the bounds, NaN failed."""
    kinds: dict[float, Any] = {0.0: "below", math.inf: "above"}
    return [
        Found("failed" if math.isnan(p) else kinds.get(p, "found"), 0.9 * p, p, monotone, 5)
        for p in pressures
    ]


def test_ninety_percent_are_claimed_of_enough_samples_alone() -> None:
    pressures = list(np.exp(np.random.default_rng(1).normal(math.log(1.6), 0.2, 2000)))
    many = answer(of(*pressures), [1.0] * len(pressures))
    expected = [1.6 * math.exp(z * 0.2) for z in (-1.645, 0.0, 1.645)]
    assert [many.interval[0], many.median, many.interval[1]] == pytest.approx(expected, rel=0.03)
    assert sentence(many, BOUNDS) == "1.6 MPa (1.2 to 2.2, 90 %)"
    few = answer(of(1.0, 2.0, 4.0), [1.0] * 3)
    assert sentence(few, BOUNDS) == "2 MPa (1 to 4, range of 3 samples)"
    assert answer(of(*[1.0] * ENOUGH), [0.3] * ENOUGH).enough
    assert not answer(of(*[1.0] * (ENOUGH - 1)), [1.0] * (ENOUGH - 1)).enough


def test_weights_count_and_a_dominant_one_says_little() -> None:
    """A weight of 3 is three samples, for the quantiles; one sample with all the weight is one sample."""
    repeated = answer(of(1.0, 1.0, 1.0, 2.0, 3.0), [1.0] * 5)
    weighted = answer(of(3.0, 1.0, 2.0), [1.0, 3.0, 1.0])
    assert weighted.interval == (1.0, 3.0)
    assert weighted_quantile([3.0, 1.0, 2.0], [1.0, 3.0, 1.0], 0.7) == pytest.approx(
        weighted_quantile([1.0, 2.0, 3.0], [3.0, 1.0, 1.0], 0.7)
    )
    assert repeated.median == pytest.approx(1.0)
    assert weighted.median == pytest.approx(1.0 * 2.0 ** ((0.5 - 0.3) / 0.4))
    lopsided = answer(of(*np.linspace(1.0, 2.0, 40)), [1000.0, *[1.0] * 39])
    assert lopsided.effective < 2.0 and not lopsided.enough


def test_what_lies_beyond_the_range_has_its_place_and_is_said() -> None:
    mixed = answer(of(0.0, 1.0, 2.0, math.inf, math.inf), [1.0] * 5)
    assert sentence(mixed, BOUNDS) == "2 MPa (< 0.1 to > 50, range of 5 samples)"
    assert sentence(answer(of(math.inf), [1.0]), BOUNDS) == "> 50 MPa"
    assert sentence(answer(of(0.0), [1.0]), BOUNDS) == "< 0.1 MPa"
    half = answer(of(1.0, math.inf), [1.0] * 2)
    assert half.median in (1.0, math.inf) and not math.isnan(half.median)


def test_failed_and_contradicting_samples_are_counted() -> None:
    some = answer([*of(1.0, math.nan), *of(2.0, monotone=False)], [1.0] * 3)
    text = sentence(some, BOUNDS)
    assert "not monotone in 1 of 3" in text and "1 of 3 samples without an answer" in text
    assert sentence(answer(of(math.nan), [1.0]), BOUNDS).startswith("no answer")


def test_a_row_of_a_posterior_counts_as_often_as_its_weight_says() -> None:
    rows = [Sample({"a.b": k}, weight) for k, weight in enumerate([1.0, 0.0, 2.0, 5.0])]
    drawn = chosen(rows * 5, 80, seed=4)
    counts = [sum(sample.values["a.b"] == k for sample in drawn) for k in range(4)]
    assert len(rows * 5) < 80  # fewer than asked for: all of them, as they are
    assert counts == [5, 0, 5, 5] and {s.weight for s in drawn} == {1.0, 2.0, 5.0}
    fewer = chosen(rows * 100, 80, seed=4)
    counts = [sum(sample.values["a.b"] == k for sample in fewer) for k in range(4)]
    assert counts == pytest.approx([10, 0, 20, 50], abs=1) and {s.weight for s in fewer} == {1.0}


def test_a_posterior_is_read_with_its_units(tmp_path: Path) -> None:
    file = tmp_path / "posterior.csv"
    file.write_text(
        "material.creep.prefactor (1/s),void[0].width [um],weight\n1e-3,2.2,0.5\n2e-3,2.0,1\n",
        encoding="utf-8",
    )
    samples, problems = read_posterior(file)
    assert problems == []
    assert samples[0] == Sample({"material.creep.prefactor": "0.001 1/s", "void[0].width": "2.2 um"}, 0.5)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a.b (1/s)\n", ["at least one sample"]),
        ("a.b (parsec per fortnite),c d e,a.x,a.x\n1,2,3,4\n", ["fortnite", "no path", "twice"]),
        ("weight\n1\n", ["no column of a parameter"]),
        ("a.b (um),weight\n1,-1\nx,1\n1\nnan,1\n", ["row 2", "row 3", "row 4", "row 5"]),
    ],
)
def test_everything_wrong_with_a_posterior_is_said(text: str, wanted: list[str], tmp_path: Path) -> None:
    file = tmp_path / "posterior.csv"
    file.write_text(text, encoding="utf-8")
    _, problems = read_posterior(file)
    assert all(any(word in problem for problem in problems) for word in wanted), problems
    assert len(problems) >= len(wanted)


def demo(**changes: Any) -> LoadedCase:
    return small_case(**changes)


def made(loaded: LoadedCase, **changes: Any) -> Plan:
    """A plan of a small case with few options."""
    parts = {
        "limits": Limits("0.5", "30 mV", "0.01 mAh/cm^2"),
        "over": Over(),
        "drawn": Drawn(),
        "sought": Range("0.1 MPa", "50 MPa", 1.2, "1 MPa"),
    } | changes
    return plan(loaded, parts["limits"], parts["over"], parts["drawn"], parts["sought"])


def test_limits_become_the_ends_of_a_strip() -> None:
    loaded = demo()
    question = Question(0.01, 0.8, 0.03, after=0.002)
    case = changed(base_data(loaded, question, 0.5), {"operation.pressure": "3 MPa"}, "base").case
    first, second = case.operation.step
    faster = changed(base_data(loaded, question, 0.5), {"material.creep.prefactor": "1e5 1/s"}, "base")
    assert (faster.creep.prefactor.value, faster.creep.exponent) == (1e5, loaded.creep.exponent)
    assert (first.cutoff_active_loss, first.cutoff_voltage) == (None, None)
    assert second.cutoff_active_loss == pytest.approx(0.2) and second.cutoff_voltage == pytest.approx(0.03)
    assert (first.capacity + second.capacity) / 36_000.0 == pytest.approx(0.01)  # type: ignore[operator]
    assert case.model.at_event == "evolve" and not case.output.fields
    assert case.operation.pressure == pytest.approx(3e6)
    assert case.geometry == loaded.case.geometry and case.void == loaded.case.void


def test_everything_wrong_with_the_options_is_said_at_once(tmp_path: Path) -> None:
    posterior = tmp_path / "none.csv"
    with pytest.raises(CaseError) as caught:
        made(
            demo(),
            limits=Limits("1.2", "30 mA", "-1 mAh/cm^2", "1 h"),
            over=Over(["0 mA/cm2"], ["20"], ["1 MPa/um"]),
            drawn=Drawn(None, posterior, 3, 0),
            sought=Range("5 MPa", "2 MPa", 1.0, "1 m"),
        )
    said = "\n".join(caught.value.problems)
    for option in (
        "--active-contact", "--overpotential", "--capacity", "--after", "--current", "--temperature",
        "--stiffness", "none.csv", "--lowest", "--resolution", "--start",
    ):  # fmt: skip
        assert option in said, option


@pytest.mark.parametrize(
    ("changes", "options", "word"),
    [
        ({}, {"limits": Limits(None, None, "0.1 mAh/cm^2")}, "no limit is given"),
        ({}, {"limits": Limits("0.5", None, "0.1 mAh/cm^2", "0.2 mAh/cm^2")}, "--after"),
        ({}, {"drawn": Drawn(samples=5)}, "nothing varies"),
        ({}, {"drawn": Drawn(samples=0)}, "--samples 0"),
        ({}, {"drawn": Drawn(seed=-1)}, "--seed"),
        (
            {},
            {"drawn": Drawn((["operation.pressure"], lambda n, _: [{"operation.pressure": "1 MPa"}] * n))},
            "what the question sets",
        ),
    ],
)
def test_what_cannot_be_asked(changes: dict[str, Any], options: dict[str, Any], word: str) -> None:
    with pytest.raises(CaseError, match=word):
        made(demo(**changes), **options)


def test_a_case_with_steps_is_refused() -> None:
    steps = [{"do": "strip", "current": "0.5 mA/cm^2", "capacity": "0.1 mAh/cm^2"}]
    loaded = changed(base_data(demo(), Question(0.1, 0.5, None), 0.5), {"operation.step": steps}, "case")
    with pytest.raises(CaseError, match="without steps"):
        made(loaded)


class Engine:
    """Stands in for Snakemake: "runs" leave what a run folder says, from a model in closed form."""

    def __init__(self, holds: Callable[[dict[str, str]], bool | None], stop_after: int = 1000) -> None:
        self.holds, self.made, self.stop_after = holds, [], stop_after
        self.made: list[str] = []

    def __call__(self, file: Path, folder: Path, names: Sequence[str]) -> None:
        from solver.study.folder import prepare

        _, points = prepare(file, folder)
        for point in points:
            mark = folder / "done" / f"{point.name}.json"
            if point.name in names and not mark.exists() and len(self.made) < self.stop_after:
                self.made.append(point.name)
                outcome = self.holds({path: str(value) for path, value in point.values.items()})
                mark.write_text(json.dumps({"status": "finished", "message": str(outcome)}), encoding="utf-8")


@pytest.fixture
def closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts are read off the marks of :class:`Engine`."""
    from solver.predictions.needed import trials
    from solver.predictions.needed.question import Verdict

    words = {"True": True, "False": False, "None": None}
    monkeypatch.setattr(
        trials,
        "verdict",
        lambda status, message, run, question: Verdict(words[message], "model", 0.0, 0.5, 0.01),
    )


def needs(values: dict[str, str]) -> bool:
    """2 MPa at 0.5 mA/cm2, in proportion to the current, and to the height of the void."""
    current, height = (float(values[p].split()[0]) for p in ("operation.step[0].current", "void[0].height"))
    return float(values["operation.pressure"].split()[0]) >= 4.0 * current * height


def no_guess(*_: object) -> float:
    raise AssertionError("the plan says where to start")


def two_by_three() -> Plan:
    heights = [0.8, 1.0, 1.25]
    draw = (["void[0].height"], lambda n, _: [{"void[0].height": f"{h} um"} for h in heights[:n]])
    return made(demo(), over=Over(["0.5 mA/cm2", "1 mA/cm2"]), drawn=Drawn(draw, None, 3))


@pytest.mark.usefixtures("closed_form")
def test_searches_of_all_settings_and_samples_in_rounds(tmp_path: Path) -> None:
    work = two_by_three()
    trials, asked, engine = ask.trials_of(work, tmp_path), ask.searches(work, no_guess), Engine(needs)
    assert len(asked) == 6
    assert ask.carry_out(asked, trials, work.question, engine) == 0
    found = report.answers(asked)
    assert [setting.current for setting, _ in found] == [0.5, 1.0]
    for (_, each), scale in zip(found, (1.0, 2.0), strict=True):
        assert each.samples == 3 and each.not_monotone == 0
        for value, truth in zip((*each.interval, each.median), (1.6, 2.5, 2.0), strict=True):
            assert scale * truth <= value < scale * truth * 1.21
    said = report.write(tmp_path, asked, trials, work.question, work.bounds)
    assert len(said) == 2 and said[0].startswith("0.5 mA/cm2, ") and "range of 3 samples" in said[0]
    table = list(csv.DictReader((tmp_path / "pressure-needed.csv").open(encoding="utf-8")))
    assert [row["void[0].height"] for row in table] == ["0.8 um", "1.0 um", "1.25 um"] * 2
    tried = list(csv.DictReader((tmp_path / "trials.csv").open(encoding="utf-8")))
    assert len(tried) == len(engine.made) and len({row["run"] for row in tried}) == len(tried)
    content = json.loads((tmp_path / "pressure-needed.json").read_text(encoding="utf-8"))
    assert content["settings"][1]["answer"] in said[1]
    from postprocess.pressure_needed import draw_pressure_needed

    assert draw_pressure_needed(tmp_path).stat().st_size > 10_000


@pytest.mark.usefixtures("closed_form")
def test_a_search_that_was_broken_off_goes_on_with_its_runs(tmp_path: Path) -> None:
    work = two_by_three()
    first = Engine(needs, stop_after=8)
    trials = ask.trials_of(work, tmp_path)
    assert ask.carry_out(ask.searches(work, no_guess), trials, work.question, first) > 0
    again, second = ask.trials_of(work, tmp_path), Engine(needs)
    assert again.recall() > 8  # those that were asked for, with a result or not
    asked = ask.searches(work, no_guess)
    assert ask.carry_out(asked, again, work.question, second) == 0
    whole, fresh = Engine(needs), tmp_path / "fresh"
    fresh.mkdir()
    other = ask.searches(work, no_guess)
    ask.carry_out(other, ask.trials_of(work, fresh), work.question, whole)
    assert len(first.made) == 8 and len(first.made) + len(second.made) == len(whole.made)
    assert [each.search.found() for each in asked] == [each.search.found() for each in other]


@pytest.mark.usefixtures("closed_form")
def test_another_question_begins_anew(tmp_path: Path) -> None:
    work = two_by_three()
    ask.carry_out(ask.searches(work, no_guess), ask.trials_of(work, tmp_path), work.question, Engine(needs))
    assert ask.trials_of(work, tmp_path).recall() > 0
    other = made(demo(), limits=Limits("0.4", None, "0.01 mAh/cm^2"))
    assert ask.trials_of(other, tmp_path).recall() == 0


def test_the_command_says_its_cost_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["pressure-needed", DEMO, "--active-contact", "0.5", "--dry-run", "--out", str(tmp_path / "out")]
    assert main(words) == EXIT_OK
    said = capsys.readouterr().out
    assert "active contact at least 0.5 to 0.5 mAh/cm2" in said and "1 sample in 1 setting" in said
    assert not (tmp_path / "out").exists()


def test_bad_options_of_the_command_are_said_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["pressure-needed", DEMO, "--active-contact", "2", "--overpotential", "1 kg"]
    assert main([*words, "--out", str(tmp_path / "out")]) == EXIT_INPUT
    said = capsys.readouterr().err
    assert "2 problems" in said and not (tmp_path / "out").exists()


def test_a_run_without_records_says_nothing(tmp_path: Path) -> None:
    seen = verdict("failed", "no mesh", tmp_path, Question(0.1, 0.5, None))
    assert seen.holds is None and "no mesh" in seen.why


def test_a_prior_of_what_the_case_has_not_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that leads nowhere, and one that is no key: before anything is written."""
    for path, word in (("void[3].width", "no entry 3"), ("material.metal.sink_lenth", "sink_length")):
        text = f'[prior."{path}"]\ndistribution = "uniform"\nfrom = "1 um"\nto = "2 um"\nsource = "x"\n'
        (tmp_path / "priors.toml").write_text(text, encoding="utf-8")
        words = [
            "pressure-needed",
            DEMO,
            "--active-contact",
            "0.5",
            "--priors",
            str(tmp_path / "priors.toml"),
        ]
        assert main([*words, "--out", str(tmp_path / "out")]) == EXIT_INPUT
        said = capsys.readouterr().err
        assert word in said and "Traceback" not in said
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("threshold", "guess"), [(3.0, 3.0), (0.0, 0.1), (100.0, 50.0), (None, math.sqrt(5.0))]
)
def test_the_first_guess_is_the_static_threshold_within_the_bounds(
    threshold: float | None, guess: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grows(loaded: LoadedCase, _: object) -> bool:
        if threshold is None:
            raise SolveError("diverged")
        return bool(loaded.case.operation.pressure < threshold * 1e6)

    monkeypatch.setattr(first_guess, "grows", grows)
    work = made(demo())
    base = ask.base_of(work)
    changes = work.settings[0].changes(work.question)
    found = first_guess.static_guess(lambda more: changed(base, more, "base"), changes, work.bounds)
    assert found == pytest.approx(guess, rel=0.05)


def preload(values: dict[str, str]) -> bool:
    """2 MPa at 0.5 mA/cm2, 25 C and 5 ohm cm2 under a dead load; warmth helps, a stiff clamp does not.

    In proportion to current and resistance, halved at 60 C; a clamp of 1 MPa/um needs twice the preload.
    """
    number = {path: float(value.split()[0]) for path, value in values.items()}
    warm = 0.5 if number["operation.temperature"] > 300.0 else 1.0
    resistance = number["material.electrolyte.area_resistance"] / 5.0
    needed = 4.0 * number["operation.step[0].current"] * warm * resistance
    return number["operation.pressure"] >= needed * (1.0 + number["fixture.stiffness"])


@pytest.mark.usefixtures("closed_form")
def test_a_posterior_over_current_temperature_and_stiffness_of_a_fixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole command but its runs: the answer follows each of the three, and the samples' spread."""
    made_by: list[Engine] = []

    def engine(cores: int, *, quiet: bool) -> Engine:
        assert (cores, quiet) == (1, True)
        made_by.append(Engine(preload))
        return made_by[-1]

    monkeypatch.setattr("solver.cli.engine.engine", engine)
    resistances = (4.0, 5.0, 6.0)
    lines = ["material.electrolyte.area_resistance (ohm cm2)", *(f"{r:.10g}" for r in resistances)]
    (tmp_path / "posterior.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    data = case_data(fixture={"stiffness": "0.1 MPa/um", "counter": "lithium"})
    (tmp_path / "case.toml").write_text(tomli_w.dumps(data), encoding="utf-8")
    words = ["pressure-needed", str(tmp_path / "case.toml"), "--active-contact", "0.5", "--quiet",
             "--posterior", str(tmp_path / "posterior.csv"), "--samples", "3", "--start", "2 MPa",
             "--resolution", "1.1", "--out", str(tmp_path / "out")]  # fmt: skip
    for name, values in (("current", ("0.5 mA/cm2", "1 mA/cm2")), ("temperature", ("25 degC", "60 degC")),
                         ("stiffness", ("0 MPa/um", "1 MPa/um"))):  # fmt: skip
        words += [word for value in values for word in (f"--{name}", value)]
    assert main(words) == EXIT_OK
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 8 and all(line.endswith("range of 3 samples)") for line in said), said
    assert said[0].startswith("0.5 mA/cm2, 25 C, 0 MPa/um: 2")
    content = json.loads((tmp_path / "out" / "pressure-needed.json").read_text(encoding="utf-8"))
    for setting in content["settings"]:
        warm = 0.5 if setting["temperature"] > 300.0 else 1.0
        exact = 4.0 * setting["current"] * warm * (1.0 + setting["stiffness"])
        for found, share in zip(
            (*setting["interval_MPa"], setting["median_MPa"]), (0.8, 1.2, 1.0), strict=True
        ):
            assert share * exact <= found * 1.001 and found <= share * exact * 1.11
    picture = tmp_path / "out" / "pressure-needed.png"
    assert picture.stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("snakemake") is None, reason="Snakemake is not installed")
def test_a_whole_answer(livoid: Livoid, tmp_path: Path) -> None:
    """A small void, from runs: what it takes grows with the current, and what was found can be had again."""
    data = case_data(operation={"capacity": "0.0005 mAh/cm^2"})
    (tmp_path / "case.toml").write_text(tomli_w.dumps(data), encoding="utf-8")
    words = [
        "pressure-needed",
        "case.toml",
        "--active-contact",
        "0.63",
        "--resolution",
        "2",
        "--start",
        "1 MPa",
    ]
    words += ["--lowest", "0.25 MPa", "--highest", "4 MPa", "--out", "out"]
    first = livoid(*words)
    assert first.returncode == EXIT_OK, first.stderr
    answers = json.loads((tmp_path / "out" / "pressure-needed.json").read_text(encoding="utf-8"))
    assert first.stdout.splitlines()[-1] == answers["settings"][0]["answer"]
    tried = list(csv.DictReader((tmp_path / "out" / "trials.csv").open(encoding="utf-8")))
    assert all(row["holds"] in ("True", "False") for row in tried)
    for row in tried:  # the verdict is what the records say
        kept = float(row["active_least"]) >= 0.63 - 1e-3
        assert (row["holds"] == "True") == (kept and float(row["capacity_mAh_cm2"]) > 0.00049), row
    again = livoid(*words)
    assert f"{len(tried)} runs are there already" in again.stdout and "run-0001 done" not in again.stdout
    assert again.stdout.splitlines()[-1] == first.stdout.splitlines()[-1]


def test_settings_in_words() -> None:
    assert Setting(0.5, 298.15, 0.1).words() == "0.5 mA/cm2, 25 C, 0.1 MPa/um"
