"""A case: what is run, as a file says it, checked where it is made."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solver.case.loading import CaseError, changed_case, changes_of, read_data

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase

__all__ = ["Case", "CaseError"]


class Case:
    """A valid case with its materials; it does not change.

    Attributes:
        loaded: the case as the solver has it, in SI units, with its materials.
    """

    loaded: LoadedCase

    def __init__(
        self, data: Mapping[str, Any], source: str, changes: Mapping[str, Any] | None = None
    ) -> None:
        """Check plain data as a case, after changes; see :meth:`from_dict` and :meth:`with_`."""
        self._data, self._source = copy.deepcopy(dict(data)), source
        self._changes = dict(changes or {})
        self.loaded = changed_case(self._data, source, self._changes)

    @classmethod
    def load(cls, path: str | Path) -> Case:
        """The case of a TOML file.

        Raises:
            CaseError: with every problem found, each with path, value and the nearest valid name.
        """
        return cls(read_data(path), str(path))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], source: str = "case") -> Case:
        """A case from plain data, arranged as in a file: ``{"operation": {"pressure": "3 MPa"}, ...}``.

        Args:
            data: sections with values as text with units, or numbers in SI.
            source: name in messages; files that the case names are looked for beside this path.

        Raises:
            CaseError: with every problem found.
        """
        return cls(data, source)

    def with_(self, changes: Mapping[str, Any] | None = None, /, **sections: Any) -> Case:
        """Another case, which differs in some values.

        ::

            case.with_({"operation.pressure": "3 MPa", "void[0].width": "4 um"})
            case.with_(operation={"pressure": "3 MPa"}, title="pressed")

        Args:
            changes: values by dotted path, as ``--set`` has them.
            sections: the same by section; of a table what is named changes, a list (all voids) is replaced.

        Raises:
            CaseError: with every problem found; also where a path leads nowhere, or of two
                changes one undoes the other (later calls may).
        """
        pairs = [*(changes or {}).items()]
        for name, value in sections.items():
            table = isinstance(value, Mapping)
            pairs += [(f"{name}.{key}", inner) for key, inner in value.items()] if table else [(name, value)]
        new = changes_of(pairs, self._source)
        # what is made anew comes last, as it counts
        before = {path: value for path, value in self._changes.items() if path not in new}
        return Case(self._data, self._source, before | new)

    def resolved(self) -> dict[str, Any]:
        """The whole case with all defaults and materials, as plain data with units."""
        return self.loaded.resolved()

    def __repr__(self) -> str:
        """Title and source."""
        return f"<Case {self.loaded.case.title!r} of {self._source}>"
