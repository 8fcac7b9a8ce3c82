"""Differences between trees of plain data (dictionaries of TOML and JSON files)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def changes(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted paths at which two trees of plain data differ, with both values (None: not there)."""
    for key in sorted({*old, *new}):
        here, one, two = f"{path}{key}", old.get(key), new.get(key)
        if isinstance(one, Mapping) and isinstance(two, Mapping):
            yield from changes(one, two, f"{here}.")
        elif one != two:
            yield here, one, two


def differences(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Sentences about the dotted paths at which two trees differ, with both values."""
    return [f"{path} = {_shown(a)} there, {_shown(b)} now" for path, a, b in changes(stored, wanted)]


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)
