"""What a run writes while it goes: states, outputs, stages of the protocol, events (rank 0 writes)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mpi4py import MPI

from solver.core import timing
from solver.core.parallel import on_root
from solver.output import rows
from solver.output.along_interface import InterfaceRecorder
from solver.output.fields import FieldWriter
from solver.output.plated_thickness import PlatedThickness
from solver.output.series import series_row
from solver.output.voids import event_row, void_rows
from solver.stepping.observables import observation

if TYPE_CHECKING:
    from meshes.profile.base import Profile
    from meshes.topology import Event
    from solver.equations.coupled_model import CoupledModel
    from solver.interface.interface import Interface
    from solver.interface.population import Population
    from solver.output.run_folder import RunFolder
    from solver.setup.protocol import Stage
    from solver.setup.scales import Scales
    from solver.setup.setup import Setup
    from solver.stepping.clock import Clock
    from solver.stepping.observables import BalanceErrors, Observation
    from solver.stepping.step import StepResult

log = logging.getLogger("livoid")


class Recorder:
    """Records of one run.

    Args:
        setup: of the run.
        folder: where to.
        comm: communicator of the run.
    """

    def __init__(self, setup: Setup, folder: RunFolder, comm: MPI.Comm) -> None:
        self.folder, self.comm, self.scales = folder, comm, setup.scales
        geometry = setup.geometry
        self.plated = (
            PlatedThickness(geometry.width, axisymmetric=geometry.kind == "axisymmetric")
            if geometry.kind != "3d"
            else None
        )
        self._plates = False
        self._start: tuple[float, Observation] | None = None
        self._row: float | None = None
        self._writes_fields = setup.output.fields
        self._readers: tuple[InterfaceRecorder, FieldWriter | None] | None = None

    def forget_mesh(self, scales: Scales) -> None:
        """The model is another one: what reads the last one is made anew at the next output."""
        self._readers, self.scales = None, scales

    def _readers_of(self, model: CoupledModel) -> tuple[InterfaceRecorder, FieldWriter | None]:
        """What reads the fields of ``model`` for an output; made at the first output on its mesh."""
        if self._readers is None:
            with timing.part("build"):
                writer = FieldWriter(model, self.scales) if self._writes_fields else None
                self._readers = InterfaceRecorder(model, self.scales), writer
        return self._readers

    def begin_stage(self, stage: Stage) -> None:
        """A stage of the protocol begins."""
        self._start = self._row = None
        self._plates = stage.kind == "plate"
        if self.plated is not None:
            self.plated.clear()

    def stepped(self, model: CoupledModel, time_step: float) -> None:
        """A step of ``time_step`` (L/v0) was accepted. Collective."""
        if self._plates and self.plated is not None:
            self.plated.add(model, time_step)

    def step(
        self,
        clock: Clock,
        stage: Stage,
        seen: Observation,
        result: StepResult | None,
        errors: BalanceErrors,
        profile: Profile,
    ) -> None:
        """One row of ``series.csv``; none for a state that is solved once more, to be written. Collective."""
        if clock.time == self._row:
            return
        self._row = clock.time
        if self._start is None:
            self._start = (clock.time, seen)
            if stage.kind == "plate":
                log.info(
                    "%s begins: current focusing %.4g (max/mean on contact), %.4g (max/applied)",
                    stage.describe(),
                    seen.focus_contact,
                    seen.focus_applied,
                )
        row = series_row(clock, seen, result, errors, self.scales, profile, stage)
        with timing.part("output"):
            on_root(self.comm, lambda: self.folder.table(rows.SeriesRow).append([row]))

    @timing.counted("output")
    def output(self, model: CoupledModel, clock: Clock, stage: Stage, interface: Interface) -> None:
        """Fields and everything along the interface. Collective."""
        number, seconds = clock.outputs, clock.time
        capacity = clock.charge_passed
        interface_recorder, writer = self._readers_of(model)
        along = interface_recorder.rows(number, seconds, capacity)
        heights = interface_recorder.profile(number, seconds, capacity)
        plated = self._plated_rows(number, seconds, capacity, stage)
        file = writer.write(self.folder.path, number) if writer else None

        def write() -> None:
            self.folder.table(rows.InterfaceRow).append(along or [])
            self.folder.table(rows.ProfileRow).append(heights or [])
            self.folder.table(rows.PlatedThicknessRow).append(plated)
            voids = interface.population
            present = void_rows(voids, interface.profile, number, seconds, capacity)
            self.folder.table(rows.VoidRow).append(present)
            self.folder.write_lineage(voids)
            if file is not None:
                self.folder.add_fields(seconds, file)

        on_root(self.comm, write)

    def _plated_rows(
        self, number: int, seconds: float, capacity: float, stage: Stage
    ) -> list[rows.PlatedThicknessRow]:
        if not self._plates or self.plated is None:
            return []
        return [
            rows.PlatedThicknessRow(
                output=number,
                time_s=seconds,
                capacity_mAh_cm2=capacity,
                cycle=stage.cycle,
                stage=stage.number,
                x_um=float(x),
                thickness_um=float(thickness),
            )
            for x, thickness in zip(self.plated.positions, self.plated.values, strict=True)
        ]

    def end_stage(self, stage: Stage, clock: Clock, last: Observation | None, why: str) -> None:
        """One row of ``stages.csv``. Collective."""
        at_once = ", which it has met as it begins" if clock.stage_time == 0.0 else ""
        log.info("%s ends by %s at %.6g s%s", stage.describe(), why, clock.time, at_once)
        if self._start is None or last is None:
            return
        start, first = self._start
        mean, largest, smallest = self._plated_spread()
        row = rows.StageRow(
            cycle=stage.cycle,
            stage=stage.number,
            kind=stage.kind,
            start_s=start,
            end_s=clock.time,
            capacity_mAh_cm2=clock.charge_of_stage,
            end=why,
            start_voltage_V=first.shares.total,
            end_voltage_V=last.shares.total,
            start_contact_fraction=first.contact_fraction,
            end_contact_fraction=last.contact_fraction,
            start_active_fraction=first.active_fraction,
            end_active_fraction=last.active_fraction,
            start_stack_pressure_MPa=first.stack_pressure,
            end_stack_pressure_MPa=last.stack_pressure,
            start_focus_contact=first.focus_contact,
            start_focus_applied=first.focus_applied,
            end_solute_largest=last.solute.largest if last.solute else 0.0,
            deposit_mean_um=mean,
            deposit_largest_um=largest,
            deposit_smallest_um=smallest,
        )
        on_root(self.comm, lambda: self.folder.table(rows.StageRow).append([row]))

    def _plated_spread(self) -> tuple[float, float, float]:
        """Mean, largest and smallest plated thickness (um)."""
        if not self._plates or self.plated is None:
            return (0.0, 0.0, 0.0)
        thickness = self.plated.values
        return (self.plated.mean(), float(thickness.max()), float(thickness.min()))

    def events(self, clock: Clock, found: Sequence[Event], voids: Population | None = None) -> None:
        """Rows of ``events.csv``; ``lineage.csv`` anew. Collective."""
        capacity = clock.charge_passed
        for event in found:
            log.info("event %s: %s", event.kind, event.detail)

        def write() -> None:
            for event in found:
                self.folder.table(rows.EventRow).append([event_row(event, clock.time, capacity)])
            if voids is not None:
                self.folder.write_lineage(voids)

        on_root(self.comm, write)

    def state(self) -> dict[str, Any]:
        """Plain data for the checkpoint; empty but on rank 0, where the files are. Collective."""
        files = on_root(self.comm, self.folder.state)
        if files is None:
            return {}
        start = None if self._start is None else [self._start[0], asdict(self._start[1])]
        thickness = None if self.plated is None else self.plated.values
        own = {"plates": self._plates, "start": start, "plated": thickness}
        return own | {"files": files}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self._plates = state["plates"]
        self._start = None if state["start"] is None else (state["start"][0], observation(state["start"][1]))
        if self.plated is not None:
            self.plated.values[:] = state["plated"]
