"""Versions and source state, stored with every run."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import dolfinx
import gmsh
import numpy as np
from mpi4py import MPI
from petsc4py import PETSc

import solver

_PACKAGES = ("pydantic", "pint", "meshio", "pyvista", "scipy")


def versions() -> dict[str, Any]:
    """Versions of everything that can change a result, and the git commit of the source."""
    return {
        "livoid": solver.__version__,
        **git_state(Path(__file__).resolve().parent),
        "versions": {
            "python": platform.python_version(),
            "dolfinx": dolfinx.__version__,
            "petsc": ".".join(str(n) for n in PETSc.Sys.getVersion()),
            "mpi": MPI.Get_library_version().split(",")[0].strip(),
            "gmsh": str(getattr(gmsh, "__version__", "unknown")),
            "numpy": np.__version__,
            **{name: _version(name) for name in _PACKAGES},
        },
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def git_state(folder: Path) -> dict[str, Any]:
    """Commit and dirty flag of the source tree, or nothing outside a checkout.

    The launcher looks them up on the host, as the environment need not have git.
    """
    known = os.environ.get("LIVOID_COMMIT", "").split()
    if len(known) == 2:
        return {"git_commit": known[0], "git_dirty": known[1] == "dirty"}
    try:
        commit = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10
        )
        if commit.returncode != 0:
            return {}
        status = subprocess.run(
            ["git", "-C", str(folder), "status", "--porcelain"], capture_output=True, text=True, timeout=10
        )
        return {"git_commit": commit.stdout.strip(), "git_dirty": bool(status.stdout.strip())}
    except (OSError, subprocess.TimeoutExpired):
        return {}
