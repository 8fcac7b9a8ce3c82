"""The house holds: floors and no circle (contracts in pyproject.toml), short chains, few imports.

Imports for annotations alone (``TYPE_CHECKING``) count as none, imports inside functions in full.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

from tests.conftest import ROOT, environment

PACKAGES = ("meshes", "solver", "postprocess", "livoid")
PATHS = {"livoid": ROOT / "python"}
"""Where a package lies that is not at the top of the source tree."""
LONGEST_CHAIN = 12
IMPORTS_PER_FILE = 3.0


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """What each module imports of the project."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)
    return {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}


def longest_chain(imports: dict[str, set[str]]) -> list[str]:
    """The longest way down from a module to the ground; raises CycleError at a circle."""
    chains: dict[str, list[str]] = {}
    for module in TopologicalSorter(imports).static_order():
        below = max((chains[other] for other in imports[module]), key=len, default=[])
        chains[module] = [module, *below]
    return max(chains.values(), key=len)


def test_floors_and_no_circle_between_rooms() -> None:
    program = shutil.which("lint-imports")
    assert program is not None, "import-linter is not installed"
    command, env = [program, "--no-cache"], environment()
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout


def test_no_circle_between_modules_and_short_chains(imports: dict[str, set[str]]) -> None:
    chain = longest_chain(imports)
    assert len(chain) <= LONGEST_CHAIN, "\n".join(chain)


def test_few_imports(imports: dict[str, set[str]]) -> None:
    """Of all that does something itself: the package livoid passes on what others do."""
    counts = {module: len(found) for module, found in imports.items() if module.split(".")[0] != "livoid"}
    most = sorted(counts, key=lambda module: -counts[module])[:10]
    shown = "\n".join(f"{counts[module]} {module}" for module in most)
    assert sum(counts.values()) / len(counts) <= IMPORTS_PER_FILE, shown


def test_measures_see_what_they_measure() -> None:
    assert longest_chain({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="cycle"):
        longest_chain({"a": {"b"}, "b": {"a"}})


def test_tests_mirror_the_rooms() -> None:
    """Every room has a folder of tests, and no folder is without a room."""
    rooms = {folder.name for folder in (ROOT / "solver").iterdir() if (folder / "__init__.py").is_file()}
    rooms |= {"meshes", "postprocess", "livoid"}
    folders = {folder.name for folder in (ROOT / "tests").iterdir() if (folder / "__init__.py").is_file()}
    assert folders - {"benchmarks", "soak"} == rooms
    for name in folders:
        assert list((ROOT / "tests" / name).glob("test_*.py")) or name == "benchmarks", name


def test_names_for_annotations_are_not_reached_at_run_time() -> None:
    """``module.Name``, or an import, of what ``module`` itself imports for annotations alone."""
    trees = {_module(file): ast.parse(file.read_text(encoding="utf-8")) for file in _sources(*PACKAGES)}
    hidden = {module: _for_annotations(tree) for module, tree in trees.items()}
    users = [*trees.items(), *((str(f), ast.parse(f.read_text(encoding="utf-8"))) for f in _sources("tests"))]
    found = [f"{user}: {name}" for user, tree in users for name in _reached(tree, hidden)]
    assert not found, "\n".join(found)


def _sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (PATHS.get(folder, ROOT) / folder).rglob("*.py")


def _module(file: Path) -> str:
    top = next((path for path in PATHS.values() if file.is_relative_to(path)), ROOT)
    return ".".join(file.relative_to(top).with_suffix("").parts).removesuffix(".__init__")


def _for_annotations(tree: ast.Module) -> set[str]:
    """Names that a module imports under ``if TYPE_CHECKING``."""
    blocks = [
        node.body
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    ]
    imports = [node for body in blocks for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def _reached(tree: ast.Module, hidden: dict[str, set[str]]) -> Iterator[str]:
    """What of ``hidden`` a module imports, or reaches as an attribute of a module."""
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                if f"{node.module}.{alias.name}" in hidden:
                    modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                elif alias.name in hidden.get(node.module, ()):
                    yield f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            if module is not None and node.attr in hidden[module]:
                yield f"{module}.{node.attr}"
