"""Text of a case, a study or a file's name is shown, and obeyed by no spreadsheet and no terminal."""

from __future__ import annotations

import ast
import csv
import io
import logging
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.core.plain_text import (
    ONE_LINE,
    PlainFormatter,
    PlainStream,
    TableWriter,
    cell,
    checked_line,
    from_cell,
    one_line,
    shown,
)
from tests.conftest import ROOT

pytestmark = pytest.mark.kind("text that a terminal or a spreadsheet would obey")

FORMULAS = [
    "=1+1", "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "-0.5 um/s", " =1", "\u3000=1", "＝1", "'=1",
    "''=1", "\t=1", "\r=1", "-inf um", "--1", "−1 V", "=", "==", "+-", "@x", "\u00a0=1",
]  # fmt: skip
PLAIN = [
    "", "lithium", "3+7", "a=b", "x@y", "roof", "run-0001", "0.5 mA/cm2", "-", "+", "µm", "'", "'a",
]  # fmt: skip
NUMBERS = ["-1", "+1.5", "-1e-3", "-.5", "-inf", "nan", "+inf", "-1.", "1E+5", "0"]
ESCAPES = [
    "\x1b[31mred", "\x1b]0;title\x07", "\x9b31m", "a\x08b", "a\rb", "\u202eabc", "\u2066a", "\ufeff", "\x00",
    "a\x7f", "\u2028", "\udcff",
]  # fmt: skip
PEOPLE = ["Li | LPSCl, 25 °C", "µm ² 中文 🚀", "naïve – “quoted”", "a\u00a0b", "न\u200dक"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_cell_is_no_formula_and_reads_back(text: str) -> None:
    made = cell(text)
    harmless = len(text.strip()) < 2
    assert made[:1] not in set("=+-@＝") or harmless
    assert from_cell(made) == one_line(text)


@pytest.mark.parametrize("value", [*NUMBERS, *PLAIN, -1, -1.5, None, True, float("-inf")])
def test_numbers_stay_numbers_and_plain_words_words(value: object) -> None:
    assert cell(value) is value
    if isinstance(value, str):
        assert from_cell(value) == value


@given(st.text(alphabet=st.one_of(st.sampled_from("=+-@'\t 1.e＝\u3000"), st.characters()), max_size=8))
@settings(deadline=None, max_examples=500)
def test_any_text_comes_back_from_its_cell(text: str) -> None:
    buffer = io.StringIO(newline="")
    TableWriter(buffer).writerows([[text, 1.5], ["end", 2]])
    (made, number), (end, _) = csv.reader(io.StringIO(buffer.getvalue(), newline=""))
    assert (number, end) == ("1.5", "end")
    assert from_cell(made) == one_line(text)
    begins = unicodedata.normalize("NFKC", made).strip()
    if begins[:1] and begins[0] in "=+-@−":
        assert len(begins) == 1 or re.fullmatch(r"[+-]?[0-9.]+(e[+-]?[0-9]+)?", begins)


@pytest.mark.parametrize("text", ESCAPES)
def test_no_control_character_reaches_a_terminal_or_a_log(text: str) -> None:
    record = logging.LogRecord("livoid", logging.WARNING, "", 1, "name %s\nnext", (f"({text})",), None)
    buffer = io.StringIO()
    PlainStream(buffer).write(f"name ({text})\nnext")
    for made in (PlainFormatter("%(message)s").format(record), buffer.getvalue()):
        assert made == f"name ({one_line(text)})\nnext"
        assert all(c.isprintable() for c in made.replace("\n", ""))
        made.encode("utf-8")
    with pytest.raises(ValueError, match="control character"):
        checked_line(text)
    assert text.startswith("\udcff") or not re.match(ONE_LINE, text)


@pytest.mark.parametrize("text", PEOPLE)
def test_the_text_of_people_stays(text: str) -> None:
    assert checked_line(text) == shown(text) == text
    assert re.match(ONE_LINE, text)


def test_a_progress_bar_goes_back_to_the_start_of_its_line() -> None:
    buffer = io.StringIO()
    stream = PlainStream(buffer)
    stream.writelines(["\r 10 %|█ |", "\r", " 20 %\r", "a\rb"])
    assert buffer.getvalue() == "\r 10 %|█ |\r 20 %\ra\\rb"
    assert stream.getvalue() == buffer.getvalue()  # all else is the stream's own


WRITERS = {
    "solver/core/plain_text.py",
    # words of the code, names of the library and numbers
    "solver/predictions/critical_report.py",
    "solver/predictions/focus.py",
    "solver/predictions/impedance.py",
    "solver/predictions/neutral.py",
    "solver/predictions/threshold.py",
    "postprocess/alloy.py",
    "postprocess/pressure.py",
}


def test_tables_are_written_in_one_way() -> None:
    found = set()
    for folder in ("solver", "meshes", "postprocess"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and node.attr in ("writer", "DictWriter", "to_csv"):
                    found.add(str(file.relative_to(ROOT)))
    assert found == WRITERS
