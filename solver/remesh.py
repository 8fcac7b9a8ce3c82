"""Remeshing: mesh quality, the start values on a new mesh, and the composition carried over to it."""

from __future__ import annotations

import numpy as np
from dolfinx import fem
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from meshes.cell import CellMesh
from meshes.tags import Region
from solver import compat
from solver.composition import CompositionStep
from solver.model import CoupledModel
from solver.roofs import RoofChains
from solver.transfer import Carrier

LARGEST_SHIFT = 0.3
"""Share of its difference from the metal as made by which the solute of a node may be corrected."""


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


def transfer_start(old: CoupledModel, new: CoupledModel, carrier: Carrier) -> None:
    """Interpolate the old solution as the start for Newton on the new mesh. Collective.

    These fields are quasi-static, so this changes effort, not results. Points that the old mesh does not
    hold (both roofs are polygons of one curve) take the nearest value that was found: a velocity of 0 there
    would be a rate of strain that no power-law metal gets over in a few iterations.
    """
    electrolyte, metal = Region.ELECTROLYTE, Region.METAL
    for problem, regions in (("chemistry", (electrolyte, metal, metal)), ("mechanics", (metal, metal))):
        source, target = getattr(old, problem).unknown, getattr(new, problem).unknown
        for part, region in enumerate(regions):
            _carry_part(carrier, source, target, part, new.cell.region(region))
    carrier.interpolate(old.contact_pressure, new.contact_pressure)
    carrier.interpolate(old.pressure, new.pressure)
    new.start_with_pressures()
    new.mechanics.mark_warm()


def transfer_composition(
    old: CoupledModel, new: CoupledModel, chains: RoofChains | None, carrier: Carrier
) -> float:
    """Carry x over to the new mesh and settle it there; returns the relative correction. Collective.

    Interpolation is not conservative: what is missing is put back where x differs from that of the metal as
    made, in proportion to the difference, so that a uniform metal stays so. New nodes that lie just outside
    the old mesh take x from what is nearest to them: an old roof (both roofs are polygons of one curve), or a
    node inside (below a platen that a change of topology has lifted).
    """
    if old.mixing is None or new.mixing is None:
        return 0.0
    source, target = old.mixing.step, new.mixing.step
    found = fem.Function(target.scalars)
    carrier.interpolate(source.fraction, found)
    one, inside = fem.Function(source.scalars), fem.Function(target.scalars)
    # a place on the electrolyte that a void has left bare is not inside the metal
    one.x.array[:] = source.volume > 0.0
    carrier.interpolate(one, inside)
    target.settle()
    values = found.x.array / np.maximum(inside.x.array, 0.5)
    outside = np.flatnonzero((inside.x.array < 0.5) & (target.volume > 0.0))
    if chains is not None:
        inner = np.flatnonzero((inside.x.array >= 0.5) & (target.volume > 0.0))
        points = target.scalars.tabulate_dof_coordinates()
        on_roofs, distance = _on_roofs(source, old, chains, points[outside])
        if len(inner) and len(outside):
            away, nearest = cKDTree(points[inner]).query(points[outside])
            on_roofs = np.where(distance <= away, on_roofs, values[inner[nearest]])
        values[outside] = on_roofs
    values[target.volume <= 0.0] = 0.0
    target.fraction.x.array[:] = np.maximum(values, 0.0)
    target.fraction.x.scatter_forward()
    total = source.total()
    missing = total - target.total()
    _put_back(target, missing, new.parameters.composition.fraction if new.parameters.composition else 0.0)
    new.chemistry.take_fraction()
    return abs(missing / total)


def _put_back(step: CompositionStep, missing: float, made: float) -> None:
    """Add ``missing`` to the solute's total, in proportion to |x - made|. Collective."""
    x, weights = step.fraction.x.array, step.weights()
    own = slice(0, step.scalars.dofmap.index_map.size_local)
    change = np.where(step.volume > 0.0, np.minimum(np.abs(x - made), x), 0.0)
    comm = step.cell.domain.comm
    content = float(comm.allreduce(float(np.sum(weights[own] * x[own]))))
    differs = float(comm.allreduce(float(np.sum(weights[own] * change[own]))))
    if abs(missing) > LARGEST_SHIFT * differs:
        # no layer to speak of: the error is that of the whole
        change, differs = x.copy(), content
    x += missing / differs * change


def _on_roofs(
    source: CompositionStep, old: CoupledModel, chains: RoofChains, points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x of the old roof nodes nearest to ``points``, and how far away they are. Collective."""
    surface = old.surface
    on_surface = fem.Function(surface.scalars)
    on_surface.interpolate(source.fraction)
    local = on_surface.x.array[surface.nodes]
    roofs = chains.positions(surface.positions())
    values = chains.positions(np.column_stack([local, local]))[:, 0]
    if len(points) == 0 or len(roofs) == 0:
        return np.zeros(len(points)), np.full(len(points), np.inf)
    distance, nearest = cKDTree(roofs).query(points[:, :2])
    return np.asarray(values[nearest]), np.asarray(distance)


def _carry_part(
    carrier: Carrier, source: fem.Function, target: fem.Function, part: int, cells: NDArray[np.int32]
) -> None:
    from_space, from_dofs = compat.collapse(source.function_space, part)
    to_space, to_dofs = compat.collapse(target.function_space, part)
    collapsed, found = fem.Function(from_space), fem.Function(to_space)
    collapsed.x.array[:] = source.x.array[from_dofs]
    found.x.array[:] = target.x.array[to_dofs]
    carrier.carry(collapsed, found, cells)
    target.x.array[to_dofs] = found.x.array
