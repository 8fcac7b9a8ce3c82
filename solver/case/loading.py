"""Reading of case files: TOML becomes a valid case with its materials, or an error with every problem."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from solver.case.errors import CaseError, ChangeError, describe, message, shown, suggestion
from solver.case.materials import Library, UnknownMaterialError
from solver.case.paths import PathError, set_value
from solver.case.resolved import SECTION as RESOLVED
from solver.case.resolved import resolved_problems
from solver.case.schema.case import Case
from solver.core.files import read_toml

if TYPE_CHECKING:
    from solver.case.materials import CreepMaterial, ElectrolyteMaterial, MetalMaterial


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
        data[RESOLVED] = {
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
        ChangeError: if the path of a change leads nowhere.
    """
    source = str(path)
    data = _read(Path(path), source)
    if changes and RESOLVED in data:
        # the copy belongs to the materials before the changes
        problems = resolved_problems(data.pop(RESOLVED), _materials(data, [], Library()))
        if problems:
            raise CaseError(source, problems)
    for dotted, value in (changes or {}).items():
        try:
            set_value(data, dotted, value)
        except PathError as error:
            raise ChangeError(source, [str(error)]) from None
    return parse_case(data, source)


def parse_case(
    data: Mapping[str, Any], source: str = "case", *, library: Library | None = None
) -> LoadedCase:
    """Validate plain data as a case, with materials of ``library`` (default: livoid's).

    Raises:
        CaseError: with every problem found.
    """
    # A resolved case carries the materials it was run with; the choice in [material] makes them again.
    copied = data.get(RESOLVED, {})
    data = {key: value for key, value in data.items() if key != RESOLVED}
    problems: list[str] = []
    case: Case | None = None
    try:
        case = Case.model_validate(data)
    except ValidationError as error:
        problems += [describe(Case, detail) for detail in error.errors()]
    materials = _materials(data, problems, library or Library())
    problems += resolved_problems(copied, materials)
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
            f"{path}.name = {shown(raw['name'])}: {error}{suggestion(raw['name'], library.names(kind))}"
        )
        return None
    overrides = {key: value for key, value in raw.items() if key != "name"}
    own = set(model.model_fields) - {"kind", "description", "creep"}
    for key in sorted(set(overrides) - own):
        problems.append(f"{path}.{key}: unknown property{suggestion(key, own)}")
    usable = {key: value for key, value in overrides.items() if key in own}
    try:
        return model.model_validate(content | usable)
    except ValidationError as error:
        for detail in error.errors():
            location = [str(p) for p in detail["loc"] if p != "value"]
            problems.append(f"{path}.{'.'.join(location)} = {shown(detail['input'])}: {message(detail)}")
        return None
