"""Ordered roofs of a two-dimensional mesh: their profile, and even spacing of their nodes.

Void surfaces move along their normals, which stretches the mesh where a triple line advances. Capillary
stress goes with 1/h and creep with its 6.6th power, so a stretched roof would answer wrongly; nodes are
therefore slid along the roof every step to keep the spacing that the size rule asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from meshes import compat
from meshes.profile.polyline import InterfaceProfile, redistribute, roof_count
from meshes.tags import Boundary

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from meshes.sizing import SizeRule
    from solver.equations.motion import SurfaceGeometry

COUNT_SLACK = 0.25
"""Relative difference between a roof's nodes and those its length asks for that wants a new mesh."""


class ProfileError(RuntimeError):
    """The interface of the moved mesh is no set of simple roofs any more."""


@dataclass(frozen=True)
class RoofChains:
    """Roofs as chains of global node numbers, the same on every rank; fixed for one mesh.

    Attributes:
        cell: mesh.
        chains: global geometry node numbers of each roof, from left to right.
        slots: for each of ``surface.nodes``: position in the concatenated chains.
        electrolyte_depth: for the profiles.
    """

    cell: CellMesh
    chains: tuple[NDArray[np.int64], ...]
    slots: NDArray[np.int64]
    geometry_nodes: NDArray[np.int32]
    owned: NDArray[np.bool_]
    electrolyte_depth: float
    width: float

    def positions(self, local: NDArray[np.float64]) -> NDArray[np.float64]:
        """All roof points (n, 2) in chain order from the local ones (m, 2). Collective.

        Only void surface nodes travel between ranks: their number grows with the interface, not with
        the mesh.
        """
        total = sum(len(chain) for chain in self.chains)
        mine = np.zeros((total, 2))
        mine[self.slots[self.owned]] = local[self.owned]
        everyone = np.empty_like(mine)
        self.cell.domain.comm.Allreduce(mine, everyone, op=MPI.SUM)
        return everyone

    def sums(self, local: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of nodal values (at ``surface.nodes``) over each roof, the same on every rank. Collective."""
        roof_of_slot = np.repeat(np.arange(len(self.chains)), [len(chain) for chain in self.chains])
        mine = np.zeros(len(self.chains))
        np.add.at(mine, roof_of_slot[self.slots[self.owned]], local[self.owned])
        everyone = np.empty_like(mine)
        self.cell.domain.comm.Allreduce(mine, everyone, op=MPI.SUM)
        return everyone

    def profile(self) -> InterfaceProfile:
        """Present interface profile, the same on every rank. Collective."""
        x = self.cell.domain.geometry.x
        height = self.cell.domain.comm.allreduce(float(x[:, 1].max(initial=0.0)), op=MPI.MAX)
        return InterfaceProfile(
            self.width,
            height,
            self.electrolyte_depth,
            tuple(self.roofs(x[self.geometry_nodes, :2])),
            self.cell.kind == "axisymmetric",
        )

    def roofs(self, local: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Roofs through local surface points (m, 2), the same on every rank. Collective."""
        return [_snapped(roof, self.width) for roof in self._split(self.positions(local))]

    def even(self, roofs: list[NDArray[np.float64]], rule: SizeRule) -> NDArray[np.float64]:
        """Local surface points (m, 2) after sliding along moved ``roofs`` to the rule's spacing."""
        if not self.chains:
            return np.zeros((0, 2))
        ends = [end for roof in roofs for end in (roof[0], roof[-1]) if end[1] == 0.0]
        triples = np.array(ends).reshape(-1, 2)
        even = np.concatenate([redistribute(roof, rule, triples, len(roof) - 1) for roof in roofs])
        return even[self.slots]

    def matching(self, _profile: object) -> RoofChains:
        """Roofs from left to right are in the order of any profile."""
        return self

    def _split(self, points: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        return np.split(points, np.cumsum([len(c) for c in self.chains])[:-1]) if self.chains else []


def roof_chains(cell: CellMesh, surface: SurfaceGeometry, electrolyte_depth: float) -> RoofChains:
    """Find the roofs of a two-dimensional mesh. Collective.

    Raises:
        ProfileError: on every rank, if the void facets do not chain up.
    """
    domain, comm = cell.domain, cell.domain.comm
    fdim = domain.topology.dim - 1
    facets = cell.boundary(Boundary.VOID)
    facets = facets[facets < domain.topology.index_map(fdim).size_local]
    nodes = compat.entity_nodes(domain, fdim, facets)
    to_global = domain.geometry.index_map().local_to_global
    numbers = to_global(nodes.ravel()).reshape(-1, 2)
    parts = comm.gather((numbers, domain.geometry.x[nodes][:, :, 0]), root=0)
    result: tuple[NDArray[np.int64], ...] | str | None = None
    if parts is not None:
        try:
            result = _chain(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))
        except ProfileError as error:
            result = str(error)
    result = comm.bcast(result, root=0)
    if not isinstance(result, tuple):
        raise ProfileError(str(result))
    slot = {int(n): k for k, n in enumerate(np.concatenate(result) if result else [])}
    slots = np.array([slot[int(n)] for n in to_global(surface.geometry_nodes)], dtype=np.int64)
    owned = surface.nodes < surface.scalars.dofmap.index_map.size_local
    width = comm.allreduce(float(domain.geometry.x[:, 0].max(initial=0.0)), op=MPI.MAX)
    return RoofChains(cell, result, slots, surface.geometry_nodes, owned, electrolyte_depth, width)


def spacing_is_off(profile: InterfaceProfile, rule: SizeRule) -> bool:
    """Whether some roof has far more or fewer nodes than its length asks for."""
    triples = profile.triple_points()
    for roof in profile.roofs:
        wanted = roof_count(roof, rule, triples)
        if abs(len(roof) - 1 - wanted) > max(2.0, COUNT_SLACK * wanted):
            return True
    return False


def _chain(numbers: NDArray[np.int64], x: NDArray[np.float64]) -> tuple[NDArray[np.int64], ...]:
    """Join facets (pairs of node numbers) into chains from left to right, sorted by x."""
    neighbours: dict[int, list[int]] = {}
    where: dict[int, float] = {}
    for pair, ends in zip(numbers, x, strict=True):
        for k in (0, 1):
            neighbours.setdefault(int(pair[k]), []).append(int(pair[1 - k]))
            where[int(pair[k])] = float(ends[k])
    if any(len(n) > 2 for n in neighbours.values()):
        raise ProfileError("void surfaces touch")
    tips = sorted((n for n, near in neighbours.items() if len(near) == 1), key=lambda n: where[n])
    chains, used = [], set()
    for tip in tips:
        if tip in used:
            continue
        path, previous = [tip], -1
        while onward := [n for n in neighbours[path[-1]] if n != previous]:
            previous = path[-1]
            path.append(onward[0])
        used |= {path[0], path[-1]}
        chains.append(np.array(path, dtype=np.int64))
    if sum(len(chain) for chain in chains) != len(neighbours):
        raise ProfileError("a void surface is a closed ring")
    return tuple(chains)


def _snapped(roof: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Ends exactly on y = 0 or on their side (the motion keeps them there up to rounding)."""
    roof = roof.copy()
    for end in (0, -1):
        x, y = roof[end]
        if abs(y) < 1e-12 * width:
            roof[end, 1] = 0.0
        elif min(x, width - x) < 1e-9 * width:
            roof[end, 0] = 0.0 if x < 0.5 * width else width
    return roof
