"""Materials of a user's own: a data file beside the case, or in the folder that ``LIVOID_LIBRARY`` names.

They are read once, when a case is read, and become part of it (``definition``): the copy in a run folder says
what was used, wherever the file has gone, and all ranks compute with the same numbers.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from solver.case.errors import shown
from solver.case.materials import DEFAULTS, DEFINITION, HOW_TO, Library, UnknownMaterialError
from solver.core.files import read_toml

LIBRARY = "LIVOID_LIBRARY"
"""Variable with a folder laid over livoid's library: ``NAME.toml``, for creep laws ``creep/NAME.toml``."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_ENDING = ".toml"
_MOST_FILES = 200
"""Files beside a case that are looked into for a message: a folder may hold thousands of them."""


class _Reader:
    """Reads the files of one case and collects what is wrong with them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.problems = folder, list[str]()
        named = os.environ.get(LIBRARY)
        self.library = Path(named) if named else None
        if self.library is not None and not self.library.is_dir():
            self.problems.append(f"{LIBRARY} = {shown(named)}: no such folder")
            self.library = None

    def choice(
        self, kind: str, choice: Mapping[str, Any], folder: Path
    ) -> tuple[Mapping[str, Any] | None, Path]:
        """The choice of a material with its definition, if it is the user's own, and the folder of its file.

        Args:
            kind: metal, electrolyte or creep.
            choice: of the case, with a name.
            folder: that a relative path in it starts from.
        """
        name = choice["name"]
        if is_path(name):
            file = folder / name
        elif DEFINITION in choice or self.library is None:
            return choice, folder
        else:
            file = self.library / ("creep" if kind == "creep" else ".") / f"{name}{_ENDING}"
            if not _NAME.fullmatch(name) or not file.exists():
                return choice, folder
        problem = "" if file.name.endswith(_ENDING) else f"a material is a file that ends in {_ENDING}"
        stem = file.name.removesuffix(_ENDING)
        if not problem and not _NAME.fullmatch(stem):
            problem = "the file's name may have letters, digits, and . _ - within"
        content: dict[str, Any] = {}
        if not problem:
            try:
                content = read_toml(file)
            except ValueError as error:
                problem = str(error)
        if not problem and content.get("kind") != kind:
            problem = (
                f"not a data file of this kind: it has kind = {shown(content.get('kind'))}, not '{kind}'"
            )
        if problem:
            self.problems.append(f"material.{kind}.name = {shown(name)}: {problem} ({HOW_TO})")
            return None, folder
        return {**choice, "name": stem, DEFINITION: content}, file.parent


def is_path(name: object) -> bool:
    """Whether the name of a material is the path of a file."""
    return isinstance(name, str) and ("/" in name or name.endswith(_ENDING))


def with_own_materials(data: Mapping[str, Any], source: str) -> tuple[Mapping[str, Any], list[str]]:
    """Case data in which materials of a user's own carry their definitions, and what is wrong with them.

    Args:
        data: as the file has it.
        source: the case file, which a relative path starts from.
    """
    given = data.get("material", {})
    if not isinstance(given, Mapping):
        return data, []
    reader = _Reader(Path(source).parent)
    section, folders = dict(given), dict.fromkeys(Library.KINDS, reader.folder)
    for kind in ("metal", "electrolyte", "creep"):
        choice = section.get(kind)
        if choice is None:
            choice = {"name": _creep(section) if kind == "creep" else DEFAULTS[kind]}
        if not isinstance(choice, Mapping) or not isinstance(choice.get("name"), str):
            continue
        start = folders[kind] if kind in given else folders["metal"]
        found, folders[kind] = reader.choice(kind, choice, start)
        if found is None:  # what is wrong has been said: the others are looked at with a default in its place
            section.pop(kind, None)
        elif found is not choice:
            section[kind] = found
    return (data if section == given else {**data, "material": section}), reader.problems


def names(kind: str) -> list[str]:
    """Names that a case may give: those of livoid's library and of the one laid over it, sorted."""
    return sorted({*Library().names(kind), *_laid_over(kind)})


def own_names(kind: str, folder: Path) -> tuple[list[str], str]:
    """Names of a user's own materials of a kind, and the words of a message that say where they are.

    Args:
        kind: metal, electrolyte or creep.
        folder: of the case.
    """
    over, beside = _laid_over(kind), [f"./{name}" for name in _beside(kind, folder)]
    words = [f"; {LIBRARY} has {', '.join(over)}"] if over else []
    if beside:
        words.append(f"; beside the case {'is' if len(beside) == 1 else 'are'} {', '.join(beside)}")
    return [*over, *beside], "".join(words)


def _laid_over(kind: str) -> list[str]:
    """Names in the folder of the variable, sorted; none where it names no folder."""
    named = os.environ.get(LIBRARY)
    return Library(Path(named)).names(kind) if named and Path(named).is_dir() else []


def _beside(kind: str, folder: Path) -> list[str]:
    """Data files of a kind in a folder, sorted: they say so, while case files have no ``kind``."""
    found = []
    with contextlib.suppress(OSError):
        for file in sorted(folder.glob(f"*{_ENDING}"))[:_MOST_FILES]:
            with contextlib.suppress(ValueError):
                if file.is_file() and read_toml(file).get("kind") == kind:
                    found.append(file.name)
    return found


def _creep(section: Mapping[str, Any]) -> object:
    """Name of the creep law that the metal of a case asks for."""
    metal = section.get("metal", {"name": DEFAULTS["metal"]})
    if not isinstance(metal, Mapping):
        return None
    content = metal.get(DEFINITION)
    if not isinstance(content, Mapping):
        try:
            content = Library().data("metal", str(metal.get("name")))
        except UnknownMaterialError:
            return None
    return content.get("creep")
