"""Volume balance of the flowing metal (docs/model.md 3 and 4).

    div v = -s

v: velocity of the lattice (v0); s: lattice sites removed per volume and time (v0/L). Creep itself keeps the
volume; where vacancies are annihilated the lattice shrinks. The pressure p (P0) is the multiplier of this
constraint: its work -p div(w) for the test velocity w stands in the momentum balance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ufl
from ufl.core.expr import Expr

from solver.equations.coordinates import strain_rate

if TYPE_CHECKING:
    from solver.equations.mechanics import MechanicsProblem


@dataclass(frozen=True)
class VolumeBalance:
    """Weak form of div v = -s and the pressure's work.

    Attributes:
        annihilation: s.
    """

    annihilation: Expr

    def __call__(self, problem: MechanicsProblem) -> ufl.Form:
        """-p div w - (div v + s) q in the metal."""
        rate = strain_rate(problem.field("velocity"), problem.cell)
        test_rate = strain_rate(problem.test("velocity"), problem.cell)
        work = pressure_work(pressure=problem.field("pressure"), test_rate=test_rate)
        balance = volume_balance(rate=rate, annihilation=self.annihilation, test=problem.test("pressure"))
        return problem.in_metal(work + balance)


def pressure_work(*, pressure: Expr, test_rate: Expr) -> Expr:
    """-p div(test) (volume density)."""
    return -pressure * ufl.tr(test_rate)


def volume_balance(*, rate: Expr, annihilation: Expr, test: Expr) -> Expr:
    """Weak form of div v = -s (volume density); the sign keeps the system symmetric."""
    return -(ufl.tr(rate) + annihilation) * test
