"""What a case takes from beside it, or says in words, in the form that its schema knows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from solver.case.data_files import with_data_paths
from solver.case.protocol_text import with_protocol
from solver.case.void_table import with_voids


def with_files(data: Mapping[str, Any], folder: Path) -> tuple[Mapping[str, Any], list[str]]:
    """Case data with the voids of a table, the steps of a text and the paths of measurements put in.

    Args:
        data: as the file has it.
        folder: that of the case file.

    Returns:
        Data, and a line for every problem.
    """
    data, problems = with_voids(data, folder)
    data, wrong = with_protocol(with_data_paths(data, folder))
    return data, problems + wrong
