"""One time step of the moving interface, with rejection that restores everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from meshes.profile.base import ProfileError
from meshes.quality import quality
from solver.algebra.newton import SolveError
from solver.core import timing
from solver.core.interrupts import Interrupted
from solver.setup.step_control import LIMIT_REACHED
from solver.stepping.trend import closing_trend

if TYPE_CHECKING:
    from solver.equations.coupled_model import CoupledModel, SolveReport
    from solver.equations.solute_transport import CompositionChange, SoluteTransport
    from solver.setup.step_control import StepLimits

OVERSHOOT = 1.5
"""Courant number over its target above which a step is rejected."""
SMALLEST_CUT = 0.1
"""A rejected step is cut to no less than this share."""
LANDING_CUT = 0.5
"""Share of a step that is tried after it went past a change of topology."""
CUTBACK = 0.5
"""Share of the step that is tried after a failed solve or an inverted mesh."""
INVERTED_BELOW = 0.02
"""Cell quality that counts as inverted."""
CALM_STEPS = 3
"""Steps after a rejection during which the step grows by CALM_GROWTH only."""
CALM_GROWTH = 1.2
AFTER_CHANGE = 0.5
"""Share of the last step that is tried after a change of topology: capillarity rounds what was cut."""
EFFORT_TARGET = 25
"""Newton iterations per pass above which the step does not grow."""
_VOLUME_TOLERANCE = 5e-16
_VOLUME_ITERATIONS = 8
KEPT = 1e-9
"""Error of the metal, over what the reference current removes in the step, that is left: rounding."""


COMPOSITION_OVERSHOOT = 2.0
"""Change of composition over its target above which a step is rejected."""
PRESSURE_OVERSHOOT = 2.0
"""Change of the stack pressure over its target above which a step is rejected."""

STILL = 1e-3
"""Share of what a step may change that counts as no change: steps of a rest that change less may be longer
than numerics.largest_step."""
FOR_EVER = 1e30
"""Longest step (L/v0), where nothing changes at all."""
ACTIVE_CHANGE = 0.02
"""Change of the active fraction of the contact in a step that would be one to follow: it heals at rest."""

Spacing = Callable[[NDArray[np.float64]], NDArray[np.float64]]


class StepRejectedError(RuntimeError):
    """The step failed and everything is as before; ``factor`` is the share of dt to try next."""

    def __init__(self, reason: str, factor: float) -> None:
        super().__init__(reason)
        self.factor = factor


class NoStepError(RuntimeError):
    """The state at the start of a step is where the protocol ends it: there is none, and all is as before."""


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
        composition: the composition's part, None in a pure metal.
        gap_change: volume that gaps in the contact gain, less what the voids take over.
        pressure_change: relative change of the stack pressure.
    """

    report: SolveReport
    removed: float
    metal_change: float
    courant: float
    quality: float
    correction: float
    exchange: float
    composition: CompositionChange | None = None
    gap_change: float = 0.0
    pressure_change: float = 0.0


def advance(
    model: CoupledModel,
    dt: float,
    limits: StepLimits,
    even: Spacing | None = None,
    observe: Callable[[], None] = lambda: None,
    past: Callable[[float], float | None] = lambda dt: None,
    last: float = 0.0,
    solve: Callable[[float], SolveReport] | None = None,
) -> StepResult:
    """Solve at the present geometry and move the interface by ``dt``. Collective.

    Args:
        model: coupled model; moved on success, untouched on rejection.
        dt: time step (L/v0).
        limits: what the step may do at most.
        even: slides moved surface nodes (m, gdim) along their surface; None leaves them.
        observe: called between solving and moving, while fields and geometry belong together; raises
            NoStepError where there is to be no step.
        past: called at the end of a step of ``dt``; says at which share of it a cut-off of the protocol was,
            or None. It leaves the model as it is.
        last: the step before (L/v0), on the same mesh and of one void, which says how its closing changes;
            0 for none.
        solve: takes the place of the model's own: for what changes within the step.

    Raises:
        StepRejectedError: if a solve fails, the surface moves too far, composition or stack pressure change
            too much, a cell inverts or roofs cross (the step goes past a change of topology), or it goes past
            a cut-off.
        NoStepError: from ``observe``.
    """
    with _wholly(model):
        model.predictor.start()
        fell = model.mechanics.platen_velocity()
        report = (solve or model.solve)(dt)
        speed = model.nodal_speed(dt)
        moved = _surface_moves(dt * model.relative_speed(speed), limits)
        loaded = _loaded(model, limits)
        observe()
        if model.solute is not None:
            model.solute.begin()
        removed = dt * model.chemistry.contact_current()
        metal = model.metal_measure()
        gaps = model.gaps.change(model.contact, model.chemistry.kinetics.record)
        faster = closing_trend(model, fell, dt, last, gaps)
        falls = model.mechanics.platen_velocity() + faster
        model.motion.move(_surface_shift(model, speed, dt, even, faster), dt * falls)
        exchange = dt * model.chemistry.whole_area
        correction = correct_volume(model, metal - removed + gaps)
        raised = lift_platen(model, metal - removed + gaps, KEPT * exchange)
        worst = _worst_cell(model)
        change = None if model.solute is None else _transport(model.solute, dt, limits)
        model.clamp.accept()
        if raised != 0.0:
            model.clamp.raised(raised)
        _keep_before(past(dt))
    model.predictor.accept(dt)
    gained = model.metal_measure() - metal
    return StepResult(report, removed, gained, moved, worst, correction, exchange, change, gaps, loaded)


@contextmanager
def _wholly(model: CoupledModel) -> Iterator[None]:
    """Inside, a step is made wholly or not at all: whatever rejects it puts the model back.

    Raises:
        StepRejectedError: for a solve that fails and for roofs that cross as well.
    """
    before = model.snapshot()
    try:
        yield
    except SolveError as error:
        model.restore(before)
        raise StepRejectedError(str(error), CUTBACK) from None
    except ProfileError as error:
        model.restore(before)
        raise StepRejectedError(str(error), LANDING_CUT) from None
    except (StepRejectedError, NoStepError, Interrupted):
        model.restore(before)
        raise


def _surface_moves(moved: float, limits: StepLimits) -> float:
    """Largest motion of the surface over its spacing; rejects one that is too far."""
    if moved > OVERSHOOT * limits.courant:
        factor = max(SMALLEST_CUT, 0.9 * limits.courant / moved)
        raise StepRejectedError(f"surface moves {moved:.2f} elements", factor)
    return moved


@timing.counted("mesh")
def _worst_cell(model: CoupledModel) -> float:
    """Smallest quality of a cell; rejects an inverted one. Collective."""
    worst = quality(model.cell)
    if worst < INVERTED_BELOW:
        raise StepRejectedError(f"a cell inverts (quality {worst:.3f})", CUTBACK)
    return worst


def _keep_before(share: float | None) -> None:
    """Reject a step that goes past a cut-off at this share of it."""
    if share is not None:
        raise StepRejectedError("goes past a cut-off", max(SMALLEST_CUT, share))


def _loaded(model: CoupledModel, limits: StepLimits) -> float:
    """Relative change of the stack pressure in the solved step; rejects one that changes it too much."""
    change = model.clamp.change()
    if change > PRESSURE_OVERSHOOT * limits.pressure:
        factor = max(SMALLEST_CUT, 0.9 * limits.pressure / change)
        raise StepRejectedError(f"stack pressure changes by {100 * change:.1f} %", factor)
    return change


def _transport(solute: SoluteTransport, dt: float, limits: StepLimits) -> CompositionChange:
    """The composition's part of a step; rejects it where it changes too much or passes the solubility."""
    before = solute.step.largest()
    result = solute.finish(dt)
    if result.change > COMPOSITION_OVERSHOOT * limits.composition:
        factor = max(SMALLEST_CUT, 0.9 * limits.composition / result.change)
        raise StepRejectedError(f"composition changes by {100 * result.change:.1f} %", factor)
    after = solute.step.largest()
    if limits.solubility is not None and after > limits.solubility:
        room = limits.solubility - 0.5 * LIMIT_REACHED - before
        factor = min(CUTBACK if room <= 0.0 else room / (after - before), 0.95)
        raise StepRejectedError(f"x = {after:.4g} passes the solubility limit", max(SMALLEST_CUT, factor))
    return result


def _surface_shift(
    model: CoupledModel, speed: NDArray[np.float64], dt: float, even: Spacing | None, faster: float
) -> NDArray[np.float64]:
    """Displacement (m, gdim) of surface nodes; voids take the metal that a platen moves by ``faster``."""
    if faster != 0.0:
        speed = speed + faster * model.chemistry.whole_area / model.surface.total_projected()
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


def lift_platen(model: CoupledModel, target: float, negligible: float) -> float:
    """Put the platen higher until metal without voids measures ``target``; returns by how much. Collective.

    A flat contact that is stripped evenly moves exactly. Where the current varies along it the velocity of
    its nodes sweeps what they interpolate, and a new mesh reads the record of thin gaps at its own points
    (:mod:`solver.interface.gaps`): both are off by the error of the mesh, which no void can take here.
    """
    error = target - model.metal_measure()
    if model.surface.total_projected() > 0.0 or abs(error) <= negligible:
        return 0.0
    rise = error / model.chemistry.whole_area
    model.motion.move(np.zeros_like(model.surface.positions()), -rise)
    return rise


def next_step(dt: float, result: StepResult, limits: StepLimits, growth: float) -> float:
    """Step proposed after an accepted one: by what changed and by solver effort."""
    factor = growth if result.report.effort <= EFFORT_TARGET else 1.0
    return min(dt * factor, change_limit(dt, result, limits))


def unhurried(
    dt: float, result: StepResult, limits: StepLimits, healed: float, share: float = STILL
) -> float:
    """Longest step that by the last one's rates changes no more than a share of what a step may.

    Args:
        dt: of the last step.
        result: of it.
        limits: what a step may change.
        healed: change of the active fraction of the contact in it.
        share: of :func:`pace`.
    """
    largest = change_limit(dt, result, limits)
    if healed > 0.0:
        largest = min(largest, dt * ACTIVE_CHANGE / healed)
    return min(share * largest, FOR_EVER)


def pace(model: CoupledModel, kind: str, gap_fraction: float) -> float:
    """Share of what a step may change that steps beyond numerics.largest_step may. Collective.

    Next to nothing at rest. Where the contact is whole and flat nothing but the clamp's pressure and the
    contact's memory changes at all, and what a step may change of those is enough; a composition has
    gradients in depth, of which :class:`StepLimits` knows only the largest.
    """
    if kind == "rest":
        return STILL
    # the sum over all ranks last: alloys and contact with gaps need none
    flat = model.solute is None and gap_fraction == 0.0 and model.surface.total_projected() == 0.0
    return float(flat)


def change_limit(dt: float, result: StepResult, limits: StepLimits) -> float:
    """Largest step that what the last one changed allows: surface, composition, stack pressure."""
    largest = dt * limits.courant / result.courant if result.courant > 0.0 else np.inf
    if result.composition is not None and result.composition.change > 0.0:
        largest = min(largest, dt * limits.composition / result.composition.change)
    if result.pressure_change > 0.0:
        largest = min(largest, dt * limits.pressure / result.pressure_change)
    return largest
