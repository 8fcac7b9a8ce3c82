"""The published schema and the reader agree, as far as a schema can know."""

from __future__ import annotations

import json
import math
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import TypeAdapter, ValidationError

from solver.case import units
from solver.case.loading import CaseError, load_case, parse_case
from solver.case.published import RULES, schema
from solver.study.points import expand, load_points
from solver.study.schema import load_study
from tests.conftest import ROOT, case_data

SHIPPED = sorted((ROOT / "cases").glob("*.toml"))
STUDIES = sorted((ROOT / "cases" / "studies").glob("*.toml"))
VALIDATOR = jsonschema.Draft202012Validator(json.loads(json.dumps(schema())))
TYPES = {name: kind for name, kind in vars(units).items() if hasattr(kind, "__metadata__")}
"""Every kind of quantity."""
METAL, ELECTROLYTE = {"name": "lithium-magnesium"}, {"name": "LPSCl"}


def complaints(data: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(data)]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)
    assert {"Case", *VALIDATOR.schema["$defs"]} >= set(RULES)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_cases_and_what_a_run_folder_has_of_them_pass(path: Path) -> None:
    assert complaints(tomllib.loads(path.read_text(encoding="utf-8"))) == []
    assert complaints(json.loads(json.dumps(load_case(path).resolved()))) == []


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_cases_of_shipped_studies_pass(path: Path) -> None:
    study = load_study(path)
    for case in load_points(study, path, expand(study)[:2]):
        assert complaints(json.loads(json.dumps(case.resolved()))) == []


@pytest.mark.parametrize(
    "material",
    [
        {"metal": METAL | {"solute_diffusivity": "dft", "sink_length": "low", "surface_energy": "0.3 J/m²"}},
        {"metal": METAL | {"interface_sink_length": math.inf}},
        {"metal": METAL | {"interface_sink_length": "inf"}},
        {"metal": METAL | {"redlich_kister": [{"constant": "-1 kJ/mol"}]}},
        {"metal": METAL | {"molar_volume": {"value": "13 cm3/mol", "status": "measured", "source": "mine"}}},
        {"electrolyte": ELECTROLYTE | {"area_resistance": "10 Ω·cm²", "transfer_coefficient": 0.4}},
        {"creep": {"name": "lithium-nabarro-herring", "smallest_grain": "0.3 µm"}},
    ],
)
def test_materials_pass_as_they_are_read(material: dict[str, Any]) -> None:
    data = case_data(material=material, model={"adhesion": "inf"})
    assert complaints(data) == []
    assert complaints(parse_case(data).resolved()) == []


STRIP = {"do": "strip", "current": "1 mA/cm2", "duration": "5 s"}
MISTAKES: dict[str, dict[str, Any]] = {
    "no unit": {"operation": {"pressure": "1"}},
    "a number where a unit is needed": {"operation": {"pressure": 1}},
    "no number": {"operation": {"pressure": "MPa"}},
    "a word": {"geometry": {"width": "wide"}},
    "a comma": {"geometry": {"width": "1,5 um"}},
    "nothing": {"geometry": {"width": ""}},
    "not a number": {"geometry": {"width": "nan um"}},
    "endless where it ends": {"geometry": {"width": "inf"}},
    "far too long": {"geometry": {"width": "1 um" + " " * 100}},
    "out of range": {"material": {"creep": {"name": "lithium", "exponent": 0.5}}},
    "a solid without depth": {"geometry": {"kind": "3d"}},
    "a depth without solid": {"geometry": {"depth": "3 um"}},
    "a misspelt key": {"geometry": {"widht": "3 um"}},
    "a misspelt table": {"geometri": {}},
    "an angle without cap": {"void": [{"width": "1 um", "contact_angle": "90 deg"}]},
    "a cap of two heights": {
        "void": [{"width": "1 um", "shape": "cap", "height": "0.4 um", "contact_angle": "90 deg"}]
    },
    "two kinds of voids": {"voids": {"density": "0.1 /um", "mean_width": "1 um"}},
    "friction without limit": {"model": {"friction": "tresca"}},
    "a limit without friction": {"model": {"friction_limit": "1 MPa"}},
    "a rest without end": {"operation": {"step": [{"do": "rest"}]}},
    "a rest with a current": {"operation": {"step": [STRIP | {"do": "rest"}]}},
    "a step without end": {"operation": {"step": [{"do": "strip", "current": "1 mA/cm2"}]}},
    "a step of two kinds": {"operation": {"step": [STRIP | {"overpotential": "1 mV"}]}},
    "an unknown material": {"material": {"metal": {"name": "lithum"}}},
    "a misspelt number of a material": {"material": {"metal": {"name": "lithium", "sink_lenth": "1 um"}}},
    "a misspelt choice of a number": {"material": {"metal": METAL | {"solute_diffusivity": "dtf"}}},
    "a number without source": {
        "material": {"metal": METAL | {"sink_length": {"value": "1 um", "status": "measured"}}}
    },
    "nonsense of a run folder": {"resolved_material": {"electrolyte": {"nonsense": "yes"}}},
    "a title of two lines": {"title": "one\ntwo"},
    "a title that rings": {"title": "\x07"},
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_both_refuse(mistake: str) -> None:
    data = case_data(**MISTAKES[mistake])
    if mistake.startswith(("a rest", "a step")):
        data["operation"] = {"pressure": "1 MPa", **MISTAKES[mistake]["operation"]}
    if mistake.startswith("a rest"):
        data["operation"]["step"].append(STRIP)
    with pytest.raises(CaseError):
        parse_case(data)
    assert complaints(data)


@pytest.mark.parametrize("name", TYPES)
def test_ends_and_examples_of_every_range_are_read_and_what_lies_beyond_is_not(name: str) -> None:
    adapter = TypeAdapter(TYPES[name])
    published = adapter.json_schema()
    own, unit = jsonschema.Draft202012Validator(published), published["x-unit"]
    texts = [published["x-minimum"], published["x-maximum"], *published["examples"]]
    above = published["description"].endswith("not 0")
    for text in texts[1:] if above else texts:
        adapter.validate_python(text)
        assert own.is_valid(text)
        assert float(adapter.dump_python(adapter.validate_python(text)).split()[0]) == float(text.split()[0])
    low, high = (float(text.split()[0]) for text in texts[:2])
    size = max(abs(low), abs(high))
    for number in (low - 1e-6 * size, high * (1.0 + 1e-6) + 1e-300, *([low] if above else [])):
        with pytest.raises(ValidationError, match="must lie"):
            adapter.validate_python(f"{number!r} {unit}")
        if not unit:
            assert not own.is_valid(number)
    if unit:
        assert not own.is_valid(low)


def test_a_pattern_takes_no_time_for_hostile_text() -> None:
    pattern = TypeAdapter(units.Pressure).json_schema()["pattern"]
    for text in ("1 " + "m" * 50_000 + "\x00", "1" * 50_000 + "x\x00", "1 " + "(" * 50_000, " " * 50_000):
        assert not re.search(pattern, text) or text.endswith("(")


@pytest.mark.parametrize(
    "data",
    [
        {"base": "other.toml"},
        {"base": "other.toml", "operation": {"temperature": "333 K"}, "geometry": {"depth": "3 um"}},
        {"base": "other.toml", "model": {"nucleation": {"width": "1 um"}}, "voids": {"mean_width": "2 um"}},
        {"base": "other.toml", "material": {"metal": {"surface_energy": "0.3 J/m2"}}},
    ],
)
def test_a_case_with_a_base_passes_with_what_differs(data: dict[str, Any]) -> None:
    assert complaints(data) == []
    alone = {key: value for key, value in data.items() if key != "base"}
    assert any("'geometry' is a required" in line or "'width' is" in line for line in complaints(alone))


@pytest.mark.parametrize(
    "data",
    [
        {"operation": {"presure": "1 MPa"}},
        {"operation": {"step": [{"duration": "1 s"}]}},  # a list is whole: its tables are too
        {"void": [{}]},
    ],
)
def test_a_case_with_a_base_may_not_say_anything(data: dict[str, Any]) -> None:
    assert complaints({"base": "other.toml"} | data) != []


RAMP = {"do": "strip", "current": "0.1 mA/cm2", "current_to": "1 mA/cm2", "duration": "1 s"}


@pytest.mark.parametrize(
    ("step", "passes"),
    [
        (RAMP, True),
        (RAMP | {"pressure_to": "2 MPa", "temperature": "60 degC"}, True),
        ({"do": "follow", "table": "a.csv"}, True),
        ({"do": "follow", "points": [[0, 1.0], [1.5, -1]]}, True),
        ({"do": "strip", "capacity": "1 mAh/cm2", "per_cycle": {"current": ["1 mA/cm2"]}}, True),
        ({"do": "follow"}, False),
        ({"do": "follow", "table": "a.csv", "current": "1 mA/cm2"}, False),
        ({"do": "rest", "duration": "1 s", "table": "a.csv"}, False),
        ({"do": "strip", "current": "1 mA/cm2", "capacity": "1 mAh/cm2", "current_to": "1 mA/cm2"}, False),
        ({"do": "strip", "duration": "1 s", "per_cycle": {"currents": ["1 mA/cm2"]}}, False),
    ],
)
def test_steps_that_vary(step: dict[str, Any], passes: bool) -> None:
    data = case_data() | {"operation": {"pressure": "1 MPa", "step": [step]}}
    assert (complaints(data) == []) is passes, complaints(data)
    if passes and "table" not in step:
        assert complaints(json.loads(json.dumps(parse_case(data).resolved()))) == []
    elif not passes:
        with pytest.raises(CaseError):
            parse_case(data)
