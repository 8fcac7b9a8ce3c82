"""What is wrong with a case file: one line per problem, with its path, the value and a suggestion."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

MOST_LINES = 100
"""Lines of a message at most."""
_NUMBER = re.compile(r"\[\d+\]")
_SHOWN_VALUE = 60
"""Longest text of a value in a message."""


class CaseError(ValueError):
    """A case file that cannot be used; ``problems`` has one line per problem, the message what differs."""

    def __init__(self, source: str, problems: list[str]) -> None:
        # names of keys may hold anything, line breaks too
        self.source, self.problems = source, [_one_line(problem) for problem in problems]
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = said_once(self.problems)
        left = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
        shown_lines = (f"  {line}" for line in [*lines[:MOST_LINES], *left])
        super().__init__("\n".join([f"{_one_line(source)}: {count}", *shown_lines]))


class ChangeError(CaseError):
    """A change of a case by its path that leads nowhere; one line."""

    def __str__(self) -> str:
        return "; ".join(self.problems)


def said_once(lines: Iterable[str]) -> list[str]:
    """Lines that differ in the numbers in brackets alone (entries of a list) as one, with their count.

    A protocol of 10 000 steps has what is wrong with one of them in all.
    """
    alike: dict[str, list[str]] = {}
    for line in lines:
        alike.setdefault(_NUMBER.sub("[]", line), []).append(line)
    return [
        group[0] if len(group) == 1 else f"{group[0]} (and in {len(group) - 1} more)"
        for group in alike.values()
    ]


def _one_line(text: str) -> str:
    """Text whose line breaks are written out."""
    return "\\n".join(text.splitlines())


def describe(model: type[BaseModel], detail: ErrorDetails) -> str:
    """One line for one of pydantic's errors: path, value, what is wrong, nearest valid name.

    Args:
        model: what was validated; suggestions for unknown keys are its keys.
        detail: an entry of ``ValidationError.errors()``.
    """
    path = _dotted(detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{path}: unknown key{suggestion(str(detail['loc'][-1]), _keys(model, detail['loc'][:-1]))}"
    if detail["type"] == "missing":
        return f"{path}: missing"
    if not detail["loc"] or isinstance(detail["input"], (Mapping, list, BaseModel)):
        return f"{path}: {message(detail)}" if path else message(detail)
    return f"{path} = {shown(detail['input'])}: {message(detail)}"


def message(detail: ErrorDetails) -> str:
    """What is wrong, without path and value."""
    return detail["msg"].removeprefix("Value error, ")


def suggestion(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` with the nearest of the known names, nothing if none is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def shown(value: object) -> str:
    """A value as a message shows it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN_VALUE else text[: _SHOWN_VALUE - 3] + "..."


def _dotted(location: tuple[int | str, ...]) -> str:
    """Path such as ``void[0].width``; what pydantic adds for its own validators is left out."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not part.startswith(("function-", "tuple[")):
            text += f".{part}" if text else str(part)
    return text


def _keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Valid keys of the section at ``location``."""
    here: type[BaseModel] | None = model
    for part in location:
        if here is None or isinstance(part, int):
            continue
        field = here.model_fields.get(part)
        here = next(_models(field.annotation), None) if field is not None else None
    return [field.alias or name for name, field in here.model_fields.items()] if here is not None else []


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Models in an annotation such as ``list[Void]``; without those that take any key (no list to offer)."""
    if (
        isinstance(annotation, type)
        and issubclass(annotation, BaseModel)
        and annotation.model_config.get("extra") != "allow"
    ):
        yield annotation
    if typing.get_origin(annotation) in (list, typing.Union, types.UnionType, typing.Annotated):
        for part in typing.get_args(annotation):
            yield from _models(part)
