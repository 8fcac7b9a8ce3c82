"""How the suite is shared among cores, what it makes once for all, and how it counts what it has tried."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import distribution, figures, made_once
from tests.conftest import ROOT, TIMEOUT, environment

TRIALS = """
import pytest

@pytest.fixture(scope="module")
def costly(): return 1

@pytest.mark.kind("kill", tried=22)
def test_holds(costly): pass

@pytest.mark.kind("kill", tried=22)
def test_is_lost(costly): assert costly == 2

@pytest.mark.kind("disk full")
def test_cannot_begin(missing): pass

@pytest.mark.kind("disk full")
def test_is_left_out(): pytest.skip()

def test_of_nothing(): pass
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_trials_are_counted_once_on_any_number_of_workers(workers: str, tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    (tmp_path / "conftest.py").write_text(
        "from tests.distribution import pytest_collection_modifyitems\n"
        "from tests.figures import pytest_runtest_logreport, pytest_runtest_setup\n"
    )
    (tmp_path / "test_trials.py").write_text(TRIALS)
    notes = tmp_path / "notes"
    variables = {name: text for name, text in environment().items() if not name.startswith("PYTEST_")}
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", workers, "--dist", "loadgroup"],
        cwd=tmp_path,
        env=variables | {figures.VARIABLE: str(notes)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert "2 passed, 1 skipped" in result.stdout, result.stdout
    entries = [json.loads(line) for line in notes.read_text().splitlines()]
    assert sorted((e["kind"], e["tried"], e["lost"]) for e in entries) == [
        ("disk full", 1, 1), ("kill", 1, 1), ("kill", 22, 0)
    ]  # fmt: skip
    rows = figures.table(iter(entries)).splitlines()[2:]
    assert rows == ["| disk full | 1 | 0 | 1 |", "| kill | 23 | 22 | 1 |"]


def test_figures_take_the_place_of_the_last_ones() -> None:
    page = f"before\n{figures.BEGIN}\nold\n{figures.END}\nafter\n"
    assert figures.replaced(page, "new") == f"before\n{figures.BEGIN}\n\nnew\n\n{figures.END}\nafter\n"
    with pytest.raises(ValueError, match="no place"):
        figures.replaced("a page", "new")


def test_the_page_counts_kinds_that_tests_have() -> None:
    page = figures.PAGE.read_text(encoding="utf-8")
    _, _, rest = page.partition(figures.BEGIN)
    counted = set(
        re.findall(r"^\| (.+?) \| \d+ \| \d+ \| \d+ \|$", rest.partition(figures.END)[0], re.MULTILINE)
    )
    named = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r'mark\.kind\("([^"]+)"', path.read_text(encoding="utf-8"))
    }
    assert counted and counted <= named


def test_a_machine_with_one_core_has_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, workers in ((1, 0), (2, 2), (64, distribution.MOST_WORKERS)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid, cores=cores: set(range(cores)))
        assert distribution.pytest_xdist_auto_num_workers() == workers


def test_what_is_shared_is_made_once_and_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv(made_once.VARIABLE, str(tmp_path))
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "half").touch()
        if len(made) == 1:
            raise RuntimeError("no more")
        (folder / "whole").touch()

    with pytest.raises(RuntimeError, match="no more"):
        made_once.made_once("run", make, tmp_path_factory)
    assert not (tmp_path / "run").exists()
    for _ in range(2):
        found = made_once.made_once("run", make, tmp_path_factory)
        assert found == tmp_path / "run"
        assert sorted(path.name for path in found.iterdir()) == ["half", "whole"]
    assert len(made) == 2
    copy = made_once.copied(found, tmp_path / "copy")
    (copy / "whole").unlink()
    assert (found / "whole").exists()
