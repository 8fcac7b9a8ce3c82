"""Friction of the metal on the electrolyte (docs/model.md 4).

    |tau| <= tau_0,   tau = tau_0 v_t/|v_t| where the metal slides (Tresca)

tau: shear stress on the contact; tau_0: its limit (P0); v_t: sliding velocity. Without friction tau = 0; a
contact that sticks has v_t = 0, which is a constraint and no term.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import ufl
from ufl.core.expr import Expr

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.equations.mechanics import MechanicsProblem
    from solver.setup.scales import Scales

STICKING_SLIP = 1e-2
"""Slip rate (v0) at which Tresca friction has reached 71 % of its limit."""


@dataclass(frozen=True)
class FrictionParameters:
    """Friction at the contact.

    Attributes:
        law: ``"slip"``, ``"stick"`` or ``"tresca"``.
        limit: shear stress / P0 at which a Tresca contact slides.
    """

    law: Literal["slip", "stick", "tresca"] = "slip"
    limit: float = 0.0


def from_case(loaded: LoadedCase, scales: Scales) -> FrictionParameters:
    """Parameters of a case."""
    model = loaded.case.model
    limit = 0.0 if model.friction_limit is None else model.friction_limit
    return FrictionParameters(model.friction, limit / scales.stress)


class TrescaFriction:
    """Work of the shear stress on a sliding contact."""

    def __call__(self, problem: MechanicsProblem) -> ufl.Form:
        """tau . w_t on the contact."""
        lateral = range(problem.cell.vertical)
        velocity, test = problem.field("velocity")("+"), problem.test("velocity")("+")
        return problem.on_contact(
            tresca_friction(
                slip=ufl.as_vector([velocity[k] for k in lateral]),
                test=ufl.as_vector([test[k] for k in lateral]),
                limit=problem.constant(problem.load.friction.limit),
                regularisation=problem.constant(STICKING_SLIP),
            )
        )


def tresca_friction(*, slip: Expr, test: Expr, limit: Expr, regularisation: Expr) -> Expr:
    """Work of the shear stress of a contact that slides at ``limit`` (surface density).

    Below the limit the metal sticks; that corner of the law is rounded over slip rates of
    ``regularisation``: tau = limit v / sqrt(v^2 + regularisation^2).
    """
    speed = ufl.sqrt(ufl.inner(slip, slip) + regularisation**2)
    return limit * ufl.inner(slip, test) / speed
