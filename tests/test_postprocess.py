from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from postprocess.neutral import NeutralRow, crossing
from postprocess.plots import split_roofs
from postprocess.records import RecordsError, read_run


def test_roofs_are_split_where_two_voids_stand_on_the_electrolyte() -> None:
    points = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 0.0], [3.0, 1.0], [4.0, 0.0]])
    pieces = split_roofs(points)
    assert [len(piece) for piece in pieces] == [2, 3]


def test_crossing_of_gain_and_loss() -> None:
    rows = [NeutralRow("full", 1.0, 2.0, 1.0), NeutralRow("full", 4.0, 1.0, 2.0)]
    assert crossing(rows) == pytest.approx(2.0)
    assert crossing(rows[:1] * 2) is None


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="not a run folder"):
        read_run(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(RecordsError, match="no step"):
        read_run(tmp_path)
