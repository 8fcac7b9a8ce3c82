"""Figures of one run: ``livoid plot RUN``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from postprocess.canvas import (
    axis_label,
    caption,
    colours_over,
    log_axes,
    plt,
    save,
    shade_voids,
    stretch,
    with_pdf,
)
from postprocess.moments import moment_caption, moment_label, telling
from postprocess.records import read_run
from solver.output.rows import InterfaceRow, PlatedThicknessRow, ProfileRow, SeriesRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from postprocess.records import RunRecords

Values = NDArray[np.float64]
MILLI = 1e3
MAX_SHAPES = 12
MAX_PROFILES, MAX_MOMENTS, MAX_FIELDS = 8, 4, 3
"""Moments of a run that profiles over the height, figures along the interface, and fields show at most."""
SHARES = ("ohmic_V", "constriction_V", "charge_transfer_V", "vacancy_V", "composition_V", "pressure_V")
"""Columns of ``series.csv`` that add up to the overpotential."""
PANEL_INCHES = 4.2
"""Width of a panel of fields."""
VARIES = 1e-6
"""Relative change of a pressure from which it is shown."""
ABOUT = {
    "history": "Overpotential and its shares, contact, growth of the voids and focusing of the current over "
    "capacity",
    "shape": "Outlines of the voids over capacity",
    "interface": "Along the interface at moments between which the most happens; grey: under a void",
    "composition": "Composition and vacancies over the height at the right side; the largest over capacity",
    "deposit": "Thickness of the plated metal along the interface",
    "fields": "Vacancy supersaturation (and composition) in the metal, current density in the electrolyte",
}
"""What each figure of a run shows."""
FIGURES = with_pdf([f"{name}.png" for name in ABOUT])
"""Names of all figures; those are made for which a run has records."""
CAPACITY = axis_label(SeriesRow.columns()["capacity_mAh_cm2"])


def plot_run(folder: Path) -> list[Path]:
    """Write ``figures/*.png`` of a run, each with a PDF beside it; returns the paths of the pictures.

    Raises:
        RecordsError: if the folder holds no run.
    """
    run = read_run(folder)
    target = folder / "figures"
    target.mkdir(exist_ok=True)
    return [save(draw(run), target / f"{name}.png") for name, draw in drawings(run).items()]


def drawings(run: RunRecords) -> dict[str, Callable[[RunRecords], plt.Figure]]:
    """What draws the figures that a run has records for, by their names."""
    outputs = run.outputs()
    found = {
        "history": (_history_figure, True),
        "shape": (_shape_figure, bool(outputs) and len(run.roofs(outputs[0])) > 0),
        "interface": (_interface_figure, bool(outputs)),
        "composition": (_composition_figure, bool(outputs) and run.is_alloy()),
        "deposit": (_plated_figure, bool(run.plated)),
        "fields": (_field_figure, bool(run.fields)),
    }
    return {name: draw for name, (draw, recorded) in found.items() if recorded}


def voltage_axes(axes: Axes, run: RunRecords) -> None:
    """Overpotential and its shares against capacity."""
    capacity = run.series["capacity_mAh_cm2"]
    axes.plot(capacity, MILLI * run.series["voltage_V"], "k", lw=1.8, label="overpotential")
    for column in SHARES:
        axes.plot(capacity, MILLI * run.series[column], lw=1.0, label=SeriesRow.columns()[column].name)
    axes.set_xlabel(CAPACITY)
    axes.set_ylabel("Overpotential (mV)")
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, borderaxespad=0.2)  # off the lines


def contact_axes(axes: Axes, run: RunRecords, label: str | None = None) -> None:
    """Contact fraction against capacity; where the contact has a memory, also what is active and virgin."""
    (line,) = axes.plot(run.series["capacity_mAh_cm2"], 100.0 * run.series["contact_fraction"], label=label)
    if run.has_memory():
        for column, style in (("active_fraction", "--"), ("virgin_fraction", ":")):
            name = SeriesRow.columns()[column].name
            shown = f"{label}, {name}" if label else name
            values = 100.0 * run.series[column]
            axes.plot(run.series["capacity_mAh_cm2"], values, style, color=line.get_color(), label=shown)
        if label is None:
            line.set_label(SeriesRow.columns()["contact_fraction"].name)
            axes.legend()
    axes.set_xlabel(CAPACITY)
    axes.set_ylabel("Contact (%)")
    axes.set_ylim(0.0, 102.0)


def pressure_axes(axes: Axes, run: RunRecords) -> None:
    """Stack pressure and contact pressure against capacity, and how far the clamp has lifted off."""
    capacity = run.series["capacity_mAh_cm2"]
    for column in ("stack_pressure_MPa", "contact_pressure_MPa"):
        axes.plot(capacity, run.series[column], label=SeriesRow.columns()[column].name)
    axes.set_xlabel(CAPACITY)
    axes.set_ylabel("Pressure (MPa)")
    axes.legend(loc="upper right")
    if np.any(run.series["lift_off_um"] > 0.0):
        gap = axes.twinx()
        gap.plot(capacity, run.series["lift_off_um"], "k:", lw=1.0)
        gap.spines["right"].set_visible(True)
        gap.set_ylabel(axis_label(SeriesRow.columns()["lift_off_um"]) + ", dotted")


def _pressure_varies(run: RunRecords) -> bool:
    """Whether the stack pressure is one of the things that change in a run."""
    pressure = run.series.get("stack_pressure_MPa", np.zeros(1))
    return bool(np.ptp(pressure) > VARIES * np.abs(pressure).max())


def shape_axes(axes: Axes, run: RunRecords) -> None:
    """Void roofs of at most MAX_SHAPES outputs, coloured by their order; in 3-D the surfaces seen from
    above."""
    chosen = _telling_outputs(run, MAX_SHAPES)
    for output, colour in zip(chosen, colours_over(len(chosen)), strict=True):
        capacity, _ = moment_label(run, run.time_of(output))
        pieces = [run.roofs(output)] if run.is_solid() else split_roofs(run.roofs(output))
        for piece in pieces:
            style = "." if run.is_solid() else "-"
            axes.plot(piece[:, 0], piece[:, 1], style, ms=1.5, color=colour, lw=1.2, label=caption(capacity))
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    axes.legend(unique.values(), unique.keys(), markerscale=5, loc="center left", bbox_to_anchor=(1.01, 0.5))
    if not run.is_solid():
        axes.axhline(0.0, color="0.4", lw=0.8)
    axes.set_aspect("equal")
    axes.set_xlabel("x (um)")
    axes.set_ylabel("y (um), along the interface" if run.is_solid() else "Height (um)")


def _telling_outputs(run: RunRecords, most: int) -> list[int]:
    """Outputs with records along the interface between which the most happens."""
    outputs = run.outputs()
    return [outputs[k] for k in telling(run, [run.time_of(output) for output in outputs], most)]


def split_roofs(points: np.ndarray) -> list[np.ndarray]:  # type: ignore[type-arg]
    """Split the roof points of an output (sorted by x) into voids: a roof ends where it reaches y = 0."""
    if len(points) == 0:
        return []
    grounded = points[:, 1] < 1e-9
    cuts = [k + 1 for k in range(len(points) - 1) if grounded[k] and grounded[k + 1]]
    return np.split(points, cuts)


def field_window(run: RunRecords, output: int, *, mirrored: bool) -> tuple[float, float, float, float]:
    """Window in um that shows the voids of an output and their surroundings, with the cell's mirror image or
    without."""
    width = float(run.interface["x_um"].max())
    present = run.voids["output"] == output if run.voids else np.zeros(0, dtype=bool)
    tallest = float(run.voids["height_um"][present].max()) if np.any(present) else 0.0
    height = max(1.6 * tallest, 0.4 * width / stretch(width) ** 2)
    return (-width if mirrored else 0.0, width, -0.8 * height, height)


def _history_figure(run: RunRecords) -> plt.Figure:
    varies = _pressure_varies(run)
    rows, size = (3, (10, 10.5)) if varies else (2, (10, 7))
    figure, axes = plt.subplots(rows, 2, figsize=size, layout="constrained")
    voltage_axes(axes[0, 0], run)
    contact_axes(axes[0, 1], run)
    capacity = run.series["capacity_mAh_cm2"]
    rates = axes[1, 0]
    rates.plot(capacity, run.series["void_gain_um_s"], label="gain by vacancies")
    rates.plot(capacity, run.series["void_loss_um_s"], label="loss by flow of the metal")
    if np.all(run.series["void_loss_um_s"] > 0.0):
        log_axes(rates, "y")
    rates.set_xlabel(CAPACITY)
    rates.set_ylabel("Void growth (um2/s)")
    rates.legend()
    focus = axes[1, 1]
    focus.plot(capacity, run.series["focus_applied"], label="largest over applied current density")
    focus.plot(capacity, run.series["focus_contact"], label="largest over mean on the contact")
    focus.set_xlabel(CAPACITY)
    focus.set_ylabel("Current focusing")
    focus.legend()
    if varies:
        pressure_axes(axes[2, 0], run)
        platen = axes[2, 1]
        platen.plot(capacity, run.series["platen_um"])
        platen.set_xlabel(CAPACITY)
        platen.set_ylabel(axis_label(SeriesRow.columns()["platen_um"]))
    figure.suptitle(f"{run.folder.name}: {run.manifest.get('message', '')}", fontsize=9, parse_math=False)
    return figure


def _shape_figure(run: RunRecords) -> plt.Figure:
    figure, axes = plt.subplots(figsize=(8, 5))
    shape_axes(axes, run)
    return figure


def _interface_figure(run: RunRecords) -> plt.Figure:
    """Along the interface, a column for each moment: lines on the contact only, voids shaded."""
    columns = ["current_mA_cm2", "pressure_MPa", "supersaturation"]
    columns += ["resistance_ohm_cm2"] if run.has_memory() else []
    outputs = _telling_outputs(run, MAX_MOMENTS)
    size = (3.1 * len(outputs) + 1.0, 2.2 * len(columns) + 0.6)
    figure, grid = plt.subplots(
        len(columns),
        len(outputs),
        figsize=size,
        sharex=True,
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    for panels, output in zip(grid.T, outputs, strict=True):
        voids = [] if run.is_solid() else run.void_spans(output)
        for axes, column in zip(panels, columns, strict=True):
            x, values = run.contact(output, column)
            if not run.is_solid():
                x, values = broken(x, values, voids)
            axes.plot(x, values, "." if run.is_solid() else "-", ms=2, color="C0")
            shade_voids(axes, voids)
        panels[0].set_title(moment_caption(run, run.time_of(output)).replace(", after", "\nafter"))
        panels[-1].set_xlabel("x (um)")
    for axes, column in zip(grid[:, 0], columns, strict=True):
        axes.set_ylabel(axis_label(InterfaceRow.columns()[column]))
    if run.has_memory() and np.any(run.interface["resistance_ohm_cm2"] > 0.0):
        grid[-1, 0].set_yscale("log")
    if not run.is_solid():
        figure.supxlabel("grey: under a void, where no current flows", fontsize=7)
    return figure


def broken(x: Values, values: Values, voids: Sequence[tuple[float, float]]) -> tuple[Values, Values]:
    """A line along the contact, sorted by x, with a gap (nan) wherever a void stands between two of its
    points."""
    ends = np.array([0.5 * (left + right) for left, right in voids])
    cuts = np.unique(np.searchsorted(x, ends))
    cuts = cuts[(cuts > 0) & (cuts < len(x))]
    return np.insert(x, cuts, np.nan), np.insert(values.astype(float), cuts, np.nan)


def _composition_figure(run: RunRecords) -> plt.Figure:
    """Solute fraction and S over the height of the right side, and the error indicator."""
    figure, panels = plt.subplots(1, 3, figsize=(13, 4))
    outputs = _telling_outputs(run, MAX_PROFILES)
    for output, colour in zip(outputs, colours_over(len(outputs)), strict=True):
        capacity, _ = moment_label(run, run.time_of(output))
        for axes, column in zip(panels, ("solute_fraction", "supersaturation"), strict=False):
            y, values = run.heights(output, "right", column)
            axes.plot(y, values, color=colour, lw=1.2, label=caption(capacity))
            axes.set_xlabel("Height above the electrolyte (um)")
            axes.set_ylabel(axis_label(ProfileRow.columns()[column]))
    panels[0].legend()
    throughput = run.series["capacity_mAh_cm2"]
    panels[2].plot(throughput, run.series["solute_contact"], label="mean at the contact")
    panels[2].plot(throughput, run.series["solute_largest"], label="largest")
    panels[2].plot(throughput, run.series["solute_indicator"], ":", label="error indicator of the mesh")
    panels[2].set_xlabel(CAPACITY)
    panels[2].set_ylabel("Solute fraction")
    panels[2].legend()
    return figure


def _plated_figure(run: RunRecords) -> plt.Figure:
    """Thickness plated along the interface."""
    figure, axes = plt.subplots(figsize=(7, 4))
    table = run.plated
    found = np.unique(table["output"])
    times = [float(table["time_s"][table["output"] == output][0]) for output in found]
    outputs = found[telling(run, times, MAX_SHAPES)]
    for output, colour in zip(outputs, colours_over(len(outputs)), strict=True):
        pick = table["output"] == output
        label = f"{caption(float(table['capacity_mAh_cm2'][pick][0]))} passed"
        axes.plot(table["x_um"][pick], table["thickness_um"][pick], lw=1.2, color=colour, label=label)
    axes.set_xlabel("x (um)")
    axes.set_ylabel(axis_label(PlatedThicknessRow.columns()["thickness_um"]))
    axes.legend()
    return figure


def _field_figure(run: RunRecords) -> plt.Figure:
    picks = telling(run, [time for time, _ in run.fields], MAX_FIELDS)
    names = ["supersaturation", "solute_fraction"] if run.is_alloy() else ["supersaturation"]
    left, right, bottom, top = field_window(run, run.outputs()[0], mirrored=_is_mirrored(run))
    times = stretch(right - left)
    across = len(picks) if times == 1.0 else 1  # wide cells stand above each other
    wide = PANEL_INCHES if across > 1 else 2.0 * PANEL_INCHES
    high = wide * times * (top - bottom) / (right - left) + 1.0  # with its title and the label of x
    rows = len(names) * len(picks) // across
    size = (wide * across + 2.5, high * rows)
    figure, panels = plt.subplots(rows, across, figsize=size, squeeze=False, layout="constrained")
    for row, name in zip(panels.reshape(len(names), len(picks)), names, strict=True):
        field_axes(list(row), run, picks, name)
    return figure


def field_axes(
    panels: list[Axes], run: RunRecords, picks: Sequence[int], name: str = "supersaturation"
) -> None:
    """Fields of some outputs side by side, with one colour bar for each region; where a void is cut,
    mirrored."""
    from postprocess.cross_section import draw_sections, plane_of, read_section

    place = plane_of(run.fields[0][1])
    sections = [read_section(run.fields[k][1], place) for k in picks]
    mirrored = _is_mirrored(run)
    window = field_window(run, run.outputs()[0], mirrored=mirrored)
    draw_sections(panels, sections, window, name, mirrored=mirrored)
    for axes, k in zip(panels, picks, strict=True):
        axes.set_title(moment_caption(run, run.fields[k][0]).replace(", after", "\nafter"))


def _is_mirrored(run: RunRecords) -> bool:
    """Whether fields are shown with the mirror image: of one void, not of a cell that is a row of them."""
    return not run.is_solid() and stretch(float(run.interface["x_um"].max())) == 1.0


def field_panel(axes: Axes, run: RunRecords) -> None:
    """Fields in the middle of what happens in a run."""
    moments = telling(run, [time for time, _ in run.fields], MAX_FIELDS)
    field_axes([axes], run, [moments[len(moments) // 2]])
