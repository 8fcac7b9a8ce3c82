"""The file of a calibration: what varies, by which priors, and what was measured::

    [calibration]
    case = "cell.toml"          # relative to this file
    samples = 32                # design points of a wave

    [prior."fixture.stiffness"]
    distribution = "log-uniform"
    from = "0.01 MPa/um"
    to = "1 MPa/um"
    source = "..."

    [[observable]]
    name = "half of the contact"
    kind = "capacity-at-contact-loss"
    share = 0.5
    measured = "0.6 mAh/cm^2"
    error = "0.05 mAh/cm^2"
    model_error = "0.1 mAh/cm^2"
    source = "fig. 2"

An observable may be of another cell: ``case``, with changes of it in ``fixed``, and ``parameters``, the
priors that this cell answers to (by default all that its case has).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from solver.calibration.observables import EVENTS, KINDS, Kind
from solver.calibration.priors import PriorsFile, read_file
from solver.case.errors import CaseError
from solver.case.loading import load_case
from solver.case.schema.protocol_step import charge
from solver.case.units import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from solver.calibration.priors import Prior
    from solver.case.loading import LoadedCase

MOST_PARAMETERS = 8
"""More cannot be told apart by what runs of minutes allow."""
SECTIONS = ("operation", "output")
"""Of a case, that are the experiment's and not the model's."""
CAPACITY_UNIT = "mA*hour/cm^2"
CERTAIN = 3.0
"""Standard deviations by which a run has to go beyond a measured capacity."""
COULOMB_PER_MAH_CM2 = 36_000.0
"""C/m2 of a mAh/cm2."""

Value = int | float | str
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]


class Calibration(BaseModel):
    """``[calibration]``."""

    model_config = ConfigDict(extra="forbid")
    case: Annotated[str | None, Field(description="case file, relative to this file")] = None
    title: str = ""
    samples: Annotated[int, Field(ge=4, le=10_000, description="design points of a wave (a power of 2)")] = 32
    waves: Annotated[int, Field(ge=1, le=10, description="rounds of runs, each where the last left room")] = 2
    void_seeds: Annotated[
        list[Annotated[int, Field(ge=0)]],
        Field(max_length=50, description="draws of the voids that each point is run with; none: the case's"),
    ] = []
    implausible: Annotated[
        float, Field(gt=1.0, le=10.0, description="standard deviations beyond which a point is ruled out")
    ] = 3.0
    seed: Annotated[int, Field(ge=0, description="of design, posterior and indices")] = 0


class Given(BaseModel):
    """``[[observable]]``: a measured number with its errors, one standard deviation each."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    kind: Kind
    measured: Value
    error: Annotated[Value, Field(description="of the measurement")]
    model_error: Annotated[Value, Field(description="of the model: how far it may be off at best")] = 0.0
    source: Annotated[str, Field(min_length=1)]
    share: Annotated[float | None, Field(gt=0.0, lt=1.0, description="lost, of the first contact")] = None
    factor: Annotated[float | None, Field(gt=1.0, allow_inf_nan=False, description="over the first")] = None
    capacity: Annotated[str | None, Field(description="at which it was measured")] = None
    event: Annotated[str | None, Field(description="split, coalesce, collapse, touch or open")] = None
    case: Annotated[str | None, Field(description="of its cell, if it is another one")] = None
    fixed: Annotated[dict[str, Value], Field(description="changes of the case for its cell")] = {}
    parameters: Annotated[list[str] | None, Field(description="priors that its cell answers to")] = None


class CalibrationFile(PriorsFile):
    """The whole file; its priors are those of :mod:`solver.calibration.priors`."""

    calibration: Calibration
    observable: Annotated[list[Given], Field(min_length=1)]


@dataclass(frozen=True)
class Observable:
    """What was measured, in the unit of its kind.

    Attributes:
        name: of the user.
        kind, argument: what it is of a run (:func:`solver.calibration.observables.statistic`).
        measured: number.
        error, model_error: standard deviations.
        source: where it is from.
        cell: number of the cell whose runs have it.
    """

    name: str
    kind: str
    argument: float | str | None
    measured: float
    error: float
    model_error: float
    source: str
    cell: int = 0

    @property
    def deviation(self) -> float:
        """Of measurement and model together."""
        return math.hypot(self.error, self.model_error)


@dataclass(frozen=True)
class Cell:
    """A cell of the experiment: a case with changes, and the parameters that it answers to.

    Attributes:
        case: its file.
        fixed: changes of it.
        loaded: the case with them.
        paths: of the parameters.
    """

    case: Path
    fixed: Mapping[str, Value]
    loaded: LoadedCase
    paths: tuple[str, ...]

    @property
    def planned(self) -> float:
        """Capacity (mAh/cm2) at which a run ends at the latest; NaN where the case does not say."""
        operation = self.loaded.case.operation
        if not operation.step:
            assert operation.capacity is not None, "refused when the case is read"
            return float(operation.capacity) / COULOMB_PER_MAH_CM2
        charges = [charge(step) for _, _, step in operation.steps()]
        known = [math.nan if one is None else one for one in charges]
        return sum(known) / COULOMB_PER_MAH_CM2

    @property
    def random(self) -> bool:
        """Whether its voids are drawn."""
        return self.loaded.case.voids is not None


@dataclass(frozen=True)
class Plan:
    """A calibration that can be carried out.

    Attributes:
        given: the settings.
        priors: by dotted path.
        cells: whose runs are needed.
        observables: what was measured.
        title: of it.
    """

    given: Calibration
    priors: dict[str, Prior]
    cells: list[Cell]
    observables: list[Observable]
    title: str

    def draws(self, cell: Cell) -> int:
        """With how many draws of the voids each point of a cell is run."""
        return max(len(self.given.void_seeds), 1) if cell.random else 1


def load_plan(file: Path) -> Plan:
    """Read and validate a calibration file with its cases.

    Raises:
        CaseError: with every problem found.
    """
    read = read_file(file, CalibrationFile)
    problems = _prior_problems(read)
    cells: list[Cell] = []
    observables: list[Observable] = []
    for number, given in enumerate(read.observable):
        where = f"observable[{number}]"
        try:
            cell = _cell(given, read, file.parent)
        except ValueError as error:
            problems += [f"{where}: {line}" for line in getattr(error, "problems", [str(error)])]
            continue
        if cell not in cells:
            problems += _end_problems(read, cell)
            cells.append(cell)
        made, wrong = _observable(given, where, cell, cells.index(cell))
        problems += wrong
        observables += [made] if made is not None else []
    problems += _whole_problems(read, cells)
    if problems:
        raise CaseError(str(file), problems)
    return Plan(read.calibration, read.prior, cells, observables, read.calibration.title or file.stem)


def _cell(given: Given, read: CalibrationFile, folder: Path) -> Cell:
    """The cell of an observable; raises CaseError (ValueError) with what is wrong with it."""
    name = given.case or read.calibration.case
    if name is None:
        raise ValueError("needs 'case', as [calibration] has none")
    case = folder / name
    loaded = load_case(case, given.fixed)
    unknown = [path for path in given.parameters or [] if path not in read.prior]
    if unknown:
        raise ValueError(f"parameters: no prior of {', '.join(unknown)}")
    if given.parameters is not None:
        paths = [path for path in read.prior if path in given.parameters]
    else:
        paths = [path for path, prior in read.prior.items() if _takes(case, given.fixed, path, prior)]
    return Cell(case, dict(given.fixed), loaded, tuple(paths))


def _takes(case: Path, fixed: Mapping[str, Value], path: str, prior: Prior) -> bool:
    """Whether a case has a parameter."""
    try:
        load_case(case, {**fixed, path: prior.at(0.5)})
    except CaseError:
        return False
    return True


def _prior_problems(read: CalibrationFile) -> list[str]:
    problems = []
    if len(read.prior) > MOST_PARAMETERS:
        problems.append(f"prior: {len(read.prior)} parameters; at most {MOST_PARAMETERS} can be told apart")
    for path in read.prior:
        section = path.partition(".")[0]
        if section in SECTIONS:
            problems.append(f"prior.{path}: [{section}] is the experiment's, not a parameter of the model")
        if path == "voids.seed":
            problems.append("prior.voids.seed: draws of the voids are calibration.void_seeds")
    if len(set(read.calibration.void_seeds)) < len(read.calibration.void_seeds):
        problems.append("calibration.void_seeds: one is there twice")
    return problems


def _whole_problems(read: CalibrationFile, cells: Sequence[Cell]) -> list[str]:
    """What is wrong between the parts: names, and what no cell has."""
    names = [given.name for given in read.observable]
    problems = [f"observable: the name '{name}' is there twice" for name in sorted(_twice(names))]
    if read.calibration.void_seeds and cells and not any(cell.random for cell in cells):
        problems.append("calibration.void_seeds: no case has random [voids]")
    used = {path for cell in cells for path in cell.paths}
    for path, prior in read.prior.items():
        if cells and path not in used:
            try:
                load_case(cells[0].case, {**cells[0].fixed, path: prior.at(0.5)})
                why = "no observable's 'parameters' has it"
            except CaseError as error:
                why = error.problems[0]
            problems.append(f"prior.{path} = {prior.at(0.5)}: {why}")
    return problems


def _twice(names: Sequence[str]) -> set[str]:
    return {name for name in names if names.count(name) > 1}


def _end_problems(read: CalibrationFile, cell: Cell) -> list[str]:
    """What is wrong with a cell's case at the ends of its priors, each parameter alone."""
    problems = []
    for path in cell.paths:
        for share in (0.5, 0.0, 1.0):
            value = read.prior[path].at(share)
            try:
                load_case(cell.case, {**cell.fixed, path: value})
            except CaseError as error:
                problems.append(f"prior.{path} = {value}: {error.problems[0]}")
                break
    return problems


def _observable(given: Given, path: str, cell: Cell, number: int) -> tuple[Observable | None, list[str]]:
    about, problems = KINDS[given.kind], []
    arguments: dict[str, Any] = {
        name: getattr(given, name) for name in ("share", "factor", "event", "capacity")
    }
    for name, value in arguments.items():
        if (name == about.needs) != (value is not None):
            what = f"needs '{name}'" if name == about.needs else f"'{name}' does not belong to it"
            problems.append(f"{path} ({given.kind}): {what}")
    if about.needs == "event" and given.event is not None and given.event not in EVENTS:
        problems.append(f"{path}.event = '{given.event}': expected one of {', '.join(EVENTS)}")
    numbers = {}
    for name, text, unit in (
        ("measured", given.measured, about.unit),
        ("error", given.error, about.unit),
        ("model_error", given.model_error, about.unit),
        ("capacity", given.capacity, CAPACITY_UNIT),
    ):
        if text is None:
            continue
        try:
            numbers[name] = _number(text, unit, zero=name == "model_error")
        except ValueError as error:
            problems.append(f"{path}.{name}: {error}")
    if "error" in numbers and not numbers["error"] > 0.0:
        problems.append(f"{path}.error: must lie above 0, as every measurement has one")
    if numbers.get("model_error", 0.0) < 0.0:
        problems.append(f"{path}.model_error: must not lie below 0")
    if problems:
        return None, problems
    argument = numbers.get("capacity", arguments[about.needs] if about.needs else None)
    made = Observable(
        given.name,
        given.kind,
        argument,
        numbers["measured"],
        numbers["error"],
        numbers.get("model_error", 0.0),
        given.source,
        number,
    )
    return made, _reach_problems(made, path, cell.planned)


def _number(text: Value, unit: str, *, zero: bool) -> float:
    """A number in a unit; a bare 0 where it may stand for none."""
    return 0.0 if zero and text == 0 else parse_quantity(text, unit)


def _reach_problems(observable: Observable, path: str, planned: float) -> list[str]:
    """Whether runs that end at a planned capacity say anything about an observable."""
    about = KINDS[observable.kind]
    if math.isnan(planned) and (about.later or about.needs == "capacity"):
        return [f"{path}: its case has no operation.capacity, so it is not known where runs end"]
    if about.later and observable.measured + CERTAIN * observable.deviation > planned:
        wanted = observable.measured + CERTAIN * observable.deviation
        return [
            f"{path}: runs end at {planned:.4g} mAh/cm2, but the capacity that was measured, with "
            f"{CERTAIN:g} times its errors, goes to {wanted:.4g}; raise operation.capacity of the case"
        ]
    if about.needs == "capacity" and observable.argument is not None and float(observable.argument) > planned:
        return [
            f"{path}.capacity: runs end before, at {planned:.4g} mAh/cm2 (operation.capacity of the case)"
        ]
    return []
