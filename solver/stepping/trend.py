"""How fast a void closes in the middle of a step, from how that has changed since the last one.

A step solves where it begins. The void of a cell closes at R = v_top A - I (platen's velocity times the
cell's area, less what the current removes), and with R of the last step's start known, the step takes

    R + dt/(2 dt_last) (R - R_last)

(Adams and Bashforth), of second order for the void's volume. What this adds is spread evenly over its
surface, as an offset: a shape as such is of first order still, and where it is stiff (capillarity) implicit.
Of several voids each closes in its own way, which their sum does not say: there nothing is foreseen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solver.equations.coupled_model import CoupledModel

LARGEST_RATIO = 3.0
"""Step over the last one above which nothing is foreseen: rounding of a tiny step would be."""
LARGEST_SHARE = 0.3
"""Most that is foreseen, over the platen's velocity: where more would be, the last step says little."""


def closing_trend(model: CoupledModel, before: float, dt: float, last: float, gaps: float) -> float:
    """Velocity (v0) that the platen has in the middle of a step beyond that at its start. Collective.

    Nothing is foreseen where the platen's velocity is more than the voids' closing and a given current: at a
    held voltage, under a clamp, over gaps; nor without voids.

    Args:
        model: solved at the step's start.
        before: platen's velocity at the last step's start.
        dt: the step (L/v0).
        last: the last step, on the same mesh; 0 for none.
        gaps: volume that gaps gain in the step.
    """
    if not 0.0 < dt <= LARGEST_RATIO * last or gaps != 0.0:
        return 0.0
    if model.chemistry.prescribed is None or model.clamp.evolves or model.surface.total_projected() <= 0.0:
        return 0.0
    now = model.mechanics.platen_velocity()
    most = LARGEST_SHARE * abs(now)
    return max(-most, min(most, 0.5 * dt / last * (now - before)))
