"""``livoid compare RUN ... --data FILE``: what is read, and everything that is wrong with it at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from postprocess.experiment.measurement import read_measurement
from postprocess.experiment.overlay import FILES, overlay
from postprocess.records import RecordsError, read_run
from solver.case.errors import CaseError, describe
from solver.case.schema.data import Data
from solver.core.files import read_toml

if TYPE_CHECKING:
    from postprocess.experiment.measurement import Measurement
    from postprocess.records import RunRecords

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
    described = _described(files, given, problems) if files else _of_cases(runs, problems)
    data = [found for one in described if (found := _measured(one, problems)) is not None]
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


def _described(files: Iterable[Path], given: Mapping[str, Any], problems: Problems) -> list[Data]:
    """Descriptions of files: a TOML file is one, the command line says the same of all others."""
    found = []
    for path in files:
        content: dict[str, Any] = {"file": str(path)}
        if path.suffix.lower() == ".toml":
            try:
                content = read_toml(path)
            except ValueError as error:
                problems.append(f"{path}: {error}")
                continue
            if isinstance(content.get("file"), str):
                content["file"] = str(path.parent / content["file"])
        found += _valid(content | dict(given), str(path), problems)
    return found


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
            for one in _valid(entry, f"{path}: data[{k}]", problems):
                found.setdefault(one.model_dump_json(), one)
    return list(found.values())


def _valid(content: Mapping[str, Any], source: str, problems: Problems) -> list[Data]:
    try:
        return [Data.model_validate(content)]
    except ValidationError as error:
        problems += [f"{source}: {describe(Data, detail)}" for detail in error.errors()]
        return []


def _measured(data: Data, problems: Problems) -> Measurement | None:
    try:
        return read_measurement(data, Path(data.file))
    except ValueError as error:
        problems += [f"{data.file}: {line}" for line in str(error).splitlines()]
        return None
