"""A release says the same version everywhere, and what it brings."""

from __future__ import annotations

import re
import tomllib

import livoid
from tests.conftest import ROOT


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    said = re.findall(r"^version: (.*)$", citation, re.MULTILINE)
    assert [livoid.__version__, *said] == [project["version"]] * 2
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert project["version"] in headings[:2]


def test_what_reads_results_asks_pip_for_nothing_that_solves() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {re.split(r"[<>=\[]", name)[0] for name in project["dependencies"]}
    assert not asked & {"mpi4py", "petsc4py", "gmsh", "fenics-dolfinx", "snakemake"}
    assert {"pandas", "xarray", "pyvista", "matplotlib", "pydantic", "pint"} <= asked
