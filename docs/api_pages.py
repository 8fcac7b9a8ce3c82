"""The API reference: a page for each room (folder of modules), made from docstrings by Sphinx's autodoc."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel

from solver.core.files import update

PACKAGES = ("python/livoid", "solver", "meshes", "postprocess")
ANNOTATED = re.compile(r"~?(?:typing\.)?Annotated\[")
LITERAL = re.compile(r"(``.*?``|:[a-z]+:`.*?`)")


def write(root: Path, folder: Path) -> None:
    """Write ``index.md`` and a page for each room of ``root`` into ``folder``; equal files stay untouched."""
    folder.mkdir(parents=True, exist_ok=True)
    found = rooms(root)
    for room, modules in found.items():
        update(folder / f"{room}.md", _page(room, modules))
    contents = ["```{toctree}", ":maxdepth: 1", "", *found, "```", ""]
    update(folder / "index.md", "\n".join(["# API reference", "", "Made from docstrings.", "", *contents]))
    for old in folder.glob("*.md"):
        if old.stem not in {*found, "index"}:
            old.unlink()


def rooms(root: Path) -> dict[str, list[str]]:
    """Modules by room, the room's own (its ``__init__``) first."""
    found: dict[str, list[str]] = {}
    for package in PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            if file.stem == "__main__":
                continue
            parts = file.relative_to((root / package).parent).with_suffix("").parts
            room = ".".join(parts[:-1])
            found.setdefault(room, []).append(room if parts[-1] == "__init__" else ".".join(parts))
    return {room: sorted(modules) for room, modules in found.items()}


def _page(room: str, modules: list[str]) -> str:
    lines = [f"# {room}", ""]
    for module in modules:
        title = [] if module == room else [f"## {module.rsplit('.', 1)[1]}", ""]
        # what a module only passes on has its place where it is made
        options = ["   :members:", "   :ignore-module-all:"]
        lines += [*title, "```{eval-rst}", f".. automodule:: {module}", *options, "```", ""]
    return "\n".join(lines)


def without_substitutions(lines: list[str]) -> None:
    """Change docstring lines so that ``|x|`` stays an absolute value: in RST it would name a substitution."""
    for number, line in enumerate(lines):
        parts = LITERAL.split(line)
        parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
        lines[number] = "".join(parts)


def plain_signature(thing: object, signature: str | None) -> str | None:
    """A signature that people can read: of a model its keys alone, elsewhere types without what checks them.

    Args:
        thing: what is documented.
        signature: as Sphinx has it: ``(length: ~typing.Annotated[float, ...]) -> None``, or without result.
    """
    if isinstance(thing, type) and issubclass(thing, BaseModel):
        return f"({', '.join(['*', *thing.model_fields])})" if thing.model_fields else "()"
    while signature and (found := ANNOTATED.search(signature)):
        end = _closing(signature, found.end())
        kept = signature[found.end() : _closing(signature, found.end(), ",")]
        signature = signature[: found.start()] + kept + signature[end + 1 :]
    return signature


def _closing(text: str, start: int, also: str = "") -> int:
    """Where the bracket that is open at ``start`` closes, or the first of ``also`` outside other brackets."""
    depth, quote = 0, ""
    for k, letter in enumerate(text[start:], start):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif depth == 0 and letter in f"])}}{also}":
            return k
        else:
            depth += (letter in "[({") - (letter in "])}")
    return len(text)
