"""What the codes' Python sides share: the order of the problems, their clocks, and what is printed."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.benchmarks.numbers import ANNIHILATION, RESISTANCE


class Engine:
    """Problems on one mesh and what was measured; a code gives the three problems and its constants."""

    def __init__(self) -> None:
        self.seconds = {"build": 0.0, "solve": 0.0}
        self.answers: dict[str, float] = {}
        self.unknowns = self.newton = self.krylov = self.solves = 0

    def constant(self, value: float) -> Any:
        """``value`` as the code's expressions take it."""
        raise NotImplementedError

    def constriction(self) -> Any:
        """Potential under a contact with a resistance."""
        raise NotImplementedError

    def diffusion(self, injected: Any) -> Any:
        """Vacancies between the contact, the gap and a far sink."""
        raise NotImplementedError

    def creep(self, annihilation: Any) -> None:
        """Power-law creep under a pressure, the contact held."""
        raise NotImplementedError

    def run(self, problem: str) -> None:
        """Solve a problem by name."""
        if problem == "constriction":
            self.constriction()
        elif problem == "diffusion":
            self.diffusion(self.constant(1.0))
        elif problem == "creep":
            self.creep(self.constant(0.0))
        else:
            phi = self.constriction()
            s = self.diffusion((1.0 - phi) / RESISTANCE)
            self.creep(ANNIHILATION * (s - 1.0))

    def count(self, start: float, ready: float, unknowns: int) -> None:
        """Book a problem that was built from ``start`` to ``ready`` and is solved now."""
        self.seconds["build"] += ready - start
        self.seconds["solve"] += time.perf_counter() - ready
        self.unknowns += unknowns

    def report(self) -> str:
        """One line of JSON."""
        per_solve = round(self.krylov / max(self.solves, 1), 1)
        return json.dumps(
            {
                "unknowns": self.unknowns,
                "seconds": self.seconds,
                "answers": self.answers,
                "iterations": {"newton": self.newton, "krylov": per_solve},
            }
        )
