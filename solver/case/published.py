"""The JSON schema of case files, as editors and validators of others read it: ``livoid schema``.

What livoid reads passes it, and so does the ``case.toml`` of every run folder. What it lets pass may still be
refused: no schema knows whether a unit is one of pressure, or whether a void fits into its cell.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import models_json_schema

from solver.case import own_materials
from solver.case.included import BASE
from solver.case.materials import DEFINITION, FIXED, Library, choices
from solver.case.schema.case import Case
from solver.case.schema.protocol_step import CONTROLS, NOT_AT_REST, TABLE

Schema = dict[str, Any]
_ROOT, _RESOLVED = "Case", "resolved_material"


def schema() -> Schema:
    """JSON schema of a case file."""
    kinds = Library.KINDS
    _, top = models_json_schema([(Case, "validation"), *((model, "validation") for model in kinds.values())])
    parts: Schema = json.loads(json.dumps(top["$defs"]))
    root: Schema = parts.pop(_ROOT)
    parts["VoidPopulation"].pop("required")  # a table of voids has neither density nor width
    for name, rules in RULES.items():
        (root if name == _ROOT else parts[name])["allOf"] = rules
    for kind, model in kinds.items():
        entries = {key: _entry(part) for key, part in parts.pop(model.__name__)["properties"].items()}
        parts["Materials"]["properties"][kind] = _choice(kind, entries)
        parts[_resolved_name(kind)] = {
            "type": "object",
            "description": f"the {kind} that a run was made with; has to be what [material.{kind}] gives",
            "properties": entries,
            "additionalProperties": False,
        }
    root["properties"][_RESOLVED] = {
        "type": "object",
        "description": "copy of the materials in the case.toml of a run folder",
        "properties": {kind: {"$ref": f"#/$defs/{_resolved_name(kind)}"} for kind in kinds},
        "additionalProperties": False,
    }
    whole = _loosened(root, parts)
    root["allOf"] = [{"if": _needs(BASE), "else": whole}]
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "livoid case"}
    return root | dialect | {"$defs": parts}


def _loosened(part: Schema, parts: Schema) -> Schema:
    """Takes out of a table, and of tables in it, what holds for the whole of one; returns that.

    A case with a ``base`` has parts of tables. Lists are taken over as they are: their tables are whole.
    """
    whole: Schema = {key: part.pop(key) for key in ("required", "allOf") if key in part}
    inner: Schema = {}
    for key, value in part.get("properties", {}).items():
        options = [option for option in value.get("anyOf", [value]) if option.get("type") != "null"]
        if len(options) != 1:
            continue
        name = options[0].get("$ref", "").removeprefix("#/$defs/")
        table = parts.get(name, options[0])
        if table.get("type") == "object" and (found := _loosened(table, parts)):
            inner[key] = found
    return whole | ({"properties": inner} if inner else {})


def schema_text() -> str:
    """JSON schema as indented text."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"


def _resolved_name(kind: str) -> str:
    return f"Resolved{kind.capitalize()}"


def _entry(part: Schema) -> Schema:
    """An entry of a material: a table with value and source, or the value alone (an override)."""
    tables = [option for option in part.get("anyOf", [part]) if option.get("type") != "null"]
    found: list[Schema] = []
    for table in tables:
        found.append(table)
        if "$ref" in table:
            found.append({"$ref": f"{table['$ref']}/properties/value"})
    shown = {key: part[key] for key in ("description", "title") if key in part}
    return shown | (found[0] if len(found) == 1 else {"anyOf": found})


_CHANGED: Schema = {
    "type": "object",
    "description": "what changes of the entry; the rest stays",
    "propertyNames": {"enum": ["value", "range", "reference_temperature", "activation_energy", "terms"]},
    "properties": {},
    "minProperties": 1,
}


def _choice(kind: str, entries: Schema) -> Schema:
    """A material by its name, with the entries that a case may override: also by the library's names."""
    library = Library()
    names = library.names(kind)
    own: Schema = {}
    for key, entry in entries.items():
        if key in FIXED:
            continue
        named = sorted(
            {name for material in names for name in choices(library.data(kind, material).get(key))}
        )
        offer = [{"enum": named}] if named else []
        own[key] = {"anyOf": [*entry["anyOf"], _CHANGED, *offer]}
    name = {"anyOf": [{"enum": own_materials.names(kind)}, {"type": "string", "pattern": r"/|\.toml$"}]}
    return {
        "type": "object",
        "description": f"a {kind} of the library or of one's own, and numbers in place of its own",
        "required": ["name"],
        "properties": {
            "name": {"anyOf": [*name["anyOf"], {"type": "string", "minLength": 1}]},
            DEFINITION: {"type": "object"},
        }
        | own,
        "allOf": [{"if": {"required": [DEFINITION]}, "else": {"properties": {"name": name}}}],
        "additionalProperties": False,
    }


def _if(key: str, value: object, then: Schema, otherwise: Schema | None = None) -> Schema:
    """A rule for a table in which a key has a value."""
    rule = {"if": {"required": [key], "properties": {key: {"const": value}}}, "then": then}
    return rule if otherwise is None else rule | {"else": otherwise}


def _needs(*keys: str) -> Schema:
    return {"required": list(keys)}


def _without(*keys: str) -> Schema:
    return {"not": {"anyOf": [_needs(key) for key in keys]}}


def _only(*keys: str) -> Schema:
    """A rule for a table that has no other keys."""
    return {"propertyNames": {"enum": list(keys)}}


_STEPS = {"required": ["step"], "properties": {"step": {"minItems": 1}}}
_STEP: list[Schema] = [
    {"dependentRequired": {"current_to": ["current", "duration"], "pressure_to": ["duration"]}},
    _if("do", "rest", {**_needs("duration"), **_without(*NOT_AT_REST, *TABLE)}),
    _if("do", "follow", {"oneOf": [_needs(key) for key in TABLE], **_without(*CONTROLS, "cutoff_current")}),
    {
        "if": {"required": ["do"], "properties": {"do": {"enum": ["strip", "plate"]}}},
        "then": {
            "anyOf": [_needs("capacity"), _needs("duration")],
            "oneOf": [_needs(name) for name in CONTROLS],
            "not": {"anyOf": [_needs("current", "cutoff_current"), *(_needs(key) for key in TABLE)]},
        },
    },
]
_VOIDS = {"required": ["void"], "properties": {"void": {"minItems": 1}}}
_TEXT = {"anyOf": [_STEPS, _needs("protocol")]}
RULES: dict[str, list[Schema]] = {
    "Case": [{"not": {"allOf": [_needs("voids"), _VOIDS]}}],
    "Geometry": [_if("kind", "3d", _needs("depth"), _without("depth"))],
    "Void": [_if("shape", "cap", {"not": _needs("height", "contact_angle")}, _without("contact_angle"))],
    "VoidPopulation": [
        {"if": _needs("from"), "then": _only("from", "shape"), "else": _needs("density", "mean_width")}
    ],
    "Model": [_if("friction", "tresca", _needs("friction_limit"), _without("friction_limit"))],
    "ProtocolStep": [
        # what a step lacks may be in the lists of its cycles
        {"if": _needs("per_cycle"), "else": {"allOf": _STEP}},
    ],
    "Operation": [
        {
            "if": _TEXT,
            "then": _without("current", "overpotential", "capacity"),
            "else": _needs("capacity"),
        },
        {"not": {"allOf": [_STEPS, _needs("protocol")]}},
    ],
}
"""What holds between the keys of a table, by the name of its model (which says the same in Python)."""
