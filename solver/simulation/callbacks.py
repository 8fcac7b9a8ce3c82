"""What is done at the moments of a run: records, warnings, checkpoints, progress, and what a user adds.

A callback is an object with a method for each moment that it wants; :class:`Callback` lists the moments.
A plain function is one too: it is called with the simulation at every solved state, and through
:class:`Scheduled` at another moment or less often::

    voltages = []

    def voltage(simulation):
        voltages.append((simulation.clock.time, simulation.last.shares.total))

    def quality(simulation):
        print(simulation.result.quality)

    run_case(loaded, folder, comm, callbacks=[voltage, Scheduled(quality, EverySteps(10), "step_done")])

Callbacks are called on every rank, so that they may do collective work; then they have to do it on all ranks.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from mpi4py import MPI

    from meshes.topology import Event
    from solver.simulation.ending import RunOutcome
    from solver.simulation.simulation import Simulation

    Due = Callable[[Simulation], bool]
    """A schedule: whether a callback is to act now."""

log = logging.getLogger("livoid")


class CallbackError(RuntimeError):
    """A user's callback failed on some rank; raised on every rank with the same text."""


class Callback:
    """The moments of a run, in their order; each does nothing unless a subclass says what. Collective.

    Attributes:
        name: under which :meth:`state` is kept in checkpoints; empty for none.
    """

    name: ClassVar[str] = ""

    def run_begins(self, simulation: Simulation) -> None:
        """The first mesh is there (of the case, or of a checkpoint); nothing has been solved."""

    def stage_begins(self, simulation: Simulation) -> None:
        """A stage of the protocol begins: its current and load are set. Not where a run is resumed in it."""

    def state_solved(self, simulation: Simulation) -> None:
        """All fields are those of the present geometry; once per step, before the interface moves.

        Where the state before a change of topology is written it is once more, at the same step.
        """

    def interface_moved(self, simulation: Simulation, time_step: float) -> None:
        """The interface has moved with the solved state, by ``time_step`` (L/v0)."""

    def events_happened(self, simulation: Simulation, events: Sequence[Event]) -> None:
        """Voids opened, closed or met, or the run reached a limit."""

    def mesh_changed(self, simulation: Simulation) -> None:
        """The model is one on a new mesh: what belongs to the last one has to be dropped."""

    def step_done(self, simulation: Simulation) -> None:
        """Between two steps: interface, mesh and clock are those of the next one."""

    def stage_ends(self, simulation: Simulation, why: str) -> None:
        """The last state of a stage has been solved and recorded."""

    def run_ends(self, simulation: Simulation, outcome: RunOutcome) -> None:
        """The run ends between two steps (not after a full disk or a failed callback)."""

    def state(self) -> Any:
        """Plain data for a checkpoint; that of rank 0 counts."""
        return None

    def restore(self, state: Any) -> None:
        """Go on from :meth:`state`."""


MOMENTS = (
    "run_begins",
    "stage_begins",
    "state_solved",
    "interface_moved",
    "events_happened",
    "mesh_changed",
    "step_done",
    "stage_ends",
    "run_ends",
)


def every_step(_simulation: Simulation) -> bool:
    """Schedule: always."""
    return True


def at_outputs(simulation: Simulation) -> bool:
    """Schedule: where fields are written."""
    return simulation.output_due


@dataclass
class EverySteps:
    """Schedule: where the number of the step is a multiple of ``interval``."""

    interval: int

    def __call__(self, simulation: Simulation) -> bool:
        """Whether the step is one of those."""
        return simulation.clock.step % self.interval == 0


@dataclass
class AfterOutputOrSteps:
    """Schedule: after each output, and ``interval`` steps after the last time at the latest.

    ``step`` and ``outputs`` are those of the clock at the last time.
    """

    interval: int
    step: int = 0
    outputs: int = 0

    def __call__(self, simulation: Simulation) -> bool:
        """Whether it is time; counts from here if so."""
        clock = simulation.clock
        due = clock.outputs != self.outputs or clock.step - self.step >= self.interval
        if due:
            self.step, self.outputs = clock.step, clock.outputs
        return due


class Scheduled(Callback):
    """Calls a function at one of the moments, when its schedule says so.

    Args:
        work: called with the simulation.
        due: schedule.
        moment: name of one of the methods of :class:`Callback`.

    Raises:
        ValueError: if there is no such moment.
    """

    def __init__(
        self,
        work: Callable[[Simulation], object],
        due: Due = every_step,
        moment: str = "state_solved",
    ) -> None:
        if moment not in MOMENTS:
            raise ValueError(f"a run has no moment {moment!r}; there are {', '.join(MOMENTS)}")
        self.work, self.due = work, due
        setattr(self, moment, self._when_due)

    def __str__(self) -> str:
        return getattr(self.work, "__name__", type(self.work).__name__)

    def _when_due(self, simulation: Simulation, *_details: object) -> None:
        if self.due(simulation):
            self.work(simulation)


class Callbacks:
    """All callbacks of a run, in the order in which they are called.

    Args:
        comm: communicator of the run.
        own: of the run itself.
        users: objects with some of the methods of :class:`Callback`, or plain functions; these may fail.
        checkpoints: come last, so that they keep what the others have done.

    Raises:
        ValueError: if two have the same name.
    """

    def __init__(
        self,
        comm: MPI.Comm,
        own: Sequence[Callback],
        users: Iterable[Callback | Callable[[Simulation], object]] = (),
        checkpoints: Callback | None = None,
    ) -> None:
        self.comm, self.own = comm, list(own)
        self.users = [user if isinstance(user, Callback) else Scheduled(user) for user in users]
        self.checkpoints = checkpoints or Callback()
        names = [callback.name for callback in (*self.own, *self.users) if callback.name]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two callbacks have the same name: {', '.join(twice)}")

    def call(self, moment: str, simulation: Simulation, *details: object) -> None:
        """Call the method ``moment`` of all. Collective.

        Raises:
            CallbackError: on every rank, if a user's callback fails on some rank.
        """
        for callback in self.own:
            getattr(callback, moment)(simulation, *details)
        for callback in self.users:
            method = getattr(callback, moment)
            if getattr(method, "__func__", None) is not getattr(Callback, moment):
                self._guarded(f"{_name(callback)} at {moment}", partial(method, simulation, *details))
        getattr(self.checkpoints, moment)(simulation, *details)

    def states(self) -> dict[str, Any]:
        """Plain data of all that have a name, for a checkpoint. Collective."""
        found = {callback.name: callback.state() for callback in self.own if callback.name}
        for callback in self.users:
            if callback.name:
                what = f"{_name(callback)} at a checkpoint"
                found[callback.name] = self._guarded(what, callback.state)
        return found

    def restore(self, states: Mapping[str, Any]) -> None:
        """Go on from :meth:`states`. Collective."""
        for callback in self.own:
            if callback.name:
                callback.restore(states[callback.name])
        for callback in self.users:
            if callback.name in states:
                what = f"{_name(callback)} at the restart"
                self._guarded(what, partial(callback.restore, states[callback.name]))

    def _guarded(self, what: str, work: Callable[[], Any]) -> Any:
        """Do a user's work and agree on success, so that no rank waits for one that has failed."""
        result, failure = None, ""
        try:
            result = work()
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            failure = f"{type(error).__name__}: {error} ({place.filename}, line {place.lineno})"
            log.debug("%s", traceback.format_exc())
        failures = self.comm.allgather(failure)
        for rank, text in enumerate(failures):
            if text:
                where = f" on rank {rank}" if self.comm.size > 1 else ""
                raise CallbackError(f"callback {what} failed{where}: {text}")
        return result


def _name(callback: Callback) -> str:
    return str(callback) if isinstance(callback, Scheduled) else type(callback).__name__
