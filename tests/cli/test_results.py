"""Commands that write figures and tables: where a file of somebody else has one of their names, it stays."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import tomli_w

from postprocess.plots import FIGURES
from solver.cli import main, run
from solver.core.ownership import LIST, ForeignFolderError
from solver.predictions.focus import DiscRow, FocusRow
from solver.predictions.neutral import NeutralRow
from solver.predictions.threshold import Threshold
from tests.benchmarks import __main__ as bench
from tests.conftest import case_data, contents, put
from tests.postprocess.runs import Block, Cell, Output, write_run

pytestmark = pytest.mark.kind("folder that is not livoid's")

OUTPUTS = (Output(0.0, [Block(5.0, 9.0, 3.0)]), Output(0.1, [Block(5.0, 10.0, 4.0)]))


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """A command in this process, beside a case and a run; what takes minutes is left out."""
    (tmp_path / "case.toml").write_text(tomli_w.dumps(case_data()), encoding="utf-8")
    folder = write_run(tmp_path / "run", Cell(), OUTPUTS)
    known = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    put(folder, {"manifest.json": json.dumps(known | {"made_by": []})})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main, "_log_to_terminal", lambda _comm, *, verbose: None)
    leave_out(monkeypatch)
    return lambda words: main.main(words.split())


def leave_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Predictions give some rows at once, runs do nothing, figures of runs are text."""
    put_in = monkeypatch.setattr
    sizes = [NeutralRow(kind, half, half, 1.0) for kind in ("full", "uniform") for half in (0.5, 2.0)]
    put_in("solver.predictions.neutral.neutral_study", lambda *_: sizes)
    pressures = [Threshold("as given", 0.5, 298.15, 1.0, p, 0) for p in (0.5, 1.0)]
    put_in("solver.predictions.threshold.threshold_study", lambda *_: pressures)
    numbers = [
        FocusRow("plane", 0.5, 0.5, wagner, 1.5, 2.0, 0.1, 0.9, math.nan, math.nan) for wagner in (0.1, 1.0)
    ]
    put_in("solver.predictions.focus.focus_study", lambda *_: numbers)
    put_in("solver.predictions.focus.disc_study", lambda *_: [DiscRow(0.1, 1.5, 0.26, 0.3)])
    put_in(
        "solver.predictions.critical.instantaneous_rates", lambda _setup, half_width, _comm: (1.0, half_width)
    )
    where = [(p, 0.5, size, "") for p, size in ((0.5, 2.0), (1.0, 1.0))]
    put_in("solver.predictions.critical.neutral_map", lambda *_: where)
    put_in("solver.predictions.alloy.run_study", lambda *_: [])
    put_in(run, "_run", lambda *_, **__: SimpleNamespace(status="finished"))
    put_in("postprocess.demo.demo_table", lambda _: "")
    put_in("postprocess.demo.demo_figure", lambda _, file: write(file)[0])
    put_in("postprocess.alloy.report", lambda kind, _, out: write(out / f"{kind}.csv", out / f"{kind}.png"))
    for module, name in (("compare", "paper"), ("pressure", "pressure")):
        files = (f"{name}.png", f"{name}.csv")
        made = partial(lambda names, _, out: write(*(out / name for name in names)), files)
        put_in(f"postprocess.{module}.compare_{name}", made)
    put_in("postprocess.plots.plot_run", lambda run: write(*(run / "figures" / n for n in FIGURES[:2])))
    put_in("postprocess.report.report", lambda _, file, view: write(file)[0])
    put_in("postprocess.view.view", lambda _, file: write(file)[0])
    put_in("postprocess.film.film", lambda _, file: write(file, file.with_name(f"{file.stem}-stills.png")))
    for name in ("draw_sem", "draw_maps", "draw_profile"):
        put_in(f"postprocess.microscope.pictures.{name}", lambda file, *_: write(file)[0])
    put_in("postprocess.mesh_picture.draw_mesh", lambda _, file: write(file))


def write(*files: Path) -> list[Path]:
    for file in files:
        file.write_text("made")
    return list(files)


WRITES = {
    "neutral case.toml --out out": ("out", "neutral.csv"),
    "threshold case.toml --out out": ("out", "threshold.png"),
    "focus case.toml --kind plane --out out": ("out", "focus.csv"),
    "focus case.toml --kind disc --out out": ("out", "disc.csv"),
    "critical case.toml --part instant --part map --out out": ("out", "critical.json"),
    "alloy plate --out out": ("out", "plate.csv"),
    "demo --out out": ("out", "demo.png"),
    "compare paper run --out out": ("out", "paper.csv"),
    "compare pressure run --out out": ("out", "pressure.png"),
    "plot run": ("run/figures", "history.png"),
    "report run --out pages/run.html": ("pages", "run.html"),
    "report run": ("run", "report.html"),
    "film run --out films/film.gif": ("films", "film-stills.png"),
    "film run": ("run/figures", "film.mp4"),
    "microscope run --pixel=1um": ("run/microscope", "frames.csv"),
    "microscope run --pixel=1um --out seen": ("seen", "sem-00001.png"),
    "mesh case.toml --out meshes/cell": ("meshes", "cell.json"),
}
"""Commands, the folder into which each writes, and one of the files."""
ALONE = {words for words, (folder, _) in WRITES.items() if folder in ("out", "seen", "run/microscope")}
"""Those to which the folder belongs."""


@pytest.mark.parametrize("words", WRITES)
def test_only_what_livoid_made_is_replaced(
    words: str, tmp_path: Path, command: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, name = tmp_path / WRITES[words][0], WRITES[words][1]
    before = set(contents(folder))
    assert command(words) == 0, capsys.readouterr().err
    made = {name for name in set(contents(folder)) - before if "/" not in name} - {LIST}
    made = {name for name in made if (folder / name).is_file()}
    # all of it is on the list, so that it can be made again
    assert name in made
    assert set(json.loads((folder / LIST).read_text(encoding="utf-8"))["files"]) == made
    assert command(words) == 0, capsys.readouterr().err
    (folder / name).write_bytes(b"with an arrow")
    left = contents(tmp_path)
    assert command(words) == 2
    assert f"{name} has changed since livoid made it" in capsys.readouterr().err
    assert contents(tmp_path) == left


@pytest.mark.parametrize("words", WRITES)
def test_a_foreign_file_of_the_same_name_stays(
    words: str, tmp_path: Path, command: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, name = tmp_path / WRITES[words][0], WRITES[words][1]
    put(folder, {name: "theirs"})
    left = contents(tmp_path)
    assert command(words) == 2
    said = capsys.readouterr().err
    assert said.count("livoid: ") == 1 and name in said
    assert contents(tmp_path) == left
    (folder / name).unlink()
    put(folder, {"thesis.tex": "mine"})
    assert command(words) == (2 if words in ALONE else 0)
    assert (folder / "thesis.tex").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("docs --out site", "site is not empty and not made by Sphinx"),
        ("job case.toml --out new --mark site/index.html", "site/index.html is not a mark of a run"),
        ("study study.toml --out site", "site is not a study folder"),
    ],
)
def test_other_commands_that_write_leave_others_files_alone(
    words: str,
    message: str,
    tmp_path: Path,
    command: Callable[[str], int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    study = {"study": {"case": "case.toml", "vary": {"operation.pressure": ["1 MPa"]}}}
    (tmp_path / "study.toml").write_text(tomli_w.dumps(study), encoding="utf-8")
    put(tmp_path / "site", {"index.html": "theirs", "conf.py": "theirs"})
    before = contents(tmp_path)
    assert command(words) == 2
    assert message in capsys.readouterr().err
    assert contents(tmp_path) == before


def test_a_bench_takes_no_folder_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, {"bench.json": "theirs"})
    before = contents(tmp_path)
    monkeypatch.setattr("sys.argv", ["bench", "--out", str(tmp_path)])
    with pytest.raises(ForeignFolderError, match=r"it holds bench\.json"):
        bench.main()
    assert contents(tmp_path) == before
