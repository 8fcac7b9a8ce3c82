"""Keys that another key makes idle: each is said, with both names."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tomli_w
from mpi4py import MPI

from solver.case.loading import CaseError, load_case, parse_case
from solver.cli.case import check
from solver.setup.idle import OWN_TEST, idle_keys
from solver.setup.setup import set_up
from solver.simulation.warnings import Warnings
from tests.conftest import ROOT, case_data

pytestmark = pytest.mark.kind("key that might be ignored")

ALLOY = {"name": "lithium-magnesium"}
PATCHES = {"patch": [{"position": "1 um", "width": "0.6 um", "factor": 2.0}]}
NUCLEATION = {"supersaturation": 3.0, "width": "0.3 um", "spacing": "0.5 um"}
MINE = {"status": "measured", "source": "my own"}
POPULATION = {"density": "0.2 /um", "mean_width": "1 um"}
NO_VACANCIES, NO_RESISTANCE = "model.vacancies = false", "material.electrolyte.area_resistance = 0"


def metal(name: str = "lithium", **numbers: Any) -> dict[str, Any]:
    return {"metal": {"name": name, **numbers}}


def electrolyte(**numbers: Any) -> dict[str, Any]:
    return {"electrolyte": {"name": "LPSCl", **numbers}}


IDLE: list[tuple[str, str, dict[str, Any]]] = [
    ("model.stress_drift", NO_VACANCIES, {"model": {"vacancies": False, "stress_drift": False}}),
    ("model.vacancy_potential", NO_VACANCIES, {"model": {"vacancies": False, "vacancy_potential": False}}),
    ("model.stress_drift", "material.metal.vacancy_relaxation = 0",
     {"model": {"stress_drift": False}, "material": metal(vacancy_relaxation=0.0)}),
    ("material.metal.vacancy_relaxation", "model.stress_drift = false",
     {"model": {"stress_drift": False}, "material": metal(vacancy_relaxation=-0.3)}),
    *((f"material.metal.{name}", NO_VACANCIES,
       {"model": {"vacancies": False}, "material": metal(**{name: value})})
      for name, value in {"sink_length": "2 um", "interface_sink_length": "3 um", "vacancy_relaxation": 0.5,
                          "diffusivity": "1e-15 m2/s"}.items()),
    ("material.metal.surface_sink_length", NO_VACANCIES,
     {"model": {"vacancies": False}, "material": metal(surface_sink_length="0.2 um"),
      "numerics": {"event_length": "0.1 um"}}),
    ("material.electrolyte.measured_resistance", "model.vacancy_potential = false",
     {"model": {"vacancy_potential": False}, "material": electrolyte(measured_resistance="20 ohm cm2")}),
    *((f"model.{name}", "material.metal.name = lithium, which has no solute", {"model": {name: value}})
      for name, value in {"composition": False, "composition_potential": False,
                          "beyond_solubility": "continue"}.items()),
    ("numerics.composition_change", "which has no solute", {"numerics": {"composition_change": 0.1}}),
    *((f"material.metal.{name}", "model.composition = false",
       {"model": {"composition": False}, "material": metal(ALLOY["name"], **{name: value})})
      for name, value in {"solute_fraction": 0.05, "solute_limit": 0.5, "solute_diffusivity": "low",
                          "redlich_kister": [{"constant": "-1 kJ/mol"}]}.items()),
    ("material.metal.surface_energy", "model.capillarity = false",
     {"model": {"capillarity": False}, "material": metal(surface_energy="0.3 J/m2")}),
    ("material.metal.contact_angle", "model.capillarity = false",
     {"model": {"capillarity": False}, "material": metal(contact_angle="80 deg")}),
    ("model.kinetics", NO_RESISTANCE,
     {"model": {"kinetics": "linear"}, "material": electrolyte(area_resistance="0 ohm cm2")}),
    ("material.electrolyte.transfer_coefficient", "model.kinetics = linear",
     {"model": {"kinetics": "linear"}, "material": electrolyte(transfer_coefficient=0.4)}),
    ("material.electrolyte.remade_resistance", "no [contact_memory]",
     {"material": electrolyte(remade_resistance="20 ohm cm2")}),
    ("material.electrolyte.pressure_exponent", "no [contact_memory]",
     {"material": electrolyte(pressure_exponent=0.5)}),
    ("material.electrolyte.counter_potential", "no equation",
     {"material": electrolyte(counter_potential="1 V")}),
    ("contact_memory.lowest_pressure", "pressure_exponent = 0",
     {"contact_memory": {"lowest_pressure": "0.1 MPa"}, "material": electrolyte(pressure_exponent=0.0)}),
    ("contact_memory.healing.exponent", "contact_memory.healing.rate = 0",
     {"contact_memory": {"healing": {"rate": "0 1/s", "exponent": 2.0}}}),
    ("numerics.pressure_change", "no [fixture]", {"numerics": {"pressure_change": 0.1}}),
    ("numerics.pressure_change", "fixture.stiffness = 0",
     {"numerics": {"pressure_change": 0.1}, "fixture": {"stiffness": "0 MPa/um"}}),
    ("fixture.counter", "fixture.stiffness = 0", {"fixture": {"stiffness": "0 MPa/um", "counter": "indium"}}),
    ("fixture.counter_expansion", "fixture.stiffness = 0",
     {"fixture": {"stiffness": "0 MPa/um", "counter_expansion": 0.0}}),
    ("numerics.coupling_tolerance", "model.pressure_potential = false",
     {"numerics": {"coupling_tolerance": 1e-6},
      "model": {"pressure_potential": False, "stress_drift": False}}),
    ("numerics.pressure_change", "model.top = velocity",
     {"numerics": {"pressure_change": 0.1}, "fixture": {"velocity": "1e-4 um/s"},
      "model": {"top": "velocity"}}),
    ("voids.smallest_width", "voids.width_deviation = 0",
     {"geometry": {"width": "20 um"}, "void": [], "voids": POPULATION | {"smallest_width": "0.3 um"}}),
    ("model.nucleation.seed", "model.nucleation.width_deviation = 0",
     {"model": {"nucleation": NUCLEATION | {"seed": 3}}}),
    ("heterogeneity.seed", "heterogeneity.patch", {"heterogeneity": PATCHES | {"seed": 3}}),
    ("heterogeneity.width_deviation", "heterogeneity.patch",
     {"heterogeneity": PATCHES | {"width_deviation": "1 um"}}),
    ("heterogeneity.edge", "heterogeneity.expression",
     {"heterogeneity": {"expression": "1 + x/width", "edge": "1 um"}}),
    ("heterogeneity.seed", "heterogeneity.points",
     {"heterogeneity": {"points": [[0.0, 1.0], [3.0, 2.0]], "seed": 3}}),
    ("numerics.layer_depth", "numerics.layer_size is not given", {"numerics": {"layer_depth": "1 um"}}),
    ("numerics.largest_size", "numerics.tip_size = 0.08 um", {"numerics": {"largest_size": "0.05 um"}}),
    ("numerics.first_step", "numerics.largest_step",
     {"numerics": {"first_step": "5 s", "largest_step": "1 s"}}),
    ("numerics.petsc.creep-schur", "solved with newton-direct, newton-symmetric",
     {"numerics": {"petsc": {"creep-schur": {"ksp_rtol": 1e-5}}}}),
    ("numerics.petsc.newton-symmetric", "creep-schur, electrochemistry-split, motion-multigrid, newton-dir",
     {"numerics": {"petsc": {"newton-symmetric": {"snes_max_it": 5}}, "solver": "iterative"}}),
    *((f"numerics.petsc.newton-direct.{option}", "snes_atol",
       {"numerics": {"petsc": {"newton-direct": {option: 1e-3}}}}) for option in OWN_TEST),
    ("numerics.petsc.newton-direct.ksp_rtol", "no such option to take away",
     {"numerics": {"petsc": {"newton-direct": {"ksp_rtol": "delete"}}}}),
]  # fmt: skip


@pytest.mark.parametrize(("key", "reason", "changes"), IDLE, ids=[entry[0] for entry in IDLE])
def test_an_idle_key_is_said_with_the_key_that_makes_it_idle(
    key: str, reason: str, changes: dict[str, Any]
) -> None:
    found = idle_keys(set_up(parse_case(case_data(**changes))))
    said = [text for text in found if text.startswith(key)]
    assert len(said) == 1, found
    assert " has no effect: " in said[0]
    assert reason in said[0]
    assert len(found) == 1, found


def test_a_solid_has_no_graded_sizes_nor_a_deep_layer() -> None:
    loaded = load_case(
        ROOT / "cases" / "void-3d.toml", {"numerics.graded": True, "numerics.layer_depth": "1 um"}
    )
    assert [text.split(" = ")[0] for text in idle_keys(set_up(loaded))] == [
        "numerics.graded",
        "numerics.layer_depth",
    ]


def test_a_pressure_that_is_applied_nowhere() -> None:
    steps = [
        {"do": "strip", "current": "1 mA/cm2", "duration": "5 s", "pressure": f"{p} MPa"} for p in (1, 2)
    ]
    data = case_data() | {"operation": {"pressure": "0.5 MPa", "step": steps}}
    (said,) = idle_keys(set_up(parse_case(data)))
    assert (
        said == "operation.pressure = 0.5 MPa has no effect: every operation.step has a pressure of its own"
    )
    for step, pressure in ((0, None), (1, "0.5 MPa")):
        used = [dict(entry) for entry in steps]
        used[step]["pressure"] = pressure
        assert (
            idle_keys(set_up(parse_case(data | {"operation": {"pressure": "0.5 MPa", "step": used}}))) == ()
        )


STRIP = {"do": "strip", "current": "1 mA/cm2"}


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (STRIP | {"duration": "5 s"}, ""),
        (STRIP | {"duration": "5 s", "capacity": "1e-4 mAh/cm2"}, "duration = 5 s"),
        (STRIP | {"duration": "5 s", "capacity": "1 mAh/cm2"}, "capacity = 1 mAh/cm2"),
        ({"do": "plate", "overpotential": "9 mV", "duration": "5 s", "capacity": "1 mAh/cm2"}, ""),
        (STRIP | {"duration": "5 s", "cutoff_voltage": "0.1 V"}, ""),
        (STRIP | {"duration": "5 s", "cutoff_voltage": "0.2 V"}, "cutoff_voltage = 0.2 V"),
        (STRIP | {"duration": "5 s", "cutoff_voltage": "0.3 V"}, "cutoff_voltage = 0.3 V"),
    ],
)
def test_an_end_of_a_step_that_never_comes(step: dict[str, Any], said: str) -> None:
    operation = {
        "pressure": "0.5 MPa",
        "cutoff_voltage": "0.2 V",
        "step": [STRIP | {"duration": "1 s"}, step],
    }
    found = idle_keys(set_up(parse_case(case_data() | {"operation": operation})))
    wanted = [f"operation.step[1].{said}"] if said else []
    assert [text.split(" has no effect")[0] for text in found] == wanted


@pytest.mark.parametrize("path", sorted((ROOT / "cases").glob("*.toml")), ids=lambda path: path.stem)
def test_no_shipped_case_has_an_idle_key_and_a_resolved_one_neither(path: Path) -> None:
    loaded = load_case(path)
    assert idle_keys(set_up(loaded)) == ()
    assert idle_keys(set_up(parse_case(loaded.resolved()))) == ()


CONFLICTS: list[tuple[str, dict[str, Any]]] = [
    ("'smallest_step' is longer than 'largest_step'",
     {"numerics": {"smallest_step": "10 s", "largest_step": "1 s"}}),
    ("material.electrolyte.area_resistance = 0: [heterogeneity] multiplies a resistance",
     {"heterogeneity": PATCHES, "material": electrolyte(area_resistance="0 ohm cm2")}),
    ("heterogeneity.patch[0].position: the patch lies outside the cell",
     {"heterogeneity": {"patch": [{"position": "9 um", "width": "1 um", "factor": 2.0}]}}),
    ("'reference_temperature' and 'activation_energy' need each other",
     {"material": metal(diffusivity=MINE | {"value": "1e-15 m2/s", "activation_energy": "0.5 eV"})}),
    ("'reference_temperature' and 'activation_energy' need each other",
     {"material": electrolyte(conductivity=MINE | {"value": "1 S/m", "reference_temperature": "300 K"})}),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "changes"), CONFLICTS)
def test_what_contradicts_itself_is_refused(problem: str, changes: dict[str, Any]) -> None:
    with pytest.raises(CaseError) as caught:
        parse_case(case_data(**changes))
    assert any(problem in text for text in caught.value.problems), caught.value.problems


def test_the_mode_of_a_case_with_steps_is_refused() -> None:
    step = {"do": "strip", "current": "1 mA/cm2", "duration": "5 s"}
    data = case_data() | {"operation": {"pressure": "1 MPa", "mode": "potentiostatic", "step": [step]}}
    with pytest.raises(CaseError, match=r"'mode' belongs to a case without \[\[operation.step\]\]"):
        parse_case(data)


def test_check_says_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "case.toml").write_text(tomli_w.dumps(case_data(numerics={"layer_depth": "1 um"})), "utf-8")
    assert check(tmp_path / "case.toml", comm=MPI.COMM_SELF) == 0
    assert "layer_depth" in capsys.readouterr().out
    said = "numerics.layer_depth = 1 um has no effect: numerics.layer_size is not given"
    assert any(text.startswith(said) for text in caplog.messages)


def test_a_run_says_it_once(caplog: pytest.LogCaptureFixture) -> None:
    setup = set_up(parse_case(case_data(numerics={"layer_depth": "1 um"})))
    simulation: Any = SimpleNamespace(setup=setup, clock=SimpleNamespace(time=0.0))
    warnings = Warnings()
    with caplog.at_level(logging.WARNING, "livoid"):
        warnings.run_begins(simulation)
        resumed = Warnings()
        resumed.restore(warnings.state())
        resumed.run_begins(simulation)
    assert sum("numerics.layer_depth" in text for text in caplog.messages) == 1
