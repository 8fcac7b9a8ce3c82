"""``livoid view``: a run in a browser, with a slider over its outputs; one file that needs no network.

Fields and lines of each output are a frame of a plotly figure: zoom, values under the pointer, play.
plotly's own JavaScript
is written into the page, so that it opens wherever a browser is, now and in years.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
import pyvista as pv
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from postprocess import cross_section
from postprocess.canvas import COLOURS, axis_label, stretch
from postprocess.cross_section import ELECTROLYTE, METAL
from postprocess.moments import moment_caption, telling
from postprocess.plots import broken, field_window
from postprocess.records import RecordsError, read_run
from solver.output.rows import InterfaceRow, SeriesRow
from solver.output.shown_fields import SHOWN_FIELDS

if TYPE_CHECKING:
    from pathlib import Path

    from postprocess.records import RunRecords

MOST_FRAMES = 120
"""Outputs in a page at most: beyond that, those between which the most happens."""
ACROSS = 240
"""Points of the shown fields along x."""
SAME = 1e-6
"""Relative difference of two times that are the same."""
HEIGHT, FONT = 1000, 11
"""Pixels: of the page's figure, and of its letters, with which the labels of its axes fit beside them."""
ROOM = 0.05
"""Share of its range that an axis has beyond either end."""
LINES = ("current_mA_cm2", "pressure_MPa")
CURVES = ("voltage_V", "contact_fraction")
SCALES = {METAL: "Viridis", ELECTROLYTE: "Inferno"}

Trace = Any
"""A trace of plotly."""


def view(folder: Path, target: Path) -> Path:
    """Write the page of a run; returns it.

    Raises:
        RecordsError: if the folder holds no run, or one without any output along the interface.
    """
    run = read_run(folder)
    if not run.outputs():
        raise RecordsError(f"{folder} has no outputs to view")
    page = figure(run).to_html(include_plotlyjs=True, full_html=True, auto_play=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")
    return target


def figure(run: RunRecords) -> go.Figure:
    """Fields, lines along the interface and curves of a run, with a slider over its outputs."""
    outputs = run.outputs()
    chosen = [outputs[k] for k in telling(run, [run.time_of(output) for output in outputs], MOST_FRAMES)]
    shown = make_subplots(
        rows=3,
        cols=2,
        specs=[[{"colspan": 2}, None], [{}, {}], [{}, {}]],
        row_heights=[0.44, 0.28, 0.28],
        vertical_spacing=0.1,
    )
    fields = _Fields(run) if run.fields else None
    frames = [_moving(run, output, fields) for output in chosen]
    for trace, (row, column) in frames[0]:
        shown.add_trace(trace, row=row, col=column)
    moving = list(range(len(frames[0])))
    for column, name in enumerate(CURVES, 1):
        style = {"mode": "lines", "line": {"color": COLOURS[0]}, "showlegend": False}
        shown.add_trace(
            go.Scatter(x=run.series["capacity_mAh_cm2"], y=run.series[name], **style), row=3, col=column
        )
    names = [moment_caption(run, run.time_of(output)) for output in chosen]
    shown.frames = [
        go.Frame(name=str(output), data=[trace for trace, _ in frame], traces=moving)
        for output, frame in zip(chosen, frames, strict=True)
    ]
    _lay_out(shown, run, [str(output) for output in chosen], names)
    return shown


class _Fields:
    """Fields of the outputs on a grid of points, with the same colours throughout."""

    def __init__(self, run: RunRecords) -> None:
        self.fields = run.fields
        self.place = cross_section.plane_of(run.fields[0][1])
        left, right, bottom, top = field_window(run, run.outputs()[0], mirrored=False)
        step = (right - left) / ACROSS
        self.x = np.arange(left, right, step) + 0.5 * step
        low = step / stretch(right - left)
        self.heights = {
            METAL: np.arange(0.5 * low, top, low),
            ELECTROLYTE: np.arange(bottom, 0.0, low)[: int(-bottom / low)] + 0.5 * low,
        }
        window = (left, right, bottom, top)
        self.names = {
            METAL: "solute_fraction" if run.is_alloy() else "supersaturation",
            ELECTROLYTE: "current_density",
        }
        picks = telling(run, [time for time, _ in run.fields], 5)
        read = [cross_section.read_section(run.fields[k][1], self.place) for k in picks]
        self.ends = {
            region: cross_section.limits(
                [cross_section.part(section, region, name) for section in read], window
            )
            for region, name in self.names.items()
        }

    def traces(self, seconds: float) -> list[Trace]:
        """A map of each region at an output; nothing where there is no metal."""
        section = self._section(seconds)
        made = []
        for bar, (region, name) in enumerate(self.names.items()):
            # a map without values would leave that of the output before on the screen
            nothing = np.full((len(self.heights[region]), len(self.x)), np.nan, dtype=np.float32)
            values = nothing if section is None else self._values(section, region, name)
            low, high = self.ends[region]
            about, hover = SHOWN_FIELDS[name], "x %{x:.3g} um, height %{y:.3g} um"
            place = {"len": 0.5, "y": 0.76, "x": 1.01 + 0.09 * bar, "thickness": 12}
            made.append(
                go.Heatmap(
                    x=self.x, y=self.heights[region], z=values, zmin=low, zmax=high,
                    colorscale=SCALES[region],
                    colorbar={"title": {"text": axis_label(about), "side": "right"}, **place},
                    hovertemplate=hover + f"<br>{about.name} %{{z:.4g}} {about.unit}<extra></extra>",
                )
            )  # fmt: skip
        return made

    def _section(self, seconds: float) -> pv.DataSet | None:
        """The fields of the output at a time, which tables have with fewer digits; None if there are none."""
        time, file = min(self.fields, key=lambda entry: abs(entry[0] - seconds))
        same = abs(time - seconds) <= SAME * max(abs(seconds), abs(time))
        return cross_section.read_section(file, self.place) if same else None

    def _values(self, section: pv.DataSet, region: int, name: str) -> NDArray[np.float32]:
        part = cross_section.part(section, region, name)
        flat = np.column_stack([part.points, np.zeros(len(part.points))])
        mesh = pv.PolyData.from_regular_faces(flat, part.triangles)
        mesh.point_data["shown"] = part.values
        grid = np.meshgrid(self.x, self.heights[region])
        points = pv.PolyData(np.column_stack([grid[0].ravel(), grid[1].ravel(), np.zeros(grid[0].size)]))
        probed = points.sample(mesh, tolerance=1e-6 * float(self.x[-1]))
        inside = np.asarray(probed.point_data["vtkValidPointMask"], dtype=bool)
        values = np.where(inside, np.asarray(probed.point_data["shown"], dtype=float), np.nan)
        return values.reshape(grid[0].shape).astype(np.float32)


def _moving(run: RunRecords, output: int, fields: _Fields | None) -> list[tuple[Trace, tuple[int, int]]]:
    """What differs between outputs, each with its (row, column); the same number at every output."""
    seconds = run.time_of(output)
    made: list[tuple[Trace, tuple[int, int]]] = (
        [(t, (1, 1)) for t in fields.traces(seconds)] if fields else []
    )
    made.append((_roofs(run, output), (1, 1)))
    voids = [] if run.is_solid() else run.void_spans(output)
    for column, name in enumerate(LINES, 1):
        x, values = run.contact(output, name)
        if not run.is_solid():
            x, values = broken(x, values, voids)
        style = {"mode": "markers" if run.is_solid() else "lines", "marker": {"size": 3}, "showlegend": False}
        line = go.Scatter(x=x, y=values, connectgaps=False, line={"color": COLOURS[0]}, **style)
        made.append((line, (2, column)))
    times = run.series["time_s"].astype(float)
    now = float(np.interp(seconds, times, run.series["capacity_mAh_cm2"].astype(float)))
    for column, name in enumerate(CURVES, 1):
        value = float(np.interp(seconds, times, run.series[name].astype(float)))
        dot = {
            "mode": "markers",
            "cliponaxis": False,
            "marker": {"color": COLOURS[1], "size": 9},
            "showlegend": False,
        }
        made.append((go.Scatter(x=[now], y=[value], **dot), (3, column)))
    return made


def _roofs(run: RunRecords, output: int) -> Trace:
    """Outlines of the voids, in 3-D their extents on the interface."""
    style = {
        "mode": "lines",
        "line": {"color": "black", "width": 1.5},
        "showlegend": False,
        "hoverinfo": "skip",
    }
    if run.is_solid():
        return go.Scatter(x=[], y=[], **style)
    spans, points = run.void_spans(output), run.roofs(output)
    gap = np.array([[np.nan, np.nan]])
    pieces = [gap]
    for left, right in spans:
        inside = (points[:, 0] >= left - 1e-9) & (points[:, 0] <= right + 1e-9)
        pieces += [points[inside], gap]
    joined = np.vstack(pieces)
    return go.Scatter(x=joined[:, 0], y=joined[:, 1], **style)


def _lay_out(shown: go.Figure, run: RunRecords, keys: list[str], names: list[str]) -> None:
    """Axes, the slider over the outputs, and the buttons that play them."""
    jump = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    play = jump | {"frame": {"duration": 250, "redraw": True}, "fromcurrent": True}
    steps = [
        {"method": "animate", "label": name, "args": [[key], jump]}
        for key, name in zip(keys, names, strict=True)
    ]
    buttons = [
        {"label": "play", "method": "animate", "args": [None, play]},
        {"label": "pause", "method": "animate", "args": [[None], jump]},
    ]
    shown.update_layout(
        title={"text": f"{run.folder.name}: {run.manifest.get('message', '')}".replace("<", "&lt;")},
        template="simple_white",
        height=HEIGHT,
        font_size=FONT,
        sliders=[
            {
                "steps": steps,
                "currentvalue": {"prefix": "At "},
                "pad": {"t": 70},
                "ticklen": 0,
                "minorticklen": 0,
            }
        ],
        updatemenus=[
            {
                "type": "buttons",
                "direction": "left",
                "buttons": buttons,
                "x": 1.02,
                "y": 0.0,
                "xanchor": "left",
            }
        ],
    )
    for row, column in ((1, 1), (2, 1), (2, 2)):
        shown.update_xaxes(title_text="x (um)", row=row, col=column)
    width = float(run.interface["x_um"].max())
    times = stretch(width)
    about = "Height (um)" if times == 1.0 else f"Height (um), times {times:g}"
    shown.update_yaxes(title_text=about, scaleanchor="x", scaleratio=times, row=1, col=1)
    for column, (line, curve) in enumerate(zip(LINES, CURVES, strict=True), 1):
        values = run.interface[line][run.interface["part"] == "contact"].astype(float)
        shown.update_yaxes(title_text=_label(InterfaceRow, line), range=_range(values), row=2, col=column)
        shown.update_xaxes(title_text=_label(SeriesRow, "capacity_mAh_cm2"), row=3, col=column)
        shown.update_yaxes(title_text=_label(SeriesRow, curve), row=3, col=column)
    for place in ((1, 1), (2, 1), (2, 2)):
        shown.update_xaxes(range=[0.0, width], constrain="domain", row=place[0], col=place[1])


def _range(values: NDArray[np.float64]) -> list[float]:
    """Ends of an axis that is the same for all outputs."""
    low, high = min(0.0, float(values.min(initial=0.0))), max(0.0, float(values.max(initial=0.0)))
    room = ROOM * (high - low) if high > low else 1.0
    return [low - room, high + room]


def _label(row: Any, name: str) -> str:
    return axis_label(row.columns()[name])
