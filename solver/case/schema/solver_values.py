"""Kinds of values that a solver option takes, each with its words for a message and its JSON schema."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Protocol

DELETE = "delete"
"""Value that takes an option away."""

_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?"


class Kind(Protocol):
    """What values an option takes."""

    def accepts(self, value: object) -> bool:
        """Whether the value is of this kind."""

    def words(self) -> str:
        """What is expected, for a message."""

    def json_schema(self) -> dict[str, Any]:
        """JSON schema of the value."""


@dataclass(frozen=True)
class Whole:
    """A whole number in a range."""

    low: int
    high: int

    def accepts(self, value: object) -> bool:
        """Whether the value is of this kind."""
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high

    def words(self) -> str:
        """What is expected, for a message."""
        return f"expected a whole number from {self.low} to {self.high}"

    def json_schema(self) -> dict[str, Any]:
        """JSON schema of the value."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True)
class Number:
    """A number in a range."""

    low: float
    high: float

    def accepts(self, value: object) -> bool:
        """Whether the value is of this kind."""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and self.low <= value <= self.high  # type: ignore[operator]

    def words(self) -> str:
        """What is expected, for a message."""
        return f"expected a number from {self.low:g} to {self.high:g}"

    def json_schema(self) -> dict[str, Any]:
        """JSON schema of the value."""
        return {"type": "number", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True)
class Numbers:
    """A number, or up to ``most`` of them in one text, between commas."""

    most: int

    @property
    def _pattern(self) -> str:
        return rf"^{_NUMBER}(,{_NUMBER}){{0,{self.most - 1}}}$"

    def accepts(self, value: object) -> bool:
        """Whether the value is of this kind."""
        if isinstance(value, str):
            return "\n" not in value and re.match(self._pattern, value) is not None
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)

    def words(self) -> str:
        """What is expected, for a message."""
        return f"expected a text of at most {self.most} numbers, such as '0.5,2.5'"

    def json_schema(self) -> dict[str, Any]:
        """JSON schema of the value."""
        return {"type": ["string", "number"], "pattern": self._pattern}


@dataclass(frozen=True)
class OneOf:
    """One of some values."""

    values: tuple[str | bool | int, ...]
    meaning: str = ""

    def accepts(self, value: object) -> bool:
        """Whether the value is of this kind."""
        return any(type(value) is type(known) and value == known for known in self.values)

    def words(self) -> str:
        """What is expected, for a message."""
        shown = [repr(v) if isinstance(v, str) else str(v).lower() for v in self.values]
        return f"expected {self.meaning or 'one of ' + ', '.join(shown)}"

    def json_schema(self) -> dict[str, Any]:
        """JSON schema of the value."""
        return {"enum": list(self.values)}


SWITCH = OneOf((True, False, 0, 1, "true", "false", "yes", "no", "on", "off", ""), "true or false")
"""On or off; PETSc takes an empty text for on."""
TERMINAL = OneOf(("",), "'', an empty text (shown in the terminal)")
"""What only a terminal may show: PETSc takes any text for the name of a file, a window or a program."""


def words(text: str) -> OneOf:
    """One of the words of a text."""
    return OneOf(tuple(text.split()))


def each(kind: Kind, names: str, prefix: str = "") -> dict[str, Kind]:
    """The same kind for all names of a text."""
    return {prefix + name: kind for name in names.split()}
