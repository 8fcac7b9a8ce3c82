"""The doctor tells what is broken from what is only busy, and of what packages the environment is made."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest

from solver.cli import self_check
from solver.cli.exits import EXIT_ENVIRONMENT, EXIT_FAILED, EXIT_OK
from solver.cli.main import main
from solver.cli.self_check import Findings, Machine, self_checks
from solver.core import packages
from solver.core.packages import Package

PASSES, FAILS, HANGS = "exit 0", "echo broken; exit 1", "exec sleep 60"
MEETS = "shift 2; case $* in *allreduce*) printf 'ranks: 2\\nranks: 2\\n' ;; *) {check} ;; esac"
"""An mpirun whose ranks meet; then it does ``check``."""
ALONE = 'shift 2; "$@" & "$@"; wait'
"""An mpirun of another MPI: every process that it starts is one of one."""
IDLE, BUSY = 0.0, 99.0
SHORT, AMPLE = 1.0, 60.0
"""Limits in s: a shell that says something takes a hundredth."""


def checked(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *, check: str, mpirun: str | None, load: float
) -> Findings:
    """Self-checks with stand-ins for livoid's self-check and for mpirun, on a machine with a load."""
    for name, text in (("python", f'case $* in *--check*) {check} ;; *) exec {sys.executable} "$@" ;; esac'),
                       ("mpirun", mpirun)):  # fmt: skip
        if text is not None:
            (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
            (folder / name).chmod(0o755)
    hidden = [path for path in os.environ["PATH"].split(":") if not (Path(path) / "mpirun").exists()]
    system = hidden if mpirun is None else [os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), *system]))
    monkeypatch.setattr(self_check.sys, "executable", str(folder / "python"))
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
    # short only where something hangs, so that a test on a busy machine is not cut off itself
    hangs = HANGS in check + str(mpirun)
    for limit, short in (("CHECK_SECONDS", hangs), ("MEET_SECONDS", mpirun == HANGS)):
        monkeypatch.setattr(self_check, limit, SHORT if short else AMPLE)
    monkeypatch.setattr(self_check, "MOST_PATIENCE", 1.0)
    return self_checks()


@pytest.mark.parametrize(
    ("check", "mpirun", "load", "problem", "unknown"),
    [
        (PASSES, MEETS.format(check=PASSES), IDLE, "", ""),
        (PASSES, MEETS.format(check=PASSES), BUSY, "", ""),
        (FAILS, MEETS.format(check=PASSES), BUSY, "the self-check failed: reinstall", ""),
        (HANGS, MEETS.format(check=PASSES), IDLE, "the self-check was not done", ""),
        (HANGS, MEETS.format(check=PASSES), BUSY, "", "the self-check was not done"),
        (PASSES, FAILS, IDLE, "MPI does not work", ""),
        (PASSES, FAILS, BUSY, "MPI does not work", ""),
        (PASSES, HANGS, IDLE, "MPI does not work", ""),
        (PASSES, HANGS, BUSY, "", "a meeting of 2 ranks was not done"),
        (PASSES, MEETS.format(check=FAILS), BUSY, "self-check on 2 ranks failed: MPI works", ""),
        (PASSES, MEETS.format(check=HANGS), IDLE, "self-check on 2 ranks was not done", ""),
        (PASSES, MEETS.format(check=HANGS), BUSY, "", "self-check on 2 ranks was not done"),
        (PASSES, ALONE, IDLE, "belongs to another MPI", ""),
        (PASSES, None, IDLE, "", ""),
    ],
)
def test_a_busy_machine_is_no_broken_mpi(
    check: str,
    mpirun: str | None,
    load: float,
    problem: str,
    unknown: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # a process that is no rank of ours: the one that runs this test may be one
    for name in [name for name in os.environ if name.startswith(("PMIX_", "OMPI_COMM_", "PRTE_"))]:
        monkeypatch.delenv(name)
    found = checked(monkeypatch, tmp_path, check=check, mpirun=mpirun, load=load)
    for expected, said in ((problem, found.problems), (unknown, found.unknown)):
        assert len(said) == bool(expected), said
        assert all(expected in line for line in said)
    if unknown:
        assert f"a load of {load:.1f} on {len(os.sched_getaffinity(0))} cores" in found.unknown[0]


def test_a_busy_machine_gets_more_time() -> None:
    for load, busy, patience in ((0.0, False, 1.0), (1.9, False, 1.95), (2.0, True, 2.0), (99.0, True, 5.0)):
        machine = Machine(load, 2)
        assert (machine.busy, machine.patience) == (busy, pytest.approx(patience))


@pytest.mark.parametrize(
    ("found", "code", "last"),
    [
        (Findings(), EXIT_OK, "all is well"),
        (Findings(unknown=["slow"]), EXIT_FAILED, "no problem found, but not all could be checked"),
        (Findings(problems=["bad"], unknown=["slow"]), EXIT_ENVIRONMENT, "1 problem(s)"),
    ],
)
def test_exit_codes_of_the_doctor(
    found: Findings,
    code: int,
    last: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("solver.cli.doctor.self_checks", lambda: found)
    assert main(["doctor"]) == code
    assert capsys.readouterr().out.splitlines()[-1] == last


@pytest.mark.skipif(importlib.util.find_spec("cyclonedx") is None, reason="no cyclonedx-python-lib")
def test_the_bill_of_materials_is_valid_and_complete(capsys: pytest.CaptureFixture[str]) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    from packageurl import PackageURL

    assert main(["doctor", "--sbom"]) == EXIT_OK
    text = capsys.readouterr().out
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert bill["metadata"]["component"]["name"] == "livoid"
    listed = {(address.type, address.name, address.version) for address in map(
        PackageURL.from_string, (component["purl"] for component in bill["components"])
    )}  # fmt: skip
    installed = {("deb", package.name, package.version) for package in packages.debian_packages()}
    assert {entry for entry in listed if entry[0] == "deb"} == installed
    libraries = {name.removeprefix("python3-") for _, name, _ in listed}
    assert {"pydantic", "meshio", "pyvista", "vtk", "cyclopts"} <= libraries


def test_without_the_library_there_is_no_bill(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "solver.cli.bill", raising=False)
    for name in [name for name in sys.modules if name.startswith("cyclonedx")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cyclonedx", None)
    assert main(["doctor", "--sbom"]) == EXIT_ENVIRONMENT
    assert "needs cyclonedx-python-lib" in capsys.readouterr().err


def test_packages_that_are_not_as_recorded_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = {"libpetsc": "3.22.5-1", "gcc": "4:14.2.0-1", "gone": "1"}
    installed = [Package("libpetsc", "3.22.5-2"), Package("gcc", "4:14.2.0-1+b3"), Package("more", "1")]
    assert packages.differences(installed, record) == ["libpetsc 3.22.5-2 (was 3.22.5-1)"]
    monkeypatch.setattr(packages, "distribution", lambda: packages.RECORDED_IN)
    monkeypatch.setattr(packages, "debian_packages", lambda: installed)
    monkeypatch.setattr(packages, "recorded", lambda: ("2026-01-02", record))
    monkeypatch.setattr("solver.cli.doctor.self_checks", Findings)
    main(["doctor"])
    said = capsys.readouterr().out
    assert "3 packages, 1 not as on 2026-01-02" in said and "libpetsc 3.22.5-2 (was 3.22.5-1)" in said


def test_the_record_has_what_the_environment_is_made_of() -> None:
    """A package that is added to the list must come into the record."""
    day, record = packages.recorded()
    assert day.count("-") == 2
    listed = (packages.RECORD.parent / "packages.txt").read_text(encoding="utf-8").splitlines()
    names = [line for line in listed if line and not line.startswith("#")]
    assert len(names) > 40
    assert [name for name in names if name not in record] == []
