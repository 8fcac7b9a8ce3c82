"""The composition carried over to a new mesh: projection, bounds, and what the total then lacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from ufl.core.expr import Expr

from meshes import compat
from meshes.tags import Region
from solver.algebra.interpolation import PADDING, Carrier, nearest_known
from solver.algebra.options import NEWTON_DIRECT
from solver.algebra.projection import Projection
from solver.equations.composition import QUADRATURE_DEGREE
from solver.equations.coordinates import weight

if TYPE_CHECKING:
    from meshes.profile.base import Profile
    from solver.equations.composition import CompositionStep
    from solver.equations.coupled_model import CoupledModel

LARGEST_SHIFT = 0.3
"""Share of its difference from the metal as made by which the solute of a node may be corrected."""
CORNER_REACH = 0.26
"""What a linear function has at a triangle's corners beyond its values at the quadrature points, over their
range: the outermost have barycentric coordinates 0.817 and 0.092."""


def transfer_composition(old: CoupledModel, new: CoupledModel, profiles: tuple[Profile, Profile]) -> float:
    """Carry x over to the new mesh and settle it there; returns the relative correction. Collective.

    A change of topology moves metal: where a roof comes down, the layer of solute on it comes down too.
    Columns of metal are therefore taken along by as much as their lower end moves. An L2 projection follows,
    within the values that it projects: nodal interpolation of a thin layer would change what the layer holds.
    What the total still lacks is put back where x differs from that of the metal as made, in proportion to
    the difference, so that a uniform metal stays so.

    Args:
        old, new: models on the two meshes; without composition nothing is done.
        profiles: old and new interface.
    """
    if old.solute is None or new.solute is None or new.parameters.composition is None:
        return 0.0
    source, target = old.solute.step, new.solute.step
    target.settle()
    target.fraction.x.array[:] = _projected(target, _at_points(source, target, profiles))
    total = source.total()
    missing = total - target.total()
    _put_back(target, missing, new.parameters.composition.fraction)
    new.chemistry.take_fraction()
    return abs(missing / total)


def _at_points(
    source: CompositionStep,
    target: CompositionStep,
    profiles: tuple[Profile, Profile],
) -> fem.Function:
    """x at the quadrature points of the new mesh, from where their metal was in the old one. Collective.

    Points whose metal is found nowhere (below a platen that has been lifted) take x from the nearest that is.
    """
    vectors = target.atom_velocity.function_space
    domain, gdim = target.cell.domain, int(target.cell.domain.geometry.dim)
    element = basix.ufl.quadrature_element(domain.basix_cell(), degree=QUADRATURE_DEGREE)
    found, inside = (fem.Function(fem.functionspace(domain, element)) for _ in range(2))
    known = fem.Function(source.scalars)
    known.x.array[:] = source.volume > 0.0
    with _where_it_was(target, profiles):
        carrier = Carrier()
        carrier.interpolate(source.fraction, found)
        carrier.interpolate(known, inside)
    values, hit = found.x.array, inside.x.array >= 0.5
    values[hit] /= inside.x.array[hit]
    where = fem.Function(vectors)
    where.interpolate(fem.Expression(ufl.SpatialCoordinate(domain), compat.interpolation_points(vectors)))
    points = where.x.array.reshape(-1, gdim)
    metal = found.function_space.dofmap.list[target.cell.region(Region.METAL)].ravel()
    known_dofs, missed = metal[hit[metal]], metal[~hit[metal]]
    values[missed] = nearest_known(points[known_dofs], values[known_dofs], points[missed])[0]
    found.x.scatter_forward()
    return found


@contextmanager
def _where_it_was(step: CompositionStep, profiles: tuple[Profile, Profile]) -> Iterator[None]:
    """The mesh with its columns of metal moved to where they stood on the old interface."""
    x = step.cell.domain.geometry.x
    here = x.copy()
    vertical = step.cell.vertical
    old, new = (profile.height_at(here[:, :vertical]) for profile in profiles)
    metal = here[:, vertical] > -PADDING
    x[metal, vertical] += (old - new)[metal]
    try:
        yield
    finally:
        x[:] = here


def _projected(step: CompositionStep, values: fem.Function) -> NDArray[np.float64]:
    """L2 projection onto the nodes, kept within the values in the cells around each node. Collective."""
    scalars, metal = step.scalars, step.cell.region(Region.METAL)

    def residual(value: fem.Function, test: Expr) -> ufl.Form:
        return weight(step.cell) * (value - values) * test * step.dx()

    inside = np.unique(scalars.dofmap.list[metal])
    projection = Projection("solute", scalars, inside, residual, NEWTON_DIRECT)
    try:
        x = projection.update().x.array
    finally:
        projection.destroy()
    low, high = np.full(len(x), np.inf), np.zeros(len(x))
    nodes, points = scalars.dofmap.list[metal], values.x.array[values.function_space.dofmap.list[metal]]
    smallest, largest = points.min(axis=1), points.max(axis=1)
    beyond = CORNER_REACH * (largest - smallest)
    for k in range(nodes.shape[1]):
        np.minimum.at(low, nodes[:, k], np.maximum(smallest - beyond, 0.0))
        np.maximum.at(high, nodes[:, k], largest + beyond)
    x[:] = np.where(step.volume > 0.0, np.clip(x, low, high), 0.0)
    projection.value.x.scatter_forward()
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
