"""`livoid report`: one self-contained HTML page of a run or a study."""

from __future__ import annotations

import base64
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from postprocess.plots import ABOUT, plot_run
from postprocess.quantities import QUANTITIES, quantities
from postprocess.records import RecordsError, read_run
from postprocess.sensitivity import sensitivities
from postprocess.study_columns import labelled
from postprocess.study_plots import study_figures
from postprocess.study_table import read_study, varied_columns
from solver.output.rows import EventRow, SeriesRow

if TYPE_CHECKING:
    from postprocess.records import RunRecords
    from postprocess.study_table import StudyRow
    from solver.study.schema import Study

TEMPLATE = Path(__file__).with_name("report.html.j2")
SHOWN_EVENTS = 200
"""Events listed at most; the others are in events.csv."""


@dataclass(frozen=True)
class PageTable:
    """Rows of cells; numbers are shown with five digits."""

    rows: Sequence[Sequence[Any]]
    head: Sequence[str] = ()


@dataclass(frozen=True)
class Figure:
    """A PNG picture, base64, and its caption; the same as a PDF, base64, where no file has it."""

    data: str
    caption: str
    pdf: str = ""


@dataclass
class Section:
    """A part of the page."""

    title: str
    text: str = ""
    figures: list[Figure] = field(default_factory=list)
    tables: list[PageTable] = field(default_factory=list)


def report(folder: Path, out: Path | None = None, view: Path | None = None) -> Path:
    """Write the page of a run or study folder (default FOLDER/report.html).

    Args:
        folder: of the run or study.
        out: the page.
        view: interactive page in the same folder that the page of a run leads to.

    Raises:
        RecordsError: if the folder is neither.
    """
    study = (folder / "study.toml").is_file()
    title, summary, sections = _study_page(folder) if study else _run_page(folder)
    target = out or folder / "report.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    page = render(title, summary, sections, view.name if view else "")
    target.write_text(page, encoding="utf-8")
    return target


def render(title: str, summary: str, sections: Sequence[Section], view: str = "") -> str:
    """A page of its parts, as HTML.

    Args:
        title: of the page.
        summary: a line below it.
        sections: in order.
        view: interactive page in the same folder that it leads to, if there is one.
    """
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(title=title, summary=summary, sections=sections, view=view)


def _run_page(folder: Path) -> tuple[str, str, list[Section]]:
    run = read_run(folder)
    case = _read_case(folder / "case.toml")
    m = run.manifest
    ended = f"{m.get('status', 'unknown')}: {m.get('message', 'not ended')}"
    numbers = f"{len(run.series['step'])} recorded steps, {float(run.series['time_s'][-1]):.4g} s simulated"
    pictures = [Figure(png(file), ABOUT[file.stem]) for file in plot_run(folder)]
    sections = [
        Section("Figures", figures=pictures),
        Section("Quantities of interest", tables=[_quantity_table(quantities(run))]),
        _events(run),
        _conservation(run),
        Section(
            "Case", tables=[PageTable(list(_flat(case, skip=("resolved_material",))), ("path", "value"))]
        ),
        _materials(case),
        _groups(m),
        Section(
            "Versions", tables=[PageTable([(k, v) for k, v in m.items() if not isinstance(v, (dict, list))])]
        ),
    ]
    return str(case.get("title") or folder.name), f"{ended} ({numbers})", sections


def _study_page(folder: Path) -> tuple[str, str, list[Section]]:
    study, rows = read_study(folder)
    counts = {state: sum(row.status == state for row in rows) for state in sorted({r.status for r in rows})}
    summary = f"{len(rows)} runs: " + ", ".join(f"{n} {state}" for state, n in counts.items())
    sections = [
        Section(
            "Figures",
            figures=[
                Figure(_encoded(png), caption, _encoded(pdf))
                for caption, png, pdf in study_figures(study, rows)
            ],
        ),
        Section("Runs", tables=[_run_table(study, rows)]),
    ]
    if study.method == "one-at-a-time":
        sections.insert(1, _sensitivity(rows))
    base = next((row for row in rows if (folder / "runs" / row.name / "case.toml").is_file()), None)
    if base is not None:
        case = _read_case(folder / "runs" / base.name / "case.toml")
        text = f"Of {base.name}; the other runs differ from it by what the table above lists."
        flat = PageTable(list(_flat(case, skip=("resolved_material",))), ("path", "value"))
        sections += [Section("Case", text, tables=[flat]), _materials(case)]
        worst = [
            (name, max((row.results.get(name, 0.0) for row in rows if row.results), default=math.nan))
            for name in ("charge_error", "lithium_error", "volume_error")
        ]
        sections.append(
            Section(
                "Conservation", "Largest relative error of a step over all runs.", tables=[PageTable(worst)]
            )
        )
        manifest = read_run(folder / "runs" / base.name).manifest
        versions = [(k, v) for k, v in manifest.items() if not isinstance(v, (dict, list))]
        sections.append(Section("Versions", f"Of {base.name}.", tables=[PageTable(versions)]))
    return study.title or folder.name, summary, sections


def _quantity_table(values: Mapping[str, float]) -> PageTable:
    rows = [
        (about.description, values[name] if not math.isnan(values[name]) else "does not happen", about.unit)
        for name, about in QUANTITIES.items()
    ]
    return PageTable(rows, ("quantity", "value", "unit"))


def _events(run: RunRecords) -> Section:
    text = "" if run.events else "None."
    if len(run.events) > SHOWN_EVENTS:
        text = f"The first {SHOWN_EVENTS} of {len(run.events)}; the others are in events.csv."
    head = [column.label for column in EventRow.columns().values()] if run.events else []
    return Section(
        "Events", text, tables=[PageTable([list(e.values()) for e in run.events[:SHOWN_EVENTS]], head)]
    )


def _conservation(run: RunRecords) -> Section:
    names = [n for n in ("charge_error", "lithium_error", "volume_error", "solute_error") if n in run.series]
    rows = [(SeriesRow.columns()[name].name, float(run.series[name].max())) for name in names]
    return Section(
        "Conservation", "Largest relative error of a step.", tables=[PageTable(rows, ("balance", "error"))]
    )


def _groups(manifest: Mapping[str, Any]) -> Section:
    rows = list(manifest.get("groups", {}).items())
    rows += [("Z_vac (ohm cm2)", value) for value in [manifest.get("Z_vac_ohm_cm2")] if value]
    text = "Of the largest seeded void (docs/model.md 7)." if rows else "Not recorded."
    return Section("Dimensionless groups", text, tables=[PageTable(rows, ("group", "value"))])


def _materials(case: Mapping[str, Any]) -> Section:
    rows = []
    for kind, material in case.get("resolved_material", {}).items():
        for name, entry in material.items():
            if isinstance(entry, Mapping) and "source" in entry:
                value = entry.get("value", "")
                ends = " to ".join(map(str, entry.get("range", ())))
                rows.append((f"{kind}.{name}", str(value), ends, entry.get("status", ""), entry["source"]))
    head = ("parameter", "value", "range", "status", "source")
    return Section("Parameters and their sources", tables=[PageTable(rows, head)])


def _sensitivity(rows: Sequence[StudyRow]) -> Section:
    table = [
        (
            s.quantity,
            rank,
            s.path,
            s.base if not math.isnan(s.base) else "does not happen",
            s.least,
            s.most,
            s.swing if math.isfinite(s.swing) else "happens for some values only" if s.appears else "-",
        )
        for found in sensitivities(rows).values()
        for rank, s in enumerate(found, 1)
    ]
    head = ("quantity", "rank", "parameter", "base", "least", "most", "swing / |base|")
    text = "One parameter at a time, the others as in the case; the most important first."
    return Section("Sensitivities", text, tables=[PageTable(table, head)])


def _run_table(study: Study, rows: Sequence[StudyRow]) -> PageTable:
    chosen = [name for name in QUANTITIES if any(not math.isnan(r.results.get(name, math.nan)) for r in rows)]
    varied = varied_columns(study, rows)
    head = ("run", *(labelled(each.path, each.unit) for each in varied), "status")
    head += (*(labelled(name, QUANTITIES[name].unit) for name in chosen), "reason")
    body = []
    for row, *values in zip(rows, *(each.values for each in varied), strict=True):
        numbers = [*values, row.status, *(row.results.get(name, math.nan) for name in chosen)]
        shown = ["" if isinstance(n, float) and math.isnan(n) else n for n in numbers]
        body.append((row.name, *shown, row.reason))
    return PageTable(body, head)


def _flat(data: Mapping[str, Any], path: str = "", skip: Sequence[str] = ()) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in data.items():
        if key in skip:
            continue
        here = f"{path}{key}"
        if isinstance(value, Mapping):
            rows += _flat(value, f"{here}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for k, item in enumerate(value):
                rows += _flat(item, f"{here}.{k}.")
        else:
            rows.append((here, value if isinstance(value, str) else str(value)))
    return rows


def _read_case(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise RecordsError(f"{path}: {error}") from None


def png(path: Path) -> str:
    """A picture as the data of a :class:`Figure`."""
    return _encoded(path.read_bytes())


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
