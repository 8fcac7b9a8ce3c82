"""Figures of one run: ``livoid plot RUN``."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from postprocess.records import read_run
from solver.output.rows import InterfaceRow, ProfileRow, SeriesRow

matplotlib.use("Agg")
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from postprocess.records import RunRecords

MILLI = 1e3
MAX_SHAPES = 12
SHARES = ("ohmic_V", "constriction_V", "charge_transfer_V", "vacancy_V", "composition_V", "pressure_V")
"""Columns of ``series.csv`` that add up to the overpotential."""
VARIES = 1e-6
"""Relative change of a pressure from which it is shown."""
FIGURES = tuple(
    f"{name}.png" for name in ("history", "shape", "interface", "composition", "deposit", "fields")
)
"""Names of all figures; those are made for which a run has records."""
CAPACITY = SeriesRow.label("capacity_mAh_cm2")


def plot_run(folder: Path) -> list[Path]:
    """Write ``figures/*.png`` of a run; returns their paths.

    Raises:
        RecordsError: if the folder holds no run.
    """
    run = read_run(folder)
    target = folder / "figures"
    target.mkdir(exist_ok=True)
    made = [_save(_history_figure(run), target / "history.png")]
    if run.outputs() and len(run.roofs(run.outputs()[0])):
        made.append(_save(_shape_figure(run), target / "shape.png"))
    if run.outputs():
        made.append(_save(_interface_figure(run), target / "interface.png"))
    if run.is_alloy() and run.outputs():
        made.append(_save(_composition_figure(run), target / "composition.png"))
    if run.plated:
        made.append(_save(_plated_figure(run), target / "deposit.png"))
    if run.fields:
        made.append(_save(_field_figure(run), target / "fields.png"))
    return made


def voltage_axes(axes: Axes, run: RunRecords) -> None:
    """Overpotential and its shares against capacity."""
    capacity = run.series["capacity_mAh_cm2"]
    axes.plot(capacity, MILLI * run.series["voltage_V"], "k", lw=1.8, label="overpotential")
    for column in SHARES:
        axes.plot(capacity, MILLI * run.series[column], lw=1.0, label=SeriesRow.columns()[column].name)
    axes.set_xlabel(CAPACITY)
    axes.set_ylabel("overpotential (mV)")
    axes.legend(fontsize=7, frameon=False)


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
            axes.legend(fontsize=7, frameon=False)
    axes.set_xlabel(CAPACITY)
    axes.set_ylabel("contact (%)")
    axes.set_ylim(0.0, 102.0)


def pressure_axes(axes: Axes, run: RunRecords) -> None:
    """Stack pressure and contact pressure against capacity, and how far the clamp has lifted off."""
    capacity = run.series["capacity_mAh_cm2"]
    for column in ("stack_pressure_MPa", "contact_pressure_MPa"):
        axes.plot(capacity, run.series[column], label=SeriesRow.columns()[column].name)
    axes.set_xlabel(CAPACITY)
    axes.set_ylabel("pressure (MPa)")
    axes.legend(fontsize=7, frameon=False, loc="upper right")
    if np.any(run.series["lift_off_um"] > 0.0):
        gap = axes.twinx()
        gap.plot(capacity, run.series["lift_off_um"], "k:", lw=1.0)
        gap.set_ylabel(SeriesRow.label("lift_off_um") + ", dotted")


def _pressure_varies(run: RunRecords) -> bool:
    """Whether the stack pressure is one of the things that change in a run."""
    pressure = run.series.get("stack_pressure_MPa", np.zeros(1))
    return bool(np.ptp(pressure) > VARIES * np.abs(pressure).max())


def shape_axes(axes: Axes, run: RunRecords) -> None:
    """Void roofs of at most MAX_SHAPES outputs, coloured by capacity."""
    outputs = run.outputs()
    chosen = (
        outputs
        if len(outputs) <= MAX_SHAPES
        else [outputs[k] for k in np.linspace(0, len(outputs) - 1, MAX_SHAPES).round().astype(int)]
    )
    table = run.interface
    colours = plt.get_cmap("viridis")(np.linspace(0.0, 0.95, len(chosen)))
    for output, colour in zip(chosen, colours, strict=True):
        capacity = float(table["capacity_mAh_cm2"][table["output"] == output][0])
        for piece in split_roofs(run.roofs(output)):
            axes.plot(piece[:, 0], piece[:, 1], color=colour, lw=1.2, label=f"{capacity:.4g}")
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    axes.legend(unique.values(), unique.keys(), fontsize=7, frameon=False, title="mAh/cm2", title_fontsize=7)
    axes.axhline(0.0, color="0.4", lw=0.8)
    axes.set_aspect("equal")
    axes.set_xlabel("x (um)")
    axes.set_ylabel("y (um)")


def split_roofs(points: np.ndarray) -> list[np.ndarray]:  # type: ignore[type-arg]
    """Split the roof points of an output (sorted by x) into voids: a roof ends where it reaches y = 0."""
    if len(points) == 0:
        return []
    grounded = points[:, 1] < 1e-9
    cuts = [k + 1 for k in range(len(points) - 1) if grounded[k] and grounded[k + 1]]
    return np.split(points, cuts)


def field_window(run: RunRecords, output: int) -> tuple[float, float, float, float]:
    """Window in um that shows the voids of an output and their surroundings."""
    roofs = run.roofs(output)
    width = float(run.interface["x_um"].max())
    height = max(1.6 * float(roofs[:, 1].max()) if len(roofs) else 0.0, 0.4 * width)
    return (-width, 1.6 * width, -0.8 * height, height)


def _history_figure(run: RunRecords) -> plt.Figure:
    varies = _pressure_varies(run)
    figure, axes = plt.subplots(3 if varies else 2, 2, figsize=(10, 10.5 if varies else 7))
    voltage_axes(axes[0, 0], run)
    contact_axes(axes[0, 1], run)
    capacity = run.series["capacity_mAh_cm2"]
    rates = axes[1, 0]
    rates.plot(capacity, run.series["void_gain_um_s"], label="gain by vacancies")
    rates.plot(capacity, run.series["void_loss_um_s"], label="loss by flow of the metal")
    rates.set_yscale("log" if np.all(run.series["void_loss_um_s"] > 0) else "linear")
    rates.set_xlabel(CAPACITY)
    rates.set_ylabel("void growth (um2/s)")
    rates.legend(fontsize=7, frameon=False)
    focus = axes[1, 1]
    focus.plot(capacity, run.series["focus_applied"], label="max(i)/applied")
    focus.plot(capacity, run.series["focus_contact"], label="max(i)/mean on contact")
    focus.set_xlabel(CAPACITY)
    focus.set_ylabel("current focusing")
    focus.legend(fontsize=7, frameon=False)
    if varies:
        pressure_axes(axes[2, 0], run)
        platen = axes[2, 1]
        platen.plot(capacity, run.series["platen_um"])
        platen.set_xlabel(CAPACITY)
        platen.set_ylabel(SeriesRow.label("platen_um"))
    figure.suptitle(f"{run.folder.name}: {run.manifest.get('message', '')}", fontsize=9, parse_math=False)
    return figure


def _shape_figure(run: RunRecords) -> plt.Figure:
    figure, axes = plt.subplots(figsize=(8, 5))
    shape_axes(axes, run)
    return figure


def _interface_figure(run: RunRecords) -> plt.Figure:
    columns = ["current_mA_cm2", "pressure_MPa", "supersaturation"]
    columns += ["resistance_ohm_cm2"] if run.has_memory() else []
    figure, panels = plt.subplots(1, len(columns), figsize=(4 * len(columns), 3.6))
    outputs = run.outputs()
    for output in (outputs[0], outputs[len(outputs) // 2], outputs[-1]):
        for axes, column in zip(panels, columns, strict=True):
            x, values = run.contact(output, column)
            axes.plot(x, values, label=f"output {output}")
            axes.set_xlabel("x (um)")
            axes.set_ylabel(InterfaceRow.label(column))
    if run.has_memory():
        panels[-1].set_yscale("log")
    panels[0].legend(fontsize=7, frameon=False)
    return figure


def _composition_figure(run: RunRecords) -> plt.Figure:
    """Solute fraction and S over the height of the right side, and the error indicator."""
    figure, panels = plt.subplots(1, 3, figsize=(13, 4))
    outputs = run.outputs()
    picks = np.linspace(0, len(outputs) - 1, min(len(outputs), 8)).round().astype(int)
    colours = plt.get_cmap("viridis")(np.linspace(0.0, 0.95, len(picks)))
    for k, colour in zip(picks, colours, strict=True):
        for axes, column in zip(panels, ("solute_fraction", "supersaturation"), strict=False):
            y, values = run.heights(outputs[k], "right", column)
            axes.plot(y, values, color=colour, lw=1.2, label=f"output {outputs[k]}")
            axes.set_xlabel("height above the electrolyte (um)")
            axes.set_ylabel(ProfileRow.label(column))
    panels[0].legend(fontsize=7, frameon=False)
    throughput = run.series["capacity_mAh_cm2"]
    panels[2].plot(throughput, run.series["solute_contact"], label="mean at the contact")
    panels[2].plot(throughput, run.series["solute_largest"], label="largest")
    panels[2].plot(throughput, run.series["solute_indicator"], ":", label="error indicator of the mesh")
    panels[2].set_xlabel("charge passed (mAh/cm2)")
    panels[2].set_ylabel("solute fraction")
    panels[2].legend(fontsize=7, frameon=False)
    return figure


def _plated_figure(run: RunRecords) -> plt.Figure:
    """Thickness plated along the interface."""
    figure, axes = plt.subplots(figsize=(7, 4))
    table = run.plated
    for output in np.unique(table["output"]):
        pick = table["output"] == output
        label = f"{float(table['capacity_mAh_cm2'][pick][0]):.4g} mAh/cm2 passed"
        axes.plot(table["x_um"][pick], table["thickness_um"][pick], lw=1.2, label=label)
    axes.set_xlabel("x (um)")
    axes.set_ylabel("plated thickness (um)")
    axes.legend(fontsize=7, frameon=False)
    return figure


def _field_figure(run: RunRecords) -> plt.Figure:
    from postprocess.render import render_fields

    picks = sorted({0, len(run.fields) // 2, len(run.fields) - 1})
    names = ["supersaturation", "solute_fraction"] if run.is_alloy() else ["supersaturation"]
    figure, panels = plt.subplots(
        len(names), len(picks), figsize=(5 * len(picks), 5 * len(names)), squeeze=False
    )
    window = field_window(run, run.outputs()[0])
    for row, name in zip(panels, names, strict=True):
        for axes, k in zip(row, picks, strict=True):
            time, file = run.fields[k]
            axes.imshow(render_fields(file, window, name))
            axes.set_title(f"{time:.4g} s", fontsize=9)
            axes.axis("off")
    return figure


def _save(figure: plt.Figure, path: Path) -> Path:
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return path
