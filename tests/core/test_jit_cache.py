"""A killed compile poisons nobody: what it left is found and made again, what lives is left alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cffi
import pytest

from solver.algebra import compiling
from solver.core import interrupts, jit_cache
from solver.core.jit_cache import Entry
from tests.conftest import ROOT, environment
from tests.core.tiny_form import compiled

pytestmark = pytest.mark.kind("compile that was killed, cache that is damaged")

BOUND = 120
"""Seconds in which anything here has come to its end."""


def entry(folder: Path) -> Entry:
    (source,) = folder.glob("*.c")
    return Entry(folder, source.stem)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with one entry."""
    folder = tmp_path_factory.mktemp("made")
    compiled(folder)
    return folder


@pytest.fixture
def cache(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(made, tmp_path / "cache")


def old(entry: Entry) -> None:
    """Make its files look as if nothing had happened to them for long."""
    long_ago = time.time() - 2.0 * jit_cache.LONGEST_COMPILE
    for file in entry.source.parent.iterdir():
        os.utime(file, (long_ago, long_ago))


def claimed(found: Entry) -> None:
    found.drop()
    found.source.touch()


def half(found: Entry) -> None:
    found.ready.unlink()
    found.library.unlink()


def cut(found: Entry) -> None:
    found.library.write_bytes(found.library.read_bytes()[:-1000])


def cut_without_seal(found: Entry) -> None:
    cut(found)
    found.ready.write_text("generating\n", encoding="utf-8")


def zeros(found: Entry) -> None:
    size = found.library.stat().st_size
    found.library.write_bytes(found.library.read_bytes()[: size // 2] + bytes(size - size // 2))


def empty_marker(found: Entry) -> None:
    found.ready.write_text("", encoding="utf-8")


def no_library(found: Entry) -> None:
    found.library.unlink()


def empty_library(found: Entry) -> None:
    found.library.write_bytes(b"")
    found.ready.write_text("generating\n", encoding="utf-8")


def no_source(found: Entry) -> None:
    found.source.unlink()


def failed(found: Entry) -> None:
    os.replace(found.source, found.source.with_suffix(".c.failed"))


def of_another_system(found: Entry) -> None:
    """Whole, but nothing that can be loaded here."""
    found.library.write_bytes(b"\xcf\xfa\xed\xfe" + bytes(99))
    found.seal()


DAMAGES = (
    claimed,
    half,
    cut,
    cut_without_seal,
    zeros,
    empty_marker,
    no_library,
    empty_library,
    no_source,
    failed,
    of_another_system,
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_killed_compile_has_left_is_made_again(damage: Callable[[Entry], None], cache: Path) -> None:
    found = entry(cache)
    damage(found)
    old(found)
    assert compiled(cache) != (None, None), "taken from the cache"
    assert found.whole()
    assert compiled(cache) == (None, None), "not taken from the cache"
    assert {file.suffix for file in cache.iterdir()} == {".c", ".cached", ".o", ".so"}


def test_an_entry_of_an_earlier_version_is_used(cache: Path) -> None:
    found = entry(cache)
    found.ready.write_text("generating\n", encoding="utf-8")
    assert compiled(cache) == (None, None)


@pytest.mark.parametrize("locks", [True, False])
def test_a_compile_without_a_lock_lives_as_long_as_its_files_change(
    locks: bool, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a version that had none, or on a file system that has none."""

    def none(*_: Any) -> None:
        raise OSError(37, "No locks available")

    if not locks:
        monkeypatch.setattr(jit_cache.fcntl, "flock", none)
    found = entry(cache)
    claimed(found)
    assert not found._try(), "its files were taken from it"
    old(found)
    assert found._try()
    found.release()
    assert not list(cache.glob("*.lock"))


def process(cache: Path, compiler: str, folder: Path) -> subprocess.Popen[str]:
    """Another process that compiles the form with a compiler that counts its calls and runs ``compiler``."""
    script = folder / "cc"
    script.write_text(
        f'#!/bin/sh\ncase " $* " in *" -c "*) echo >> "{folder}/calls"; {compiler};; esac\nexec gcc "$@"\n',
        encoding="utf-8",
    )
    script.chmod(0o700)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.core.tiny_form", str(cache)],
        env=environment() | {"CC": str(script)},
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )


def calls(folder: Path) -> int:
    file = folder / "calls"
    return file.read_text(encoding="utf-8").count("\n") if file.exists() else 0


def wait_for_call(folder: Path, number: int = 1) -> None:
    end = time.monotonic() + BOUND
    while calls(folder) < number and time.monotonic() < end:
        time.sleep(0.02)
    assert calls(folder) == number


def test_two_processes_share_one_compile(tmp_path: Path) -> None:
    """The second one waits longer than its own timeout of 2 s for a compile that lives."""
    first = process(tmp_path / "cache", "sleep 3", tmp_path)
    wait_for_call(tmp_path)
    second = process(tmp_path / "cache", "sleep 3", tmp_path)
    for each in (first, second):
        _, said = each.communicate(timeout=BOUND)
        assert each.returncode == 0, said
    assert calls(tmp_path) == 1


def test_who_waits_for_a_compile_that_is_killed_makes_it(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = process(cache, "exec sleep 20", tmp_path)
    wait_for_call(tmp_path)
    second = process(cache, "true", tmp_path)
    time.sleep(1.0)
    first.kill()
    first.wait()
    _, said = second.communicate(timeout=BOUND)
    assert second.returncode == 0, said
    assert calls(tmp_path) == 2
    assert entry(cache).whole()


@pytest.mark.parametrize("number", interrupts.ASKING[:3])
def test_a_signal_in_a_compile_leaves_nothing_behind(
    number: signal.Signals,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    real = cffi.FFI.compile

    def compile_(self: Any, *arguments: Any, **options: Any) -> Any:
        real(self, *arguments, **options)
        signal.raise_signal(number)
        raise RuntimeError("command 'gcc' failed: Interrupt")

    # whoever runs the suite in the background has interrupts ignored
    before = signal.signal(number, signal.SIG_DFL)
    request.addfinalizer(lambda: signal.signal(number, before))

    class Comm:
        size, rank = 1, 0

    def local() -> Any:
        return compiled(tmp_path)

    monkeypatch.setattr(cffi.FFI, "compile", compile_)
    with (
        pytest.raises(interrupts.Interrupted),
        interrupts.deferred(),
        interrupts.stoppable(),
    ):
        compiling._compiled(local, Comm())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
    # where nothing may be broken off, the compiler's own end is no failure of the form
    with pytest.raises(interrupts.Interrupted), interrupts.deferred():
        compiling._compiled(local, Comm())  # type: ignore[arg-type]
    assert [file.name for file in tmp_path.iterdir() if file.suffix != ".failed"] == []
    monkeypatch.undo()
    compiled(tmp_path)


class Rank:
    """One of two ranks, of which rank 0 says ``said``."""

    size = 2

    def __init__(self, rank: int, said: list[Any]) -> None:
        self.rank, self.said = rank, said

    def bcast(self, value: Any, root: int) -> Any:
        if self.rank == root:
            self.said.append(value)
        return self.said[-1]


@pytest.mark.parametrize(
    ("error", "kind"),
    [(interrupts.Interrupted(), interrupts.Interrupted), (OSError("no room"), RuntimeError)],
)
def test_all_ranks_end_alike(error: BaseException, kind: type[BaseException]) -> None:
    said: list[Any] = []

    def local() -> None:
        raise error

    with pytest.raises(type(error)):
        compiling._compiled(local, Rank(0, said))  # type: ignore[arg-type]
    with pytest.raises(kind, match="no room" if kind is RuntimeError else ""):
        compiling._compiled(lambda: "read", Rank(1, said))  # type: ignore[arg-type]


def test_what_one_rank_compiled_the_others_read() -> None:
    said: list[Any] = []
    assert compiling._compiled(lambda: "made", Rank(0, said)) == "made"  # type: ignore[arg-type]
    assert compiling._compiled(lambda: "read", Rank(1, said)) == "read"  # type: ignore[arg-type]
