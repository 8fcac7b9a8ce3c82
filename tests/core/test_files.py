"""Files that are replaced as a whole, TOML from anywhere, and one writer for a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from solver.core.files import MAX_TOML_SIZE, read_toml, update, write_atomic
from solver.core.lock import NAME, FolderLock, LockedError
from tests.conftest import environment

HOLD = """
import sys
from pathlib import Path
from solver.core.lock import FolderLock
FolderLock(Path(sys.argv[1])).acquire()
"""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a = [1, 2", "not TOML"),
        (b"a = 1\na = 2", "not TOML"),
        (b"a = " + b"9" * 5000, "not TOML"),
        (b"a = " + b"[" * 5000, "nested too deeply"),
        (b"a = '\xff'", "UTF-8"),
        (b"#" * (MAX_TOML_SIZE + 1), "larger than"),
        (None, "no such file"),
    ],
)
def test_what_is_wrong_with_a_toml_file_is_said(content: bytes | None, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "case.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        read_toml(file)


def test_a_folder_is_no_toml_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a regular file"):
        read_toml(tmp_path)


def test_a_file_is_replaced_whole_or_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "manifest.json"
    write_atomic(file, "old")

    def no_room(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Path, "write_text", no_room)
        with pytest.raises(OSError, match=r"No space left on device.*manifest\.json"):
            write_atomic(file, "new")
    assert file.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["manifest.json"]
    write_atomic(file, "new")
    assert file.read_text() == "new"


def test_a_file_with_the_same_text_stays_untouched(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    assert update(file, "a")
    before = file.stat()
    assert not update(file, "a")
    assert file.stat().st_ino == before.st_ino
    assert update(file, "b")


def test_a_folder_has_one_writer_until_it_ends(tmp_path: Path) -> None:
    mine, again = FolderLock(tmp_path), FolderLock(tmp_path)
    mine.acquire()
    mine.acquire()
    with pytest.raises(LockedError, match=f"in use by another livoid.*process {_pid(tmp_path)}"):
        again.acquire()
    other = subprocess.run(
        [sys.executable, "-c", HOLD, str(tmp_path)], env=environment(), capture_output=True, text=True
    )
    assert other.returncode != 0
    assert "LockedError" in other.stderr
    mine.release()
    again.acquire()
    again.release()


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", HOLD, str(tmp_path)], env=environment(), check=True)
    assert (tmp_path / NAME).is_file()
    lock = FolderLock(tmp_path)
    lock.acquire()
    lock.release()


def _pid(folder: Path) -> str:
    return (folder / NAME).read_text().split()[1]
