"""Off-screen pictures of fields and meshes (pyvista)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvista as pv
from numpy.typing import NDArray

from postprocess.mesh_picture import off_screen_plotter

METAL, ELECTROLYTE = 1, 2
HEIGHT_PIXELS = 900


def render_fields(
    file: Path, window: tuple[float, float, float, float], metal_field: str = "supersaturation"
) -> NDArray[np.uint8]:
    """Picture of one field output: a field of the metal, current density in the electrolyte.

    Args:
        file: ``.pvtu`` of an output.
        window: (left, right, bottom, top) in um; the cell is mirrored at x = 0 to fill it.
        metal_field: point data shown in the metal.

    Returns:
        RGB image (rows, columns, 3).
    """
    mesh = pv.read(str(file))
    left, right, bottom, top = window
    plotter = off_screen_plotter(_pixels(window))
    region = np.asarray(mesh.cell_data["region"]).round()
    metal = mesh.extract_cells(np.flatnonzero(region == METAL))
    electrolyte = mesh.extract_cells(np.flatnonzero(region == ELECTROLYTE))
    current = np.linalg.norm(np.asarray(electrolyte.cell_data["current_density"]), axis=1)
    electrolyte.cell_data["i (mA/cm2)"] = current
    smooth = electrolyte.cell_data_to_point_data()
    bars = {
        "vertical": True,
        "color": "black",
        "n_labels": 3,
        "fmt": "%.3g",
        "title_font_size": 44,
        "label_font_size": 40,
        "height": 0.4,
        "width": 0.045,
    }
    for part, name, colours, position in (
        (metal, metal_field, "viridis", 0.55),
        (smooth, "i (mA/cm2)", "inferno", 0.05),
    ):
        limits = _limits(part, name, window)
        for mirrored in (False, True):
            shown = part.reflect((1, 0, 0)) if mirrored else part
            plotter.add_mesh(
                shown,
                scalars=name,
                cmap=colours,
                clim=limits,
                show_scalar_bar=not mirrored,
                scalar_bar_args={**bars, "position_x": 0.86, "position_y": position, "title": name},
            )
    plotter.camera_position = "xy"
    plotter.camera.focal_point = (0.5 * (left + right), 0.5 * (bottom + top), 0.0)
    plotter.camera.position = (0.5 * (left + right), 0.5 * (bottom + top), 100.0)
    plotter.enable_parallel_projection()
    plotter.camera.parallel_scale = 0.5 * (top - bottom)
    picture = np.asarray(plotter.screenshot(None, return_img=True))
    plotter.close()
    return picture


def _limits(part: pv.DataSet, name: str, window: tuple[float, float, float, float]) -> tuple[float, float]:
    """1st to 99th percentile of the values inside the window."""
    points = np.asarray(part.points)
    inside = (points[:, 0] <= window[1]) & (points[:, 1] >= window[2]) & (points[:, 1] <= window[3])
    values = np.asarray(part.point_data[name])[inside]
    low, high = np.percentile(values, [1.0, 99.0])
    return float(low), float(high if high > low else low + 1e-12)


def _pixels(window: tuple[float, float, float, float]) -> tuple[int, int]:
    aspect = (window[1] - window[0]) / (window[3] - window[2])
    return (round(HEIGHT_PIXELS * aspect), HEIGHT_PIXELS)
