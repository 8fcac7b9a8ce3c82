"""The page of `livoid view`: whole, offline, with a slider over the outputs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from postprocess import cross_section
from postprocess.records import RecordsError, read_run
from tests.postprocess.runs import Block, Cell, Output, write_run
from tests.postprocess.test_report import BROWSER, opened

pytest.importorskip("plotly")
from postprocess.view import _Fields, figure, view

OUTPUTS = [Output(0.0, [Block(5.0, 9.0, 3.0)]), Output(0.05, [Block(5.0, 8.0, 2.0)]), Output(0.1, [])]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run of three outputs whose void closes."""
    folder = write_run(tmp_path_factory.mktemp("view") / "run", Cell(), OUTPUTS)
    (folder / "fields.pvd").unlink()
    return view(folder, folder / "view.html")


def test_every_output_is_a_frame_with_the_same_traces(page: Path) -> None:
    shown = figure(read_run(page.parent))
    assert [frame.name for frame in shown.frames] == ["0", "1", "2"]
    assert len({(len(frame.data), frame.traces) for frame in shown.frames}) == 1
    labels = [step.label for step in shown.layout.sliders[0].steps]
    assert labels == ["0 mAh/cm2, 0 s", "0.05 mAh/cm2, 360 s", "0.1 mAh/cm2, 720 s"]
    titles = {axis.title.text for axis in shown.select_yaxes()}
    assert {"Height (um)", "Current density (mA/cm2)", "Contact fraction"} <= titles


def test_the_fields_of_a_frame_are_those_of_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables have times with fewer digits than the index of the fields."""
    folder = write_run(tmp_path / "run", Cell(), OUTPUTS)
    run = read_run(folder)
    run.fields[:] = [(time * (1.0 + 1e-9), file) for time, file in run.fields]
    read: list[str] = []
    monkeypatch.setattr(cross_section, "read_section", lambda file, _place: read.append(file.name))
    fields = object.__new__(_Fields)
    fields.fields, fields.place = run.fields, None
    for output in run.outputs():
        fields._section(run.time_of(output))
    assert read == [file.name for _, file in run.fields]
    fields._section(1.0)
    assert len(read) == 3


def test_the_page_loads_nothing(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "plotly.js v" in text
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=", text.split("<body>")[0] + text[-2000:])


def test_a_run_without_outputs_is_refused(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", Cell(), OUTPUTS)
    (folder / "interface.csv").unlink()
    with pytest.raises(RecordsError, match="no outputs to view"):
        view(folder, folder / "view.html")
    assert not (folder / "view.html").exists()


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no headless browser")
def test_the_page_opens_offline_with_its_slider(page: Path) -> None:
    dom = opened(page)
    assert "slider-container" in dom and "At 0 mAh/cm2, 0 s" in dom
    assert np.all([name in dom for name in ("Height (um)", "Current density (mA/cm2)", "play")])
