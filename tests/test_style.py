"""Lint, format, types, and the size limits of the style guide."""

from __future__ import annotations

import ast
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meshes import compat
from tests.conftest import ROOT

SOURCES = sorted(
    p for package in ("solver", "meshes", "postprocess", "python") for p in (ROOT / package).rglob("*.py")
)
MAX_MODULE, MAX_FUNCTION = 400, 60


def succeeds(*command: str) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr


def test_lint_and_format_are_clean() -> None:
    succeeds("ruff", "check", ".")
    succeeds("ruff", "format", "--check", ".")


@pytest.mark.xdist_group("mypy")
def test_types_are_clean(tmp_path: Path) -> None:
    """What mypy has read of libraries stays beside the compiled forms, for the next clone."""
    if compat.DOLFINX_VERSION != compat.MINIMUM_VERSION:
        pytest.skip("types are those of the baseline's libraries")
    cache = Path(os.environ.get("XDG_CACHE_HOME", tmp_path)) / "mypy"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        succeeds("mypy", f"--cache-dir={cache}")


def test_modules_and_functions_are_short() -> None:
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= MAX_MODULE, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno < MAX_FUNCTION, f"{path}: {node.name}"


def test_only_compat_asks_for_versions() -> None:
    for path in SOURCES:
        if path.name not in ("compat.py", "provenance.py"):
            assert "dolfinx.__version__" not in path.read_text(encoding="utf-8"), path


def test_importing_the_package_needs_no_display() -> None:
    code = "import solver.cli.main, postprocess.plots, postprocess.mesh_picture"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=120).returncode == 0
