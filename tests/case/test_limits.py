"""A limit holds whichever way a value comes: in the file, by --set, in a study, from Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from solver.case.errors import CaseError
from solver.case.loading import load_case, parse_case
from solver.case.paths import set_value
from solver.cli import main as cli
from solver.cli.exits import EXIT_INPUT
from solver.setup.setup import set_up
from solver.study.points import expand, load_points
from solver.study.schema import load_study
from tests.conftest import case_data

BAD: dict[str, Any] = {
    "geometry.width": "-1 um",
    "void[0].width": "0 um",
    "operation.pressure": "1e9 MPa",
    "operation.current": "0 mA/cm2",
    "operation.capacity": "0 mAh/cm2",
    "operation.temperature": "20 K",
    "material.metal": {"name": "lithium", "sink_length": "0 um"},
    "material.creep": {"name": "lithium", "prefactor": "0 1/s"},
    "material.electrolyte": {"name": "LPSCl", "conductivity": "0 S/m"},
    "model.delaminated_below": 0,
    "numerics.growth": 0,
    "numerics.max_steps": 0,
    "numerics.petsc.newton-direct.snes_max_it": 0,
    "numerics.event_length": "0.01 um",
    "numerics.tip_size": "0.00001 um",
    "contact_memory.grid": "0.0001 um",
    "voids": {"density": "5 /um", "mean_width": "1 um"},
    "output.interval": "0 mAh/cm2",
    "output.checkpoint_steps": 0,
    "title": "two\nlines",
}
"""Some that the schema refuses, some that only the whole case tells."""


def refused(read: Callable[[], object]) -> list[str]:
    with pytest.raises(CaseError) as caught:
        read()
    return caught.value.problems


@pytest.mark.parametrize("path", BAD)
def test_the_same_problem_every_way(path: str, tmp_path: Path) -> None:
    value, base = BAD[path], case_data()
    if path == "voids":
        del base["void"]
    good, bad, study = (tmp_path / f"{name}.toml" for name in ("good", "bad", "study"))
    good.write_text(tomli_w.dumps(base), encoding="utf-8")
    data = case_data() if path != "voids" else dict(base)
    set_value(data, path, value)
    bad.write_text(tomli_w.dumps(data), encoding="utf-8")
    by_python = refused(lambda: set_up(parse_case(data)))
    assert by_python
    assert refused(lambda: set_up(load_case(bad))) == by_python
    assert refused(lambda: set_up(load_case(good, {path: value}))) == by_python
    plan: dict[str, Any] = {
        "case": "good.toml",
        "vary": {"operation.pressure": ["1 MPa"]},
        "fixed": {path: value},
    }
    if isinstance(value, (str, int)):
        plan = {"case": "good.toml", "vary": {path: [value]}}
    study.write_text(tomli_w.dumps({"study": plan}), encoding="utf-8")
    loaded = load_study(study)
    found = refused(lambda: load_points(loaded, study, expand(loaded)))
    assert [problem.split("): ", 1)[1] for problem in found] == by_python


def test_the_command_line_refuses_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_log_to_terminal", lambda _comm, *, verbose: None)
    (tmp_path / "case.toml").write_text(tomli_w.dumps(case_data()), encoding="utf-8")
    for path, value in (("numerics.event_length", "0.01 um"), ("numerics.max_steps", 0)):
        words = ["run", str(tmp_path / "case.toml"), "--out", str(tmp_path / "out")]
        assert cli.main([*words, "--set", f"{path}={value}"]) == EXIT_INPUT
        assert path in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


STUDIES: list[tuple[dict[str, Any], str]] = [
    ({"samples": 4}, '\'samples\' belongs to method = "latin-hypercube", not "grid"'),
    ({"seed": 0}, "'seed' belongs to method"),
    ({"method": "zip", "seed": 1}, 'not "zip"'),
    (
        {
            "method": "latin-hypercube",
            "vary": {"operation.pressure": {"from": "1 MPa", "to": "2 MPa", "number": 5}},
        },
        "'number' has no effect with \"latin-hypercube\"",
    ),
    ({"fixed": {"operation.pressure": "2 MPa"}}, "operation.pressure is overridden by operation.pressure"),
    (
        {"fixed": {"void[0].width": "1 um"}, "vary": {"void.0.width": ["1 um"]}},
        "is overridden by void.0.width",
    ),
    (
        {"fixed": {"void[0].width": "1 um", "void": [{"width": "2 um"}]}},
        "void[0].width is overridden by void",
    ),
]


@pytest.mark.parametrize(("changes", "problem"), STUDIES)
def test_a_study_has_nothing_unused(changes: dict[str, Any], problem: str, tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    plan = {"case": "case.toml", "vary": {"operation.pressure": ["1 MPa"]}} | changes
    file.write_text(tomli_w.dumps({"study": plan}), encoding="utf-8")
    (found,) = refused(lambda: load_study(file))
    assert problem in found


def test_a_study_may_fix_a_table_and_vary_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text(tomli_w.dumps(case_data()), encoding="utf-8")
    plan = {"case": "case.toml", "fixed": {"void": [{"width": "2 um"}]}, "vary": {"void[0].width": ["1 um"]}}
    file = tmp_path / "study.toml"
    file.write_text(tomli_w.dumps({"study": plan}), encoding="utf-8")
    study = load_study(file)
    assert load_points(study, file, expand(study))[0].case.void[0].width == pytest.approx(1e-6)
