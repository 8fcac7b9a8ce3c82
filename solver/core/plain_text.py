"""Text of other people in tables and on terminals: shown as it is, never obeyed.

A case, a study, a name of a file may come from anywhere. A spreadsheet takes a cell that begins with ``=``,
``+``, ``-`` or ``@`` for a formula, a terminal an escape sequence for a command; neither happens to what
passes here. Numbers stay numbers.
"""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Iterable
from typing import Any, TextIO

_HIDDEN = r"\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
"""Control characters but tab and newline; signs without width, and of direction."""
_HALVES = r"\ud800-\udfff"
"""Halves of a pair, which a name of a file may have and no text can be written with."""
ONE_LINE = rf"^[^\t\n{_HIDDEN}]*$"
"""Pattern of text that may be shown anywhere."""

_CONTROL = re.compile(f"[{_HIDDEN}{_HALVES}]")
_CONTROL_OR_BREAK = re.compile(rf"[\t\n{_HIDDEN}{_HALVES}]")
_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|nan)")
# spreadsheets trim spaces, and take the wide forms of the signs for the signs
_FORMULA = re.compile(r"'*\s*[=+\-@\uff1d\uff0b\uff0d\uff20\u2212].", re.DOTALL)


def shown(text: str) -> str:
    """Text for a terminal or a log: control characters are written out, lines stay lines."""
    return _CONTROL.sub(_written_out, text)


def one_line(text: str) -> str:
    """The same on one line."""
    return _CONTROL_OR_BREAK.sub(_written_out, text)


def checked_line(text: str) -> str:
    """The text if it is one line without control characters.

    Raises:
        ValueError: if it is not.
    """
    found = _CONTROL_OR_BREAK.search(text)
    if found is not None:
        raise ValueError(
            f"has the control character {_written_out(found)}; text for people is one plain line"
        )
    return text


def _written_out(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode("ascii")


def cell(value: Any) -> Any:
    """A cell of a table: what is no text stays as it is, and so does text that is a number."""
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    text = one_line(value)
    return f"'{text}" if _FORMULA.match(text) else text


def from_cell(text: str) -> str:
    """The text of which :func:`cell` has made a cell (on one line)."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


class TableWriter:
    """What ``csv.writer`` is, with cells that are data (:func:`cell`).

    Args:
        file: opened with ``newline=""``.
    """

    def __init__(self, file: Any) -> None:
        self._writer = csv.writer(file)

    def writerow(self, row: Iterable[Any]) -> None:
        """Write one row."""
        self._writer.writerow([cell(value) for value in row])

    def writerows(self, rows: Iterable[Iterable[Any]]) -> None:
        """Write several rows."""
        for row in rows:
            self.writerow(row)


class PlainFormatter(logging.Formatter):
    """Formats a record of the log as text that no terminal obeys."""

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record."""
        return shown(super().format(record))


class PlainStream:
    """A text stream for a terminal (:func:`shown`); all else is that of the stream behind it.

    Carriage returns at the ends of a piece pass: a progress bar goes back to the start of its line.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a piece of text."""
        inner = text.strip("\r")
        if inner:
            start = text.index(inner)
            text = text[:start] + shown(inner) + text[start + len(inner) :]
        return self._stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several pieces."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
