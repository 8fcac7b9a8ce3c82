"""Growth of the voids of a case at the first instant: vacancies bring, the flow of the metal takes.

The coupled model is solved once, on the mesh with the voids as they are seeded, and nothing moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import profile_from_shapes
from meshes.seeds import VoidShape
from solver.case.errors import CaseError
from solver.equations.coupled_model import CoupledModel
from solver.setup.sizes import size_rule

if TYPE_CHECKING:
    from mpi4py import MPI

    from meshes.cell import CellMesh
    from solver.case.loading import LoadedCase
    from solver.setup.parameters import ModelParameters
    from solver.setup.setup import Setup


def refuse_motion(loaded: LoadedCase) -> None:
    """Raise CaseError where the platen's motion is given: what a pressure does cannot be asked then."""
    if loaded.case.model.top == "velocity":
        raise CaseError(loaded.source, ['model.top = "velocity": this prediction needs a given pressure'])


def void_rates(
    setup: Setup, cell: CellMesh, parameters: ModelParameters | None = None
) -> tuple[float, float]:
    """(gain, loss) of void area (volume) by vacancies and by creep on a mesh, dimensionless. Collective.

    Args:
        setup: of the case.
        cell: mesh.
        parameters: others than those of the case.

    Raises:
        SolveError: if the model cannot be solved.
    """
    model = CoupledModel(cell, parameters or setup.parameters, setup.solver_options)
    try:
        model.solve(0.0)
        return model.void_rates()
    finally:
        model.destroy()


def instantaneous_rates(
    setup: Setup, half_width: float, comm: MPI.Comm, parameters: ModelParameters | None = None
) -> tuple[float, float]:
    """:func:`void_rates` of half a void of the case's aspect with the given half-width (um). Collective."""
    geometry, given = setup.geometry, setup.loaded.case.void
    aspect = given[0].roof_height / (0.5 * given[0].width) if given else 1.0
    shape = VoidShape((0.0,), 2.0 * half_width, aspect * half_width)
    rule = size_rule(setup.loaded, [shape])
    profile = profile_from_shapes(
        [shape],
        width=geometry.width,
        metal_height=geometry.metal_height,
        electrolyte_depth=geometry.electrolyte_depth,
        rule=rule,
    )
    return void_rates(setup, mesh_plane(profile, rule, comm), parameters)
