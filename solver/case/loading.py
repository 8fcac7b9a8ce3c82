"""Reading of case files: TOML becomes a valid case with its materials, or an error with every problem."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from solver.case.beside import with_files
from solver.case.current_table import with_tables
from solver.case.errors import CaseError, ChangeError, describe, message, shown, suggestion
from solver.case.included import BASE, with_base
from solver.case.materials import (
    DEFAULTS,
    DEFINITION,
    FIXED,
    HOW_TO,
    Library,
    Thermal,
    UnknownMaterialError,
    choices,
    merged,
    with_metal,
)
from solver.case.own_materials import names, own_names, with_own_materials
from solver.case.paths import PathError, overridden, set_value
from solver.case.platen_series import with_motion
from solver.case.resistance_table import table_problems, with_points
from solver.case.resolved import SECTION as RESOLVED
from solver.case.resolved import resolved_problems
from solver.case.schema.case import Case
from solver.core.files import MAX_CASE_SIZE, read_toml

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

    def without_copy(self) -> dict[str, Any]:
        """The case as resolved, without the copy of its materials, which its choices give again."""
        return {key: value for key, value in self.resolved().items() if key != RESOLVED}

    def beside(self, data: Mapping[str, Any]) -> LoadedCase:
        """Another case, from plain data: that of a run which this one goes on with. Raises CaseError."""
        return parse_case(data, self.source)


def load_case(path: str | Path, changes: Mapping[str, Any] | None = None) -> LoadedCase:
    """Read and validate a case file.

    Args:
        path: TOML file.
        changes: dotted paths and their new values, put in before validation (studies, tests).

    Raises:
        CaseError: with every problem found.
        ChangeError: if the path of a change leads nowhere.
    """
    return _changed(read_data(path), str(path), changes or {})


def changed_case(
    data: Mapping[str, Any], source: str = "case", changes: Mapping[str, Any] | None = None
) -> LoadedCase:
    """Validate plain data as a case, after changes.

    Args:
        data: as a case file has it.
        source: name of the case in messages; files that it names lie beside this path.
        changes: dotted paths and their new values.

    Raises:
        CaseError: with every problem found.
        ChangeError: if the path of a change leads nowhere.
    """
    return _changed(copy.deepcopy(dict(data)), source, changes or {})


def _changed(whole: dict[str, Any], source: str, changes: Mapping[str, Any]) -> LoadedCase:
    """A case of data that may be changed in place."""
    # the copy belongs to the materials before the changes, or those of another case
    problems = _take_copy(whole) if changes or BASE in whole else []
    if problems:
        raise CaseError(source, problems)
    whole = _whole(whole, source)
    for dotted, value in changes.items():
        try:
            _forget_definition(whole, dotted)
            set_value(whole, dotted, value)
        except PathError as error:
            raise ChangeError(source, [str(error)]) from None
    return parse_case(whole, source)


def _forget_definition(data: Mapping[str, Any], dotted: str) -> None:
    """Take the definition of a material away whose name is about to change."""
    for kind in Library.KINDS:
        if dotted == f"material.{kind}.name":
            section = data.get("material")
            choice = section.get(kind) if isinstance(section, Mapping) else None
            if isinstance(choice, dict):
                choice.pop(DEFINITION, None)


def changes_of(pairs: Sequence[tuple[str, Any]], source: str = "case") -> dict[str, Any]:
    """Changes of a case from paths and values as a command line gives them.

    Raises:
        ChangeError: if one of them undoes another, or its path is none.
    """
    try:
        twice = overridden([path for path, _ in pairs])
    except PathError as error:
        raise ChangeError(source, [str(error)]) from None
    if twice is not None:
        text = f"--set {twice[0]} is overridden by --set {twice[1]}; give one of them"
        raise ChangeError(source, [text])
    return dict(pairs)


def parse_case(
    data: Mapping[str, Any], source: str = "case", *, library: Library | None = None
) -> LoadedCase:
    """Validate plain data as a case, with materials of ``library`` (default: livoid's).

    Raises:
        CaseError: with every problem found.
    """
    data = _whole(data, source)
    # A resolved case carries the materials it was run with; the choice in [material] makes them again.
    copied = data.get(RESOLVED, {})
    data = {key: value for key, value in data.items() if key != RESOLVED}
    problems: list[str] = []
    try:
        data = with_motion(data, source)
    except ValueError as error:
        problems.append(f"fixture.series = {shown(data['fixture']['series'])}: {error}")
    try:
        data = with_points(data, source)
    except ValueError as error:
        problems.append(f"heterogeneity.table = {shown(data['heterogeneity']['table'])}: {error}")
    data, wrong = with_own_materials(data, source)
    data, faulty = with_tables(data, source)
    problems += wrong + faulty
    data, wrong = with_files(data, Path(source).parent)
    problems += wrong
    case: Case | None = None
    try:
        case = Case.model_validate(data)
    except ValidationError as error:
        problems += [describe(Case, detail) for detail in error.errors()]
    materials = _materials(data, problems, library or Library(), Path(source).parent)
    problems += resolved_problems(copied, materials) + _resistance_problems(data, materials)
    if case is not None and "electrolyte" in materials:
        problems += table_problems(case.heterogeneity, materials["electrolyte"].area_resistance.value)
    if problems or case is None:
        raise CaseError(source, problems)
    return LoadedCase(case, materials["metal"], materials["creep"], materials["electrolyte"], source)


def _take_copy(data: dict[str, Any]) -> list[str]:
    """Take the copy of the materials out of a case; what is wrong with it."""
    if RESOLVED not in data:
        return []
    return resolved_problems(data.pop(RESOLVED), _materials(data, [], Library()))


def _whole(data: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Data with its bases put in; raises CaseError with all that is wrong with these."""
    if BASE not in data:
        return dict(data)
    whole, problems = with_base(data, source, _take_copy)
    if problems:
        raise CaseError(source, problems)
    return whole


def read_data(path: str | Path) -> dict[str, Any]:
    """Plain data of a case file, as it stands there. Raises CaseError."""
    source = str(path)
    try:
        data = read_toml(Path(path), MAX_CASE_SIZE)
    except ValueError as error:
        raise CaseError(source, [str(error)]) from None
    if not data:
        raise CaseError(source, ["the file is empty"])
    return data


def _materials(
    data: Mapping[str, Any], problems: list[str], library: Library, folder: Path = Path()
) -> dict[str, Any]:
    """Materials with overrides; problems are added to the list. Messages name those of ``folder`` too."""
    section = data.get("material", {})
    section = section if isinstance(section, Mapping) else {}
    found: dict[str, Any] = {}
    metal = ""
    for kind in ("metal", "electrolyte", "creep"):
        raw = section.get(kind)
        if kind == "creep" and raw is None and "metal" in found:
            raw = {"name": found["metal"].creep}
        raw = {"name": DEFAULTS.get(kind)} if raw is None else raw
        if not isinstance(raw, Mapping) or not isinstance(raw.get("name"), str):
            continue
        if kind == "metal":
            metal = raw["name"]
        try:
            content = with_metal(_content(library, kind, raw), metal)
        except UnknownMaterialError as error:
            own, where = own_names(kind, folder)
            hint = suggestion(raw["name"], [*names(kind), *own])
            problems.append(f"material.{kind}.name = {shown(raw['name'])}: {error}{where}{hint}")
            continue
        material = _material(kind, raw, content, problems)
        if material is not None:
            found[kind] = material
    return found


def _resistance_problems(data: Mapping[str, Any], materials: Mapping[str, Any]) -> list[str]:
    """What [heterogeneity] and [contact_memory] lack of the electrolyte's entries, if these can be read."""
    electrolyte: ElectrolyteMaterial | None = materials.get("electrolyte")
    if electrolyte is None:
        return []
    problems = []
    if data.get("heterogeneity") is not None and electrolyte.area_resistance.value == 0.0:
        text = "[heterogeneity] multiplies a resistance, which has to be above 0 ohm cm2"
        problems.append(f"material.electrolyte.area_resistance = 0: {text}")
    if data.get("contact_memory") is None:
        return problems
    for name in ("area_resistance", "remade_resistance", "pressure_exponent"):
        path, entry = f"material.electrolyte.{name}", getattr(electrolyte, name)
        if entry is None:
            problems.append(f"{path}: missing; [contact_memory] needs it for this metal")
        elif name != "pressure_exponent" and entry.value == 0.0:
            problems.append(f"{path} = 0: [contact_memory] needs a resistance above 0 ohm cm2")
    return problems


def _material(kind: str, raw: Mapping[str, Any], content: dict[str, Any], problems: list[str]) -> Any:
    """A material of ``content`` with the overrides of a case, None where something is wrong with it."""
    model = Library.KINDS[kind]
    path = f"material.{kind}"
    overrides = {key: value for key, value in raw.items() if key not in ("name", DEFINITION)}
    own = set(model.model_fields) - FIXED
    for key in sorted(set(overrides) - own):
        problems.append(f"{path}.{key}: unknown property{suggestion(key, own)}")
    for key, value in overrides.items():
        if isinstance(value, Mapping) and "alternatives" in value:
            problems.append(f"{path}.{key}.alternatives: belong into a file of the library")
    named = {key: choices(content.get(key)) for key in own}
    usable = {
        key: _chosen(value, named[key], content.get(key)) for key, value in overrides.items() if key in own
    }
    if usable:
        about = f"{content.get('description', '')} (changed by the case: {', '.join(sorted(usable))})"
        content = content | {"description": about.strip()}
    try:
        return model.model_validate(content | usable)
    except ValidationError as error:
        for detail in error.errors():
            location = [str(p) for p in detail["loc"] if p != "value"]
            key = location[0] if location else ""
            hint = _offer(overrides.get(key), named.get(key, {}))
            if detail["type"] == "extra_forbidden":
                hint += suggestion(location[-1], [*own, *Thermal.model_fields])
            hint += f" ({HOW_TO})" if key not in overrides and DEFINITION in raw else ""
            problems.append(
                f"{path}.{'.'.join(location)} = {shown(detail['input'])}: {message(detail)}{hint}"
            )
        return None


def _content(library: Library, kind: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Content of the data file of a material: what the case carries, or the library's."""
    own = raw.get(DEFINITION)
    if own is None:
        return library.data(kind, raw["name"])
    if not isinstance(own, Mapping) or own.get("kind") != kind:
        raise UnknownMaterialError(f"its {DEFINITION} is no table with kind = '{kind}' ({HOW_TO})")
    return dict(own)


def _chosen(value: object, named: Mapping[str, Any], entry: object) -> object:
    """What an override stands for: a number of the library by its name, or the entry with it in its place."""
    return named[value] if isinstance(value, str) and value in named else merged(entry, value)


def _offer(value: object, named: Mapping[str, Any]) -> str:
    """The names that an override could have had; nothing where it looks like a number."""
    if not named or not isinstance(value, str) or not value[:1].isalpha():
        return ""
    return f", or one of {', '.join(named)}{suggestion(value, named)}"
