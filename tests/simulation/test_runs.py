"""End-to-end runs through the command line."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import jsonschema
import meshio
import numpy as np
import pytest
import pyvista
import tomli_w
from mpi4py import MPI

from meshes.topology import COLLAPSE_LENGTHS
from solver.case.loading import parse_case
from solver.case.published import schema_text
from solver.core.ownership import LIST
from solver.output import checkpoint
from solver.output.rows import SeriesRow
from solver.output.run_folder import RunFolder
from solver.simulation.run import run_case
from tests.conftest import ROOT, case_data, command, environment, on_two_ranks, series, table

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]


def write_case(folder: Path, **changes: object) -> Path:
    path = folder / "case.toml"
    path.write_text(tomli_w.dumps(case_data(**changes)), encoding="utf-8")
    return path


SHORT = {"operation": {"capacity": "0.0004 mAh/cm^2"}, "output": {"interval": "0.0002 mAh/cm^2"}}


BLIND = {"ksp_type": "gmres", "ksp_max_it": 1, "pc_type": "none"}
"""A linear solver that solves nothing."""
OPTIONS = {"pc_gamg_threshold": 0.01, "ksp_gmres_restart": 50, "snes_max_it": 50, "mat_mumps_icntl_14": 150}
"""Of newton-direct: two that a factorisation has no use for, and two that are read."""


def test_a_run_leaves_its_records(tmp_path: Path, livoid: Livoid) -> None:
    numerics = {"tip_size": "0.08 um", "roof_fraction": 0.12, "layer_depth": "1 um"}
    case = write_case(tmp_path, numerics=numerics | {"petsc": {"newton-direct": OPTIONS}}, **SHORT)
    # a process of its own: which options are read is counted for all solvers of a process
    result = livoid("run", str(case), "--out", "out", process=True)
    assert result.returncode == 0, result.stderr
    out = tmp_path / "out"
    rows = series(out)
    assert list(rows[0]) == list(SeriesRow.columns())
    assert float(rows[-1]["capacity_mAh_cm2"]) == pytest.approx(4e-4, rel=1e-9)
    assert [int(row["step"]) for row in rows] == list(range(len(rows)))
    for row in rows:
        for name in ("charge_error", "lithium_error", "volume_error"):
            assert float(row[name]) <= 1e-8
        parts = ("ohmic_V", "constriction_V", "charge_transfer_V", "vacancy_V", "pressure_V")
        assert float(row["voltage_V"]) == pytest.approx(sum(float(row[p]) for p in parts), rel=1e-9)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["status"] == "finished"
    assert manifest["steps"] == len(rows) - 1
    assert manifest["versions"]["dolfinx"]
    resolved = tomllib.loads((out / "case.toml").read_text(encoding="utf-8"))
    assert parse_case(resolved).case.operation.pressure == 0.5e6
    jsonschema.Draft202012Validator(json.loads(schema_text())).validate(resolved)
    (idle,) = (text for text in manifest["warnings"] if "numerics.layer_depth = 1 um has no effect: " in text)
    (unread,) = (text for text in manifest["warnings"] if text.startswith("PETSc never reads "))
    names = "numerics.petsc.newton-direct.pc_gamg_threshold, numerics.petsc.newton-direct.ksp_gmres_restart"
    assert sorted(re.findall(r"numerics\.petsc\.[\w.-]+", unread)) == sorted(names.split(", "))
    for text in (result.stderr, (out / "run.log").read_text(encoding="utf-8")):
        assert text.count(unread) == text.count(idle) == 1
    assert f"step {len(rows) - 1:5d}" in result.stderr


def test_fields_open_as_a_time_series(tmp_path: Path, livoid: Livoid) -> None:
    case = write_case(tmp_path, **SHORT)
    assert livoid("run", str(case), "--out", "out").returncode == 0
    reader = pyvista.get_reader(str(tmp_path / "out" / "fields.pvd"))
    assert len(reader.time_values) == 3
    heights = []
    for time in reader.time_values:
        reader.set_active_time_value(time)
        mesh = reader.read()[0]
        assert {"potential", "supersaturation", "velocity", "pressure"} <= set(mesh.point_data)
        assert {"region", "current_density", "strain_rate"} <= set(mesh.cell_data)
        assert np.isfinite(mesh.point_data["supersaturation"]).all()
        heights.append(mesh.bounds[3])
    for file in sorted((tmp_path / "out" / "fields").glob("*.vtu")):
        other = meshio.read(file)
        assert list(other.cells_dict) == ["triangle"]
        assert {"potential", "velocity"} <= set(other.point_data)
    assert not list((tmp_path / "out" / "fields").glob("*.pvd"))  # the run folder has the one to open
    assert len(other.points) == mesh.n_points
    assert heights[0] > heights[1] > heights[2]
    metal = np.asarray(mesh.cell_data["region"]) == 1
    assert metal.any()
    assert not metal.all()


@pytest.mark.slow
def test_a_collapse_comes_when_the_void_is_so_small_whatever_the_mesh(tmp_path: Path, livoid: Livoid) -> None:
    """Measured in elements it would come at half the width on a mesh of half the size."""
    times = []
    for tip in (0.04, 0.02):
        case = write_case(
            tmp_path,
            void=[{"width": "1 um"}],
            geometry={"width": "2 um"},
            operation={"pressure": "3 MPa", "capacity": "0.01 mAh/cm^2"},
            numerics={"tip_size": f"{tip} um", "event_length": "0.08 um", "roof_fraction": 1.5 * tip},
            output={"fields": False},
        )
        out = f"out-{tip}"
        assert livoid("run", str(case), "--out", out).returncode == 0
        (collapse,) = [event for event in table(tmp_path / out / "events.csv") if event["kind"] == "collapse"]
        assert 0.9 * COLLAPSE_LENGTHS * 0.08 < float(collapse["size_um"]) <= COLLAPSE_LENGTHS * 0.08
        times.append(float(collapse["time_s"]))
        # by steps of a sixteenth, elements of 0.02 um: 0.7246 s; 1 % is the goal
        assert times[-1] == pytest.approx(0.7246, rel=0.01)
    assert times[1] == pytest.approx(times[0], rel=0.01)


@pytest.mark.slow
@on_two_ranks
def test_serial_and_two_ranks_agree(tmp_path: Path, together: Path, livoid: Livoid) -> None:
    """To solver tolerance, remeshing included (an unreachable quality bound forces it every step)."""
    changes = {"numerics": {"tip_size": "0.08 um", "smallest_quality": 0.9}, **SHORT}
    outcome = run_case(parse_case(case_data(**changes)), RunFolder(tmp_path / "one"), MPI.COMM_SELF)
    assert outcome.status == "finished", outcome.message
    result = livoid("run", str(write_case(tmp_path, **changes)), "--out", "two", ranks=2)
    assert result.returncode == 0, result.stderr
    one, two = series(tmp_path / "one"), series(together / "two")
    assert len(one) == len(two)
    assert int(one[-1]["remeshes"]) > 0
    for name in ("time_s", "voltage_V", "contact_fraction", "largest_height_um", "void_gain_um_s",
                 "void_loss_um_s", "focus_contact", "platen_um", "contact_pressure_MPa"):  # fmt: skip
        first = np.array([float(row[name]) for row in one])
        second = np.array([float(row[name]) for row in two])
        np.testing.assert_allclose(second, first, rtol=1e-6)


@pytest.mark.slow
def test_the_same_run_twice_is_the_same(tmp_path: Path, livoid: Livoid) -> None:
    case = write_case(tmp_path, **SHORT)
    said = []
    for name in ("a", "b"):
        result = livoid("run", str(case), "--out", name, process=name == "b")
        assert result.returncode == 0
        said.append([*result.stdout.splitlines()[:-1], *result.stderr.splitlines()])
    # what the tests call in their own process is what a user starts
    assert said[0] == said[1]
    assert (tmp_path / "a" / "series.csv").read_text() == (tmp_path / "b" / "series.csv").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("pressure", ["3 MPa", "14 MPa", "50 MPa"])
def test_a_void_collapses_under_high_pressure_and_the_run_stops_there(
    tmp_path: Path, livoid: Livoid, pressure: str
) -> None:
    case = write_case(
        tmp_path,
        operation={"pressure": pressure, "capacity": "0.01 mAh/cm^2"},
        model={"at_event": "stop"},
    )
    result = livoid("run", str(case), "--out", "out")
    assert result.returncode == 0, result.stderr
    assert "event: collapse" in result.stdout
    events = (tmp_path / "out" / "events.csv").read_text(encoding="utf-8").splitlines()
    assert len(events) == 2
    assert ",collapse," in events[1]
    # at 50 MPa the last of the void is a flat slit, lower than an element but not yet narrow
    assert float(series(tmp_path / "out")[-1]["contact_fraction"]) > 0.85


@pytest.mark.slow
@pytest.mark.parametrize("pressure", ["14 MPa", "50 MPa"])
def test_a_stiff_collapse_is_passed_through(tmp_path: Path, livoid: Livoid, pressure: str) -> None:
    case = write_case(tmp_path, operation={"pressure": pressure, "capacity": "0.002 mAh/cm^2"})
    result = livoid("run", str(case), "--out", "out")
    assert result.returncode == 0, result.stderr
    assert "finished" in result.stdout
    rows = series(tmp_path / "out")
    assert int(rows[-1]["voids"]) == 0
    assert float(rows[-1]["contact_fraction"]) == pytest.approx(1.0, rel=1e-12)
    for row in rows:
        # the shortest steps exchange so little (5e-7 of 24 um2) that rounding of the areas shows
        for name in ("charge_error", "lithium_error", "volume_error"):
            assert float(row[name]) <= 1e-7
    kinds = [row["kind"] for row in table(tmp_path / "out" / "events.csv")]
    assert kinds.count("collapse") >= 1
    # the last output with a void shows it as it is before it goes, the next one is the first without it
    out = tmp_path / "out"
    (gone,) = {float(row["time_s"]) for row in table(out / "events.csv") if row["kind"] == "collapse"}
    index = (out / "fields.pvd").read_text(encoding="utf-8")
    times = [float(time) for time in re.findall(r'timestep="([^"]+)"', index)]
    assert times == sorted(set(times))
    before = max(float(row["time_s"]) for row in table(out / "voids.csv"))
    assert before <= gone
    sizes = {float(row["time_s"]): float(row["void_measure_um"]) for row in rows if int(row["voids"])}
    shown, latest = min(sizes, key=lambda time: abs(time - before)), max(sizes)
    assert abs(sizes[shown] - sizes[latest]) < 0.25 * max(sizes.values())
    after = next(time for time in times if time > before * (1.0 + 1e-11))
    first = next(float(row["time_s"]) for row in rows if int(row["voids"]) == 0)
    assert after == pytest.approx(first, rel=1e-9)
    assert len({row["time_s"] for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"numerics": {"max_steps": 2}}, "no end after 2 steps"),
        ({"numerics": {"petsc": {"newton-direct": BLIND}}}, "Newton stopped"),
    ],
)
def test_a_run_that_cannot_go_on_keeps_what_it_has(
    tmp_path: Path, livoid: Livoid, changes: dict[str, object], expected: str
) -> None:
    result = livoid("run", str(write_case(tmp_path, **changes)), "--out", "out")
    assert result.returncode == 1
    assert expected in result.stdout
    assert "Traceback" not in result.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["status"] == "failed"
    assert expected in manifest["message"]
    assert checkpoint.newest(tmp_path / "out")[1]["step"] == manifest["steps"]


@pytest.mark.slow
def test_an_earlier_run_is_not_overwritten(tmp_path: Path, livoid: Livoid) -> None:
    case = write_case(tmp_path, numerics={"max_steps": 1})
    livoid("run", str(case), "--out", "out")
    before = (tmp_path / "out" / "series.csv").read_text()
    again = livoid("run", str(case), "--out", "out")
    assert again.returncode == 2
    assert "is not empty" in again.stderr
    assert (tmp_path / "out" / "series.csv").read_text() == before
    assert livoid("run", str(case), "--out", "out", "--force").returncode == 1
    stranger = tmp_path / "mine"
    stranger.mkdir()
    (stranger / "thesis.txt").write_text("irreplaceable")
    assert livoid("run", str(case), "--out", "mine", "--force").returncode == 2
    assert [p.name for p in stranger.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("ranks", [1, 2])
def test_bad_input_gets_one_message_and_writes_nothing(tmp_path: Path, livoid: Livoid, ranks: int) -> None:
    case = write_case(tmp_path, geometry={"widht": "3 um", "metal_thickness": "-8 um"})
    result = livoid("run", str(case), ranks=ranks)
    assert result.returncode == 2
    assert "2 problems" in result.stderr
    assert result.stderr.count("did you mean 'width'?") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["case.toml"]


@pytest.mark.slow
def test_check_schema_and_verify_print(tmp_path: Path, livoid: Livoid) -> None:
    case = write_case(tmp_path)
    checked = livoid("check", str(case), "--set", "operation.pressure=0.7 MPa")
    assert checked.returncode == 0
    assert tomllib.loads(checked.stdout)["operation"]["pressure"] == "0.7 MPa"
    for group in ("Wa", "Pi_P", "Ca", "Pi_v", "Pe", "a/spacing", "a/l_v"):
        assert f"#   {group} " in checked.stdout
    assert json.loads(livoid("schema").stdout)["title"] == "livoid case"
    table = livoid("verify", "butler-volmer")
    assert table.returncode == 0
    assert "all within tolerance" in table.stdout
    assert livoid("verify", "nonsense").returncode == 1
    assert [p.name for p in tmp_path.iterdir()] == ["case.toml"]


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    check, pipe = command("check", str(write_case(tmp_path))), subprocess.PIPE
    process = subprocess.Popen(check, env=environment(), stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=120) == 0


@pytest.mark.slow
def test_plot_and_mesh_make_pictures(tmp_path: Path, livoid: Livoid) -> None:
    case = write_case(tmp_path, numerics={"max_steps": 3})
    livoid("run", str(case), "--out", "out")
    result = livoid("plot", "out")
    assert result.returncode == 0, result.stderr
    for name in ("history", "shape", "interface", "fields"):
        picture = pyvista.read(tmp_path / "out" / "figures" / f"{name}.png")
        values = np.asarray(picture.active_scalars)
        assert values.std() > 5.0
    made = {path.name for path in (tmp_path / "out" / "figures").iterdir()} - {LIST}
    assert set(json.loads((tmp_path / "out" / "figures" / LIST).read_text())["files"]) == made
    meshed = livoid("mesh", str(case), "--out", "m/cell")
    assert meshed.returncode == 0, meshed.stderr
    for suffix in ("msh", "json", "png"):
        assert (tmp_path / "m" / f"cell.{suffix}").stat().st_size > 100
    assert livoid("plot", "nowhere").returncode == 2


def test_random_populations_run(tmp_path: Path, livoid: Livoid) -> None:
    case = write_case(
        tmp_path,
        geometry={"width": "15 um"},
        void=[],
        voids={"density": "0.17 /um", "mean_width": "2.2 um", "width_deviation": "0.5 um", "seed": 4},
        numerics={"max_steps": 2, "tip_size": "0.15 um"},
    )
    livoid("run", str(case), "--out", "out")
    rows = series(tmp_path / "out")
    assert int(rows[0]["voids"]) == 3
    assert len([row for row in table(tmp_path / "out" / "voids.csv") if row["output"] == "0"]) == 3


def test_the_launcher_checks_its_arguments() -> None:
    for arguments in (["-n", "0", "schema"], ["-n", "two", "schema"]):
        result = subprocess.run(
            [str(ROOT / "livoid"), *arguments], capture_output=True, text=True, timeout=60
        )
        assert result.returncode == 2
        assert "number of ranks" in result.stderr
    for script in ["livoid", *(str(p.relative_to(ROOT)) for p in (ROOT / "env").glob("*.sh"))]:
        assert subprocess.run(["sh", "-n", str(ROOT / script)], timeout=60).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"vacancies": False}},
        {"model": {"top": "traction", "friction": "stick", "grip": True}},
        {"model": {"friction": "tresca", "friction_limit": "0.05 MPa", "surface_diffusion": "1e-24 m^3/s"}},
        {"heterogeneity": {"patch": [{"position": "2.2 um", "width": "0.5 um", "factor": 0.2}]}},
        {"model": {"kinetics": "linear"},
         "material": {"electrolyte": {"name": "LPSCl", "area_resistance": "0 ohm*cm^2"}}},
        {"material": {"metal": {"name": "lithium-magnesium"}}},
        {"geometry": {"kind": "axisymmetric"}},
        {"material": {"creep": {"name": "roy-fleck-deshpande-2021", "diffusional_rate": "5.9e-8 1/s"}}},
        {"geometry": {"kind": "axisymmetric"}, "fixture": {"stiffness": "5 MPa/um", "counter": "lithium"}},
        {"model": {"top": "velocity"}, "fixture": {"follow": "counter", "counter_expansion": 0.9}},
        {"material": {"creep": {"name": "lithium-anand-limited"}}},
        {"material": {"creep": {"name": "lithium-nabarro-herring"}}},
    ],
    ids=["no vacancies", "traction", "tresca, surface diffusion", "patch", "equipotential", "alloy",
         "axisymmetric", "two creep mechanisms", "axisymmetric clamp", "driven platen", "limited creep",
         "creep by grains"],
)  # fmt: skip
def test_model_switches_run(tmp_path: Path, livoid: Livoid, changes: dict[str, object]) -> None:
    changes = changes | {"numerics": {"max_steps": 4, "tip_size": "0.1 um"}}
    result = livoid("run", str(write_case(tmp_path, **changes)), "--out", "out")
    assert "no end after 4 steps" in result.stdout, result.stdout + result.stderr
    rows = series(tmp_path / "out")
    assert len(rows) == 4
    for name in ("charge_error", "lithium_error", "volume_error"):
        assert max(float(row[name]) for row in rows) <= 1e-8
