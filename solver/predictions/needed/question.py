"""What is asked: limits to a capacity, as a case whose run ends where one is broken; and its verdict.

The protocol of the case is replaced by one strip. Its cut-offs are the limits (the overpotential is the whole
one, pellet included), so that a run that breaks one is short. Limits may begin later than the strip, for
voids that pressure closes first: that part is a step of its own, without cut-offs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from postprocess.records import RecordsError, read_run
from solver.case.loading import CaseError, ChangeError, changed_case

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from solver.case.loading import LoadedCase

BROKEN = {
    "active contact loss": "active contact",
    "voltage": "overpotential",
    "delaminate": "active contact",
}
"""Which limit is broken, by what ended a step of the run."""
OUTPUTS = 4
"""Outputs of a run: a time step ends at each, and the answer needs none of them."""
NEVER = 1e6
"""Change of shape that asks for an output."""


@dataclass(frozen=True)
class Question:
    """Limits, and how far they are to be kept.

    Attributes:
        capacity: mAh/cm2, from the start of the strip.
        active_contact: least active fraction (contact weighted with its conductance, over the whole area), or
            None for no limit.
        overpotential: largest magnitude of the whole overpotential (V), None for no limit.
        after: capacity (mAh/cm2) from which on the limits count.
    """

    capacity: float
    active_contact: float | None
    overpotential: float | None
    after: float = 0.0

    @property
    def steps(self) -> int:
        """Steps of the protocol that asks it."""
        return 2 if self.after > 0.0 else 1

    def words(self) -> str:
        """In one line."""
        limits = []
        if self.active_contact is not None:
            limits.append(f"active contact at least {self.active_contact:g}")
        if self.overpotential is not None:
            limits.append(f"overpotential at most {self.overpotential * 1e3:g} mV")
        since = f" from {self.after:g}" if self.after > 0.0 else ""
        return f"{' and '.join(limits)}{since} to {self.capacity:g} mAh/cm2"


@dataclass(frozen=True)
class Setting:
    """What the answer is asked for as a function of.

    Attributes:
        current: mA/cm2.
        temperature: K.
        stiffness: of the fixture (MPa/um), None for the case's own or a dead load.
    """

    current: float
    temperature: float
    stiffness: float | None = None

    def changes(self, question: Question) -> dict[str, str]:
        """Changes of the base case (:func:`base_data`), by dotted path."""
        current = f"{self.current!r} mA/cm^2"
        found = {f"operation.step[{k}].current": current for k in range(question.steps)}
        found["operation.temperature"] = f"{self.temperature!r} K"
        if self.stiffness is not None:
            found["fixture.stiffness"] = f"{self.stiffness!r} MPa/um"
        return found

    def words(self) -> str:
        """In a few words, with the temperature in degrees."""
        text = f"{self.current:g} mA/cm2, {self.temperature - 273.15:.4g} C"
        return text if self.stiffness is None else f"{text}, {self.stiffness:g} MPa/um"


@dataclass(frozen=True)
class Verdict:
    """What a run says.

    Attributes:
        holds: whether all limits were kept to the capacity; None if the run does not say.
        why: which limit was broken, or what ended the run.
        capacity: reached, mAh/cm2.
        active_least, voltage_largest: over all states at which the limits count (a fraction, V), NaN without
            one.
    """

    holds: bool | None
    why: str
    capacity: float
    active_least: float
    voltage_largest: float


def unsuited(loaded: LoadedCase) -> list[str]:
    """Why the question cannot be asked of a case, a line each."""
    operation, problems = loaded.case.operation, []
    if operation.step:
        problems.append("operation.step: the question is of one strip; it needs a case without steps")
    if operation.mode != "galvanostatic":
        problems.append('operation.mode: the question is of a given current, mode = "galvanostatic"')
    if loaded.case.model.top == "velocity":
        problems.append('model.top = "velocity": the pressure is a result there; the question asks for it')
    return problems


def base_data(loaded: LoadedCase, question: Question, current: float) -> dict[str, Any]:
    """The case as plain data with its protocol replaced; runs go on at changes of topology.

    Args:
        loaded: the case.
        question: becomes cut-offs.
        current: mA/cm2, until a setting replaces it.
    """
    data = loaded.without_copy()
    given = {"do": "strip", "current": f"{current!r} mA/cm^2"}
    strip: dict[str, Any] = {**given, "capacity": f"{question.capacity - question.after!r} mA*hour/cm^2"}
    if question.active_contact is not None:
        strip["cutoff_active_loss"] = float(f"{1.0 - question.active_contact:.12g}")
    if question.overpotential is not None:
        strip["cutoff_voltage"] = f"{question.overpotential!r} V"
    first = [{**given, "capacity": f"{question.after!r} mA*hour/cm^2"}] if question.after > 0.0 else []
    kept = {name: data["operation"][name] for name in ("pressure", "temperature")}
    data["operation"] = {**kept, "step": [*first, strip]}
    # the creep law by its name, so that its parameters can be changed where the case leaves it to the metal
    data["material"] = {"creep": {"name": loaded.metal.creep}} | data["material"]
    data["model"] = {**data.get("model", {}), "at_event": "evolve"}
    interval = f"{question.capacity / OUTPUTS!r} mA*hour/cm^2"
    own = {name: value for name, value in data.get("output", {}).items() if name == "checkpoint_steps"}
    data["output"] = {
        **own, "fields": False, "at_events": False, "shape_change": NEVER, "interval": interval
    }  # fmt: skip
    return data


def changed(base: Mapping[str, Any], changes: Mapping[str, object], source: str) -> LoadedCase:
    """A base case with changes, by dotted path. Raises CaseError."""
    try:
        return changed_case(base, source, changes)
    except ChangeError as error:  # here a path is one of several things that a file gives
        raise CaseError(source, error.problems) from None


def verdict(status: str, message: str, run: Path, question: Question) -> Verdict:
    """What a run that has ended says.

    Args:
        status, message: how it ended.
        run: its folder.
        question: what was asked.
    """
    try:
        records = read_run(run)
    except RecordsError as error:
        return Verdict(None, f"{message} ({error})", 0.0, math.nan, math.nan)
    series, ends = records.series, list(records.stages.get("end", []))
    counts = series["stage"] == question.steps
    active = series.get("active_fraction", series["contact_fraction"])[counts]
    voltage = np.abs(series["voltage_V"][counts])
    last = str(ends[-1]) if ends else ""
    holds: bool | None = None
    why = message
    if status != "failed" and last in BROKEN:
        holds, why = False, BROKEN[last]
    elif status == "finished" and last == "capacity" and len(ends) == question.steps:
        holds, why = True, "capacity"
    return Verdict(
        holds,
        why,
        float(series["capacity_mAh_cm2"][-1]),
        float(active.min()) if len(active) else math.nan,
        float(voltage.max()) if len(voltage) else math.nan,
    )
