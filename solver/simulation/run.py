"""A run: from a case through its protocol, step by step, to a finished run folder.

:func:`run` is the whole flow. A :class:`~solver.simulation.simulation.Simulation` is the state that it moves
on; all that a run does besides solving (records, warnings, checkpoints, progress) is done by
:mod:`solver.simulation.callbacks`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from solver.core import interrupts
from solver.core.parallel import RootError, on_root
from solver.output.recorder import Recorder
from solver.setup.setup import at_temperature, set_up
from solver.simulation import ending, restart
from solver.simulation.callbacks import CallbackError, Callbacks
from solver.simulation.discretisation import discretise, initial_cell
from solver.simulation.ending import RunEndedError
from solver.simulation.recording import Progress, Records
from solver.simulation.restart import Saved
from solver.simulation.simulation import Simulation
from solver.simulation.temperature import take_temperature
from solver.simulation.warnings import Warnings
from solver.stepping.clock import Clock
from solver.stepping.schedule import Schedule

if TYPE_CHECKING:
    from mpi4py import MPI

    from solver.case.loading import LoadedCase
    from solver.equations.terms.term import ExtraTerms
    from solver.output.run_folder import RunFolder
    from solver.setup.setup import Setup
    from solver.simulation.callbacks import Callback
    from solver.simulation.ending import RunOutcome, Status
    from solver.stepping.observables import Observation
    from solver.stepping.step import StepRejectedError

log = logging.getLogger("livoid")

AGAIN = "go on with --resume (--force if there is no checkpoint yet)"
"""How a run goes on that has ended in the middle of a step."""


def run(simulation: Simulation) -> RunOutcome:
    """Go through the protocol until its end, an event, a cut-off or a failure. Collective."""
    schedule, clock = simulation.schedule, simulation.clock
    simulation.tell("run_begins")
    try:
        while not schedule.finished(clock):
            take_temperature(simulation)
            simulation.begin_stage()
            while (why := simulation.stage_over()) is None:
                steps, rejection = clock.step, _advanced(simulation)
                if rejection is not None:
                    simulation.rescue(rejection)
                else:
                    simulation.stop_at_cutoff()
                    if clock.step == steps:
                        continue  # the stage is over where the step was to begin
                    simulation.change_interface()
                    simulation.remesh_if_needed()
                simulation.tell("step_done")
            simulation.end_stage(why)
            clock.stage += 1
        stages, passed = len(schedule.stages), f"capacity of {simulation.capacity:.6g} mAh/cm2 reached"
        outcome = simulation.outcome("finished", passed if stages == 1 else f"all {stages} steps done")
    except RunEndedError as end:
        outcome = simulation.outcome(end.status, end.message, end.event)
    simulation.tell("run_ends", outcome)
    return outcome


def _advanced(simulation: Simulation) -> StepRejectedError | None:
    """A step, or the end of the run if that was asked for: a step half done is undone. Collective."""
    try:
        interrupts.check(simulation.comm)
        return simulation.advance()
    except interrupts.Interrupted:
        message = f"ended by a signal after step {simulation.clock.step}; go on with --resume"
        raise RunEndedError("interrupted", message) from None


def start(setup: Setup, comm: MPI.Comm, callbacks: Callbacks, saved: Saved | None = None) -> Simulation:
    """The state at the start of a run, or that of a checkpoint. Collective.

    Raises:
        MeshingError: if the initial geometry cannot be meshed.
        CallbackError: if a user's callback cannot go on from its state in the checkpoint.
    """
    begun = 0 if saved is None else int(saved.header["clock"]["stage"])
    setup = at_temperature(setup, setup.stages[min(begun, len(setup.stages) - 1)].temperature)
    if saved is None:
        cell = initial_cell(setup, comm)
        interrupts.check(comm)
        mesh = discretise(setup, cell)
    else:
        mesh = restart.saved_mesh(setup, comm, saved)
    simulation = Simulation(
        setup=setup,
        comm=comm,
        clock=Clock(step_size=setup.steps.first),
        schedule=Schedule(list(setup.stages), setup.scales, setup.output.interval, setup.output.asked),
        discretisation=mesh,
        interface=restart.new_interface(setup, mesh.surfaces.profile()),
        surface=restart.new_surface(setup, mesh),
        callbacks=callbacks,
        resumed=saved is not None,
    )
    if saved is not None:
        restart.restore(simulation, saved.header)
        simulation.schedule.rephase(simulation.clock)
    return simulation


def run_case(
    loaded: LoadedCase,
    folder: RunFolder,
    comm: MPI.Comm,
    *,
    force: bool = False,
    resume: bool = False,
    extend: bool = False,
    progress: Callable[[Clock, Observation], None] | None = None,
    callbacks: Iterable[Callback | Callable[[Simulation], object]] = (),
    extra_terms: ExtraTerms | None = None,
) -> RunOutcome:
    """Run a case into a folder. Collective.

    A callback is a function of the simulation, called at every solved state, or a
    :class:`~solver.simulation.callbacks.Callback` with methods for other moments. It reads what it likes and
    changes nothing; where it fails, on whatever rank, the run ends with a message that names it::

        curve = []
        run_case(
            load_case("cases/demo-0.2MPa.toml"),
            RunFolder(Path("out")),
            MPI.COMM_WORLD,
            callbacks=[lambda simulation: curve.append((simulation.capacity, simulation.last.shares.total))],
        )

    Args:
        loaded: valid case.
        folder: where to; must be new or empty unless ``force``, which replaces a run and nothing else.
        comm: communicator.
        force: replace an earlier run in that folder, once this one is set up and has its first mesh.
        resume: go on from the newest complete checkpoint in that folder.
        extend: with ``resume``, whether the case may differ in what has not been computed yet: more capacity,
            more steps, other output. It is recorded in the manifest.
        progress: called on every rank after each recorded step, with clock and observation.
        callbacks: what else is to be done while the run goes on.
        extra_terms: physical terms of the user's own, besides those of the case.

    Raises:
        CaseError: if a random population does not fit, or the mesh would be too large.
        MeshingError: if the initial geometry cannot be meshed.
        RootError: if the folder cannot be written, holds what is not a run, or nothing to go on from.
        CallbackError: if a callback cannot go on from its state in a checkpoint.
        ValueError: if two callbacks have the same name.
    """
    with interrupts.deferred():
        return _run_into(folder, loaded, comm, force, (resume, extend), progress, callbacks, extra_terms)


def _run_into(
    folder: RunFolder,
    loaded: LoadedCase,
    comm: MPI.Comm,
    force: bool,
    again: tuple[bool, bool],
    progress: Callable[[Clock, Observation], None] | None,
    callbacks: Iterable[Callback | Callable[[Simulation], object]],
    extra_terms: ExtraTerms | None,
) -> RunOutcome:
    """:func:`run_case`, in which a signal ends the run where all is whole. Collective."""
    # before the folder is touched: what is wrong with the case, or the callbacks
    setup = set_up(loaded, extra_terms)
    own: list[Callback] = [Records(Recorder(setup, folder, comm)), Warnings()]
    own += [Progress(progress)] if progress is not None else []
    checkpoints = restart.Checkpoints(
        folder.path, setup.output.checkpoint_steps, setup.output.checkpoints_kept
    )
    everything = Callbacks(comm, own, callbacks, checkpoints)
    resume, extend = again
    saved = _opened(folder, setup, comm, force=force, resume=resume, extend=extend)
    simulation = _begun(setup, folder, comm, everything, saved)
    try:
        outcome = run(simulation)
        _close(folder, comm, outcome, simulation.clock)
    except KeyboardInterrupt:
        message = f"ended by a signal at step {simulation.clock.step}; {AGAIN}"
        return _ended_early(simulation, folder, "interrupted", message)
    except (RootError, CallbackError) as error:
        message = f"stopped at step {simulation.clock.step}: {error}; then {AGAIN}"
        status: Status = "interrupted" if interrupts.asked(comm) else "failed"
        return _ended_early(simulation, folder, status, message)
    return outcome


def _opened(
    folder: RunFolder, setup: Setup, comm: MPI.Comm, *, force: bool, resume: bool, extend: bool
) -> Saved | None:
    """Claim the run folder: to replace it, or to go on from a checkpoint. Collective; raises RootError."""
    if not resume:
        on_root(comm, lambda: folder.claim(force=force))
        return None
    found = on_root(comm, lambda: folder.reopen(setup.loaded, extend=extend))
    return Saved(*comm.bcast(found, root=0))


def _begun(
    setup: Setup, folder: RunFolder, comm: MPI.Comm, callbacks: Callbacks, saved: Saved | None
) -> Simulation:
    """The state at the start of a run; only then is anything changed in the folder. Collective."""

    def take() -> None:
        described = setup.loaded, comm.size, setup.numbers()
        if saved is None:
            folder.create(*described)
        else:
            folder.go_on((saved.path, saved.header), *described)

    try:
        with interrupts.stoppable():
            simulation = start(setup, comm, callbacks, saved)
            interrupts.check(comm)
        on_root(comm, take)
    except BaseException:
        if comm.rank == 0:
            folder.abandon()
        raise
    return simulation


def _ended_early(simulation: Simulation, folder: RunFolder, status: Status, message: str) -> RunOutcome:
    """The end in the middle of a step, without a checkpoint: the newest one is what to go on from."""
    outcome = simulation.outcome(status, message)
    try:
        _close(folder, simulation.comm, outcome, simulation.clock)
    except RootError as error:
        log.error("the manifest still says that it is running: %s", error)
    return outcome


def _close(folder: RunFolder, comm: MPI.Comm, outcome: RunOutcome, clock: Clock) -> None:
    """Write the last manifest. Collective; raises RootError."""
    made = ending.counts(outcome, clock)
    on_root(comm, lambda: folder.finish(outcome.status, outcome.message, made))
