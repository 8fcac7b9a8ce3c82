"""Both ends of every numeric range run, or are refused; the keys come from the exported schemas."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from mpi4py import MPI

from solver.case.loading import CaseError, parse_case
from solver.case.materials import Library
from solver.case.schema.case import Case
from solver.setup.setup import Setup, set_up
from solver.simulation.callbacks import Callbacks
from solver.simulation.run import start
from tests.conftest import case_data

pytestmark = pytest.mark.kind("end of a range")

Path = tuple[str | int, ...]
STRIP = {"do": "strip", "current": "0.5 mA/cm^2", "duration": "1 s"}
NUCLEATION = {"supersaturation": 2, "width": "0.5 um", "spacing": "0.5 um"}
HOLD = {
    "operation": {
        "pressure": "0.5 MPa",
        "mode": "potentiostatic",
        "overpotential": "5 mV",
        "capacity": "1 mAh/cm^2",
    }
}
SOLID: dict[str, Any] = {
    "geometry": {"kind": "3d", "width": "3 um", "depth": "3 um", "metal_thickness": "8 um"},
    "void": [{"position": ["0 um", "0 um"], "width": "2.2 um"}],
}
CONTEXTS: dict[Path, dict[str, Any]] = {
    ("data",): {"data": [{"file": "measured.csv"}]},
    ("voids",): {
        "voids": {"density": "0.4 /um", "mean_width": "1 um", "width_deviation": "0.2 um"},
        "void": None,
    },
    ("heterogeneity", "patch"): {
        "heterogeneity": {"patch": [{"position": "1 um", "width": "1 um", "factor": 2}]}
    },
    ("heterogeneity",): {"heterogeneity": {"density": "0.5 /um", "mean_width": "1 um", "factor": 2}},
    ("contact_memory", "healing"): {"contact_memory": {"healing": {"rate": "1 1/s", "exponent": 2}}},
    ("contact_memory",): {"contact_memory": {}},
    ("geometry", "depth"): SOLID,
    ("void", 0, "position", 0): SOLID,
    ("void", 0, "contact_angle"): {"void": [{"width": "2.2 um", "shape": "cap"}]},
    ("operation", "overpotential"): HOLD,
    ("operation", "step", 0, "overpotential"): {
        "operation": {
            "pressure": "0.5 MPa",
            "step": [{"do": "strip", "overpotential": "5 mV", "duration": "1 s"}],
        }
    },
    ("operation", "step"): {"operation": {"pressure": "0.5 MPa", "step": [STRIP]}},
    ("operation", "cycles"): {"operation": {"pressure": "0.5 MPa", "step": [STRIP]}},
    ("fixture", "velocity"): {"fixture": {}, "model": {"top": "velocity"}},
    ("fixture", "counter_expansion"): {"fixture": {"stiffness": "1 MPa/um"}},
    ("fixture",): {"fixture": {"stiffness": "1 MPa/um", "counter": "lithium"}},
    ("model", "friction_limit"): {"model": {"friction": "tresca"}},
    ("model", "nucleation"): {"model": {"nucleation": NUCLEATION}},
}
"""What a case needs besides a key so that the key has a meaning; the longest prefix of its path counts."""
MATERIALS = {"metal": "lithium", "electrolyte": "LPSCl", "creep": "lithium"}
OWNERS = {
    "solute_": {"metal": "lithium-magnesium"},
    "saturated_": {"creep": "lithium-anand-limited"},
    "grain_size": {"creep": "lithium-nabarro-herring"},
    "smallest_grain": {"creep": "lithium-nabarro-herring"},
}
"""Materials that have an entry, by the beginning of its name."""


def leaves(
    node: dict[str, Any], named: dict[str, Any], path: Path = ()
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Numbers with a range of a JSON schema, by their paths; the first item stands for a list's."""
    while "$ref" in node:
        node = named[node["$ref"].rsplit("/", 1)[-1]]
    if {"x-minimum", "minimum", "exclusiveMinimum"} & set(node):
        yield path, node
    for key, inner in node.get("properties", {}).items():
        yield from leaves(inner, named, (*path, key))
    for choice in [*node.get("anyOf", []), *node.get("oneOf", []), *node.get("allOf", [])]:
        yield from leaves(choice, named, path)
    inside = node.get("prefixItems", [])[:1] or [node[k] for k in ("items",) if isinstance(node.get(k), dict)]
    for item in inside:
        yield from leaves(item, named, (*path, 0))


def ends(node: dict[str, Any]) -> list[Any]:
    """The smallest and the largest value that a schema says it has."""
    if "x-minimum" in node:
        return [node["x-minimum"], node["x-maximum"]]
    found: list[Any] = []
    for side, towards in (("Minimum", math.inf), ("Maximum", -math.inf)):
        if side.lower() in node:
            found.append(node[side.lower()])
        elif node["type"] == "integer":
            found.append(int(node["exclusive" + side] + math.copysign(1, towards)))
        else:
            found.append(math.nextafter(node["exclusive" + side], towards))
    return found


def keys() -> dict[str, tuple[Path, list[Any]]]:
    """Every number of a case and of what its materials may be given, by its dotted path."""
    whole = Case.model_json_schema()
    found = {path: ends(node) for path, node in leaves(whole, whole["$defs"])}
    for kind, model in Library.KINDS.items():
        content = model.model_json_schema()
        for path, node in leaves(content, content.get("$defs", {})):
            if path[1:] == ("value",):
                found["material", kind, path[0]] = ends(node)
    return {".".join(map(str, path)): (path, values) for path, values in found.items()}


KEYS = keys()


def case_with(path: Path, value: Any, **more: Any) -> dict[str, Any]:
    """The small case with one number at an end of its range."""
    prefix = next((path[:n] for n in range(len(path), 0, -1) if path[:n] in CONTEXTS), ())
    data = {k: v for k, v in case_data(**CONTEXTS.get(prefix, {}) | more).items() if v is not None}
    if "step" in data["operation"] or "mode" in data["operation"]:
        data["operation"] = dict(CONTEXTS[prefix]["operation"])
    if path[0] == "material":
        own = next((o for start, o in OWNERS.items() if str(path[2]).startswith(start)), {})
        data["material"] = {kind: {"name": own.get(kind, name)} for kind, name in MATERIALS.items()}
        if path[2] in ("remade_resistance", "pressure_exponent"):
            data["contact_memory"] = {}
    here: Any = data
    for key, following in pairwise(path):
        if isinstance(here, list):
            here = here[int(key)]
        else:
            here = here.setdefault(key, [0.0, 0.0] if following == 0 else {})
    here[path[-1]] = value
    return data


def end(name: str, which: int, **more: Any) -> Setup:
    path, values = KEYS[name]
    return set_up(parse_case(case_with(path, values[which], **more)))


def test_every_range_is_found() -> None:
    """A walk that finds nothing would test nothing."""
    assert len(KEYS) > 100
    for name in (
        "operation.pressure",
        "numerics.growth",
        "material.creep.prefactor",
        "void.0.width",
        "voids.seed",
    ):
        assert name in KEYS
    assert KEYS["operation.cycles"][1] == [1, 10000]


@pytest.mark.parametrize("name", KEYS)
def test_the_ends_are_set_up_or_refused(name: str) -> None:
    """Whatever else is raised fails the test."""
    for which in (0, 1):
        with contextlib.suppress(CaseError):
            end(name, which)


STEPPED = [
    "operation.pressure",
    "operation.temperature",
    "operation.current",
    "operation.overpotential",
    "model.adhesion",
    "numerics.regularisation",
    "numerics.coupling_tolerance",
    "fixture.stiffness",
    "fixture.velocity",
    "material.electrolyte.conductivity",
    "material.electrolyte.area_resistance",
    "material.electrolyte.transfer_coefficient",
    "material.metal.molar_volume",
    "material.metal.surface_energy",
    "material.metal.contact_angle",
    "material.metal.diffusivity",
    "material.metal.sink_length",
    "material.metal.interface_sink_length",
    "material.metal.surface_sink_length",
    "material.metal.vacancy_relaxation",
    "material.creep.prefactor",
    "material.creep.stress",
    "material.creep.exponent",
    "material.creep.activation_energy",
    "material.creep.viscosity_floor",
    "material.creep.diffusional_rate",
]
"""Keys whose numbers enter the equations of all cases, or of one with the same forms."""


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1], ids=["low", "high"])
@pytest.mark.parametrize("name", STEPPED)
def test_the_ends_that_are_set_up_take_a_step(name: str, which: int) -> None:
    try:
        setup = end(name, which, numerics={"tip_size": "0.25 um", "growth": 0.6})
    except CaseError:
        return
    simulation = start(setup, MPI.COMM_SELF, Callbacks(MPI.COMM_SELF, []))
    simulation.begin_stage()
    rejection = simulation.advance()
    assert rejection is None, str(rejection)
    assert simulation.last is not None
    assert math.isfinite(simulation.last.shares.total)
    # solved, but for what the quadrature of exp(eta) is off by on a mesh this coarse
    assert simulation.last.charge_error < 1e-3
    simulation.discretisation.destroy()
