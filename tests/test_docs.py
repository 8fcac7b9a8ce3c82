"""The documentation builds without a warning, and its generated pages know every key."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomli_w

from solver.case.schema.case import Case
from tests.conftest import ROOT, TIMEOUT, case_data, command, environment

sys.path.insert(0, str(ROOT / "docs"))

pytestmark = pytest.mark.xdist_group("docs")  # generated pages are written into the source tree
EXAMPLES = {"new-term.md", "new-material.md"}
"""Pages that name files which the reader is to make."""
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


@pytest.mark.slow
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


def test_the_callback_of_the_how_to_runs(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "howto" / "new-callback.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[:1]
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "demo-0.2MPa.toml").write_text(tomli_w.dumps(case_data()), encoding="utf-8")
    code += "\nassert len(curve) > 2 and curve[-1][0] > curve[0][0] and all(v > 0.0 for _, v in curve)\n"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()
    assert (tmp_path / "out" / "series.csv").is_file()


def test_files_that_documents_name_exist() -> None:
    """Paths in backticks, as in the table of docs/architecture.md."""
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        if "generated" in page.parts or "_build" in page.parts or page.name in EXAMPLES:
            continue
        for path in re.findall(
            r"`((?:solver|meshes|postprocess|tests|cases|env)/[\w./-]*)`", page.read_text()
        ):
            assert (ROOT / path).exists(), f"{page.relative_to(ROOT)}: {path}"
