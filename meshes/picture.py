"""Picture of a mesh file, drawn off-screen."""

from __future__ import annotations

from pathlib import Path

import meshio
import numpy as np
import pyvista as pv

from meshes.tags import Region

COLOURS = {int(Region.METAL): "#b8c4d6", int(Region.ELECTROLYTE): "#f0d9a8"}
PIXELS = (1600, 1200)


def draw_mesh(msh: Path, png: Path) -> None:
    """Draw the regions of a ``.msh`` file with their element edges."""
    mesh = meshio.read(msh)
    solid = "tetra" in mesh.cells_dict
    kind = "tetra" if solid else "triangle"
    cells = mesh.cells_dict[kind]
    tags = mesh.cell_data_dict["gmsh:physical"][kind]
    plotter = pv.Plotter(off_screen=True, window_size=PIXELS)
    plotter.set_background("white")
    celltype = pv.CellType.TETRA if solid else pv.CellType.TRIANGLE
    for tag, colour in COLOURS.items():
        chosen = cells[tags == tag]
        if len(chosen) == 0:
            continue
        grid = pv.UnstructuredGrid({celltype: chosen}, np.asarray(mesh.points, dtype=float))
        plotter.add_mesh(grid, color=colour, show_edges=True, line_width=1)
    if solid:
        plotter.view_isometric()
    else:
        _zoom_to_interface(plotter, np.asarray(mesh.points))
    plotter.screenshot(str(png))
    plotter.close()


def _zoom_to_interface(plotter: pv.Plotter, points: np.ndarray) -> None:  # type: ignore[type-arg]
    """Show the interface at the cell's full width."""
    width = float(np.ptp(points[:, 0]))
    plotter.camera_position = "xy"
    plotter.enable_parallel_projection()
    plotter.camera.focal_point = (0.5 * width, 0.15 * width, 0.0)
    plotter.camera.position = (0.5 * width, 0.15 * width, 100.0)
    plotter.camera.parallel_scale = 0.55 * width * PIXELS[1] / PIXELS[0]
