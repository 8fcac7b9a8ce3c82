"""Pictures tell the truth: lines end at voids, moments are where much happens, colour bars have a range."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from postprocess.canvas import axis_label, caption
from postprocess.cross_section import Part, limits
from postprocess.moments import telling
from postprocess.plots import broken, plot_run
from postprocess.records import read_run
from solver.output.rows import InterfaceRow
from tests.postprocess.runs import Block, Cell, Output, write_run


def test_lines_break_over_voids() -> None:
    x, values = np.array([0.0, 1.0, 4.0, 5.0]), np.array([1.0, 2.0, 3.0, 4.0])
    shown, line = broken(x, values, [(1.0, 4.0)])
    assert np.isnan(line[2]) and np.isnan(shown[2])
    assert line[~np.isnan(line)].tolist() == values.tolist()
    assert not np.any(np.isnan(broken(x, values, [])[1]))
    # a void on the side has nothing beyond it to be joined with
    assert not np.any(np.isnan(broken(x, values, [(5.0, 9.0)])[1]))


def test_moments_are_where_something_happens(tmp_path: Path) -> None:
    """A void closes in a twentieth of a run of 100 outputs: half of the pictures are of that."""
    outputs = [
        Output(0.01 * k, [Block(5.0, 9.0, 3.0)] if k < 50 else [], 0.5 - 0.1 * min(max(k - 45, 0), 5))
        for k in range(100)
    ]
    run = read_run(write_run(tmp_path / "run", Cell(), outputs))
    times = [run.time_of(output) for output in run.outputs()]
    chosen = telling(run, times, 6)
    assert chosen[0] == 0 and chosen[-1] == 99 and len(set(chosen)) == 6
    assert sum(44 <= k <= 51 for k in chosen) >= 3
    assert telling(run, times[:3], 6) == [0, 1, 2]


@pytest.mark.parametrize("value", [0.0, 0.3, -2.0])
def test_an_even_field_has_a_colour_bar_with_a_range(value: float) -> None:
    flat = Part(np.zeros((4, 2)), np.zeros((1, 3), dtype=np.int64), np.full(4, value))
    low, high = limits([flat], (-1.0, 1.0, -1.0, 1.0))
    assert low < value < high
    assert f"{low:.3g}" != f"{high:.3g}"


def test_labels_have_names_and_units() -> None:
    assert axis_label(InterfaceRow.columns()["current_mA_cm2"]) == "Current density (mA/cm2)"
    assert caption(0.05) == "0.05 mAh/cm2"


def test_a_run_without_fields_has_pictures_and_pdfs(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", Cell(), [Output(0.0, [Block(5.0, 9.0, 3.0)]), Output(0.1, [])])
    (folder / "fields.pvd").unlink()
    made = plot_run(folder)
    assert [file.name for file in made] == ["history.png", "interface.png"]
    for file in made:
        assert file.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
