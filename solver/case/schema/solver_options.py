"""``[numerics.petsc]``: changes of the solvers' options, by set and option; only those on a list are taken.

A case file is data: it may tune a solver, but not run a program, read or write a file through one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from solver.case.errors import suggestion
from solver.case.schema.petsc_options import DEPTH, INNER, LINEAR, PARTS, TOP, TOP_OF_SPLIT
from solver.case.schema.solver_values import DELETE

if TYPE_CHECKING:
    from solver.case.schema.solver_values import Kind

MAX_OPTIONS = 100
"""Options that a case may change in one set."""
MAX_NAME = 120
"""Longest name of an option for which a similar one is looked for, and of which a message shows more."""

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")


def kind_of(name: str, option: str) -> Kind | None:
    """Kind of the values of an option of a set; None if there is no such set, or no such option in it."""
    if name not in PARTS:
        return None
    _, rest, options = _level(option, PARTS[name])
    return options.get(rest)


def _level(option: str, parts: tuple[str, ...]) -> tuple[str, str, Mapping[str, Kind]]:
    """Prefix of an option, the rest of its name, and the options that there are behind the prefix."""
    part = re.match(rf"fieldsplit_(?:{'|'.join(parts)})_", option) if parts else None
    start = part.end() if part else 0
    options: Mapping[str, Kind] = LINEAR if part else TOP_OF_SPLIT if parts else TOP
    for _ in range(DEPTH):
        inner = re.match(INNER, option[start:])
        if inner is None or option[start:] in options:
            break
        start, options = start + inner.end(), LINEAR
    return option[:start], option[start:], options


def _near(option: str, parts: tuple[str, ...]) -> str:
    """What an unknown option may have been meant to be."""
    if len(option) > MAX_NAME:
        return ""
    prefix, _, options = _level(option, parts)
    known = [prefix + name for name in options]
    if prefix.endswith("ksp_"):  # also how the options of a Krylov method begin
        known += [prefix.removesuffix("ksp_") + name for name in LINEAR]
    if option.startswith("fieldsplit_"):
        known += [f"fieldsplit_{part}_{name}" for part in parts for name in LINEAR if not prefix]
    return suggestion(option, known)


def _checked(data: Any) -> Any:
    """The data if every option in it is allowed.

    Raises:
        ValidationError: with one entry for every problem.
    """
    if not isinstance(data, Mapping):
        return data
    problems: list[InitErrorDetails] = []
    for name, options in data.items():
        if name not in PARTS:
            text = f"no such set of solver options{suggestion(str(name)[:MAX_NAME], PARTS)}"
            problems.append(_problem((name,), {}, text))
        elif isinstance(options, Mapping):
            problems += _problems(name, options)
    if problems:
        raise ValidationError.from_exception_data("solver options", problems)
    return data


def _problems(name: str, options: Mapping[str, Any]) -> list[InitErrorDetails]:
    """Problems of the options of one set."""
    if len(options) > MAX_OPTIONS:
        return [_problem((name,), {}, f"changes {len(options)} options, more than {MAX_OPTIONS}")]
    found = []
    for option, value in options.items():
        kind = kind_of(name, option)
        if kind is None:
            text = f"no such option of {name}{_near(option, PARTS[name])}"
            found.append(_problem((name, option), value, text))
        elif value != DELETE and not kind.accepts(value):
            found.append(_problem((name, option), value, f"{kind.words()} (or '{DELETE}')"))
    return found


def _problem(path: tuple[str, ...], value: object, text: str) -> InitErrorDetails:
    """An error at a path below ``numerics.petsc``; names that are none are shown as text, on one line."""
    shown = tuple(p if _PLAIN.fullmatch(p) and len(p) <= MAX_NAME else ascii(p[:MAX_NAME]) for p in path)
    error = PydanticCustomError("solver_option", "{text}", {"text": text})
    return InitErrorDetails(type=error, loc=shown, input=value)


def _json_schema() -> dict[str, Any]:
    """JSON schema of the sets and their options; which values belong to an option is the same in all sets."""
    names: dict[Kind, list[str]] = {}
    for option, kind in TOP_OF_SPLIT.items():
        names.setdefault(kind, []).append(option)
    prefix = rf"^(?:fieldsplit_[a-z_]+_)?(?:{INNER}){{0,{DEPTH}}}"
    values = {
        f"{prefix}(?:{'|'.join(alike)})$": {"anyOf": [{"const": DELETE}, kind.json_schema()]}
        for kind, alike in names.items()
    }
    options = {"type": "object", "patternProperties": values, "additionalProperties": False}
    return {
        "type": "object",
        "properties": {name: {"propertyNames": {"pattern": _parts_only(PARTS[name])}} for name in PARTS},
        "patternProperties": {f"^(?:{'|'.join(PARTS)})$": options},
        "additionalProperties": False,
    }


def _parts_only(parts: tuple[str, ...]) -> str:
    """Pattern of the options of a set with these parts."""
    return f"^(?!fieldsplit_)|^fieldsplit_(?:{'|'.join(parts)})_" if parts else "^(?!fieldsplit_)"


@dataclass(frozen=True)
class _Published:
    """Puts the rules into the JSON schema."""

    def __get_pydantic_json_schema__(self, _core: Any, _handler: Any) -> dict[str, Any]:
        return _json_schema()


SolverOptions = Annotated[
    dict[str, dict[str, bool | int | float | str]], BeforeValidator(_checked), _Published()
]
"""Changes of the solvers' options."""
