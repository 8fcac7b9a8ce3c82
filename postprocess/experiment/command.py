"""``livoid compare RUN ... --data FILE``: what is read, and everything that is wrong with it at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postprocess.experiment.measurement import described, read_measurement, valid
from postprocess.experiment.overlay import FILES, overlay
from postprocess.records import RecordsError, read_run
from solver.case.errors import CaseError

if TYPE_CHECKING:
    from postprocess.experiment.measurement import Measurement
    from postprocess.records import RunRecords
    from solver.case.schema.data import Data

__all__ = ["FILES", "compare"]
Problems = list[str]


def compare(
    folders: Sequence[Path], files: Sequence[Path], given: Mapping[str, Any], out: Path
) -> list[Path]:
    """Lay runs over measurements, or over the first of them.

    Args:
        folders: run folders.
        files: measurements, or TOML files that describe them; without any, those of the runs' cases.
        given: keys of ``[[data]]`` from the command line, for all ``files``.
        out: folder of the results.

    Raises:
        CaseError: with everything that is wrong with runs and files.
    """
    problems: Problems = []
    runs = [run for folder in folders if (run := _run(folder, problems)) is not None]
    wanted = described(files, given, problems) if files else _of_cases(runs, problems)
    data = [found for one in wanted if (found := _measured(one, problems)) is not None]
    if not problems and len(runs) < 2 and not data:
        problems.append(
            "nothing to compare the run with: give another one, --data FILE, or [[data]] in its case"
        )
    made: list[Path] = []
    if not problems:
        try:
            made = overlay(runs, data, out)
        except ValueError as error:
            problems += str(error).splitlines()
    if problems:
        raise CaseError("compare", problems)
    return made


def _run(folder: Path, problems: Problems) -> RunRecords | None:
    try:
        return read_run(folder)
    except RecordsError as error:
        problems.append(str(error))
        return None


def _of_cases(runs: Iterable[RunRecords], problems: Problems) -> list[Data]:
    """What the cases of runs say, each file once."""
    found: dict[str, Data] = {}
    for run in runs:
        path = run.folder / "case.toml"
        try:
            case = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            problems.append(f"{path}: {error}")
            continue
        for k, entry in enumerate(case.get("data", [])):
            for one in valid(entry, f"{path}: data[{k}]", problems):
                found.setdefault(one.model_dump_json(), one)
    return list(found.values())


def _measured(data: Data, problems: Problems) -> Measurement | None:
    try:
        return read_measurement(data, Path(data.file))
    except ValueError as error:
        problems += [f"{data.file}: {line}" for line in str(error).splitlines()]
        return None
