"""An equation set: one mixed finite-element unknown whose parts have names, and the integrals of its terms.

Terms, the checkpoint, remeshing and the records know the parts by name and nothing of their order:
``problem.field("velocity")`` is the UFL expression, ``problem.test("velocity")`` its test function, and
``problem.part("velocity")`` what holds the numbers (:class:`NamedField`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from ufl.core.expr import Expr

from meshes import compat
from meshes.tags import Boundary, Region
from solver.equations.coordinates import contact_weight, weight

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.algebra.reduction import Reduction


@dataclass(frozen=True)
class NamedField:
    """One field of a model by its name: a part of a mixed unknown, or a function of its own.

    Attributes:
        name: unique in its model.
        function: to evaluate or interpolate from; for a part, a view into the mixed unknown.
        space: the field's own space (that of a part is collapsed).
        dofs: where in ``holder`` the values of ``space`` are, ghosts included.
        holder: the function with the numbers.
        region: where the field lives and is worth carrying to another mesh, None where it is not.
    """

    name: str
    function: fem.Function
    space: fem.FunctionSpace
    dofs: NDArray[np.int32]
    holder: fem.Function
    region: Region | None = None

    @property
    def values(self) -> NDArray[np.float64]:
        """Nodal values in the order of ``space``, on this rank with ghosts (a copy)."""
        return np.asarray(self.holder.x.array[self.dofs])

    def assign(self, values: NDArray[np.float64]) -> None:
        """Put nodal values in, in the order of ``space``."""
        self.holder.x.array[self.dofs] = values

    def copy(self) -> fem.Function:
        """The field as a function of its own."""
        made = self.blank()
        made.x.array[:] = self.values
        return made

    def blank(self) -> fem.Function:
        """A function of the field's name and space, 0 everywhere."""
        return fem.Function(self.space, name=self.name)


def whole(name: str, function: fem.Function, region: Region | None = None) -> NamedField:
    """A function that is a field by itself."""
    dofs = np.arange(len(function.x.array), dtype=np.int32)
    return NamedField(name, function, function.function_space, dofs, function, region)


class EquationSet:
    """A mixed unknown on one mesh.

    Args:
        cell: mesh.
        name: of the unknown.
        elements: finite element of each part, by name and in order.
        regions: where the parts that are worth carrying to another mesh live.
        metal_degree, surface_degree: quadrature degree in the metal and on boundaries; None leaves it to UFL.

    Attributes:
        space, unknown: the mixed space and the function that holds all parts.
        reduction: which of its dofs are given or tied.
    """

    reduction: Reduction

    def __init__(
        self,
        cell: CellMesh,
        name: str,
        elements: Mapping[str, Any],
        regions: Mapping[str, Region],
        *,
        metal_degree: int | None = None,
        surface_degree: int | None = None,
    ) -> None:
        self.cell, self.name, self._regions = cell, name, regions
        self.names = tuple(elements)
        self.space = fem.functionspace(cell.domain, basix.ufl.mixed_element(list(elements.values())))
        self.unknown = fem.Function(self.space, name=name)
        self._metal = {} if metal_degree is None else {"quadrature_degree": metal_degree}
        self._surface = {} if surface_degree is None else {"quadrature_degree": surface_degree}
        self._fields = dict(zip(self.names, ufl.split(self.unknown), strict=True))
        self._tests = dict(zip(self.names, ufl.TestFunctions(self.space), strict=True))
        self._parts: dict[str, NamedField] = {}

    def field(self, name: str) -> Expr:
        """Part of the unknown as a UFL expression."""
        return self._fields[name]

    def test(self, name: str) -> Expr:
        """Test function of a part."""
        return self._tests[name]

    def subspace(self, name: str) -> fem.FunctionSpace:
        """View of a part's space in the mixed one."""
        return self.space.sub(self.names.index(name))

    def part(self, name: str) -> NamedField:
        """A part by name. Collective when a part is asked for the first time."""
        if name not in self._parts:
            space, dofs = compat.collapse(self.subspace(name))
            view = self.unknown.sub(self.names.index(name))
            self._parts[name] = NamedField(
                f"{self.name}_{name}", view, space, dofs, self.unknown, self._regions.get(name)
            )
        return self._parts[name]

    def parts(self) -> list[NamedField]:
        """All parts in order. Collective."""
        return [self.part(name) for name in self.names]

    @contextmanager
    def given_values_kept(self) -> Iterator[None]:
        """Inside, anything may be written into the unknown: dofs that are given have their values after."""
        given = self.reduction.given()
        values = self.unknown.x.array[given]
        yield
        self.unknown.x.array[given] = values
        self.unknown.x.scatter_forward()

    def constant(self, value: float) -> fem.Constant:
        """A number of a form; written into the form itself, each value would compile anew."""
        return fem.Constant(self.cell.domain, float(value))

    def in_metal(self, density: Expr) -> ufl.Form:
        """Integral over the metal."""
        return weight(self.cell) * density * self.cell.dx(Region.METAL, **self._metal)

    def in_electrolyte(self, density: Expr) -> ufl.Form:
        """Integral over the electrolyte."""
        return weight(self.cell) * density * self.cell.dx(Region.ELECTROLYTE)

    def on_contact(self, density: Expr) -> ufl.Form:
        """Integral over the contact, an interior boundary: of traces, ``field("+")``."""
        return contact_weight(self.cell) * density * self.cell.dS(Boundary.CONTACT, **self._surface)

    def on(self, boundary: Boundary, density: Expr) -> ufl.Form:
        """Integral over an exterior boundary."""
        return weight(self.cell) * density * self.cell.ds(boundary, **self._surface)


def summed(forms: Sequence[ufl.Form]) -> ufl.Form:
    """Sum of forms, at least one."""
    return sum(forms[1:], forms[0])
