"""Tables as pandas has them, with the unit and the meaning of every column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from solver.output.columns import Column


def frame(data: Any, columns: Mapping[str, Column]) -> pd.DataFrame:
    """A table.

    Args:
        data: columns by name, or rows.
        columns: unit and meaning by name; those without data stay out unless there is no data at all.

    Returns:
        The table; ``attrs["units"]`` has the unit of each column (text, empty for counts, ratios and words),
        ``attrs["labels"]`` what an axis says, ``attrs["meanings"]`` what it means.
    """
    table = pd.DataFrame(data, columns=None if len(data) else list(columns))
    known = {name: columns[name] for name in map(str, table.columns) if name in columns}
    table.attrs["units"] = {name: about.unit for name, about in known.items()}
    table.attrs["labels"] = {name: about.label for name, about in known.items()}
    table.attrs["meanings"] = {name: about.description for name, about in known.items()}
    return table
