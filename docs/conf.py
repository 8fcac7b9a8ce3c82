"""Sphinx configuration; `livoid docs` builds the pages, executes tutorials and generates references."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

import api_pages
import executed
import generate
import mathml
from sphinx.application import Sphinx

import solver

ROOT = Path(__file__).resolve().parent.parent
project, author, copyright = "livoid", "the livoid developers", "the livoid developers"
release = version = solver.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinxcontrib.bibtex", "mathml"]
bibtex_bibfiles = ["../solver/case/library/references.bib"]
bibtex_reference_style = "author_year"
bibtex_default_style = "plain"
html_math_renderer = "mathml"
html_static_path = ["static", "generated/static"]
html_css_files = ["tables.css", "formulas.css"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_use_ivar = True
napoleon_attr_annotations = False
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
# "cache": pages are executed again when they or anything that they run with has changed
nb_execution_mode = os.environ.get("LIVOID_DOCS_EXECUTION", "cache")
nb_execution_cache_path = str(executed.folder(ROOT))
nb_execution_timeout = 900
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_render_markdown_format = "myst"
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"livoid {release}"
# links from pages that GitHub shows too: to files outside the documentation
suppress_warnings = ["myst.xref_missing", "mystnb.unknown_mime_type"]
# annotations name classes without their module: Case and Study are both the package's and the schema's
suppress_warnings.append("ref.python")
if nb_execution_mode == "off":  # the kernel is what knows its language
    suppress_warnings.append("myst-nb.lexer")

generate.write(ROOT / "docs" / "generated")
mathml.put_font(ROOT / "docs" / "generated" / "static")
api_pages.write(ROOT, ROOT / "docs" / "generated" / "api")


def _absolute_values(
    _app: object, _what: str, _name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    api_pages.without_substitutions(lines)


def _plain_signature(
    _app: object, _what: str, _name: str, obj: object, _options: object, signature: str | None, result: str
) -> tuple[str | None, str]:
    return api_pages.plain_signature(obj, signature), result


def _left_out(_app: object, _what: str, name: str, _obj: object, skip: bool, _options: object) -> bool | None:
    return True if name == "model_config" else None  # what pydantic says of it is of no use here


def _with_digest(_app: object, page: str, content: list[str]) -> None:
    content[0] = executed.with_digest(ROOT, page, content[0])


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _with_digest)
    app.connect("autodoc-process-docstring", _absolute_values)
    app.connect("autodoc-process-signature", _plain_signature)
    app.connect("autodoc-skip-member", _left_out)
