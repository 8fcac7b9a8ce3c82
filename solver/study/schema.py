"""The study file: a base case, what varies, and how the points are chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from solver.case.errors import CaseError, message
from solver.case.paths import overridden, parts_of
from solver.core.files import read_toml

MAX_POINTS = 100_000
"""Points of one study at most."""

Value = bool | int | float | str
Dotted = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Z_a-z0-9.\-\[\]]+$")]


class StudyError(ValueError):
    """The study cannot be run; the message says why."""


class Range(BaseModel):
    """Values from ``from`` to ``to``, both with the same kind of unit.

    ``number`` points, evenly spaced or in equal ratios (``spacing = "log"``). For a Latin hypercube the
    range is what is sampled; ``number`` is refused there.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    start: Annotated[Value, Field(alias="from")]
    to: Value
    number: Annotated[int, Field(ge=2, le=MAX_POINTS)] = 5
    spacing: Literal["linear", "log"] = "linear"


class Study(BaseModel):
    """``[study]``.

    ``grid`` takes all combinations of the values, ``zip`` the first values of all together, then the second
    and so on, ``latin-hypercube`` draws ``samples`` points from the ranges (lists: one of their values),
    ``one-at-a-time`` takes the case as it is and then each value alone (sensitivities).
    """

    model_config = ConfigDict(extra="forbid")
    case: Annotated[str, Field(description="base case file, relative to the study file")]
    title: str = ""
    method: Literal["grid", "zip", "latin-hypercube", "one-at-a-time"] = "grid"
    samples: Annotated[int, Field(ge=1, le=MAX_POINTS)] = 16
    seed: Annotated[int, Field(ge=0)] = 0
    ranks: Annotated[int, Field(ge=1, le=4096, description="MPI ranks of each run")] = 1
    minutes: Annotated[int, Field(ge=1, description="wall time of a run, for batch systems")] = 720
    memory: Annotated[int, Field(ge=1, description="MB per rank, for batch systems")] = 4000
    fixed: Annotated[dict[Dotted, Any], Field(description="changes of the base case for all runs")] = {}
    vary: Annotated[
        dict[Dotted, Annotated[list[Value], Field(min_length=1)] | Range],
        Field(min_length=1, description="dotted path = list of values, or a range"),
    ]

    @model_validator(mode="after")
    def _paths(self) -> Study:
        for name, paths in (("fixed", list(self.fixed)), ("vary", list(self.vary))):
            seen: dict[tuple[str, ...], str] = {}
            for path in paths:
                first = seen.setdefault(tuple(parts_of(path)), path)
                if first != path:
                    raise ValueError(f"{name}: {first} and {path} are the same")
        twice = overridden([*self.fixed, *self.vary])
        if twice is not None:
            raise ValueError(f"fixed {twice[0]} is overridden by {twice[1]}; give one of them")
        return self

    @model_validator(mode="after")
    def _choices(self) -> Study:
        drawn = self.method == "latin-hypercube"
        for name in ("samples", "seed"):
            if name in self.model_fields_set and not drawn:
                raise ValueError(f'\'{name}\' belongs to method = "latin-hypercube", not "{self.method}"')
        for path, values in self.vary.items():
            if drawn and isinstance(values, Range) and "number" in values.model_fields_set:
                raise ValueError(
                    f"vary.{path}: 'number' has no effect with \"latin-hypercube\"; see 'samples'"
                )
        return self

    @model_validator(mode="after")
    def _lengths(self) -> Study:
        if self.method == "zip":
            lengths = {path: _count(values) for path, values in self.vary.items()}
            if len(set(lengths.values())) > 1:
                shown = ", ".join(f"{path}: {n}" for path, n in lengths.items())
                raise ValueError(f"zip needs as many values everywhere ({shown})")
        return self


class StudyFile(BaseModel):
    """A study file holds one table, ``[study]``."""

    model_config = ConfigDict(extra="forbid")
    study: Study


def _count(values: list[Value] | Range) -> int:
    return values.number if isinstance(values, Range) else len(values)


def load_study(path: Path) -> Study:
    """Read and validate a study file.

    Raises:
        CaseError: with every problem found.
    """
    try:
        data = read_toml(path)
    except ValueError as error:
        raise CaseError(str(path), [str(error)]) from None
    try:
        return StudyFile.model_validate(data).study
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in detail['loc'])}: {message(detail)}" for detail in error.errors()
        ]
        raise CaseError(str(path), problems) from None
