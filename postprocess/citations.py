"""The papers behind a run: those of its materials' numbers, by their sources, and those of its methods."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import solver
from solver.case.materials import numbers

if TYPE_CHECKING:
    from pybtex.database import BibliographyData, Entry

    from solver.case.loading import LoadedCase

ALWAYS = ("dolfinx-2023", "ufl-2014", "petsc", "gmsh-2009", "hintermueller-2002", "anderson-1965")
"""Methods and programs of every run: equations, solvers, mesh, contact, coupling."""
_DOI = re.compile(r"10\.\d{4,9}/[^\s,;:)]*[^\s,;:).]")


@dataclass(frozen=True)
class Citations:
    """What a run rests on.

    Attributes:
        numbers: keys of references, each with the entries of the materials that are from there.
        methods: keys of references.
        other: entries of the materials whose source is no paper of the list, with status and source.
    """

    numbers: dict[str, list[str]]
    methods: list[str]
    other: dict[str, str]

    @property
    def keys(self) -> list[str]:
        """All references, each once."""
        return list(dict.fromkeys(["livoid", *self.numbers, *self.methods]))


def references() -> BibliographyData:
    """The papers that livoid knows, by their keys."""
    from pybtex.database import parse_string

    file = resources.files("solver.case") / "library" / "references.bib"
    return parse_string(file.read_text(encoding="utf-8"), "bibtex")


def cited(loaded: LoadedCase) -> Citations:
    """The papers behind the materials and the methods of a case."""
    known = references().entries
    found: dict[str, list[str]] = {}
    other: dict[str, str] = {}
    for path, entry in _entries(loaded):
        keys = named_in(str(entry["source"]), known)
        for key in keys:
            found.setdefault(key, []).append(path)
        if not keys:
            other[path] = f"{entry['status']}: {entry['source']}"
    return Citations(found, [*ALWAYS, *_chosen_methods(loaded)], other)


def _entries(loaded: LoadedCase) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind in ("metal", "creep", "electrolyte"):
        content = getattr(loaded, kind).model_dump(mode="json", exclude_none=True)
        yield from ((f"{kind}.{path}", entry) for path, entry in numbers(content))


def named_in(source: str, known: Mapping[str, Entry]) -> list[str]:
    """Keys of the references that a source names, by DOI, or by first author and year."""
    dois = set(_DOI.findall(source))
    by_doi = [key for key, entry in known.items() if entry.fields.get("doi") in dois]
    told = {_author_and_year(known[key]) for key in by_doi}
    by_name = [
        key
        for key, entry in known.items()
        if key not in by_doi and _author_and_year(entry) not in told and _is_named(entry, source)
    ]
    return by_doi + by_name


def _is_named(entry: Entry, source: str) -> bool:
    author, year = _author_and_year(entry)
    if author == "Ansara":  # a data base, known by its name
        return "COST 507" in source
    # the year follows the name within the same item of an enumeration
    return re.search(rf"\b{re.escape(author)}\b[^;()]{{0,60}}?\b{year}\b", source) is not None


def _author_and_year(entry: Entry) -> tuple[str, str]:
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    family = " ".join(people[0].last_names) if people else ""
    return re.sub(r"[{}\\]", "", family), str(entry.fields.get("year", ""))


def _chosen_methods(loaded: LoadedCase) -> Iterator[str]:
    model = loaded.case.model
    if loaded.metal.is_alloy and model.composition:
        yield "darken-1948"
    if loaded.creep.grain_size is not None:
        yield "herring-1950"
    if model.surface_diffusion is not None:
        yield "mullins-1957"
    iterative = loaded.case.numerics.solver == "iterative" or (
        loaded.case.numerics.solver == "auto" and loaded.case.geometry.kind == "3d"
    )
    if not iterative:
        yield "mumps-2001"


def as_text(found: Citations) -> str:
    """The papers as a list to read, with what each was used for."""
    lines = [f"The program (version {solver.__version__})", *_lines("livoid"), "", "Numbers of the materials"]
    for key, paths in found.numbers.items():
        lines += [*_lines(key), f"      for {', '.join(paths)}"]
    lines += ["", "Methods and programs"]
    for key in found.methods:
        lines += _lines(key)
    lines += ["", "Numbers whose source is no paper of this list"]
    lines += [f"  {path}: {source}" for path, source in found.other.items()]
    return "\n".join(lines)


def _lines(key: str) -> list[str]:
    from pybtex.database import BibliographyData
    from pybtex.plugin import find_plugin

    style = find_plugin("pybtex.style.formatting", "plain")()
    backend = find_plugin("pybtex.backends", "plaintext")()
    data = BibliographyData(entries={key: references().entries[key]})
    return [f"  [{key}] {entry.text.render(backend)}" for entry in style.format_bibliography(data)]


def as_bibtex(found: Citations) -> str:
    """The papers as entries for BibTeX."""
    from pybtex.database import BibliographyData

    entries = references().entries
    return str(BibliographyData(entries={key: entries[key] for key in found.keys}).to_string("bibtex"))
