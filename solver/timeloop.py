"""The run: protocol, steps, remeshing, events, records; from a case to a finished run folder."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mpi4py import MPI

from meshes.cell import MeshingError
from meshes.profile import InterfaceProfile
from meshes.sizing import SizeRule
from solver import cell_setup, events, protocol, roofs, stepper
from solver.case import LoadedCase
from solver.epoch import build_epoch, next_epoch
from solver.newton import SolveError
from solver.observables import Observation
from solver.parallel import on_root
from solver.parameters import ModelParameters
from solver.records import Recorder
from solver.runfolder import RunFolder
from solver.scales import COULOMB_PER_MAH_CM2, LENGTH_SCALE, Scales, case_scales, model_parameters
from solver.schedule import Schedule
from solver.series import Clock

log = logging.getLogger("livoid")

Status = Literal["finished", "event", "cutoff", "failed", "interrupted"]
CALM_STEPS = 8
"""Steps after a rejection during which the step grows by CALM_GROWTH only."""
CALM_GROWTH = 1.08
DEFAULT_OUTPUTS = 20
"""Field outputs per run when the case gives no interval."""
POORLY_RESOLVED = 0.05
"""Error indicator of the composition above which the run warns, once."""


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: ``message`` is one sentence; ``event`` the topology event, if that was the end."""

    status: Status
    message: str
    event: events.Event | None
    last: Observation | None
    capacity: float
    time: float


class Run:
    """One run of a case. Built and driven by :func:`run_case`."""

    def __init__(
        self,
        loaded: LoadedCase,
        folder: RunFolder,
        comm: MPI.Comm,
        progress: Callable[[Clock, Observation], None],
    ) -> None:
        self.loaded, self.folder, self.comm, self.progress = loaded, folder, comm, progress
        case = loaded.case
        self.numerics = case.numerics
        self.scales: Scales = case_scales(loaded)
        self.parameters: ModelParameters = model_parameters(loaded, self.scales)
        self.rule: SizeRule = cell_setup.size_rule(loaded, cell_setup.void_shapes(loaded))
        self.limits = _step_limits(loaded, self.parameters)
        self.epoch = build_epoch(loaded, self.parameters, self.scales, cell_setup.initial_cell(loaded, comm))
        self.profile = self.epoch.chains.profile() if self.epoch.chains else None
        self.clock = Clock(step_size=case.numerics.first_step / self.scales.time)
        throughput = protocol.expected_throughput(case.operation)
        interval = case.output.interval or throughput / DEFAULT_OUTPUTS or case.operation.capacity
        self.schedule = Schedule(protocol.stages(case.operation), self.scales, interval or 1.0)
        self.recorder = Recorder(loaded, folder, comm, self.scales)
        self.last: Observation | None = None
        self.first_height = case.geometry.metal_thickness / LENGTH_SCALE
        self._result: stepper.StepResult | None = None
        self._said: set[str] = set()

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
        """One stage of the protocol, from its first record to its last."""
        stage = self.schedule.now(self.clock)
        self.schedule.control(self.clock, self.epoch.model)
        self.schedule.begin(self.clock)
        self.clock.step_size = self.numerics.first_step / self.scales.time
        self._result, self.last = None, None
        self.recorder.begin_stage(stage)
        try:
            # the jump of the load is taken here, not in a step that may be undone
            self.epoch.model.solve(self.clock.step_size)
        except SolveError as error:
            return self._give_up(f"{stage.describe()} cannot begin: {error}")
        while (why := self.schedule.over(self.clock, self.last)) is None:
            if self.clock.step >= self.numerics.max_steps:
                return self._end(
                    "failed", f"no end after {self.numerics.max_steps} steps (numerics.max_steps)"
                )
            found = self._step()
            if found is not None:
                return found
        self._observe_final()
        self.recorder.end_stage(stage, self.clock, self.last, why)
        return None

    def _step(self) -> RunOutcome | None:
        dt = self._step_size()
        moved = False
        while not moved:
            try:
                self._result = stepper.advance(self.epoch.model, dt, self.limits, self._even(), self._observe)
                moved = True
            except stepper.StepRejectedError as rejection:
                self.clock.rejected += 1
                dt *= rejection.factor
                self.clock.step_size = dt
                self.clock.calm_until = self.clock.step + CALM_STEPS
                log.debug("step %d rejected: %s", self.clock.step, rejection)
                if dt * self.scales.time < self.numerics.smallest_step:
                    return self._give_up(str(rejection))
        self._after(dt)
        ended = self._cutoff()
        if ended is None:
            ended = self._events()
        if ended is None:
            ended = self._remesh_if_needed()
        return ended

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
            stepper.next_step(dt, result, self.limits, growth),
            # a step cut short by an output does not slow the ones after it
            min(self.clock.step_size, stepper.change_limit(dt, result, self.limits)),
        )
        if self.epoch.chains is not None:
            self.profile = self.epoch.chains.profile()

    def _observe(self) -> None:
        """Record the solved state before the interface moves; also called again after a rejection."""
        observation = self.epoch.observables.observe()
        first_time = self.last is None or self.clock.recorded < self.clock.step
        self.last = observation
        if not first_time:
            return
        self.clock.recorded = self.clock.step
        stage = self.schedule.now(self.clock)
        self.recorder.state(self.epoch, self.clock, stage, observation, self._result, self.profile)
        self._warn(observation)
        if self.schedule.output_due(self.clock):
            self.recorder.output(self.epoch, self.clock, stage, self.profile)
            self.schedule.written(self.clock)
        self.progress(self.clock, observation)

    def _warn(self, seen: Observation) -> None:
        if seen.solute is not None and seen.solute.indicator > POORLY_RESOLVED and not self._said:
            self._said.add("resolution")
            log.warning(
                "the solute's layer is poorly resolved at %.4g s (error indicator %.2g): reduce "
                "numerics.layer_size or raise numerics.layer_depth",
                self.clock.time,
                seen.solute.indicator,
            )

    def _observe_final(self) -> None:
        """Solve and record the last geometry, with an output."""
        try:
            self.epoch.model.solve(0.0)
        except SolveError as error:
            log.warning("the last geometry could not be solved: %s", error)
            return
        self.clock.next_output = 0
        self._observe()

    def _cutoff(self) -> RunOutcome | None:
        limit = self.loaded.case.operation.cutoff_voltage
        if limit is None or self.last is None or abs(self.last.shares.total) < limit:
            return None
        return self._stop("cutoff", f"overpotential {self.last.shares.total:.4g} V reached the cut-off", [])

    def _events(self) -> RunOutcome | None:
        found: list[events.Event] = []
        model = self.loaded.case.model
        if self.profile is not None:
            found = events.geometric_events(
                self.profile, self.rule, model.delaminated_below, self.first_height
            )
        found += self.epoch.model.zone.openings(self.epoch.model.contact)
        solubility = self._solubility()
        if solubility is not None and model.beyond_solubility == "stop":
            found.append(solubility)
        elif solubility is not None:
            self.recorder.event(self.clock, solubility)
        if not found:
            return None
        return self._stop("event", f"{found[0].kind}: {found[0].detail}", found)

    def _solubility(self) -> events.Event | None:
        """The event that x reaches the limit of the BCC phase; once per run."""
        mixing = self.epoch.model.mixing
        if mixing is None or "solubility" in self._said:
            return None
        largest = mixing.step.largest()
        if largest < mixing.limit - stepper.LIMIT_REACHED:
            return None
        self._said.add("solubility")
        where = mixing.step.position_of_largest()
        detail = f"solute fraction {largest:.4g} at {where:.4g} um reaches its limit {mixing.limit:g}"
        return events.Event("solubility", where, 0.0, detail)

    def _stop(self, status: Status, message: str, found: list[events.Event]) -> RunOutcome:
        """End in the middle of a stage, with a last record."""
        self._observe_final()
        stage = self.schedule.now(self.clock)
        self.recorder.end_stage(stage, self.clock, self.last, found[0].kind if found else status)
        for event in found:
            self.recorder.event(self.clock, event)
        return self._end(status, message, found[0] if found else None)

    def _remesh_if_needed(self) -> RunOutcome | None:
        result = self._result
        assert result is not None
        poor = result.quality < self.numerics.smallest_quality
        if self.profile is None or self.epoch.chains is None:
            if result.quality < 0.2 * self.numerics.smallest_quality:
                return self._give_up("the mesh is worn out and 3-D cells are not remeshed")
            return None
        if not poor and not roofs.spacing_is_off(self.profile, self.rule):
            return None
        try:
            profile, _ = self.profile.resampled(self.rule)
            self.epoch, correction = next_epoch(
                self.loaded, self.parameters, self.scales, self.epoch, profile, self.rule
            )
        except (MeshingError, roofs.ProfileError) as error:
            return self._give_up(str(error))
        self.profile = profile
        self.schedule.control(self.clock, self.epoch.model)
        self.clock.remeshes += 1
        self.clock.solute_correction += correction
        return None

    def _even(self) -> stepper.Spacing | None:
        chains = self.epoch.chains
        return None if chains is None else lambda moved: chains.even(moved, self.rule)

    def _give_up(self, reason: str) -> RunOutcome:
        return self._end("failed", f"stopped at step {self.clock.step}: {reason}")

    def _end(self, status: Status, message: str, event: events.Event | None = None) -> RunOutcome:
        capacity = self.clock.capacity / COULOMB_PER_MAH_CM2
        outcome = RunOutcome(status, message, event, self.last, capacity, self.clock.time)
        self.close(outcome)
        return outcome

    def close(self, outcome: RunOutcome) -> None:
        """Write checkpoint and manifest; called once, whatever the end."""
        (log.error if outcome.status == "failed" else log.info)("%s: %s", outcome.status, outcome.message)
        profile: InterfaceProfile | None = self.profile

        def write() -> None:
            if profile is not None:
                self.folder.write_checkpoint(self.clock.state(), profile)
            self.folder.write_manifest(
                {
                    "status": outcome.status,
                    "message": outcome.message,
                    "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
                    "steps": self.clock.step,
                    "rejected_steps": self.clock.rejected,
                    "remeshes": self.clock.remeshes,
                    "capacity_mAh_cm2": outcome.capacity,
                    "time_s": outcome.time,
                }
            )
            self.folder.close()

        on_root(self.comm, write)


def _step_limits(loaded: LoadedCase, parameters: ModelParameters) -> stepper.StepLimits:
    numerics, alloy = loaded.case.numerics, parameters.composition
    stops = alloy is not None and loaded.case.model.beyond_solubility == "stop"
    return stepper.StepLimits(
        numerics.courant,
        numerics.composition_change,
        alloy.limit if alloy is not None and stops else None,
    )


def run_case(
    loaded: LoadedCase,
    folder: RunFolder,
    comm: MPI.Comm,
    *,
    force: bool = False,
    progress: Callable[[Clock, Observation], None] = lambda _clock, _observation: None,
) -> RunOutcome:
    """Run a case into a folder. Collective.

    Args:
        loaded: valid case.
        folder: where to; must be new or empty unless ``force``.
        comm: communicator.
        force: replace an earlier run in that folder.
        progress: called on every rank after each recorded step.

    Raises:
        CaseError: if a random population does not fit.
        MeshingError: if the initial geometry cannot be meshed.
        RootError: if the folder cannot be written.
    """
    shapes = cell_setup.void_shapes(loaded)  # before anything is written
    log.debug("%d void seeds", len(shapes))
    on_root(comm, lambda: folder.create(loaded, comm.size, force=force))
    run = Run(loaded, folder, comm, progress)
    try:
        return run.go()
    except KeyboardInterrupt:
        capacity = run.clock.capacity / COULOMB_PER_MAH_CM2
        outcome = RunOutcome(
            "interrupted", "interrupted by the user", None, run.last, capacity, run.clock.time
        )
        run.close(outcome)
        return outcome
