"""The papers behind a run: found by the sources of its numbers, and printed as text and BibTeX."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("pybtex")

from postprocess.citations import as_bibtex, as_text, cited, named_in, references
from solver.case.loading import parse_case
from solver.case.materials import Library, numbers
from tests.conftest import case_data


def citations(**material: Any) -> Any:
    return cited(parse_case(case_data() | {"material": material}))


def test_papers_are_found_by_name_and_by_doi() -> None:
    known = references().entries
    assert named_in("Messer and Noack 1975; Lodding, Mundy and Ott 1970 (5-9e-15)", known) == [
        "messer-1975",
        "lodding-1970",
    ]
    # two papers of one author and year are told apart by the DOI
    assert named_in("Wang et al. 2020, doi:10.1016/j.mtla.2020.100792. More", known) == ["wang-2020-na"]
    assert named_in("Masias, as of 2024", known) == []


def test_every_number_from_the_literature_has_its_paper_or_says_why_not() -> None:
    """Sources of the library that name a year name a paper of the list."""
    known, library = references().entries, Library()
    for kind in Library.KINDS:
        for name in library.names(kind):
            for path, entry in numbers(library.data(kind, name)):
                entries = [entry, *entry.get("alternatives", {}).values()]
                for source in (other["source"] for other in entries):
                    years = [word for word in source.replace(",", " ").split() if word[:2] in ("19", "20")]
                    if any(len(word.strip(").:;")) == 4 and word[:4].isdigit() for word in years):
                        assert named_in(source, known), f"{kind} {name} {path}: {source}"


def test_a_case_cites_what_it_uses_and_no_more() -> None:
    lithium = citations(metal={"name": "lithium"})
    assert "krauskopf-2019" not in lithium.keys and "darken-1948" not in lithium.keys
    assert {"zhao-2025", "masias-2019", "messer-1975", "dolfinx-2023", "mumps-2001"} <= set(lithium.keys)
    named = {"name": "lithium-magnesium", "solute_diffusivity": "krauskopf-2019"}
    alloy = citations(metal=named)
    assert alloy.numbers["krauskopf-2019"] == ["metal.solute_diffusivity"]
    assert "darken-1948" in alloy.methods
    assert "murugan-2007" in citations(electrolyte={"name": "LLZO"}).keys
    assert lithium.other["metal.sink_length"].startswith("tunable")
    overridden = citations(metal={"name": "lithium", "sink_length": "5 um"})
    assert overridden.other["metal.sink_length"] == "override: case file"


def test_text_and_bibtex_have_every_paper() -> None:
    from pybtex.database import parse_string

    found = citations(metal={"name": "lithium"})
    text, entries = as_text(found), parse_string(as_bibtex(found), "bibtex").entries
    assert list(entries) == found.keys
    assert all(f"[{key}]" in text for key in found.keys)
    assert "Alvaro Masias" in text and "doi:10.1007/s10853-018-2971-3" in text
