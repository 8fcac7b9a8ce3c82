"""One time step of the moving interface, with rejection that restores everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray

from meshes.quality import quality
from solver.algebra.newton import SolveError
from solver.core import timing
from solver.equations.composition_update import MixingResult
from solver.equations.coupled_model import SolveReport

if TYPE_CHECKING:
    from solver.equations.composition_update import Mixing
    from solver.equations.contact import ContactState
    from solver.equations.coupled_model import CoupledModel

OVERSHOOT = 1.5
"""Courant number over its target above which a step is rejected."""
SMALLEST_CUT = 0.1
"""A rejected step is cut to no less than this share."""
CUTBACK = 0.5
"""Share of the step that is tried after a failed solve or an inverted mesh."""
INVERTED_BELOW = 0.02
"""Cell quality that counts as inverted."""
EFFORT_TARGET = 25
"""Newton iterations per pass above which the step does not grow."""
_VOLUME_TOLERANCE = 5e-16
_VOLUME_ITERATIONS = 8


MIXING_OVERSHOOT = 2.0
"""Change of composition over its target above which a step is rejected."""
LIMIT_REACHED = 2e-3
"""Distance of x from the solubility limit that counts as reached."""

Spacing = Callable[[NDArray[np.float64]], NDArray[np.float64]]


class StepRejectedError(RuntimeError):
    """The step failed and everything is as before; ``factor`` is the share of dt to try next."""

    def __init__(self, reason: str, factor: float) -> None:
        super().__init__(reason)
        self.factor = factor


@dataclass(frozen=True)
class StepLimits:
    """What a step may do at most.

    Attributes:
        courant: target of surface motion over surface spacing.
        composition: target of the change of x over the largest x.
        solubility: x that no step may pass, None to let it.
    """

    courant: float
    composition: float = 0.05
    solubility: float | None = None


@dataclass(frozen=True)
class StepResult:
    """What a step did; all dimensionless.

    Attributes:
        report: solver effort.
        removed: metal that the charge of the step removes (equal to it in these units).
        metal_change: geometric change of the metal.
        courant: largest surface motion over surface spacing.
        quality: smallest cell quality after the step.
        correction: normal offset of void surfaces that made the volume exact (um).
        exchange: metal that the reference current would remove in the step: the scale of its errors.
        mixing: the composition's part, None in a pure metal.
    """

    report: SolveReport
    removed: float
    metal_change: float
    courant: float
    quality: float
    correction: float
    exchange: float
    mixing: MixingResult | None = None


def step_result(data: Mapping[str, Any]) -> StepResult:
    """A result from its plain data (``dataclasses.asdict``)."""
    mixing = None if data["mixing"] is None else MixingResult(**data["mixing"])
    return StepResult(**dict(data) | {"report": SolveReport(**data["report"]), "mixing": mixing})


@dataclass(frozen=True)
class _Snapshot:
    coordinates: NDArray[np.float64]
    functions: list[NDArray[np.float64]]
    contact: ContactState
    composition: tuple[NDArray[np.float64], ...] | None


def advance(
    model: CoupledModel,
    dt: float,
    limits: StepLimits,
    even: Spacing | None = None,
    observe: Callable[[], None] = lambda: None,
) -> StepResult:
    """Solve at the present geometry and move the interface by ``dt``. Collective.

    Args:
        model: coupled model; moved on success, untouched on rejection.
        dt: time step (L/v0).
        limits: what the step may do at most.
        even: slides moved surface nodes (m, gdim) along their surface; None leaves them.
        observe: called between solving and moving, while fields and geometry belong together.

    Raises:
        StepRejectedError: if a solve fails, the surface moves too far, the composition changes too much
            or a cell inverts.
    """
    before = _snapshot(model)
    try:
        model.predictor.start()
        report = model.solve(dt)
        speed = model.nodal_speed(dt)
        moved = dt * model.relative_speed(speed)
        if moved > OVERSHOOT * limits.courant:
            factor = max(SMALLEST_CUT, 0.9 * limits.courant / moved)
            raise StepRejectedError(f"surface moves {moved:.2f} elements", factor)
        observe()
        if model.mixing is not None:
            model.mixing.begin()
        removed = dt * model.chemistry.contact_current()
        metal = model.metal_measure()
        model.motion.move(_surface_shift(model, speed, dt, even), dt * model.mechanics.platen_velocity())
        correction = correct_volume(model, metal - removed)
        with timing.part("mesh"):
            worst = quality(model.cell)
        if worst < INVERTED_BELOW:
            raise StepRejectedError(f"a cell inverts (quality {worst:.3f})", CUTBACK)
        mixing = _mix(model.mixing, dt, limits) if model.mixing is not None else None
    except SolveError as error:
        _restore(model, before)
        raise StepRejectedError(str(error), CUTBACK) from None
    except StepRejectedError:
        _restore(model, before)
        raise
    model.predictor.accept(dt)
    change = model.metal_measure() - metal
    exchange = dt * model.chemistry.whole_area
    return StepResult(report, removed, change, moved, worst, correction, exchange, mixing)


def _mix(mixing: Mixing, dt: float, limits: StepLimits) -> MixingResult:
    """The composition's part of a step; rejects it where it changes too much or passes the solubility."""
    before = mixing.step.largest()
    result = mixing.finish(dt)
    if result.change > MIXING_OVERSHOOT * limits.composition:
        factor = max(SMALLEST_CUT, 0.9 * limits.composition / result.change)
        raise StepRejectedError(f"composition changes by {100 * result.change:.1f} %", factor)
    after = mixing.step.largest()
    if limits.solubility is not None and after > limits.solubility:
        room = limits.solubility - 0.5 * LIMIT_REACHED - before
        factor = min(CUTBACK if room <= 0.0 else room / (after - before), 0.95)
        raise StepRejectedError(f"x = {after:.4g} passes the solubility limit", max(SMALLEST_CUT, factor))
    return result


def _surface_shift(
    model: CoupledModel, speed: NDArray[np.float64], dt: float, even: Spacing | None
) -> NDArray[np.float64]:
    shift = dt * speed[:, None] * model.surface.direction
    if even is None:
        return shift
    here = model.surface.positions()
    return even(here + shift) - here


def correct_volume(model: CoupledModel, target: float) -> float:
    """Offset the void surfaces until the metal measures ``target``; returns the offset. Collective.

    The step moves nodes along straight lines, which sweeps the prescribed volume to first order in dt
    only; the rest, second order, is spread evenly over the void surfaces.
    """
    total = 0.0
    for _ in range(_VOLUME_ITERATIONS):
        error = target - model.metal_measure()
        model.surface.update()
        slope = model.surface.total_projected()
        if slope <= 0.0 or abs(error) <= _VOLUME_TOLERANCE * abs(target):
            break
        model.motion.offset_surface(error / slope)
        total += error / slope
    return total


def next_step(dt: float, result: StepResult, limits: StepLimits, growth: float) -> float:
    """Step proposed after an accepted one: by what changed and by solver effort."""
    factor = growth if result.report.effort <= EFFORT_TARGET else 1.0
    return min(dt * factor, change_limit(dt, result, limits))


def change_limit(dt: float, result: StepResult, limits: StepLimits) -> float:
    """Largest step that the surface motion and the change of composition in the last one allow."""
    largest = dt * limits.courant / result.courant if result.courant > 0.0 else np.inf
    if result.mixing is not None and result.mixing.change > 0.0:
        largest = min(largest, dt * limits.composition / result.mixing.change)
    return largest


@dataclass(frozen=True)
class BalanceErrors:
    """Relative errors of the last step: metal removed against charge, and platen against metal and voids.

    ``exchanged`` is what they are relative to, over the whole metal: rounding is an error of 1e-16 of that.
    """

    lithium: float
    volume: float
    exchanged: float = 1.0


def volume_balance(
    before: tuple[float, float], result: StepResult | None, model: CoupledModel, platen: float, voids: float
) -> tuple[tuple[float, float], BalanceErrors]:
    """Check the step that led to the present geometry.

    Platen height, void measure (a boundary integral) and metal measure (a volume integral) are
    computed independently of each other.

    Args:
        before: platen height and void measure before the step.
        result: the step, None at the start.
        model: coupled model.
        platen, voids: platen height and void measure now.

    Returns:
        (platen, voids) for the next call, and the errors relative to the volume exchanged in the step
        (metal removed, at least by the reference current; platen swept; void change: a collapse moves far
        more than it strips).
    """
    if result is None:
        return (platen, voids), BalanceErrors(0.0, 0.0)
    swept = (before[0] - platen) * model.chemistry.whole_area
    exchanged = max(abs(result.removed), result.exchange) + abs(swept) + abs(voids - before[1])
    lithium = (result.metal_change + result.removed) / exchanged
    volume = (swept + result.metal_change + (voids - before[1])) / exchanged
    share = exchanged / model.metal_measure()
    return (platen, voids), BalanceErrors(abs(lithium), abs(volume), share)


def _functions(model: CoupledModel) -> list[fem.Function]:
    return [
        model.chemistry.unknown,
        model.mechanics.unknown,
        model.mechanics.stress,
        model.contact_pressure,
        model.pressure,
        model.annihilation.value,
        model.current.value,
        model.surface.curvature,
        model.recession.speed,
    ]


def _snapshot(model: CoupledModel) -> _Snapshot:
    return _Snapshot(
        model.cell.domain.geometry.x.copy(),
        [f.x.array.copy() for f in _functions(model)],
        model.contact,
        model.mixing.step.state() if model.mixing is not None else None,
    )


def _restore(model: CoupledModel, snapshot: _Snapshot) -> None:
    model.cell.domain.geometry.x[:] = snapshot.coordinates
    for function, values in zip(_functions(model), snapshot.functions, strict=True):
        function.x.array[:] = values
    model.contact = snapshot.contact
    if model.mixing is not None and snapshot.composition is not None:
        model.mixing.step.restore(snapshot.composition)
    model.surface.update()
