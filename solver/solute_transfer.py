"""The composition carried over to a new mesh: projection, bounds, and what the total then lacks."""

from __future__ import annotations

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray

from meshes.tags import Region
from solver import compat
from solver.composition import QUADRATURE_DEGREE, CompositionStep
from solver.constraints import ConstraintSpec, Reduction
from solver.coordinates import weight
from solver.model import CoupledModel
from solver.newton import NewtonSolver
from solver.recipes import NEWTON_DIRECT
from solver.roofs import RoofChains
from solver.transfer import Carrier, nearest_known

LARGEST_SHIFT = 0.3
"""Share of its difference from the metal as made by which the solute of a node may be corrected."""
CORNER_REACH = 0.26
"""What a linear function has at a triangle's corners beyond its values at the quadrature points, over their
range: the outermost have barycentric coordinates 0.817 and 0.092."""


def transfer_composition(
    old: CoupledModel, new: CoupledModel, chains: RoofChains | None, carrier: Carrier
) -> float:
    """Carry x over to the new mesh and settle it there; returns the relative correction. Collective.

    An L2 projection within the values that it projects: nodal interpolation of a thin layer of solute changes
    what the layer holds. What the total still lacks is put back where x differs from that of the metal as
    made, in proportion to the difference, so that a uniform metal stays so.
    """
    if old.mixing is None or new.mixing is None or new.parameters.composition is None:
        return 0.0
    source, target = old.mixing.step, new.mixing.step
    target.settle()
    target.fraction.x.array[:] = _projected(target, _at_points(old, source, target, chains, carrier))
    total = source.total()
    missing = total - target.total()
    _put_back(target, missing, new.parameters.composition.fraction)
    new.chemistry.take_fraction()
    return abs(missing / total)


def _at_points(
    old: CoupledModel,
    source: CompositionStep,
    target: CompositionStep,
    chains: RoofChains | None,
    carrier: Carrier,
) -> fem.Function:
    """x of the old mesh at the quadrature points of the new one. Collective.

    Points just outside the old metal take x from what is nearest to them: an old roof (both roofs are
    polygons of one curve), or a point inside (below a platen that a change of topology has lifted).
    """
    vectors = target.atom_velocity.function_space
    domain, gdim = target.cell.domain, int(target.cell.domain.geometry.dim)
    element = basix.ufl.quadrature_element(domain.basix_cell(), degree=QUADRATURE_DEGREE)
    found, inside = (fem.Function(fem.functionspace(domain, element)) for _ in range(2))
    known = fem.Function(source.scalars)
    known.x.array[:] = source.volume > 0.0
    carrier.interpolate(source.fraction, found)
    carrier.interpolate(known, inside)
    values, hit = found.x.array, inside.x.array >= 0.5
    values[hit] /= inside.x.array[hit]
    where = fem.Function(vectors)
    where.interpolate(
        fem.Expression(ufl.SpatialCoordinate(domain), compat.interpolation_points(vectors)),
    )
    points = where.x.array.reshape(-1, gdim)
    metal = found.function_space.dofmap.list[target.cell.region(Region.METAL)].ravel()
    known_dofs, missed = metal[hit[metal]], metal[~hit[metal]]
    nearest, away = nearest_known(points[known_dofs], values[known_dofs], points[missed])
    if chains is not None:
        on_roofs, distance = _on_roofs(source, old, chains, points[missed])
        nearest = np.where(distance <= away, on_roofs, nearest)
    values[missed] = nearest
    found.x.scatter_forward()
    return found


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
    return nearest_known(roofs, values, points[:, :2])


def _projected(step: CompositionStep, values: fem.Function) -> NDArray[np.float64]:
    """L2 projection onto the nodes, kept within the values in the cells around each node. Collective."""
    scalars, metal = step.scalars, step.cell.region(Region.METAL)
    owned = np.arange(scalars.dofmap.index_map.size_local, dtype=np.int32)
    fixed = np.setdiff1d(owned, scalars.dofmap.list[metal].ravel()).astype(np.int32)
    projection = fem.Function(scalars)
    test = ufl.TestFunction(scalars)
    residual = weight(step.cell) * (projection - values) * test * step.dx()
    reduction = Reduction(scalars, ConstraintSpec(fixed=[fixed]))
    newton = NewtonSolver("solute", residual, projection, reduction, NEWTON_DIRECT)
    try:
        newton.solve()
    finally:
        newton.destroy()
        reduction.destroy()
    x = projection.x.array
    low, high = np.full(len(x), np.inf), np.zeros(len(x))
    nodes, points = scalars.dofmap.list[metal], values.x.array[values.function_space.dofmap.list[metal]]
    smallest, largest = points.min(axis=1), points.max(axis=1)
    beyond = CORNER_REACH * (largest - smallest)
    for k in range(nodes.shape[1]):
        np.minimum.at(low, nodes[:, k], np.maximum(smallest - beyond, 0.0))
        np.maximum.at(high, nodes[:, k], largest + beyond)
    x[:] = np.where(step.volume > 0.0, np.clip(x, low, high), 0.0)
    projection.x.scatter_forward()
    return np.asarray(x)


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
