"""``results.parquet``: a table of a study for programs, with the unit and the meaning of every column."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

MISSING = "results.parquet is left out: it needs the package pyarrow (pip install pyarrow)"


def write_parquet(frame: pd.DataFrame, target: Path) -> list[Path]:
    """Write a table whose ``attrs["columns"]`` has ``unit`` and ``meaning`` of every column.

    Both are in the metadata of each field of the Arrow schema; pandas gives the table's ``attrs`` back.
    Without pyarrow nothing is written, one line says so, and an earlier file, which would not be of these
    results, is removed.

    Returns:
        The file, or nothing.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        target.unlink(missing_ok=True)
        print(MISSING)
        return []
    table = pa.Table.from_pandas(frame, preserve_index=False)
    about = frame.attrs["columns"]
    fields = [field.with_metadata(about[field.name]) for field in table.schema]
    # the key under which pandas keeps attrs in a file
    own = {"PANDAS_ATTRS": json.dumps(frame.attrs)}
    schema = pa.schema(fields, metadata={**table.schema.metadata, **own})
    parquet.write_table(table.cast(schema), target)
    return [target]
