"""``livoid microscope RUN``: which frames, what is written, and into which folder."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postprocess.microscope import frames as film
from postprocess.microscope import maps as eds
from postprocess.microscope import pictures
from postprocess.microscope.instrument import refusal
from postprocess.records import RecordsError, read_run
from solver.core.files import write_atomic
from solver.core.ownership import ForeignFolderError, Marker, Results, refuse_links
from solver.output.tables import Table

if TYPE_CHECKING:
    from postprocess.microscope.frames import FieldOutput
    from postprocess.microscope.instrument import Request
    from postprocess.microscope.section import Specimen
    from postprocess.records import RunRecords
    from solver.output.columns import Row

FOLDER = "microscope"
"""Of the run folder, where nothing else is said."""
MARKER = Marker(
    kind="microscope folder", key="livoid_microscope", file="microscope.json", earlier=lambda _: False
)
FRAMES = "frames.csv"
NAMES = re.compile(r"(sem|eds|profile)-\d{5}\.(png|csv)|frames\.csv|microscope\.json")
"""Files in a folder with the marker of a version that made no list of them."""
COULOMB_M2_PER_MAH_CM2 = 36e3


def microscope(folder: Path, request: Request, out: Path | None = None) -> list[Path]:
    """Look at a run and write what is seen; says which outputs are taken.

    Args:
        folder: run folder, of which only the records are read.
        request: instrument and capacities.
        out: where to (default ``microscope`` in the run folder).

    Returns:
        The files, the table of the frames first.

    Raises:
        RecordsError: if there is nothing to look at, or ``out`` holds what livoid has not made.
        CaseError: if the instrument does not fit the run.
    """
    run = read_run(folder)
    every = film.all_frames(run)
    first = film.specimen_of(run, every[0])
    _check(request, first, run)
    chosen = _chosen(every, request)
    view = film.view_of(run, request, first)
    target = folder / FOLDER if out is None else out
    shown = chosen or [every[-1]]
    made: list[Path] = []
    rows = []
    with _claimed(target, run, request, shown):
        for frame in chosen or every:
            look = film.look(run, frame, request, view)
            if not (frame in shown or look.specimen.is_alloy):
                rows.append(look.row)
                continue
            maps = eds.element_maps(look.specimen, request)
            rows.append(film.with_mg(look.row, maps))
            if frame not in shown:
                continue
            sem, eds_map, profile, numbers = (target / name for name in _names(frame)[:4])
            title = f"{run.folder.resolve().name}, {frame.capacity:.4g} mAh/cm2"
            made += [
                pictures.draw_sem(sem, look, view, request, run.folder.resolve().name),
                pictures.draw_maps(eds_map, maps, view, title, request),
                pictures.draw_profile(profile, maps, title, request),
                _table(numbers, maps.rows()),
            ]
        return [_table(target / FRAMES, rows), *made]


def _names(frame: FieldOutput) -> tuple[str, ...]:
    """Files of an output: picture, maps, profile and its numbers, then the PDFs of what is drawn."""
    end = f"{frame.output:05d}"
    pictures = (f"sem-{end}.png", f"eds-{end}.png", f"profile-{end}.png", f"profile-{end}.csv")
    return (*pictures, f"eds-{end}.pdf", f"profile-{end}.pdf")


def _chosen(every: list[FieldOutput], request: Request) -> list[FieldOutput]:
    """Frames that are asked for, each once, in the order of the run; which is said."""
    found = []
    for charge in request.at:
        capacity = charge / COULOMB_M2_PER_MAH_CM2
        frame = film.nearest(every, capacity)
        print(f"{capacity:.6g} mAh/cm2: output {frame.output}, at {frame.capacity:.6g} mAh/cm2")
        found.append(frame)
    if not request.at:
        print(f"{len(every)} outputs counted; pictures of the last, at {every[-1].capacity:.6g} mAh/cm2")
    return [frame for frame in every if frame in found]


def _check(request: Request, specimen: Specimen, run: RunRecords) -> None:
    """Raise CaseError with all that does not fit the run."""
    given, problems = request.model_fields_set, []
    if request.um("pixel") > 0.25 * specimen.width:
        problems.append(f"--pixel: is not a quarter of the cell, which is {specimen.width:g} um wide")
    if specimen.kind != "3d" and "cut" in given:
        problems.append(f"--cut: there is one plane only, as the cell is {specimen.kind}")
    elif specimen.kind == "3d" and request.um("cut") > specimen.depth * (1.0 + 1e-9):
        problems.append(f"--cut: outside the cell, which ends at y = {specimen.depth:g} um")
    if not specimen.is_alloy and "normalise" in given:
        problems.append("--normalise: the metal has no Mg")
    lowest = min(float(run.series["platen_um"].min()), specimen.top)
    if specimen.is_alloy and request.um("normalise") >= lowest:
        problems.append(
            f"--normalise: {request.um('normalise'):g} um below the current collector is no metal, which is "
            f"{lowest:.4g} um thick; give another depth"
        )
    if problems:
        raise refusal(problems)


@contextlib.contextmanager
def _claimed(target: Path, run: RunRecords, request: Request, shown: Sequence[FieldOutput]) -> Iterator[None]:
    """Take the folder: settings with its marker first, then what was there of an earlier look goes."""
    results = Results(target)
    names = (MARKER.file, FRAMES, *(name for frame in shown for name in _names(frame)))
    try:
        refuse_links(target.parent, (target.name,))
        if target.exists() and not target.is_dir():
            raise RecordsError(f"{target} is no folder")
        marker = MARKER.look(target)
        if marker is not None:
            results.adopt(NAMES)
        content: dict[str, Any] = {
            MARKER.key: marker or MARKER.new(),
            "run": str(run.folder.resolve()),
            "instrument": request.stated(),
            "pictures": [{"output": f.output, "capacity_mAh_cm2": f.capacity} for f in shown],
        }
        with results.making(*names, only=True):
            write_atomic(target / MARKER.file, json.dumps(content, indent=2) + "\n")
            yield
    except ForeignFolderError as error:
        raise RecordsError(str(error)) from None


def _table(path: Path, rows: Sequence[Row]) -> Path:
    Table(path, type(rows[0])).append(rows)
    return path
