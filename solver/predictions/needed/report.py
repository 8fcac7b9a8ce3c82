"""Tables and answers of ``livoid pressure-needed``: what was found in each setting, from which runs."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from solver.core.plain_text import TableWriter
from solver.predictions.needed.answers import ENOUGH, INTERVAL, QUANTILES, answer, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from solver.predictions.needed.answers import Answer
    from solver.predictions.needed.ask import Asked
    from solver.predictions.needed.question import Question, Setting
    from solver.predictions.needed.search import Bounds
    from solver.predictions.needed.trials import Trials

TABLE, TRIALS, ANSWERS = "pressure-needed.csv", "trials.csv", "pressure-needed.json"
SETTING = ("current_mA_cm2", "temperature_K", "stiffness_MPa_um")
"""Columns of a setting; the stiffness is empty for the case's own."""
FOUND = ("sample", "weight", "pressure_MPa", "largest_breaking_MPa", "kind", "monotone", "runs")
TRIED = (
    "sample", "pressure_MPa", "holds", "why", "capacity_mAh_cm2", "active_least", "voltage_largest_V", "run",
)  # fmt: skip


def by_setting(asked: Sequence[Asked]) -> Iterator[tuple[Setting, list[Asked]]]:
    """The searches of each setting."""
    for setting, group in groupby(asked, key=lambda each: each.setting):
        yield setting, list(group)


def answers(asked: Sequence[Asked]) -> list[tuple[Setting, Answer]]:
    """The answer in each setting."""
    return [
        (setting, answer([each.search.found() for each in here], [each.sample.weight for each in here]))
        for setting, here in by_setting(asked)
    ]


def lines(found: Sequence[tuple[Setting, Answer]], bounds: Bounds) -> list[str]:
    """The answers in words, one line for each setting; of a single one without its setting."""
    if len(found) == 1:
        return [sentence(found[0][1], bounds)]
    return [f"{setting.words()}: {sentence(each, bounds)}" for setting, each in found]


def write(
    folder: Path, asked: Sequence[Asked], trials: Trials, question: Question, bounds: Bounds
) -> list[str]:
    """Write the tables (``pressure-needed.csv``, ``trials.csv``) and ``pressure-needed.json``.

    Returns:
        The answers in words.
    """
    paths = list(dict.fromkeys(path for each in asked for path in each.sample.values))
    with (folder / TABLE).open("w", encoding="utf-8", newline="") as file:
        writer = TableWriter(file)
        writer.writerow((*SETTING, *FOUND, *paths))
        writer.writerows(_found_row(each, paths) for each in asked)
    with (folder / TRIALS).open("w", encoding="utf-8", newline="") as file:
        writer = TableWriter(file)
        writer.writerow((*SETTING, *TRIED))
        for each in asked:
            writer.writerows(_tried_rows(each, trials, question))
    found = answers(asked)
    said = lines(found, bounds)
    content = _content(found, said, question, bounds)
    (folder / ANSWERS).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return said


def _place(setting: Setting) -> tuple[Any, ...]:
    return setting.current, setting.temperature, "" if setting.stiffness is None else setting.stiffness


def _found_row(each: Asked, paths: Sequence[str]) -> tuple[Any, ...]:
    found = each.search.found()
    own = (
        each.number,
        each.sample.weight,
        found.pressure,
        found.low,
        found.kind,
        found.monotone,
        found.trials,
    )
    return *_place(each.setting), *own, *(each.sample.values.get(path, "") for path in paths)


def _tried_rows(each: Asked, trials: Trials, question: Question) -> Iterator[tuple[Any, ...]]:
    for pressure in sorted(each.search.told):
        values = each.trial(trials, question, pressure)
        seen = trials.known(values)
        assert seen is not None  # a search is told what a run has said
        holds = "unknown" if seen.holds is None else seen.holds
        numbers = seen.capacity, seen.active_least, seen.voltage_largest
        yield *_place(each.setting), each.number, pressure, holds, seen.why, *numbers, trials.name(values)


def _content(
    found: Sequence[tuple[Setting, Answer]], said: Sequence[str], question: Question, bounds: Bounds
) -> dict[str, Any]:
    return {
        "question": {**asdict(question), "words": question.words()},
        "bounds_MPa": {"lowest": bounds.lowest, "highest": bounds.highest, "resolution": bounds.resolution},
        "interval": {
            "share": INTERVAL,
            "samples_needed": ENOUGH,
            "quantiles": list(QUANTILES),
            "how": "weighted quantiles of the samples, log-linear in between; of fewer (effective) samples "
            "than needed the interval is their range. 0 and inf: beyond the bounds",
        },
        "settings": [
            {
                **asdict(setting),
                "answer": text,
                "median_MPa": _plain(each.median),
                "interval_MPa": [_plain(end) for end in each.interval],
                "interval_is": f"{INTERVAL * 100:g} %" if each.enough else "range of the samples",
                "quantiles_MPa": [_plain(value) for value in each.quantiles],
                "samples": each.samples,
                "effective_samples": each.effective,
                "failed_samples": each.failed,
                "samples_not_monotone": each.not_monotone,
            }
            for (setting, each), text in zip(found, said, strict=True)
        ],
    }


def _plain(value: float) -> float | str | None:
    """A number as JSON has it, which knows no infinity and no NaN."""
    if math.isnan(value):
        return None
    return "inf" if math.isinf(value) else value
