"""Parameter studies: points, folders, the engine, the table; and the profile for a batch system."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess.quantities import QUANTITIES, first_passing
from solver.case.loading import CaseError
from solver.case.units import parse_quantity
from solver.cli.tally import Tally
from solver.core.ownership import ForeignFolderError
from solver.study import folder as study_folder
from solver.study import marks
from solver.study.points import Point, expand
from solver.study.schema import Study, load_study
from tests.conftest import ROOT, case_data, environment, table

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]
needs_engine = pytest.mark.skipif(shutil.which("snakemake") is None, reason="Snakemake is not installed")
PRESSURES = ["0.5 MPa", "20 MPa"]


def study_of(vary: dict[str, Any], **others: Any) -> Study:
    return Study.model_validate({"case": "case.toml", "vary": vary} | others)


def write(folder: Path, vary: dict[str, Any], **others: Any) -> Path:
    """A study of a very short run, and its case."""
    data = case_data(operation={"capacity": "0.0001 mAh/cm^2"}, output={"fields": False})
    (folder / "case.toml").write_text(tomli_w.dumps(data), encoding="utf-8")
    text = tomli_w.dumps({"study": {"case": "case.toml", "vary": vary} | others})
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder / "study.toml"


def test_grid_zip_and_their_order() -> None:
    vary = {"a.b": ["1 MPa", "2 MPa"], "c": [1, 2]}
    grid = expand(study_of(vary))
    assert [tuple(p.values.values()) for p in grid] == [
        ("1 MPa", 1), ("1 MPa", 2), ("2 MPa", 1), ("2 MPa", 2)
    ]  # fmt: skip
    assert [p.name for p in grid] == ["run-0001", "run-0002", "run-0003", "run-0004"]
    pairs = expand(study_of(vary, method="zip"))
    assert [tuple(p.values.values()) for p in pairs] == [("1 MPa", 1), ("2 MPa", 2)]


def test_ranges_keep_units_and_ratios() -> None:
    points = expand(study_of({"p": {"from": "0.2 MPa", "to": "20000 kPa", "number": 3, "spacing": "log"}}))
    assert [p.values["p"] for p in points] == ["0.2 MPa", "2 MPa", "20 MPa"]
    assert [p.values["n"] for p in expand(study_of({"n": {"from": 1, "to": 9, "number": 3}}))] == [1, 5, 9]


@given(st.integers(1, 40), st.integers(0, 5))
@settings(max_examples=20, deadline=None)
def test_a_latin_hypercube_has_one_point_in_each_layer(samples: int, seed: int) -> None:
    vary = {"p": {"from": "0 MPa", "to": "1 MPa"}, "t": {"from": "300 K", "to": "400 K"}, "x": ["a", "b"]}
    plan = study_of(vary, method="latin-hypercube", samples=samples, seed=seed)
    points = expand(plan)
    assert points == expand(plan)
    for path, unit, low, width in (("p", "MPa", 0.0, 1.0), ("t", "K", 300.0, 100.0)):
        values = [parse_quantity(p.values[path], unit) for p in points]
        layers = np.floor((np.array(values) - low) / width * samples)
        assert sorted(layers) == list(range(samples))
    assert {p.values["x"] for p in points} <= {"a", "b"}


@pytest.mark.parametrize(
    ("vary", "others", "problem"),
    [
        ({"a": [1, 2], "b": [1]}, {"method": "zip"}, "as many values"),
        ({"a": []}, {}, "at least 1"),
        ({}, {}, "at least 1"),
        ({"a": [1]}, {"metod": "grid"}, "metod"),
        ({"a": {"from": 1, "to": 2, "number": 1}}, {}, "greater than or equal to 2"),
        ({"../x": [1]}, {}, "pattern"),
    ],
)
def test_mistakes_in_a_study_file(
    vary: dict[str, Any], others: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    file = write(tmp_path, vary, **others)
    with pytest.raises(CaseError, match=problem):
        load_study(file)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"from": "1 MPa", "to": "2 K"}, "do not fit"),
        ({"from": "1 MPa", "to": 2}, "only one end"),
        ({"from": 0, "to": 2, "spacing": "log"}, "positive"),
        ({"from": "one", "to": 2}, "not a number"),
    ],
)
def test_mistakes_in_a_range(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(CaseError, match=problem):
        expand(study_of({"a": values}))


def test_all_cases_are_checked_before_any_runs(tmp_path: Path) -> None:
    file = write(tmp_path, {"operation.pressure": ["1 MPa", "1 K"], "operation.presure": [1]})
    with pytest.raises(CaseError) as caught:
        study_folder.prepare(file, tmp_path / "out")
    assert any("run-0002" in p and "1 K" in p for p in caught.value.problems)
    assert any("run-0001" in p and "presure" in p for p in caught.value.problems)
    assert not (tmp_path / "out").exists()


def test_only_what_changes_is_rewritten(tmp_path: Path) -> None:
    file, out = write(tmp_path, {"operation.pressure": PRESSURES}), tmp_path / "out"
    study_folder.prepare(file, out)
    before = {path: path.stat().st_mtime_ns for path in out.glob("cases/*")}
    for name in ("run-0001", "run-0002"):
        (out / "done" / f"{name}.json").write_text('{"status": "finished"}', encoding="utf-8")
    write(tmp_path, {"operation.pressure": [PRESSURES[0], "30 MPa"]})
    _, points = study_folder.prepare(file, out)
    assert [p.name for p in marks.waiting(out, points)] == ["run-0002"]
    first = out / "cases" / "run-0001.toml"
    assert first.stat().st_mtime_ns == before[first]


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    file, out = write(tmp_path, {"operation.pressure": PRESSURES}), tmp_path / "out"
    out.mkdir()
    (out / "precious.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ForeignFolderError, match="is not a study folder"):
        study_folder.prepare(file, out)
    assert [path.name for path in out.iterdir()] == ["precious.txt"]


def test_first_passing() -> None:
    passed, values = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.5, 2.5])
    assert first_passing(passed, values, 2.0) == 1.5
    assert np.isnan(first_passing(passed, values, 3.0))
    assert first_passing(passed, values, 0.5) == 0.0


@pytest.mark.slow
@needs_engine
def test_a_study_goes_on_after_a_failure_and_reruns_what_is_missing(tmp_path: Path, livoid: Livoid) -> None:
    vary = {"operation.pressure": ["0.5 MPa", "1 MPa"], "numerics.max_steps": [1, 1000]}
    file = write(tmp_path, vary, title="two fail")
    shown = livoid("study", str(file), "--out", "out", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "4 runs, 4 to do" in shown.stdout
    assert not (tmp_path / "out").exists()
    done = livoid("study", str(file), "--out", "out", "--cores", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = table(tmp_path / "out" / "results.csv")
    assert [row["status"] for row in rows] == ["failed", "finished"] * 2
    assert all("numerics.max_steps" in row["reason"] for row in rows[::2])
    with xr.open_dataset(tmp_path / "out" / "results.nc") as data:
        assert data.capacity.sel(max_steps=1000).values == pytest.approx([1e-4, 1e-4])
        assert set(QUANTITIES) <= set(data)
    marks = {p: p.stat().st_mtime_ns for p in sorted((tmp_path / "out" / "done").iterdir())}
    assert "0 to do" in livoid("study", str(file), "--out", "out").stdout
    (tmp_path / "out" / "done" / "run-0004.json").unlink()
    again = livoid("study", str(file), "--out", "out")
    assert "1 to do" in again.stdout
    # its run had ended, so that only the mark is made anew
    assert "already finished" in (tmp_path / "out" / "logs" / "run-0004.log").read_text(encoding="utf-8")
    kept = [p for p in marks if p.name != "run-0004.json"]
    assert all(p.stat().st_mtime_ns == marks[p] for p in kept)
    assert (
        "4 runs, 2 to do" in livoid("study", str(file), "--out", "out", "--retry-failed", "--dry-run").stdout
    )
    manifest = tmp_path / "out" / "runs" / "run-0002" / "manifest.json"
    data = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps(data | {"livoid": "0.0.1"}), encoding="utf-8")
    told = livoid("study", str(file), "--out", "out").stdout
    assert "1 of 4 results are of another version" in told
    assert "0 to do" in told
    assert "4 runs, 1 to do" in livoid("study", str(file), "--out", "out", "--redo-outdated").stdout
    assert json.loads(manifest.read_text(encoding="utf-8"))["livoid"] == data["livoid"]
    assert "another version" not in livoid("study", str(file), "--out", "out").stdout


@pytest.mark.slow
@needs_engine
def test_the_batch_profile_submits_jobs(tmp_path: Path) -> None:
    """A stand-in for sbatch records its arguments and runs the job there and then."""
    file = write(
        tmp_path, {"operation.pressure": ["0.5 MPa"]}, ranks=2, minutes=90, memory=1500, title="batch"
    )
    study_folder.prepare(file, tmp_path / "out")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sbatch").write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@" > sbatch-arguments\nfor last; do :; done\n'
        'sh "$last" >sbatch-output 2>&1 &\necho 4711\n',
        encoding="utf-8",
    )
    (tools / "sbatch").chmod(0o755)
    with_tools = environment() | {"PATH": f"{tools}:{os.environ['PATH']}"}
    command = [sys.executable, "-c", (
        "import sys; from pathlib import Path; from solver.study.snakemake import run_snakemake;"
        "sys.exit(run_snakemake(Path('out'), 1, Path(sys.argv[1]), ['--latency-wait=5'], dry=False))"
    )]  # fmt: skip
    result = subprocess.run(
        [*command, str(ROOT / "cases" / "studies" / "slurm")],
        cwd=tmp_path, env=with_tools, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    given_to = (tmp_path / "out" / "sbatch-arguments").read_text(encoding="utf-8").split("\n")
    assert "--job-name=livoid-run-0001" in given_to
    assert "--ntasks=2" in given_to
    assert "--time=90" in given_to
    assert "--mem=3000M" in given_to
    ended = json.loads((tmp_path / "out" / "done" / "run-0001.json").read_text(encoding="utf-8"))
    assert (ended["status"], ended["ranks"]) == ("finished", 2)


def test_a_job_leaves_other_folders_alone(tmp_path: Path, livoid: Livoid) -> None:
    write(tmp_path, {"operation.pressure": ["0.5 MPa"]})
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("all of it", encoding="utf-8")
    result = livoid("job", "case.toml", "--out", "home", "--mark", "mark.json")
    assert result.returncode == 2
    assert "is not a run folder" in result.stderr
    assert (tmp_path / "home" / "thesis.tex").is_file()


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "cases" / "studies").glob("*.toml")))
def test_shipped_studies_are_valid(name: str, tmp_path: Path) -> None:
    _, points = study_folder.prepare(ROOT / "cases" / "studies" / name, tmp_path / "out")
    assert points


def test_a_study_says_once_of_each_run_that_it_has_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = [Point(f"run-000{k}", {"operation.pressure": f"{k} MPa"}) for k in (1, 2)]
    tally = Tally(tmp_path, points)
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "run-0002.json").write_text('{"status": "failed"}', encoding="utf-8")
    tally.look()
    tally.look()
    said = capsys.readouterr().out
    assert said.startswith("run-0002 failed (operation.pressure = 2 MPa); 1 of 2, about ")
    assert said.count("\n") == 1
    (tmp_path / "done" / "run-0001.json").write_text('{"status": "finished"}', encoding="utf-8")
    tally.look()
    assert capsys.readouterr().out == "run-0001 done (operation.pressure = 1 MPa); 2 of 2\n"
