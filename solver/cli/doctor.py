"""Whether livoid works here: comparison with exact solutions, and the state of the environment."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from mpi4py import MPI

from solver.cli.arguments import Communicator
from solver.cli.exits import EXIT_ENVIRONMENT, EXIT_FAILED, EXIT_OK, refuse, refuse_ranks
from solver.cli.self_check import self_checks
from solver.core import packages

NEEDED_SOLVERS = ("mumps",)
OPTIONAL_SOLVERS = ("hypre", "superlu_dist", "ptscotch", "scalapack")
CHECK_ROWS = ("patch", "butler-volmer", "vacancies")


def verify(
    *names: Annotated[str, Parameter(help="rows (default: all); 'list' names them")], comm: Communicator
) -> int:
    """Compare with exact solutions: exact, computed, error and observed order of the verification rows.

    Example: livoid verify
    """
    from solver.verification.table import run_rows

    return EXIT_OK if run_rows(list(names), comm) else EXIT_FAILED


def doctor(
    *,
    sbom: bool = False,
    check: Annotated[bool, Parameter(show=False)] = False,
    comm: Communicator,
) -> int:
    """Versions, packages and a self-check, serial and on 2 ranks; says how to mend faults.

    Example: livoid doctor

    Args:
        sbom: print the bill of materials instead (every package, as CycloneDX JSON)
        check: the self-check only
    """
    if check:
        return _self_check(comm)
    if comm.size > 1:
        return refuse_ranks(comm, "'doctor'")
    if sbom:
        return _bill(comm)
    problems = _versions() + _solvers()
    _packages()
    found = self_checks()
    problems += found.problems
    for problem in problems:
        print(f"PROBLEM  {problem}")
    for unknown in found.unknown:
        print(f"UNKNOWN  {unknown}")
    if problems:
        print(f"{len(problems)} problem(s)")
        return EXIT_ENVIRONMENT
    print("no problem found, but not all could be checked" if found.unknown else "all is well")
    return EXIT_FAILED if found.unknown else EXIT_OK


def _bill(comm: MPI.Comm) -> int:
    try:
        from solver.cli.bill import bill_of_materials
    except ImportError:
        return refuse(comm, "the bill of materials needs cyclonedx-python-lib", EXIT_ENVIRONMENT)
    print(bill_of_materials())
    return EXIT_OK


def _packages() -> None:
    """Debian's packages beside the recorded ones: a newer one is no fault, but may be why results differ."""
    if packages.distribution() != packages.RECORDED_IN:
        return
    installed = packages.debian_packages()
    day, record = packages.recorded()
    differing = packages.differences(installed, record)
    told = f"{len(differing)} not as on {day}" if differing else f"as on {day}"
    print(f"{'Debian':13s} {len(installed)} packages, {told}")
    for line in differing:
        print(f"{'':13s}   {line}")


def _versions() -> list[str]:
    from meshes import compat
    from solver.core import provenance

    print(f"environment   {os.environ.get('LIVOID_ENV_KIND', 'python')} ({sys.executable})")
    state = provenance.versions()
    for name, value in state["versions"].items():
        print(f"{name:13s} {value}")
    print(f"{'MPI ranks':13s} mpirun: {shutil.which('mpirun') or 'not found'}")
    print(f"{'BLAS':13s} {_blas()}")
    problems = []
    if compat.DOLFINX_VERSION < compat.MINIMUM_VERSION:
        problems.append("dolfinx is older than 0.9; use LIVOID_ENV=root or see env/environment.yml")
    if shutil.which("mpirun") is None:
        problems.append("mpirun is missing: install openmpi-bin (or your cluster's MPI)")
    if os.environ.get("OMP_NUM_THREADS") != "1":
        problems.append("OMP_NUM_THREADS is not 1: ranks would fight for cores; start through ./livoid")
    if state["versions"]["pyvista"] == "not installed":
        problems.append("pyvista is missing: figures cannot be made (pip install -r env/requirements.txt)")
    return problems


def _blas() -> str:
    """File behind libblas.so.3, or the name found by the linker."""
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"):
        library = Path(folder) / "libblas.so.3"
        if library.exists():
            found = str(library.resolve())
            slow = (
                "" if "openblas" in found or "mkl" in found or "blis" in found else " (reference BLAS: slow)"
            )
            return found + slow
    return str(ctypes.util.find_library("blas"))


def _solvers() -> list[str]:
    have = {name: _has_package(name) for name in (*NEEDED_SOLVERS, *OPTIONAL_SOLVERS)}
    print(f"{'PETSc with':13s} {', '.join(name for name, found in have.items() if found)}")
    return [
        f"PETSc has no {name}: 2-D solves need it; install a PETSc built with {name}"
        for name in NEEDED_SOLVERS
        if not have[name]
    ]


def _has_package(name: str) -> bool:
    from petsc4py import PETSc

    try:
        return bool(PETSc.Sys.hasExternalPackage(name))
    except PETSc.Error:
        return False


def _self_check(comm: MPI.Comm) -> int:
    from solver.verification.rows import all_rows

    rows = all_rows()
    passed = all(check.passed for name in CHECK_ROWS for check in rows[name].function(comm))
    return EXIT_OK if passed else EXIT_FAILED


COMMANDS = (verify, doctor)
