"""Frames of a run: the output nearest to a capacity; what the microscope sees of it and what is there."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from postprocess.microscope.rows import FrameRow
from postprocess.microscope.section import cut, read_specimen
from postprocess.microscope.sem import picture, seen_voids
from postprocess.records import RecordsError

if TYPE_CHECKING:
    from postprocess.microscope.instrument import Instrument
    from postprocess.microscope.maps import Maps
    from postprocess.microscope.section import CellKind, Raster, Specimen
    from postprocess.records import RunRecords

FILE_START, FILE_END = "output_", "000000.pvtu"
BELOW, ABOVE = 0.12, 0.25
"""Height of electrolyte and metal in a picture over the width of its view."""
LEAST = 1.0
"""um of electrolyte and of metal in a picture at least."""
ROOM_ABOVE = 1.6
"""Height of the metal in a picture over the tallest void of the run."""
COLLECTOR = 0.04
"""Height of collector over the width of the view, where the metal is too thin to fill the picture."""
NEAR = 1e-9
"""um from the side x = 0 within which a void is cut by it."""


@dataclass(frozen=True)
class FieldOutput:
    """A field output: its number, time (s), capacity (mAh/cm2) and file."""

    output: int
    seconds: float
    capacity: float
    file: Path


@dataclass(frozen=True)
class View:
    """What is in the pictures of a run (um): left, right, bottom, top, and whether the cell is mirrored."""

    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True)
class Look:
    """One picture and what is counted in it.

    Attributes:
        frame: of the run.
        specimen: its fields.
        section: pixels over the width of the cell.
        grey: of the pixels, from 0 to 1.
        row: seen and true.
    """

    frame: FieldOutput
    specimen: Specimen
    section: Raster
    grey: NDArray[np.float64]
    row: FrameRow


def kind_of(run: RunRecords) -> CellKind:
    """Of the cell of a run."""
    case = tomllib.loads((run.folder / "case.toml").read_text(encoding="utf-8"))
    return cast("CellKind", case["geometry"]["kind"])


def specimen_of(run: RunRecords, frame: FieldOutput) -> Specimen:
    """The fields of a frame.

    Raises:
        RecordsError: if its file is missing.
    """
    return read_specimen(frame.file, kind_of(run))


def all_frames(run: RunRecords) -> list[FieldOutput]:
    """Field outputs of a run.

    Raises:
        RecordsError: if it has none.
    """
    if not run.fields:
        raise RecordsError(f"{run.folder} has no field outputs (output.fields = false?)")
    times, capacity = (run.series[name].astype(float) for name in ("time_s", "capacity_mAh_cm2"))
    return [
        FieldOutput(
            int(file.name.removeprefix(FILE_START).removesuffix(FILE_END)),
            seconds,
            float(np.interp(seconds, times, capacity)),
            file,
        )
        for seconds, file in run.fields
    ]


def nearest(frames: list[FieldOutput], capacity: float) -> FieldOutput:
    """The frame nearest to a capacity (mAh/cm2), the first of those that are equally near.

    Raises:
        RecordsError: if the next output, had there been one, would be nearer than the last.
    """
    passed = np.array([frame.capacity for frame in frames])
    half = 0.5 * float(passed[-1] - passed[-2]) if len(frames) > 1 else 0.0
    if capacity > passed[-1] * (1.0 + 1e-6) + half:
        raise RecordsError(f"{capacity:g} mAh/cm2 is beyond the last output, at {passed[-1]:g} mAh/cm2")
    return frames[int(np.argmin(np.abs(passed - capacity)))]


def spaced(frames: list[FieldOutput], interval: float) -> list[FieldOutput]:
    """The frames nearest to multiples of a time interval (s), each once, and the last."""
    times = np.array([frame.seconds for frame in frames])
    wanted = [*np.arange(0.0, times[-1], interval), times[-1]]
    return [frames[k] for k in sorted({int(np.argmin(np.abs(times - time))) for time in wanted})]


def view_of(run: RunRecords, instrument: Instrument, specimen: Specimen) -> View:
    """What all pictures of a run show, one of whose outputs is given."""
    mirrored = specimen.kind == "axisymmetric" or _begins_on_side(run)
    whole = (
        instrument.um("view") if instrument.view is not None else specimen.width * (2.0 if mirrored else 1.0)
    )
    left = -0.5 * whole if mirrored else 0.0
    tallest = float(run.voids["height_um"].max()) if run.voids else 0.0
    most = max(ABOVE * whole, ROOM_ABOVE * tallest, LEAST)
    return View(left, left + whole, -max(BELOW * whole, LEAST), min(most, specimen.top + COLLECTOR * whole))


def _begins_on_side(run: RunRecords) -> bool:
    """Whether the side x = 0 cuts a void at the first output."""
    table = run.voids
    return bool(np.any((table["output"] == 0) & (table["left_um"] < NEAR))) if table else False


def look(run: RunRecords, frame: FieldOutput, instrument: Instrument, view: View) -> Look:
    """Take a picture and count what is in it; :func:`with_mg` adds what EDS says.

    Raises:
        RecordsError: if the file of the frame is missing.
    """
    specimen = specimen_of(run, frame)
    pixel = specimen.spacing(instrument.um("pixel"))
    section = cut(specimen, pixel, view.bottom, view.top, instrument.um("cut"))
    grey = picture(section, instrument, frame.output)
    seen = seen_voids(grey, section, instrument)
    widths, heights = sizes(run, frame.output)
    times = run.series["time_s"].astype(float)
    at = int(np.argmin(np.abs(times - frame.seconds)))
    row = FrameRow(
        output=frame.output,
        time_s=frame.seconds,
        capacity_mAh_cm2=frame.capacity,
        contact_loss_seen=seen.contact_loss,
        contact_loss=1.0 - float(run.series["contact_fraction"][at]),
        voids_seen=len(seen.widths),
        voids=len(widths),
        voids_seen_per_100_um=100.0 * len(seen.widths) / section.width,
        mean_width_seen_um=_mean(seen.widths),
        mean_width_um=_mean(widths),
        largest_width_seen_um=float(seen.widths.max(initial=0.0)),
        largest_width_um=float(widths.max(initial=0.0)),
        largest_height_seen_um=float(seen.heights.max(initial=0.0)),
        largest_height_um=float(heights.max(initial=0.0)),
        mg_seen=None,
        mg=None,
    )
    return Look(frame, specimen, section, grey, row)


def looks(run: RunRecords, chosen: Iterable[FieldOutput], instrument: Instrument) -> Iterator[Look]:
    """Pictures of some frames, one after the other, all with the same view."""
    view = None
    for frame in chosen:
        view = view or view_of(run, instrument, specimen_of(run, frame))
        yield look(run, frame, instrument, view)


def with_mg(row: FrameRow, maps: Maps) -> FrameRow:
    """A row with what EDS says of the same frame."""
    values = {name: getattr(row, name) for name in FrameRow.columns()}
    return FrameRow(**(values | {"mg_seen": maps.largest_mg(), "mg": maps.largest_solute()}))


def sizes(run: RunRecords, output: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Widths and heights (um) of all voids at an output."""
    table = run.voids
    if not table:
        return np.empty(0), np.empty(0)
    which = table["output"].astype(int) == output
    return table["width_um"][which].astype(float), table["height_um"][which].astype(float)


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None
