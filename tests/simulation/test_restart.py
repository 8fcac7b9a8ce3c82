"""Checkpoints: a resumed run is the uninterrupted one, on any number of ranks."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import pyvista
import tomli_w
from mpi4py import MPI
from PIL import Image

from solver.output import checkpoint
from tests.conftest import ON_TWO_RANKS, case_data, command, environment, series, table
from tests.made_once import copied, made_once
from tests.simulation.cut_off import cut_at
from tests.simulation.test_runs import write_case

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]

MERGING = {
    "geometry": {"width": "6 um"},
    "void": [{"position": "1.4 um", "width": "2 um"}, {"position": "3.95 um", "width": "2.2 um"}],
    "operation": {"pressure": "0.2 MPa", "capacity": "0.012 mAh/cm^2"},
    "numerics": {"tip_size": "0.12 um", "growth": 0.5, "roof_fraction": 0.25, "courant": 0.6},
    "output": {"interval": "0.003 mAh/cm^2", "checkpoint_steps": 3},
}
"""Two voids that meet early on, and part again later."""
PLATING = 18
"""Step of the run of an alloy at which it plates."""
COMPARED = ("time_s", "voltage_V", "contact_fraction", "largest_height_um", "platen_um", "void_measure_um")


def assert_same(one: Path, two: Path, tolerance: float) -> None:
    first, second = series(one), series(two)
    assert [row["step"] for row in first] == [row["step"] for row in second]
    for name in COMPARED:
        a = np.array([float(row[name]) for row in first])
        b = np.array([float(row[name]) for row in second])
        np.testing.assert_allclose(b, a, rtol=tolerance, err_msg=name)
    for name in ("events.csv", "lineage.csv", "voids.csv"):
        mine, theirs = table(one / name), table(two / name)
        labels = ("kind", "ended", "made", "void", "parents", "origin", "fate", "children", "output")
        for a, b in zip(mine, theirs, strict=True):
            assert {n: a[n] for n in labels if n in a} == {n: b[n] for n in labels if n in b}


def kill_after(folder: Path, case: Path, step: int, ranks: int = 1) -> None:
    """Start a run and kill it once it has recorded ``step`` steps and saved a checkpoint."""
    start = command("run", str(case), "--out", str(folder), ranks=ranks)
    process = subprocess.Popen(start, env=environment(), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    rows, end = folder / "series.csv", time.monotonic() + 300
    while time.monotonic() < end and process.poll() is None:
        count = rows.read_text(encoding="utf-8").count("\n") if rows.exists() else 0
        if count > step and list((folder / "checkpoint").glob("*/header.json")):
            break
        time.sleep(0.02)
    family, ranks_left = [process.pid], []
    with contextlib.suppress(psutil.NoSuchProcess):
        ranks_left = psutil.Process(process.pid).children(recursive=True)
        family += [child.pid for child in ranks_left]
    for member in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    process.wait()
    # ranks that are not our children take a moment to go, and hold the folder until then
    psutil.wait_procs(ranks_left, timeout=60)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The uninterrupted run; beside it, cut-5 and cut-25 are what a kill after so many steps leaves."""

    def make(folder: Path) -> None:
        cut_at(folder / "out", {step: folder / f"cut-{step}" for step in (5, 25)}, **MERGING)

    return made_once("merging", make, tmp_path_factory) / "out"


def test_the_run_goes_on_through_events(whole: Path) -> None:
    events = table(whole / "events.csv")
    assert [row["kind"] for row in events] == ["coalesce", "split"]
    for row in series(whole):
        for name in ("charge_error", "lithium_error", "volume_error"):
            assert float(row[name]) <= 1e-8
    manifest = json.loads((whole / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["status"] == "finished"
    # every void is in the lineage, and the living ones are those of the last output
    lives = table(whole / "lineage.csv")
    last = table(whole / "voids.csv")
    final = {row["void"] for row in last if row["output"] == last[-1]["output"]}
    assert {row["void"] for row in lives if not row["fate"]} == final
    assert int(series(whole)[-1]["voids"]) == len(final)


@pytest.mark.slow
@pytest.mark.parametrize(("step", "ranks"), [(5, 1), pytest.param(25, 2, marks=ON_TWO_RANKS)])
def test_a_run_that_was_cut_off_resumes_to_the_same_end(
    tmp_path: Path, together: Path, livoid: Livoid, whole: Path, step: int, ranks: int, comm: MPI.Comm
) -> None:
    case, out = write_case(tmp_path, **MERGING), copied(whole.with_name(f"cut-{step}"), together / "out")
    if comm.rank == 0:
        # a write that was cut off in the middle, and a checkpoint that never became complete
        with (out / "series.csv").open("a", encoding="utf-8") as file:
            file.write("99,12.3,half a li")
        (out / "checkpoint" / "99999999.partial").mkdir()
    result = livoid("run", str(case), "--out", "out", "--resume", ranks=ranks)
    assert result.returncode == 0, result.stderr
    assert_same(whole, out, 1e-6)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["status"] == "finished"
    assert len(manifest["resumed"]) == 1
    again = livoid("run", str(case), "--out", "out", "--resume", ranks=ranks)
    assert again.returncode == 0
    assert "already finished" in again.stdout or comm.rank > 0


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=ON_TWO_RANKS)])
def test_distances_to_surfaces_are_found_again(
    ranks: int, tmp_path: Path, together: Path, livoid: Livoid, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """They are no part of a checkpoint: they follow from the mesh, on any number of ranks."""
    grains: dict[str, Any] = {
        "material": {"creep": {"name": "lithium-nabarro-herring"}},
        "operation": {"pressure": "0.2 MPa", "capacity": "0.004 mAh/cm^2"},
        "output": {"interval": "0.002 mAh/cm^2", "checkpoint_steps": 1},
    }
    run = made_once("grains", lambda at: cut_at(at / "whole", {5: at / "cut"}, **grains), tmp_path_factory)
    assert len(series(run / "whole")) > 8
    case, out = write_case(tmp_path, **grains), copied(run / "cut", together / "out")
    result = livoid("run", str(case), "--out", "out", "--resume", ranks=ranks)
    assert result.returncode == 0, result.stderr
    assert_same(run / "whole", out, 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=ON_TWO_RANKS)])
def test_composition_and_protocol_are_resumed(
    ranks: int, tmp_path: Path, together: Path, livoid: Livoid, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Killed while plating: x_Mg, the deposit so far and the stage go on."""
    alloy: dict[str, Any] = {
        "material": {"metal": {"name": "lithium-magnesium"}},
        "numerics": {
            "tip_size": "0.15 um",
            "roof_fraction": 0.3,
            "layer_size": "0.15 um",
            "largest_step": "1 s",
        },
        "output": {"interval": "0.00025 mAh/cm^2", "checkpoint_steps": 1},
        "operation": {
            "current": None,
            "capacity": None,
            "pressure": "1 MPa",
            "step": [
                {"do": "strip", "current": "0.5 mA/cm^2", "capacity": "0.0005 mAh/cm^2"},
                {"do": "plate", "current": "0.5 mA/cm^2", "capacity": "0.0005 mAh/cm^2"},
            ],
        },
    }

    def make(at: Path) -> None:
        cut_at(at / "whole", {PLATING: at / "cut"}, **alloy)

    run = made_once("alloy", make, tmp_path_factory)
    assert series(run / "cut")[-1]["kind"] == "plate"
    case, data = tmp_path / "case.toml", case_data(**alloy)
    data["operation"] = {name: value for name, value in data["operation"].items() if value is not None}
    case.write_text(tomli_w.dumps(data), encoding="utf-8")
    out = copied(run / "cut", together / "out")
    result = livoid("run", str(case), "--out", "out", "--resume", ranks=ranks)
    assert result.returncode == 0, result.stderr
    assert_same(run / "whole", out, 1e-6)
    first, second = series(run / "whole"), series(out)
    for name in ("solute_contact", "solute_largest", "stage_capacity_mAh_cm2"):
        a, b = (np.array([float(row[name]) for row in rows]) for rows in (first, second))
        np.testing.assert_allclose(b, a, rtol=1e-6, err_msg=name)
    for file in ("stages.csv", "deposit.csv"):
        one, two = table(run / "whole" / file), table(out / file)
        assert len(one) == len(two) > 0
        name = "deposit_mean_um" if file == "stages.csv" else "thickness_um"
        a, b = (np.array([float(row[name]) for row in rows]) for rows in (one, two))
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-9)


@pytest.mark.slow
def test_resume_refuses_what_does_not_fit(tmp_path: Path, livoid: Livoid) -> None:
    case = write_case(tmp_path, numerics={"max_steps": 2})
    nothing = livoid("run", str(case), "--out", "out", "--resume")
    assert nothing.returncode == 2
    assert "is not a run folder" in nothing.stderr
    assert livoid("run", str(case), "--out", "out").returncode == 1
    other = livoid("run", str(case), "--out", "out", "--resume", "--set", "operation.pressure=0.7 MPa")
    assert other.returncode == 2
    assert "operation.pressure = '0.5 MPa' there, '0.7 MPa' now" in other.stderr
    for path in (tmp_path / "out" / "checkpoint").iterdir():
        (path / "header.json").unlink()
    empty = livoid("run", str(case), "--out", "out", "--resume")
    assert empty.returncode == 2
    assert "no complete checkpoint" in empty.stderr
    assert "Traceback" not in empty.stderr


def test_only_complete_checkpoints_count(tmp_path: Path) -> None:
    base = tmp_path / "checkpoint"
    for name, complete in (("00000003", True), ("00000007", False), ("00000009.partial", True)):
        (base / name).mkdir(parents=True)
        if complete:
            checkpoint.close(base / name, {"step": 3})
    assert checkpoint.newest(tmp_path)[0].name == "00000003"


@pytest.mark.slow
def test_film_comparison_and_costs_of_a_run(tmp_path: Path, livoid: Livoid, whole: Path) -> None:
    begun, whole = copied(whole.with_name("cut-5"), tmp_path / "begun"), copied(whole, tmp_path / "whole")
    for name, run in (("film.mp4", begun), ("film.gif", whole)):
        made = livoid("film", str(run), "--out", str(tmp_path / name))
        assert made.returncode == 0, made.stderr
        assert (tmp_path / name).stat().st_size > 2000
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == len(pyvista.get_reader(str(whole / "fields.pvd")).time_values)
    with Image.open(tmp_path / "film-stills.png") as stills:
        assert np.asarray(stills.convert("L")).std() > 20.0
    wrong = livoid("film", str(whole), "--out", "film.avi")
    assert wrong.returncode == 2
    assert "ends in .mp4 or .gif" in wrong.stderr

    looked = livoid("microscope", str(whole), "--pixel", "0.05 um", "--detection", "0.2 um")
    assert looked.returncode == 0, looked.stderr
    frames = table(whole / "microscope" / "frames.csv")
    for row, following in zip(frames, [*frames[1:], None], strict=True):
        if following is not None and float(following["time_s"]) - float(row["time_s"]) < 1e-3:
            continue  # just before a roof touches it is less than a pixel away, which looks like contact
        # a pixel at each end of a void, over the cell's 6 um
        ends = 2 * int(row["voids"]) * 0.05 / 6.0
        assert abs(float(row["contact_loss_seen"]) - float(row["contact_loss"])) <= ends
        assert row["voids_seen"] == row["voids"]
        assert abs(float(row["largest_height_seen_um"]) - float(row["largest_height_um"])) <= 0.05

    compared = livoid("compare", "paper", str(whole), "--out", "compare")
    assert compared.returncode == 0, compared.stderr
    compared_rows = {row["observable"]: row for row in table(tmp_path / "compare" / "paper.csv")}
    merged = next(row for row in table(whole / "events.csv") if row["kind"] == "coalesce")
    # two voids became one: half of them, known to one step
    found, wanted = float(compared_rows["coalescence"]["predicted"]), float(merged["capacity_mAh_cm2"])
    assert found == pytest.approx(wanted, rel=2e-2)
    assert compared_rows["contact loss 90 %"]["predicted"].startswith("not by")
    assert (tmp_path / "compare" / "paper.png").stat().st_size > 5000
    assert livoid("compare", "paper", "nowhere").returncode == 2


def test_costs_add_up(tmp_path: Path, livoid: Livoid) -> None:
    case = write_case(tmp_path, numerics={"max_steps": 3})
    result = livoid("run", str(case), "--out", "out", "--profile")
    assert "assembly" in result.stdout
    rows = {row["part"]: row for row in json.loads((tmp_path / "out" / "profile.json").read_text())}
    parts = sum(row["seconds"] for name, row in rows.items() if name != "total")
    assert parts == pytest.approx(rows["total"]["seconds"], rel=1e-6)
    assert all(row["seconds"] >= 0.0 for row in rows.values())
    assert rows["assembly"]["seconds"] > 0.0
    assert rows["solve"]["seconds"] > 0.0
