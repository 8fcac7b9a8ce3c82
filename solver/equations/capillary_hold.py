"""How much tension surface tension holds at the contact before it parts (docs/model.md 4).

Where a stretch of contact has parted, surface tension draws the new surface back: a void over a stretch with
the border length L pulls the metal down with gamma sin(theta) per unit length of the triple lines that bound
it, and no more (the vertical force of a surface that meets the electrolyte at the contact angle). So a
stretch under tension stays closed while its resultant is below what would close it again,

    int (-p_c - adhesion) dA  <=  gamma sin(theta) L

which is Laplace's law for the largest void that fits: 2 gamma sin(theta)/width in the plane, 2 gamma
sin(theta)/radius for a disc. Lines that exist already do not count in L: a triple line, or the end of contact
that has lifted, only moves when the contact beside it parts; neither does a symmetry side, where the stretch
goes on. Where the resultant is larger, what lies nearest to the triple lines is held up to that force, the
rest parts. Surface tension itself acts on the metal by its weak form, with the line force at the triple
lines; here is only what keeps a contact of no strength of its own (``model.adhesion``) from being torn off in
stretches that a void could not keep open.

Source: balance of forces; equilibrium of a bubble on a wall (de Gennes, Brochard-Wyart, Quere,
Capillarity and Wetting Phenomena, 2004, ch. 1 and 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from meshes.tags import Boundary

if TYPE_CHECKING:
    from meshes.cell import CellMesh

CORNERS = 3
"""Of a triangle; its dofs are those of the corners, then those of the opposite edges."""


class TraceFacets:
    """The contact's facets as seen by all ranks through the global numbers of their dofs.

    Args:
        cell: mesh.
        trace: scalar quadratic space whose dofs on the contact are meant.
        facet_dofs: local dofs of each contact facet of this rank.
        trace_dofs: owned dofs on the contact.
        triple: which of them lie on a triple line.
    """

    def __init__(
        self,
        cell: CellMesh,
        trace: fem.FunctionSpace,
        facet_dofs: NDArray[np.int32],
        trace_dofs: NDArray[np.int32],
        triple: NDArray[np.bool_],
    ) -> None:
        self.cell, self.comm, self._trace = cell, cell.domain.comm, trace
        self.facet_dofs, self.triple, self._trace_dofs = facet_dofs, triple, trace_dofs
        n_local = trace.dofmap.index_map.size_local + trace.dofmap.index_map.num_ghosts
        self._global = trace.dofmap.index_map.local_to_global(np.arange(n_local, dtype=np.int32))
        self.numbers = self._global[trace_dofs]
        fdim = cell.domain.topology.dim - 1
        sides = [Boundary.SIDE_X] + ([Boundary.SIDE_Y] if cell.kind == "3d" else [])
        on_side = [fem.locate_dofs_topological(trace, fdim, cell.boundary(side)) for side in sides]
        self.side = np.isin(trace_dofs, np.concatenate(on_side))
        if cell.kind == "axisymmetric":
            # a stretch around the axis has one border, its outer circle; at the axis its length is 0 anyhow
            self.side &= self.coordinates()[:, 0] > 0.0

    def coordinates(self) -> NDArray[np.float64]:
        """Present coordinates (m, 3) of the owned dofs on the contact."""
        return np.asarray(self._trace.tabulate_dof_coordinates()[self._trace_dofs])

    def rows(self, touched: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Global dofs and corner coordinates of the ``touched`` facets, each once, of all ranks. Collective.

        Args:
            touched: flags at ``facet_dofs``.
        """
        mine = self.facet_dofs[touched]
        corners = mine[:, : self.cell.vertical + 1]
        x = self._trace.tabulate_dof_coordinates()[corners]  # (facets, corners, 3)
        dofs = np.vstack(self.comm.allgather(self._numbers_of(mine)))
        points = np.concatenate(self.comm.allgather(x))
        _, first = np.unique(np.sort(dofs, axis=1), axis=0, return_index=True)
        return dofs[first], points[first]

    def under(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of this rank's facets have a dof among the global ``numbers``."""
        return np.asarray(np.isin(self._numbers_of(self.facet_dofs), numbers).any(axis=1))

    def _numbers_of(self, dofs: NDArray[np.int32]) -> NDArray[np.int64]:
        return np.asarray(self._global[dofs], dtype=np.int64)

    def borders(self, dofs: NDArray[np.int64], points: NDArray[np.float64]) -> tuple[Borders, Borders]:
        """Ends (plane) or edges (3-D) of facets: the dof that stands for each, and its length (um)."""
        if self.cell.kind == "3d":
            edges = dofs[:, CORNERS:]
            sides = [
                np.linalg.norm(points[:, (k + 1) % 3] - points[:, (k + 2) % 3], axis=1) for k in range(3)
            ]
            return edges, np.column_stack(sides)
        ends = dofs[:, :2]
        if self.cell.kind == "axisymmetric":
            return ends, 2.0 * np.pi * points[:, :, 0]
        return ends, np.ones(ends.shape)


Borders = NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True)
class CapillaryHold:
    """What surface tension holds.

    Attributes:
        facets: of the contact.
        line_force: gamma sin(theta) (P0 L).
    """

    facets: TraceFacets
    line_force: float

    def held(self, tension: NDArray[np.float64], lifted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which contact dofs under tension stay in contact. Collective.

        Args:
            tension: tensile nodal force beyond what the contact bears, 0 where there is none, at the owned
                contact dofs.
            lifted: dofs that have left the contact.
        """
        facets, comm = self.facets, self.facets.comm
        pulled = tension > 0.0
        if self.line_force <= 0.0 or not comm.allreduce(int(np.count_nonzero(pulled))):
            return np.zeros(len(tension), dtype=bool)
        x = facets.coordinates()
        mine = np.column_stack([facets.numbers, tension, facets.triple, lifted, facets.side, x])
        known = np.vstack(comm.allgather(mine))
        known = known[np.argsort(known[:, 0])]
        stays = _held(facets, known, self.line_force)
        return np.asarray(stays[np.searchsorted(known[:, 0], facets.numbers)])


def _held(facets: TraceFacets, known: NDArray[np.float64], line_force: float) -> NDArray[np.bool_]:
    """For all contact dofs (rows of ``known``), whether they are under tension and held."""
    numbers, tension = known[:, 0].astype(np.int64), known[:, 1]
    triple, lifted, side = (known[:, k] > 0.0 for k in (2, 3, 4))
    dofs, points = facets.rows(facets.under(numbers[tension > 0.0]))
    places = np.searchsorted(numbers, dofs)
    count, stretch = _stretches(places, tension > 0.0, len(numbers))
    ends, lengths = facets.borders(dofs, points)
    ends = np.searchsorted(numbers, ends)
    once = np.bincount(ends.ravel(), minlength=len(numbers))[ends] == 1
    new_line = once & ~triple[ends] & ~side[ends] & ~lifted[ends]
    owner = stretch[places].max(axis=1)  # of the facet: its dofs under tension are all of one stretch
    capacity = line_force * np.bincount(
        np.repeat(owner, ends.shape[1]), weights=(lengths * new_line).ravel(), minlength=count
    )
    stays = np.zeros(len(numbers), dtype=bool)
    order = np.argsort(_distance(known[:, 5:], triple))
    for k in range(count):
        members = order[stretch[order] == k]
        load = np.cumsum(tension[members])
        if load[-1] <= capacity[k]:
            stays[members] = True
        elif triple[places[owner == k]].any():
            stays[members] = load <= capacity[k]
    return stays


def _stretches(
    places: NDArray[np.int64], under_tension: NDArray[np.bool_], n: int
) -> tuple[int, NDArray[np.int64]]:
    """Number of stretches under tension, and for each dof that of its own (-1 where there is none).

    Facets that share a dof belong together: nodal forces of quadratic elements alternate, and one dof without
    tension between two facets with it does not divide a stretch.
    """
    width = places.shape[1]
    first = np.repeat(places[:, 0], width)
    graph = coo_array((np.ones(places.size), (first, places.ravel())), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    used, inverse = np.unique(label[under_tension], return_inverse=True)
    stretch = np.full(n, -1, dtype=np.int64)
    stretch[under_tension] = inverse
    return len(used), stretch


def _distance(coordinates: NDArray[np.float64], triple: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance of each point to the nearest triple line; 0 for all where there is none."""
    if not triple.any():
        return np.zeros(len(coordinates))
    return np.asarray(cKDTree(coordinates[triple]).query(coordinates)[0])
