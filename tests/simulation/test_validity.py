"""Where the model leaves its validity it says so, once and with the number; runs repeat themselves."""

from __future__ import annotations

import csv
import json
import logging
import math
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from meshes.profile.polyline import InterfaceProfile
from meshes.tags import Boundary
from solver.case.loading import load_case
from solver.output.run_folder import RunFolder
from solver.setup.setup import set_up
from solver.simulation import validity
from solver.simulation.run import run_case
from solver.verification.flow import integral, on, problem
from solver.verification.patches import quarter_annulus
from tests.conftest import on_two_ranks, small_case, table
from tests.made_once import copied, made_once
from tests.simulation.test_runs import SHORT, write_case

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]
EXPONENT, OUTER = 6.6, 4.0


@pytest.mark.parametrize("share_of_largest", [0.4, 0.8])
def test_the_share_of_work_beyond_a_stress_is_that_of_a_ring(share_of_largest: float, comm: MPI.Comm) -> None:
    """sigma_e = sigma_a (r/a)^(-2/n): beyond L a share (1 - L/sigma_a)/(1 - (a/b)^(2/n)), at most 1."""
    thinning = 1.0 - OUTER ** (-2.0 / EXPONENT)
    largest = math.sqrt(3.0) / (EXPONENT * thinning)
    errors = []
    for segments in (8, 16):
        mechanics = problem(quarter_annulus(1.0, OUTER, segments, comm), EXPONENT)
        held = on(mechanics, 1, Boundary.CONTACT)
        mechanics.solve(held, np.zeros(len(held)))
        whole, beyond = (
            integral(mechanics.cell, mechanics.creep_work(beyond=limit))
            for limit in (None, share_of_largest * largest)
        )
        errors.append(abs(beyond / whole - min((1.0 - share_of_largest) / thinning, 1.0)))
        mechanics.destroy()
    # the edge of the region cuts through elements: about first order
    assert errors[1] < 0.02
    assert errors[1] <= max(0.7 * errors[0], 1e-9)


def named(**changes: Any) -> dict[str, str]:
    return dict(validity.of_case(set_up(small_case(**changes))))


def test_what_a_case_is_warned_of() -> None:
    near = {"material": {"metal": {"name": "lithium", "interface_sink_length": "0.5 um"}}}
    near |= {"numerics": {"event_length": "0.08 um"}}
    assert set(named(**near)) == {"plane"}
    assert set(named(**near, void=[])) == set()
    # elements that are larger than the default event length, which theirs replaces
    assert set(named(**near | {"numerics": {}})) == {"plane", "events"}
    assert set(named(**near | {"numerics": {"tip_size": "0.04 um"}})) == {"plane"}
    round_cell = {"kind": "axisymmetric", "width": "3 um", "metal_thickness": "8 um"}
    assert set(named(**near, geometry=round_cell)) == set()
    fast = {"pressure": "0.05 MPa", "current": "5 mA/cm^2"}
    found = named(operation=fast, model={"vacancies": False}, numerics=near["numerics"])
    assert set(found) == {"plane", "pressure"}
    assert "Pi_P = 0.0" in found["pressure"]
    assert set(named(**near, operation=fast)) == {"plane"}


def test_sinks_that_are_too_far_away_are_warned_of() -> None:
    """4.93 ohm cm2 per um at 25 C: 5 ohm cm2 at l = 1.015 um, whether the sink is bulk or interface."""
    given = {"event_length": "0.08 um"}
    for length, expected in (("1.01 um", set()), ("1.02 um", {"vacancies"})):
        own = {"name": "lithium", "sink_length": length}
        assert set(named(void=[], material={"metal": own}, numerics=given)) == expected
        both = {"name": "lithium", "sink_length": "1 mm", "interface_sink_length": length}
        assert set(named(void=[], material={"metal": both}, numerics=given)) == expected
    sentence = named(void=[])["vacancies"]
    for number in ("Z_vac = 49.3 ohm cm2", "17.3 mV", "5 ohm cm2", "10 um away"):
        assert number in sentence
    # nothing to compare with, or no vacancies in the potential
    assert set(named(void=[], model={"vacancy_potential": False}, numerics=given)) == set()
    setup = set_up(small_case(void=[], numerics=given))
    assert setup.vacancy_resistance is not None
    unknown = replace(setup, vacancy_resistance=replace(setup.vacancy_resistance, measured=None))
    assert list(validity.of_case(unknown)) == []


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a short run that has ended, beside its case."""

    def make(folder: Path) -> None:
        loaded, log = load_case(write_case(folder, **SHORT)), logging.getLogger("livoid")
        before = log.level
        log.setLevel(logging.INFO)  # as the command does
        outcome = run_case(loaded, RunFolder(folder / "out"), MPI.COMM_SELF)
        log.setLevel(before)
        assert outcome.status == "finished", outcome.message

    return made_once("ended", make, tmp_path_factory) / "out"


@pytest.mark.slow
def test_check_and_run_report_and_warn(ended: Path, livoid: Livoid) -> None:
    checked = livoid("check", str(ended.with_name("case.toml")))
    assert checked.returncode == 0, checked.stderr
    assert "#   Z_vac      49.26 ohm cm2" in checked.stdout
    assert "warning: Z_vac = 49.3 ohm cm2" in checked.stderr
    manifest = json.loads((ended / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["Z_vac_ohm_cm2"] == pytest.approx(49.26, rel=1e-3)
    assert manifest["groups"]["Z_vac/Z"] == pytest.approx(49.26, rel=1e-3)
    text = (ended / "run.log").read_text(encoding="utf-8")
    assert "Z_vac = 49.26 ohm cm2" in text
    assert text.count("vacancies alone cost a flat contact more") == 1


def test_a_void_as_wide_as_the_cell_is_named() -> None:
    from solver.stepping.observables import Observation, Shares

    shares = Shares(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    numbers = (1.0, 0.5, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.5, 0.0, 0.5)
    seen = Observation(shares, *numbers)
    setup = set_up(small_case())
    for right, expected in ((2.0, set()), (2.6, {"wide void"})):
        roof = np.array([[0.0, 0.5], [right, 0.0]])
        profile = InterfaceProfile(3.0, 8.0, 6.0, (roof,))
        assert set(dict(validity.of_state(setup, profile, seen))) == expected
    profile = InterfaceProfile(3.0, 8.0, 6.0, ())
    found = dict(validity.of_state(setup, profile, replace(seen, beyond_breakdown=0.37)))
    assert "37 % of the work of creep is done above 2.8 MPa" in found["breakdown"]
    for changed, name, text in (
        (replace(seen, lift_off=0.1), "lift-off", "the clamp has lifted off"),
        (replace(seen, stack_pressure=-0.02), "pulled platen", "0.02 MPa of tension"),
        (replace(seen, circulation=1.2e6), "circulation", "1.2e+06 times the applied current flows through"),
    ):
        found = dict(validity.of_state(setup, profile, changed))
        assert set(found) == {name}
        assert text in found[name]


@pytest.mark.slow
def test_a_run_says_each_once(tmp_path: Path, livoid: Livoid) -> None:
    case = write_case(
        tmp_path, **(SHORT | {"operation": {"pressure": "20 MPa", "capacity": "1e-5 mAh/cm^2"}})
    )
    result = livoid("run", str(case), "--out", "out")
    assert result.returncode == 0, result.stderr
    text = (tmp_path / "out" / "run.log").read_text(encoding="utf-8")
    for sentence in ("plane strain", "of the work of creep is done above 2.8 MPa"):
        assert text.count(sentence) == 1
        assert result.stderr.count(sentence) == 1


@pytest.mark.slow
def test_a_run_repeats_itself(ended: Path, tmp_path: Path, livoid: Livoid) -> None:
    shutil.copytree(ended, tmp_path / "out")
    same = livoid("rerun", "out")
    assert same.returncode == 0, same.stdout + same.stderr
    assert "the same" in same.stdout
    # another result is found out, and named by its column
    path = tmp_path / "out" / "series.csv"
    rows = table(path)
    rows[-1]["voltage_V"] = str(1.001 * float(rows[-1]["voltage_V"]))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    other = livoid("rerun", "out", "--out", "three")
    assert other.returncode == 1
    assert "voltage_V                      9.99e-04" in other.stdout
    assert "NOT the same" in other.stdout


@pytest.mark.slow
@on_two_ranks
def test_a_run_repeats_itself_on_other_ranks(
    ended: Path, together: Path, livoid: Livoid, comm: MPI.Comm
) -> None:
    copied(ended, together / "out")
    two = livoid("rerun", "out", "--out", "two", ranks=2)
    assert two.returncode == 0, two.stdout + two.stderr
    assert "ranks: 1 then, 2 now" in two.stdout or comm.rank > 0


@pytest.mark.slow
def test_only_a_run_that_has_ended_is_repeated(ended: Path, tmp_path: Path, livoid: Livoid) -> None:
    assert "is not a run folder" in livoid("rerun", "nowhere").stderr
    shutil.copytree(ended, tmp_path / "out")
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"status": "interrupted"}))
    refused = livoid("rerun", "out")
    assert refused.returncode == 2
    assert "has not ended" in refused.stderr
    shutil.rmtree(tmp_path / "out")
