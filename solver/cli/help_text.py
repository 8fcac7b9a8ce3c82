"""How ``--help`` lays out commands and options: an entry a paragraph, its further lines indented."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from cyclopts.help.formatters.plain import PlainFormatter

if TYPE_CHECKING:
    from rich.console import Console

HANGING = 3
"""Indent of an entry's further lines over that of its first."""


class HelpFormatter(PlainFormatter):
    """cyclopts' plain one, which wraps a description first and once more behind the entry's name."""

    def _print_plain(self, console: Console, text: str) -> None:
        if text.startswith(self.indent):
            text = textwrap.fill(
                " ".join(text.split()),
                console.width,
                initial_indent=self.indent,
                subsequent_indent=HANGING * self.indent,
                break_on_hyphens=False,
                break_long_words=False,
            )
        console.print(text, highlight=False, markup=False)
