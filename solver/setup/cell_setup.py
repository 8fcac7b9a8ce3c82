"""From a case to its initial geometry: void seeds, size rule, interface profile (micrometres)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mpi4py import MPI

from meshes.cell import mesh_plane
from meshes.gmsh.occ_solid import mesh_solid
from meshes.profile.polyline import profile_from_shapes
from meshes.seed_population import PopulationError, PopulationRule, line_population, patch_population
from meshes.seeds import VoidShape
from meshes.sizing import SizeRule
from solver.case.loading import CaseError
from solver.core import timing
from solver.setup.scales import LENGTH_SCALE, layer_width

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from meshes.profile.polyline import InterfaceProfile
    from solver.case.loading import LoadedCase
    from solver.case.schema import Case

MOST_CELLS = 1e8
"""Cells that one process can mesh (Gmsh makes the mesh on rank 0)."""
TIP_FRACTION = 0.02
"""Default element size at a triple line over the smallest half-width."""
SURFACE_SINK_FRACTION = 0.4
"""Default element size at a triple line over l_s, which it must resolve."""
LAYER_FRACTION = 0.25
"""Default element size along the contact of an alloy over the width of the solute layer."""
SMALLEST_LAYER = 0.025
"""um; the layer is never thinner than about 0.1 um (docs/model.md 3: S > 1 widens it)."""
EDGE_FRACTION = 0.5
"""Default element size along the contact over the width in which its resistance changes."""
LARGEST_FRACTION = 0.25
"""Default largest element over the smaller of the cell's extents."""


def void_shapes(loaded: LoadedCase) -> list[VoidShape]:
    """Void seeds in micrometres.

    Raises:
        CaseError: if a random population does not fit.
    """
    case = loaded.case
    if case.voids is None:
        return [
            VoidShape(
                tuple(x / LENGTH_SCALE for x in void.center),
                void.width / LENGTH_SCALE,
                void.roof_height / LENGTH_SCALE,
                void.shape,
            )
            for void in case.void
        ]
    population = case.voids
    rule = PopulationRule(
        density=population.density * LENGTH_SCALE,
        mean=population.mean_width / LENGTH_SCALE,
        deviation=population.width_deviation / LENGTH_SCALE,
        smallest=population.smallest_width / LENGTH_SCALE,
        aspect=population.aspect,
        spacing=population.spacing / LENGTH_SCALE,
        shape=population.shape,
        seed=population.seed,
    )
    width = case.geometry.width / LENGTH_SCALE
    try:
        if case.geometry.kind == "3d":
            shapes = patch_population((width, (case.geometry.depth or 0.0) / LENGTH_SCALE), rule)
        else:
            shapes = line_population(width, rule)
    except PopulationError as error:
        raise CaseError(loaded.source, [f"voids: {error}"]) from None
    tallest = max((s.height for s in shapes), default=0.0) * LENGTH_SCALE
    if tallest >= 0.98 * case.geometry.metal_thickness:
        raise CaseError(loaded.source, ["voids: the population has a void taller than the metal"])
    return shapes


def size_rule(loaded: LoadedCase, shapes: list[VoidShape]) -> SizeRule:
    """Element sizes in micrometres; defaults follow from the smallest void and l_s."""
    case = loaded.case
    numerics = case.numerics
    smallest = min((s.half_width for s in shapes), default=1.0)
    sink = loaded.metal.surface_sink_length.value / LENGTH_SCALE
    tip = (
        numerics.tip_size / LENGTH_SCALE
        if numerics.tip_size
        else max(TIP_FRACTION * smallest, min(SURFACE_SINK_FRACTION * sink, 0.1 * smallest))
    )
    extent = min(case.geometry.metal_thickness, _lateral(case)) / LENGTH_SCALE
    largest = numerics.largest_size / LENGTH_SCALE if numerics.largest_size else LARGEST_FRACTION * extent
    return SizeRule(
        tip,
        numerics.growth,
        max(largest, tip),
        numerics.roof_fraction,
        _layer_size(loaded),
        numerics.layer_depth / LENGTH_SCALE,
        (numerics.event_length or 0.0) / LENGTH_SCALE,
        numerics.graded,
    )


def _layer_size(loaded: LoadedCase) -> float | None:
    """Element size along the contact (um), None on a uniform interface of a pure metal."""
    given, patchy = loaded.case.numerics.layer_size, loaded.case.heterogeneity
    if given is not None:
        return given / LENGTH_SCALE
    width = layer_width(loaded)
    sizes = [] if width is None else [max(LAYER_FRACTION * width / LENGTH_SCALE, SMALLEST_LAYER)]
    sizes += [EDGE_FRACTION * patchy.edge / LENGTH_SCALE] if patchy is not None else []
    return min(sizes, default=None)


def initial_profile(loaded: LoadedCase, shapes: list[VoidShape], rule: SizeRule) -> InterfaceProfile:
    """Interface profile of a plane or axisymmetric case."""
    geometry = loaded.case.geometry
    return profile_from_shapes(
        shapes,
        width=geometry.width / LENGTH_SCALE,
        metal_height=geometry.metal_thickness / LENGTH_SCALE,
        electrolyte_depth=geometry.modelled_depth / LENGTH_SCALE,
        rule=rule,
        axisymmetric=geometry.kind == "axisymmetric",
    )


@timing.counted("mesh")
def initial_cell(loaded: LoadedCase, comm: MPI.Comm, msh_file: str | None = None) -> CellMesh:
    """Mesh of the case as given. Collective; raises CaseError or MeshingError."""
    shapes = void_shapes(loaded)
    rule = size_rule(loaded, shapes)
    geometry = loaded.case.geometry
    if geometry.kind != "3d":
        return mesh_plane(initial_profile(loaded, shapes, rule), rule, comm, msh_file)
    extents = (geometry.width / LENGTH_SCALE, (geometry.depth or 0.0) / LENGTH_SCALE)
    return mesh_solid(
        shapes,
        extents=extents,
        metal_height=geometry.metal_thickness / LENGTH_SCALE,
        electrolyte_depth=geometry.modelled_depth / LENGTH_SCALE,
        rule=rule,
        comm=comm,
        msh_file=msh_file,
    )


def check_size(loaded: LoadedCase) -> None:
    """Refuse a case whose mesh could never be made.

    Raises:
        CaseError: if it has more than MOST_CELLS cells.
    """
    shapes = void_shapes(loaded)
    rule, geometry = size_rule(loaded, shapes), loaded.case.geometry
    solid = geometry.kind == "3d"
    contact = geometry.width / LENGTH_SCALE * ((geometry.depth or 0.0) / LENGTH_SCALE if solid else 1.0)
    whole = contact * (geometry.metal_thickness + geometry.modelled_depth) / LENGTH_SCALE
    triple = sum(math.pi * shape.width for shape in shapes) if solid else 2.0 * len(shapes)
    cells = rule.expected_cells(3 if solid else 2, whole, contact, triple)
    if not cells <= MOST_CELLS:
        raise CaseError(
            loaded.source,
            [
                f"numerics: about {cells:.1g} cells (tip_size {rule.tip:.3g} um, largest_size "
                f"{rule.largest:.3g} um, growth {rule.growth:.3g}); raise the sizes or choose a smaller cell"
            ],
        )


def _lateral(case: Case) -> float:
    return min(case.geometry.width, case.geometry.depth or case.geometry.width)
