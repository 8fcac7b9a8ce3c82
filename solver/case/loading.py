"""Loading of case files: every problem at once, each with its path, and nothing written."""

from __future__ import annotations

import difflib
import json
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from solver.case.materials import (
    Library,
    UnknownMaterialError,
)
from solver.case.schema import Case, MaterialChoice
from solver.core.files import read_toml

if typing.TYPE_CHECKING:
    from solver.case.materials import (
        CreepMaterial,
        ElectrolyteMaterial,
        MetalMaterial,
    )

_SHOWN_VALUE = 60


class CaseError(ValueError):
    """A case file that cannot be used; ``problems`` has one line per problem."""

    def __init__(self, source: str, problems: list[str]) -> None:
        self.source, self.problems = source, problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{source}: {count}", *(f"  {p}" for p in problems)]))


@dataclass(frozen=True)
class LoadedCase:
    """A valid case with its materials.

    Attributes:
        case: the case, SI inside.
        metal, creep, electrolyte: materials with the case's overrides.
        source: where it came from.
    """

    case: Case
    metal: MetalMaterial
    creep: CreepMaterial
    electrolyte: ElectrolyteMaterial
    source: str

    def resolved(self) -> dict[str, Any]:
        """The whole case with all defaults and materials, as plain data with units."""
        data = self.case.model_dump(mode="json", exclude_none=True)
        data["resolved_material"] = {
            "metal": self.metal.model_dump(mode="json", exclude_none=True),
            "creep": self.creep.model_dump(mode="json", exclude_none=True),
            "electrolyte": self.electrolyte.model_dump(mode="json", exclude_none=True),
        }
        return data


def load_case(path: str | Path, changes: Mapping[str, Any] | None = None) -> LoadedCase:
    """Read and validate a case file.

    Args:
        path: TOML file.
        changes: dotted paths and their new values, put in before validation (studies, tests).

    Raises:
        CaseError: with every problem found.
    """
    source = str(path)
    data = _read(Path(path), source)
    for dotted, value in (changes or {}).items():
        _set(data, dotted, value)
    return parse_case(data, source)


def parse_case(
    data: Mapping[str, Any], source: str = "case", *, library: Library | None = None
) -> LoadedCase:
    """Validate plain data as a case, with materials of ``library`` (default: livoid's).

    Raises:
        CaseError: with every problem found.
    """
    # A resolved case carries the materials it was run with; the choice in [material] makes them again.
    data = {key: value for key, value in data.items() if key != "resolved_material"}
    problems: list[str] = []
    case: Case | None = None
    try:
        case = Case.model_validate(data)
    except ValidationError as error:
        problems += [_describe(Case, detail) for detail in error.errors()]
    materials = _materials(data, problems, library or Library())
    if problems or case is None:
        raise CaseError(source, problems)
    return LoadedCase(case, materials["metal"], materials["creep"], materials["electrolyte"], source)


def schema() -> dict[str, Any]:
    """JSON schema of a case file."""
    result = Case.model_json_schema()
    result["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    result["title"] = "livoid case"
    return result


def schema_text() -> str:
    """JSON schema as indented text."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"


def _read(path: Path, source: str) -> dict[str, Any]:
    try:
        data = read_toml(path)
    except ValueError as error:
        raise CaseError(source, [str(error)]) from None
    if not data:
        raise CaseError(source, ["the file is empty"])
    return data


def _set(data: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    here: Any = data
    for key in parents:
        here = here[int(key)] if isinstance(here, list) else here.setdefault(key, {})
    if isinstance(here, list):
        here[int(last)] = value
    else:
        here[last] = value


def _materials(data: Mapping[str, Any], problems: list[str], library: Library) -> dict[str, Any]:
    """Materials with overrides; problems are added to the list."""
    section = data.get("material", {})
    section = section if isinstance(section, Mapping) else {}
    found: dict[str, Any] = {}
    defaults = {"metal": "lithium", "electrolyte": "LPSCl"}
    for kind in ("metal", "electrolyte", "creep"):
        raw = section.get(kind)
        if kind == "creep" and raw is None and "metal" in found:
            raw = {"name": found["metal"].creep}
        raw = {"name": defaults.get(kind)} if raw is None else raw
        if not isinstance(raw, Mapping) or not isinstance(raw.get("name"), str):
            continue
        material = _material(library, kind, raw, problems)
        if material is not None:
            found[kind] = material
    return found


def _material(library: Library, kind: str, raw: Mapping[str, Any], problems: list[str]) -> Any:
    model = Library.KINDS[kind]
    path = f"material.{kind}"
    try:
        content = library.data(kind, raw["name"])
    except UnknownMaterialError as error:
        problems.append(
            f"{path}.name = {_show(raw['name'])}: {error}{_near(raw['name'], library.names(kind))}"
        )
        return None
    overrides = {key: value for key, value in raw.items() if key != "name"}
    own = set(model.model_fields) - {"kind", "description", "creep"}
    for key in sorted(set(overrides) - own):
        problems.append(f"{path}.{key}: unknown property{_near(key, own)}")
    usable = {key: value for key, value in overrides.items() if key in own}
    try:
        return model.model_validate(content | usable)
    except ValidationError as error:
        for detail in error.errors():
            location = [str(p) for p in detail["loc"] if p != "value"]
            problems.append(f"{path}.{'.'.join(location)} = {_show(detail['input'])}: {_message(detail)}")
        return None


def _describe(model: type[BaseModel], detail: ErrorDetails) -> str:
    """One line for one pydantic error: path, value, what is wrong, nearest valid name."""
    path = _dotted(detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{path}: unknown key{_near(str(detail['loc'][-1]), _keys(model, detail['loc'][:-1]))}"
    if detail["type"] == "missing":
        return f"{path}: missing"
    if not detail["loc"] or isinstance(detail["input"], (Mapping, list, BaseModel)):
        return f"{path}: {_message(detail)}" if path else _message(detail)
    return f"{path} = {_show(detail['input'])}: {_message(detail)}"


def _message(detail: ErrorDetails) -> str:
    return detail["msg"].removeprefix("Value error, ")


def _dotted(location: tuple[int | str, ...]) -> str:
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
    return list(here.model_fields) if here is not None else []


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if (
        isinstance(annotation, type)
        and issubclass(annotation, BaseModel)
        and annotation is not MaterialChoice
    ):
        yield annotation
    if typing.get_origin(annotation) in (list, typing.Union, types.UnionType, typing.Annotated):
        for part in typing.get_args(annotation):
            yield from _models(part)


def _near(name: str, known: typing.Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_VALUE else text[: _SHOWN_VALUE - 3] + "..."
