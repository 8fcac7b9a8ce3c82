"""Nothing is accepted and ignored: every key of the published schema, set to another legal value.

Either the case is refused, or what a run computes with (the setup) is another one, or it is said that the key
has no effect, and which other key is the reason. The keys and their values come from the schema itself.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from solver.case.errors import CaseError
from solver.case.loading import parse_case
from solver.case.published import schema
from solver.case.units import split_quantity
from solver.setup.idle import idle_keys
from solver.setup.setup import set_up
from tests.conftest import case_data

pytestmark = pytest.mark.kind("key that might be ignored")

Path = tuple[str | int, ...]
Part = Mapping[str, Any]
STRIP = {"do": "strip", "current": "0.5 mA/cm2", "capacity": "0.001 mAh/cm2"}
HELD = {"do": "plate", "overpotential": "20 mV", "duration": "60 s", "cutoff_voltage": "0.1 V"}
HELD_WHOLE = {"do": "plate", "voltage": "20 mV", "duration": "60 s"}
RAMP = {
    "do": "strip", "current": "0.5 mA/cm2", "current_to": "0.7 mA/cm2", "duration": "20 s",
    "pressure_to": "1 MPa", "temperature": "320 K",
}  # fmt: skip
REST = {"do": "rest", "duration": "10 s", "pressure": "1 MPa", "cutoff_contact_loss": 0.5}
NUCLEATION = {"supersaturation": 3.0, "width": "0.3 um", "width_deviation": "0.1 um", "spacing": "0.5 um"}
HEALING = {"rate": "1e-4 1/s", "stress": "1 MPa", "exponent": 3.0}


def steps(*given: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    data = case_data(**more)
    return data | {"operation": {"pressure": "0.5 MPa", "cycles": 2, "step": [dict(step) for step in given]}}


CASES: dict[str, dict[str, Any]] = {
    "plane": case_data(
        heterogeneity={"patch": [{"position": "1 um", "width": "0.6 um", "factor": 2.0}], "edge": "0.1 um"},
        contact_memory={"grid": "0.05 um", "healing": HEALING},
        model={"friction": "tresca", "friction_limit": "0.2 MPa", "nucleation": NUCLEATION},
        fixture={"stiffness": "0.1 MPa/um", "counter": "indium"},
        numerics={"largest_size": "1 um", "layer_size": "0.1 um", "event_length": "0.1 um"},
        operation={"cutoff_voltage": "0.2 V"},
        output={"interval": "0.0005 mAh/cm2"},
    ),
    "alloy in steps": steps(
        STRIP,
        HELD,
        HELD_WHOLE,
        REST,
        material={"metal": {"name": "lithium-magnesium"}},
        fixture={"velocity": "1e-4 um/s"},
        model={"top": "velocity", "surface_diffusion": "1e-25 m3/s"},
    )
    | {"fixture": {"stiffness": "0.1 MPa/um", "counter_expansion": 0.6}, "model": {}},
    "ramps": steps(RAMP, STRIP),
    "population": case_data(
        geometry={"width": "20 um"},
        void=[],
        voids={"density": "0.2 /um", "mean_width": "1 um", "width_deviation": "0.3 um"},
        heterogeneity={"density": "0.2 /um", "mean_width": "2 um", "width_deviation": "1 um", "factor": 3},
    ),
    "solid": case_data(
        geometry={"kind": "3d", "depth": "3 um"}, void=[{"position": ["1.5 um", "1.5 um"], "width": "1.2 um"}]
    ),
    "cylinder across a cell": case_data(
        geometry={"kind": "3d", "depth": "3 um"},
        void=[{"position": "1.4 um", "width": "1.2 um", "along": "x"}],
    ),
    "cap around an axis": case_data(
        geometry={"kind": "axisymmetric"},
        void=[{"width": "1.6 um", "shape": "cap", "contact_angle": "80 deg"}],
        model={"top": "velocity"},
        fixture={"motion": [[0.0, 8.0], [900.0, 7.9]], "against": "time"},
        material={"creep": {"name": "lithium-nabarro-herring"}},
    ),
    "held, limited creep": case_data(
        void=[{"position": "1.4 um", "width": "1.2 um", "height": "0.5 um"}],
        material={"creep": {"name": "lithium-anand-limited"}},
        model={"top": "velocity"},
        fixture={"velocity": "1e-4 um/s"},
    )
    | {
        "operation": {
            "pressure": "0.5 MPa",
            "mode": "potentiostatic",
            "overpotential": "20 mV",
            "capacity": "0.001 mAh/cm2",
        }
    },
    "driven by the counter electrode": case_data(
        model={"top": "velocity"}, fixture={"follow": "counter", "counter": "lithium"}
    ),
}
"""Cases in which together every key has a meaning."""
NO_NUMBER = {"title", "schema_version"}
"""What a run only writes down; the version of the format, which is one."""
DEFINITIONS = tuple(f"material.{kind}.definition" for kind in ("metal", "creep", "electrolyte"))
ELSEWHERE = (
    "resolved_material",
    "numerics.petsc",
    "fixture.series",
    "fixture.motion",
    "heterogeneity.expression",
    "operation.protocol",
    "voids.from",
    "heterogeneity.table",
    "heterogeneity.points",
    "operation.step.table",
    "operation.step.points",
    "base",
    "included",
    *DEFINITIONS,
)
"""What other tests walk: tables that are no keys of their own, files, points, an expression, a record."""
ONE_VALUE = {"fixture.follow"}
"""Keys that have one legal value today."""
TOGETHER = {"operation.mode"}
"""Keys whose other values are refused where what belongs to them is not given as well."""
NEVER = {"material.electrolyte.counter_potential"}
"""Numbers of materials that no equation needs, which is always said."""

PUBLISHED = schema()


def resolved_part(part: Part) -> Mapping[str, Any]:
    while "$ref" in part:
        here: Any = PUBLISHED
        for name in part["$ref"].removeprefix("#/").split("/"):
            here = here[name]
        part = here
    return part


def options(part: Part) -> list[Part]:
    """What a value may be, without null."""
    part = resolved_part(part)
    found = [o for p in part["anyOf"] for o in options(p)] if "anyOf" in part else [part]
    return [option for option in found if option.get("type") != "null"]


def keys(data: Any, part: Part, path: Path = ()) -> Iterator[tuple[Path, list[Part]]]:
    """Paths of all keys that the tables of a case have or could have, with what their values may be."""
    for option in options(part):
        if "properties" in option and isinstance(data, Mapping):
            for name, entry in option["properties"].items():
                inner = options(entry)
                here = (*path, name)
                if name in data and any("properties" in o or _of_tables(o) for o in inner):
                    yield from keys(data[name], entry, here)
                if any("properties" not in o and not _of_tables(o) for o in inner):
                    yield here, inner
        elif _of_tables(option) and isinstance(data, list):
            for number, entry in enumerate(data):
                yield from keys(entry, option["items"], (*path, number))


def _of_tables(option: Mapping[str, Any]) -> bool:
    return option.get("type") == "array" and "$ref" in option.get("items", {})


def dotted(path: Path) -> str:
    """As a schema knows it: without the numbers of entries."""
    return ".".join(part for part in path if isinstance(part, str))


def others(now: Any, part: Part) -> Iterator[Any]:
    """Legal values of a key besides the present one."""
    if "enum" in part or "const" in part:
        yield from (value for value in part.get("enum", [part.get("const")]) if value != now)
    elif part.get("type") == "boolean":
        yield not now
    elif "x-unit" in part:
        yield from _quantities(now, part)
    elif part.get("type") in ("integer", "number"):
        low = part.get("minimum", part.get("exclusiveMinimum", 0))
        high = part.get("maximum", part.get("exclusiveMaximum", 10 * (low + 1)))
        if part["type"] == "integer":
            yield from (value for value in ((now or low) + 1, low + 2) if low <= value < high)
        else:
            near = [now * 1.07, now * 0.93] if now else []
            yield from (value for value in (*near, 0.7 * low + 0.3 * high) if low < value < high)
    elif part.get("type") == "string":
        yield f"{now or ''} other"


def _quantities(now: Any, part: Part) -> Iterator[str]:
    unit = part["x-unit"]
    low, high = (split_quantity(part[f"x-{end}"])[0] for end in ("minimum", "maximum"))
    try:
        number = split_quantity(now)[0]
    except ValueError:
        number = 0.0
    near = [number * factor for factor in (1.07, 0.93, 1.5, 0.5)] if number else []
    if low > 0.0:
        far = list(np.geomspace(low, high, 9)[1:-1])
    else:
        far = [high * share for share in (1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3)]
    for value in (*near, *far):
        if low < value < high:
            yield f"{value:.6g} {unit}".strip()


def put(data: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """A copy with a value at a path; ``material.metal`` and so on are made."""
    changed = copy.deepcopy(data)
    here: Any = changed
    for part in path[:-1]:
        here = here[part] if isinstance(part, int) else here.setdefault(part, {})
    here[path[-1]] = value
    return changed


def found_at(data: Any, path: Path) -> Any:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data["value"] if isinstance(data, Mapping) and "value" in data else data


def plain(value: Any) -> Any:
    """Everything in a setup as plain data, to be compared."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value) if field.name != "loaded"]
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return [type(value).__name__, plain(vars(value))] if hasattr(value, "__dict__") else repr(value)


def complete(data: dict[str, Any]) -> dict[str, Any]:
    """A case with all tables in which something may be chosen."""
    data = copy.deepcopy(data)
    material = data.setdefault("material", {})
    material.setdefault("metal", {"name": "lithium"})
    material.setdefault("electrolyte", {"name": "LPSCl"})
    material.setdefault("creep", {"name": parse_case(data).metal.creep})
    for name in ("model", "numerics", "output"):
        data.setdefault(name, {})
    return data


@functools.cache
def walked(name: str) -> tuple[list[str], list[str], list[str]]:
    """Keys of a case whose change changes the setup, or is said to be without effect; and those ignored."""
    data = complete(CASES[name])
    before = set_up(parse_case(data))
    was, now = plain(before), before.loaded.resolved()
    assert idle_keys(before) == ()
    now["material"] = now["resolved_material"] | {"name": None}
    changing, said, ignored = [], [], []
    for path, kinds in keys(data, PUBLISHED):
        key = dotted(path)
        if key in NO_NUMBER or key.startswith(ELSEWHERE):
            continue
        present = found_at(data, path) if path[-1] == "name" else found_at(now, path)
        without = ""
        for value in (value for kind in kinds for value in others(present, kind)):
            try:
                after = set_up(parse_case(put(data, path, value)))
            except CaseError:
                continue
            without = f"{key} = {value!r}"
            if plain(after) != was:
                changing.append(key)
                break
        else:
            if without and any(re.sub(r"\[\d+\]", "", text).startswith(key) for text in idle_keys(after)):
                said.append(key)
            elif without:
                ignored.append(without)
    return changing, said, ignored


@pytest.mark.parametrize("name", CASES)
def test_another_value_of_any_key_is_refused_changes_the_run_or_is_said_to_change_nothing(name: str) -> None:
    changing, _, ignored = walked(name)
    assert not ignored
    assert len(changing) > 40


def test_every_key_of_the_schema_changes_one_of_these_cases() -> None:
    """So that a key that every value is refused of does not slip through."""
    changing = {key for name in CASES for key in walked(name)[0]}
    every = {dotted(path) for data in CASES.values() for path, _ in keys(complete(data), PUBLISHED)}
    missing = {key for key in every - changing if key not in NO_NUMBER and not key.startswith(ELSEWHERE)}
    assert missing == ONE_VALUE | TOGETHER | NEVER
