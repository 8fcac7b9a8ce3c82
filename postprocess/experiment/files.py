"""Files of measurements as columns of numbers under their own heads: CSV, Parquet, BioLogic's .mpt and .mpr.

Cyclers of other makers export CSV. Nothing in a file is run: text is parsed as numbers, binary files by
readers that know their layout (pyarrow, galvani).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Table = dict[str, NDArray[np.float64]]
"""Columns by their head; NaN where a cell is empty."""
MAX_SIZE = 500_000_000
"""Bytes of a file that is read."""
KINDS = (".csv", ".txt", ".tsv", ".parquet", ".mpt", ".mpr")
CURRENTS = ("<I>/mA", "I/mA")
CHARGE = "dq/mA.h"
"""Heads of EC-Lab: current, and the charge since the point before."""
SECONDS = 3600.0
"""Of an hour."""
_MAGIC = re.compile(r"(?:EC|BT)-Lab ASCII FILE")
_HEAD_LINES = re.compile(r"Nb header lines\s*:\s*(\d+)")


class MissingPackageError(ImportError):
    """A package that reads a kind of file is not installed; the message says which."""


def read_columns(path: Path) -> Table:
    """Columns of a file.

    Raises:
        ValueError: with what is wrong with it, without its path.
        MissingPackageError: if what reads it is missing.
    """
    if not path.is_file():
        raise ValueError("no such file" if not path.exists() else "not a regular file")
    if path.stat().st_size > MAX_SIZE:
        raise ValueError(f"larger than {MAX_SIZE} bytes")
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise ValueError(f"no kind of file that is read: {', '.join(KINDS)}; other cyclers export CSV")
    read = {".parquet": _parquet, ".mpt": _mpt, ".mpr": _mpr}.get(kind, _text)
    try:
        table = read(path)
    except MissingPackageError:
        raise
    except (OSError, ValueError, OverflowError, KeyError, IndexError, NotImplementedError) as error:
        raise ValueError(f"cannot be read: {error}".splitlines()[0]) from None
    if not table or not len(next(iter(table.values()))):
        raise ValueError("has no rows")
    return table


def _text(path: Path) -> Table:
    """A table of text whose separator is the one that its head has."""
    with path.open(encoding="utf-8-sig", errors="strict", newline="") as file:
        head = file.readline()
    separator = max("\t;,", key=head.count)
    frame = pd.read_csv(path, sep=separator, encoding="utf-8-sig", index_col=False, skipinitialspace=True)
    return _numbers(frame)


def _parquet(path: Path) -> Table:
    try:
        frame = pd.read_parquet(path)
    except ImportError:
        raise MissingPackageError(
            "Parquet is read by pyarrow, which is missing (pip install pyarrow)"
        ) from None
    return _numbers(frame)


def _mpt(path: Path) -> Table:
    """EC-Lab's text: a line with the number of lines of the head, whose last one has the names.

    EC-Lab writes the comma as decimal sign where Windows does.
    """
    with path.open(encoding="latin-1") as file:  # EC-Lab's own: degrees and micro in one byte
        first, second = file.readline(), file.readline()
        count = _HEAD_LINES.match(second)
        if not _MAGIC.match(first) or count is None:
            raise ValueError("not an .mpt of EC-Lab or BT-Lab (its first lines are others)")
        lines = file.read().splitlines()
    skipped = int(count[1])
    comma = any("," in line for line in lines[skipped - 2 : skipped])
    frame = pd.read_csv(
        path,
        sep="\t",
        encoding="latin-1",
        skiprows=skipped - 1,
        decimal="," if comma else ".",
        index_col=False,
    )
    return _numbers(frame)


def _mpr(path: Path) -> Table:
    try:
        from galvani.BioLogic import MPRfile
    except ImportError:
        raise MissingPackageError(".mpr is read by galvani, which is missing (pip install galvani)") from None
    try:
        file = MPRfile(str(path))
    except (AssertionError, EOFError) as error:  # how galvani says that a file is no .mpr
        raise ValueError(str(error) or "not an .mpr of EC-Lab") from None
    table = {str(name): np.asarray(file.data[name], dtype=float) for name in file.data.dtype.names}
    if table.pop("flags", None) is not None:  # one byte of all that .mpt has in columns of their own
        table |= {str(name): np.asarray(file.get_flag(name), dtype=float) for name in file.flags_dict}
    return _with_current(table)


def _with_current(table: Table) -> Table:
    """The table of an .mpr with the mean current between points where it has charges alone (GCPL).

    EC-Lab works out this column when it exports an .mpt; between points at one time there is none.
    """
    charge = table.get(CHARGE)
    if charge is None or "time/s" not in table or any(head in table for head in CURRENTS):
        return table
    between = np.diff(table["time/s"], prepend=np.nan)
    current = np.divide(SECONDS * charge, between, out=np.full(len(charge), np.nan), where=between > 0.0)
    current[charge == 0.0] = 0.0
    return table | {CURRENTS[0]: current}


def _numbers(frame: pd.DataFrame) -> Table:
    """Columns of numbers; text that is none becomes NaN, and a column without a number is left out."""
    found: Table = {}
    for head in frame.columns:
        values = pd.to_numeric(frame[head], errors="coerce").to_numpy(float)
        if np.isfinite(values).any() or not len(values):
            found[str(head).strip()] = values
    return found
