"""Formulas as MathML: browsers show it themselves, so that pages need no script, no font and no network."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
from docutils import nodes
from latex2mathml.converter import convert

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator


def mathml(formula: str, *, display: bool = False) -> str:
    """MathML of a formula in LaTeX.

    Raises:
        ValueError: if something in it is not known; the converter would show its name as text.
    """
    spaced = _FUNCTION.sub(r"\g<0>\\, ", formula)
    found = convert(spaced, display="block" if display else "inline")
    if "\\" in found or "&#x0005C;" in found:
        raise ValueError(f"formula with a command that is not known: {formula}")
    return _BOLD.sub(lambda match: f"<mi>{_bold(match[1])}</mi>", found)


_FUNCTION = re.compile(r"\\(?:ln|cos|sin)(?= ?[A-Za-z\\](?!left))")
"""A function before its argument without brackets: the converter leaves no space there."""
_BOLD = re.compile(r'<mi mathvariant="bold(?:-italic)?">([^<]*)</mi>')
_LETTERS = {"A": 0x1D400, "a": 0x1D41A, "\N{GREEK SMALL LETTER ALPHA}": 0x1D6C2}


def _bold(text: str) -> str:
    """A letter as its bold one of Unicode: what browsers keep of ``mathvariant`` is "normal" alone."""
    letter = chr(int(text[3:-1], 16)) if text.startswith("&#x") else text
    for first, bold in _LETTERS.items():
        if len(letter) == 1 and 0 <= ord(letter) - ord(first) < 26:
            return chr(bold + ord(letter) - ord(first))
    return text


FONTS = (
    Path("/usr/share/fonts/opentype/stix-word/STIXMath-Regular.otf"),
    Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "STIXGeneral.ttf",
)
"""Fonts with mathematical letters, the best one first: few systems have one."""


def put_font(folder: Path) -> None:
    """Copy a font for formulas into a folder of the pages, and the style that names it."""
    folder.mkdir(parents=True, exist_ok=True)
    font = next(font for font in FONTS if font.is_file())
    shutil.copyfile(font, folder / font.name)
    style = f"@font-face {{ font-family: formulas; src: url({font.name}); }}\n"
    (folder / "formulas.css").write_text(style + "math { font-family: formulas, math; }\n")


def _inline(writer: HTML5Translator, node: nodes.Element) -> None:
    writer.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def _display(writer: HTML5Translator, node: nodes.Element) -> None:
    writer.body.append(writer.starttag(node, "div", CLASS="math"))
    writer.body.append(mathml(node.astext(), display=True) + "</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
