"""Element sizes of a case, in micrometres, and whether its mesh can be made at all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from meshes.sizing import SizeRule
from solver.case.errors import CaseError
from solver.equations.terms import contact_resistance
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
EVENT_FRACTION, EVENT_SHARE = 0.4, 0.1
"""Default event length over l_s, below which the model does not tell voids apart, and at most over the
smallest half-width of the seeds, which are not to vanish at once."""
LAYER_FRACTION = 0.25
"""Default element size along the contact of an alloy over the width of the solute layer."""
SMALLEST_LAYER = 0.025
"""um; the layer is never thinner than about 0.1 um (docs/model.md 3: S > 1 widens it)."""
EDGE_FRACTION = 0.5
"""Default element size along the contact over the width in which its resistance changes."""
_ROUNDING = 1e-5
"""Relative difference of two lengths that were written with six digits."""
MEMORY_FRACTION = 0.25
"""Default element size along a contact with a memory over the width of the smallest void, whose floor comes
back as contact of another resistance."""
GRID_FRACTION = 0.5
"""Default spacing of the records of the electrolyte's surface over the smallest element size at it."""
MOST_GRID_CELLS = 4e6
"""Cells of those records at most, which every rank holds as a whole: 2000 x 2000."""
LARGEST_FRACTION = 0.25
"""Default largest element over the smaller of the cell's extents."""
REACH = 4.0
"""Depth in the electrolyte over the cell's (larger) lateral extent from which on its elements may grow to the
smaller one: the slowest part of what the contact does to the current falls off as exp(-pi depth/extent), to
3e-6 there."""


def size_rule(loaded: LoadedCase, shapes: list[VoidShape]) -> SizeRule:
    """Element sizes in micrometres; defaults follow from the smallest void and l_s.

    Raises:
        CaseError: if the elements at triple lines are larger than the event length of the case.
    """
    case = loaded.case
    numerics = case.numerics
    smallest = min((s.half_width for s in shapes), default=1.0)
    sink = loaded.metal.surface_sink_length.value / LENGTH_SCALE
    tip = (
        numerics.tip_size / LENGTH_SCALE
        if numerics.tip_size is not None
        else max(TIP_FRACTION * smallest, min(SURFACE_SINK_FRACTION * sink, EVENT_SHARE * smallest))
    )
    extent = min(case.geometry.metal_thickness, _lateral(case)) / LENGTH_SCALE
    given = numerics.largest_size
    largest = LARGEST_FRACTION * extent if given is None else given / LENGTH_SCALE
    reach, deepest = _depths(case, max(largest, tip))
    return SizeRule(
        tip,
        numerics.growth,
        max(largest, tip),
        numerics.roof_fraction,
        _layer_size(loaded, tip, smallest),
        numerics.layer_depth / LENGTH_SCALE,
        _event_length(loaded, smallest, tip),
        numerics.graded,
        reach,
        deepest,
    )


def _depths(case: Case, largest: float) -> tuple[float, float]:
    """Depth (um) from which on elements of the electrolyte grow (inf: nowhere), and up to what."""
    geometry = case.geometry
    reach = REACH * max(geometry.width, 0.0 if geometry.depth is None else geometry.depth)
    deepest = _lateral(case) / LENGTH_SCALE
    if geometry.modelled_depth <= reach or deepest <= largest:
        return math.inf, 0.0
    return reach / LENGTH_SCALE, deepest


def physical_event_length(loaded: LoadedCase) -> float:
    """Default length in which changes of topology are measured (um)."""
    return EVENT_FRACTION * float(loaded.metal.surface_sink_length.value) / LENGTH_SCALE


def _event_length(loaded: LoadedCase, smallest: float, tip: float) -> float:
    """Length in which changes of topology are measured (um): the material's and the voids', not the mesh's.

    Where the case gives none and the mesh is coarser than the default, it is the mesh's (which is warned of).
    """
    given = loaded.case.numerics.event_length
    if given is None:
        return max(tip, min(physical_event_length(loaded), EVENT_SHARE * smallest))
    if given / LENGTH_SCALE < tip * (1.0 - _ROUNDING):
        raise CaseError(
            loaded.source,
            [
                f"numerics.event_length: {given / LENGTH_SCALE:.3g} um is not resolved by the elements at "
                f"triple lines, which have {tip:.3g} um; lower numerics.tip_size or raise the length"
            ],
        )
    return float(given) / LENGTH_SCALE


def record_spacing(loaded: LoadedCase, rule: SizeRule) -> float:
    """Spacing of the records of the electrolyte's surface (um).

    Raises:
        CaseError: if the case gives one with which they would have more than MOST_GRID_CELLS cells.
    """
    geometry, memory = loaded.case.geometry, loaded.case.contact_memory
    extents = [geometry.width] if geometry.depth is None else [geometry.width, geometry.depth]
    area = math.prod(extent / LENGTH_SCALE for extent in extents)
    if memory is None or memory.grid is None:
        smallest = rule.tip if rule.layer is None else min(rule.tip, rule.layer)
        return max(GRID_FRACTION * smallest, (area / MOST_GRID_CELLS) ** (1.0 / len(extents)))
    spacing = float(memory.grid) / LENGTH_SCALE
    cells = area / spacing ** len(extents)
    if cells > MOST_GRID_CELLS:
        text = f"contact_memory.grid: about {cells:.1g} cells of {spacing:.3g} um; raise the spacing"
        raise CaseError(loaded.source, [text])
    return spacing


def _layer_size(loaded: LoadedCase, tip: float, half_width: float) -> float | None:
    """Element size along the contact (um), None on an interface without memory, uniform and of a pure metal.

    Args:
        loaded: case.
        tip: size at triple lines.
        half_width: of the smallest void.
    """
    given = loaded.case.numerics.layer_size
    if given is not None:
        return given / LENGTH_SCALE
    width = layer_width(loaded)
    sizes = [] if width is None else [max(LAYER_FRACTION * width / LENGTH_SCALE, SMALLEST_LAYER)]
    sizes += _profile_sizes(loaded)
    sizes += [max(tip, 2.0 * MEMORY_FRACTION * half_width)] if loaded.case.contact_memory is not None else []
    return min(sizes, default=None)


def _profile_sizes(loaded: LoadedCase) -> list[float]:
    """Element size (um) that resolves the change of Z along the contact, as a list; empty if Z is uniform."""
    profile = contact_resistance.profile_of(loaded, LENGTH_SCALE)
    if profile is None:
        return []
    geometry = loaded.case.geometry
    lengths = [geometry.width] if geometry.depth is None else [geometry.width, geometry.depth]
    change = contact_resistance.change_length(profile, [length / LENGTH_SCALE for length in lengths])
    smooth = [] if math.isinf(change) else [max(EDGE_FRACTION * change, SMALLEST_LAYER)]
    # the edge of patches is the user's own number
    return [EDGE_FRACTION * change] if isinstance(profile, contact_resistance.Patches) else smooth


def check_size(loaded: LoadedCase, shapes: list[VoidShape], rule: SizeRule) -> None:
    """Refuse a case whose mesh could never be made.

    Args:
        loaded: case.
        shapes: its void seeds.
        rule: its element sizes.

    Raises:
        CaseError: if it has more than MOST_CELLS cells, or an electrolyte thinner than those at triple lines.
    """
    geometry = loaded.case.geometry
    if shapes and geometry.modelled_depth < rule.tip * LENGTH_SCALE:
        text = f"{geometry.modelled_depth / LENGTH_SCALE:.3g} um are less than an element beside a void"
        text = f"geometry.electrolyte_depth: {text}, which has {rule.tip:.3g} um"
        raise CaseError(loaded.source, [text])
    cells = expected_cells(loaded, shapes, rule)
    if not cells <= MOST_CELLS:
        raise CaseError(
            loaded.source,
            [
                f"numerics: about {cells:.1g} cells (tip_size {rule.tip:.3g} um, largest_size "
                f"{rule.largest:.3g} um, growth {rule.growth:.3g}); raise the sizes or choose a smaller cell"
            ],
        )


def expected_cells(loaded: LoadedCase, shapes: list[VoidShape], rule: SizeRule) -> float:
    """About how many cells the first mesh of a case has."""
    geometry = loaded.case.geometry
    solid = geometry.kind == "3d"
    contact = (
        geometry.width / LENGTH_SCALE * (1.0 if geometry.depth is None else geometry.depth / LENGTH_SCALE)
    )
    dim, depth = 3 if solid else 2, geometry.modelled_depth / LENGTH_SCALE
    deep = max(depth - rule.reach, 0.0)
    # as much electrolyte as has as many cells of the largest size
    fine = depth - deep * (1.0 - (rule.largest / rule.deepest) ** dim if deep > 0.0 else 0.0)
    whole = contact * (geometry.metal_thickness / LENGTH_SCALE + fine)
    lengths = (
        geometry.width / LENGTH_SCALE,
        (0.0 if geometry.depth is None else geometry.depth) / LENGTH_SCALE,
    )
    rims = [math.pi * s.width if s.along is None else 2.0 * lengths[s.along] for s in shapes]
    triple = sum(rims) if solid else 2.0 * len(shapes)
    return rule.expected_cells(dim, whole, contact, triple)


def _lateral(case: Case) -> float:
    width, depth = case.geometry.width, case.geometry.depth
    return width if depth is None else min(width, depth)
