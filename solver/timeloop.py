"""The run: steps, milestones, remeshing, events, records; from a case to a finished run folder."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from mpi4py import MPI

from meshes.cell import CellMesh, MeshingError, mesh_plane
from meshes.profile import InterfaceProfile
from meshes.sizing import SizeRule
from solver import cell_setup, events, remesh, roofs, stepper
from solver.case import LoadedCase
from solver.fields import FieldWriter
from solver.interface_records import InterfaceRecorder
from solver.model import CoupledModel
from solver.newton import SolveError
from solver.observables import Observables, Observation
from solver.parallel import on_root
from solver.parameters import ModelParameters
from solver.runfolder import RunFolder
from solver.scales import COULOMB_PER_MAH_CM2, LENGTH_SCALE, Scales, case_scales, model_parameters
from solver.series import Clock, series_row

log = logging.getLogger("livoid")

Status = Literal["finished", "event", "cutoff", "failed", "interrupted"]
CALM_STEPS = 8
"""Steps after a rejection during which the step grows by CALM_GROWTH only."""
CALM_GROWTH = 1.08
DEFAULT_OUTPUTS = 20
"""Field outputs per run when the case gives no interval."""


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: ``message`` is one sentence; ``event`` the topology event, if that was the end."""

    status: Status
    message: str
    event: events.Event | None
    last: Observation | None
    capacity: float
    time: float


@dataclass
class Epoch:
    """Everything that lives as long as one mesh."""

    model: CoupledModel
    observables: Observables
    recorder: InterfaceRecorder
    writer: FieldWriter | None
    chains: roofs.RoofChains | None


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
        self.depth = case.geometry.modelled_depth / LENGTH_SCALE
        self.epoch = self._epoch(cell_setup.initial_cell(loaded, comm))
        self.profile = self.epoch.chains.profile() if self.epoch.chains else None
        self.clock = Clock(step_size=case.numerics.first_step / self.scales.time)
        interval = case.output.interval or case.operation.capacity / DEFAULT_OUTPUTS
        self.interval = interval or case.operation.capacity or 1.0
        self.last: Observation | None = None
        self.first_height = case.geometry.metal_thickness / LENGTH_SCALE
        self._result: stepper.StepResult | None = None
        self._balance = (0.0, 0.0)

    def go(self) -> RunOutcome:
        """Step until the capacity, an event, a cut-off or a failure."""
        target = self.loaded.case.operation.capacity
        while self.clock.capacity < target * (1.0 - 1e-12):
            if self.clock.step >= self.numerics.max_steps:
                return self._end(
                    "failed", f"no end after {self.numerics.max_steps} steps (numerics.max_steps)"
                )
            found = self._step(target)
            if found is not None:
                return found
        self._observe_final()
        return self._end("finished", f"capacity of {target / COULOMB_PER_MAH_CM2:.6g} mAh/cm2 reached")

    def _step(self, target: float) -> RunOutcome | None:
        dt = self._step_size(target)
        moved = False
        while not moved:
            try:
                self._result = stepper.advance(
                    self.epoch.model, dt, self.numerics.courant, self._even(), self._observe
                )
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

    def _step_size(self, target: float) -> float:
        """Next step in L/v0: proposal, largest step, and the next milestone in capacity."""
        largest = self.numerics.largest_step / self.scales.time
        dt = min(self.clock.step_size, largest)
        if self.last is None:
            return dt
        milestone = min(self.clock.next_output * self.interval, target)
        left = (milestone - self.clock.capacity) / (self.last.current * self.scales.time)
        if left <= dt * (1.0 + 1e-9):
            return left
        return left / 2.0 if left < 2.0 * dt else dt

    def _after(self, dt: float) -> None:
        result = self._result
        assert result is not None and self.last is not None
        self.clock.time += dt * self.scales.time
        self.clock.capacity += self.last.current * dt * self.scales.time
        milestone = self.clock.next_output * self.interval
        if abs(self.clock.capacity - milestone) < 1e-9 * self.interval:
            self.clock.capacity = milestone
        self.clock.step += 1
        self.clock.last_step = dt
        growth = self.numerics.step_growth if self.clock.step > self.clock.calm_until else CALM_GROWTH
        self.clock.step_size = max(
            stepper.next_step(dt, result, self.numerics.courant, growth),
            # a step cut short by a milestone does not slow the ones after it
            min(self.clock.step_size, stepper.courant_limit(dt, result, self.numerics.courant)),
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
        model = self.epoch.model
        self._balance, errors = stepper.volume_balance(
            self._balance, self._result, model, observation.platen, observation.void_measure
        )
        row = series_row(self.clock, observation, self._result, errors, self.scales, self.profile)
        on_root(self.comm, lambda: self.folder.series.append([row]))
        if self.clock.capacity >= self.clock.next_output * self.interval * (1.0 - 1e-12):
            self._output()
        self.progress(self.clock, observation)

    def _output(self) -> None:
        number, seconds = self.clock.outputs, self.clock.time
        capacity = self.clock.capacity / COULOMB_PER_MAH_CM2
        rows = self.epoch.recorder.rows(number, seconds, capacity)
        file = self.epoch.writer.write(self.folder.path, number) if self.epoch.writer else None

        def write() -> None:
            self.folder.interface.append(rows or [])
            if self.profile is not None:
                self.folder.add_voids(number, seconds, capacity, self.profile)
                self.folder.write_checkpoint(self.clock.state(), self.profile)
            if file is not None:
                self.folder.add_fields(seconds, file)

        on_root(self.comm, write)
        self.clock.outputs += 1
        self.clock.next_output = int(np.floor(self.clock.capacity / self.interval + 1e-9)) + 1

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
        if limit is not None and self.last is not None and self.last.shares.total >= limit:
            self._observe_final()
            return self._end("cutoff", f"overpotential {self.last.shares.total:.4g} V reached the cut-off")
        return None

    def _events(self) -> RunOutcome | None:
        found: list[events.Event] = []
        model = self.loaded.case.model
        if self.profile is not None:
            found = events.geometric_events(
                self.profile, self.rule, model.delaminated_below, self.first_height
            )
        found += self.epoch.model.zone.openings(self.epoch.model.contact)
        if not found:
            return None
        self._observe_final()
        for event in found:
            self._log_event(event)
        first = found[0]
        return self._end("event", f"{first.kind}: {first.detail}", first)

    def _log_event(self, event: events.Event) -> None:
        capacity = self.clock.capacity / COULOMB_PER_MAH_CM2
        log.info("event %s: %s", event.kind, event.detail)
        on_root(self.comm, lambda: self.folder.add_event(self.clock.time, capacity, event))

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
            epoch = self._epoch(mesh_plane(profile, self.rule, self.comm))
        except (MeshingError, roofs.ProfileError) as error:
            return self._give_up(str(error))
        remesh.transfer_start(self.epoch.model, epoch.model)
        self.epoch.model.destroy()
        self.epoch, self.profile = epoch, profile
        self.clock.remeshes += 1
        gc.collect()
        return None

    def _epoch(self, cell: CellMesh) -> Epoch:
        case = self.loaded.case
        model = CoupledModel(cell, self.parameters, self.numerics.petsc)
        pellet = case.geometry.pellet_thickness / LENGTH_SCALE
        chains = None if cell.kind == "3d" else roofs.roof_chains(cell, model.surface, self.depth)
        return Epoch(
            model,
            Observables(model, self.scales, pellet, self.depth),
            InterfaceRecorder(model, self.scales),
            FieldWriter(model, self.scales) if case.output.fields else None,
            chains,
        )

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
