"""Lint, format, types, and the size limits of the style guide."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys

import pytest

from meshes import compat
from tests.conftest import ROOT

SOURCES = sorted(
    p for package in ("solver", "meshes", "postprocess", "python") for p in (ROOT / package).rglob("*.py")
)
MAX_MODULE, MAX_FUNCTION = 400, 60


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        pytest.param(["mypy"], marks=pytest.mark.xdist_group("mypy")),
    ],
)
def test_clean(command: list[str]) -> None:
    if command == ["mypy"] and compat.DOLFINX_VERSION != compat.MINIMUM_VERSION:
        pytest.skip("types are those of the baseline's libraries")
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr


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
