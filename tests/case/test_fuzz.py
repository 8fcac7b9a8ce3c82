"""Hostile case, study and material files: refused with a message, whatever they hold.

The examples of the suite are always the same ones, so that a change is not judged by luck;
LIVOID_FUZZ_EXAMPLES=10000 (or more, for a night) draws new ones.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solver.case.loading import CaseError, load_case, parse_case
from solver.case.materials import Library
from solver.setup.setup import set_up
from solver.study.points import expand, load_points
from solver.study.schema import load_study
from tests.conftest import ROOT, case_data

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]
EXAMPLES = int(os.environ.get("LIVOID_FUZZ_EXAMPLES", "300"))
examples = settings(
    deadline=None, max_examples=EXAMPLES, derandomize="LIVOID_FUZZ_EXAMPLES" not in os.environ
)
files = settings(examples, suppress_health_check=[HealthCheck.function_scoped_fixture])
CASES = sorted((ROOT / "cases").glob("*.toml"))
STUDIES = sorted((ROOT / "cases" / "studies").glob("*.toml"))
MATERIALS = sorted((ROOT / "solver" / "case" / "library").rglob("*.toml"))
HOSTILE = (
    "1e300", "-1e300", "5e-324", "nan", "-inf", "true", "[]", "{}", '""', "9" * 400, "1979-05-27T07:32:00Z",
    '"1e300 um"', '"5e-324 um"', '"nan MPa"', '"-0.0 um"', '"1 um um um"', '"10**10**10 um"', '"\uff11 um"',
    '"__import__(\'os\').system(\'touch pwned\') um"', '"../../../etc/passwd"', '"/etc/passwd"', '"\\u0000"',
    '"\\u202e um"', '"\U0001f4a5"', "[[[[[[[[]]]]]]]]", "{a = {b = {c = {d = {}}}}}", '"' + "9" * 5000 + '"',
)  # fmt: skip


leaf = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.sampled_from(
        ["1 um", "-1 um", "0.2 MPa", "inf", "1e300 um", "5e-324 m", "nan s", "plane", "3d", "lithium"]
    ),
)  # fmt: skip
key = st.one_of(
    st.sampled_from(
        ["geometry", "void", "voids", "material", "operation", "model", "numerics", "output", "kind", "width",
         "metal_thickness", "position", "height", "metal", "name", "creep", "exponent", "pressure", "current",
         "capacity", "petsc", "density", "seed", "shape", "contact_angle", "depth", "sink_length", "value",
         "fixture", "stiffness", "counter", "series", "motion", "velocity"]
    ),
    st.text(max_size=8),
)  # fmt: skip
tree = st.recursive(
    leaf,
    lambda inner: st.one_of(st.dictionaries(key, inner, max_size=5), st.lists(inner, max_size=3)),
    max_leaves=12,
)


def accepted_or_named(read: Callable[[], object]) -> bool:
    """Whether ``read`` succeeds, or refuses with at least one problem; any other exception is a fault."""
    try:
        read()
    except CaseError as error:
        return len(error.problems) > 0
    return True


@pytest.mark.kind("hostile case, study or material", tried=EXAMPLES)
@given(st.dictionaries(key, tree, max_size=6))
@examples
def test_fuzz_any_data_is_a_case_or_a_case_error(data: dict[str, Any]) -> None:
    assert accepted_or_named(lambda: parse_case(data))


@pytest.mark.kind("hostile case, study or material", tried=EXAMPLES)
@given(st.sampled_from(["geometry", "operation", "material", "model", "numerics", "void", "fixture"]), tree)
@examples
def test_fuzz_any_section_in_a_good_case_is_accepted_or_named(section: str, value: Any) -> None:
    assert accepted_or_named(lambda: parse_case(case_data() | {section: value}))


@st.composite
def damaged(draw: st.DrawFn, originals: list[Path]) -> str:
    """The text of a good file with a few lines changed."""
    lines = draw(st.sampled_from(originals)).read_text(encoding="utf-8").splitlines()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["value", "value", "value", "drop", "double", "junk"]))
        if kind == "drop":
            lines[at] = ""
        elif kind == "double":
            lines.insert(at, lines[at])
        elif kind == "junk":
            lines[at] = draw(st.text(max_size=40))
        elif "=" in lines[at]:
            lines[at] = lines[at].split("=")[0] + "= " + draw(st.sampled_from(HOSTILE))
    return "\n".join(lines)


def write(folder: Path, text: str, name: str = "hostile.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return path


@pytest.mark.kind("hostile case, study or material", tried=EXAMPLES)
@given(text=damaged(CASES))
@files
def test_fuzz_a_damaged_case_is_a_case_or_named(text: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    assert accepted_or_named(lambda: set_up(load_case(path)))
    assert [entry.name for entry in tmp_path.iterdir()] == ["hostile.toml"]


def read_study(path: Path) -> None:
    study = load_study(path)
    points = expand(study, str(path))
    # where the case is another file than the shipped ones it is missing here
    load_points(study, path, points[:3])


@pytest.mark.kind("hostile case, study or material", tried=EXAMPLES)
@given(text=damaged(STUDIES))
@files
def test_fuzz_a_damaged_study_is_a_study_or_named(text: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    assert accepted_or_named(lambda: read_study(path))
    assert [entry.name for entry in tmp_path.iterdir()] == ["hostile.toml"]


def library_with(text: str, folder: Path) -> Library:
    """The shipped library and one more material, named hostile, of every kind."""
    if not folder.exists():
        shutil.copytree(ROOT / "solver" / "case" / "library", folder)
    write(folder, text)
    write(folder / "creep", text)
    return Library(folder)


def use_hostile(library: Library, name: str = "hostile") -> None:
    for kind in Library.KINDS:
        data = case_data(material={kind: {"name": name}})
        assert accepted_or_named(partial(parse_case, data, library=library))


@pytest.mark.slow
@pytest.mark.kind("hostile case, study or material", tried=EXAMPLES)
@given(text=damaged(MATERIALS))
@files
def test_fuzz_a_damaged_material_is_a_material_or_named(text: str, tmp_path: Path) -> None:
    """A broken file of the library is named when a case asks for it, and does not stop others."""
    library = library_with(text, tmp_path / "library")
    use_hostile(library)
    use_hostile(library, "lithium")
    assert parse_case(case_data(), library=library).metal


@pytest.mark.parametrize(
    "value", HOSTILE if EXAMPLES >= 10_000 else ["9" * 400, "9" * 5000], ids=lambda value: value[:9]
)
def test_fuzz_each_value_of_each_file_in_turn(value: str, tmp_path: Path) -> None:
    """Where examples are drawn, one value in one line is met by chance; TOML's integers have any length."""
    readers: list[tuple[list[Path], Callable[[str], object]]] = [
        (CASES, lambda text: load_case(write(tmp_path, text))),
        (STUDIES, lambda text: read_study(write(tmp_path, text))),
        (MATERIALS, lambda text: use_hostile(library_with(text, tmp_path / "library"))),
    ]
    for originals, read in readers:
        for original in originals:
            lines = original.read_text(encoding="utf-8").splitlines()
            for at, line in enumerate(lines):
                if "=" in line:
                    changed = line.split("=")[0] + "= " + value
                    assert accepted_or_named(
                        partial(read, "\n".join([*lines[:at], changed, *lines[at + 1 :]]))
                    )


@pytest.mark.slow
@pytest.mark.parametrize("deep", [100, 5000])
def test_fuzz_deep_nesting_is_no_recursion(deep: int, tmp_path: Path, livoid: Livoid) -> None:
    for text in (
        "a = " + "[" * deep + "]" * deep,
        "a" + ".a" * deep + " = 1",
        "a = " + "{a=" * deep + "1" + "}" * deep,
    ):
        write(tmp_path, text)
        result = livoid("check", "hostile.toml")
        assert result.returncode == 2, result.stderr
        assert "Traceback" not in result.stderr


@pytest.mark.kind("hostile case, study or material")
@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("geometry", "width", "1e300 um"),
        ("geometry", "width", "5e-324 um"),
        ("operation", "capacity", float("nan")),
        ("operation", "pressure", "__import__('os').system('touch pwned') MPa"),
        ("numerics", "tip_size", "10**10**10 um"),
        ("material", "metal", {"name": "../../../etc/passwd"}),
        ("material", "metal", {"name": "\u202elithium"}),
    ],
)
def test_fuzz_hostile_values_get_one_message(
    section: str, key: str, value: Any, tmp_path: Path, livoid: Livoid
) -> None:
    data = case_data()
    data.setdefault(section, {})[key] = value
    write(tmp_path, tomli_w.dumps(data))
    result = livoid("run", "hostile.toml", "--out", "out")
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert key in result.stderr or section in result.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["hostile.toml"]


def test_a_mesh_without_end_is_refused(tmp_path: Path, livoid: Livoid) -> None:
    sizes = {"tip_size": "0.001 um", "largest_size": "0.001 um"}
    write(tmp_path, tomli_w.dumps(case_data(geometry={"width": "30 um"}, numerics=sizes)))
    result = livoid("run", "hostile.toml", "--out", "out")
    assert result.returncode == 2
    assert "about 1e+09 cells" in result.stderr


def test_fuzz_names_of_a_study_stay_in_its_folder(tmp_path: Path, livoid: Livoid) -> None:
    for vary in ({"../../x": [1]}, {"operation.pressure": ["../../1 MPa"]}):
        study = {"study": {"case": "case.toml", "vary": vary, "title": "../../title"}}
        write(tmp_path, tomli_w.dumps(case_data()), "case.toml")
        result = livoid("study", str(write(tmp_path, tomli_w.dumps(study), "study.toml")), "--out", "out")
        assert result.returncode == 2
        assert "Traceback" not in result.stderr
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["case.toml", "study.toml"]
