"""What a run counts: time, charge, steps, outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from solver.setup.scales import COULOMB_PER_MAH_CM2
from solver.stepping.shown_shape import ShownShape


@dataclass
class Clock:
    """Counters of a run. ``time`` in s, step sizes in L/v0.

    ``capacity`` (C/m2) is all charge that has passed, whatever its direction; ``net`` is stripped minus
    plated; ``stage_`` counts from the start of the present step of the protocol. ``solute_correction`` is the
    relative correction of the solute's total, summed over all remeshings; ``meshed`` is the step after which
    the present mesh was made. ``unhurried`` is how long a step may be for the little that it changes at rest
    or under flat metal (:func:`solver.stepping.step.unhurried`), 0 elsewhere. ``shown`` is the shape of the
    voids at the last output.
    """

    step_size: float
    time: float = 0.0
    capacity: float = 0.0
    net: float = 0.0
    stage: int = 0
    stage_time: float = 0.0
    stage_capacity: float = 0.0
    solute_correction: float = 0.0
    step: int = 0
    recorded: int = -1
    outputs: int = 0
    next_output: int = 0
    rejected: int = 0
    remeshes: int = 0
    last_step: float = 0.0
    calm_until: int = 0
    meshed: int = 0
    unhurried: float = 0.0
    shown: ShownShape = field(default_factory=ShownShape)

    @property
    def charge_passed(self) -> float:
        """``capacity`` in mAh/cm2."""
        return self.capacity / COULOMB_PER_MAH_CM2

    @property
    def charge_net(self) -> float:
        """``net`` in mAh/cm2."""
        return self.net / COULOMB_PER_MAH_CM2

    @property
    def charge_of_stage(self) -> float:
        """``stage_capacity`` in mAh/cm2."""
        return self.stage_capacity / COULOMB_PER_MAH_CM2

    def state(self) -> dict[str, Any]:
        """Plain data for the checkpoint."""
        return asdict(self)

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Clock:
        """The clock that :meth:`state` was of."""
        return cls(**dict(state) | {"shown": ShownShape(**state["shown"])})
