"""Zero is a value: it is refused or it counts, and is never taken for "not given"."""

from __future__ import annotations

import ast
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from solver.case.loading import CaseError, parse_case
from solver.case.schema.case import Case
from solver.setup import protocol
from solver.setup.setup import DEFAULT_OUTPUTS, set_up
from tests.conftest import ROOT, case_data

STRIP = {"do": "strip", "current": "0.5 mA/cm2", "duration": "5 s"}


def problems(**changes: Any) -> str:
    with pytest.raises(CaseError) as caught:
        set_up(parse_case(case_data(**changes)))
    return "\n".join(caught.value.problems)


def steps(*given: dict[str, Any]) -> dict[str, Any]:
    return case_data() | {"operation": {"pressure": "0.5 MPa", "step": list(given)}}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (STRIP | {"capacity": "0 mAh/cm2"}, "step[0].capacity = '0 mAh/cm2': must lie above 0 mAh/cm2"),
        (STRIP | {"current": "0 mA/cm2"}, "step[0].current = '0 mA/cm2': must lie between"),
        (STRIP | {"duration": "0 s"}, "operation.step[0].duration = '0 s': must lie between"),
        (STRIP | {"cutoff_voltage": "0 V"}, "'cutoff_voltage' is a magnitude above 0 V"),
        (STRIP | {"cutoff_contact_loss": 0}, "cutoff_contact_loss = 0"),
        (STRIP | {"pressure": "0 MPa"}, "operation.step[0].pressure"),
        ({"do": "plate", "overpotential": "0 V", "duration": "5 s"}, "above 0 V"),
        ({"do": "plate", "current": "1 mA/cm2", "overpotential": "0 V", "duration": "5 s"}, "either"),
        ({"do": "plate", "current": "1 mA/cm2", "capacity": "0 mAh/cm2"}, "must lie above 0 mAh/cm2"),
        ({"do": "rest", "duration": "5 s", "capacity": "0 mAh/cm2"}, "must lie above 0 mAh/cm2"),
        ({"do": "rest", "duration": "5 s", "overpotential": "0 V"}, "a rest has a 'duration' and no"),
        ({"do": "rest", "duration": "5 s", "cutoff_voltage": "0 V"}, "a rest has a 'duration' and no"),
        ({"do": "rest", "duration": "5 s", "current": "0 mA/cm2"}, "current = '0 mA/cm2'"),
    ],
)  # fmt: skip
def test_zero_in_a_step(step: dict[str, Any], expected: str) -> None:
    with pytest.raises(CaseError) as caught:
        parse_case(steps(STRIP, step) if step["do"] == "rest" else steps(step))
    assert expected in "\n".join(caught.value.problems)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"operation": {"capacity": "0 mAh/cm2"}}, "operation.capacity = '0 mAh/cm2': must lie above"),
        ({"operation": {"capacity": "-0.0 mAh/cm2"}}, "must lie above"),
        ({"operation": {"cutoff_voltage": "0 V"}}, "'cutoff_voltage' is a magnitude above 0 V"),
        ({"operation": {"cutoff_voltage": "-1 V"}}, "'cutoff_voltage' is a magnitude above 0 V"),
        ({"operation": {"overpotential": "0 V"}}, "belongs to mode"),
        ({"output": {"interval": "0 mAh/cm2"}}, "output.interval = '0 mAh/cm2': must lie above"),
        ({"numerics": {"tip_size": "0 um"}}, "numerics.tip_size"),
        ({"numerics": {"event_length": "0 um"}}, "numerics.event_length"),
        ({"numerics": {"largest_size": "0 um"}}, "numerics.largest_size"),
        ({"geometry": {"depth": "0 um"}}, "geometry.depth"),
        ({"geometry": {"electrolyte_depth": "0 um"}}, "geometry.electrolyte_depth"),
    ],
)
def test_zero_where_none_would_mean_a_default(changes: dict[str, Any], expected: str) -> None:
    assert expected in problems(**changes)


def sections(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Paths of all keys of plain sections, with their fields."""
    for name, field in model.model_fields.items():
        inner = [t for t in (field.annotation, *typing.get_args(field.annotation)) if _is_model(t)]
        if inner:
            yield from sections(inner[0], (*path, name))
        else:
            yield (*path, name), field


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


ABSENT = [path for path, field in sections(Case) if field.default is None and path[0] != "voids"]
UNITS = ("", " um", " MPa", " mA/cm2", " mAh/cm2", " V", " s", " m3/s", " /um", " deg")


@pytest.mark.parametrize("path", ABSENT, ids=".".join)
def test_zero_of_any_key_without_default_counts_or_is_refused(path: tuple[str, ...]) -> None:
    """Whatever the unit of a key, its zero never gives the case that leaving it out gives."""
    without = parse_case(case_data()).resolved()
    for unit in UNITS:
        data = case_data()
        here: Any = data
        for part in path[:-1]:
            here = here.setdefault(part, {})
            here = here[0] if isinstance(here, list) else here
        here[path[-1]] = f"0{unit}"
        try:
            resolved = parse_case(data).resolved()
        except CaseError:
            continue
        assert resolved != without, unit


def test_the_expected_charge_of_held_overpotentials() -> None:
    """Without a current the time says nothing about the charge; a capacity does."""
    held = {"do": "strip", "overpotential": "10 mV", "duration": "5 s"}
    both = parse_case(steps(held | {"capacity": "0.1 mAh/cm2"}))
    assert protocol.expected_throughput(both.case.operation) == pytest.approx(3600.0)
    assert set_up(both).output.interval == pytest.approx(3600.0 / DEFAULT_OUTPUTS)
    assert set_up(parse_case(steps(held))).output.interval == 1.0


OBJECTS = {"composition", "solute_fraction", "end"}
"""Names of optional numbers that elsewhere are names of objects, whose truth is that they are there."""


def sources() -> dict[str, ast.Module]:
    files = [
        f for folder in ("solver", "meshes", "postprocess") for f in sorted((ROOT / folder).rglob("*.py"))
    ]
    return {str(file.relative_to(ROOT)): ast.parse(file.read_text(encoding="utf-8")) for file in files}


def is_optional_number(annotation: ast.expr | None) -> bool:
    """``float | None``, also as a quantity of the schema; no tables or lists of numbers."""
    if annotation is None:
        return False
    text = ast.unparse(annotation)
    kinds = [] if "[" in text else [kind.strip() for kind in text.split("|")]
    numbers = ("float", "int", "Factor", "AspectRatio", "ResistanceFactor")
    return "None" in kinds and any(kind in numbers or kind.startswith("units.") for kind in kinds)


def optional_names(tree: ast.Module) -> Iterator[str]:
    """Attributes of classes that are an optional number."""
    for part in ast.walk(tree):
        for entry in part.body if isinstance(part, ast.ClassDef) else ():
            if isinstance(entry, ast.AnnAssign) and is_optional_number(entry.annotation):
                yield ast.unparse(entry.target)
            if isinstance(entry, ast.FunctionDef) and is_optional_number(entry.returns):
                yield entry.name


def truths(tree: ast.AST) -> Iterator[ast.expr]:
    """Everything whose truth is asked for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
            yield node.test
        elif isinstance(node, ast.BoolOp):
            yield from node.values[:-1]
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield node.operand
        elif isinstance(node, ast.comprehension):
            yield from node.ifs
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("bool", "filter", "any", "all"):
            yield from node.args


def taken_by_truth(tree: ast.Module, names: set[str]) -> Iterator[str]:
    """Optional numbers whose truth is asked for, and ``given or 0.5``."""
    for asked in truths(tree):
        if isinstance(asked, ast.Attribute) and asked.attr in names:
            yield f"{asked.lineno}: {ast.unparse(asked)}"
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            given = [*function.args.args, *function.args.kwonlyargs]
            own = {argument.arg for argument in given if is_optional_number(argument.annotation)}
            for asked in truths(function):
                if isinstance(asked, ast.Name) and asked.id in own:
                    yield f"{asked.lineno}: {asked.id} of {function.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            last = node.values[-1]
            if isinstance(last, ast.Constant) and type(last.value) in (int, float):
                yield f"{node.lineno}: {ast.unparse(node)}"


def test_no_number_stands_in_for_none_by_its_truth() -> None:
    """``given or 0.5`` and ``if given:`` take a given 0 for none."""
    trees = sources()
    names = {name for tree in trees.values() for name in optional_names(tree)} - OBJECTS
    assert {"current", "capacity", "cutoff_voltage", "tip_size", "stiffness", "interval"} <= names
    found = [f"{file}:{where}" for file, tree in trees.items() for where in taken_by_truth(tree, names)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "code",
    [
        "x = step.current or 0.0",
        "x = size() or 1",
        "if step.current:\n    pass",
        "x = 1.0 if not step.current else 2.0",
        "x = [s for s in steps if s.current]",
        "def f(current: float | None) -> float:\n    return 1.0 if current else 2.0",
        "def f(*, current: float | None = None) -> bool:\n    return bool(current)",
    ],
)
def test_the_search_for_truths_finds_them(code: str) -> None:
    assert list(taken_by_truth(ast.parse(code), {"current"}))
    assert not list(taken_by_truth(ast.parse("x = 0.0 if s.current is None else s.current"), {"current"}))


def test_a_given_interval_counts() -> None:
    loaded = parse_case(case_data(output={"interval": "1e-5 mAh/cm2"}))
    assert set_up(loaded).output.interval == pytest.approx(0.36)
