"""Tables as typed rows: a dataclass per table, and with every column its unit and its meaning.

A column is a field of the row's class; its name is the header in the file::

    class Sample(Row):
        time_s: float = column("s", "time; from the start of the run")

Headers, pages of the documentation, labels of figures and the types with which a table is read all come from
that one line. A row is built by keyword, so that a value that is missing or misplaced is a type error.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, dataclass_transform, get_args, get_type_hints


@dataclass(frozen=True)
class Column:
    """What a column means.

    Attributes:
        unit: customary text such as ``mA/cm2``; empty for counts, ratios and words.
        description: begins with a short name, which figures show; details follow after a semicolon.
    """

    unit: str
    description: str

    @property
    def name(self) -> str:
        """Short name without unit, for legends."""
        return self.description.split(";")[0]

    @property
    def label(self) -> str:
        """Short name with the unit, for axes and heads of tables."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


def column(unit: str, description: str) -> Any:
    """A field of a :class:`Row`."""
    return field(metadata={"column": Column(unit, description)})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(column,))
class Row:
    """Base of all rows: what inherits from it is a frozen dataclass that takes its values by keyword."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, kw_only=True)(cls)

    @classmethod
    @functools.cache
    def columns(cls) -> dict[str, Column]:
        """Unit and meaning of every column by its name, in the order of the file."""
        return {f.name: f.metadata["column"] for f in fields(cls)}

    @classmethod
    @functools.cache
    def types(cls) -> dict[str, type]:
        """Type of every column by its name: int, float or str."""
        hints = get_type_hints(cls)
        return {name: (get_args(hints[name]) or (hints[name],))[0] for name in cls.columns()}

    @classmethod
    @functools.cache
    def optional(cls) -> frozenset[str]:
        """Names of the columns that may be empty."""
        hints = get_type_hints(cls)
        return frozenset(name for name in cls.columns() if type(None) in get_args(hints[name]))

    @classmethod
    def label(cls, name: str) -> str:
        """Short name of a column with its unit, for axes and heads of tables."""
        return cls.columns()[name].label

    def values(self) -> tuple[Any, ...]:
        """Values in the order of the columns."""
        return tuple(getattr(self, name) for name in self.columns())
