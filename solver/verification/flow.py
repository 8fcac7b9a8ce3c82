"""The flow of the metal alone, without electrochemistry, for the rows that have exact solutions of it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import ufl
from dolfinx import fem

from solver.algebra.options import NEWTON_DIRECT
from solver.equations.mechanics import MechanicsProblem
from solver.equations.surface import SurfaceGeometry
from solver.setup.parameters import CreepParameters, LoadParameters, SurfaceParameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from meshes.cell import CellMesh
    from meshes.tags import Boundary
    from solver.equations.terms.fixture import FixtureParameters
    from solver.equations.terms.term import Term

REGULARISATION = 1e-10
RIGHT_ANGLE = 0.5 * math.pi


def problem(
    cell: CellMesh,
    exponent: float,
    *,
    pressure: float = 1.0,
    tension: float = 0.0,
    top: str = "traction",
    angle: float = RIGHT_ANGLE,
    regularisation: float = REGULARISATION,
    extra_terms: Sequence[Term[MechanicsProblem]] = (),
    fixture: FixtureParameters | None = None,
    law: CreepParameters | None = None,
) -> MechanicsProblem:
    """Creep problem with uniaxial law e = sigma^n (mu = 1/3 at n = 1), or another ``law``."""
    load = LoadParameters(pressure=pressure, top=top)  # type: ignore[arg-type]
    return MechanicsProblem(
        cell,
        law or CreepParameters(exponent=exponent, reference_stress=1.0, regularisation=regularisation),
        SurfaceParameters(tension, angle),
        load if fixture is None else replace(load, fixture=fixture),
        fem.Constant(cell.domain, 0.0),
        fem.Constant(cell.domain, 0.0),
        SurfaceGeometry(cell),
        NEWTON_DIRECT,
        extra_terms,
    )


def integral(cell: CellMesh, form: ufl.Form) -> float:
    """Assembled scalar over all ranks."""
    return float(cell.domain.comm.allreduce(fem.assemble_scalar(fem.form(form))))


def on(mechanics: MechanicsProblem, component: int, boundary: Boundary) -> NDArray[np.int32]:
    """Owned velocity dofs of a component on a boundary part."""
    cell, space = mechanics.cell, mechanics.space
    dofs = fem.locate_dofs_topological(
        mechanics.subspace("velocity").sub(component), cell.domain.topology.dim - 1, cell.boundary(boundary)
    )
    return dofs[dofs < space.dofmap.index_map.size_local]
