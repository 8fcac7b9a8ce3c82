"""Warnings of a run, each given once: poor resolution, a balance not kept, a model beyond its validity."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from solver.algebra.petsc_options import unread_options
from solver.simulation import validity
from solver.simulation.callbacks import Callback

if TYPE_CHECKING:
    from solver.algebra.options import ModelSolverOptions
    from solver.simulation.simulation import Simulation
    from solver.simulation.validity import Finding
    from solver.stepping.observables import BalanceErrors, Observation

log = logging.getLogger("livoid")

POORLY_RESOLVED = 0.05
"""Error indicator of the composition above which the run warns."""
UNBALANCED = 1e-5
"""Relative error of a balance above which the run warns: they hold to the solver's tolerance."""
ROUNDING = 1e-12
"""Error of a balance over the whole metal below which it is one of rounding (in very short steps)."""


class Warnings(Callback):
    """Warns in the log; ``given`` are the names of the warnings that have been given."""

    name = "warnings"

    def __init__(self) -> None:
        self.given: set[str] = set()

    def run_begins(self, simulation: Simulation) -> None:
        """Warn of what is known before the run."""
        for name, sentence in validity.of_case(simulation.setup):
            self._once(name, "%s", sentence)

    def state_solved(self, simulation: Simulation) -> None:
        """Warn of what a step has brought about."""
        seen, clock = simulation.last, simulation.clock
        assert seen is not None
        profile = simulation.interface.profile
        self.validity(validity.of_state(simulation.setup, profile, seen), clock.time)
        self.resolution(seen, clock.time)
        self.balances(seen.charge_error, simulation.errors, clock.step)
        if clock.step > 0:  # every solver has been at work
            self.solvers(simulation.setup.solver_options)

    def validity(self, findings: Iterable[Finding], seconds: float) -> None:
        """Warn where the model leaves its validity."""
        for name, sentence in findings:
            self._once(name, "at %.4g s: %s", seconds, sentence)

    def resolution(self, seen: Observation, seconds: float) -> None:
        """Warn where the solute's layer is poorly resolved."""
        if seen.solute is None or seen.solute.indicator <= POORLY_RESOLVED:
            return
        self._once(
            "resolution",
            "the solute's layer is poorly resolved at %.4g s (error indicator %.2g): reduce "
            "numerics.layer_size or raise numerics.layer_depth",
            seconds,
            seen.solute.indicator,
        )

    def solvers(self, options: ModelSolverOptions) -> None:
        """Warn of solver options of the case that nothing has asked for."""
        if not options.changed or "solvers" in self.given:
            return
        self.given.add("solvers")
        unread = unread_options(options.sets, options.changed)
        if unread:
            log.warning(
                "PETSc never reads %s: no solver of that set has such a part",
                ", ".join(f"numerics.petsc.{option}" for option in unread),
            )

    def balances(self, charge: float, errors: BalanceErrors, step: int) -> None:
        """Warn where charge, lithium or volume are not kept."""
        for name, error in (("charge", charge), ("lithium", errors.lithium), ("volume", errors.volume)):
            rounding = name != "charge" and error * errors.exchanged < ROUNDING
            if error > UNBALANCED and not rounding:
                text = "the balance of %s is off by %.2g at step %d: do not trust this run"
                self._once(name, text, name, error, step)

    def _once(self, name: str, text: str, *values: object) -> None:
        """Warn unless a warning of this name has been given."""
        if name not in self.given:
            self.given.add(name)
            log.warning(text, *values)

    def state(self) -> Any:
        """Names of the warnings that have been given."""
        return sorted(self.given)

    def restore(self, state: Any) -> None:
        """Go on from :meth:`state`."""
        self.given = set(state)
