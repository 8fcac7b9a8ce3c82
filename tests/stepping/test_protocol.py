"""Protocols: schema, stages, end-to-end strip, rest, plate; deposits; the solubility event."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from mpi4py import MPI

from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import InterfaceProfile
from meshes.sizing import SizeRule
from postprocess import eds
from solver.case.loading import CaseError, parse_case
from solver.equations.coupled_model import CoupledModel
from solver.output.plated_thickness import PlatedThickness
from solver.setup import protocol
from solver.setup.parameters import model_parameters
from solver.setup.scales import case_scales
from tests.conftest import ROOT, case_data, on_two_ranks, small_case, table
from tests.made_once import made_once

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]

STEPS: list[dict[str, Any]] = [
    {"do": "strip", "current": "0.5 mA/cm^2", "capacity": "0.004 mAh/cm^2"},
    {"do": "rest", "duration": "20 s"},
    {"do": "plate", "current": "0.25 mA/cm^2", "capacity": "0.003 mAh/cm^2"},
]
COLUMN: dict[str, Any] = {
    "geometry": {"width": "0.5 um", "metal_thickness": "6 um", "electrolyte_depth": "0.5 um"},
    # the slowest solute: it piles up within the short steps of these tests
    "material": {"metal": {"name": "lithium-magnesium", "solute_diffusivity": "dft"}},
    "numerics": {"layer_size": "0.1 um", "largest_size": "0.3 um", "composition_change": 0.1},
}


def column(steps: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    data = case_data(**COLUMN) | {"operation": {"pressure": "1 MPa", "step": steps}} | changes
    del data["void"]
    return data


def test_stages_repeat_and_carry_their_signs() -> None:
    data = column(STEPS)
    data["operation"]["cycles"] = 2
    data["operation"]["step"][1]["pressure"] = "3 MPa"
    everything = protocol.stages(parse_case(data).case.operation)
    assert [(s.kind, s.cycle, s.number) for s in everything[:4]] == [
        ("strip", 1, 1),
        ("rest", 1, 2),
        ("plate", 1, 3),
        ("strip", 2, 1),
    ]
    assert [s.current for s in everything[:3]] == pytest.approx([5.0, 0.0, -2.5])
    assert everything[1].pressure == 3e6 and everything[0].pressure == 1e6
    assert protocol.expected_throughput(parse_case(data).case.operation) == pytest.approx(2 * 0.007 * 36e3)
    assert case_scales(parse_case(data)).current == pytest.approx(5.0)
    STEPS[1].pop("pressure")


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"step": [{"do": "rest", "duration": "1 s", "current": "1 mA/cm^2"}]}, "a rest has a 'duration'"),
        ({"step": [{"do": "rest", "duration": "1 s"}]}, "only rest"),
        ({"step": [{"do": "plate", "capacity": "1 mAh/cm^2"}]}, "either 'current' or 'overpotential'"),
        ({"step": [{"do": "strip", "current": "1 mA/cm^2"}]}, "'capacity' or a 'duration'"),
        ({"step": STEPS, "current": "1 mA/cm^2"}, "belongs into the steps"),
        ({"current": "1 mA/cm^2", "capacity": "1 mAh/cm^2", "cycles": 2}, "needs a list"),
        ({"current": "1 mA/cm^2"}, "needs a 'capacity'"),
    ],
)
def test_impossible_protocols_are_named(operation: dict[str, Any], message: str) -> None:
    data = case_data() | {"operation": {"pressure": "1 MPa"} | operation}
    with pytest.raises(CaseError, match=message):
        parse_case(data)


@pytest.fixture(scope="module")
def cycle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A column stripped, rested and plated, on one rank."""
    from solver.output.run_folder import RunFolder
    from solver.simulation.run import run_case

    def make(folder: Path) -> None:
        outcome = run_case(parse_case(column(STEPS)), RunFolder(folder / "out"), MPI.COMM_SELF)
        assert outcome.status == "finished", outcome.message

    return made_once("cycle", make, tmp_path_factory) / "out"


@pytest.mark.slow
def test_a_cycle_goes_through_its_stages(cycle: Path) -> None:
    stages = table(cycle / "stages.csv")
    assert [row["kind"] for row in stages] == ["strip", "rest", "plate"]
    assert [row["end"] for row in stages] == ["capacity", "duration", "capacity"]
    assert float(stages[1]["end_s"]) - float(stages[1]["start_s"]) == pytest.approx(20.0, rel=1e-9)
    rows = table(cycle / "series.csv")
    assert float(rows[-1]["capacity_mAh_cm2"]) == pytest.approx(0.007, rel=1e-9)
    assert float(rows[-1]["net_mAh_cm2"]) == pytest.approx(0.001, rel=1e-9)
    signs = {row["kind"]: np.sign(float(row["voltage_V"]) - float(row["composition_V"])) for row in rows}
    assert signs["strip"] == 1.0 and signs["plate"] == -1.0
    assert min(float(row["dt_s"]) for row in rows[1:]) > 1e-6
    for stage in stages:
        own = [float(row["stack_pressure_MPa"]) for row in rows if row["stage"] == stage["stage"]]
        assert float(stage["end_stack_pressure_MPa"]) == pytest.approx(own[-1], rel=1e-9)


def test_every_row_of_a_cycle_balances(cycle: Path) -> None:
    for row in table(cycle / "series.csv"):
        for name in ("charge_error", "lithium_error", "volume_error", "solute_error"):
            assert float(row[name]) <= 1e-8, (row["step"], name)
        assert -1e-12 <= float(row["solute_smallest"]) <= float(row["solute_largest"]) < 0.669
        shares = ("ohmic", "constriction", "charge_transfer", "vacancy", "composition", "pressure")
        total = sum(float(row[f"{name}_V"]) for name in shares)
        assert float(row["voltage_V"]) == pytest.approx(total, rel=1e-9, abs=1e-12)


def test_stripping_enriches_and_plating_adds_pure_lithium(cycle: Path) -> None:
    rows = table(cycle / "series.csv")
    stripped = max(float(r["solute_contact"]) for r in rows if r["kind"] == "strip")
    assert stripped > 0.035
    assert float(rows[-1]["solute_contact"]) < 0.6 * stripped
    thickness = np.array([float(r["thickness_um"]) for r in table(cycle / "deposit.csv")])[-400:]
    # 0.003 mAh/cm2 of lithium at 13.0e-6 m3/mol
    assert thickness.mean() == pytest.approx(0.003 * 36e3 * 13.0e-6 / 96485.33212 * 1e6, rel=1e-6)
    assert np.ptp(thickness) < 0.02 * thickness.mean()


def test_fields_hold_the_composition(cycle: Path) -> None:
    import pyvista

    reader = pyvista.get_reader(str(cycle / "fields.pvd"))
    reader.set_active_time_value(reader.time_values[-1])
    grid = reader.read()[0]
    metal = np.unique(grid.extract_cells(np.flatnonzero(grid["region"] == 1))["solute_fraction"])
    assert metal.max() > 0.03 > metal.min() >= -1e-12


@on_two_ranks
@pytest.mark.slow
def test_two_ranks_agree_through_a_cycle(cycle: Path, tmp_path: Path, together: Path, livoid: Livoid) -> None:
    case = tmp_path / "case.toml"
    case.write_text(tomli_w.dumps(column(STEPS)), encoding="utf-8")
    result = livoid("run", str(case), "--out", "two", ranks=2)
    assert result.returncode == 0, result.stderr
    one, two = table(cycle / "series.csv"), table(together / "two" / "series.csv")
    assert len(one) == len(two)
    for name in ("voltage_V", "solute_contact", "solute_largest", "platen_um", "time_s"):
        # the staggered loop stops at 1e-5 RT/F of an overpotential of order RT/F
        assert float(two[-1][name]) == pytest.approx(float(one[-1][name]), rel=1e-4), name


@pytest.mark.parametrize(
    ("limit", "end"),
    [
        ({"cutoff_voltage": "11.765 mV", "capacity": "1 mAh/cm^2"}, "voltage"),
        ({"cutoff_contact_loss": 0.3675, "capacity": "1 mAh/cm^2"}, "contact loss"),
        ({"duration": "3 s"}, "duration"),
    ],
)
def test_a_stage_ends_at_its_first_limit(
    limit: dict[str, Any], end: str, tmp_path: Path, livoid: Livoid
) -> None:
    steps = [{"do": "strip", "current": "0.5 mA/cm^2", **limit}, {"do": "rest", "duration": "1 s"}]
    data = case_data() | {"operation": {"pressure": "0.5 MPa", "step": steps}}
    path = tmp_path / "case.toml"
    path.write_text(tomli_w.dumps(data), encoding="utf-8")
    result = livoid("run", str(path), "--out", "out")
    assert result.returncode == 0, result.stderr
    stages = table(tmp_path / "out" / "stages.csv")
    assert [row["end"] for row in stages] == [end, "duration"]


@pytest.mark.parametrize("choice", ["stop", "continue"])
def test_the_solubility_limit_is_an_event(choice: str, tmp_path: Path, livoid: Livoid) -> None:
    steps = [{"do": "strip", "current": "0.5 mA/cm^2", "capacity": "0.01 mAh/cm^2"}]
    data = column(steps, model={"beyond_solubility": choice})
    data["material"] = {"metal": data["material"]["metal"] | {"solute_limit": 0.04}}
    path = tmp_path / "case.toml"
    path.write_text(tomli_w.dumps(data), encoding="utf-8")
    result = livoid("run", str(path), "--out", "out")
    assert result.returncode == 0, result.stderr
    events = table(tmp_path / "out" / "events.csv")
    assert [row["kind"] for row in events] == ["solubility"]
    last = table(tmp_path / "out" / "series.csv")[-1]
    stopped = choice == "stop"
    assert (float(last["capacity_mAh_cm2"]) < 0.0099) == stopped
    assert (float(last["solute_largest"]) <= 0.04) == stopped
    assert ("solubility" in result.stdout) == stopped


def test_a_deposit_is_where_the_contact_is(comm: MPI.Comm) -> None:
    loaded = small_case(
        operation={
            "current": None,
            "capacity": None,
            "step": [{"do": "plate", "current": "0.5 mA/cm^2", "capacity": "0.01 mAh/cm^2"}],
        }
    )
    cell = mesh_plane(
        InterfaceProfile(3.0, 8.0, 6.0, (np.array([[0.0, 1.1], [0.8, 0.76], [1.1, 0.0]]),)),
        SizeRule(0.1, largest=0.8),
        comm,
    )
    model = CoupledModel(cell, model_parameters(loaded, case_scales(loaded)))
    model.solve(0.0)
    plated = PlatedThickness(3.0, axisymmetric=False)
    plated.add(model, 0.2)
    assert plated.mean() == pytest.approx(0.2, rel=1e-9)
    assert np.all(plated.values[plated.positions < 1.05] == 0.0)
    # current focuses at the rim of the void
    assert plated.values[np.searchsorted(plated.positions, 1.15)] > plated.values[-1]
    model.destroy()


def test_blur_keeps_what_is_uniform_and_smears_what_is_not() -> None:
    y = np.linspace(0.0, 60.0, 601)
    step = np.where(y < 10.0, 0.0, 1.0)
    where, seen = eds.blurred(y, step, 4.0)
    assert seen[np.searchsorted(where, 40.0)] == pytest.approx(1.0, rel=1e-9)
    assert seen[np.searchsorted(where, 10.0)] == pytest.approx(0.5, abs=0.02)
    assert eds.layer_mean(*eds.blurred(y, step, 0.0), 20.0) == pytest.approx(0.5, abs=0.01)
    # a quarter of a Gaussian's width at half maximum below the step: Phi(-FWHM/4 / sigma)
    assert seen[np.searchsorted(where, 9.0)] == pytest.approx(0.278, abs=0.02)


@pytest.mark.parametrize("kind", ["strip", "plate", "utilisation"])
def test_the_studies_of_the_alloy_are_valid_cases(kind: str) -> None:
    from solver.case.loading import load_case
    from solver.predictions.alloy import study

    name, entries = study(kind)  # type: ignore[arg-type]
    assert len({entry.name for entry in entries}) == len(entries) >= 9
    for entry in entries:
        loaded = load_case(ROOT / "cases" / f"{name}.toml", entry.changes)
        assert loaded.metal.is_alloy


def test_an_unknown_study_is_named(livoid: Livoid) -> None:
    result = livoid("alloy", "stripp")
    assert result.returncode == 2
    assert "no study stripp; there are strip, plate, utilisation" in result.stderr


def test_slab_utilisation_is_the_published_one() -> None:
    from postprocess.alloy import SLAB, slab_utilisation

    for current, percent in SLAB.items():
        assert 100.0 * slab_utilisation(10.0 * float(current)) == pytest.approx(percent, abs=0.06)


def test_interdiffusivity_of_the_eds_set_is_what_it_was_inferred_from() -> None:
    from solver.predictions.alloy import EDS_INTERDIFFUSIVITY, diffusivity_sets
    from solver.setup.groups import interdiffusivity

    for temperature, wanted in EDS_INTERDIFFUSIVITY.items():
        data = column(STEPS)
        metal = {"name": "lithium-magnesium", "solute_diffusivity": diffusivity_sets()["EDS"]}
        data["material"] = {"metal": metal}
        data["operation"] = data["operation"] | {"temperature": f"{temperature} K"}
        assert interdiffusivity(parse_case(data)) == pytest.approx(wanted, rel=1e-3)


def test_the_report_of_a_study_has_its_table_and_figure(cycle: Path, tmp_path: Path) -> None:
    from postprocess.alloy import report

    labels = {"D_Mg": "DFT", "sinks": "l_v 10 um", "celsius": "25"}
    made = report("plate", [(labels, cycle)], tmp_path)
    assert [path.suffix for path in made] == [".csv", ".png"]
    row = table(made[0])[0]
    assert float(row["mean/bulk"]) > 0.0
    assert row["paper"] == "0.5"
