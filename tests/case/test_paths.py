from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.case.loading import CaseError, load_case
from solver.case.paths import PathError, parts_of, set_value
from solver.cli import main as cli
from solver.cli.exits import EXIT_INPUT, EXIT_OK
from solver.study.points import expand, load_points
from solver.study.schema import load_study
from tests.conftest import case_data

NOWHERE = [
    ("void.5.width", "there is no entry 5; void has 1 entry, 0 to 0"),
    ("void[5].width", "there is no entry 5; void has 1 entry, 0 to 0"),
    ("void.1", "there is no entry 1"),
    ("void.x.width", "'x' is not a number from 0; void has 1 entry"),
    ("void.width", "'width' is not a number from 0"),
    ("void.-1.width", "'-1' is not a number from 0"),
    ("void[-1].width", "'-1' in brackets is not a number"),
    ("void[].width", "'' in brackets is not a number"),
    ("void[0.width", "enclose a number"),
    ("void]0[.width", "enclose a number"),
    ("void[0]width", "enclose a number"),
    ("void[\u0661].width", "in brackets is not a number"),
    ("void.\u0661.width", "is not a number from 0"),
    ("void.99999999999999999999.width", "is not a number from 0"),
    ("[0].width", "a part of the path is empty"),
    ("void..width", "a part of the path is empty"),
    (".void", "a part of the path is empty"),
    ("void.", "a part of the path is empty"),
    (".", "a part of the path is empty"),
    ("", "a part of the path is empty"),
    ("geometry.width.x", "geometry.width is '3 um' and has no parts"),
    ("geometry.width[0]", "geometry.width is '3 um' and has no parts"),
    ("void[0].width.x", "void[0].width is '2.2 um' and has no parts"),
    ("void[0].width[0].x", "void[0].width is '2.2 um' and has no parts"),
    ("operation.step[0].current", "operation.step has no entries"),
    ("operation.step.0.current", "operation.step has no entries"),
    ("a." * 5000 + "a", "at most 200 characters"),
]


@pytest.fixture
def case_file(tmp_path: Path) -> Path:
    path = tmp_path / "case.toml"
    path.write_text(tomli_w.dumps(case_data()), encoding="utf-8")
    return path


@pytest.mark.parametrize("path", ["void[0].width", "void.0.width"])
def test_both_ways_of_writing_an_entry_work(path: str, case_file: Path) -> None:
    assert load_case(case_file, {path: "1 um"}).case.void[0].width == pytest.approx(1e-6)
    assert parts_of(path) == ["void", "0", "width"]


def test_tables_on_the_way_are_made_and_values_copied() -> None:
    data: dict[str, Any] = {}
    value = {"name": "lithium"}
    set_value(data, "material.creep", value)
    set_value(data, "material.creep.prefactor", "1 1/s")
    assert data == {"material": {"creep": {"name": "lithium", "prefactor": "1 1/s"}}}
    assert value == {"name": "lithium"}


@pytest.mark.parametrize(("path", "expected"), NOWHERE, ids=lambda text: text[:30])
def test_a_path_that_leads_nowhere_is_one_line(path: str, expected: str, case_file: Path) -> None:
    with pytest.raises(CaseError) as caught:
        load_case(case_file, {path: "1 um"})
    assert expected in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@given(st.lists(st.sampled_from([*"ab.[]0129-", "void", "width", ".", "[0]"]), max_size=12).map("".join))
@settings(deadline=None, max_examples=500)
def test_any_path_is_set_or_refused(path: str) -> None:
    data = copy.deepcopy(case_data())
    try:
        set_value(data, path, "here")
    except PathError:
        return
    here: Any = data
    for part in parts_of(path):
        here = here[int(part)] if isinstance(here, list) else here[part]
    assert here == "here"


def test_the_command_line_says_it_in_one_line(
    case_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_log_to_terminal", lambda _comm, *, verbose: None)
    for path in ("void.5.width", "void.x.width", "void[-1].width"):
        assert cli.main(["check", str(case_file), "--set", f"{path}=1 um"]) == EXIT_INPUT
        said = capsys.readouterr().err
        assert path in said
        assert len(said.splitlines()) == 1, said
    assert cli.main(["check", str(case_file), "--set", "void[0].width=1 um"]) == EXIT_OK


def study_problems(case_file: Path, **study: Any) -> list[str]:
    file = case_file.with_name("study.toml")
    file.write_text(tomli_w.dumps({"study": {"case": case_file.name, **study}}), encoding="utf-8")
    try:
        plan = load_study(file)
        load_points(plan, file, expand(plan))
    except CaseError as error:
        return error.problems
    return []


def test_paths_of_a_study_are_the_same(case_file: Path) -> None:
    for path in ("void[0].width", "void.0.width"):
        assert study_problems(case_file, vary={path: ["1 um", "2 um"]}) == []
        assert study_problems(case_file, vary={"operation.pressure": ["1 MPa"]}, fixed={path: "1 um"}) == []
    for path in (
        "void[5].width",
        "void.x.width",
        "void.-1.width",
        "geometry.width.x",
        "void..width",
        "void[0",
    ):
        for study in (
            {"vary": {path: ["1 um"]}},
            {"vary": {"operation.pressure": ["1 MPa"]}, "fixed": {path: "1 um"}},
        ):
            found = study_problems(case_file, **study)
            assert len(found) == 1, found
            assert path in found[0]
    twice = study_problems(case_file, vary={"void.0.width": ["1 um"], "void[0].width": ["2 um"]})
    assert "void.0.width and void[0].width are the same" in twice[0]
