"""Pages that are made from the program: case reference, commands, material library, records."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
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
    """Every key of a case file, by the tables of the file: what it takes, its default, what it means."""
    schema = Case.model_json_schema()
    lines = [
        "# Case reference",
        "",
        "Tables and keys of a case file. `[name]` is a table, `[[name]]` one that may come several times.",
        "Generated from the schema that `livoid schema` prints.",
        "",
    ]
    for path, part in _sections(schema, schema["$defs"]):
        lines += [
            f"({_anchor(path)})=",
            f"## {path if path == TOP else f'`{path}`'}",
            "",
            _cell(str(part.get("description", ""))),
            "",
        ]
        lines += [*_table(part, schema["$defs"], path), ""]
    return "\n".join(lines)


TOP = "Top of the file"


def _sections(part: Schema, known: Schema, path: str = TOP) -> Iterator[tuple[str, Schema]]:
    """Tables of a case file by their headings, as a file writes them."""
    yield path, part
    for key, entry in part.get("properties", {}).items():
        name, many = _named(entry)
        if name in known and known[name].get("properties"):
            yield from _sections(known[name], known, _heading(path, key, many=many))


def _heading(path: str, key: str, *, many: bool) -> str:
    inner = key if path == TOP else f"{path.strip('[]')}.{key}"
    return f"[[{inner}]]" if many else f"[{inner}]"


def _named(entry: Schema) -> tuple[str, bool]:
    """Name of the table that an entry takes, if it is one, and whether it takes a list of them."""
    if "$ref" in entry:
        return entry["$ref"].rsplit("/", 1)[1], False
    if "anyOf" in entry:
        return next((_named(option) for option in entry["anyOf"] if _named(option)[0]), ("", False))
    if entry.get("type") == "array":
        return _named(entry.get("items", {}))[0], True
    return "", False


def _anchor(path: str) -> str:
    return "case-" + re.sub(r"[^a-z0-9]+", "-", path.strip("[]").lower())


def _table(part: Schema, known: Schema, path: str) -> list[str]:
    rows = ["| key | takes | default | meaning |", "|---|---|---|---|"]
    for key, entry in part.get("properties", {}).items():
        default = "required" if key in part.get("required", ()) else _default(entry)
        name, many = _named(entry)
        if name in known and known[name].get("properties"):
            heading = _heading(path, key, many=many)
            takes = f"[`{heading}`](#{_anchor(heading)})"
        else:
            takes = _takes(entry)
        rows.append(f"| `{key}` | {takes} | {default} | {_cell(str(entry.get('description', '')))} |")
    return rows


def _default(entry: Schema) -> str:
    value = entry.get("default")
    if isinstance(value, dict):
        names = {
            key: item["name"] for key, item in value.items() if isinstance(item, dict) and "name" in item
        }
        return ", ".join(f"{key} `{name}`" for key, name in names.items()) or "-"
    return "-" if value in (None, "", []) else f"`{value}`"


def _takes(entry: Schema) -> str:
    """Type, unit and bounds of an entry in words."""
    if "prefixItems" in entry:
        return " and ".join(_takes(item) for item in entry["prefixItems"])
    if "anyOf" in entry:
        kinds = [_takes(option) for option in entry["anyOf"] if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    if "const" in entry:
        return f"`{entry['const']}`"
    if "x-unit" in entry:
        unit = entry["x-unit"]
        low, high = (_shown(entry.get(end), unit) for end in ("x-minimum", "x-maximum"))
        written = unit_text(unit) or "number"
        return _cell(f"{written}, {low} to {high}" if low else written)
    kind = str(entry.get("type", "value"))
    if kind == "array":
        return f"list of {_takes(entry.get('items', {}))}" if "items" in entry else _takes(entry)
    return _cell(kind + _bounds(entry))


def unit_text(unit: str) -> str:
    """A unit as people write it: ``mAh/cm^2`` for pint's ``mA*hour/cm**2``."""
    return unit.replace("**", "^").replace("*hour", "h").replace("*", " ")


def _shown(end: object, unit: str) -> str:
    """An end of a range without its unit and without the noise of its conversion."""
    text = str(end or "").removesuffix(unit).strip()
    try:
        return f"{float(text):g}"
    except ValueError:
        return text


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
    source = _DOI.sub(r"[\g<0>](https://doi.org/\g<1>)", str(entry.get("source", "")))
    cells = (
        unit_text(str(entry.get("value", ""))),
        unit_text(_ends(entry)),
        str(entry.get("status", "")),
        source,
    )
    return f"| {head} | " + " | ".join(_cell(cell).replace("*", "\\*") for cell in cells) + " |"


_DOI = re.compile(r"\bdoi:(10\.\d{4,9}/[^\s,;:]*[^\s,;:.])")


def _ends(entry: Mapping[str, Any]) -> str:
    """The range of a number, its unit once."""
    ends = [str(end) for end in entry.get("range", ())]
    units = {end.partition(" ")[2] for end in ends}
    if len(units) == 1:
        ends[0] = ends[0].partition(" ")[0]
    return " to ".join(ends)


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
