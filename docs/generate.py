"""Pages that are made from the program: case reference, commands, material library, records."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from postprocess.microscope.rows import TABLES as SEEN
from solver.case.materials import Library, numbers
from solver.case.schema.case import Case
from solver.cli.main import livoid
from solver.core.files import update
from solver.output.rows import TABLES
from solver.output.shown_fields import SHOWN_FIELDS

Schema = Mapping[str, Any]
HELP_COLUMNS = 110


def write(folder: Path) -> None:
    """Write all generated pages into ``folder``; files whose text is the same stay untouched."""
    folder.mkdir(exist_ok=True)
    pages = {
        "case-reference": case_reference(),
        "commands": commands(),
        "materials": materials(),
        "records": records(),
    }
    for name, text in pages.items():
        update(folder / f"{name}.md", text)


def case_reference() -> str:
    """Every key of a case file: what it takes, its default, what it means."""
    schema = Case.model_json_schema()
    lines = ["# Case reference", "", "Generated from the schema that `livoid schema` prints.", ""]
    lines += [str(schema.get("description", "")), "", *_table(schema, schema["$defs"]), ""]
    for name, part in schema["$defs"].items():
        lines += [f"(schema-{name.lower()})=", f"## {name}", "", str(part.get("description", "")), ""]
        lines += [*_table(part, schema["$defs"]), ""]
    return "\n".join(lines)


def _table(part: Schema, known: Schema) -> list[str]:
    rows = ["| key | takes | default | meaning |", "|---|---|---|---|"]
    for key, entry in part.get("properties", {}).items():
        default = "required" if key in part.get("required", ()) else _default(entry)
        meaning = _cell(str(entry.get("description", "")).removeprefix("quantity convertible to "))
        takes = _takes(entry, known)
        rows.append(f"| `{key}` | {takes} | {default} | {'' if meaning in takes else meaning} |")
    return rows


def _default(entry: Schema) -> str:
    value = entry.get("default")
    if isinstance(value, dict):
        names = {
            key: item["name"] for key, item in value.items() if isinstance(item, dict) and "name" in item
        }
        return ", ".join(f"{key} `{name}`" for key, name in names.items()) or "-"
    return "-" if value in (None, "", []) else f"`{value}`"


def _takes(entry: Schema, known: Schema) -> str:
    """Type, unit and bounds of an entry in words."""
    if "$ref" in entry:
        name = entry["$ref"].rsplit("/", 1)[1]
        return f"[table](#schema-{name.lower()})" if name in known else name
    if "anyOf" in entry:
        kinds = [_takes(option, known) for option in entry["anyOf"] if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    if "const" in entry:
        return f"`{entry['const']}`"
    if "x-unit" in entry:
        low, high = entry.get("x-minimum"), entry.get("x-maximum")
        return _cell(
            f"quantity in {entry['x-unit']}, {low} to {high}" if low else f"quantity in {entry['x-unit']}"
        )
    kind = str(entry.get("type", "value"))
    if kind == "array":
        return f"list of {_takes(entry.get('items', {}), known)}"
    return _cell(kind + _bounds(entry))


def _bounds(entry: Schema) -> str:
    names = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    found = [f"{sign} {entry[name]:g}" for name, sign in names.items() if name in entry]
    return ", " + ", ".join(found) if found else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def commands() -> str:
    """Help of every command."""
    lines = [
        "# Commands",
        "",
        "Exit codes: 0 done, 1 the run failed or was interrupted, 2 bad input, 3 environment.",
        "",
    ]
    for name in livoid:
        if not name.startswith("-"):
            lines += [f"## {name}", "", "```text", _help(name), "```", ""]
    return "\n".join(lines)


def _help(command: str) -> str:
    """What ``livoid COMMAND --help`` prints."""
    text = io.StringIO()
    livoid.help_print([command], console=Console(file=text, width=HELP_COLUMNS))
    return "\n".join(line.rstrip() for line in text.getvalue().strip().splitlines())


def materials() -> str:
    """Every number of the material library with its status and source."""
    lines = [
        "# Material library",
        "",
        "Generated from `solver/case/library`. Nothing is calibrated where no status says so. A case chooses",
        "an alternative by its name, and an end of a range by `low` or `high`:",
        '`material.metal.solute_diffusivity = "dft"`.',
        "",
    ]
    library = Library()
    found = [(name, kind) for kind in Library.KINDS for name in library.names(kind)]
    for name, kind in sorted(found, key=lambda pair: pair[0]):
        data = library.data(kind, name)
        lines += [f"## {name} ({kind})", "", str(data.get("description", "")), ""]
        lines += ["| entry | value | range | status | source |", "|---|---|---|---|---|"]
        for key, entry in numbers(data):
            lines.append(_number(f"`{key}`", entry))
            others = entry.get("alternatives", {})
            lines += [_number(f'`{key} = "{other}"`', number) for other, number in others.items()]
        lines.append("")
    return "\n".join(lines)


def _number(head: str, entry: Mapping[str, Any]) -> str:
    """Row of a number of the library."""
    ends = " to ".join(str(end) for end in entry.get("range", ()))
    cells = (str(entry.get("value", "")), ends, str(entry.get("status", "")), str(entry.get("source", "")))
    return f"| {head} | " + " | ".join(map(_cell, cells)) + " |"


def records() -> str:
    """Every column of every table that a run writes, and every field for ParaView: unit and meaning."""
    lines = [
        "# Records",
        "",
        "Tables of a run folder and fields for ParaView, generated from `solver/output`.",
        "",
    ]
    for row, name in (*TABLES.items(), *((row, f"microscope/{name}") for row, name in SEEN.items())):
        about = str(row.__doc__).replace("``", "`").split(": ", 1)[1]
        lines += [f"## {name}", "", about[0].upper() + about[1:], ""]
        columns = ((key, column.unit, column.description) for key, column in row.columns().items())
        lines += [*_described(("column", "unit", "meaning"), columns), ""]
    lines += ["## Fields for ParaView", "", "In `fields.pvd`; coordinates are um.", ""]
    fields = ((key, shown.at, shown.unit, shown.description) for key, shown in SHOWN_FIELDS.items())
    return "\n".join([*lines, *_described(("field", "values per", "unit", "meaning"), fields), ""])


def _described(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """A table whose first column is code."""
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return lines + [
        f"| `{first}` | " + " | ".join(_cell(text or "-") for text in rest) + " |" for first, *rest in rows
    ]
