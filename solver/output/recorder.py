"""What a run writes while it goes: states, outputs, stages of the protocol, events (rank 0 writes)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mpi4py import MPI

from solver.core import timing
from solver.core.parallel import on_root
from solver.output.deposit import Deposit
from solver.output.series import series_row
from solver.setup.scales import COULOMB_PER_MAH_CM2, LENGTH_SCALE
from solver.stepping import step
from solver.stepping.observables import observation

if TYPE_CHECKING:
    from meshes.gmsh.mesh_profile import Profile
    from meshes.topology import Event
    from solver.case.loading import LoadedCase
    from solver.equations.coupled_model import CoupledModel
    from solver.interface.interface_state import InterfaceState
    from solver.interface.population import Population
    from solver.output.run_folder import RunFolder
    from solver.setup.protocol import Stage
    from solver.setup.scales import Scales
    from solver.simulation.epoch import Epoch
    from solver.stepping.clock import Clock
    from solver.stepping.observables import Observation

log = logging.getLogger("livoid")


class Recorder:
    """Records of one run.

    Args:
        loaded: case.
        folder: where to.
        comm: communicator of the run.
        scales: units.
    """

    def __init__(self, loaded: LoadedCase, folder: RunFolder, comm: MPI.Comm, scales: Scales) -> None:
        self.folder, self.comm, self.scales = folder, comm, scales
        geometry = loaded.case.geometry
        self.deposit = (
            Deposit(geometry.width / LENGTH_SCALE, axisymmetric=geometry.kind == "axisymmetric")
            if geometry.kind != "3d"
            else None
        )
        self._plates = False
        self._start: tuple[float, Observation] | None = None
        self._balance = (0.0, 0.0)

    def begin_stage(self, stage: Stage) -> None:
        """A stage of the protocol begins."""
        self._start = None
        self._plates = stage.kind == "plate"
        if self.deposit is not None:
            self.deposit.clear()

    def stepped(self, model: CoupledModel, time_step: float) -> None:
        """A step of ``time_step`` (L/v0) was accepted. Collective."""
        if self._plates and self.deposit is not None:
            self.deposit.add(model, time_step)

    def step(
        self,
        epoch: Epoch,
        clock: Clock,
        stage: Stage,
        seen: Observation,
        result: step.StepResult | None,
        profile: Profile,
    ) -> step.BalanceErrors:
        """One row of ``series.csv``; returns how well the last step kept the balances. Collective."""
        if self._start is None:
            self._start = (clock.time, seen)
            if stage.kind == "plate":
                log.info(
                    "%s begins: current focusing %.4g (max/mean on contact), %.4g (max/applied)",
                    stage.describe(),
                    seen.focus_contact,
                    seen.focus_applied,
                )
        self._balance, errors = step.volume_balance(
            self._balance, result, epoch.model, seen.platen, seen.void_measure
        )
        row = series_row(clock, seen, result, errors, self.scales, profile, stage)
        with timing.part("output"):
            on_root(self.comm, lambda: self.folder.series.append([row]))
        return errors

    @timing.counted("output")
    def output(self, epoch: Epoch, clock: Clock, stage: Stage, interface: InterfaceState) -> None:
        """Fields and everything along the interface. Collective."""
        number, seconds = clock.outputs, clock.time
        capacity = clock.capacity / COULOMB_PER_MAH_CM2
        along = epoch.recorder.rows(number, seconds, capacity)
        heights = epoch.recorder.profile(number, seconds, capacity)
        deposited = self._deposit_rows(number, seconds, capacity, stage)
        file = epoch.writer.write(self.folder.path, number) if epoch.writer else None

        def write() -> None:
            self.folder.interface.append(along or [])
            self.folder.profile.append(heights or [])
            self.folder.deposit.append(deposited)
            voids = interface.population
            self.folder.voids.append(voids.rows(number, seconds, capacity, interface.profile))
            self.folder.write_lineage(voids)
            if file is not None:
                self.folder.add_fields(seconds, file)

        on_root(self.comm, write)

    def _deposit_rows(
        self, number: int, seconds: float, capacity: float, stage: Stage
    ) -> list[tuple[Any, ...]]:
        if not self._plates or self.deposit is None:
            return []
        head = (number, seconds, capacity, stage.cycle, stage.number)
        pairs = zip(self.deposit.positions, self.deposit.thickness, strict=True)
        return [(*head, float(x), float(thickness)) for x, thickness in pairs]

    def end_stage(self, stage: Stage, clock: Clock, last: Observation | None, why: str) -> None:
        """One row of ``stages.csv``. Collective."""
        log.info("%s ends by %s at %.6g s", stage.describe(), why, clock.time)
        if self._start is None or last is None:
            return
        start, first = self._start
        solute = last.solute.largest if last.solute else 0.0
        row = (
            stage.cycle,
            stage.number,
            stage.kind,
            start,
            clock.time,
            clock.stage_capacity / COULOMB_PER_MAH_CM2,
            why,
            first.shares.total,
            last.shares.total,
            first.contact_fraction,
            last.contact_fraction,
            first.focus_contact,
            first.focus_applied,
            solute,
            *self._deposit_spread(),
        )
        on_root(self.comm, lambda: self.folder.stages.append([row]))

    def _deposit_spread(self) -> tuple[float, float, float]:
        """Mean, largest and smallest thickness of the deposit (um)."""
        if not self._plates or self.deposit is None:
            return (0.0, 0.0, 0.0)
        thickness = self.deposit.thickness
        return (self.deposit.mean(), float(thickness.max()), float(thickness.min()))

    def events(self, clock: Clock, found: Sequence[Event], voids: Population | None = None) -> None:
        """Rows of ``events.csv``; ``lineage.csv`` anew. Collective."""
        capacity = clock.capacity / COULOMB_PER_MAH_CM2
        for event in found:
            log.info("event %s: %s", event.kind, event.detail)

        def write() -> None:
            for event in found:
                self.folder.add_event(clock.time, capacity, event)
            if voids is not None:
                self.folder.write_lineage(voids)

        on_root(self.comm, write)

    def state(self) -> dict[str, Any]:
        """Plain data for the checkpoint. Acts on rank 0; the files are there only."""
        start = None if self._start is None else [self._start[0], asdict(self._start[1])]
        thickness = None if self.deposit is None else self.deposit.thickness
        own = {"plates": self._plates, "start": start, "balance": self._balance, "deposit": thickness}
        return own | {"files": self.folder.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self._plates = state["plates"]
        self._start = None if state["start"] is None else (state["start"][0], observation(state["start"][1]))
        self._balance = (state["balance"][0], state["balance"][1])
        if self.deposit is not None:
            self.deposit.thickness[:] = state["deposit"]
