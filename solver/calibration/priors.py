"""Priors of parameters: a distribution over a value of the case, in its unit, with where it is from.

As a table of TOML, by the dotted path of the value::

    [prior."material.creep.prefactor"]
    distribution = "log-normal"
    median = "1.6e-7 1/s"
    factor = 3
    source = "spread of three bulk tests"

    [prior."material.electrolyte.conductivity"]
    distribution = "uniform"
    from = "0.1 S/m"
    to = "0.25 S/m"
    source = "..."

"uniform" and "log-uniform" have ends; a "log-normal" has a median and the factor that is one standard
deviation of its logarithm.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from scipy.stats import qmc

from solver.case.errors import CaseError, describe
from solver.case.paths import PathError, parts_of
from solver.case.units import convert, split_quantity
from solver.core.files import read_toml

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

DIGITS = 10
"""Significant digits of a drawn value, so that a seed gives the same cases everywhere."""
FURTHEST = 1e-6
"""Share of a log-normal prior on either side that is not drawn from: 4.75 standard deviations."""

OTHERS = ("calibration", "observable")
"""Tables of a calibration file besides its priors."""

Number = int | float | str


class Prior(BaseModel):
    """Distribution of one value."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    distribution: Literal["uniform", "log-uniform", "log-normal"]
    start: Annotated[Number | None, Field(alias="from", description="lower end, with its unit")] = None
    to: Annotated[Number | None, Field(description="upper end")] = None
    median: Annotated[Number | None, Field(description="of a log-normal prior, with its unit")] = None
    factor: Annotated[float | None, Field(gt=1.0, allow_inf_nan=False)] = None
    source: Annotated[str, Field(min_length=1, description="where the spread is from")]

    @model_validator(mode="after")
    def _consistent(self) -> Prior:
        wanted = ("median", "factor") if self.distribution == "log-normal" else ("from", "to")
        values = {"from": self.start, "to": self.to, "median": self.median, "factor": self.factor}
        problems = [f"needs '{name}'" for name in wanted if values[name] is None]
        for name, value in values.items():
            if name not in wanted and value is not None:
                problems.append(f"'{name}' does not belong to \"{self.distribution}\"")
        if problems:
            raise ValueError("; ".join(problems))
        self._ends()
        return self

    def _ends(self) -> tuple[float, float, str]:
        """Lower and upper end, or median and factor, and the unit; raises ValueError."""
        if self.distribution == "log-normal":
            median, unit = split_quantity(self.median)
            if median <= 0.0 or unit == "degC":
                raise ValueError("a log-normal prior has a median above 0, of a temperature in K")
            assert self.factor is not None
            return median, self.factor, unit
        (low, unit), (high, other) = split_quantity(self.start), split_quantity(self.to)
        if bool(unit) != bool(other):
            raise ValueError("only one end has a unit")
        high = convert(high, other, unit) if unit else high
        if not low < high:
            raise ValueError("'from' is not below 'to'")
        if self.distribution == "log-uniform" and (low <= 0.0 or unit == "degC"):
            raise ValueError("a log-uniform prior has ends above 0, of a temperature in K")
        return low, high, unit

    @property
    def unit(self) -> str:
        """Unit of the values, as the prior has it; empty for numbers."""
        return self._ends()[2]

    def number(self, share: float) -> float:
        """Quantile at a share between 0 and 1, in :attr:`unit`."""
        first, second, _ = self._ends()
        if self.distribution == "log-normal":
            normal = NormalDist().inv_cdf(min(max(share, FURTHEST), 1.0 - FURTHEST))
            number = first * second**normal
        elif self.distribution == "log-uniform":
            number = first * (second / first) ** share
        else:
            number = first + (second - first) * share
        return float(f"{number:.{DIGITS}g}")

    def at(self, share: float) -> str | float:
        """Quantile at a share between 0 and 1, with its unit as text."""
        number, unit = self.number(share), self.unit
        return f"{number!r} {unit}" if unit else number


class PriorsFile(BaseModel):
    """``[prior]``: one table for each parameter."""

    model_config = ConfigDict(extra="forbid")
    prior: Annotated[dict[str, Prior], Field(min_length=1)]

    @model_validator(mode="after")
    def _paths(self) -> PriorsFile:
        seen: dict[tuple[str, ...], str] = {}
        for path in self.prior:
            try:
                first = seen.setdefault(tuple(parts_of(path)), path)
            except PathError as error:
                raise ValueError(str(error)) from None
            if first != path:
                raise ValueError(f"{first} and {path} are the same")
        return self


Kind = TypeVar("Kind", bound=BaseModel)


def load_priors(path: Path) -> dict[str, Prior]:
    """Priors of a file by the dotted path of their value; of a calibration file its own.

    Raises:
        CaseError: with every problem found.
    """
    return read_file(path, PriorsFile, without=OTHERS).prior


def read_file(path: Path, kind: type[Kind], without: Collection[str] = ()) -> Kind:
    """A TOML file of priors, validated.

    Args:
        path: of the file.
        kind: what it has to be.
        without: tables that are left out, where it is a calibration file.

    Raises:
        CaseError: with every problem found.
    """
    try:
        data = read_toml(path)
        left_out = without if "calibration" in data else ()
        return kind.model_validate({key: value for key, value in data.items() if key not in left_out})
    except ValidationError as error:
        raise CaseError(str(path), [describe(kind, detail) for detail in error.errors()]) from None
    except ValueError as error:
        raise CaseError(str(path), [str(error)]) from None


def drawn(priors: dict[str, Prior], count: int, seed: int) -> list[dict[str, str | float]]:
    """Independent draws from all priors, spread evenly over each (Latin hypercube)."""
    shares = qmc.LatinHypercube(d=len(priors), seed=seed).random(count)
    return [at(priors, row) for row in shares]


def at(priors: Mapping[str, Prior], shares: NDArray[np.float64]) -> dict[str, str | float]:
    """Values of all parameters, with their units, at a share of each prior."""
    return {path: prior.at(float(share)) for (path, prior), share in zip(priors.items(), shares, strict=True)}
