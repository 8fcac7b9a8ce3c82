"""Files of commands: what livoid made is replaced, as long as nobody has changed it, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from solver.core.ownership import LIST, ForeignFolderError, Results
from tests.conftest import contents, put

pytestmark = pytest.mark.kind("folder that is not livoid's")

NAMES = ("sizes.csv", "sizes.png")


def make(folder: Path, text: str = "ours", *names: str) -> None:
    with Results(folder).making(*(names or NAMES)):
        put(folder, dict.fromkeys(names or NAMES, text))


def test_what_livoid_made_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    Results(out).claim()
    make(out)
    Results(out).claim()
    make(out, "again")
    assert {name: (out / name).read_text() for name in NAMES} == dict.fromkeys(NAMES, "again")


def test_a_folder_with_anything_else_is_no_folder_for_results(tmp_path: Path) -> None:
    for files in ({"thesis.tex": "mine"}, {"sizes.csv": "mine"}, {LIST: "{}"}, {LIST: "no JSON"}):
        out = tmp_path / str(len(list(tmp_path.iterdir())))
        put(out, files)
        before = contents(out)
        with pytest.raises(ForeignFolderError, match=r"is not a folder of results: .*; give another --out"):
            Results(out).claim()
        assert contents(out) == before


def test_what_a_user_adds_later_stays(tmp_path: Path) -> None:
    Results(tmp_path).claim()
    make(tmp_path)
    put(tmp_path, {"thesis.tex": "mine"})
    Results(tmp_path).claim()
    make(tmp_path)
    Results(tmp_path).remove()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("how", ["foreign", "changed", "a link", "a broken link", "a folder"])
def test_a_file_that_is_not_livoids_is_left_alone(how: str, tmp_path: Path) -> None:
    out, name = tmp_path / "out", "sizes.png"
    out.mkdir()
    if how == "changed":
        make(out)
        put(out, {name: "ours, with an arrow"})
    elif how == "foreign":
        put(out, {name: "theirs"})
    elif how == "a folder":
        (out / name).mkdir()
    else:
        target = tmp_path / "theirs.png"
        if how == "a link":
            target.write_text("theirs")
        (out / name).symlink_to(target)
    before = contents(tmp_path)
    with pytest.raises(ForeignFolderError, match=r"sizes\.png .*; move it away or give another --out"):
        make(out)
    assert contents(tmp_path) == before
    Results(out).remove()
    assert (out / name).exists() or (out / name).is_symlink()


def test_a_file_that_livoid_was_making_when_it_was_killed_is_livoids(tmp_path: Path) -> None:
    killed = Results(tmp_path).making(*NAMES)
    killed.__enter__()
    put(tmp_path, {"sizes.csv": "half a li"})
    make(tmp_path, "whole")
    assert (tmp_path / "sizes.csv").read_text() == "whole"


def test_what_fails_leaves_no_trace(tmp_path: Path) -> None:
    before = contents(tmp_path)
    with pytest.raises(ZeroDivisionError), Results(tmp_path / "new" / "out").making(*NAMES):
        raise ZeroDivisionError
    assert contents(tmp_path) == before
    out = tmp_path / "out"

    def fail() -> None:
        with Results(out).making(*NAMES):
            put(out, {"sizes.csv": "made"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    make(out)


def test_only_the_new_ones_stay_if_asked(tmp_path: Path) -> None:
    make(tmp_path, "ours", "frame-1.png", "frame-2.png", "frame-3.png")
    put(tmp_path, {"frame-2.png": "with an arrow", "frame-mine.png": "mine"})
    with Results(tmp_path).making("frame-4.png", only=True):
        put(tmp_path, {"frame-4.png": "new"})
    left = sorted(path.name for path in tmp_path.iterdir() if path.name != LIST)
    assert left == ["frame-2.png", "frame-4.png", "frame-mine.png"]


@pytest.mark.parametrize("name", ["../theirs.txt", "/theirs.txt", "sub/theirs.txt"])
def test_a_list_leads_nowhere_else(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out)
    put(tmp_path, {"theirs.txt": "theirs", "out/sub/theirs.txt": "theirs"})
    text = (out / LIST).read_text(encoding="utf-8")
    listed = str(tmp_path / "theirs.txt") if name.startswith("/") else name
    (out / LIST).write_text(re.sub(r'"sizes\.csv": "[0-9a-f]*"', f'"{listed}": null', text))
    assert listed in (out / LIST).read_text(encoding="utf-8")
    Results(out).remove()
    assert (tmp_path / "theirs.txt").is_file() and (out / "sub" / "theirs.txt").is_file()


def test_files_of_a_version_without_lists_are_adopted_once(tmp_path: Path) -> None:
    put(tmp_path, {"sizes.csv": "ours", "mine.csv": "mine"})
    Results(tmp_path).adopt(re.compile("sizes.*"))
    make(tmp_path)
    put(tmp_path, {"sizes-2.csv": "mine"})
    Results(tmp_path).adopt(re.compile("sizes.*"))
    with pytest.raises(ForeignFolderError, match="is not livoid's"):
        make(tmp_path, "ours", "sizes-2.csv")
