"""Values put into plain data by their path: ``operation.pressure``, ``void[0].width`` or ``void.0.width``."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

from solver.case.errors import shown

MAX_PATH = 200
"""Longest path."""
_PART = re.compile(r"(?P<name>[^\[\]]*)(?P<numbers>(?:\[[^\[\]]*\])*)")
_INDEX = re.compile(r"[0-9]{1,9}")


class PathError(ValueError):
    """A path that leads nowhere; the message says how far it leads, and what is there."""


def parts_of(path: str) -> list[str]:
    """Keys and numbers of a path, the same for both ways of writing it.

    Raises:
        PathError: if it is none.
    """
    if len(path) > MAX_PATH:
        raise PathError(f"{shown(path)}: a path has at most {MAX_PATH} characters")
    parts: list[str] = []
    for piece in path.split("."):
        match = _PART.fullmatch(piece)
        if match is None:
            raise PathError(f"{shown(path)}: '[' and ']' enclose a number, as in void[0].width")
        numbers = re.findall(r"\[([^\[\]]*)\]", match["numbers"])
        for number in numbers:
            if not _INDEX.fullmatch(number):
                raise PathError(f"{shown(path)}: '{number}' in brackets is not a number from 0")
        if not match["name"].strip():
            raise PathError(f"{shown(path)}: a part of the path is empty")
        parts += [match["name"], *numbers]
    return parts


def overridden(paths: Sequence[str]) -> tuple[str, str] | None:
    """The first two paths of which the later one takes the place of what the earlier one puts in, if any are.

    Raises:
        PathError: if one is none.
    """
    parts = [parts_of(path) for path in paths]
    for later, place in enumerate(parts):
        for earlier in range(later):
            if parts[earlier][: len(place)] == place:
                return paths[earlier], paths[later]
    return None


def set_value(data: dict[str, Any], path: str, value: object) -> None:
    """Put a value at a path; tables on the way are made, entries of lists are not.

    Raises:
        PathError: if the path leads nowhere.
    """
    *parents, last = parts_of(path)
    here: Any = data
    for at, part in enumerate(parents):
        before = _text([*parents[:at]])
        if isinstance(here, dict) and part not in here and _INDEX.fullmatch([*parents, last][at + 1]):
            raise PathError(f"{shown(path)}: {_text([*parents[:at], part])} has no entries")
        key = _key(here, part, path, before)
        here = here.setdefault(key, {}) if isinstance(here, dict) else here[key]
    here[_key(here, last, path, _text(parents))] = copy.deepcopy(value)


def _key(here: object, part: str, path: str, before: str) -> Any:
    """What finds ``part`` in the table or the list ``here``."""
    if isinstance(here, dict):
        return part
    if not isinstance(here, list):
        raise PathError(f"{shown(path)}: {before} is {shown(here)} and has no parts")
    count = len(here)
    entries = f"{before} has {count} {'entry' if count == 1 else 'entries'}"
    entries += f", 0 to {count - 1}" if count else ""
    if not _INDEX.fullmatch(part):
        raise PathError(f"{shown(path)}: '{part}' is not a number from 0; {entries}")
    if int(part) >= count:
        raise PathError(f"{shown(path)}: there is no entry {int(part)}; {entries}")
    return int(part)


def _text(parts: list[str]) -> str:
    """The beginning of a path as messages write it."""
    text = ""
    for part in parts:
        text += f"[{part}]" if text and _INDEX.fullmatch(part) else f".{part}" if text else part
    return text
