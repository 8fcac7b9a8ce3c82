"""A verification row: exact, computed, error and observed order; and the registration of rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mpi4py import MPI

ORDER_SLACK = 0.3
"""An observed order may fall this much below the theoretical one (two meshes of an unstructured family)."""


@dataclass(frozen=True)
class Check:
    """One number against its exact value.

    Attributes:
        quantity: what is compared.
        exact, computed: values on the finest mesh.
        tolerance: largest relative error on the finest mesh (absolute where exact is 0).
        errors: error on each mesh, coarse to fine, each with half the element size of the last.
        expected_order: theoretical order, None where the solution is not smooth enough for one.
    """

    quantity: str
    exact: float
    computed: float
    tolerance: float
    errors: tuple[float, ...] = ()
    expected_order: float | None = None

    @property
    def error(self) -> float:
        """Relative error, absolute where the exact value is 0."""
        difference = abs(self.computed - self.exact)
        return difference / abs(self.exact) if self.exact != 0.0 else difference

    @property
    def order(self) -> float | None:
        """Order observed between the two finest meshes."""
        if len(self.errors) < 2 or min(self.errors[-2:]) <= 0.0:
            return None
        return math.log2(self.errors[-2] / self.errors[-1])

    @property
    def passed(self) -> bool:
        """Error within tolerance and order as expected."""
        if not self.error <= self.tolerance:
            return False
        if self.expected_order is None:
            return True
        return self.order is not None and self.order >= self.expected_order - ORDER_SLACK


RowFunction = Callable[[MPI.Comm], Sequence[Check]]


@dataclass(frozen=True)
class VerificationRow:
    """A row of docs/verification.md."""

    name: str
    number: str
    title: str
    function: RowFunction


REGISTERED: dict[str, VerificationRow] = {}
"""Rows of all modules that have been imported, by name."""


def row(name: str, number: str, title: str) -> Callable[[RowFunction], RowFunction]:
    """Register a verification row."""

    def register(function: RowFunction) -> RowFunction:
        REGISTERED[name] = VerificationRow(name, number, title, function)
        return function

    return register


def refined(
    quantity: str,
    exact: float,
    compute: Callable[[int], float],
    *,
    levels: int,
    tolerance: float,
    expected_order: float | None = None,
) -> Check:
    """Check of a scalar on meshes 0 .. levels - 1."""
    values = [compute(level) for level in range(levels)]
    scale = abs(exact) if exact != 0.0 else 1.0
    errors = tuple(abs(value - exact) / scale for value in values)
    return Check(quantity, exact, values[-1], tolerance, errors, expected_order)
