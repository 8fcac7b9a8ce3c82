"""What a physical term is to an equation set, and how terms from elsewhere are added.

The weak form of an equation set is the sum of its terms, set to zero for all test functions:

    sum over terms of term(problem) = 0

A term is anything that makes a UFL form from the problem: from its named fields and test functions
(``problem.field("supersaturation")``, ``problem.test("supersaturation")``), its constants
(``problem.constant(k)``) and its integrals (``problem.in_metal(density)``,
``problem.on(Boundary.VOID, density)``, ``problem.on_contact(density)``). These carry the weight of
axisymmetric coordinates, so that one expression serves plane, axisymmetric and 3-D cells.

A file of this folder is one term: its parameters (a dataclass, dimensionless), their conversion from the case
(``from_case(loaded, scales)``), its UFL and its equation with symbols, units and source. A term that is off
unless a case asks for it has ``extra_terms(loaded, scales)`` instead, which returns :class:`ExtraTerms`:
:func:`solver.setup.parameters.model_parameters` asks every file here for that function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    import ufl
    from ufl.core.expr import Expr

    from solver.equations.electrochemistry import ElectrochemistryProblem
    from solver.equations.mechanics import MechanicsProblem

Problem_contra = TypeVar("Problem_contra", contravariant=True)


class Term(Protocol[Problem_contra]):
    """Part of the residual of an equation set; a function of the problem is one."""

    def __call__(self, problem: Problem_contra, /) -> ufl.Form:
        """The form, linear in the problem's test functions."""
        ...


@runtime_checkable
class RemovesSites(Protocol[Problem_contra]):
    """A term of the electrochemistry that removes lattice sites in the bulk of the metal.

    The metal loses the volume of these sites: the flow's balance div v = -s takes the sum of
    :meth:`annihilation` over all terms as s (``ElectrochemistryProblem.bulk_annihilation``). A term that
    takes vacancies out of div j_V = -s without saying so here makes the two balances disagree, which
    ``series.csv`` shows in its balance columns.
    """

    def annihilation(self, problem: Problem_contra, /) -> Expr:
        """Sites removed per volume and time, in v0/L; negative where they are made."""
        ...


@dataclass(frozen=True)
class ExtraTerms:
    """Terms beyond those of docs/model.md, by the equation set that they are added to."""

    electrochemistry: tuple[Term[ElectrochemistryProblem], ...] = ()
    mechanics: tuple[Term[MechanicsProblem], ...] = ()

    def __add__(self, other: ExtraTerms) -> ExtraTerms:
        return ExtraTerms(self.electrochemistry + other.electrochemistry, self.mechanics + other.mechanics)
