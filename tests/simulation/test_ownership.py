"""A new run replaces an earlier run of livoid, once it is set up, and nothing else."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mpi4py import MPI

from meshes.gmsh.session import MeshingError
from postprocess.records import read_run
from solver.case.loading import CaseError, parse_case
from solver.cli import predictions
from solver.core.lock import NAME
from solver.core.ownership import Results
from solver.core.parallel import RootError
from solver.output import run_folder
from solver.output.checkpoint import CheckpointError
from solver.output.run_folder import RunFolder
from solver.simulation import run as runs
from solver.simulation.run import run_case
from tests.conftest import case_data, contents, put
from tests.simulation.test_runs import SHORT, write_case

pytestmark = pytest.mark.kind("folder that is not livoid's")
Livoid = Callable[..., "subprocess.CompletedProcess[str]"]

SAME_NAMES = {
    "series.csv": "theirs",
    "run.log": "theirs",
    "cases/a.toml": "theirs",
    "done/a.json": "{}",
    "figures/history.png": "theirs",
    "checkpoint/00000004/header.json": "{}",
    "fields/output_0000.vtu": "theirs",
}
"""What others may have, under names that a run or a study uses."""
FOREIGN = {
    "of a web page": '{"name": "page", "icons": []}',
    "a list": "[]",
    "no JSON": "version: 3",
    "not even text": "\udcff",
    "half of it": '{"livoid": "0.1.0"',
    "a version alone": '{"livoid": "0.1.0"}',
    "a hash that is none": '{"livoid": "0.1.0", "case_sha256": "abc"}',
    "a marker that is none": '{"livoid_run": true}',
    "no id": '{"livoid_run": {"format": 1}}',
    "a later format": '{"livoid_run": {"format": 99, "id": "0123456789abcdef0123456789abcdef"}}',
    "of a study": '{"livoid_study": {"format": 1, "id": "0123456789abcdef0123456789abcdef"}}',
}


def start(folder: Path, *, force: bool = True, resume: bool = False, **changes: Any) -> Any:
    loaded = parse_case(case_data(**(SHORT | changes)))
    return run_case(loaded, RunFolder(folder), MPI.COMM_SELF, force=force, resume=resume)


def manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "manifest.json").read_text(encoding="utf-8")))


def without_lock(folder: Path) -> dict[str, tuple[int, bytes]]:
    """What a run has left; its lock names the last process that had it."""
    return {name: entry for name, entry in contents(folder).items() if name != NAME}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has ended, with a figure."""
    folder = tmp_path_factory.mktemp("finished") / "out"
    assert start(folder, force=False).status == "finished"
    with Results(folder / "figures").making("history.png"):
        put(folder, {"figures/history.png": "drawn"})
    return folder


@pytest.fixture
def earlier(finished: Path, tmp_path: Path) -> Path:
    """A copy of that run."""
    return Path(shutil.copytree(finished, tmp_path / "out"))


@pytest.mark.parametrize("what", FOREIGN)
def test_a_folder_with_a_foreign_manifest_is_left_alone(what: str, tmp_path: Path) -> None:
    put(tmp_path, SAME_NAMES)
    (tmp_path / "manifest.json").write_bytes(FOREIGN[what].encode("utf-8", "surrogateescape"))
    before = contents(tmp_path)
    for how in ({"force": True}, {"force": False}, {"resume": True}):
        with pytest.raises(RootError, match=r"is not a run folder: its manifest\.json"):
            start(tmp_path, **how)
    assert contents(tmp_path) == before


def test_it_is_refused_with_one_message(tmp_path: Path, livoid: Livoid) -> None:
    case, out = write_case(tmp_path, **SHORT), tmp_path / "site"
    put(out, SAME_NAMES | {"manifest.json": FOREIGN["of a web page"]})
    before = contents(tmp_path)
    mark = ("--mark", "mark.json")
    for words in (("run", str(case), "--force"), ("run", str(case), "--resume"), ("job", str(case), *mark)):
        result = livoid(*words, "--out", "site")
        assert result.returncode == 2
        assert result.stderr.count("\n") == 1
        assert "site is not a run folder: its manifest.json has no marker" in result.stderr
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", SAME_NAMES)
def test_a_name_of_ours_makes_no_folder_ours(name: str, tmp_path: Path) -> None:
    put(tmp_path, {name: "theirs"})
    before = contents(tmp_path)
    with pytest.raises(RootError, match=f"it holds {name.split('/')[0]} but no manifest.json"):
        start(tmp_path)
    assert contents(tmp_path) == before


def test_a_foreign_lock_file_keeps_its_text(tmp_path: Path) -> None:
    put(tmp_path, {NAME: "yarn: 1"})
    before = contents(tmp_path)
    with pytest.raises(RootError, match="not a lock of livoid"):
        start(tmp_path)
    assert contents(tmp_path) == before


def test_a_linked_folder_is_what_it_leads_to(tmp_path: Path, earlier: Path) -> None:
    (tmp_path / "mine").symlink_to(earlier)
    old = manifest(earlier)
    assert start(tmp_path / "mine").status == "finished"
    assert (tmp_path / "mine").is_symlink()
    new = manifest(earlier)
    assert new["livoid_run"]["format"] == old["livoid_run"]["format"]
    assert new["livoid_run"]["id"] != old["livoid_run"]["id"]
    put(tmp_path / "others", SAME_NAMES)
    (tmp_path / "theirs").symlink_to(tmp_path / "others")
    before = contents(tmp_path)
    with pytest.raises(RootError, match="is not a run folder"):
        start(tmp_path / "theirs")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["figures", "fields", "checkpoint"])
def test_nothing_is_replaced_behind_a_link_in_a_run(name: str, tmp_path: Path, earlier: Path) -> None:
    put(tmp_path / "others", {"photo.png": "theirs", "output_1.vtu": "theirs", "00000001/a": "theirs"})
    shutil.rmtree(earlier / name)
    (earlier / name).symlink_to(tmp_path / "others")
    before = without_lock(tmp_path / "others") | without_lock(earlier)
    with pytest.raises(RootError, match=f"{name} is a link to "):
        start(earlier)
    assert without_lock(tmp_path / "others") | without_lock(earlier) == before


def test_what_a_user_keeps_beside_the_checkpoints_stays(earlier: Path) -> None:
    put(earlier, {"checkpoint/notes.txt": "mine", "microscope/notes.png": "mine", "thesis.txt": "mine"})
    put(
        earlier,
        {"figures/photo.png": "mine", "microscope/sem-mine.png": "mine", "fields/output_notes.txt": "mine"},
    )
    with Results(earlier / "microscope").making("sem-00001.png", "microscope.json"):
        put(earlier, {"microscope/sem-00001.png": "of the earlier run", "microscope/microscope.json": "{}"})
    kept = ("checkpoint/notes.txt", "figures/photo.png", "fields/output_notes.txt")
    assert start(earlier).status == "finished"
    assert all((earlier / name).read_text(encoding="utf-8") == "mine" for name in kept)
    assert sorted(p.name for p in (earlier / "microscope").iterdir()) == ["notes.png", "sem-mine.png"]
    assert (earlier / "thesis.txt").is_file()
    assert not (earlier / "figures" / "history.png").exists()


def _gmsh_fails(*_: object) -> None:
    raise MeshingError("made to fail")


def _model_fails(*_: object) -> None:
    raise ZeroDivisionError("a fault of our own")


@pytest.mark.parametrize(
    ("changes", "fault", "error", "text"),
    [
        ({"geometry": {"width": "6 um"}, "void": [],
          "voids": {"density": "0.9 /um", "mean_width": "4 um", "seed": 1}}, None, CaseError, "not fit"),
        ({"geometry": {"metal_thickness": "8000 um"},
          "numerics": {"tip_size": "0.001 um", "largest_size": "0.001 um"}}, None, CaseError, "cells"),
        ({}, ("initial_cell", _gmsh_fails), MeshingError, "made to fail"),
        ({}, ("discretise", _model_fails), ZeroDivisionError, "a fault of our own"),
    ],
    ids=["population", "mesh too large", "Gmsh", "a fault of our own"],
)  # fmt: skip
def test_a_run_that_cannot_be_set_up_leaves_the_earlier_one(
    changes: dict[str, Any],
    fault: tuple[str, Callable[..., None]] | None,
    error: type[Exception],
    text: str,
    tmp_path: Path,
    earlier: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if fault is not None:
        monkeypatch.setattr(runs, *fault)
    before = without_lock(earlier)
    with pytest.raises(error, match=text):
        start(earlier, **changes)
    assert without_lock(earlier) == before
    with pytest.raises(error, match=text):
        start(tmp_path / "new" / "run", **changes)
    assert not (tmp_path / "new").exists()
    # and the folder is free again
    monkeypatch.undo()
    assert start(earlier).status == "finished"


def test_a_folder_is_locked_while_a_run_is_set_up(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def second(*_: object) -> None:
        monkeypatch.undo()
        start(earlier)

    monkeypatch.setattr(runs, "initial_cell", second)
    before = without_lock(earlier)
    with pytest.raises(RootError, match="in use by another livoid"):
        start(earlier)
    assert without_lock(earlier) == before


class Killed(BaseException):
    """Stands for kill -9."""


@pytest.mark.parametrize("write", [1, 2, 3])
@pytest.mark.parametrize("into", ["new", "earlier"])
def test_a_run_killed_as_it_begins_can_be_replaced(
    write: int, into: str, tmp_path: Path, earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the first writes: the marker, the case, the manifest of the run."""
    out = earlier if into == "earlier" else tmp_path / "new"
    whole, done = run_folder.write_atomic, [0]

    def kill(path: Path, text: str) -> None:
        done[0] += 1
        if done[0] == write:
            path.with_name(f"{path.name}.tmp").write_text(text[: len(text) // 2 if write > 1 else 9])
            raise Killed
        whole(path, text)

    monkeypatch.setattr(run_folder, "write_atomic", kill)
    monkeypatch.setattr(RunFolder, "abandon", RunFolder.close)
    with pytest.raises(Killed):
        start(out)
    monkeypatch.undo()
    if (write, into) != (1, "earlier"):
        with pytest.raises(RootError, match=r"not a run folder|broken off as it began"):
            start(out, resume=True)
    assert start(out).status == "finished"
    assert len(read_run(out).series) > 0
    assert not list(out.glob("*.tmp"))


def test_a_resumed_run_keeps_its_id(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def interrupt(clock: Any, _: object) -> None:
        if clock.step == 4:
            raise KeyboardInterrupt

    loaded = parse_case(case_data(**SHORT | {"output": {"checkpoint_steps": 1}}))
    ended = run_case(loaded, RunFolder(out), MPI.COMM_SELF, progress=interrupt)
    assert ended.status == "interrupted"
    first = manifest(out)
    assert run_case(loaded, RunFolder(out), MPI.COMM_SELF, resume=True).status == "finished"
    again = manifest(out)
    assert next(iter(again)) == "livoid_run"
    assert again["livoid_run"] == first["livoid_run"]
    assert again["started"] == first["started"]
    assert len(again["resumed"]) == 1


def test_runs_of_the_version_before_markers_are_ours(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def interrupt(clock: Any, _: object) -> None:
        if clock.step == 4:
            raise KeyboardInterrupt

    loaded = parse_case(case_data(**SHORT | {"output": {"checkpoint_steps": 1}}))
    run_case(loaded, RunFolder(out), MPI.COMM_SELF, progress=interrupt)
    old = {key: value for key, value in manifest(out).items() if key not in ("livoid_run", "made_by")}
    put(out, {"manifest.json": json.dumps(old), "figures/history.png": "old", "figures/photo.png": "mine"})
    with pytest.raises(RootError, match=r"checkpoint \d+ is not used: it is of another run"):
        run_case(loaded, RunFolder(out), MPI.COMM_SELF, resume=True)
    assert start(out).status == "finished"
    assert len(manifest(out)["livoid_run"]["id"]) == 32
    assert [path.name for path in (out / "figures").iterdir()] == ["photo.png"]


def test_the_log_has_what_was_said_while_the_run_was_set_up(
    earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh = runs.initial_cell

    def says(*arguments: Any) -> Any:
        logging.getLogger("livoid").warning("trying other points")
        return mesh(*arguments)

    monkeypatch.setattr(runs, "initial_cell", says)
    assert start(earlier).status == "finished"
    assert (earlier / "run.log").read_text(encoding="utf-8").count("trying other points") == 1


def test_commands_that_replace_their_own_runs_leave_others_alone(tmp_path: Path, livoid: Livoid) -> None:
    Results(tmp_path / "demo").claim()
    put(tmp_path, {f"demo/demo-2MPa/{name}": text for name, text in SAME_NAMES.items()})
    before = contents(tmp_path)
    result = livoid("demo", "--out", "demo")
    assert result.returncode == 2
    assert "demo-2MPa is not a run folder" in result.stderr
    with pytest.raises(RootError, match="is not a run folder"):
        predictions._quiet_run(MPI.COMM_SELF)(parse_case(case_data(**SHORT)), tmp_path / "demo" / "demo-2MPa")
    assert contents(tmp_path) == before


def test_a_run_that_is_none_cannot_be_gone_on_with(tmp_path: Path) -> None:
    loaded = parse_case(case_data(**SHORT))
    put(tmp_path, {"manifest.json": "{}"})
    with pytest.raises(CheckpointError, match="is not a run folder"):
        RunFolder(tmp_path).ended(loaded)
