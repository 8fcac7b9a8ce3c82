"""Differences between trees of plain data (dictionaries of TOML and JSON files)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from reprlib import Repr
from typing import Any

_SHORT = Repr()
"""How values are shown: long lists and tables are cut."""
_SHORT.maxdict = _SHORT.maxlist = 6
_SHORT.maxstring = _SHORT.maxother = 200


def changes(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted paths at which two trees of plain data differ, with both values (None: not there).

    Lists of tables are compared entry by entry; of two that are not as long both lengths are given too.
    """
    for key in sorted({*old, *new}):
        here, one, two = f"{path}{key}", old.get(key), new.get(key)
        if isinstance(one, Mapping) and isinstance(two, Mapping):
            yield from changes(one, two, f"{here}.")
        elif isinstance(one, list) and isinstance(two, list) and _tables(one) and _tables(two):
            for number, (this, other) in enumerate(zip(one, two, strict=False)):
                yield from changes(this, other, f"{here}[{number}].")
            if len(one) != len(two):
                yield f"{here} (entries)", len(one), len(two)
        elif one != two:
            yield here, one, two


def _tables(entries: list[Any]) -> bool:
    """Whether a list is one of tables, such as the steps of a protocol."""
    return bool(entries) and all(isinstance(entry, Mapping) for entry in entries)


def differences(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Sentences about the dotted paths at which two trees differ, with both values."""
    return [f"{path} = {_shown(a)} there, {_shown(b)} now" for path, a, b in changes(stored, wanted)]


def _shown(value: Any) -> str:
    return "nothing" if value is None else _SHORT.repr(value)
