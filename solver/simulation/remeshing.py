"""Remeshing: mesh quality, and the start values on a new mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray

from meshes import compat
from meshes.tags import Region
from solver.algebra.interpolation import Carrier
from solver.core import timing

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.equations.coupled_model import CoupledModel


@timing.counted("mesh")
def quality(cell: CellMesh) -> float:
    """Smallest shape quality of a cell: 1 equilateral, 0 flat, negative inverted. Collective."""
    corners = cell.corners()
    volume = np.linalg.det(corners[:, 1:] - corners[:, :1])
    count = corners.shape[1]
    squares = sum(
        np.sum((corners[:, i] - corners[:, j]) ** 2, axis=1) for i in range(count) for j in range(i)
    )
    pairs = count * (count - 1) / 2
    mean_edge = np.sqrt(squares / pairs)
    if corners.shape[2] == 2:
        shape = np.abs(volume) * 2.0 / np.sqrt(3.0) / mean_edge**2
    else:
        shape = np.abs(volume) * np.sqrt(2.0) / mean_edge**3
    local = float((shape * np.sign(volume) * cell.orientation).min(initial=1.0))
    return float(cell.domain.comm.allreduce(local, op=MPI.MIN))


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
