"""Remeshing: mesh quality, and the start values on a new mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray

from meshes import compat
from meshes.tags import Region
from solver.algebra.interpolation import Carrier

if TYPE_CHECKING:
    from solver.equations.coupled_model import CoupledModel


def transfer_start(old: CoupledModel, new: CoupledModel) -> None:
    """Interpolate the old solution as the start for Newton on the new mesh. Collective.

    These fields are quasi-static, so this changes effort, not results. Points that the old mesh does not
    hold (both roofs are polygons of one curve) take the nearest value that was found: a velocity of 0 there
    would be a rate of strain that no power-law metal gets over in a few iterations. Dofs that are given keep
    what the new model gives them.
    """
    carrier = Carrier()
    electrolyte, metal = Region.ELECTROLYTE, Region.METAL
    for problem, regions in (("chemistry", (electrolyte, metal, metal)), ("mechanics", (metal, metal))):
        source, target = getattr(old, problem).unknown, getattr(new, problem).unknown
        given = getattr(new, problem).reduction.given()
        values = target.x.array[given]
        for part, region in enumerate(regions):
            _carry_part(carrier, source, target, part, new.cell.region(region))
        target.x.array[given] = values
        target.x.scatter_forward()
    carrier.interpolate(old.contact_pressure, new.contact_pressure)
    carrier.interpolate(old.pressure, new.pressure)
    new.start_with_pressures()
    new.mechanics.mark_warm()


def _carry_part(
    carrier: Carrier, source: fem.Function, target: fem.Function, part: int, cells: NDArray[np.int32]
) -> None:
    from_space, from_dofs = compat.collapse(source.function_space.sub(part))
    to_space, to_dofs = compat.collapse(target.function_space.sub(part))
    collapsed, found = fem.Function(from_space), fem.Function(to_space)
    collapsed.x.array[:] = source.x.array[from_dofs]
    found.x.array[:] = target.x.array[to_dofs]
    carrier.carry(collapsed, found, cells)
    target.x.array[to_dofs] = found.x.array
