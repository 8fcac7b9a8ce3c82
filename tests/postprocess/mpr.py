"""A file .mpr of EC-Lab written from numbers, in the layout that galvani.BioLogic knows (version 2)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

COLUMNS: Mapping[str, tuple[int, str]] = {
    "time/s": (4, "<f8"),
    "control/V/mA": (5, "<f4"),
    "Ewe/V": (6, "<f4"),
    "dq/mA.h": (7, "<f8"),
    "I/mA": (8, "<f4"),
    "Ns": (131, "<u2"),
}
"""Number and type of a column."""
MODE = 1
"""Number of the column of flags that says what is controlled: the lowest two bits of a byte."""
MAGIC = b"BIO-LOGIC MODULAR FILE\x1a".ljust(48) + b"\x00" * 4
BEFORE_DATA = 405
"""Bytes of a module of data in front of its numbers."""


def write_mpr(path: Path, mode: ArrayLike, columns: Mapping[str, ArrayLike]) -> Path:
    """Write columns of :data:`COLUMNS`, behind a byte of flags; returns the path."""
    flags = np.asarray(mode, dtype=np.uint8)
    kind = np.dtype([("flags", "u1"), *((name, COLUMNS[name][1]) for name in columns)])
    rows = np.zeros(len(flags), kind)
    rows["flags"] = flags | 0x20  # another flag beside the mode
    for name, values in columns.items():
        rows[name] = values
    numbers = np.array([MODE, 31, *(COLUMNS[name][0] for name in columns)], dtype="<u2")
    head = np.array([len(rows)], "<u4").tobytes() + bytes([len(numbers)]) + numbers.tobytes()
    data = head.ljust(BEFORE_DATA, b"\x00") + rows.tobytes()
    path.write_bytes(MAGIC + _module("VMP Set", b"\x00" * 8, 10) + _module("VMP data", data, 2))
    return path


def _module(name: str, data: bytes, version: int) -> bytes:
    head: Any = np.zeros(
        1, [("short", "S10"), ("long", "S25"), ("length", "<u4"), ("version", "<u4"), ("date", "S8")]
    )
    head["short"], head["long"] = name.ljust(10).encode(), name.ljust(25).encode()
    head["length"], head["version"], head["date"] = len(data), version, b"01/31/26"
    return b"MODULE" + bytes(head.tobytes()) + data
