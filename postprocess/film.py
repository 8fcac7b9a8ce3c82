"""A film of a run's cross-section over capacity, and a strip of stills: ``livoid film RUN``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import matplotlib
import numpy as np
import pyvista as pv
from matplotlib.animation import AbstractMovieWriter, FFMpegWriter, PillowWriter
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.tri import Triangulation
from numpy.typing import NDArray

from postprocess.canvas import plt, save, stretch, with_pdf
from postprocess.moments import moment_caption, telling
from postprocess.records import RecordsError, read_run

METAL, ELECTROLYTE = 1, 2
FRAMES_PER_SECOND = 6
STILLS = 6
HEIGHT_SHARE = 0.35
"""Height of the shown metal over its lateral extent, where no void is taller."""
DEPTH_SHARE = 0.15
"""Depth of the shown electrolyte over the lateral extent."""
ROOM_ABOVE = 1.6
"""Height of the shown metal over the tallest void."""
EDGE = 1e-6
"""Relative distance from the outer boundary within which a node lies on it (files have single precision)."""
METAL_COLOUR = "#9aa3ad"
INCHES_WIDE = 10.0
COLUMNS = 3
"""Most stills side by side."""


@dataclass(frozen=True)
class Frame:
    """One field output: points (n, 2) in um, triangles of both regions, |i| per electrolyte triangle."""

    points: NDArray[np.float64]
    metal: NDArray[np.int64]
    electrolyte: NDArray[np.int64]
    current: NDArray[np.float64]


@dataclass(frozen=True)
class Reel:
    """What a film and its stills show.

    Attributes:
        frames: in order.
        captions: when each is, and what has happened to the voids just before.
        stills: numbers of the frames between which the most happens.
        window: (left, right, bottom, top) in um.
        highest: current density (mA/cm2) at the end of the colours.
    """

    frames: list[Frame]
    captions: list[str]
    stills: list[int]
    window: tuple[float, float, float, float]
    highest: float


def read_frame(file: Path) -> Frame:
    """Read a field output of a two-dimensional run.

    Raises:
        RecordsError: if the file is missing or three-dimensional.
    """
    if not file.is_file():
        raise RecordsError(f"{file} is missing")
    mesh = pv.read(str(file))
    if mesh.n_cells == 0 or len(mesh.cells) != 4 * mesh.n_cells or np.any(mesh.cells[::4] != 3):
        raise RecordsError(f"{file}: films show two-dimensional runs")
    triangles = np.asarray(mesh.cells, dtype=np.int64).reshape(-1, 4)[:, 1:]
    region = np.asarray(mesh.cell_data["region"]).round()
    current = np.linalg.norm(np.asarray(mesh.cell_data["current_density"]), axis=1)
    below = region == ELECTROLYTE
    points = np.asarray(mesh.points, dtype=float)[:, :2]
    return Frame(points, triangles[region == METAL], triangles[below], current[below])


def film(folder: Path, out: Path | None = None) -> list[Path]:
    """Make the film (``.mp4`` or ``.gif``, by the ending of ``out``) and the strip of stills.

    Args:
        folder: run folder with fields.
        out: film file; default ``figures/film.mp4`` in the run folder.

    Returns:
        The film and the stills (``.png`` beside it).

    Raises:
        RecordsError: if the folder holds no run with fields, or ``out`` has another ending.
    """
    run = read_run(folder)
    if not run.fields:
        raise RecordsError(f"{folder} has no field outputs (output.fields = false?)")
    target = out or folder / "figures" / "film.mp4"
    if target.suffix not in (".mp4", ".gif"):
        raise RecordsError(f"{target}: a film ends in .mp4 or .gif")
    target.parent.mkdir(parents=True, exist_ok=True)
    frames = [read_frame(file) for _, file in run.fields]
    shown = window(frames)
    times = [time for time, _ in run.fields]
    captions = [moment_caption(run, time) for time in times]
    reel = Reel(frames, captions, telling(run, times, STILLS), shown, _current_scale(frames, shown))
    _write_film(reel, target)
    stills = stills_of(target)
    _write_stills(reel, stills)
    return [target, stills]


def stills_of(target: Path) -> Path:
    """The strip of stills beside a film."""
    return target.with_name(f"{target.stem}-stills.png")


def names_of(target: Path) -> tuple[str, ...]:
    """Names of all files that a film is made with."""
    return (target.name, *with_pdf([stills_of(target).name]))


def draw_frame(axes: Axes, frame: Frame, window: tuple[float, float, float, float], highest: float) -> None:
    """Metal grey, voids white, current density in the electrolyte up to ``highest`` (mA/cm2)."""
    left, right, bottom, top = window
    x, y = frame.points.T
    axes.tripcolor(
        Triangulation(x, y, frame.electrolyte),
        facecolors=frame.current,
        cmap="inferno",
        vmin=0.0,
        vmax=highest,
        rasterized=True,
    )
    axes.tripcolor(
        Triangulation(x, y, frame.metal),
        facecolors=np.zeros(len(frame.metal)),
        cmap=matplotlib.colors.ListedColormap([METAL_COLOUR]),
        rasterized=True,
    )
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_aspect(stretch(right - left))


def _lengths(window: tuple[float, float, float, float]) -> str:
    """Label of both axes, below: a panel may be lower than the label would be long."""
    times = stretch(window[1] - window[0])
    return "x, height (um)" if times == 1.0 else f"x, height (um); heights times {times:g}"


def window(frames: list[Frame]) -> tuple[float, float, float, float]:
    """(left, right, bottom, top) in um that holds the voids of all frames."""
    width = float(max(frame.points[:, 0].max() for frame in frames))
    tallest = max(_tallest(frame) for frame in frames)
    times = stretch(width)
    top = max(HEIGHT_SHARE * width / times**2, ROOM_ABOVE * tallest)
    metal = min(float(frame.points[:, 1].max()) for frame in frames)
    return 0.0, width, -DEPTH_SHARE * width / times, min(top, metal)


def _tallest(frame: Frame) -> float:
    """Height of the highest edge that belongs to one metal triangle only and is no outer boundary."""
    width, height = frame.points.max(axis=0)
    # files of several ranks hold the points between them once for each
    grid = np.round(frame.points / (EDGE * width)).astype(np.int64)
    _, first, same = np.unique(grid, axis=0, return_index=True, return_inverse=True)
    metal = first[same.ravel()][frame.metal]
    pairs = np.sort(np.vstack([metal[:, [0, 1]], metal[:, [1, 2]], metal[:, [2, 0]]]), axis=1)
    edges, counts = np.unique(pairs, axis=0, return_counts=True)
    x, y = frame.points[edges[counts == 1]].transpose(2, 0, 1)
    outer = (x.max(axis=1) <= EDGE * width) | (x.min(axis=1) >= width * (1 - EDGE))
    outer |= y.min(axis=1) >= height * (1 - EDGE)
    return float(y.max(axis=1)[~outer].max(initial=0.0))


def _current_scale(frames: list[Frame], window: tuple[float, float, float, float]) -> float:
    """95th percentile of |i| in the shown electrolyte over all frames."""
    shown = []
    for frame in frames:
        middle = frame.points[frame.electrolyte].mean(axis=1)
        shown.append(frame.current[middle[:, 1] >= window[2]])
    return max(float(np.percentile(np.concatenate(shown), 95.0)), 1e-12)


def _canvas(window: tuple[float, float, float, float], count: int) -> tuple[Figure, NDArray[np.object_]]:
    """A figure with a panel for each of some frames, in as many columns as keep it from being a tower."""
    width = window[1] - window[0]
    aspect = stretch(width) * (window[3] - window[2]) / width
    for columns in range(1, min(count, COLUMNS) + 1):
        rows = -(-count // columns)
        tall = rows * (INCHES_WIDE / columns * 0.85 * aspect + 0.35) + 0.5
        if tall <= INCHES_WIDE:
            break
    size = (INCHES_WIDE, max(tall, 2.0))
    figure, grid = plt.subplots(
        rows, columns, figsize=size, squeeze=False, sharex=True, sharey=True, layout="constrained"
    )
    for axes in grid.flat[count:]:
        axes.set_visible(False)
    return figure, grid.flat[:count]


def _colour_bar(figure: Figure, axes: NDArray[np.object_], highest: float) -> None:
    scale = matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(0.0, highest), "inferno")
    figure.colorbar(
        scale,
        ax=list(axes),
        label="Current density (mA/cm2)",
        fraction=0.03,
        pad=0.01,
        aspect=30,
        extend="max",
    )


def _write_film(reel: Reel, target: Path) -> None:
    matplotlib.rcParams["animation.ffmpeg_path"] = imageio_ffmpeg.get_ffmpeg_exe()
    kind = FFMpegWriter if target.suffix == ".mp4" else PillowWriter
    writer: AbstractMovieWriter = kind(fps=FRAMES_PER_SECOND)
    figure, axes = _canvas(reel.window, 1)
    _colour_bar(figure, axes, reel.highest)
    with writer.saving(figure, str(target), dpi=110):
        for frame, text in zip(reel.frames, reel.captions, strict=True):
            axes[0].clear()
            draw_frame(axes[0], frame, reel.window, reel.highest)
            axes[0].set_title(text)
            axes[0].set_xlabel(_lengths(reel.window))
            writer.grab_frame()
    plt.close(figure)


def _write_stills(reel: Reel, target: Path) -> None:
    figure, axes = _canvas(reel.window, len(reel.stills))
    for axis, k in zip(axes, reel.stills, strict=True):
        draw_frame(axis, reel.frames[k], reel.window, reel.highest)
        axis.set_title(reel.captions[k], loc="left")
    figure.supxlabel(_lengths(reel.window), fontsize="medium")
    _colour_bar(figure, axes, reel.highest)
    save(figure, target)
