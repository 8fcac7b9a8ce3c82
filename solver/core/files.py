"""Text files: TOML of any size and content read without harm, and files that are replaced as a whole."""

from __future__ import annotations

import contextlib
import os
import tomllib
from pathlib import Path
from typing import Any

MAX_TOML_SIZE = 1_000_000
"""Bytes; larger files are refused unread."""
MAX_CASE_SIZE = 16_000_000
"""The same of cases, which may have 10 000 steps of a protocol with all their keys."""


def read_toml(path: Path, most: int = MAX_TOML_SIZE) -> dict[str, Any]:
    """Content of a TOML file of at most so many bytes.

    Raises:
        ValueError: with what is wrong, without the path: not there, too large, not TOML.
    """
    text = read_text(path, most)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("not TOML: nested too deeply") from None
    except ValueError as error:  # an integer of 5000 digits is no TOMLDecodeError
        raise ValueError(f"not TOML: {error}") from None


def read_text(path: Path, most: int) -> str:
    """Content of a plain file in UTF-8 of at most so many bytes.

    Raises:
        ValueError: with what is wrong, without the path.
    """
    try:
        check_plain(path, most)
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("not a text file in UTF-8") from None


def check_plain(path: Path, most: int) -> None:
    """Refuse what is no plain file of at most so many bytes.

    Raises:
        ValueError: with what is wrong, without the path.
        OSError: if it cannot be looked at.
    """
    if not path.is_file():
        raise ValueError("no such file" if not path.exists() else "not a regular file")
    if path.stat().st_size > most:
        raise ValueError(f"larger than {most} bytes")


def numbered_lines(path: Path, most: int) -> list[tuple[int, str]]:
    """Lines of a table in text with their numbers from 1, without empty ones and remarks (#).

    Raises:
        ValueError: as :func:`read_text`.
    """
    text = read_text(path, most).removeprefix("\ufeff")
    lines = enumerate(text.splitlines(), start=1)
    return [(number, line) for number, line in lines if line.strip() and not line.lstrip().startswith("#")]


def write_atomic(path: Path, text: str) -> None:
    """Replace a text file in one go; where that fails (OSError) the file stays as it was."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from error


def update(path: Path, text: str) -> bool:
    """Write a file if its content is another; says whether it did."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    write_atomic(path, text)
    return True
