"""Goes through the protocol: controls the model, bounds the step by what comes next, ends stages."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.stepping import cutoffs
from solver.stepping.shown_shape import shown, worth_showing, worth_showing_before

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver.equations.coupled_model import CoupledModel, SolveReport
    from solver.setup.asked_outputs import Asked
    from solver.setup.protocol import Stage
    from solver.setup.scales import Scales
    from solver.stepping.clock import Clock
    from solver.stepping.observables import Observation

_ROUNDING = 1e-12
"""Relative distance within which a time or a capacity is reached."""
_SAME = 1e-7
"""Share of an interval, or of a stage, within which its end is reached: the current is solved to about 1e-9,
and what that leaves is no step of its own."""
REST_OUTPUTS = 4
"""Outputs during a rest after the one at its start."""


@dataclass
class Schedule:
    """The protocol of a run.

    Attributes:
        stages: all stages.
        scales: for the model's units.
        interval: passed charge (C/m2) between outputs.
        asked: what else asks for outputs, None for nothing.
    """

    stages: list[Stage]
    scales: Scales
    interval: float
    asked: Asked | None = None

    def now(self, clock: Clock) -> Stage:
        """The present stage (the last one after the end)."""
        return self.stages[min(clock.stage, len(self.stages) - 1)]

    def finished(self, clock: Clock) -> bool:
        """Whether all stages are done."""
        return clock.stage >= len(self.stages)

    def control(self, clock: Clock, model: CoupledModel, *, begins: bool = False) -> None:
        """Set current or overpotential of the present stage, and its load if that is new to the model.

        A clamp goes on from the pressure that it has: it is loaded where a stage begins that has a pressure
        of its own.
        """
        stage, time = self.now(clock), 0.0 if begins else clock.stage_time
        self._prescribe(stage, time, model)
        model.mechanics.doubt_start()
        model.predictor.forget()
        self.place(clock, model)
        if not model.clamp.evolves or (begins and stage.preloads):
            model.load(stage.pressure_at(time) / self.scales.stress)

    def follow(self, clock: Clock, model: CoupledModel, later: float = 0.0) -> None:
        """Set what the present stage gives over time to what it is ``later`` seconds from now."""
        stage, time = self.now(clock), clock.stage_time + later
        if stage.varies:
            self._prescribe(stage, time, model)
        if stage.pressures is not None:
            model.load(stage.pressures.at(time) / self.scales.stress)

    def solved_midway(
        self, clock: Clock, model: CoupledModel, observe: Callable[[], None]
    ) -> Callable[[float], SolveReport]:
        """Solves for a step (L/v0) in which current or pressure change: their mean moves the interface.

        What ``observe`` sees is the state now, with what they are now. On a straight line the mean is that of
        the middle, so that charge is exact and the step of second order in them.
        """

        def solve(step: float) -> SolveReport:
            self.follow(clock, model)
            model.solve(step)
            observe()
            self.follow(clock, model, 0.5 * step * self.scales.time)
            return model.solve(step)

        return solve

    def _prescribe(self, stage: Stage, time: float, model: CoupledModel) -> None:
        """Set current or overpotential to what they are ``time`` seconds after the start of a stage."""
        current, scales = stage.current_at(time), self.scales
        applied = None if current is None else current / scales.current
        potential = None if stage.held is None else stage.held / scales.potential
        model.chemistry.control(applied, potential, whole=stage.voltage is not None)

    def place(self, clock: Clock, model: CoupledModel) -> None:
        """Say to the clamp where the run is."""
        unit = self.scales.current * self.scales.time
        model.clamp.place(clock.time / self.scales.time, clock.capacity / unit)

    def begin(self, clock: Clock) -> None:
        """Start the counters of the present stage; its first state is recorded and written."""
        clock.stage_time = clock.stage_capacity = 0.0
        clock.recorded = clock.step - 1
        clock.next_output = 0
        clock.unhurried = 0.0

    def passed(self, clock: Clock, seconds: float, current: float) -> None:
        """Count a step with mean current density ``current`` (A/m2); ends on limits and outputs are exact.

        A current that is given over time has the mean that it has in the step.
        """
        given = self.now(clock).currents
        if given is not None:
            current = given.mean(clock.stage_time, clock.stage_time + seconds)
        charge = abs(current) * seconds
        clock.time += seconds
        clock.stage_time += seconds
        clock.capacity += charge
        clock.stage_capacity += charge
        clock.net += current * seconds
        stage = self.now(clock)
        if stage.capacity is not None and abs(clock.stage_capacity - stage.capacity) < _SAME * stage.capacity:
            clock.stage_capacity = stage.capacity

    def time_left(self, clock: Clock, current: float) -> float:
        """Seconds to the next output or the end of the stage, whichever is first."""
        stage = self.now(clock)
        limits = [math.inf]
        if stage.duration is not None:
            limits.append(stage.duration - clock.stage_time)
        following = math.floor(self._progress(clock) + _SAME) + 1
        if stage.kind == "rest" and stage.duration is not None:
            limits.append(following * stage.duration / REST_OUTPUTS - clock.stage_time)
            return min(limits)
        charges = [following * self.interval - clock.stage_capacity]
        if stage.capacity is not None:
            charges.append(stage.capacity - clock.stage_capacity)
        if stage.currents is not None:
            limits.append(stage.currents.to_corner(clock.stage_time))
            limits += [stage.currents.to_integral(clock.stage_time, charge) for charge in charges]
        elif current != 0.0:
            limits += [charge / abs(current) for charge in charges]
        return min(limits)

    def output_due(self, clock: Clock, seen: Observation) -> bool:
        """Whether fields are to be written now."""
        progress = self._progress(clock)
        if progress >= clock.next_output * (1.0 - _ROUNDING) - _SAME:
            return True
        return self.asked is not None and worth_showing(clock, seen, progress, self.asked)

    def shown_before_change(self, clock: Clock, seen: Observation) -> bool:
        """Whether the state before a change of topology is to be written, which looks like ``seen``."""
        rules = self.asked
        return rules is not None and worth_showing_before(clock, seen, self._progress(clock), rules)

    def written(self, clock: Clock, seen: Observation) -> None:
        """Count an output and set the next one."""
        clock.outputs += 1
        clock.shown = shown(clock, seen, self._progress(clock))
        clock.next_output = math.floor(self._progress(clock) + _SAME) + 1

    def rephase(self, clock: Clock) -> None:
        """Count outputs of a resumed stage in the present interval, which may be another one than before."""
        following = math.floor(self._progress(clock) + _SAME) + 1
        if not self.finished(clock) and clock.next_output > following:
            clock.next_output = following

    def _progress(self, clock: Clock) -> float:
        """Outputs that are due since the start of the stage."""
        stage = self.now(clock)
        if stage.kind == "rest":
            assert stage.duration is not None  # a rest has one
            return REST_OUTPUTS * clock.stage_time / stage.duration
        return clock.stage_capacity / self.interval

    def _still(self, stage: Stage, clock: Clock) -> bool:
        """Whether what is left of a rest would change nothing."""
        left = math.inf if stage.duration is None else stage.duration - clock.stage_time
        return clock.unhurried * self.scales.time >= left

    def over(self, clock: Clock, seen: Observation | None) -> str | None:
        """Why the stage is over, None if it is not."""
        stage = self.now(clock)
        if stage.capacity is not None and clock.stage_capacity >= stage.capacity * (1.0 - _ROUNDING):
            return "capacity"
        if stage.duration is not None and clock.stage_time >= stage.duration * (1.0 - _ROUNDING):
            return "duration"
        if stage.until_still and self._still(stage, clock):
            return "stillness"
        if seen is None:
            return None
        return cutoffs.reached(stage, seen)
