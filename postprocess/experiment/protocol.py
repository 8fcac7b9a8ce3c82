"""A protocol from a cycler's file: its steps as tables ``[[operation.step]]``, with their limits as found.

A record says what was done, and when it ended, but not why. Two limits can be told from it: a current that is
followed by a hold ended at the voltage of the hold; and steps that are repeated, last differently long and
end at one voltage (a hold: at one current) ended there. Any other step lasts as long as it did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tomli_w
from pydantic import ValidationError

from postprocess.experiment.measurement import described, order_problems, quantities
from postprocess.experiment.segments import CURRENT, VOLTAGE, Record, segments
from solver.case.errors import CaseError, describe, shown, suggestion
from solver.case.platen_series import thinned
from solver.case.schema.operation import Operation

if TYPE_CHECKING:
    from postprocess.experiment.segments import Segment

STEP_HEADS = ("Ns", "stage", "step", "Step_Index", "Step Index", "Step", "Step ID")
"""Heads of step numbers: EC-Lab's, livoid's own, those of exports of Arbin, Neware and others."""
MODE, HELD = "mode", 2.0
"""EC-Lab's column of what it controls, and its number for a voltage."""
OF_EC_LAB = {"Ns changes", "control changes"}
"""Columns beside it in EC-Lab's files: another maker's "mode" may mean anything."""
REPEATED = 3
"""Steps that have to end alike for that to be their limit."""
TIMED = 5e-3
"""Spread of the lengths of steps that a clock ends, over their mean; cyclers keep time to 0.1 %."""
SAMPLES = 3.0
"""The same in intervals between points."""
ENDS_ALIKE = 0.05
"""Spread of the currents at which holds end, over their mean."""
DIGITS = 4
"""Significant digits of currents and voltages: cyclers are good to 0.1 %."""
POINTS = "points"
DAY = 86400.0
"""s after which a step ends at the latest that has a limit, as in a protocol in words."""
Step = dict[str, Any]


def protocol(file: Path, given: Mapping[str, Any], step_head: str | None) -> str:
    """TOML text of the steps that a cycler's file has.

    Args:
        file: measurements, or a TOML file that describes them.
        given: keys of ``[[data]]`` from the command line.
        step_head: head of the column of step numbers; None for one that is known, or none.

    Raises:
        CaseError: with everything that is wrong.
        MissingPackageError: if what reads the file is missing.
    """
    problems: list[str] = []
    record, name = None, file.name
    for data in described([file], given, problems):
        path = Path(data.file)
        name = data.label or path.name
        own: list[str] = []
        try:
            values, table = quantities(data, path, own)
        except ValueError as error:
            own.append(str(error))
        else:
            record = _record(values, table, step_head, own)
        problems += [f"{path}: {line}" for line in own]
    if record is None or problems:
        raise CaseError("protocol", problems)
    return _text(name, record, _checked(record))


def _record(
    values: Mapping[str, Any], table: Mapping[str, Any], step_head: str | None, problems: list[str]
) -> Record | None:
    """Rows with a time and a current."""
    if step_head is not None and step_head not in table:
        problems.append(f"--step '{step_head}': the file has no such column{suggestion(step_head, table)}")
    for name in ("time", "current"):
        if name not in values and not any(f"columns.{name} " in line for line in problems):
            problems.append(f"{name}: no column of it is recognised; say which, as --column {name}=HEAD")
    if problems:
        return None
    problems += order_problems("time", values)
    good = np.isfinite(values["time"]) & np.isfinite(values["current"])
    if np.count_nonzero(good) < 2 or not np.any(values["current"][good]):
        problems.append("current: there is none, so that nothing was done to the cell")
    if problems:
        return None
    head = step_head or next((each for each in STEP_HEADS if each in table), None)
    number = np.zeros(int(good.sum())) if head is None else np.nan_to_num(table[head][good], nan=-1.0)
    held = table[MODE][good] == HELD if MODE in table and OF_EC_LAB & set(table) else None
    voltage = values["voltage"][good] if "voltage" in values else None
    return Record(values["time"][good], values["current"][good], voltage, number, held)


def _checked(record: Record) -> list[tuple[Segment, Step]]:
    """Pieces and their steps; raises CaseError with all that a case does not take."""
    found = list(zip(pieces := segments(record), _steps(record, pieces), strict=True))
    problems = []
    for number, (piece, step) in enumerate(found, start=1):
        if step.get("voltage", "").startswith("-"):
            problems.append(
                f"step {number}, from {piece.start:.6g} s: is held at {step['voltage']} (stripping positive) "
                f"and {step['do']}s; give --offset voltage=... (the potential that is no overpotential) or "
                "--opposite voltage or current"
            )
    if not problems:
        try:
            Operation.model_validate({"pressure": "1 MPa", "step": [step for _, step in found]})
        except ValidationError as error:
            problems = [describe(Operation, detail) for detail in error.errors()]
    if problems:
        raise CaseError("protocol", problems)
    return found


def _steps(record: Record, pieces: Sequence[Segment]) -> Iterator[Step]:
    """The step of each piece, with its limit."""
    plain = [_step(record, piece) for piece in pieces]
    repeated = _repeated(record, pieces, plain)
    for k, (piece, step) in enumerate(zip(pieces, plain, strict=True)):
        after = plain[k + 1] if k + 1 < len(plain) else {}
        limit = repeated.get(k, {})
        if (
            "current" in step
            and "voltage" in after
            and step["do"] == after["do"]
            and record.voltage is not None
        ):
            level = float(after["voltage"].split()[0])
            end = abs(float(record.voltage[piece.last - 1]))
            limit = {"cutoff_voltage": after["voltage"]} if abs(end - level) <= 4.0 * VOLTAGE else limit
        # what ends at a limit may take longer in a computation
        length = piece.end - piece.start
        late = {"duration": f"{max(DAY, 2.0 * length):.6g} s"} if limit else {}
        yield step | late | limit


def _step(record: Record, piece: Segment) -> Step:
    """What was done in a piece, as long as it was."""
    here = record.current[piece.first : piece.last]
    duration = {"duration": f"{piece.end - piece.start:.6g} s"}
    if piece.kind == "rest":
        return {"do": "rest", **duration}
    if piece.kind == "other":
        # from the end of the step before on, with the first current that was seen
        time = np.append(piece.start, record.time[piece.first : piece.last]) - piece.start
        here = np.append(here[0], here)
        rising = np.append(np.diff(time) > 0.0, True)
        points = [[float(t), float(i)] for t, i in zip(time[rising], here[rising], strict=True)]
        return {"do": "follow", POINTS: thinned(points, CURRENT * float(np.max(np.abs(here))))}
    mean = float(np.median(here))
    do = "strip" if mean > 0.0 else "plate"
    if piece.kind == "voltage" and record.voltage is not None:
        level = float(np.nanmedian(record.voltage[piece.first : piece.last]))
        level = level if do == "strip" else -level
        return {"do": do, "voltage": f"{_round(level)!r} V", **duration}
    if piece.kind == "ramp":
        slope = (here[-1] - here[0]) / (record.time[piece.last - 1] - record.time[piece.first])
        begins = float(here[0] - slope * (record.time[piece.first] - piece.start))  # before its first point
        begins = begins if begins * mean > 0.0 else float(here[0])
        ends = [f"{_round(abs(value))!r} mA/cm^2" for value in (begins, float(here[-1]))]
        return {"do": do, "current": ends[0], "current_to": ends[1], **duration}
    return {"do": do, "current": f"{_round(abs(mean))!r} mA/cm^2", **duration}


def _repeated(record: Record, pieces: Sequence[Segment], steps: Sequence[Step]) -> dict[int, Step]:
    """Limits of steps that are alike, last differently long and end alike.

    The last step of a file is none of them: it may have been broken off.
    """
    found: dict[int, Step] = {}
    alike: dict[tuple[str, str], list[int]] = {}
    for k, step in enumerate(steps[:-1]):
        for key in ("current", "voltage"):
            if key in step and "current_to" not in step:
                level = float(step[key].split()[0])
                # currents within a few per cent are one
                alike.setdefault((f"{step['do']} {key}", f"{level:.1e}"), []).append(k)
    for (what, _), numbers in alike.items():
        holds = what.endswith("voltage")
        column = record.current if holds else record.voltage
        if len(numbers) < REPEATED or column is None:
            continue
        lengths = np.array([pieces[k].end - pieces[k].start for k in numbers])
        ends = np.abs([column[pieces[k].last - 1] for k in numbers])
        spread = ENDS_ALIKE * float(np.mean(ends)) if holds else 2.0 * VOLTAGE
        level = _round(float(np.median(ends)))
        sampled = max(float(np.ptp(record.time[pieces[k].last - 2 : pieces[k].last])) for k in numbers)
        differ = np.ptp(lengths) > max(TIMED * float(np.mean(lengths)), SAMPLES * sampled)
        if differ and np.ptp(ends) <= spread and level > 0.0:
            key, unit = ("cutoff_current", "mA/cm^2") if holds else ("cutoff_voltage", "V")
            found |= {k: {key: f"{level!r} {unit}"} for k in numbers}
    return found


def _round(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _text(name: str, record: Record, found: Sequence[tuple[Segment, Step]]) -> str:
    """The steps as TOML, each with what the file has of it as a remark."""
    lines = [
        f"# {len(found)} steps in {len(record.time)} points of {shown(name)}, found by livoid protocol.",
        "# They stand below [operation] of a case, in the place of its 'current' and 'capacity'.",
    ]
    for number, (piece, step) in enumerate(found, start=1):
        end = "" if record.voltage is None else f", {float(record.voltage[piece.last - 1]):.4g} V at its end"
        lines += [
            "",
            f"# {number}: {piece.start:.6g} to {piece.end:.6g} s{end}",
            "[[operation.step]]",
            tomli_w.dumps({key: value for key, value in step.items() if key != POINTS}).rstrip(),
        ]
        if POINTS in step:  # a pair a line
            lines += [f"{POINTS} = [", *(f"    [{t:.7g}, {i:.6g}]," for t, i in step[POINTS]), "]"]
    return "\n".join(lines)
