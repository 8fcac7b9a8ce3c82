"""Picture of a mesh file, drawn off-screen."""

from __future__ import annotations

from pathlib import Path

import meshio
import numpy as np
import pyvista as pv
import vtk
from numpy.typing import NDArray

from meshes.tags import Boundary, Region

COLOURS = {int(Region.METAL): "#b8c4d6", int(Region.ELECTROLYTE): "#f0d9a8"}
VOID_COLOUR = "#b03030"
PIXELS = (1600, 1200)


def off_screen_plotter(size: tuple[int, int]) -> pv.Plotter:
    """White off-screen plotter; VTK's complaint about the missing X server is not shown."""
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
    plotter = pv.Plotter(off_screen=True, window_size=size)
    plotter.set_background("white")
    return plotter


def draw_mesh(msh: Path, png: Path) -> None:
    """Draw a ``.msh`` file: in the plane its elements, in 3-D the void surfaces on the electrolyte."""
    mesh = meshio.read(msh)
    plotter = off_screen_plotter(PIXELS)
    points = np.asarray(mesh.points, dtype=float)
    if "tetra" in mesh.cells_dict:
        _draw_solid(plotter, mesh, points)
    else:
        for tag, colour in COLOURS.items():
            _draw(plotter, points, _cells(mesh, "triangle", tag), pv.CellType.TRIANGLE, colour, 1.0)
        _zoom_to_interface(plotter, points)
    plotter.screenshot(str(png))
    plotter.close()


def _draw_solid(plotter: pv.Plotter, mesh: meshio.Mesh, points: NDArray[np.float64]) -> None:
    kind, metal, electrolyte = pv.CellType.TETRA, int(Region.METAL), int(Region.ELECTROLYTE)
    _draw(plotter, points, _cells(mesh, "tetra", electrolyte), kind, COLOURS[electrolyte], 1.0)
    _draw(plotter, points, _cells(mesh, "tetra", metal), kind, COLOURS[metal], 0.12)
    roofs = _cells(mesh, "triangle", int(Boundary.VOID))
    _draw(plotter, points, roofs, pv.CellType.TRIANGLE, VOID_COLOUR, 1.0)
    plotter.view_isometric()


def _cells(mesh: meshio.Mesh, kind: str, tag: int) -> NDArray[np.int64]:
    tags = mesh.cell_data_dict["gmsh:physical"][kind]
    return np.asarray(mesh.cells_dict[kind][tags == tag])


def _draw(
    plotter: pv.Plotter,
    points: NDArray[np.float64],
    cells: NDArray[np.int64],
    kind: pv.CellType,
    colour: str,
    opacity: float,
) -> None:
    if len(cells):
        grid = pv.UnstructuredGrid({kind: cells}, points)
        plotter.add_mesh(grid, color=colour, opacity=opacity, show_edges=True, line_width=1)


def _zoom_to_interface(plotter: pv.Plotter, points: NDArray[np.float64]) -> None:
    """Show the interface at the cell's full width."""
    width = float(np.ptp(points[:, 0]))
    plotter.camera_position = "xy"
    plotter.enable_parallel_projection()
    plotter.camera.focal_point = (0.5 * width, 0.15 * width, 0.0)
    plotter.camera.position = (0.5 * width, 0.15 * width, 100.0)
    plotter.camera.parallel_scale = 0.55 * width * PIXELS[1] / PIXELS[0]
