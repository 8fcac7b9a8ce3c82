"""One mesh epoch of a run: the model on one mesh with everything that reads it, and the next one."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshes.gmsh.mesh_profile import first_meshed
from solver.algebra.options import model_recipes
from solver.core import timing
from solver.equations.coupled_model import CoupledModel
from solver.interface import roofs
from solver.interface.roof_surfaces import RoofSurfaces, roof_surfaces
from solver.output.along_interface import InterfaceRecorder
from solver.output.fields import FieldWriter
from solver.setup.scales import LENGTH_SCALE
from solver.simulation import remeshing
from solver.simulation.solute_transfer import transfer_composition
from solver.stepping.observables import Observables

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from meshes.gmsh.mesh_profile import Profile
    from meshes.sizing import SizeRule
    from solver.algebra.options import ModelRecipes
    from solver.case.loading import LoadedCase
    from solver.setup.parameters import ModelParameters
    from solver.setup.scales import Scales

AnyRoofs = roofs.RoofChains | RoofSurfaces


@dataclass
class Epoch:
    """Everything that lives as long as one mesh."""

    model: CoupledModel
    observables: Observables
    recorder: InterfaceRecorder
    writer: FieldWriter | None
    chains: AnyRoofs

    @timing.counted("build")
    def destroy(self) -> None:
        """Free all PETSc objects."""
        self.model.destroy()
        gc.collect()


def case_recipes(loaded: LoadedCase, parameters: ModelParameters) -> ModelRecipes:
    """Solvers of a case: factorisations in two dimensions, Krylov solvers in 3-D, or what the case says."""
    numerics, is_solid = loaded.case.numerics, loaded.case.geometry.kind == "3d"
    return model_recipes(
        iterative=numerics.solver == "iterative" or (numerics.solver == "auto" and is_solid),
        equipotential=parameters.current.area_resistance == 0.0,
        overrides=numerics.petsc,
    )


@timing.counted("build")
def build_epoch(
    loaded: LoadedCase, parameters: ModelParameters, scales: Scales, cell: CellMesh, shelter: float = 0.0
) -> Epoch:
    """Model and recorders on a mesh. Collective; raises ProfileError if the roofs do not chain up.

    Args:
        loaded: case.
        parameters: dimensionless parameters.
        scales: units.
        cell: mesh.
        shelter: distance from triple lines (um) within which the contact does not open.
    """
    geometry = loaded.case.geometry
    depth = geometry.modelled_depth / LENGTH_SCALE
    numerics = loaded.case.numerics
    recipes = case_recipes(loaded, parameters)
    model = CoupledModel(cell, parameters, recipes, numerics.coupling_tolerance)
    model.zone.shelter = shelter
    found = roof_surfaces if cell.kind == "3d" else roofs.roof_chains
    return Epoch(
        model,
        Observables(model, scales, geometry.pellet_thickness / LENGTH_SCALE, depth),
        InterfaceRecorder(model, scales),
        FieldWriter(model, scales) if loaded.case.output.fields else None,
        found(cell, model.surface, depth),
    )


def next_epoch(
    loaded: LoadedCase,
    parameters: ModelParameters,
    scales: Scales,
    old: Epoch,
    profiles: Iterable[Profile],
    rule: SizeRule,
) -> tuple[Epoch, Profile, float]:
    """Mesh the first of ``profiles`` that can be, and carry everything over; ``old`` stays. Collective.

    Returns:
        The new epoch, the profile that it has, and the relative correction of the solute's total.

    Raises:
        MeshingError, ProfileError: if there is no new epoch.
    """
    with timing.part("mesh"):
        cell, profile = first_meshed(profiles, rule, old.model.cell.domain.comm)
    with timing.part("build"):
        new = build_epoch(loaded, parameters, scales, cell, old.model.zone.shelter)
        new.chains = new.chains.matching(profile)
    with timing.part("transfer"):
        new.model.zone.held = old.model.zone.held
        remeshing.transfer_start(old.model, new.model)
        correction = transfer_composition(old.model, new.model, (old.chains.profile(), profile))
    return new, profile, correction
