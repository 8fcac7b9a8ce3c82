"""One mesh epoch of a run: the model on one mesh with everything that reads it, and the next one."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass

from meshes.cell import CellMesh
from meshes.renewal import Profile, first_meshed
from meshes.sizing import SizeRule
from solver import costs, remesh, roofs
from solver.case import LoadedCase
from solver.fields import FieldWriter
from solver.interface_records import InterfaceRecorder
from solver.model import CoupledModel
from solver.observables import Observables
from solver.parameters import ModelParameters
from solver.recipes import ModelRecipes, model_recipes
from solver.roof_surfaces import RoofSurfaces, roof_surfaces
from solver.scales import LENGTH_SCALE, Scales
from solver.solute_transfer import transfer_composition

AnyRoofs = roofs.RoofChains | RoofSurfaces


@dataclass
class Epoch:
    """Everything that lives as long as one mesh."""

    model: CoupledModel
    observables: Observables
    recorder: InterfaceRecorder
    writer: FieldWriter | None
    chains: AnyRoofs

    @costs.counted("build")
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


@costs.counted("build")
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
    with costs.part("mesh"):
        cell, profile = first_meshed(profiles, rule, old.model.cell.domain.comm)
    with costs.part("build"):
        new = build_epoch(loaded, parameters, scales, cell, old.model.zone.shelter)
        new.chains = new.chains.matching(profile)
    with costs.part("transfer"):
        new.model.zone.held = old.model.zone.held
        remesh.transfer_start(old.model, new.model)
        correction = transfer_composition(old.model, new.model, (old.chains.profile(), profile))
    return new, profile, correction
