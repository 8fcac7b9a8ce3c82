"""The documentation builds without a warning, and its generated pages know every key."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from solver.case.schema.case import Case
from solver.cli.programs import DOCS_NEED
from tests.conftest import ROOT, TIMEOUT, case_data, command, environment

sys.path.insert(0, str(ROOT / "docs"))

pytestmark = pytest.mark.xdist_group("docs")  # generated pages are written into the source tree
EXAMPLES = {"new-term.md", "new-material.md"}
"""Pages that name files which the reader is to make."""
needs_sphinx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in DOCS_NEED),
    reason="no Sphinx and its extensions here",
)


def test_generated_pages_know_every_key_command_and_material() -> None:
    import generate

    reference = generate.case_reference()
    schema = Case.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        for key in part.get("properties", {}):
            assert f"| `{key}` |" in reference
    # headings as a file writes them, no meaning left out, no name of a class
    assert "## `[[operation.step]]`" in reference and "## `[contact_memory.healing]`" in reference
    assert not [line for line in reference.splitlines() if line.endswith("|  |")]
    assert not [name for name in schema["$defs"] if f"# {name}\n" in reference]
    assert "| mAh/cm^2, 0 to " in reference and "**2" not in reference, "units as people write them"
    commands = generate.commands()
    for name in ("run", "rerun", "bench", "docs", "study", "verify"):
        assert f"\n## {name}\n" in commands
    materials = generate.materials()
    assert "## lithium-magnesium (creep)" in materials
    assert "solute_diffusivity" in materials


def test_signatures_of_the_api_reference_are_for_people() -> None:
    import api_pages

    checked = (
        "(x: ~typing.Annotated[int, Ge(ge=1), 'a]b'] = 3, y: Annotated[list[Annotated[str, F(1)]], G('x')])"
    )
    assert api_pages.plain_signature(len, checked) == "(x: int = 3, y: list[str])"
    assert api_pages.plain_signature(len, None) is None
    model = api_pages.plain_signature(Case, "(*, schema_version: Annotated[int, Strict()])")
    assert model is not None and model.startswith("(*, schema_version, title, ")


@pytest.mark.slow
@needs_sphinx
def test_pages_build_without_a_warning(tmp_path: Path) -> None:
    """Tutorials are executed by `livoid docs`; here only their text is built."""
    result = subprocess.run(
        command("docs", "--fast", "--out", str(tmp_path / "html")),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert result.returncode == 0, result.stderr
    for page in ("index", "quickstart", "verification-book", "validation", "generated/case-reference"):
        assert (tmp_path / "html" / f"{page}.html").is_file()


PAGES = [
    page
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if "generated" not in page.parts and "_build" not in page.parts
]
FORMULA = re.compile(r"[A-Za-z]_[A-Za-z0-9]\b|[\w)]\^|\b(gamma|theta|Omega|kappa|chi|sqrt)\b")
"""What a formula outside mathematics looks like."""


def inline(page: Path) -> Iterator[tuple[str, list[Any]]]:
    """Paragraphs, headings and cells of a page: their text, and what they are read as."""
    markdown_it = pytest.importorskip("markdown_it")
    plugin = pytest.importorskip("mdit_py_plugins.dollarmath")
    reader = markdown_it.MarkdownIt("commonmark").enable("table").use(plugin.dollarmath_plugin)
    for token in reader.parse(page.read_text(encoding="utf-8")):
        if token.type == "inline":
            yield token.content, token.children


def stray_emphasis(text: str, children: list[Any]) -> list[str]:
    """Italic or bold text that begins or ends within a word or a formula."""
    found, at = [], 0
    for child in children:
        if child.type in ("em_open", "strong_open", "em_close", "strong_close"):
            at = text.index(child.markup, at)
            before, after = text[at - 1 : at], text[at + len(child.markup) :][:1]
            outside, inside = (before, after) if child.type.endswith("open") else (after, before)
            if re.match(r"[\w^/+=<>]", outside) or inside.isspace():
                found.append(text[max(0, at - 20) : at + 20])
            at += len(child.markup)
        elif child.content:
            at = max(at, text.find(child.content, at))
    return found


def test_no_formula_turns_into_emphasis() -> None:
    for page in PAGES:
        for text, children in inline(page):
            assert not stray_emphasis(text, children), f"{page}: {text}"


@pytest.mark.parametrize("text", ["v = Omega*i/F and 2*l_v", "-gamma*curv*n", "x 2*a* b", "<a>_(1/Z)) b_ c"])
def test_stray_emphasis_is_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "page.md").write_text(text)
    assert any(stray_emphasis(*part) for part in inline(tmp_path / "page.md"))


def test_formulas_are_mathematics() -> None:
    for page in (page for page in PAGES if page.name != "CHANGELOG.md"):
        for text, children in inline(page):
            plain = " ".join(child.content for child in children if child.type == "text")
            assert not FORMULA.search(plain), f"{page}: {text}"


def test_every_formula_can_be_shown() -> None:
    pytest.importorskip("latex2mathml")
    import mathml

    found = (child for page in PAGES for _, children in inline(page) for child in children)
    formulas = {child.content for child in found if "math" in child.type}
    assert len(formulas) > 200
    for formula in formulas:
        assert mathml.mathml(formula).startswith("<math")
    with pytest.raises(ValueError, match="not known"):
        mathml.mathml(r"\nosuchcommand x")
    assert "\N{MATHEMATICAL BOLD SMALL V}" in mathml.mathml(r"\mathbf v")


def test_executed_pages_are_kept_until_what_they_run_with_changes(tmp_path: Path) -> None:
    import executed

    head = "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n"

    def kernel(page: str) -> str:
        text = executed.with_digest(tmp_path, page, head + "---\n# Page\n")
        assert text.startswith(head + "  display_name: ") and text.endswith("\n---\n# Page\n")
        return str(text)

    (tmp_path / "solver" / "cli").mkdir(parents=True)
    (tmp_path / "solver" / "equation.py").write_text("1")
    (tmp_path / "solver" / "cli" / "command.py").write_text("1")
    first = [kernel(page) for page in ("quickstart", "verification-book")]
    assert [kernel(page) for page in ("quickstart", "verification-book")] == first
    (tmp_path / "solver" / "cli" / "command.py").write_text("2")
    assert kernel("verification-book") == first[1] and kernel("quickstart") != first[0]
    (tmp_path / "solver" / "equation.py").write_text("2")
    assert kernel("verification-book") != first[1]
    plain = "# A page that is not executed\n"
    assert executed.with_digest(tmp_path, "usage", plain) == plain


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
