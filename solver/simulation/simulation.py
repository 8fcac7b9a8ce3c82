"""The state of a run, and what is done with it in a step: solve, observe, move, change, remesh.

The loop over stages and steps is :func:`solver.simulation.run.run`.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

from solver.core import interrupts, timing
from solver.interface.landing import IMPATIENCE, share_at_change
from solver.simulation import before_change, ending, jump
from solver.simulation.discretisation import CANNOT_MESH, remeshed
from solver.simulation.ending import RunEndedError, RunOutcome
from solver.stepping import cutoffs, step
from solver.stepping.observables import BalanceErrors, Observables, volume_balance

if TYPE_CHECKING:
    from mpi4py import MPI

    from meshes.profile.base import Profile
    from meshes.topology import Event
    from solver.equations.coupled_model import CoupledModel
    from solver.interface.electrolyte_surface import ContactTrace, ElectrolyteSurface
    from solver.interface.interface import Interface
    from solver.setup.protocol import Stage
    from solver.setup.setup import Setup
    from solver.simulation.callbacks import Callbacks
    from solver.simulation.discretisation import Discretisation
    from solver.simulation.ending import Status
    from solver.stepping.clock import Clock
    from solver.stepping.observables import Observation
    from solver.stepping.schedule import Schedule

log = logging.getLogger("livoid")

_ROUNDING = 1e-9
"""Relative excess of the time left over a step that is still no step of its own."""


@dataclass
class Simulation:
    """State of a run.

    Attributes:
        setup: what the case asks for.
        clock: time, charge, steps, outputs so far.
        schedule: the protocol and the outputs.
        discretisation: model and void surfaces on the present mesh.
        interface: its profile, its voids with their labels.
        callbacks: what is done at the moments of the run.
        last: observation of the last solved state, None before the first of a stage.
        result: of the last step, None before the first of a stage.
        errors: how well that step kept its balances.
        balance: platen height and void measure that they are counted from.
        solubility_reached: whether the solute has been at its solubility.
        resumed: whether the present stage is one that a checkpoint was made in.
        output_due: whether the last solved state is one for an output.
        healed: change of the contact's active fraction since the state before the last; inf without one.
        surface: the electrolyte's: gaps, and what the contact remembers.
        approach: of the stage to its cut-offs.
        ahead: observation of the state after the last step, where that was looked at for a cut-off.
    """

    setup: Setup
    comm: MPI.Comm
    clock: Clock
    schedule: Schedule
    discretisation: Discretisation
    interface: Interface
    surface: ElectrolyteSurface
    callbacks: Callbacks
    last: Observation | None = None
    result: step.StepResult | None = None
    errors: BalanceErrors = field(default_factory=lambda: BalanceErrors(0.0, 0.0))
    balance: tuple[float, float] = (0.0, 0.0)
    solubility_reached: bool = False
    resumed: bool = False
    output_due: bool = False
    healed: float = math.inf
    ahead: Observation | None = None
    approach: cutoffs.Approach = field(default_factory=cutoffs.Approach)
    _trace: ContactTrace | None = None
    _observables: Observables | None = None

    @property
    def model(self) -> CoupledModel:
        """The equation sets on the present mesh."""
        return self.discretisation.model

    @property
    def stage(self) -> Stage:
        """The present stage of the protocol."""
        return self.schedule.now(self.clock)

    @property
    def capacity(self) -> float:
        """Charge that has passed, whatever its direction (mAh/cm2)."""
        return self.clock.charge_passed

    def tell(self, moment: str, *details: object) -> None:
        """Call all callbacks. Collective."""
        self.callbacks.call(moment, self, *details)

    def control(self, model: CoupledModel) -> None:
        """Set current or overpotential of the present stage; its load as :meth:`Schedule.control` says."""
        self.schedule.control(self.clock, model)

    def begin_stage(self) -> None:
        """Take the load of a stage; where a run is resumed the rest has been done."""
        self.schedule.control(self.clock, self.model, begins=not self.resumed)
        self.approach.always = self.stage.varies
        if self.resumed:
            self.resumed = False
            return
        self.schedule.begin(self.clock)
        self.clock.step_size = self.setup.steps.first
        self.result, self.last = None, None
        self.ahead = None
        self.approach.begin()
        self.tell("stage_begins")
        jump.take(self)

    def stage_over(self) -> str | None:
        """Why the present stage is over, None if it is not; raises RunEndedError after too many steps."""
        why, most = self.schedule.over(self.clock, self.ahead or self.last), self.setup.steps.most
        if why is None and self.clock.step >= most:
            raise RunEndedError("failed", f"no end after {most} steps (numerics.max_steps)")
        return why

    def end_stage(self, why: str) -> None:
        """Record the last state of the stage, and that it is over."""
        jump.land(self)
        self.tell("stage_ends", why)

    def advance(self) -> step.StepRejectedError | None:
        """Solve, observe and move the interface, in smaller and smaller steps until one is accepted.

        There is no step where the state at its start has met a cut-off: what came before it was a jump.

        Returns:
            None, or why the last step was rejected if the next one would be too small.
        """
        dt, self.ahead, varies = self.step_size(), None, self.stage.varies
        midway = (
            self.schedule.solved_midway(self.clock, self.model, self._observe_if_held) if varies else None
        )
        self.schedule.place(self.clock, self.model)
        goes_on = self.clock.meshed < self.clock.step and len(self.interface.profile.voids) == 1
        while True:
            try:
                with interrupts.stoppable():
                    self.result = step.advance(
                        self.model,
                        dt,
                        self.setup.step_limits,
                        self._spacing(),
                        self._trace_contact if varies else self._observe_if_held,
                        self._past_cutoff,
                        self.clock.last_step if goes_on and not varies else 0.0,
                        midway if varies else None,
                    )
            except step.NoStepError:
                return None
            except step.StepRejectedError as rejection:
                self.clock.rejected += 1
                self.ahead = None
                dt *= rejection.factor
                self.clock.step_size = dt
                self.clock.calm_until = self.clock.step + step.CALM_STEPS
                log.debug("step %d rejected: %s", self.clock.step, rejection)
                if dt < self.setup.steps.smallest:
                    return rejection
            else:
                self._accept(dt)
                return None

    def step_size(self) -> float:
        """Next step in L/v0: proposal, largest step, and the next output or end of stage.

        At rest, once next to nothing changes, and without voids steps go on growing beyond the largest.
        """
        dt = min(self.clock.step_size, max(self.setup.steps.largest, self.clock.unhurried))
        time = self.clock.stage_time
        given = self.stage.current_at(time)
        longest = self.stage.longest_step(time, self.setup.step_limits.pressure)
        dt = min(dt, longest / self.setup.scales.time)
        current = given if given is not None else self.last.current if self.last else 0.0
        left = self.schedule.time_left(self.clock, current) / self.setup.scales.time
        if left <= dt * (1.0 + _ROUNDING):
            return left
        return left / 2.0 if left < 2.0 * dt else dt

    def _accept(self, dt: float) -> None:
        """Count a step and propose the next one."""
        result, clock, limits = self.result, self.clock, self.setup.step_limits
        assert result is not None and self.last is not None
        self.tell("interface_moved", dt)
        self.schedule.passed(clock, dt * self.setup.scales.time, self.last.current)
        clock.step += 1
        clock.last_step = dt
        growth = self.setup.steps.growth if clock.step > clock.calm_until else step.CALM_GROWTH
        clock.step_size = max(
            step.next_step(dt, result, limits, growth),
            # a step cut short by an output does not slow the ones after it
            min(clock.step_size, step.change_limit(dt, result, limits)),
        )
        pace = step.pace(self.model, self.stage.kind, self.last.gap_fraction)
        clock.unhurried = step.unhurried(dt, result, limits, self.healed, pace)
        self.interface.profile = self.discretisation.surfaces.profile()
        assert self._trace is not None
        self.surface.accept(self._trace, dt)
        self._cover()

    def _cover(self) -> None:
        """The voids stand on the electrolyte where they are now."""
        self.surface.cover([void.footprint for void in self.interface.profile.voids])

    def _spacing(self) -> step.Spacing:
        surfaces, sizes = self.discretisation.surfaces, self.setup.sizes
        return lambda moved: surfaces.spaced(moved, sizes)

    def _observe_if_held(self) -> None:
        """Observe the solved state; no step goes on from it where the contact parts or a cut-off is met."""
        parted = ending.parting_event(self.model)
        if parted is not None:
            self.stop("event", [parted])
        self.observe()
        assert self.last is not None
        if cutoffs.furthest(self.stage, self.setup.cutoff_voltage, self.last) >= -cutoffs.TOLERANCE:
            raise step.NoStepError

    def _trace_contact(self) -> None:
        """Take the contact of the solved state, which a step leaves on the electrolyte if it counts."""
        self._trace = self.surface.trace(self.model)

    def observe(self) -> None:
        """Measure the solved state before the interface moves; again, but unrecorded, after a rejection."""
        if self._observables is None:
            geometry = self.setup.geometry
            with timing.part("build"):
                self._observables = Observables(
                    self.model, self.setup.scales, geometry.pellet_depth, geometry.electrolyte_depth
                )
        self._trace_contact()
        seen, before = self._observables.observe(), self.last
        self.last = seen
        if before is not None and self.clock.recorded >= self.clock.step:
            return
        self.healed = math.inf if before is None else abs(seen.active_fraction - before.active_fraction)
        self.clock.recorded = self.clock.step
        self.balance, self.errors = volume_balance(
            self.balance, self.result, self.model, seen.platen, seen.void_measure
        )
        self.tell_of_state(due=self.schedule.output_due(self.clock, seen))

    def tell_of_state(self, *, due: bool) -> None:
        """Let callbacks record the last solved state, and write it out where an output is due."""
        assert self.last is not None
        self.output_due = due
        self.tell("state_solved")
        if due:
            self.schedule.written(self.clock, self.last)

    def forget_observables(self) -> None:
        """The model is another one: what measures it is made anew."""
        self._observables = None

    def stop_at_cutoff(self) -> None:
        """End the run where the overpotential is at its limit."""
        seen = self.ahead or self.last
        if seen is not None and cutoffs.voltage_reached(self.setup.cutoff_voltage, seen):
            self.stop("cutoff", [], f"overpotential {seen.shares.total:.4g} V reached the cut-off")

    def _past_cutoff(self, dt: float) -> float | None:
        """Share of the step that has just been made at which a cut-off is, None if it is not past one.

        So is a change of topology where the run stops at it, or the cell has one void.
        """
        assert self.last is not None and self._observables is not None
        if not self.setup.interface.evolves or len(self.interface.profile.voids) == 1:
            after, time = self.discretisation.surfaces.profile(), self.clock.time / self.setup.scales.time
            share = share_at_change(self.interface, after, time, dt)
            if share is not None:
                return share
        observe = self._observables.observe
        stage, limit, unit = self.stage, self.setup.cutoff_voltage, self.setup.scales.time

        def ahead() -> float | None:
            self.schedule.follow(self.clock, self.model, dt * unit)
            self.ahead = ending.seen_ahead(self.model, observe, dt)
            return None if self.ahead is None else cutoffs.furthest(stage, limit, self.ahead)

        here = cutoffs.furthest(stage, limit, self.last)
        return self.approach.share(self.clock.stage_time, dt * unit, here, ahead)

    def change_interface(self) -> None:
        """Do what the step has brought about: changes of topology, solubility limit, end of the metal."""
        rules = self.setup.interface
        solubility = None if self.solubility_reached else ending.solubility_event(self.model.solute)
        if solubility is not None:
            self.solubility_reached = True
            if rules.stops_at_solubility:
                self.stop("event", [solubility])
            self.tell("events_happened", [solubility])
        self.change_topology(self.model, 1.0)
        height = self.setup.geometry.metal_height
        final = ending.final_events(self.interface.profile, rules.delaminated_below, height)
        if final:
            self.stop("event", final)

    def change_topology(self, model: CoupledModel | None, patience: float) -> bool:
        """Make the changes of topology that are due; whether there were any. Stops at them if so asked.

        Args:
            model: solved model, for voids that open; None for geometry alone.
            patience: factor on the thresholds of changes.
        """
        evolves = self.setup.interface.evolves
        # a run that stops at events stops where the contact lets go, not where the gap has a roof
        state, found = self.interface.changes(model, patience, thin_gaps=evolves)
        if not found:
            return False
        if not evolves:
            self.stop("event", found)
        before_change.show(self)
        self._give_gaps_to_voids(state.profile)
        self._cover()
        when = (self.clock.time, self.capacity)
        self.interface.population.change(found, state.labels, state.next_label, when)
        self.tell("events_happened", found)
        self.approach.begin()
        self.clock.step_size *= step.AFTER_CHANGE
        self.clock.unhurried = 0.0
        self.clock.shown = replace(self.clock.shown, event=True)
        return True

    def _give_gaps_to_voids(self, profile: Profile) -> None:
        """Go on with the voids of ``profile``; those that stand over gaps have the gaps' volume from them.

        The metal of the mesh becomes less by that, so the platen falls back; no metal or void is gained.
        """
        taken = self.surface.held_under(void.footprint for void in profile.voids)
        fall = taken / self.model.chemistry.whole_area
        self.remesh(profile.lowered(fall))
        self.surface.release(taken)
        self.balance = (self.balance[0] - fall, self.balance[1])

    def rescue(self, rejection: step.StepRejectedError) -> None:
        """Steps get too small: a void that is about to vanish or meet another one does so now, or the end."""
        if not any(self.change_topology(None, patience) for patience in IMPATIENCE):
            raise self.failure(str(rejection))
        log.warning("step %d: %s; what was nearest to a change was changed", self.clock.step, rejection)
        self.clock.step_size = self.setup.steps.first

    def remesh_if_needed(self) -> None:
        """Make a new mesh where the present one has become poor."""
        result = self.result
        assert result is not None
        if self.clock.meshed == self.clock.step:
            return
        if self.interface.needs_remeshing(result.quality, self.setup.interface.smallest_quality):
            self.remesh(self.interface.profile)

    def remesh(self, profile: Profile) -> None:
        """Go on with a new mesh of ``profile``."""
        old, candidates = self.discretisation, profile.variants(self.setup.sizes)
        try:
            self.discretisation, self.interface.profile, correction = remeshed(self.setup, old, candidates)
        except CANNOT_MESH as error:
            raise self.failure(str(error)) from None
        self._observables = None
        self.control(self.model)
        self.clock.remeshes += 1
        self.clock.meshed = self.clock.step
        self.clock.solute_correction += correction
        self.tell("mesh_changed")
        old.destroy()

    def failure(self, reason: str) -> RunEndedError:
        """The end of a run that cannot go on."""
        return RunEndedError("failed", f"stopped at step {self.clock.step}: {reason}")

    def stop(self, status: Status, found: list[Event], message: str = "") -> NoReturn:
        """End the run in the middle of a stage, with a last record."""
        self.end_stage(found[0].kind if found else status)
        if found:
            self.tell("events_happened", found)
            raise RunEndedError(status, f"{found[0].kind}: {found[0].detail}", found[0])
        raise RunEndedError(status, message)

    def outcome(self, status: Status, message: str, event: Event | None = None) -> RunOutcome:
        """The end, which is also logged."""
        (log.error if status == "failed" else log.info)("%s: %s", status, message)
        return RunOutcome(status, message, event, self.last, self.capacity, self.clock.time, self.clock.step)
