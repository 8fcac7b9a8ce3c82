"""What a run has warned of, for its manifest."""

from __future__ import annotations

import logging

MOST_WARNINGS = 100
"""Warnings that a manifest lists at most; the log has all."""


class WarningList(logging.Handler):
    """Keeps what a run has warned of, for its manifest."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a warning."""
        if record.levelno == logging.WARNING and len(self.said) < MOST_WARNINGS:
            self.said.append(record.getMessage())
