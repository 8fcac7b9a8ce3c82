"""A study writes into folders of studies, and a dry run nowhere."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from solver.core.lock import NAME, FolderLock, LockedError
from solver.core.ownership import ForeignFolderError
from solver.output.run_folder import BEGINNING
from solver.study import folder as study_folder
from solver.study import marks
from solver.study.folder import prepare
from tests.conftest import contents, put
from tests.study.test_study import PRESSURES, needs_engine, write

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]

THEIRS = {"cases/a.toml": "theirs", "cases/run-0009.toml": "theirs", "done/a.json": "{}"}
FOREIGN = {
    "of something else": '{"debug": true}',
    "a list": "[1]",
    "no JSON": "debug = yes",
    "some of our keys": '{"runs": ["a"], "ranks": 1}',
    "one key more": '{"runs": [], "ranks": 1, "minutes": 1, "memory": 1, "command": "", "mine": 1}',
    "a marker that is none": '{"livoid_study": "yes"}',
    "of a run": '{"livoid_run": {"format": 1, "id": "0123456789abcdef0123456789abcdef"}}',
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "plan").mkdir()
    return write(tmp_path / "plan", {"operation.pressure": PRESSURES})


@pytest.mark.parametrize("what", FOREIGN)
def test_a_folder_with_a_foreign_config_is_left_alone(what: str, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(out, THEIRS | {"config.json": FOREIGN[what]})
    before = contents(tmp_path)
    with pytest.raises(ForeignFolderError, match=r"is not a study folder: its config\.json"):
        prepare(file, out, FolderLock(out))
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "name", ["cases/a.toml", "done/a.json", "runs/a", "logs/a", "study.toml", "series.csv"]
)
def test_a_name_of_ours_makes_no_folder_ours(name: str, file: Path, tmp_path: Path) -> None:
    put(tmp_path / "out", {name: "theirs"})
    before = contents(tmp_path)
    with pytest.raises(ForeignFolderError, match=f"it holds {name.split('/')[0]} but no config.json"):
        prepare(file, tmp_path / "out")
    assert contents(tmp_path) == before


def test_it_is_refused_with_one_message(file: Path, tmp_path: Path, livoid: Livoid) -> None:
    put(tmp_path / "out", THEIRS | {"config.json": FOREIGN["of something else"]})
    before = contents(tmp_path)
    for how in (["--dry-run"], []):
        result = livoid("study", str(file), "--out", "out", *how)
        assert result.returncode == 2
        assert result.stderr.count("\n") == 1
        assert "out is not a study folder: its config.json has no marker" in result.stderr
    assert contents(tmp_path) == before


@needs_engine
def test_a_dry_run_makes_no_folder(file: Path, tmp_path: Path, livoid: Livoid) -> None:
    before = contents(tmp_path)
    result = livoid("study", str(file), "--out", "new/out", "--dry-run")
    assert result.returncode == 0, result.stderr
    assert "2 runs, 2 to do; new/out" in result.stdout
    assert contents(tmp_path) == before


@needs_engine
def test_a_dry_run_of_a_study_changes_nothing(file: Path, tmp_path: Path, livoid: Livoid) -> None:
    """Not even one that would drop a point, rewrite a case, run a failed one again."""
    write(file.parent, {"operation.pressure": ["0.5 MPa", "1 MPa", "2 MPa", "3 MPa"]})
    out, run = tmp_path / "out", {"format": 1, "id": "0" * 32}
    prepare(file, out)
    for number, status in enumerate(("finished", "failed", "finished", "finished"), 1):
        put(out / "done", {f"run-000{number}.json": json.dumps({"status": status})})
    old = json.dumps({"livoid_run": run, "livoid": "0.0.1", "status": "finished"})
    put(out / "runs", {"run-0001/manifest.json": old, "run-0001/series.csv": "old"})
    write(file.parent, {"operation.pressure": ["0.5 MPa", "1 MPa", "4 MPa"]})
    before = contents(tmp_path)
    for words, count in (([], 1), (["--retry-failed"], 2), (["--retry-failed", "--redo-outdated"], 3)):
        result = livoid("study", str(file), "--out", "out", "--dry-run", *words)
        assert result.returncode == 0, result.stderr
        assert f"3 runs, {count} to do; out" in result.stdout
        assert contents(tmp_path) == before


def test_a_study_keeps_its_marker_and_what_is_not_its_own(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare(file, out)
    first = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert next(iter(first)) == "livoid_study"
    put(out, {"cases/mine.toml": "mine", "done/mine.json": "{}", "cases/run-0009.toml": "dropped"})
    write(file.parent, {"operation.pressure": [PRESSURES[0]]})
    prepare(file, out)
    again = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert again["livoid_study"] == first["livoid_study"]
    assert sorted(path.name for path in (out / "cases").iterdir()) == ["mine.toml", "run-0001.toml"]
    assert (out / "done" / "mine.json").is_file()


def test_studies_of_the_version_before_markers_are_ours(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare(file, out)
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    del config["livoid_study"]
    put(out, {"config.json": json.dumps(config, indent=2)})
    prepare(file, out)
    assert len(json.loads((out / "config.json").read_text(encoding="utf-8"))["livoid_study"]["id"]) == 32


def test_a_study_killed_while_it_wrote_its_marker_begins_anew(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(out, {NAME: "process 1 on here\n", "config.json.tmp": '{\n  "livoid_stu'})
    prepare(file, out)
    assert not (out / "config.json.tmp").exists()
    other = tmp_path / "other"
    put(other, {"config.json.tmp": '{\n  "editor": 1}'})
    with pytest.raises(ForeignFolderError, match=r"it holds config\.json\.tmp"):
        prepare(file, other)


def test_links(file: Path, tmp_path: Path) -> None:
    """A linked study folder is what it leads to; cases behind a link may be anyone's."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    prepare(file, link)
    assert link.is_symlink()
    (real / "cases").rename(tmp_path / "elsewhere")
    (real / "cases").symlink_to(tmp_path / "elsewhere")
    before = contents(tmp_path)
    with pytest.raises(ForeignFolderError, match="cases is a link to "):
        prepare(file, link)
    assert contents(tmp_path) == before


def test_a_foreign_lock_file_keeps_its_text(file: Path, tmp_path: Path) -> None:
    put(tmp_path / "out", {NAME: "yarn: 1"})
    before = contents(tmp_path)
    with pytest.raises(LockedError, match="not a lock of livoid"):
        prepare(file, tmp_path / "out", FolderLock(tmp_path / "out"))
    assert contents(tmp_path) == before


def test_what_lies_in_place_of_a_run_is_not_removed(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _, points = prepare(file, out)
    put(out, {"done/run-0001.json": "{}", "runs/run-0001/manifest.json": '{"livoid": "0.0.1"}'})
    before = contents(out)
    with pytest.raises(ForeignFolderError, match="is not a run folder"):
        marks.outdated(out, points, {"livoid": "0.2"})
    with pytest.raises(ForeignFolderError, match="is not a run folder"):
        marks.forget(out, ["run-0001"], runs=True)
    assert contents(out) == before


def test_a_run_that_is_made_anew_stays_until_it_is_replaced(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare(file, out)
    run = {"livoid_run": {"format": 1, "id": "0" * 32}, "status": "finished"}
    put(out, {"done/run-0001.json": "{}", "runs/run-0001/manifest.json": json.dumps(run)})
    put(out / "runs" / "run-0001", {"series.csv": "old", "thesis.tex": "mine"})
    marks.forget(out, ["run-0001"], runs=True)
    assert not (out / "done" / "run-0001.json").exists()
    assert json.loads((out / "runs/run-0001/manifest.json").read_text()) == run | {"status": BEGINNING}
    assert (out / "runs" / "run-0001" / "thesis.tex").read_text() == "mine"


def test_a_shadow_has_what_a_plan_depends_on(file: Path, tmp_path: Path) -> None:
    out, copy = tmp_path / "out", tmp_path / "copy"
    prepare(file, out)
    put(
        out, {"done/run-0001.json": "{}", "runs/run-0001/manifest.json": "{}", "runs/run-0001/series.csv": ""}
    )
    copy.mkdir()
    study_folder.shadow(out, copy)
    theirs, ours = contents(out), contents(copy)
    assert {"config.json", "cases/run-0001.toml", "done/run-0001.json", "runs/run-0001/manifest.json"} <= set(
        ours
    )
    assert all(theirs[name] == entry for name, entry in ours.items() if (copy / name).is_file())
