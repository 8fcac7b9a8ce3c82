"""Figures of a study: quantities of interest and voltage curves over what varies."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from postprocess.canvas import axis_label, plt
from postprocess.quantities import QUANTITIES
from solver.case.units import split_quantity

if TYPE_CHECKING:
    from postprocess.study_table import StudyRow
    from solver.study.schema import Study

PLOTTED = ("voltage_last", "doubled_at", "contact_last", "focus_largest", "collapse_at", "coalesce_at")
"""Quantities that get a panel where they exist."""
MOST_LINES = 10
"""Lines (values of the second parameter) in one panel at most."""


def study_figures(study: Study, rows: Sequence[StudyRow]) -> list[tuple[str, bytes, bytes]]:
    """(caption, PNG, PDF) of every figure that makes sense for the study."""
    drawn = study_figure(study, rows)
    if drawn is None:
        return []
    figure, first = drawn
    picture, drawing = io.BytesIO(), io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    figure.savefig(drawing, format="pdf")
    plt.close(figure)
    return [(f"Quantities of interest over {first}", picture.getvalue(), drawing.getvalue())]


def study_figure(study: Study, rows: Sequence[StudyRow]) -> tuple[plt.Figure, str] | None:
    """Quantities of interest over what varies, and the path of that; None where nothing can be drawn."""
    numeric = [path for path in study.vary if _axis([row.values[path] for row in rows]) is not None]
    if study.method == "one-at-a-time" or not numeric:
        return None
    first = max(numeric, key=lambda path: len({row.values[path] for row in rows}))
    others = [path for path in study.vary if path != first]
    panels = [q for q in PLOTTED if any(not math.isnan(r.results.get(q, math.nan)) for r in rows)]
    if not panels:
        return None
    lines = list(dict.fromkeys(tuple(row.values[path] for path in others) for row in rows))
    scattered = study.method == "latin-hypercube" or len(lines) > MOST_LINES
    columns = min(3, len(panels))
    count = math.ceil(len(panels) / columns)
    figure, grid = plt.subplots(count, columns, figsize=(3.8 * columns, 3.0 * count), squeeze=False)
    for axes, quantity in zip(grid.flat, panels, strict=False):
        _panel(axes, rows, first, others, [()] if scattered else lines, quantity, scattered=scattered)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    if not scattered and others:
        grid.flat[0].legend(fontsize=6, frameon=False)
    figure.tight_layout()
    return figure, first


def _panel(
    axes: plt.Axes,
    rows: Sequence[StudyRow],
    first: str,
    others: Sequence[str],
    lines: Sequence[tuple[str, ...]],
    quantity: str,
    *,
    scattered: bool,
) -> None:
    unit = ""
    for line in lines:
        chosen = [r for r in rows if scattered or tuple(r.values[p] for p in others) == line]
        x, unit = _axis([r.values[first] for r in chosen]) or ([], "")
        y = [r.results.get(quantity, math.nan) for r in chosen]
        pairs = sorted(zip(x, y, strict=True))
        style = "o" if scattered else "o-"
        axes.plot(
            [p[0] for p in pairs],
            [p[1] for p in pairs],
            style,
            ms=3,
            label=", ".join(line).replace("$", r"\$"),
        )
        if x and min(x) > 0.0 and max(x) > 10.0 * min(x):
            axes.set_xscale("log")
    about = QUANTITIES[quantity]
    axes.set_xlabel(f"{first} ({unit})" if unit else first)
    axes.set_ylabel(axis_label(about))


def _axis(texts: Sequence[str]) -> tuple[list[float], str] | None:
    """Numbers and their unit, None if some text is no quantity or the units differ."""
    parsed = []
    for text in texts:
        try:
            parsed.append(split_quantity(text))
        except ValueError:
            return None
    units = {unit for _, unit in parsed}
    return ([number for number, _ in parsed], units.pop()) if len(units) == 1 else None
