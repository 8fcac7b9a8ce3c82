"""Tables and figures of `livoid critical`."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from postprocess.plots import plt
from solver.predictions.critical import Crossing, Trial

Instant = tuple[list[Crossing], list[Trial], str]
Evolved = tuple[list[Crossing], list[Trial]]
MapRow = tuple[float, float, float, str]
COLOURS = {"closes": "C3", "shrinks": "C3", "meets": "C0", "grows": "C0", "stays": "0.5", "fails": "k"}


def sentence(crossings: Sequence[Crossing], everywhere: str, what: str) -> list[str]:
    """The answer in words: each crossing with its uncertainties, or what happens at every size."""
    if not crossings:
        return [f"{what}: none, every size {everywhere}"]
    lines = []
    for c in crossings:
        mesh = "not found on the coarse mesh" if math.isnan(c.mesh) else f"mesh {c.mesh:.2g}"
        lines.append(
            f"{what}: half-width {c.half_width:.4g} um (bisection +-{c.bisection:.2g}, {mesh}); "
            f"smaller ones: {c.below}, larger ones: {c.above}"
        )
    return lines


def fates(trials: Sequence[Trial]) -> str:
    """The fates of all sizes of the coarse mesh, for a study without a crossing."""
    return " or ".join(sorted({t.fate for t in trials if t.mesh == "coarse"}))


def extremes(trials: Sequence[Trial]) -> dict[str, float | None]:
    """Smallest seed that was closed and largest one that coalesced (half-widths, um)."""
    closed = [t.half_width for t in trials if t.fate == "closes"]
    met = [t.half_width for t in trials if t.fate == "meets"]
    return {"smallest_closed_um": min(closed, default=None), "largest_coalesced_um": max(met, default=None)}


def write_sizes(
    folder: Path,
    instant: tuple[list[Crossing], list[Trial], str],
    evolved: tuple[list[Crossing], list[Trial]],
) -> list[str]:
    """Write ``critical.csv`` (all trials) and ``critical.json``; returns the answers in words."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "critical.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("kind", "half_width_um", "mesh", "fate", "detail"))
        for kind, trials in (("instant", instant[1]), ("evolution", evolved[1])):
            for t in sorted(trials, key=lambda t: (t.mesh, t.half_width)):
                writer.writerow((kind, f"{t.half_width:.8g}", t.mesh, t.fate, t.detail))
    lines = sentence(instant[0], instant[2], "neutral size at the first instant")
    if evolved[1]:
        lines += sentence(evolved[0], fates(evolved[1]), "critical size by evolution")
        ends = extremes(evolved[1])
        lines += [f"{name}: {'none' if value is None else f'{value:.4g}'}" for name, value in ends.items()]
    data = {
        "instant": [asdict(c) for c in instant[0]],
        "evolution": [asdict(c) for c in evolved[0]],
        **extremes(evolved[1]),
        "answers": lines,
    }
    (folder / "critical.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    _plot_sizes(folder / "critical.png", instant, evolved)
    return lines


def _plot_sizes(
    target: Path,
    instant: tuple[list[Crossing], list[Trial], str],
    evolved: tuple[list[Crossing], list[Trial]],
) -> None:
    figure, axes = plt.subplots(figsize=(6.4, 2.6))
    rows = [("at the first instant", instant[1], instant[0]), ("by evolution", evolved[1], evolved[0])]
    seen: set[str] = set()
    for height, (_, trials, found) in enumerate(rows):
        for t in trials:
            y = height + (0.15 if t.mesh == "fine" else -0.15)
            label = None if t.fate in seen else t.fate
            seen.add(t.fate)
            axes.plot(t.half_width, y, "o", color=COLOURS[t.fate], ms=5, label=label)
        for c in found:
            axes.axvline(c.half_width, ymin=0.5 * height, ymax=0.5 * (height + 1), color="k", lw=0.8)
    axes.set_yticks([0, 1], [name for name, *_ in rows])
    axes.set_ylim(-0.5, 1.5)
    axes.set_xscale("log")
    axes.set_xlabel("half-width of the void (um); upper dots of each row: finer mesh")
    axes.legend(fontsize=7, frameon=False, ncols=3, loc="upper left")
    figure.tight_layout()
    figure.savefig(target, dpi=130)
    plt.close(figure)


def write_map(folder: Path, rows: Sequence[MapRow], largest: float, smallest: float) -> None:
    """Write ``map.csv`` and ``map.png``: neutral half-width over pressure for each current."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "map.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("pressure_MPa", "current_mA_cm2", "neutral_half_width_um", "everywhere"))
        writer.writerows((p, i, f"{a:.6g}", text) for p, i, a, text in rows)
    figure, axes = plt.subplots(figsize=(6.0, 4.2))
    for k, current in enumerate(sorted({row[1] for row in rows})):
        chosen = [row for row in rows if row[1] == current]
        found = [(p, a) for p, _, a, _ in chosen if not math.isnan(a)]
        colour = f"C{k}"
        axes.plot(
            [p for p, _ in found], [a for _, a in found], f"{colour}o-", ms=3, label=f"{current:g} mA/cm2"
        )
        for p, _, a, text in chosen:
            if math.isnan(a):
                edge, marker = (largest, "^") if text == "grows" else (smallest, "v")
                axes.plot(p, edge, colour, marker=marker, ms=6, mfc="none", ls="none")
    axes.axhspan(largest, 1.2 * largest, color="0.9", lw=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("stack pressure (MPa)")
    axes.set_ylabel("neutral half-width (um)")
    axes.set_title("triangles: up, every void that fits grows; down, every void shrinks", fontsize=8)
    axes.legend(fontsize=7, frameon=False)
    figure.tight_layout()
    figure.savefig(folder / "map.png", dpi=130)
    plt.close(figure)
