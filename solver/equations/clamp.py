"""What presses on the platen in a step: a dead load, a spring clamp, or the motion of something else.

A clamp has a state that belongs to accepted steps: its compression, whose equation is in
:mod:`solver.equations.terms.fixture`. A solve takes it from the last step's value to that at the end of the
present one, together with the flow; :meth:`SpringClamp.accept` makes it so. Whether the clamp presses or has
lifted off is decided between creep solves, as for the contact, so that Newton's method never sees the corner:
the motion of the platen is monotone in the force on it, so that one of both answers is consistent.

A clamp that has lifted off leaves the metal without any load. Where nothing else holds it, neither wetting
nor adhesion, its place between electrolyte and clamp is arbitrary; a drag far below every force
(:data:`DRAG`) lets it go with the clamp then: the gap opens at the electrolyte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from solver.algebra.newton import SolveError

if TYPE_CHECKING:
    from solver.equations.contact import ContactState
    from solver.equations.coupled_model import CoupledModel

    Flow = Callable[[ContactState], ContactState]
    """Solves the flow with its contact set, from the one given."""

DRAG = 1e-6
"""Drag of a clamp that has lifted off (P0/v0): 1e-6 of the load at the velocity of stripping."""
NO_TENSION = 1e-8
"""Tension (P0) that still counts as none: forces are known to about 1e-9."""
LEAST_PRESSURE = 0.1
"""Pressure (P0) below which its change counts in shares of this one: what little is left drives nothing."""

GOES_ALONG = 1e-9
"""Relative difference between the velocities of a given platen and of stripping that counts as none."""


class DeadLoad:
    """A pressure that is given; also what the other clamps have in common.

    Args:
        model: whose mechanics is loaded.

    Attributes:
        evolves: whether the pressure changes by itself, so that a stage of the protocol goes on from it.
    """

    evolves = False

    def __init__(self, model: CoupledModel) -> None:
        self._model, self._mechanics = model, model.mechanics
        self._given = model.parameters.load.fixture

    @property
    def pressure(self) -> float:
        """Present stack pressure (P0)."""
        return float(self._mechanics.pressure_load.value)

    @property
    def lift_off(self) -> float:
        """Distance (um) by which the clamp has lifted off."""
        return 0.0

    def load(self, pressure: float) -> None:
        """Set the stack pressure (P0), from the next solve on."""
        self._mechanics.pressure_load.value = pressure
        self._refer_to(pressure)

    def place(self, time: float, charge: float) -> None:
        """Say where the run is: time (L/v0) and charge passed (i0 L/v0)."""

    def begin(self, time_step: float) -> None:
        """A coupled solve begins, over this step (L/v0)."""

    def solve(self, flow: Flow, state: ContactState) -> ContactState:
        """Solve the flow under this load; the current of the present pass is known. Collective."""
        return flow(state)

    def change(self) -> float:
        """Relative change of the stack pressure in the solved step."""
        return 0.0

    def accept(self) -> None:
        """The solved step has been made."""

    def raised(self, distance: float) -> None:
        """The platen is put higher by ``distance`` (um): by a change of topology, which conserves metal."""

    def state(self) -> dict[str, float]:
        """Plain data: what :meth:`restore` takes."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a state, or take over that of another mesh or of a checkpoint."""

    def _refer_to(self, pressure: float) -> None:
        """The pressure at which sinks of vacancies are in equilibrium is the stack's."""
        self._model.chemistry.metal.reference_pressure.value = pressure

    def _stripping(self) -> float:
        """v: thickness of lithium stripped per time (v0), from the mean current. Collective."""
        chemistry = self._model.chemistry
        if chemistry.prescribed is not None:
            return chemistry.prescribed
        return chemistry.contact_current() / chemistry.whole_area


class SpringClamp(DeadLoad):
    """P = k max(c, 0) with dc/dt = -(w - chi v)."""

    evolves = True

    def __init__(self, model: CoupledModel) -> None:
        super().__init__(model)
        self._compression = self._after = self._time_step = 0.0
        self._presses = True

    @property
    def pressure(self) -> float:
        """Stack pressure (P0) after the last accepted step."""
        return self._pressure_at(self._compression)

    @property
    def lift_off(self) -> float:
        """Distance (um) by which the clamp has lifted off after the last accepted step."""
        return max(-self._compression, 0.0)

    def load(self, pressure: float) -> None:
        """Compress the clamp to this pressure (P0)."""
        self._compression = pressure / self._given.stiffness
        self.begin(0.0)

    def begin(self, time_step: float) -> None:
        """A coupled solve begins: the clamp presses if it has so far."""
        self._time_step, self._after = time_step, self._compression
        self._presses = self._holds(self._compression)
        self._refer_to(self.pressure)

    def solve(self, flow: Flow, state: ContactState) -> ContactState:
        """Solve the flow with the clamp pressing or lifted off, whichever is consistent."""
        follow, iterations = self._given.expansion * self._stripping(), 0
        for _ in range(2):
            self._press(follow)
            state = flow(state)
            iterations += state.iterations
            opening = self._mechanics.platen_velocity() - follow
            self._after = self._compression - self._time_step * opening
            if self._holds(self._after) is self._presses:
                break
            self._presses = not self._presses
        self._refer_to(self._pressure_at(self._after))
        return replace(state, iterations=iterations)

    def change(self) -> float:
        """Relative change of P in the solved step."""
        before, after = self.pressure, self._pressure_at(self._after)
        return abs(after - before) / max(before, after, LEAST_PRESSURE)

    def accept(self) -> None:
        """Take the compression at the end of the solved step."""
        self._compression = self._after

    def raised(self, distance: float) -> None:
        """The platen compresses the clamp by as much."""
        self._compression += distance
        self.begin(0.0)

    def state(self) -> dict[str, float]:
        """The compression (um)."""
        return {"compression": self._compression}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take a compression."""
        self._compression = float(state["compression"])
        self.begin(0.0)

    def _pressure_at(self, compression: float) -> float:
        return self._given.stiffness * max(compression, 0.0)

    def _holds(self, compression: float) -> bool:
        """Whether a clamp that presses may end with this compression."""
        return self._given.stiffness * compression >= -NO_TENSION

    def _press(self, follow: float) -> None:
        """Set the numbers of the load: those of the step, or of a clamp that has lifted off."""
        mechanics, k, dt = self._mechanics, self._given.stiffness, self._time_step
        held, drag = (k * self._compression, k * dt) if self._presses else (0.0, DRAG)
        mechanics.pressure_load.value, mechanics.pressure_yield.value = held + drag * follow, drag


class GivenMotion(DeadLoad):
    """A platen whose velocity is given; its force is not balanced, and P is the mean reaction."""

    evolves = True

    def __init__(self, model: CoupledModel) -> None:
        super().__init__(model)
        self._pressure = self._time_step = 0.0
        self._place = (0.0, 0.0)

    @property
    def pressure(self) -> float:
        """Mean pressure (P0) in the last solve; before the first that of the load."""
        return self._pressure

    def load(self, pressure: float) -> None:
        """Say what the pressure is where nothing has been solved."""
        self._pressure = pressure
        self._refer_to(pressure)

    def place(self, time: float, charge: float) -> None:
        """Where the run is, for a motion that is a curve."""
        self._place = (time, charge)

    def begin(self, time_step: float) -> None:
        """A coupled solve begins."""
        self._time_step = time_step
        self._refer_to(self._pressure)

    def solve(self, flow: Flow, state: ContactState) -> ContactState:
        """Solve the flow with the platen's velocity, and take the reaction."""
        self._mechanics.platen_given = self._velocity()
        self._check_room(self._mechanics.platen_given)
        state = flow(state)
        self._pressure = self._mechanics.platen_pressure()
        self._refer_to(self._pressure)
        return state

    def state(self) -> dict[str, float]:
        """The pressure of the last solve, which sinks refer to in the next one."""
        return {"pressure": self._pressure}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take a pressure."""
        self._pressure = float(state["pressure"])

    def _check_room(self, velocity: float) -> None:
        """Metal without voids is as incompressible as the platen is stiff. Collective.

        Raises:
            SolveError: if it can only go with the current, and the platen does not.
        """
        stripping, model = self._stripping(), self._model
        if abs(velocity - stripping) <= GOES_ALONG * max(abs(velocity), abs(stripping)):
            return
        record = model.chemistry.kinetics.record
        if model.void_measure() > 0.0 or (record is not None and record.has_gaps):
            return
        raise SolveError(
            f"the platen's velocity is given ({velocity:.6g}; the current takes {stripping:.6g}, in units of "
            "the reference current): without voids the metal has no room for the difference"
        )

    def _velocity(self) -> float:
        motion, dt = self._given.motion, self._time_step
        assert motion is not None
        if motion.follows:
            return self._given.expansion * self._stripping()
        if not motion.places:
            return motion.velocity
        if motion.by_time:
            return motion.mean_velocity(self._place[0], dt, dt)
        return motion.mean_velocity(self._place[1], abs(self._stripping()) * dt, dt)


def clamp_of(model: CoupledModel) -> DeadLoad:
    """What the parameters of a model ask for."""
    given = model.parameters.load
    if given.top == "velocity":
        return GivenMotion(model)
    return SpringClamp(model) if given.fixture.stiffness > 0.0 else DeadLoad(model)
