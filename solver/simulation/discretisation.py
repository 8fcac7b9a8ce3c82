"""The model on one mesh with its void surfaces: made from a case, and made anew when the mesh is used up.

The mesh follows the moving interface until its cells are poor or a void opens, closes or meets another one.
Then the interface is meshed afresh and everything is carried over (:func:`remeshed`).
"""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshes.gmsh.mesh_profile import first_meshed, mesh_profile
from meshes.gmsh.session import MeshingError
from meshes.profile.base import ProfileError
from meshes.profile.polyline import profile_from_shapes
from meshes.profile.triangulated import profile_from_seeds
from solver.core import timing
from solver.equations.coupled_model import CoupledModel
from solver.interface.void_surfaces import void_surfaces
from solver.simulation.field_transfer import transfer_start
from solver.simulation.solute_transfer import transfer_composition

if TYPE_CHECKING:
    from mpi4py import MPI

    from meshes.cell import CellMesh
    from meshes.profile.base import Profile
    from solver.interface.void_surfaces import VoidSurfaces
    from solver.setup.setup import Setup

CANNOT_MESH = (MeshingError, ProfileError)
"""What is raised where an interface cannot be meshed, or a mesh has no proper interface."""


@dataclass
class Discretisation:
    """What lives as long as one mesh.

    Attributes:
        model: equation sets on the mesh.
        surfaces: the void surfaces of the mesh.
    """

    model: CoupledModel
    surfaces: VoidSurfaces

    @timing.counted("build")
    def destroy(self) -> None:
        """Free all PETSc objects. Collective."""
        self.model.destroy()
        gc.collect()


def initial_profile(setup: Setup) -> Profile:
    """The interface of a case as given: its void seeds and the contact between them."""
    cell, seeds = setup.geometry, list(setup.seeds)
    if cell.kind == "3d":
        extents = (cell.width, cell.depth)
        return profile_from_seeds(
            seeds, extents=extents, metal_height=cell.metal_height, electrolyte_depth=cell.electrolyte_depth
        )
    return profile_from_shapes(
        seeds,
        width=cell.width,
        metal_height=cell.metal_height,
        electrolyte_depth=cell.electrolyte_depth,
        rule=setup.sizes,
        axisymmetric=cell.kind == "axisymmetric",
    )


@timing.counted("mesh")
def initial_cell(setup: Setup, comm: MPI.Comm, msh_file: str | None = None) -> CellMesh:
    """First mesh of a case, also written to ``msh_file``. Collective; raises MeshingError."""
    return mesh_profile(initial_profile(setup), setup.sizes, comm, msh_file)


@timing.counted("build")
def discretise(setup: Setup, cell: CellMesh) -> Discretisation:
    """Model and void surfaces on a mesh. Collective; raises ProfileError if the roofs do not chain up."""
    model = CoupledModel(cell, setup.parameters, setup.solver_options, setup.coupling_tolerance)
    return Discretisation(model, void_surfaces(cell, model.surface, setup.geometry.electrolyte_depth))


def remeshed(
    setup: Setup, old: Discretisation, profiles: Iterable[Profile]
) -> tuple[Discretisation, Profile, float]:
    """Mesh the first of ``profiles`` that can be, and carry everything over; ``old`` stays. Collective.

    Returns:
        The new discretisation, the profile that it has, and the relative correction of the solute's total.

    Raises:
        MeshingError, ProfileError: if there is none (``CANNOT_MESH``).
    """
    with timing.part("mesh"):
        cell, profile = first_meshed(profiles, setup.sizes, old.model.cell.domain.comm)
    with timing.part("build"):
        new = discretise(setup, cell)
        new.surfaces = new.surfaces.ordered(profile.anchors())
    with timing.part("transfer"):
        new.model.chemistry.kinetics.record = old.model.chemistry.kinetics.record
        transfer_start(old.model, new.model)
        before = old.surfaces.profile()
        correction = transfer_composition(old.model, new.model, (before, profile))
        new.model.clamp.restore(old.model.clamp.state())
        new.model.clamp.raised(profile.metal_height - before.metal_height)
    return new, profile, correction


def with_parameters(setup: Setup, old: Discretisation) -> Discretisation:
    """The same mesh and state with other parameters, as of another temperature; ``old`` stays. Collective."""
    with timing.part("build"):
        new = discretise(setup, old.model.cell)
        new.surfaces = new.surfaces.ordered(old.surfaces.profile().anchors())
    with timing.part("transfer"):
        before = {field.name: field.values for field in old.model.state()}
        with new.model.given_values_kept():
            for field in new.model.state():
                if field.name in before:
                    field.assign(before[field.name])
        new.model.continue_from_fields()
        new.model.chemistry.kinetics.record = old.model.chemistry.kinetics.record
        new.model.clamp.restore(old.model.clamp.state())
    return new
