"""The documentation builds without a warning, and its generated pages know every key."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from solver.case.loading import Case
from tests.conftest import ROOT, TIMEOUT, command, environment

sys.path.insert(0, str(ROOT / "docs"))

needs_sphinx = pytest.mark.skipif(importlib.util.find_spec("myst_nb") is None, reason="no myst-nb here")


def test_generated_pages_know_every_key_command_and_material() -> None:
    import generate

    reference = generate.case_reference()
    schema = Case.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        for key in part.get("properties", {}):
            assert f"| `{key}` |" in reference
    commands = generate.commands()
    for name in ("run", "rerun", "bench", "docs", "study", "verify"):
        assert f"\n## {name}\n" in commands
    materials = generate.materials()
    assert "## lithium-magnesium (creep)" in materials
    assert "solute_diffusivity" in materials


@needs_sphinx
def test_pages_build_without_a_warning(tmp_path: Path) -> None:
    """Tutorials are executed by `livoid docs`; here only their text is built."""
    result = subprocess.run(
        command("docs", "--out", str(tmp_path / "html")),
        env=environment() | {"LIVOID_DOCS_EXECUTION": "off"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert result.returncode == 0, result.stderr
    for page in ("index", "quickstart", "verification-book", "validation", "generated/case-reference"):
        assert (tmp_path / "html" / f"{page}.html").is_file()


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        if "generated" in page.parts or "_build" in page.parts:
            continue
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if "://" not in target and "generated/" not in target:
                assert (page.parent / target).exists(), f"{page}: {target}"
