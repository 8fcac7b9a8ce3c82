"""Small cells and the parameters of metal with a uniform current, for rows about the moving interface."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import InterfaceProfile, profile_from_shapes
from meshes.seeds import VoidShape
from meshes.sizing import SizeRule
from solver.setup.parameters import (
    CreepParameters,
    CurrentParameters,
    LoadParameters,
    ModelParameters,
    SurfaceParameters,
)

if TYPE_CHECKING:
    from mpi4py import MPI

    from meshes.cell import CellMesh
    from solver.setup.parameters import VacancyParameters

UNIFORM = 1e4
"""Area resistance that makes the current uniform on the contact."""


def parameters(
    *,
    vacancies: VacancyParameters | None,
    reference_stress: float,
    exponent: float = 1.0,
    tension: float = 0.0,
    adhesion: float = 0.0,
) -> ModelParameters:
    """Model with uniform current on the contact."""
    return ModelParameters(
        current=CurrentParameters(1.0, UNIFORM, vacancy_potential=False),
        creep=CreepParameters(exponent, reference_stress),
        vacancies=vacancies,
        surface=SurfaceParameters(tension, 0.5 * math.pi),
        load=LoadParameters(1.0, adhesion=adhesion),
    )


def half_circle(rule: SizeRule, axisymmetric: bool) -> InterfaceProfile:
    """A void of radius 0.5 at x = 0 in a cell of width 1."""
    return profile_from_shapes(
        [VoidShape((0.0,), 1.0, 0.5)],
        width=1.0,
        metal_height=2.0,
        electrolyte_depth=2.0,
        rule=rule,
        axisymmetric=axisymmetric,
    )


def flat_cell(comm: MPI.Comm, width: float = 1.0, size: float = 0.3) -> CellMesh:
    """A flat contact with elements of a size."""
    return mesh_plane(InterfaceProfile(width, 3.0, 2.0), SizeRule(size, largest=0.3, layer=size), comm)


def void_cell(comm: MPI.Comm) -> CellMesh:
    """A void of radius 0.5 at x = 0 in a cell of width 1, coarse."""
    rule = SizeRule(tip=0.04, growth=0.25, largest=0.5)
    return mesh_plane(half_circle(rule, False), rule, comm)
