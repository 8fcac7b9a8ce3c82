"""What a run says once: a poorly resolved composition, a balance that is not kept, the solubility limit."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from meshes.topology import Event
from solver.stepping import step

if TYPE_CHECKING:
    from solver.equations.composition_update import Mixing
    from solver.simulation.validity import Finding
    from solver.stepping.observables import Observation

log = logging.getLogger("livoid")

POORLY_RESOLVED = 0.05
"""Error indicator of the composition above which the run warns."""
UNBALANCED = 1e-5
"""Relative error of a balance above which the run warns: they hold to the solver's tolerance."""
ROUNDING = 1e-12
"""Error of a balance over the whole metal below which it is one of rounding (in very short steps)."""


class Watch:
    """Remembers in ``said`` what has been said."""

    def __init__(self, said: set[str] | None = None) -> None:
        self.said: set[str] = said or set()

    def validity(self, findings: Iterable[Finding], seconds: float) -> None:
        """Warn where the model leaves its validity."""
        for name, sentence in findings:
            if name not in self.said:
                self.said.add(name)
                log.warning("at %.4g s: %s", seconds, sentence)

    def resolution(self, seen: Observation, seconds: float) -> None:
        """Warn where the solute's layer is poorly resolved."""
        if seen.solute is None or seen.solute.indicator <= POORLY_RESOLVED or "resolution" in self.said:
            return
        self.said.add("resolution")
        log.warning(
            "the solute's layer is poorly resolved at %.4g s (error indicator %.2g): reduce "
            "numerics.layer_size or raise numerics.layer_depth",
            seconds,
            seen.solute.indicator,
        )

    def balances(self, charge: float, errors: step.BalanceErrors, step: int) -> None:
        """Warn where charge, lithium or volume are not kept."""
        for name, error in (("charge", charge), ("lithium", errors.lithium), ("volume", errors.volume)):
            rounding = name != "charge" and error * errors.exchanged < ROUNDING
            if error > UNBALANCED and not rounding and name not in self.said:
                self.said.add(name)
                log.warning(
                    "the balance of %s is off by %.2g at step %d: do not trust this run", name, error, step
                )

    def solubility(self, mixing: Mixing | None) -> Event | None:
        """The event that x reaches the limit of the BCC phase. Collective."""
        if mixing is None or "solubility" in self.said:
            return None
        largest = mixing.step.largest()
        if largest < mixing.limit - step.LIMIT_REACHED:
            return None
        self.said.add("solubility")
        where = mixing.step.position_of_largest()
        detail = f"solute fraction {largest:.4g} at {where:.4g} um reaches its limit {mixing.limit:g}"
        return Event("solubility", where, 0.0, detail)
