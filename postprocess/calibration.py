"""Figures and the page of a calibration, from the files in its folder (solver/calibration/record.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from postprocess.canvas import COLOURS, plt, save, with_pdf
from postprocess.report import Figure, PageTable, Section, png, render

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = "calibration.html"
NAMES = ("design", "emulators", "posterior", "predictions")
FILES = (*with_pdf([f"{name}.png" for name in NAMES]), PAGE)
"""All that is drawn and written here."""
Summary = dict[str, Any]


def read_summary(folder: Path) -> Summary:
    """``calibration.json`` of a folder; raises OSError if there is none, ValueError if it is damaged."""
    found: Summary = json.loads((folder / "calibration.json").read_text(encoding="utf-8"))
    return found


def draw(folder: Path) -> list[Path]:
    """Write all figures of a calibration; returns the pictures."""
    names = [name for name in NAMES if name != "posterior" or len(_samples(folder))]
    return [save(figure(folder, name), folder / f"{name}.png") for name in names]


def figure(folder: Path, name: str) -> plt.Figure:
    """One of the figures of a calibration.

    Args:
        folder: of the calibration.
        name: design, emulators, posterior or predictions.

    Raises:
        ValueError: if there is no such figure, or no posterior.
    """
    data = read_summary(folder)
    if name == "design":
        runs = pd.read_csv(folder / "runs.csv")
        parameters = [column for column in runs.columns if column.split(" (")[0] in data["parameters"]]
        return _pairs(runs[parameters], runs["wave"].to_numpy(), name)
    if name == "posterior" and len(samples := _samples(folder)):
        return _pairs(samples, None, name)
    if name in (drawn := {"emulators": _emulators, "predictions": _predictions}):
        return drawn[name](data)
    raise ValueError(f"no figure '{name}': there are {', '.join(NAMES)}, the posterior if there is one")


def _samples(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "posterior.csv")


def write_page(folder: Path) -> Path:
    """Write ``calibration.html`` beside the figures; returns it."""
    data = read_summary(folder)
    pictures = {
        "design.png": "Design: the values of all runs, by wave",
        "emulators.png": "Emulators: every point left out once, predicted from all others, against its runs; "
        "bars are two standard deviations",
        "posterior.png": "Posterior: samples of pairs of parameters, and of each alone",
        "predictions.png": "Predictions (90 %) of the prior, of all other observables, and of all, beside "
        "what was measured (two standard deviations of its error, and of that with the model's)",
    }
    figures = [
        Figure(png(folder / name), text) for name, text in pictures.items() if (folder / name).is_file()
    ]
    sections = [
        Section("Answers", tables=[PageTable([[line] for line in data["answers"]])]),
        Section("Parameters", tables=[_parameter_table(data)]),
        Section("Which observation moved which parameter", _MOVED, tables=[_moved_table(data)]),
        Section("Observables", _OBSERVED, tables=[_observable_table(data)]),
        Section("What the observables hang on", _INDICES, tables=[_index_table(data)]),
        Section("Figures", figures=figures),
    ]
    page = render(data["title"] or folder.name, _words(data), sections)
    (folder / PAGE).write_text(page, encoding="utf-8")
    return folder / PAGE


_MOVED = (
    "Standard deviation of the posterior over that of the prior, in shares of the prior: 1 has learnt "
    "nothing. Then the same without one of the observables; where that is larger, it has moved the parameter."
)
_OBSERVED = (
    "Errors are one standard deviation. An emulator's error is that of points left out, over the spread of "
    "all: 1 says nothing. Within two: share of them within two standard deviations (0.95 if it knows itself)."
)
_INDICES = (
    "Total Sobol indices over the prior: share of an observable's variance that a parameter has a part in."
)


def _words(data: Summary) -> str:
    waves = ", ".join(f"{wave['points']}" for wave in data["waves"])
    return (
        f"{data['runs']} runs ({waves} points in waves), {data['failed_runs']} failed; "
        f"{100.0 * data['share_left']:.3g} % of the prior is not ruled out"
    )


def _parameter_table(data: Summary) -> PageTable:
    rows = []
    for path, entry in data["parameters"].items():
        after = entry.get("posterior", [""] * 3)
        rows.append([path, entry["unit"], *entry["prior"], *after, entry["source"]])
    head = (
        "parameter",
        "unit",
        *(f"{kind} {share} %" for kind in ("prior", "posterior") for share in (5, 50, 95)),
    )
    return PageTable(rows, (*head, "source of the prior"))


def _moved_table(data: Summary) -> PageTable:
    rows = [
        [path, entry.get("spread_left", ""), *entry.get("spread_left_without", {}).values()]
        for path, entry in data["parameters"].items()
    ]
    return PageTable(rows, ("parameter", "with all", *(f"without {name}" for name in data["observables"])))


def _observable_table(data: Summary) -> PageTable:
    keys = (
        *("kind", "unit", "measured", "error", "model_error", "spread_over_voids", "points_without_value"),
        *("left_out_error", "left_out_within_two", "source"),
    )
    rows = [[name, *(entry[key] for key in keys)] for name, entry in data["observables"].items()]
    return PageTable(rows, ("observable", *(key.replace("_", " ") for key in keys)))


def _index_table(data: Summary) -> PageTable:
    rows = [[name, *entry["total"].values()] for name, entry in data["observables"].items()]
    return PageTable(rows, ("observable", *data["parameters"]))


def _pairs(table: pd.DataFrame, waves: np.ndarray | None, name: str) -> plt.Figure:  # type: ignore[type-arg]
    """Points of pairs of columns below the diagonal, histograms on it."""
    count = len(table.columns)
    size = 2.1 * count + 0.8
    figure, grid = plt.subplots(count, count, figsize=(size, size), squeeze=False)
    logs = [_spans_decades(table[column].to_numpy()) for column in table.columns]
    for row in range(count):
        for column in range(count):
            axes, x = grid[row, column], table.iloc[:, column].to_numpy()
            if column > row:
                axes.set_visible(False)
                continue
            if logs[column]:
                axes.set_xscale("log")
            if column == row:
                edges = (
                    np.geomspace(x.min(), x.max(), 25) if logs[column] else np.linspace(x.min(), x.max(), 25)
                )
                axes.hist(x, bins=edges if x.max() > x.min() else 10, color=COLOURS[0])
                axes.set_yticks([])
            else:
                y = table.iloc[:, row].to_numpy()
                if logs[row]:
                    axes.set_yscale("log")
                for k, (here, label) in enumerate(_groups(waves)):
                    axes.plot(x[here], y[here], ".", ms=4.0 if label else 2.0, color=COLOURS[k], label=label)
            if row == count - 1:
                axes.set_xlabel(_short(table.columns[column]), fontsize=7)
            if column == 0 and row > 0:
                axes.set_ylabel(_short(table.columns[row]), fontsize=7)
    if waves is not None and count > 1:
        grid[1, 0].legend()
    figure.suptitle(name.capitalize(), fontsize=9)
    return figure


def _groups(waves: np.ndarray | None) -> list[tuple[Any, str | None]]:  # type: ignore[type-arg]
    """(which rows, label) of each wave, of all without waves."""
    if waves is None:
        return [(slice(None), None)]
    return [(waves == wave, f"wave {wave}") for wave in sorted(set(waves))]


def _short(header: str) -> str:
    """A path with its unit, broken where it is long."""
    path, _, unit = header.partition(" (")
    section, _, key = path.rpartition(".")
    return f"{section}\n.{key}" + (f" ({unit}" if unit else "")


def _spans_decades(values: np.ndarray) -> bool:  # type: ignore[type-arg]
    return bool(values.min() > 0.0 and values.max() > 20.0 * values.min())


def _emulators(data: Summary) -> plt.Figure:
    observables: Mapping[str, Any] = data["observables"]
    figure, grid = plt.subplots(1, len(observables), figsize=(3.4 * len(observables), 3.4), squeeze=False)
    for axes, (name, entry) in zip(grid[0], observables.items(), strict=True):
        actual, predicted, deviation = np.array(entry["left_out"]).T
        axes.errorbar(actual, predicted, yerr=2.0 * deviation, fmt=".", ms=4, lw=0.6, color=COLOURS[0])
        ends = [min(actual.min(), predicted.min()), max(actual.max(), predicted.max())]
        axes.plot(ends, ends, "k", lw=0.8)
        unit = f" ({entry['unit']})" if entry["unit"] else ""
        axes.set_xlabel(f"Runs{unit}")
        axes.set_ylabel(f"Predicted without them{unit}")
        axes.set_title(f"{name}: error {entry['left_out_error']:.2g}", parse_math=False)
    return figure


def _predictions(data: Summary) -> plt.Figure:
    observables: Mapping[str, Any] = data["observables"]
    figure, grid = plt.subplots(1, len(observables), figsize=(2.6 * len(observables), 3.2), squeeze=False)
    kinds = {"prior": "predicted_by_prior", "others": "predicted_without_it", "all": "predicted_by_posterior"}
    for axes, (name, entry) in zip(grid[0], observables.items(), strict=True):
        shown = [(label, entry[key]) for label, key in kinds.items() if key in entry]
        for k, (_, (low, middle, high)) in enumerate(shown):
            axes.errorbar(
                [k],
                [middle],
                yerr=[[middle - low], [high - middle]],
                fmt="o",
                ms=4,
                capsize=4,
                color=COLOURS[k],
            )
        total = float(np.hypot(entry["error"], entry["model_error"]))
        for deviation, shade in ((total, "0.88"), (entry["error"], "0.75")):
            axes.axhspan(
                entry["measured"] - 2.0 * deviation,
                entry["measured"] + 2.0 * deviation,
                color=shade,
                zorder=0,
            )
        axes.axhline(entry["measured"], color="k", lw=0.8)
        axes.set_xticks(range(len(shown)), [label for label, _ in shown])
        axes.set_xlim(-0.5, len(shown) - 0.5)
        axes.set_title(name, parse_math=False)
        axes.set_ylabel(entry["unit"])
    return figure
