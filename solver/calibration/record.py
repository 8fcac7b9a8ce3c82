"""What a calibration leaves in its folder: tables, and ``calibration.json`` with what is said of them.

runs.csv         every run: wave, point, draw of the voids, values of the parameters, observables
posterior.csv    samples of the posterior: the parameters, headed by path and unit
calibration.json priors and posteriors in numbers, emulators, indices, what moved what
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from solver.calibration.observables import KINDS
from solver.case.units import read_unit
from solver.core.files import write_atomic
from solver.core.plain_text import TableWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from solver.calibration.calibrate import Result
    from solver.calibration.priors import Prior

    Values = NDArray[np.float64]

FILES = ("runs.csv", "posterior.csv", "calibration.json")
SHARES = (0.05, 0.5, 0.95)
"""Quantiles that are given: the median, and the 90 % between the others."""
PRIOR_SAMPLES = 2000
DIGITS = 6


def write(folder: Path, result: Result, title: str, failed: int) -> list[str]:
    """Write all files; returns what was found, in words.

    Args:
        folder: of the results.
        result: of the calibration.
        title: of it.
        failed: runs that failed.
    """
    _write_runs(folder / FILES[0], result)
    _write_posterior(folder / FILES[1], result)
    data = summary(result, title, failed)
    write_atomic(folder / FILES[2], json.dumps(data, indent=1) + "\n")
    return list(data["answers"])


def _numbers(prior: Prior, shares: Values) -> Values:
    """Values of a parameter at shares of its prior, in its unit."""
    return np.array([prior.number(float(share)) for share in shares])


def _header(path: str, unit: str) -> str:
    return f"{path} ({unit})" if unit else path


def _written(unit: str) -> str:
    return read_unit(unit).written() if unit else ""


def _write_runs(file: Path, result: Result) -> None:
    heads = [_header(path, prior.unit) for path, prior in result.priors.items()]
    names = [_header(o.name, _written(KINDS[o.kind].unit)) for o in result.observables]
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = TableWriter(opened)
        writer.writerow(("wave", "point", "draw", *heads, *names))
        for number, wave in enumerate(result.waves, start=1):
            for k, point in enumerate(wave.points):
                values = [
                    prior.number(float(share))
                    for prior, share in zip(result.priors.values(), point, strict=True)
                ]
                for draw, found in enumerate(wave.runs[k], start=1):
                    cells = [f"{x:.10g}" for x in (*values, *found)]
                    writer.writerow((number, k + 1, draw, *cells))


def _write_posterior(file: Path, result: Result) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = TableWriter(opened)
        writer.writerow([_header(path, prior.unit) for path, prior in result.priors.items()])
        if result.posterior is not None:
            columns = [
                _numbers(prior, result.posterior.points[:, k])
                for k, prior in enumerate(result.priors.values())
            ]
            writer.writerows([f"{x:.10g}" for x in row] for row in zip(*columns, strict=True))


def summary(result: Result, title: str, failed: int) -> dict[str, Any]:
    """All that is said of a result, as plain data."""
    answers = []
    parameters: dict[str, Any] = {}
    shares: Values = np.linspace(0.0005, 0.9995, PRIOR_SAMPLES, dtype=np.float64)
    for k, (path, prior) in enumerate(result.priors.items()):
        before = _numbers(prior, shares)
        entry: dict[str, Any] = {"unit": prior.unit, "source": prior.source, "prior": _quantiles(before)}
        if result.posterior is not None:
            after = _numbers(prior, result.posterior.points[:, k])
            entry["posterior"] = _quantiles(after)
            entry["spread_left"] = _ratio(result.posterior.points[:, k])
            entry["spread_left_without"] = {
                o.name: _ratio(other.points[:, k])
                for o, other in zip(result.observables, result.without, strict=True)
            }
            low, middle, high = entry["posterior"]
            unit = entry["unit"]
            answers.append(f"{path}: {middle:.3g} ({low:.3g} to {high:.3g}, 90 %) {unit}".rstrip())
        parameters[path] = entry
    if result.posterior is None:
        answers = ["no value of the parameters agrees with all that was measured: every point is ruled out"]
    elif not result.posterior.long_enough:
        answers.append("the chains of the posterior are short against their memory: its tails are rough")
    return {
        "title": title,
        "answers": answers,
        "failed_runs": failed,
        "runs": int(np.prod(result.runs.shape[:2])),
        "waves": [{"points": len(wave.points), "share_left_before": wave.left} for wave in result.waves],
        "share_left": result.left,
        "chain_length_over_memory": None if result.posterior is None else result.posterior.steps,
        "parameters": parameters,
        "observables": _observables(result),
    }


def _observables(result: Result) -> dict[str, Any]:
    found = {}
    cube = np.random.default_rng(0).random((PRIOR_SAMPLES, len(result.priors)))
    for k, (observable, emulator) in enumerate(zip(result.observables, result.emulators, strict=True)):
        left_out = emulator.left_out
        entry: dict[str, Any] = {
            "kind": observable.kind,
            "unit": _written(KINDS[observable.kind].unit),
            "measured": observable.measured,
            "error": observable.error,
            "model_error": observable.model_error,
            "source": observable.source,
            "spread_over_voids": emulator.spread,
            "points_without_value": int(np.sum(~emulator.used)),
            "left_out_error": left_out.error,
            "left_out_within_two": left_out.within_two,
            "left_out": [
                [float(x) for x in row]
                for row in zip(left_out.actual, left_out.predicted, left_out.deviation, strict=True)
            ],
            "predicted_by_prior": _quantiles(emulator.predict(cube)[0]),
            "first_order": dict(zip(result.priors, map(float, result.first[k]), strict=True)),
            "total": dict(zip(result.priors, map(float, result.total[k]), strict=True)),
        }
        if result.posterior is not None:
            entry["predicted_by_posterior"] = _quantiles(emulator.predict(result.posterior.points)[0])
            entry["predicted_without_it"] = _quantiles(emulator.predict(result.without[k].points)[0])
        found[observable.name] = entry
    return found


def _quantiles(values: Sequence[float] | Values) -> list[float]:
    return [float(f"{x:.{DIGITS}g}") for x in np.quantile(values, SHARES)]


def _ratio(shares: Values) -> float:
    """Standard deviation in shares of the prior, over that of the prior (uniform there)."""
    return float(np.std(shares) * np.sqrt(12.0))
