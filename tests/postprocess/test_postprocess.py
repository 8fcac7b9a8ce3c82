from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from postprocess.film import Frame, window
from postprocess.plots import split_roofs
from postprocess.records import RecordsError, read_run
from postprocess.threshold import draw_thresholds
from solver.predictions.neutral import NeutralRow, crossing


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


def test_a_film_shows_voids_and_not_the_seam_between_two_ranks() -> None:
    """Files of two ranks hold the points between them twice; those edges are no roofs."""
    left = [[0.0, 0.0], [50.0, 0.0], [50.0, 90.0], [0.0, 90.0]]
    right = [[50.0, 0.0], [100.0, 0.0], [100.0, 90.0], [50.0, 90.0]]
    triangles = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    frame = Frame(np.array(left + right), triangles, *frame_rest())
    top = window([frame])[3]
    assert 1.0 < top < 5.0
    # a void 4 um high on the right
    points = np.array([*left, *right, [100.0, 4.0]])
    raised = Frame(points, np.array([[0, 1, 2], [0, 2, 3], [4, 8, 6], [4, 6, 7]]), *frame_rest())
    assert window([raised])[3] == pytest.approx(1.6 * 4.0)


def frame_rest() -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    return np.empty((0, 3), dtype=np.int64), np.empty(0)


def test_dollars_in_titles_are_no_formulas(tmp_path: Path) -> None:
    """A title is anybody's text: matplotlib takes what stands between two dollars for a formula."""
    rows = [f"as given,{current},298.15,1.0,{pressure},0" for current, pressure in ((0.5, 1.0), (1.0, 2.0))]
    header = "creep,current_mA_cm2,temperature_K,void_size,threshold_MPa,population"
    (tmp_path / "threshold.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    assert draw_thresholds(tmp_path, r"costs $5 to $\frac{ 6").is_file()
