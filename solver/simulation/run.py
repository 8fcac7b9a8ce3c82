"""The run: protocol, steps, remeshing, events, records; from a case to a finished run folder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from mpi4py import MPI

from meshes.cell import MeshingError
from solver.algebra.newton import SolveError
from solver.core.parallel import RootError, on_root
from solver.interface import roofs
from solver.interface.plane_interface import IMPATIENCE, shelter
from solver.output import checkpoint
from solver.output.recorder import Recorder
from solver.setup import cell_setup, protocol
from solver.setup.scales import COULOMB_PER_MAH_CM2, LENGTH_SCALE, case_scales, model_parameters
from solver.simulation import final_events, restart, validity
from solver.simulation.ending import RunOutcome, counts, step_limits
from solver.simulation.epoch import build_epoch, next_epoch
from solver.simulation.restart import Saved
from solver.simulation.trial import Trial
from solver.stepping import step
from solver.stepping.schedule import Schedule

if TYPE_CHECKING:
    from meshes.gmsh.mesh_profile import Profile
    from meshes.sizing import SizeRule
    from meshes.topology import Event
    from solver.case.loading import LoadedCase
    from solver.equations.coupled_model import CoupledModel
    from solver.interface.interface_state import InterfaceState
    from solver.output.run_folder import RunFolder
    from solver.setup.parameters import ModelParameters
    from solver.setup.protocol import Stage
    from solver.setup.scales import Scales
    from solver.simulation.ending import Status
    from solver.stepping.clock import Clock
    from solver.stepping.observables import Observation

log = logging.getLogger("livoid")

CALM_STEPS = 3
"""Steps after a rejection during which the step grows by CALM_GROWTH only."""
CALM_GROWTH = 1.2
DEFAULT_OUTPUTS = 20
"""Field outputs per run when the case gives no interval."""
AFTER_CHANGE = 0.5
"""Share of the last step that is tried after a change of topology: capillarity rounds what was cut."""


class Run:
    """One run of a case. Built and driven by :func:`run_case`."""

    def __init__(
        self,
        loaded: LoadedCase,
        folder: RunFolder,
        comm: MPI.Comm,
        progress: Callable[[Clock, Observation], None],
        saved: Saved | None = None,
    ) -> None:
        self.loaded, self.folder, self.comm, self.progress = loaded, folder, comm, progress
        case = loaded.case
        self.numerics = case.numerics
        self.scales: Scales = case_scales(loaded)
        self.parameters: ModelParameters = model_parameters(loaded, self.scales)
        self.rule: SizeRule = cell_setup.size_rule(loaded, cell_setup.void_shapes(loaded))
        self.limits = step_limits(loaded, self.parameters)
        self._begin(saved)
        throughput = protocol.expected_throughput(case.operation)
        interval = case.output.interval or throughput / DEFAULT_OUTPUTS or case.operation.capacity
        self.schedule = Schedule(protocol.stages(case.operation), self.scales, interval or 1.0)
        control = partial(self.schedule.control, self.clock)
        self.trial = Trial(loaded, self.parameters, self.scales, self.rule, control)
        self.first_height = case.geometry.metal_thickness / LENGTH_SCALE

    def _begin(self, saved: Saved | None) -> None:
        """The state at the start of the run, or at a checkpoint."""
        loaded, header = self.loaded, saved.header if saved else None
        state = restart.restored(header, self.numerics.first_step / self.scales.time)
        self.clock, self.last, self._result, self.watch = state.clock, state.last, state.result, state.watch
        self.recorder = Recorder(loaded, self.folder, self.comm, self.scales)
        evolves = loaded.case.model.at_event == "evolve"
        if saved is None:
            cell = cell_setup.initial_cell(loaded, self.comm)
        else:
            cell = checkpoint.read_cell(saved.path, self.comm, loaded.case.geometry.kind)
        self.epoch = build_epoch(
            loaded, self.parameters, self.scales, cell, shelter(self.rule) if evolves else 0.0
        )
        if saved is not None:
            checkpoint.read_fields(saved.path, self.epoch.model)
            self.recorder.restore(saved.header["recorder"])
        self.epoch.chains = restart.in_order(self.epoch.chains, header)
        profile = self.epoch.chains.profile()
        self.interface: InterfaceState = restart.interface(loaded, profile, self.rule, header)
        self.epoch.model.zone.held = self.interface.held(self.clock.time / self.scales.time)
        self.watch.validity(validity.of_case(loaded), self.clock.time)
        self._resumed = saved is not None
        self._saved_step, self._outputs_saved = self.clock.step, self.clock.outputs

    def go(self) -> RunOutcome:
        """Go through the protocol until its end, an event, a cut-off or a failure."""
        while not self.schedule.finished(self.clock):
            found = self._stage()
            if found is not None:
                return found
            self.clock.stage += 1
        passed = self.clock.capacity / COULOMB_PER_MAH_CM2
        stages = len(self.schedule.stages)
        done = f"capacity of {passed:.6g} mAh/cm2 reached" if stages == 1 else f"all {stages} steps done"
        return self._end("finished", done)

    def _stage(self) -> RunOutcome | None:
        """One stage of the protocol, from its first record (or a checkpoint) to its last."""
        stage = self.schedule.now(self.clock)
        self.schedule.control(self.clock, self.epoch.model)
        if not self._resumed:
            failed = self._begin_stage(stage)
            if failed is not None:
                return failed
        self._resumed = False
        while (why := self.schedule.over(self.clock, self.last)) is None:
            if self.clock.step >= self.numerics.max_steps:
                return self._end(
                    "failed", f"no end after {self.numerics.max_steps} steps (numerics.max_steps)"
                )
            found = self._step()
            if found is not None:
                return found
            self._save_if_due()
        self._observe_final()
        self.recorder.end_stage(stage, self.clock, self.last, why)
        return None

    def _begin_stage(self, stage: Stage) -> RunOutcome | None:
        self.schedule.begin(self.clock)
        self.clock.step_size = self.numerics.first_step / self.scales.time
        self._result, self.last = None, None
        self.recorder.begin_stage(stage)
        try:
            # the jump of the load is taken here, not in a step that may be undone
            self.epoch.model.solve(self.clock.step_size)
        except SolveError as error:
            return self._give_up(f"{stage.describe()} cannot begin: {error}")
        return None

    def _step(self) -> RunOutcome | None:
        dt = self._step_size()
        moved = False
        while not moved:
            try:
                self._result = step.advance(self.epoch.model, dt, self.limits, self._even(), self._observe)
                moved = True
            except step.StepRejectedError as rejection:
                self.clock.rejected += 1
                dt *= rejection.factor
                self.clock.step_size = dt
                self.clock.calm_until = self.clock.step + CALM_STEPS
                log.debug("step %d rejected: %s", self.clock.step, rejection)
                if dt * self.scales.time < self.numerics.smallest_step:
                    return self._rescue(rejection)
        self._after(dt)
        return self._cutoff() or self._events() or self._remesh_if_needed()

    def _rescue(self, rejection: step.StepRejectedError) -> RunOutcome | None:
        """Steps get too small: a void that is about to vanish or meet another one does so now, or the end."""
        changed = next((c for p in IMPATIENCE if (c := self._change(None, p))), None)
        if isinstance(changed, RunOutcome):
            return changed
        if changed is None:
            return self._give_up(str(rejection))
        log.warning("step %d: %s; what was nearest to a change was changed", self.clock.step, rejection)
        self.clock.step_size = self.numerics.first_step / self.scales.time
        return None

    def _step_size(self) -> float:
        """Next step in L/v0: proposal, largest step, and the next output or end of stage."""
        largest = self.numerics.largest_step / self.scales.time
        dt = min(self.clock.step_size, largest)
        stage = self.schedule.now(self.clock)
        current = stage.current if stage.current is not None else self.last.current if self.last else 0.0
        left = self.schedule.time_left(self.clock, current) / self.scales.time
        if left <= dt * (1.0 + 1e-9):
            return left
        return left / 2.0 if left < 2.0 * dt else dt

    def _after(self, dt: float) -> None:
        result = self._result
        assert result is not None and self.last is not None
        self.recorder.stepped(self.epoch.model, dt)
        self.schedule.passed(self.clock, dt * self.scales.time, self.last.current)
        self.clock.step += 1
        self.clock.last_step = dt
        growth = self.numerics.step_growth if self.clock.step > self.clock.calm_until else CALM_GROWTH
        self.clock.step_size = max(
            step.next_step(dt, result, self.limits, growth),
            # a step cut short by an output does not slow the ones after it
            min(self.clock.step_size, step.change_limit(dt, result, self.limits)),
        )
        self.interface.profile = self.epoch.chains.profile()

    def _observe(self) -> None:
        """Record the solved state before the interface moves; also called again after a rejection."""
        observation = self.epoch.observables.observe()
        first_time = self.last is None or self.clock.recorded < self.clock.step
        self.last = observation
        if not first_time:
            return
        self.clock.recorded = self.clock.step
        stage = self.schedule.now(self.clock)
        profile = self.interface.profile
        errors = self.recorder.step(self.epoch, self.clock, stage, observation, self._result, profile)
        self.watch.validity(validity.of_state(self.loaded, profile, observation), self.clock.time)
        self.watch.resolution(observation, self.clock.time)
        self.watch.balances(observation.charge_error, errors, self.clock.step)
        if self.schedule.output_due(self.clock):
            self.recorder.output(self.epoch, self.clock, stage, self.interface)
            self.schedule.written(self.clock)
        self.progress(self.clock, observation)

    def _observe_final(self) -> None:
        """Solve and record the last geometry, with an output."""
        try:
            self.epoch.model.solve(self.clock.last_step)
        except SolveError as error:
            log.warning("the last geometry could not be solved: %s", error)
            return
        self.clock.next_output = 0
        self._observe()

    def _cutoff(self) -> RunOutcome | None:
        limit = self.loaded.case.operation.cutoff_voltage
        if limit is None or self.last is None or abs(self.last.shares.total) < limit:
            return None
        return self._stop("cutoff", [], f"overpotential {self.last.shares.total:.4g} V reached the cut-off")

    def _events(self) -> RunOutcome | None:
        """What the step has brought about: changes of topology, solubility limit, end of the metal."""
        model = self.loaded.case.model
        solubility = self.watch.solubility(self.epoch.model.mixing)
        if solubility is not None and model.beyond_solubility == "stop":
            return self._stop("event", [solubility])
        if solubility is not None:
            self.recorder.events(self.clock, [solubility])
        changed = self._change(self.epoch.model, 1.0)
        if isinstance(changed, RunOutcome):
            return changed
        final = final_events.final_events(self.interface.profile, model.delaminated_below, self.first_height)
        return self._stop("event", final) if final else None

    def _change(self, model: CoupledModel | None, patience: float) -> list[Event] | RunOutcome:
        """Make the changes of topology that are due; the run's end where it stops at them or fails."""
        evolves, dt = self.loaded.case.model.at_event == "evolve", self.clock.last_step
        growth = partial(self.trial.growth, self.epoch, time_step=dt) if evolves else None
        now = self.clock.time / self.scales.time
        state, found = self.interface.changes(model, dt, patience, growth, now)
        self.epoch.model.zone.held = self.interface.held(now)
        if not found:
            return []
        if not evolves:
            return self._stop("event", found)
        failed = self._remesh(state.profile)
        if failed is not None:
            return failed
        capacity = self.clock.capacity / COULOMB_PER_MAH_CM2
        voids = self.interface.population
        voids.change(found, state.labels, state.next_label, (self.clock.time, capacity))
        self.recorder.events(self.clock, found, voids)
        self.clock.step_size *= AFTER_CHANGE
        return found

    def _stop(self, status: Status, found: list[Event], message: str = "") -> RunOutcome:
        """End in the middle of a stage, with a last record."""
        self._observe_final()
        stage = self.schedule.now(self.clock)
        self.recorder.end_stage(stage, self.clock, self.last, found[0].kind if found else status)
        self.recorder.events(self.clock, found)
        if found:
            return self._end(status, f"{found[0].kind}: {found[0].detail}", found[0])
        return self._end(status, message)

    def _remesh_if_needed(self) -> RunOutcome | None:
        result = self._result
        assert result is not None
        if self.clock.meshed == self.clock.step:
            return None
        if not self.interface.worn(result.quality, self.numerics.smallest_quality):
            return None
        return self._remesh(self.interface.profile)

    def _remesh(self, profile: Profile) -> RunOutcome | None:
        """Go on with a new mesh of ``profile``."""
        old, candidates = self.epoch, self.interface.candidates(profile)
        try:
            self.epoch, self.interface.profile, correction = next_epoch(
                self.loaded, self.parameters, self.scales, old, candidates, self.rule
            )
        except (MeshingError, roofs.ProfileError) as error:
            return self._give_up(str(error))
        old.destroy()
        self.schedule.control(self.clock, self.epoch.model)
        self.clock.remeshes += 1
        self.clock.meshed = self.clock.step
        self.clock.solute_correction += correction
        return None

    def _even(self) -> step.Spacing:
        chains, interface = self.epoch.chains, self.interface
        return lambda moved: interface.spaced(chains, moved)

    def _save_if_due(self) -> None:
        """A checkpoint after a field output, and every so many steps."""
        clock = self.clock
        every = self.loaded.case.output.checkpoint_steps
        if clock.outputs != self._outputs_saved or clock.step - self._saved_step >= every:
            self.save()

    def save(self) -> None:
        """Write a checkpoint of the state between two steps. Collective."""
        self._saved_step, self._outputs_saved = self.clock.step, self.clock.outputs
        header = restart.header(
            self.clock,
            self.last,
            self._result,
            self.watch,
            self.interface,
            self.recorder,
            root=self.comm.rank == 0,
        )
        checkpoint.write(self.folder.path, self.epoch.model, header)

    def _give_up(self, reason: str) -> RunOutcome:
        return self._end("failed", f"stopped at step {self.clock.step}: {reason}")

    def _end(self, status: Status, message: str, event: Event | None = None) -> RunOutcome:
        """The end between two steps: after a failure with a checkpoint."""
        outcome = self._outcome(status, message, event)
        if status == "failed":
            self.save()
        self._close(outcome)
        return outcome

    def ended_early(self, status: Status, message: str) -> RunOutcome:
        """The end in the middle of a step, without a checkpoint: the newest one is what to go on from."""
        outcome = self._outcome(status, message)
        try:
            self._close(outcome)
        except RootError as error:
            log.error("the manifest still says that it is running: %s", error)
        return outcome

    def _outcome(self, status: Status, message: str, event: Event | None = None) -> RunOutcome:
        (log.error if status == "failed" else log.info)("%s: %s", status, message)
        capacity = self.clock.capacity / COULOMB_PER_MAH_CM2
        return RunOutcome(status, message, event, self.last, capacity, self.clock.time, self.clock.step)

    def _close(self, outcome: RunOutcome) -> None:
        """Write the last manifest. Collective."""
        made = counts(outcome, self.clock)
        on_root(self.comm, lambda: self.folder.finish(outcome.status, outcome.message, made))


def run_case(
    loaded: LoadedCase,
    folder: RunFolder,
    comm: MPI.Comm,
    *,
    force: bool = False,
    resume: bool = False,
    progress: Callable[[Clock, Observation], None] = lambda _clock, _observation: None,
) -> RunOutcome:
    """Run a case into a folder. Collective.

    Args:
        loaded: valid case.
        folder: where to; must be new or empty unless ``force``.
        comm: communicator.
        force: replace an earlier run in that folder.
        resume: go on from the newest complete checkpoint in that folder.
        progress: called on every rank after each recorded step.

    Raises:
        CaseError: if a random population does not fit.
        MeshingError: if the initial geometry cannot be meshed.
        RootError: if the folder cannot be written, or holds nothing to go on from.
    """
    shapes = cell_setup.void_shapes(loaded)  # before anything is written
    log.debug("%d void seeds", len(shapes))
    saved: Saved | None = None
    if resume:
        found = on_root(comm, lambda: folder.resume(loaded, comm.size))
        saved = Saved(*comm.bcast(found, root=0))
    else:
        on_root(comm, lambda: folder.create(loaded, comm.size, force=force))
    run = Run(loaded, folder, comm, progress, saved)
    try:
        return run.go()
    except KeyboardInterrupt:
        return run.ended_early("interrupted", "interrupted by the user")
    except RootError as error:
        again = "then go on with --resume (--force if there is no checkpoint yet)"
        return run.ended_early("failed", f"stopped at step {run.clock.step}: {error}; {again}")
