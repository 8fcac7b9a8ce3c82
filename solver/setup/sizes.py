"""Element sizes of a case, in micrometres, and whether its mesh can be made at all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from meshes.sizing import SizeRule
from solver.case.loading import CaseError
from solver.setup.groups import layer_width
from solver.setup.scales import LENGTH_SCALE

if TYPE_CHECKING:
    from meshes.seeds import VoidShape
    from solver.case.loading import LoadedCase
    from solver.case.schema.case import Case

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


def size_rule(loaded: LoadedCase, shapes: list[VoidShape]) -> SizeRule:
    """Element sizes in micrometres; defaults follow from the smallest void and l_s."""
    case = loaded.case
    numerics = case.numerics
    smallest = min((s.half_width for s in shapes), default=1.0)
    sink = loaded.metal.surface_sink_length.value / LENGTH_SCALE
    tip = (
        numerics.tip_size / LENGTH_SCALE
        if numerics.tip_size is not None
        else max(TIP_FRACTION * smallest, min(SURFACE_SINK_FRACTION * sink, 0.1 * smallest))
    )
    extent = min(case.geometry.metal_thickness, _lateral(case)) / LENGTH_SCALE
    given = numerics.largest_size
    largest = LARGEST_FRACTION * extent if given is None else given / LENGTH_SCALE
    return SizeRule(
        tip,
        numerics.growth,
        max(largest, tip),
        numerics.roof_fraction,
        _layer_size(loaded),
        numerics.layer_depth / LENGTH_SCALE,
        tip if numerics.event_length is None else numerics.event_length / LENGTH_SCALE,
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


def check_size(loaded: LoadedCase, shapes: list[VoidShape], rule: SizeRule) -> None:
    """Refuse a case whose mesh could never be made.

    Args:
        loaded: case.
        shapes: its void seeds.
        rule: its element sizes.

    Raises:
        CaseError: if it has more than MOST_CELLS cells.
    """
    geometry = loaded.case.geometry
    solid = geometry.kind == "3d"
    contact = (
        geometry.width / LENGTH_SCALE * (1.0 if geometry.depth is None else geometry.depth / LENGTH_SCALE)
    )
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
    width, depth = case.geometry.width, case.geometry.depth
    return width if depth is None else min(width, depth)
