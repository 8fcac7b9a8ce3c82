"""What presses on the metal and what holds it (docs/model.md 4).

    sigma n = -P n on the top,  or  v = -V e_y on the top with the resultant force P x area (rigid platen)

P: stack pressure (P0), a dead load or that of a clamp (:mod:`solver.equations.terms.fixture`); V: velocity of
the platen, one unknown, or given. In weak form both are the work P n . w of the test velocity w on the top:
for a platen all w there have one common vertical component, so that the unknown V gets the balance of forces
as its equation. Where V is given there is no such work and P is the reaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import ufl
from ufl.core.expr import Expr

from meshes.tags import Boundary
from solver.equations.terms import fixture, friction
from solver.equations.terms.fixture import FixtureParameters
from solver.equations.terms.friction import FrictionParameters

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.equations.mechanics import MechanicsProblem
    from solver.equations.terms.term import Term
    from solver.setup.scales import Scales


@dataclass(frozen=True)
class LoadParameters:
    """What presses on the metal.

    Attributes:
        pressure: stack pressure / P0; that of a fixture before anything moves.
        top: ``"platen"`` (rigid, horizontal, given force), ``"traction"`` (uniform pressure) or
            ``"velocity"`` (a platen that moves as the fixture says).
        grip: whether the metal sticks to the current collector sideways.
        adhesion: tensile strength of the contact / P0.
        friction: of the contact.
        fixture: what clamps the cell.
    """

    pressure: float = 1.0
    top: Literal["platen", "traction", "velocity"] = "platen"
    grip: bool = False
    adhesion: float = 0.0
    friction: FrictionParameters = field(default_factory=FrictionParameters)
    fixture: FixtureParameters = field(default_factory=FixtureParameters)


def from_case(loaded: LoadedCase, scales: Scales) -> LoadParameters:
    """Parameters of a case."""
    model = loaded.case.model
    return LoadParameters(
        pressure=loaded.case.operation.pressure / scales.stress,
        top=model.top,
        grip=model.grip,
        adhesion=model.adhesion / scales.stress,
        friction=friction.from_case(loaded, scales),
        fixture=fixture.from_case(loaded, scales),
    )


def top_terms(given: LoadParameters) -> list[Term[MechanicsProblem]]:
    """The work on the top: none where the platen's velocity is given."""
    if given.top == "velocity":
        return []
    return [fixture.ClampedTop() if given.fixture.stiffness > 0.0 else StackPressure()]


class StackPressure:
    """Work against the stack pressure."""

    def __call__(self, problem: MechanicsProblem) -> ufl.Form:
        """P n . w on the top."""
        normal = ufl.FacetNormal(problem.cell.domain)
        load = top_load(pressure=problem.pressure_load, test=problem.test("velocity"), normal=normal)
        return problem.on(Boundary.TOP, load)


def top_load(*, pressure: Expr, test: Expr, normal: Expr) -> Expr:
    """Work against the stack pressure on the top (surface density)."""
    return pressure * ufl.inner(test, normal)
